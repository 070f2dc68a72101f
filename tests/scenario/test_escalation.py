"""What the house does by itself when nobody moves: the ladder, step by step, each once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from tests.scenario.conftest import (
    SUPERVISORS,
    TUESDAY,
    Town,
    customer_chat,
    staff_chat,
    team_group,
)
from workflow.events import Event, Kind
from workflow.kept import Queued
from workflow.policy import Rung
from workflow.records import Urgency
from workflow.states import State
from workflow.work_order import WorkOrder

HOME, LIFT = team_group("home"), team_group("lift")
TRAPPED = "3 栋 2 单元电梯困人了，快来人"
NO_COOLING = "我家空调不制冷，一直吹热风"


async def taken(town: Town, order: WorkOrder) -> list[Event]:
    return [event for event in await town.history(order) if event.kind == Kind.STEP_TAKEN]


async def minutes_of(town: Town, order: WorkOrder, start: datetime = TUESDAY) -> dict[str, float]:
    """When each rung first came, in minutes since the report."""
    found: dict[str, float] = {}
    for event in await taken(town, order):
        found.setdefault(str(event.data["rung"]), (event.at - start).total_seconds() / 60)
    return found


async def about(town: Town, rung: str) -> list[Queued]:
    """The news of one rung."""
    return [
        queued
        for queued in await town.notices()
        if queued.notice.why.startswith(f"step_taken:{rung}") and queued.notice.kind == "news"
    ]


def people(queued: list[Queued]) -> set[str]:
    return {q.notice.person or "" for q in queued} | {m for q in queued for m in q.notice.mentions}


# --- the default ladder ---------------------------------------------------------------------------


async def test_the_default_ladder_of_an_emergency_comes_to_the_minute(town: Town) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=241)
    order = await town.order()
    came = await minutes_of(town, order)
    came.pop("retry_dispatch", None)  # rounds of offers are dispatch's own affair
    assert came == {
        "accept_timeout": 1,
        "reach_phone": 3,
        "breach:first_response": 5,
        "golden_warning": 12,
        "golden_takeover": 15,
        "nag_handler": 30,
        "arrival_warning": 48,
        "next_level": 60,
        "breach:arrival": 60,
        "stalled": 120,
        "resolution_warning": 192,
        "breach:resolution": 240,
    }
    steps = Counter(str(event.data["step"]) for event in await taken(town, order))
    assert set(steps.values()) == {1}
    assert (order.stalled, order.escalation) == (True, 3)
    report = await town.audit()
    assert report.ok, str(report)


async def test_the_red_lane_asks_the_next_person_every_minute_until_somebody_takes_it(
    town: Town,
) -> None:
    await town.say("c01", TRAPPED)
    asked = [(await town.order()).assignee]
    await town.wait(seconds=61)
    asked.append((await town.order()).assignee)
    assert len(set(asked)) == 2
    await town.press(asked[-1], "accept", chat=LIFT)
    await town.wait(minutes=10)
    order = await town.order()
    assert (order.state, order.assignee) == (State.IN_PROGRESS, asked[-1])
    assert [s for s in await town.steps(order) if s == "accept_timeout"] == ["accept_timeout"]


async def test_three_minutes_without_an_answer_reach_the_handler_again(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.wait(minutes=3, seconds=1)
    (reminded,) = await about(town, "reach_phone")
    assert people([reminded]) >= {order.assignee}
    assert "请尽快处理" in reminded.notice.text
    assert reminded.state == "sent"


async def test_three_minutes_before_the_golden_window_ends_the_direct_supervisor_gets_a_card(
    town: Town,
) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=11, seconds=59)
    assert not await about(town, "golden_warning")
    await town.wait(seconds=2)
    warned = await about(town, "golden_warning")
    supervisor = town.company.teams["lift"].supervisor
    assert supervisor in people(warned)
    assert {q.notice.to.chat for q in warned} >= {SUPERVISORS.chat, f"staff:{supervisor}"}
    number = (await town.order()).number
    todo = await town.card(staff_chat(supervisor), number)
    assert {b.action.do for b in todo.buttons} >= {"take_over", "reassign", "extend"}
    assert all(q.notice.urgency == Urgency.RED for q in warned)
    told = [(q.notice.to, q.notice.event_seq) for q in warned]
    assert len(told) == len(set(told))
    await town.press(supervisor, "take_over", chat=staff_chat(supervisor))
    assert (await town.order()).assignee == supervisor


async def test_the_card_counts_down_the_golden_window(town: Town) -> None:
    await town.say("c01", TRAPPED)
    order = await town.order()
    card = await town.card(LIFT, order.number)
    assert (card.deadline, card.tone) == (TUESDAY + timedelta(minutes=5), "danger")
    await town.wait(minutes=6)
    card = await town.card(SUPERVISORS, order.number)
    assert card.deadline_label == "黄金窗口"
    assert card.deadline == TUESDAY + timedelta(minutes=15)


async def test_whoever_accepts_stops_the_golden_rungs_for_good(town: Town) -> None:
    await town.say("c01", TRAPPED)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=LIFT)
    await town.wait(minutes=45)
    assert not await town.steps(await town.order())


async def test_the_next_level_is_the_supervisors_own_superior(town: Town) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=60, seconds=1)
    raised = await about(town, "next_level")
    assert "linyue" in people(raised)
    assert any("升级" in text for text in await town.heard(staff_chat("linyue")))


async def test_questions_have_a_ladder_of_their_own_by_shares_of_their_time(town: Town) -> None:
    await town.say("c10", "帮我重置一下邮箱密码，不着急")
    order = await town.order()
    if order.priority != "P2":
        await town.say("sunjie", f"改优先级 {order.number} P2 不急", chat=SUPERVISORS)
    opened = (await town.order()).opened_at
    assert opened is not None
    await town.wait(days=1, hours=10)
    came = await minutes_of(town, await town.order(), opened)
    # Four working hours from 10:00: 80 % at 14:12 and all at 15:00, lunch not counted.
    assert came["response_warning"] == 4 * 60 + 12
    assert came["response_takeover"] == 5 * 60
    assert "golden_warning" not in came


# --- the backup responder -------------------------------------------------------------------------


async def test_after_fifteen_minutes_the_backup_has_it_and_may_take_reassign_and_extend(
    town: Town,
) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=15, seconds=1)
    order = await town.order()
    backup = town.company.teams["lift"].backup
    given = [
        e for e in await town.history(order)
        if e.kind == Kind.DISPATCHED and e.data["reason"] == "backup"
    ]  # fmt: skip
    assert given[-1].data["to"] == backup
    assert given[-1].actor.id == "golden_takeover"
    deadline = order.deadline_at
    assert deadline is not None
    await town.say(backup, f"接管 {order.number}", chat=SUPERVISORS)
    await town.say(backup, f"延长 {order.number} 30分钟 路上堵车", chat=SUPERVISORS)
    await town.say(backup, f"转派 {order.number} 周明 他已到楼下", chat=SUPERVISORS)
    order = await town.order()
    assert order.assignee == "zhouming"
    audited = {
        event.kind: event
        for event in await town.history(order)
        if event.kind in {Kind.TAKEN_OVER, Kind.DEADLINE_EXTENDED, Kind.REASSIGNED}
    }
    assert len(audited) == 3
    assert {event.actor.id for event in audited.values()} == {backup}
    extended = audited[Kind.DEADLINE_EXTENDED].data
    assert (extended["minutes"], extended["reason"]) == (30, "路上堵车")


async def test_taking_over_makes_it_theirs_and_tells_whoever_had_it(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=HOME)
    await town.say("wumin", f"接管 {order.number}", chat=SUPERVISORS)
    after = await town.order()
    assert (after.assignee, after.state) == ("wumin", State.IN_PROGRESS)
    told = await town.heard(HOME) + await town.heard(staff_chat(order.assignee))
    assert any("已不在你这里" in text for text in told)
    assert "吴敏" in await town.last(customer_chat("c02"))


# --- standing still -------------------------------------------------------------------------------


async def test_work_that_stands_still_is_marked_once_until_it_moves(town: Town) -> None:
    await town.say("c01", TRAPPED)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=LIFT)
    await town.press(order.assignee, "arrive", chat=LIFT)
    await town.wait(minutes=119)
    assert not (await town.order()).stalled
    await town.wait(minutes=2)
    order = await town.order()
    assert order.stalled
    assert (await town.card(SUPERVISORS, order.number)).tone == "danger"
    marked = await about(town, "stalled")
    supervisor = town.company.teams["lift"].supervisor
    assert {supervisor, order.assignee} <= people(marked)
    await town.wait(minutes=100)
    assert (await town.steps(await town.order())).count("stalled") == 1
    await town.press(order.assignee, "diagnose", chat=LIFT, text="门机卡死")
    assert not (await town.order()).stalled
    await town.wait(minutes=119)
    assert (await town.steps(await town.order())).count("stalled") == 1
    await town.wait(minutes=2)
    assert (await town.steps(await town.order())).count("stalled") == 2


# --- rules ----------------------------------------------------------------------------------------


async def test_a_running_work_order_keeps_its_rules_when_the_policy_changes(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    old = await town.order()
    ladder = (Rung("only", "warn_supervisor", after=timedelta(minutes=2), loud=True),)
    await town.rule(ladder=ladder)
    await town.say("c11", "教室空调不制冷，一直吹热风")
    new = await town.order()
    assert new.policy_version != old.policy_version
    await town.wait(minutes=4)
    orders = {o.number: o for o in await town.orders()}
    assert "reach_phone" in await town.steps(orders[old.number])
    assert "only" not in await town.steps(orders[old.number])
    assert await town.steps(orders[new.number]) == ["only"]
    report = await town.audit()
    assert report.ok, str(report)


async def test_a_rung_may_repeat_until_it_is_answered(town: Town) -> None:
    again = Rung(
        "again",
        "remind_handler",
        after=timedelta(minutes=1),
        repeat=timedelta(minutes=2),
        until="accepted",
    )
    await town.rule(ladder=(again,), dispatch=replace(
        town.company.policy.dispatch, accept_within={"P1": timedelta(hours=2)}
    ))  # fmt: skip
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.wait(minutes=6)
    ids = [str(event.data["step"]) for event in await taken(town, order)]
    assert ids == ["again", "again#2", "again#3"]
    await town.press(order.assignee, "accept", chat=HOME)
    await town.wait(minutes=30)
    assert (await town.steps(await town.order())).count("again") == 3


async def test_a_closed_work_order_has_no_more_steps_timers_or_pending_notices(town: Town) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=2)
    order = await town.order()
    await town.say("zhoulan", f"取消 {order.number} 演习", chat=SUPERVISORS)
    before = len(await town.history(order))
    await town.wait(hours=5)
    assert len(await town.history(order)) == before
    armed = [t for t in town.parts.store.timers_audit(town.tenant) if t.state == "open"]
    assert not [t for t in armed if t.subject == f"order:{order.id}"]
    cancelled = [t for t in town.parts.store.timers_audit(town.tenant) if t.state == "cancelled"]
    assert all(t.reason for t in cancelled)
    assert not [q for q in await town.notices() if q.state == "pending"]


async def test_after_an_outage_each_missed_step_comes_once_and_says_how_late_it_is(
    town: Town,
) -> None:
    await town.say("c01", TRAPPED)
    order = await town.order()
    await town.clock.move(town.tenant, TUESDAY + timedelta(minutes=40))
    await town.parts.house.drain(town.tenant)
    events = {str(event.data["rung"]): event for event in await taken(town, order)}
    late = {rung: event.data["late_s"] for rung, event in events.items()}
    assert late["golden_warning"] == 28 * 60
    assert late["nag_handler"] == 10 * 60
    steps = Counter(str(event.data["step"]) for event in await taken(town, order))
    assert set(steps.values()) == {1}
    (to_the_group,) = [
        q for q in await about(town, "golden_warning") if q.notice.to == SUPERVISORS
    ]  # fmt: skip
    assert "迟到 28 分钟" in to_the_group.notice.text
    report = await town.audit()
    assert report.ok, str(report)
