"""Reading with whatever model the journal says, changed between two messages and without a stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

import structlog

from paidan.learning.registry import SHIPPED, Registry
from workflow.joining import Judge
from workflow.records import Understanding
from workflow.vocabulary import Term

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 5.0
"""Seconds after which the journal is read again even if this process was told of nothing: another
may have written in it.
"""


class Understands(Protocol):
    """What the front desk needs of ``nlp``."""

    @property
    def same_incident(self) -> Judge | None: ...

    def understand(
        self,
        text: str,
        *,
        asking: str | None = None,
        at: datetime | None = None,
        asset_fault: str | None = None,
        spoken: bool = False,
        told: tuple[str, ...] = (),
        own: Sequence[Term] = (),
    ) -> Understanding: ...


class LiveReader:
    """A reader that can be exchanged for another between two messages."""

    def __init__(self, reader: Understands) -> None:
        self.reader = reader

    def understand(
        self,
        text: str,
        *,
        asking: str | None = None,
        at: datetime | None = None,
        asset_fault: str | None = None,
        spoken: bool = False,
        told: tuple[str, ...] = (),
        own: Sequence[Term] = (),
    ) -> Understanding:
        """What one message means to the reader of the moment."""
        return self.reader.understand(
            text,
            asking=asking,
            at=at,
            asset_fault=asset_fault,
            spoken=spoken,
            told=told,
            own=own,
        )


class Follower:
    """Keeps a live reader at what the journal says."""

    def __init__(self, registry: Registry, live: LiveReader) -> None:
        self.registry = registry
        self._live = live
        self.serving = SHIPPED
        self._awake = asyncio.Event()

    def wake(self, tenant: str, topics: frozenset[str]) -> None:
        """Look at once when this process itself changed the journal."""
        if tenant == self.registry.tenant and "models" in topics:
            self._awake.set()

    async def follow(self) -> bool:
        """Exchange the reader if another should read; whether it was."""
        wanted = await self.registry.current()
        if wanted == self.serving:
            return False
        self._live.reader = await self.registry.reader(wanted)
        log.info("another model reads", model=wanted or "shipped", before=self.serving or "shipped")
        self.serving = wanted
        return True

    async def run(self) -> None:
        """Follow until cancelled; whatever fails, the reader of the moment goes on reading."""
        while True:
            self._awake.clear()
            try:
                await self.follow()
            except Exception:  # the loop is the last line of defence
                log.exception("the model could not be exchanged; trying again")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._awake.wait()
