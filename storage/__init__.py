"""The truth: SQL behind ``workflow``'s ports, attachments beside it.

``open_store(url, blobs)`` gives a :class:`SqlStore` for ``async with``; ``migrate`` and
``revision`` are for the command line. Errors are ``workflow.errors`` and :class:`Unavailable`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from storage.migrating import migrate, revision
from storage.store import SqlStore
from workflow.errors import Unavailable

__all__ = ["SqlStore", "Unavailable", "migrate", "open_store", "revision"]


def open_store(
    url: str,
    blobs: Path,
    *,
    ids: Callable[[], str] | None = None,
    clock: Callable[[str], datetime] | None = None,
) -> SqlStore:
    """A store for ``async with``, created or migrated when entered.

    Args:
        url: ``sqlite:///path``, ``sqlite:///:memory:`` (a passing file, gone when closed) or
            ``postgresql://…``.
        blobs: The folder for attachments.
        ids: Gives the next id, for runs that must be repeatable.
        clock: Gives the time of a tenant, instead of real time plus its offset.
    """
    return SqlStore(url, blobs, ids=ids, clock=clock)
