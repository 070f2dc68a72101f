"""The clock of the machine is set, summer time comes and goes, February has a 29th: every step is
taken once, and what comes late says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import assemble, seed
from paidan.demo import demo_company
from tests.scenario.conftest import SHANGHAI, TUESDAY, Town, staff_chat
from workflow.calendar import WorkCalendar
from workflow.events import Event, Kind
from workflow.work_order import WorkOrder

NO_COOLING = "我家空调不制冷，一直吹热风"
TRAPPED = "3 栋 2 单元电梯困人了，快来人"
HOUR = timedelta(hours=1)
TownAt = Callable[[datetime], AbstractAsyncContextManager[Town]]


class SetClock(FrozenClock):
    """A clock that somebody may also set back."""

    def set(self, at: datetime) -> None:
        """Show another time at once; nothing happens on the way."""
        self._at = at.astimezone(UTC)


@pytest.fixture
def town_at(understander: Understander, tmp_path: Path) -> TownAt:
    """A town whose story begins at another time, under a clock that may be set."""
    begun = iter(range(9))

    @asynccontextmanager
    async def begin(at: datetime) -> AsyncIterator[Town]:
        loaded, clock, name = demo_company(), SetClock(at), f"town{next(begun)}"
        url, blobs = f"sqlite:///{tmp_path / name}.db", tmp_path / name
        async with assemble(url, blobs, understander, clock=clock) as parts:
            await seed(parts.store, loaded)
            yield Town(parts, loaded, clock)

    return begin


async def jump(town: Town, by: timedelta) -> None:
    """The clock is set, and the loops come round."""
    assert isinstance(town.clock, SetClock)
    town.clock.set(town.clock.now(town.tenant) + by)
    await town.parts.house.drain(town.tenant)


async def taken(town: Town, order: WorkOrder) -> list[Event]:
    return [event for event in await town.history(order) if event.kind == Kind.STEP_TAKEN]


async def nothing_twice(town: Town) -> None:
    report = await town.audit()
    assert report.ok, str(report)
    for order in await town.orders():
        steps = [(e.data["rung"], e.data.get("round", 0), e.at) for e in await taken(town, order)]
        assert not [step for step, times in Counter(steps).items() if times > 1]
    keys = Counter(queued.notice.key for queued in await town.notices())
    assert set(keys.values()) == {1}


async def test_a_clock_set_an_hour_ahead_catches_up_once_and_says_it_was_late(
    town_at: TownAt,
) -> None:
    async with town_at(TUESDAY) as town:
        await town.say("c02", NO_COOLING)
        order = await town.order()
        await jump(town, HOUR + timedelta(minutes=2))
        caught_up = await taken(town, order)
        assert caught_up, "an hour without an answer, and nobody was reminded"
        assert all(event.data["late_s"] > 0 for event in caught_up)
        await jump(town, timedelta(seconds=1))
        assert await taken(town, order) == caught_up
        await nothing_twice(town)


async def test_a_clock_set_back_an_hour_fires_nothing_twice_and_nothing_early(
    town_at: TownAt,
) -> None:
    async with town_at(TUESDAY) as town:
        await town.say("c02", NO_COOLING)
        order = await town.order()
        await town.wait(minutes=13)
        before = await town.history(order)
        assert await town.steps(order)
        told = len(await town.notices())

        await jump(town, -HOUR)
        assert await town.history(order) == before
        assert len(await town.notices()) == told

        await jump(town, timedelta(minutes=59))
        assert await town.history(order) == before, "it is not yet as late as it was"

        await jump(town, HOUR + timedelta(minutes=1))
        after = await taken(town, order)
        assert len(after) > len([e for e in before if e.kind == Kind.STEP_TAKEN])
        await nothing_twice(town)


async def test_work_goes_on_while_the_clock_is_behind(town_at: TownAt) -> None:
    """A person is never told that what they do lies before what was done."""
    async with town_at(TUESDAY) as town:
        await town.say("c02", NO_COOLING)
        order = await town.order()
        await town.wait(minutes=5)
        await jump(town, -HOUR)
        handler = (await town.order()).assignee
        await town.press(handler, "accept", chat=staff_chat(handler))
        assert Kind.ACCEPTED in await town.kinds(order)
        await town.wait(hours=2)
        await nothing_twice(town)


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("America/New_York", datetime(2026, 11, 1, 5, 10, tzinfo=UTC)),
        ("America/New_York", datetime(2027, 3, 14, 6, 40, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 40, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2027, 3, 28, 0, 40, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2027, 4, 3, 14, 40, tzinfo=UTC)),
    ],
)
async def test_the_night_the_clocks_change_is_as_long_as_it_is(
    town_at: TownAt, zone: str, night: datetime
) -> None:
    """Somebody trapped waits in minutes that pass, whatever the wall shows."""
    told = {}
    for begin, tz in ((night, zone), (TUESDAY, "Asia/Shanghai")):
        async with town_at(begin) as town:
            calendar = WorkCalendar(tz=tz, week=town.company.calendar.week)
            company = replace(town.company, tz=tz, calendar=calendar)
            await town.parts.store.transact(
                town.tenant, lambda uow, company=company: uow.put_company(company)
            )
            await town.say("c01", TRAPPED)
            order = await town.order()
            await town.wait(hours=3)
            told[tz] = [
                (event.data["rung"], event.at - begin) for event in await taken(town, order)
            ]
            await nothing_twice(town)
    assert told[zone]
    assert told[zone] == told["Asia/Shanghai"]


async def test_the_next_working_day_may_be_the_29th_of_february(town_at: TownAt) -> None:
    begin = datetime(2028, 2, 28, 16, 0, tzinfo=SHANGHAI)
    async with town_at(begin) as town:
        await town.say("c02", "走廊灯有点暗，有空来看看就行")
        order = await town.order()
        assert order.priority == "P2"
        await town.wait(hours=40)
        report = await town.audit()
        assert report.ok, str(report)
        days = {e.at.astimezone(SHANGHAI).date() for e in await town.history(order)}
        assert datetime(2028, 2, 29, tzinfo=SHANGHAI).date() in days
