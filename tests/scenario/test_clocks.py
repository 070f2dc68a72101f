"""What counts as time: lunch, nights, weekends, holidays, pauses, and the account of all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import assemble, seed
from paidan.demo import demo_company
from paidan.explain import readings, text
from tests.scenario.conftest import (
    SHANGHAI,
    SUPERVISORS,
    TUESDAY,
    Town,
    customer_chat,
    team_group,
)
from workflow.calendar import Span, WorkCalendar
from workflow.clocks import ClockReading
from workflow.events import Kind
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

HOME, LIFT = team_group("home"), team_group("lift")
NO_COOLING = "我家空调不制冷，一直吹热风"
TRAPPED = "3 栋 2 单元电梯困人了，快来人"
TownAt = Callable[[datetime], AbstractAsyncContextManager[Town]]


def local(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


@pytest.fixture
def town_at(understander: Understander, tmp_path: Path) -> TownAt:
    """A town whose story begins at another time."""

    @asynccontextmanager
    async def begin(at: datetime) -> AsyncIterator[Town]:
        loaded, clock = demo_company(), FrozenClock(at)
        url = f"sqlite:///{tmp_path / 'then.db'}"
        async with assemble(url, tmp_path / "blobs", understander, clock=clock) as parts:
            await seed(parts.store, loaded)
            yield Town(parts, loaded, clock)

    return begin


async def clocks(town: Town, order: WorkOrder) -> dict[str, ClockReading]:
    policy = await town.read(lambda uow: uow.policy(order.policy_version))
    company = await town.read(lambda uow: uow.company)
    now = town.clock.now(town.tenant)
    return {reading.name: reading for reading in readings(order, company, policy, now)}


async def account(town: Town, order: WorkOrder) -> str:
    """What ``paidan explain`` prints."""
    policy = await town.read(lambda uow: uow.policy(order.policy_version))
    company = await town.read(lambda uow: uow.company)
    return text(order, company, policy, town.clock.now(town.tenant))


async def answer_due(town: Town, sender: str = "c02", report: str = NO_COOLING) -> datetime | None:
    """When the first answer to a new report is due."""
    await town.say(sender, report)
    return (await clocks(town, await town.order()))["first_response"].deadline


def adds_up(reading: ClockReading, now: datetime) -> None:
    """The intervals tile the life of the clock, and what counted is the sum of the counted."""
    intervals = reading.intervals
    if reading.stopped == reading.started:
        assert not intervals
        return
    assert sum((i.end - i.start for i in intervals if i.counted), timedelta()) == reading.counted
    assert intervals[0].start == reading.started
    assert intervals[-1].end == (reading.stopped or now)
    assert all(a.end == b.start for a, b in pairwise(intervals))
    assert reading.remaining == reading.target + reading.extensions - reading.counted


# --- the work calendar ----------------------------------------------------------------------------


async def test_lunch_does_not_count(town: Town) -> None:
    await town.wait(hours=1, minutes=50)
    assert await answer_due(town) == local(2026, 11, 24, 13, 5)


async def test_the_night_does_not_count(town: Town) -> None:
    await town.wait(hours=7, minutes=25)
    assert await answer_due(town) == local(2026, 11, 25, 8, 40)


async def test_the_weekend_does_not_count_but_saturday_morning_does(town: Town) -> None:
    await town.wait(days=4, hours=1, minutes=50)
    assert await answer_due(town) == local(2026, 11, 30, 8, 35)


async def test_an_emergency_counts_round_the_clock(town: Town) -> None:
    await town.wait(hours=16)
    due = await answer_due(town, "c01", TRAPPED)
    assert due == local(2026, 11, 25, 2, 5)


async def test_a_public_holiday_does_not_count_and_is_named(town_at: TownAt) -> None:
    async with town_at(local(2026, 9, 30, 17, 25)) as town:
        assert await answer_due(town) == local(2026, 10, 8, 8, 40)
        await town.wait(days=3)
        told = await account(town, await town.order())
        assert "法定假日 国庆节" in told


async def test_a_makeup_workday_counts_like_a_monday(town_at: TownAt) -> None:
    async with town_at(local(2026, 10, 10, 14, 0)) as town:
        assert local(2026, 10, 10).weekday() == 5
        assert await answer_due(town) == local(2026, 10, 10, 14, 15)


async def test_a_year_the_table_does_not_know_counts_by_weekday_and_warns(town_at: TownAt) -> None:
    async with town_at(local(2026, 12, 31, 17, 25)) as town:
        assert await answer_due(town) == local(2027, 1, 1, 8, 40)
        told = await account(town, await town.order())
        assert "节假日表没有 2027 年" in told


async def test_a_night_shift_counts_across_midnight(town: Town) -> None:
    nights = ((Span(time(22), time(6)),),) * 7
    company = replace(town.company, calendar=WorkCalendar(tz="Asia/Shanghai", week=nights))
    await town.parts.store.transact(town.tenant, lambda uow: uow.put_company(company))
    await town.wait(hours=13, minutes=50)
    assert await answer_due(town) == local(2026, 11, 25, 0, 5)
    await town.wait(hours=6, minutes=5)
    assert await answer_due(town, "c11", "教室空调不制冷，一直吹热风") == local(
        2026, 11, 25, 22, 10
    )


async def test_another_town_counts_by_its_own_wall_clock(town: Town) -> None:
    week = town.company.calendar.week
    abroad = WorkCalendar(tz="Europe/Berlin", week=week)
    company = replace(town.company, tz="Europe/Berlin", calendar=abroad)
    await town.parts.store.transact(town.tenant, lambda uow: uow.put_company(company))
    # 10:00 in Shanghai is 03:00 in Berlin: work begins at 08:30 there.
    assert await answer_due(town) == TUESDAY + timedelta(hours=5, minutes=45)


# --- first response -------------------------------------------------------------------------------


async def test_first_response_counts_from_when_the_customer_wrote(town: Town) -> None:
    await town.say("c02", NO_COOLING, settle=False)
    await town.clock.move(town.tenant, TUESDAY + timedelta(minutes=4))
    await town.parts.house.drain(town.tenant)
    order = await town.order()
    assert order.opened_at == TUESDAY
    assert (await clocks(town, order))["first_response"].deadline == TUESDAY + timedelta(minutes=15)


async def test_only_a_person_can_answer(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.wait(minutes=2)
    await town.say("c02", "到哪了")
    order = await town.order()
    assert await town.heard(customer_chat("c02"))
    assert order.first_responded_at is None
    await town.say("chenwei", "备注 1 客户是老人", chat=SUPERVISORS)
    assert (await town.order()).first_responded_at is None
    await town.say("chenwei", "回复 1 师傅十分钟后联系您", chat=SUPERVISORS)
    order = await town.order()
    assert order.first_responded_at == TUESDAY + timedelta(minutes=2)
    assert (await clocks(town, order))["first_response"].stopped == order.first_responded_at


async def test_accepting_answers_and_arriving_stops_the_second_clock(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.wait(minutes=3)
    await town.press(order.assignee, "accept", chat=HOME)
    await town.wait(minutes=30)
    await town.press(order.assignee, "arrive", chat=HOME)
    told = await clocks(town, await town.order())
    assert told["first_response"].stopped == TUESDAY + timedelta(minutes=3)
    assert told["arrival"].stopped == TUESDAY + timedelta(minutes=33)
    assert told["resolution"].stopped is None
    assert (await town.order()).deadline_clock == "resolution"


# --- pauses ---------------------------------------------------------------------------------------


async def at_work(town: Town) -> WorkOrder:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=HOME)
    await town.press(order.assignee, "arrive", chat=HOME)
    return await town.order()


async def test_waiting_for_parts_stops_the_clock_and_waiting_for_others_does_not(
    town: Town,
) -> None:
    order = await at_work(town)
    before = (await clocks(town, order))["resolution"].deadline
    assert before is not None
    await town.press(order.assignee, "hold", chat=HOME, reason="waiting_parts")
    paused = (await clocks(town, await town.order()))["resolution"]
    assert (paused.paused, paused.deadline) == (True, None)
    await town.wait(hours=1)
    await town.press(order.assignee, "resume", chat=HOME)
    after = (await clocks(town, await town.order()))["resolution"].deadline
    assert after is not None
    assert after > before
    await town.press(order.assignee, "hold", chat=HOME, reason="waiting_third_party")
    await town.wait(minutes=30)
    await town.press(order.assignee, "resume", chat=HOME)
    order = await town.order()
    assert (await clocks(town, order))["resolution"].deadline == after
    told = await account(town, order)
    assert "挂起:等配件" in told
    assert "等第三方" not in told


async def test_waiting_for_the_customers_answer_stops_all_clocks(town: Town) -> None:
    await town.say("visitor-1", "空调不制冷，一直吹热风", sender_name="路人")
    order = await town.order()
    assert order.sub == Sub.AWAITING_INFO
    await town.wait(minutes=20)
    told = await clocks(town, order)
    assert all(reading.counted == timedelta() for reading in told.values())
    assert "等待补充信息" in await account(town, order)
    for words in ("锦绣苑 3 栋 2 单元 501", "13812345678"):
        await town.say("visitor-1", words, sender_name="路人")
    order = await town.order()
    assert order.state == State.DISPATCHED
    assert order.deadline_at == TUESDAY + timedelta(minutes=35)


async def test_waiting_for_acceptance_is_not_counted_and_returned_work_goes_on(town: Town) -> None:
    order = await at_work(town)
    await town.wait(minutes=40)
    await town.press(order.assignee, "complete", chat=HOME, text="好了")
    await town.wait(minutes=50)
    reading = (await clocks(town, await town.order()))["resolution"]
    assert reading.counted == timedelta(minutes=40)
    await town.press("c02", "return_work", chat=customer_chat("c02"), reason="还是不冷")
    await town.wait(minutes=20)
    order = await town.order()
    reading = (await clocks(town, order))["resolution"]
    assert reading.counted == timedelta(minutes=60)
    adds_up(reading, town.clock.now(town.tenant))
    assert "等待客户验收" in await account(town, order)


async def test_the_end_stops_every_clock(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.wait(minutes=5)
    await town.say("chenwei", "取消 1 客户自己修好了", chat=SUPERVISORS)
    order = await town.order()
    await town.wait(days=2)
    told = await clocks(town, order)
    assert {reading.stopped for reading in told.values()} == {TUESDAY + timedelta(minutes=5)}
    assert (order.deadline_at, order.deadline_clock) == (None, "")


# --- changes on the way ---------------------------------------------------------------------------


async def test_a_new_priority_keeps_what_was_counted(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=HOME)
    await town.wait(minutes=30)
    await town.say("chenwei", "改优先级 1 P0 机房空调，设备要停", chat=SUPERVISORS)
    order = await town.order()
    told = await clocks(town, order)
    assert told["arrival"].counted == timedelta(minutes=30)
    assert told["arrival"].deadline == TUESDAY + timedelta(minutes=60)
    assert told["resolution"].deadline == TUESDAY + timedelta(hours=4)
    await town.wait(hours=3)
    (later,) = [r for n, r in (await clocks(town, order)).items() if n == "resolution"]
    # From the change on the clock runs round the clock, through lunch too.
    assert later.counted == timedelta(hours=3, minutes=30)
    adds_up(later, town.clock.now(town.tenant))


async def test_an_extension_moves_one_deadline_and_says_so(town: Town) -> None:
    await town.say("c01", TRAPPED)
    order = await town.order()
    before = await clocks(town, order)
    await town.press("zhoulan", "extend", chat=SUPERVISORS, minutes=15, reason="已电话安抚")
    order = await town.order()
    after = await clocks(town, order)
    moved = after["first_response"]
    assert moved.extensions == timedelta(minutes=15)
    assert moved.deadline == TUESDAY + timedelta(minutes=20)
    assert after["arrival"].deadline == before["arrival"].deadline
    assert "延长 15 分" in await account(town, order)
    extended = next(e for e in await town.history(order) if e.kind == Kind.DEADLINE_EXTENDED)
    assert (extended.actor.id, extended.data["minutes"]) == ("zhoulan", 15)


async def test_reassigning_and_returning_to_the_queue_reset_nothing(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    due = (await town.order()).deadline_at
    await town.wait(minutes=3)
    order = await town.order()
    await town.press(order.assignee, "decline", chat=HOME, reason="手上有急单")
    assert (await town.order()).deadline_at == due


# --- the account ----------------------------------------------------------------------------------


async def test_the_account_lists_every_interval_of_a_long_life_and_adds_up(town: Town) -> None:
    order = await at_work(town)
    await town.wait(hours=1)
    await town.press(order.assignee, "hold", chat=HOME, reason="waiting_customer")
    await town.wait(hours=3)
    await town.press(order.assignee, "resume", chat=HOME)
    await town.wait(hours=2)
    await town.say("chenwei", "延长 1 60分钟 等备件", chat=SUPERVISORS)
    await town.wait(days=1)
    await town.say("chenwei", "改优先级 1 P2 已临时恢复", chat=SUPERVISORS)
    await town.wait(days=4)
    order = await town.order()
    for reading in (await clocks(town, order)).values():
        adds_up(reading, town.clock.now(town.tenant))
    told = await account(town, order)
    for words in ("首次响应", "到场", "解决", "工作时间", "午休或下班", "周末", "挂起:等客户"):
        assert words in told
    reading = (await clocks(town, order))["resolution"]
    listed = [line for line in told.split("【解决】")[1].splitlines() if "→" in line]
    assert len(listed) == len(reading.intervals)
    assert {i.priority for i in reading.intervals} == {"P1", "P2"}


async def test_a_missed_deadline_is_told_on_the_day_it_was_missed(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.wait(minutes=15, seconds=1)
    breach = next(
        e for e in await town.history(order)
        if e.kind == Kind.STEP_TAKEN and e.data["act"] == "breach"
    )  # fmt: skip
    assert breach.at == TUESDAY + timedelta(minutes=15)
    assert "已于 2026-11-24 10:15:00 超时" in await account(town, await town.order())
