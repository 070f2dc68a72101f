"""The proof that nothing was forgotten, doubled or altered; a forgery is found and named."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from nlp import Understander
from paidan.compose import assemble
from tests.scenario.conftest import SUPERVISORS, TUESDAY, Town, customer_chat, team_group
from workflow.events import Kind
from workflow.kept import Timer
from workflow.work_order import WorkOrder

HOME, LIFT = team_group("home"), team_group("lift")
TRAPPED = "3 栋 2 单元电梯困人了，快来人"
NO_COOLING = "我家空调不制冷，一直吹热风"

Forge = Callable[[str, WorkOrder | None], int]


@pytest.fixture
def forge(town: Town, tmp_path: Path) -> Forge:
    """Change the database behind our back; ``?`` stands for the work order's id."""

    def change(sql: str, order: WorkOrder | None = None) -> int:
        with closing(sqlite3.connect(tmp_path / "town.db", isolation_level=None)) as database:
            return database.execute(sql, (order.id,) if order else ()).rowcount

    return change


async def a_busy_morning(town: Town) -> WorkOrder:
    """One work order finished and one that climbs the ladder; the finished one is returned."""
    await town.say("c02", NO_COOLING)
    finished = await town.order()
    await town.say("c01", TRAPPED)
    for do in ("accept", "arrive"):
        await town.wait(minutes=1)
        await town.press(finished.assignee, do, chat=HOME)
    await town.press(finished.assignee, "complete", chat=HOME, text="好了")
    await town.press("c02", "sign", chat=customer_chat("c02"))
    await town.wait(minutes=20)
    return next(o for o in await town.orders() if o.id == finished.id)


def timers(town: Town) -> list[Timer]:
    return list(town.parts.store.timers_audit(town.tenant))


# --- proof ----------------------------------------------------------------------------------------


async def test_the_audit_reads_everything_and_finds_it_whole(town: Town) -> None:
    await a_busy_morning(town)
    report = await town.audit()
    assert report.ok, str(report)
    assert not report.findings
    orders = await town.orders()
    assert report.orders == len(orders) == 2
    assert report.events == sum(order.seq for order in orders)
    assert report.notices.total() == len(await town.notices())
    assert report.steps.total() == len(timers(town))
    assert "没有丢，没有漏，没有改" in str(report)


async def test_each_due_step_fired_was_cancelled_with_a_reason_or_is_still_to_come(
    town: Town,
) -> None:
    await a_busy_morning(town)
    now = town.clock.now(town.tenant)
    for timer in timers(town):
        if timer.state == "fired":
            assert timer.fired_at == timer.due
        elif timer.state == "cancelled":
            assert timer.reason
        else:
            assert timer.due > now
    taken = [
        event
        for order in await town.orders()
        for event in await town.history(order)
        if event.kind == Kind.STEP_TAKEN
    ]
    fired = Counter(t.step for t in timers(town) if t.state == "fired")
    assert sum(fired.values()) >= len(taken) > 5
    assert {str(event.data["step"]) for event in taken} <= set(fired)


async def test_winding_the_clock_in_one_go_or_in_small_steps_tells_the_same_story(
    town: Town, understander: Understander, tmp_path: Path
) -> None:
    stories: list[list[tuple[str, timedelta]]] = []
    for strides in ([100], [1] * 100):
        await town.say("c01", TRAPPED)
        order, began = await town.order(), town.clock.now(town.tenant)
        for minutes in strides:
            await town.wait(minutes=minutes)
        stories.append([(str(e.kind), e.at - began) for e in await town.history(order)])
        await town.say("zhoulan", f"取消 {order.number} 演习", chat=SUPERVISORS)
        await town.wait(hours=22, minutes=20)
    assert stories[0] == stories[1]


