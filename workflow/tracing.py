"""What a thing done goes back to: the one mark that a message, its work order, its notices and
their receipts have in common in logs and traces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CAUSE: ContextVar[str] = ContextVar("cause", default="")
"""The mark of what is being done now; empty where nobody asked for it."""


def cause_of(tenant: str, key: str) -> str:
    """The mark (32 hexadecimal digits) of a message by its dedupe key, or of a step by its name."""
    return hashlib.blake2b(
        f"{tenant}\x1f{key}".encode("utf-8", "replace"), digest_size=16
    ).hexdigest()


@contextmanager
def caused_by(cause: str) -> Iterator[None]:
    """Whatever is done in this block goes back to ``cause``."""
    token = CAUSE.set(cause)
    try:
        yield
    finally:
        CAUSE.reset(token)
