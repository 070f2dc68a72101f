"""Telling the other processes what was committed, through Redis.

It only rings: what is to be done stands in SQL. A ring that is lost costs the others a nap
(``paidan.house.SHARED_NAP``), and open pages a tick.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

GATHER: Final = 0.02
"""Seconds that topics are gathered before they are told: a burst of commits rings once."""
LEAST_APART: Final = 0.1
"""Seconds between two echoes: many busy processes would else wake each other all the time, for
work that each finds taken.
"""
_PAUSE: Final = 1.0
_EVERYTHING: Final = frozenset(
    {"inbox", "outbox", "timers", "orders", "cases", "people", "readings", "models", "articles"}
)

Echo = Callable[[str, frozenset[str]], None]


class Bell:
    """One process's end of the line.

    Args:
        redis: The client; nothing is kept there.
        tenant: Whose commits are told.
        echo: Hears what others committed.
    """

    def __init__(self, redis: Redis, tenant: str, echo: Echo) -> None:
        self._redis = redis
        self._tenant = tenant
        self._echo = echo
        self._me = secrets.token_hex(8)
        self._line = f"paidan:{tenant}:bell"
        self._topics: set[str] = set()
        self._rung = asyncio.Event()
        self._echoing = False
        self._heard_topics: set[str] = set()
        self._echoes_at = 0.0
        self._later: asyncio.TimerHandle | None = None

    def hear(self, tenant: str, topics: frozenset[str]) -> None:
        """What the store calls after each commit; what was an echo goes no further."""
        if tenant == self._tenant and not self._echoing:
            self._topics |= topics
            self._rung.set()

    async def run(self) -> None:
        """Tell and listen until cancelled; Redis may come and go."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell(), name="bell:tell")
            group.create_task(self._listen(), name="bell:listen")

    async def _tell(self) -> None:
        while True:
            await self._rung.wait()
            await asyncio.sleep(GATHER)
            topics = sorted(self._topics)
            self._topics.clear()
            self._rung.clear()
            try:
                await self._redis.publish(self._line, json.dumps([self._me, topics]))
            except Exception as error:  # noqa: BLE001 - whatever Redis has, the others find out by themselves
                log.warning("the bell cannot be rung", why=str(error))

    async def _listen(self) -> None:
        while True:
            try:
                async for said in self._heard():
                    self._answer(said)
            except Exception as error:  # noqa: BLE001 - see above
                log.warning("the bell cannot be heard", why=str(error))
            await asyncio.sleep(_PAUSE)

    async def _heard(self) -> AsyncIterator[Any]:
        """What is said on the line; whatever was missed before it was open counts as everything."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as line:
            await line.subscribe(self._line)
            self._pass_on(_EVERYTHING)
            async for message in line.listen():
                yield message["data"]

    def _answer(self, said: Any) -> None:
        try:
            who, topics = json.loads(said)
            heard = frozenset(str(topic) for topic in topics)
        except (ValueError, TypeError):
            return
        if who != self._me:
            self._gather(heard)

    def _gather(self, topics: frozenset[str]) -> None:
        """The first is passed on at once, those that follow close behind it together."""
        self._heard_topics |= topics
        loop = asyncio.get_running_loop()
        if self._later is None:
            self._later = loop.call_at(self._echoes_at, self._pass_on_gathered)

    def _pass_on_gathered(self) -> None:
        topics, self._heard_topics = frozenset(self._heard_topics), set()
        self._later = None
        self._echoes_at = asyncio.get_running_loop().time() + LEAST_APART
        self._pass_on(topics)

    def _pass_on(self, topics: frozenset[str]) -> None:
        self._echoing = True
        try:
            self._echo(self._tenant, topics)
        finally:
            self._echoing = False