async def test_a_notice_stuck_in_a_dead_senders_hands_makes_no_step_late(town: Town) -> None:
    await town.say("c01", TRAPPED, settle=False)
    await town.parts.house.settle_messages(town.tenant)
    taken = await town.parts.store.claim_notices(town.tenant, TUESDAY, 64)
    assert taken
    await town.wait(minutes=16)
    order = await town.order()
    came = {
        str(e.data["rung"]): e.at - TUESDAY
        for e in await town.history(order)
        if e.kind == Kind.STEP_TAKEN and "golden" in str(e.data["rung"])
    }
    assert came == {
        "golden_warning": timedelta(minutes=12),
        "golden_takeover": timedelta(minutes=15),
    }


# --- forgeries ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "seq"),
    [
        ("UPDATE events SET actor_name = '别人' WHERE order_id = ? AND seq = 4", 4),
        ("UPDATE events SET at = at - 60000000 WHERE order_id = ? AND seq = 5", 5),
        ('UPDATE events SET data = \'{"text":"没修"}\' WHERE order_id = ? AND seq = 6', 6),
        ("UPDATE events SET state = 'closed' WHERE order_id = ? AND seq = 1", 1),
        ("UPDATE events SET lat = 31.0, lon = 121.0 WHERE order_id = ? AND seq = 5", 5),
        ("DELETE FROM events WHERE order_id = ? AND seq = 3", 3),
        ("UPDATE events SET hash = prev WHERE order_id = ? AND seq = 2", 2),
        ("DELETE FROM events WHERE order_id = ? AND seq = 8", 8),
    ],
)
async def test_one_row_tampered_with_is_found_and_named(
    town: Town, forge: Forge, sql: str, seq: int
) -> None:
    order = await a_busy_morning(town)
    assert (await town.audit()).ok
    assert forge(sql, order) == 1
    report = await town.audit()
    assert not report.ok
    (found,) = report.findings
    assert (found.what, found.number, found.seq) == ("chain", order.number, seq)
    assert f"✗ {order.number} 第 {seq} 步：历史链断裂" in str(report)


@pytest.mark.parametrize(
    ("before", "after"), [('"rating":0', '"rating":5'), ('"priority":"P1"', '"priority":"P2"')]
)
async def test_a_record_that_differs_from_its_history_is_found_and_named(
    town: Town, forge: Forge, before: str, after: str
) -> None:
    order = await a_busy_morning(town)
    sql = f"UPDATE order_docs SET doc = replace(doc, '{before}', '{after}') WHERE order_id = ?"
    assert forge(sql, order) == 1
    report = await town.audit()
    assert {(found.what, found.number) for found in report.findings} == {
        ("fold", order.number),
        ("listed", order.number),
    }
    assert {found.detail for found in report.findings} == {before.split('"')[1]}


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("UPDATE work_orders SET state = 'in_progress' WHERE id = ?", "state"),
        ("UPDATE work_orders SET assignee = 'zhangpeng' WHERE id = ?", "assignee"),
        ("UPDATE work_orders SET ended = 0 WHERE id = ?", "ended"),
        ("UPDATE work_orders SET completed_at = completed_at - 1 WHERE id = ?", "completed_at"),
        ("DELETE FROM order_docs WHERE order_id = ?", "record"),
        ("DELETE FROM work_orders WHERE id = ?", "row"),
    ],
)
async def test_lists_that_say_something_else_than_the_record_are_found_and_named(
    town: Town, forge: Forge, sql: str, column: str
) -> None:
    order = await a_busy_morning(town)
    assert forge(sql, order) == 1
    report = await town.audit()
    (found,) = report.findings
    assert (found.what, found.number, found.detail) == ("listed", order.number, column)
    assert f"✗ {order.number}：列表与记录不符" in str(report)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("DELETE FROM timers WHERE state = 'open' AND subject = 'order:' || ?", "unarmed"),
        (
            "UPDATE timers SET due = due - 86400000000 WHERE state = 'open'"
            " AND subject = 'order:' || ?",
            "late_step",
        ),
        ("DELETE FROM outbox WHERE order_id = ?", "untold"),
        (
            "UPDATE outbox SET state = 'pending', next_at = created_at - 90000000"
            " WHERE order_id = ? AND kind = 'news'",
            "late_notice",
        ),
    ],
)
async def test_a_step_or_notice_that_vanished_is_missed(
    town: Town, forge: Forge, sql: str, what: str
) -> None:
    await a_busy_morning(town)
    burning = await town.order()
    assert burning.open
    assert forge(sql, burning) > 0
    report = await town.audit()
    assert not report.ok
    assert {finding.what for finding in report.findings} == {what}
    assert {finding.order_id for finding in report.findings} == {burning.id}


