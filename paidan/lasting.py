"""What a process loads once and keeps until it ends.

The words and models of a reader are some hundred thousand objects. Python's collector would go
through all of them whenever it looks for garbage among what is old: a fifth of a second in which
nobody is answered and no step is taken. They are set aside from it instead; see ``gc.freeze`` at
https://docs.python.org/3/library/gc.html.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def for_good(load: Callable[[], T]) -> T:
    """Load something that lasts as long as the process, unseen by the collector from now on; so is
    everything else there is at that moment.
    """
    gc.disable()
    try:
        return load()
    finally:
        gc.freeze()
        gc.enable()
