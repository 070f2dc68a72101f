"""Redis wiped or gone, PostgreSQL out of reach: what was acknowledged goes on, once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from nlp import Understander
from tests.faults.houses import (
    Street,
    nothing_lost_nothing_doubled,
    sends_are_explained,
    street,
)
from tests.faults.own_postgres import own_postgres
from tests.faults.own_redis import OwnRedis
from tests.faults.proxy import Wire, wire
from tests.faults.test_processes import report

SEED = 20261127

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[OwnRedis]:
    made = OwnRedis(tmp_path)
    await made.start()
    yield made
    await made.kill()
    made.client.close()


@pytest.fixture
def database(new_postgres: Callable[[], str]) -> str:
    return new_postgres()


@pytest.fixture
async def cable(database: str) -> AsyncIterator[Wire]:
    there = make_url(database)
    async with wire(there.host or "127.0.0.1", there.port or 5432) as made:
        yield made


@pytest.fixture
async def here(
    understander: Understander, tmp_path: Path, database: str, cable: Wire, own_redis: OwnRedis
) -> AsyncIterator[Street]:
    del understander  # trained by now
    through = make_url(database).set(host="127.0.0.1", port=cable.port)
    url = through.render_as_string(hide_password=False)
    async with street(tmp_path / "street", database, own_redis.url) as made:
        made.served = url
        await made.open("web")
        await made.open("worker")
        await made.open("worker")
        yield made


async def talk(here: Street, who: range) -> None:
    chance = random.Random(SEED)
    for n in who:
        await here.say(n, report(n, chance))


async def ends_well(here: Street, orders: int) -> None:
    await here.settle()
    story, told = await here.record()
    nothing_lost_nothing_doubled(here, story, told)
    became = {m.inbound.text: m.outcome for m in story.messages if m.outcome != "opened"}
    assert len(story.orders) == orders, became
    sends_are_explained(here, story)


async def test_a_redis_that_is_wiped_and_goes_away_is_not_missed(
    here: Street, own_redis: OwnRedis
) -> None:
    async def trouble() -> None:
        for _ in range(2):
            await here.taken(5)
            own_redis.client.flushall()
        await own_redis.kill()
        await talk(here, range(540, 550))
        await own_redis.start()

    await asyncio.gather(talk(here, range(500, 530)), trouble())
    await talk(here, range(560, 570))
    assert set(here.answers) == {200}, "nobody was sent away for want of Redis"
    await ends_well(here, 50)


async def test_a_database_out_of_reach_sends_people_away_and_loses_nothing(
    here: Street, cable: Wire, database: str
) -> None:
    async def trouble() -> None:
        await here.taken(5)
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await here.taken(5)
        await cable.cut()
        late = asyncio.create_task(talk(here, range(640, 641)))
        await here.sent_away()
        await cable.lay()
        await late

    await asyncio.gather(talk(here, range(600, 640)), trouble())
    assert set(here.answers) <= {200, 503}
    await ends_well(here, 41)


async def test_both_gone_at_once_and_a_worker_killed_meanwhile(
    here: Street, cable: Wire, own_redis: OwnRedis
) -> None:
    async def trouble() -> None:
        await here.taken(5)
        await asyncio.gather(cable.cut(), own_redis.kill())
        await here.living("worker")[0].kill()
        await here.sent_away(3)
        await asyncio.gather(cable.lay(), own_redis.start())

    await asyncio.gather(talk(here, range(700, 730)), trouble())
    await ends_well(here, 30)


async def test_a_database_that_crashes_and_recovers_has_kept_what_was_acknowledged(
    understander: Understander, tmp_path: Path, own_redis: OwnRedis
) -> None:
    """Power fails at PostgreSQL, twice; the second time Redis is wiped and a worker killed too."""
    del understander  # trained by now
    async with (
        own_postgres() as server,
        street(tmp_path / "street", server.url, own_redis.url) as here,
    ):
        for role in ("web", "worker", "worker"):
            await here.open(role)
        for first in (800, 820):
            talking = asyncio.create_task(talk(here, range(first, first + 20)))
            await here.taken(8)
            await server.crash()
            await here.sent_away(2)
            if first > 800:
                own_redis.client.flushall()
                await here.living("worker")[0].kill()
            await server.start()
            await talking
        assert set(here.answers) <= {200, 503}
        await ends_well(here, 40)