async def test_a_clock_that_still_runs_on_something_closed_is_found(
    town: Town, forge: Forge
) -> None:
    order = await a_busy_morning(town)
    forge(
        "UPDATE timers SET state = 'open' WHERE id = (SELECT max(id) FROM timers"
        " WHERE subject = 'order:' || ?)",
        order,
    )
    (found,) = (await town.audit()).findings
    assert (found.what, found.number) == ("ghost_timer", order.number)


# --- never twice ----------------------------------------------------------------------------------


async def test_two_processes_on_one_database_do_everything_once(
    town: Town, understander: Understander, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'town.db'}"
    for sender, text in {"c01": TRAPPED, "c02": NO_COOLING, "c06": "厨房水管漏水"}.items():
        await town.say(sender, text, settle=False)
    async with assemble(url, tmp_path / "blobs", understander, clock=town.clock) as other:
        houses = (town.parts.house, other.house)
        for minutes in (0, 1, 3, 5, 12, 15, 31):
            await town.clock.move(town.tenant, TUESDAY + timedelta(minutes=minutes))
            await asyncio.gather(*(house.drain(town.tenant) for house in houses))
    orders = await town.orders()
    assert len(orders) == 3
    for order in orders:
        steps = Counter(
            str(e.data["step"]) for e in await town.history(order) if e.kind == Kind.STEP_TAKEN
        )
        assert set(steps.values()) == {1}
    notices = await town.notices()
    assert {queued.state for queued in notices} <= {"sent", "superseded"}
    assert {queued.attempts for queued in notices if queued.state == "sent"} == {1}
    report = await town.audit()
    assert report.ok, str(report)


async def test_a_redelivered_message_or_press_is_one(town: Town) -> None:
    for _ in range(3):
        await town.say("c02", NO_COOLING, id="same")
    order = await town.order()
    assert len(await town.orders()) == 1
    assert len(order.reporters) == 1
    button = await town.button(HOME, "accept")
    press = {"do": "accept", "order": button.action.order, "expect": "dispatched", "generation": 1}
    for _ in range(2):
        await town.say(order.assignee, chat=HOME, action=press, id="press")
    assert (await town.kinds(order)).count(Kind.ACCEPTED) == 1
    assert not [text for text in await town.heard(HOME) if "已经在您手上" in text]


async def test_a_message_that_waited_through_an_outage_is_settled_once_and_in_order(
    town: Town,
) -> None:
    await town.say("c02", NO_COOLING, settle=False)
    await town.say("c02", "催一下", settle=False)
    await town.clock.move(town.tenant, TUESDAY + timedelta(minutes=7))
    await town.parts.house.drain(town.tenant)
    order = await town.order()
    kinds = await town.kinds(order)
    assert kinds.index(Kind.REPORTED) < kinds.index(Kind.NUDGED)
    assert order.opened_at == TUESDAY
    assert (await town.audit()).ok


async def test_the_house_stops_even_in_the_moment_it_is_woken(town: Town) -> None:
    house = town.parts.house
    for _ in range(5):
        house.beats.clear()
        running = asyncio.create_task(house.run())
        while len(house.beats) < 3:
            await town.read(lambda uow: uow.company)
        for _ in range(9):  # the loops look for the next due time, and then nap
            await town.read(lambda uow: uow.company)
        house.wake(town.tenant, frozenset({"inbox", "timers", "outbox"}))
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=9)
        assert done, "it goes on although it was told to stop"


