"""Several real processes on one PostgreSQL: they share the work, and any of them may be killed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest

from nlp import Understander
from storage import SqlStore, open_store
from storage.migrating import HEAD
from tests.faults.houses import (
    TENANT,
    Street,
    hasty_company,
    nothing_lost_nothing_doubled,
    sends_are_explained,
    street,
)
from tests.waiting import wait_until
from workflow.automation import LATE
from workflow.events import Event, Kind

SEED = 20261126
FAULTS = ("空调不制冷", "水管漏水", "灯不亮了", "电梯有异响", "门锁打不开", "马桶堵了")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def here(
    understander: Understander, tmp_path: Path, new_postgres: Callable[[], str], redis_url: str
) -> AsyncIterator[Street]:
    del understander  # trained by now
    async with street(tmp_path / "street", new_postgres(), redis_url) as made:
        yield made


def report(who: int, chance: random.Random) -> str:
    return f"{chance.randint(1, 40)}栋{chance.randint(1, 6)}单元{who}室{chance.choice(FAULTS)}"


async def test_pages_and_workers_apart_do_what_one_process_does(here: Street) -> None:
    """What the page's process takes in, the workers do; the page hears of it."""
    web = await here.open("web")
    first, second = await here.open("worker"), await here.open("worker")
    chance = random.Random(SEED)
    await asyncio.gather(*(here.say(n, report(n, chance)) for n in range(100, 120)))
    await here.settle()
    story, told = await here.record()
    nothing_lost_nothing_doubled(here, story, told)
    assert len(story.orders) == 20
    assert not [words for words, n in here.heard().items() if n > 1]
    assert len({chat for chat, _ in here.heard()}) == 20
    assert [await house.stop() for house in (web, first, second)] == [0, 0, 0]


async def test_killed_workers_leave_nothing_behind(here: Street) -> None:
    """``kill -9`` again and again: what a dead worker had in hand goes on with the others."""
    chance = random.Random(SEED)
    web = await here.open("web")
    for _ in range(2):
        await here.open("worker")

    async def people(who: range) -> None:
        for n in who:
            await here.say(n, report(n, chance))

    for first in (200, 220, 240):
        talking = asyncio.create_task(people(range(first, first + 20)))
        await here.taken(chance.randint(3, 12))
        await chance.choice(here.living("worker")).kill()
        await here.open("worker")
        await talking
    await here.settle()
    story, told = await here.record()
    nothing_lost_nothing_doubled(here, story, told)
    assert len(story.orders) == 60
    sends_are_explained(here, story)
    assert web.alive


async def test_a_killed_page_is_only_a_closed_door(here: Street) -> None:
    """What it had not acknowledged the platform sends again, to the next door."""
    chance = random.Random(SEED)
    await here.open("all")
    doomed = await here.open("all")

    async def axe() -> None:
        await here.taken(5)
        await doomed.kill()

    await asyncio.gather(axe(), *(here.say(n, report(n, chance)) for n in range(300, 340)))
    await here.settle()
    story, told = await here.record()
    nothing_lost_nothing_doubled(here, story, told)
    assert len(story.orders) == 40
    sends_are_explained(here, story)


async def test_while_the_next_version_has_changed_the_tables_the_old_one_goes_on(
    here: Street,
) -> None:
    """A rolling upgrade: what runs goes on until its turn; what is old does not begin anew."""
    chance = random.Random(SEED)
    house = await here.open("all")
    await asyncio.gather(*(here.say(n, report(n, chance)) for n in range(440, 445)))
    with psycopg.connect(here.database, autocommit=True) as admin:
        admin.execute("ALTER TABLE work_orders ADD COLUMN later TEXT NOT NULL DEFAULT ''")
        admin.execute("ALTER TABLE outbox ADD COLUMN later BIGINT NOT NULL DEFAULT 0")
        admin.execute("UPDATE alembic_version SET version_num = '9999'")
    await asyncio.gather(*(here.say(n, report(n, chance)) for n in range(445, 450)))
    await wait_until(lambda: here.heard_by(10))
    assert house.alive
    assert set(here.answers) == {200}

    late = await here.begin("worker")
    assert await late.process.wait() != 0
    assert "9999" in here.logs()
    with psycopg.connect(here.database, autocommit=True) as admin:
        admin.execute(f"UPDATE alembic_version SET version_num = '{HEAD}'")
    await here.settle()
    story, told = await here.record()
    nothing_lost_nothing_doubled(here, story, told)
    assert len(story.orders) == 10


async def test_a_suspended_worker_wakes_to_find_its_work_done(here: Street) -> None:
    """Nothing fires twice when it goes on as if nothing had happened."""
    chance = random.Random(SEED)
    await here.open("web")
    sleeper = await here.open("worker")
    await here.open("worker")
    talking = [asyncio.create_task(here.say(n, report(n, chance))) for n in range(400, 420)]
    sleeper.suspend()
    await asyncio.gather(*talking)
    await here.settle()
    sleeper.resume()
    await here.say(420, report(420, chance))
    await here.settle()
    await wait_until(lambda: here.ready(sleeper))
    story, told = await here.record()
    nothing_lost_nothing_doubled(here, story, told)
    assert len(story.orders) == 21
    sends_are_explained(here, story)


async def test_sqlite_is_served_by_one_process(understander: Understander, tmp_path: Path) -> None:
    del understander
    url = f"sqlite:///{tmp_path / 'paidan.db'}"
    async with street(tmp_path / "street", url) as here:
        first = await here.open("all")
        with pytest.raises(AssertionError, match="already served"):
            await here.open("all")
        await first.kill()
        await here.open("all")


async def test_the_only_process_suspended_over_a_due_step_takes_it_once_and_says_how_late(
    understander: Understander, tmp_path: Path
) -> None:
    """As a laptop that was closed: what fell due meanwhile is caught up with, once."""
    del understander
    url = f"sqlite:///{tmp_path / 'paidan.db'}"
    async with street(tmp_path / "street", url, loaded=hasty_company(60)) as here:
        sleeper = await here.open("all")
        # Opened before anybody is suspended, perhaps in the middle of writing: opening writes too.
        async with open_store(url, here.folder / "blobs") as store:
            await here.say(430, "3栋2单元430室空调不制冷")
            await here.settle()
            sleeper.suspend()
            before = len(await steps_taken(store))
            await wait_until(lambda: overdue(store), here.logs)
            assert len(await steps_taken(store)) == before
            sleeper.resume()

            async def caught_up() -> bool:
                return len(await steps_taken(store)) > before

            await wait_until(caught_up, here.logs)
        await here.settle()
        assert await sleeper.stop() == 0
        story, told = await here.record()
        nothing_lost_nothing_doubled(here, story, told)
        taken = [event for event in story.events if event.kind == Kind.STEP_TAKEN]
        assert taken[before].data["late_s"] > 0
        once = {(e.data["rung"], e.data.get("round", 0), e.data["due"]) for e in taken}
        assert len(once) == len(taken)
        sends_are_explained(here, story)


async def steps_taken(store: SqlStore) -> list[Event]:
    story = await store.queries.story(TENANT)
    return [event for event in story.events if event.kind == Kind.STEP_TAKEN]


async def overdue(store: SqlStore) -> bool:
    """Whether a step is later than what counts as on time."""
    now = store.now(TENANT)
    return any(timer.due + LATE < now for timer in await store.due_timers(TENANT, now, 9))
