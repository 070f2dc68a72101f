"""A bench's own process, set up as ``paidan serve`` sets up its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from nlp import Understander
from paidan.lasting import for_good

T = TypeVar("T")

MODEL = Path("var/test-model")


def warm_reader() -> Understander:
    """The reader of the tests' model, loaded and warm."""
    loaded = for_good(lambda: Understander.load(MODEL))
    for_good(loaded.warm)
    return loaded


def run(work: Coroutine[Any, Any, T]) -> T:
    """On the loop that a served process has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
