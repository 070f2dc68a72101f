"""Processes that ring each other: over a real Redis, which may be away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from redis.asyncio import Redis

from paidan.bell import LEAST_APART, Bell
from tests.waiting import wait_until

TOPICS = frozenset({"outbox", "orders"})


class Process:
    """One end of the line, and what came over it."""

    def __init__(self, redis: Redis, tenant: str) -> None:
        self.heard: set[str] = set()
        self.bell = Bell(redis, tenant, self._echo)
        self.running = asyncio.create_task(self.bell.run())

    def _echo(self, tenant: str, topics: frozenset[str]) -> None:
        self.heard |= topics
        self.bell.hear(tenant, topics)  # as the store does, whose listener the bell is

    async def open(self) -> bool:
        """Everything counts as new once the line is open."""
        return "inbox" in self.heard

    async def close(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


@pytest.fixture
async def pair(redis_url: str) -> AsyncIterator[tuple[Process, Process, Redis]]:
    async with Redis.from_url(redis_url) as redis:
        tenant = f"t{uuid.uuid4().hex[:8]}"
        one, other = Process(redis, tenant), Process(redis, tenant)
        for process in (one, other):
            await wait_until(process.open)
            process.heard.clear()
        yield one, other, redis
        for process in (one, other):
            await process.close()


async def test_a_commit_is_heard_by_the_others_and_goes_no_further(
    pair: tuple[Process, Process, Redis],
) -> None:
    one, other, redis = pair
    tenant = one.bell._tenant
    async with redis.pubsub(ignore_subscribe_messages=True) as line:
        await line.subscribe(f"paidan:{tenant}:bell")
        one.bell.hear(tenant, TOPICS)
        one.bell.hear("somebody else", frozenset({"people"}))

        async def told() -> bool:
            return other.heard == TOPICS

        await wait_until(told)
        assert one.heard == set()
        one.bell.hear(tenant, frozenset({"cases"}))

        async def told_again() -> bool:
            return "cases" in other.heard

        await wait_until(told_again)
        said = [await line.get_message(timeout=1) for _ in range(6)]
    assert len([message for message in said if message]) == 2, "an echo was rung again"


async def test_a_flood_of_commits_is_heard_ten_times_a_second_and_none_is_missed(
    pair: tuple[Process, Process, Redis],
) -> None:
    _, other, redis = pair
    echoes: list[tuple[float, frozenset[str]]] = []
    loop = asyncio.get_running_loop()
    other.bell._echo = lambda _tenant, topics: echoes.append((loop.time(), topics))
    for n in range(200):
        await redis.publish(f"paidan:{other.bell._tenant}:bell", f'["x", ["topic{n}"]]')

    async def all_heard() -> bool:
        return len(frozenset().union(*(topics for _, topics in echoes))) == 200

    await wait_until(all_heard)
    apart = [later[0] - sooner[0] for sooner, later in pairwise(echoes)]
    assert all(gap >= LEAST_APART * 0.9 for gap in apart)


async def test_nonsense_on_the_line_is_no_news(pair: tuple[Process, Process, Redis]) -> None:
    one, other, redis = pair
    for nonsense in ("", "{", "[]", "[1]", '["x", 5]', "null"):
        await redis.publish(f"paidan:{one.bell._tenant}:bell", nonsense)
    one.bell.hear(one.bell._tenant, TOPICS)

    async def told() -> bool:
        return other.heard == TOPICS

    await wait_until(told)


async def test_without_redis_it_keeps_trying(unused_tcp_port: int) -> None:
    async with Redis(port=unused_tcp_port, socket_connect_timeout=1) as redis:
        alone = Process(redis, "t")
        alone.bell.hear("t", TOPICS)
        done, _ = await asyncio.wait([alone.running], timeout=0.3)
        assert not done
        await alone.close()
