"""Calls of a platform that are still open, so that what we have to say can be their answer.

Some platforms take an answer with the call itself, for seconds, and it costs nothing or is the
only way. Whoever speaks meanwhile hands the words over, and knows whether they went along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Opening(Generic[T]):
    """One open call."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.given: asyncio.Future[T] = loop.create_future()
        self._went: asyncio.Future[bool] = loop.create_future()

    async def wait(self, seconds: float) -> T | None:
        """What is handed over in time; None when nothing is. After that it is too late."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self.given)
        except TimeoutError:
            self.close(went=False)
            return None

    def close(self, *, went: bool) -> None:
        """Tell the speaker whether it went along; the first word counts."""
        if not self._went.done():
            self._went.set_result(went)
        if not self.given.done():
            self.given.cancel()

    async def hand(self, value: T) -> bool:
        """Give the answer; whether it went along."""
        if self.given.done() or self._went.done():
            return False
        self.given.set_result(value)
        return await asyncio.shield(self._went)


class Openings(Generic[T]):
    """The open calls of one channel, at most one a key; a second one waits for nothing, nor does
    any where nobody of this process would answer.
    """

    def __init__(self, *, answered: bool = True) -> None:
        self._answered = answered
        self._open: dict[str, Opening[T]] = {}

    @asynccontextmanager
    async def opening(self, key: str) -> AsyncIterator[Opening[T] | None]:
        """Hold a call open; leaving without :meth:`Opening.close` says it did not go along."""
        if key in self._open or not self._answered:
            yield None
            return
        mine: Opening[T] = Opening()
        self._open[key] = mine
        try:
            yield mine
        finally:
            del self._open[key]
            mine.close(went=False)

    async def hand(self, key: str, value: T) -> bool:
        """Give an answer to whoever is open under this key; whether it went along."""
        found = self._open.get(key)
        return found is not None and await found.hand(value)