async def test_a_step_that_cannot_be_taken_keeps_no_other_waiting(town: Town, forge: Forge) -> None:
    await town.say("c02", NO_COOLING)
    spoilt = await town.order()
    await town.clock.move(town.tenant, TUESDAY + timedelta(seconds=30))
    await town.say("c01", TRAPPED)
    other = next(order for order in await town.orders() if order.id != spoilt.id)
    before = await town.kinds(other)
    assert forge("UPDATE order_docs SET doc = '{' WHERE order_id = ?", spoilt)
    forge("UPDATE timers SET due = 1 WHERE subject LIKE '%' || ? AND state = 'open'", spoilt)

    await town.clock.move(town.tenant, TUESDAY + timedelta(hours=1))
    assert await town.parts.house.fire_timers(town.tenant) == 1

    assert len(await town.kinds(other)) > len(before)
    waiting = [timer for timer in timers(town) if timer.subject.endswith(spoilt.id)]
    assert [timer.state for timer in waiting] == ["open"]


async def test_a_step_that_cannot_be_taken_is_left_alone_for_a_while_and_named(
    town: Town, forge: Forge
) -> None:
    await town.say("c02", NO_COOLING)
    spoilt = await town.order()
    said = f'{{"id":"{spoilt.id}","tenant":5}}'
    assert forge(f"UPDATE order_docs SET doc = '{said}' WHERE order_id = ?", spoilt)
    kept = spoilt.id
    await town.clock.move(town.tenant, TUESDAY + timedelta(hours=1))

    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            assert await town.parts.house.fire_timers(town.tenant, again=False) == 0

    tries = [line for line in logs if line["event"].startswith("a step cannot be taken")]
    assert [line["times"] for line in tries] == [1]
    hindered = next(t for t in timers(town) if t.subject.endswith(kept) and t.state == "open")
    assert "ValidationError" in hindered.reason


async def test_a_step_called_off_while_it_rested_is_forgotten(town: Town, forge: Forge) -> None:
    """Nothing of it slows down the others, and a step armed later is tried without delay."""
    await town.say("c02", NO_COOLING)
    spoilt = await town.order()
    said = f'{{"id":"{spoilt.id}","tenant":5}}'
    assert forge(f"UPDATE order_docs SET doc = '{said}' WHERE order_id = ?", spoilt)
    await town.clock.move(town.tenant, TUESDAY + timedelta(hours=1))
    change = "UPDATE timers SET state = '{}' WHERE subject LIKE '%' || ? AND state = '{}'"

    with structlog.testing.capture_logs() as logs:
        await town.parts.house.fire_timers(town.tenant, again=False)
        assert forge(change.format("paused", "open"), spoilt)
        await town.parts.house.fire_timers(town.tenant, again=False)
        assert forge(change.format("open", "paused"), spoilt)
        await town.parts.house.fire_timers(town.tenant, again=False)

    tries = [line for line in logs if line["event"].startswith("a step cannot be taken")]
    assert [line["times"] for line in tries] == [1, 1]


async def test_the_audit_says_which_step_is_late_and_what_hinders_it(
    town: Town, forge: Forge
) -> None:
    await town.say("c02", NO_COOLING)
    spoilt = await town.order()
    change = "UPDATE order_docs SET doc = replace(doc, '{}', '{}') WHERE order_id = ?"
    whole, broken = f'"tenant":"{town.tenant}"', '"tenant":5'
    assert forge(change.format(whole, broken), spoilt)
    await town.clock.move(town.tenant, TUESDAY + timedelta(hours=1))
    assert await town.parts.house.fire_timers(town.tenant, again=False) == 0
    assert forge(change.format(broken, whole), spoilt)

    report = await town.audit()
    assert not report.ok
    late = [found for found in report.findings if found.what == "late_step"]
    assert [found.number for found in late] == [spoilt.number]
    assert "ValidationError" in late[0].detail
