"""Live pages: commits wake the open streams, and all streams end when the server does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from paidan.console.viewer import VIEWER

T = TypeVar("T")

TICK = 10.0
"""Seconds after which a quiet stream says that it is alive; pages call themselves stale after
three missed ones."""
STRANGERS = 1000
"""Streams that people who have not signed in may hold open together: each hears every commit."""
_GATHER = 0.05
"""Seconds to wait for more topics before waking, so that a burst of commits repaints once."""


class Ear:
    """One listener: collects topics until it is asked for them."""

    def __init__(self) -> None:
        self._topics: set[str] = set()
        self._woken = asyncio.Event()
        self.closed = False

    def hear(self, topics: frozenset[str]) -> None:
        """Remember topics and wake."""
        self._topics |= topics
        self._woken.set()

    def close(self) -> None:
        """End the listening."""
        self.closed = True
        self._woken.set()

    async def listen(self, timeout: float = TICK) -> frozenset[str]:  # noqa: ASYNC109 - a poll's pace, not a failure
        """The topics touched since the last call; empty after ``timeout`` quiet seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return frozenset()
        if not self.closed:
            await asyncio.sleep(_GATHER)
        topics = frozenset(self._topics)
        self._topics.clear()
        if not self.closed:
            self._woken.clear()
        return topics


class Hub:
    """All open streams of one application."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._ears: set[Ear] = set()
        self._strangers = 0
        self.closed = False

    def announce(self, tenant: str, topics: frozenset[str]) -> None:
        """What the store calls after each commit."""
        if tenant == self._tenant:
            for ear in tuple(self._ears):
                ear.hear(topics)

    @contextmanager
    def listening(self, *, stranger: bool = False) -> Iterator[Ear]:
        """An ear for as long as the block runs.

        Raises:
            web.HTTPServiceUnavailable: too many strangers listen already.
        """
        if stranger and self._strangers >= STRANGERS:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "10"})
        ear = Ear()
        if self.closed:
            ear.close()
        self._ears.add(ear)
        self._strangers += stranger
        try:
            yield ear
        finally:
            self._ears.discard(ear)
            self._strangers -= stranger

    async def until(
        self,
        probe: Callable[[], Awaitable[T | None]],
        within: float,
    ) -> T | None:
        """The first answer of ``probe``, asked now and after each commit; None when time is up."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + within
        with self.listening() as ear:
            while True:
                answer = await probe()
                left = ends - loop.time()
                if answer is not None or left <= 0 or ear.closed:
                    return answer
                await ear.listen(left)

    def close(self) -> None:
        """End every stream: an open one would hold the server's shutdown."""
        self.closed = True
        for ear in tuple(self._ears):
            ear.close()


HUB = web.AppKey("hub", Hub)

Painter = Callable[[frozenset[str]], AsyncIterator[tuple[str, str]]]


async def stream(request: web.Request, paint: Painter) -> web.StreamResponse:
    """Send what ``paint(topics)`` yields as (event, data), once at the start with no topics,
    then after every commit and every tick (again no topics).

    Raises:
        web.HTTPServiceUnavailable: too many strangers listen already.
    """
    with request.app[HUB].listening(stranger=request[VIEWER].staff is None) as ear:
        try:
            return await _feed(request, ear, paint)
        except ConnectionResetError:  # the browser left before the stream began
            return web.Response()


async def _feed(request: web.Request, ear: Ear, paint: Painter) -> EventSourceResponse:
    async with sse_response(request) as response:
        topics: frozenset[str] = frozenset()
        while not ear.closed:
            try:
                async for event, data in paint(topics):
                    await response.send(data, event=event)
            except (ConnectionResetError, TimeoutError):
                break
            topics = await ear.listen()
    return response
