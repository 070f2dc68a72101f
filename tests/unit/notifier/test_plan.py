from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from notice_stage import CUSTOMER, PHONE, Stage, actor, chat, company, origin

from notifier import plan
from workflow import commands as c
from workflow.company import Team
from workflow.errors import PaidanError
from workflow.events import Kind
from workflow.knowledge import Article
from workflow.ports import UnitOfWork
from workflow.records import Notice, Urgency
from workflow.work_order import WorkOrder

Open = Callable[..., Awaitable[Stage]]

GROUP, SUPERVISORS = chat("group:lift", "group"), chat("group:supervisors", "group")
NIGHT = datetime(2026, 11, 23, 23, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
MORNING = datetime(2026, 11, 24, 7, 30, tzinfo=ZoneInfo("Asia/Shanghai"))


def news(notices: Iterable[Notice]) -> list[Notice]:
    return [n for n in notices if n.kind not in {"card", "repaint"}]


def to(notices: Iterable[Notice], name: str) -> list[Notice]:
    return [n for n in notices if n.to.chat == name]


def one(notices: Iterable[Notice]) -> Notice:
    (only,) = notices
    return only


def card(notices: Iterable[Notice], name: str) -> Notice:
    return one(n for n in to(notices, name) if n.kind in {"card", "repaint"})


# --- customers --------------------------------------------------------------------------------


async def test_a_report_is_answered_with_its_number_before_anything_else(stage: Open) -> None:
    here = await stage()
    told = one(news(to(await here.report(), "customer:cust")))
    assert told.urgency == Urgency.REPLY
    assert here.handled.order.number in told.text
    assert "10:15" in told.text
    assert told.person == "cust"


async def test_the_number_and_the_one_question_come_in_one_text(stage: Open) -> None:
    here = await stage()
    told = one(
        news(to(await here.report(missing=("place", "phone"), place="", phone=""), "customer:cust"))
    )
    assert here.handled.order.number in told.text
    assert "什么位置" in told.text
    assert "手机号" not in told.text


async def test_answering_asks_for_the_next_thing_and_then_says_that_all_is_there(
    stage: Open,
) -> None:
    here = await stage()
    await here.report(missing=("place", "phone"), place="", phone="")
    told = await here.act(c.AddInfo, "cust", slots={"place": "5 号楼"}, missing=("phone",))
    assert "手机号" in one(news(to(told, "customer:cust"))).text
    told = await here.act(c.AddInfo, "cust", slots={"phone": PHONE}, missing=())
    assert "信息已齐" in one(news(to(told, "customer:cust"))).text


async def test_everybody_who_reports_the_same_is_told_the_same_number(stage: Open) -> None:
    here = await stage()
    await here.report()
    number = here.handled.order.number
    join = c.Join(
        actor("cust", here.company).__class__("other", "customer", "孙先生"),
        c.Origin(chat("visitor:9"), "v9", "孙先生", "m-join"),
        here.handled.order.id,
        details=c.Details("电梯坏了", fault_type="elevator"),
    )
    joined = one(news(to(await here.do(join), "visitor:9")))
    assert number in joined.text
    accepted = await here.act(c.Accept, here.handled.order.assignee)
    for name in ("customer:cust", "visitor:9"):
        assert number in one(news(to(accepted, name))).text


async def test_one_person_in_two_chats_is_told_once_and_both_cards_live(stage: Open) -> None:
    here = await stage()
    await here.report()
    again = c.Join(
        actor("cust", here.company),
        c.Origin(chat("visitor:1", channel="web"), "v1", "赵女士", "m2"),
        here.handled.order.id,
        details=c.Details("还是那部电梯", customer_id="cust"),
    )
    await here.do(again)
    accepted = await here.act(c.Accept, here.handled.order.assignee)
    told = [n for n in news(accepted) if n.person == "cust"]
    assert len(told) == 1
    assert told[0].to.chat == "visitor:1"
    assert chat("customer:cust") in told[0].fallbacks
    painted = {n.to.chat for n in accepted if n.kind == "card" and n.role == "customer"}
    assert painted == {"customer:cust", "visitor:1"}


async def test_internal_notes_never_reach_a_customer_public_ones_do(stage: Open) -> None:
    here = await stage()
    await here.report()
    secret = await here.act(c.Note, "chief", text="客户很难缠", internal=True)
    assert not to(secret, "customer:cust")
    assert not any("难缠" in n.text for n in secret if n.role == "customer")
    public = await here.act(c.Note, "chief", text="配件明天到", internal=False)
    assert "配件明天到" in one(news(to(public, "customer:cust"))).text


async def test_a_vip_is_told_who_comes_how_they_are_rated_and_by_when(stage: Open) -> None:
    here = await stage()
    await here.report()
    handler = here.company.staff[here.handled.order.assignee]
    told = one(news(to(await here.act(c.Accept, handler.id), "customer:cust")))
    assert handler.name in told.text
    assert "评分 5" in told.text
    assert "15:00" in told.text


async def test_customers_are_answered_in_their_own_language(stage: Open) -> None:
    here = await stage()

    def speak_english(uow: UnitOfWork) -> None:
        uow.people.put_customer(replace(CUSTOMER, locale="en"))

    await here.store.transact("demo", speak_english)
    notices = await here.report()
    told = one(news(to(notices, "customer:cust")))
    assert "We have your report" in told.text
    assert dict(card(notices, "customer:cust").card.fields)["Status"]  # type: ignore[union-attr]  # cards have one
    assert "请接单" in one(news(to(notices, "group:lift"))).text


async def test_closing_news_has_the_kinds_that_survive_closing(stage: Open) -> None:
    here = await stage()
    await here.report()
    gone = await here.act(c.Cancel, "cust", reason="不用来了")
    assert one(news(to(gone, "customer:cust"))).kind == "closed"
    assert "不用再去" in one(news(to(gone, "group:lift"))).text


async def test_a_follow_up_is_asked_for_gently(stage: Open) -> None:
    here = await stage()
    await here.report()
    who = here.handled.order.assignee
    for step in (c.Accept, c.Arrive, c.Complete):
        await here.act(step, who)
    closed = await here.act(c.Sign, "cust")
    assert one(news(to(closed, "customer:cust"))).kind == "survey"
    asked = await here.wait(3 * 24 * 60 + 1)
    follow_up = next(n for n in asked if "回访" in n.text)
    assert follow_up.urgency == Urgency.INFO


# --- the house --------------------------------------------------------------------------------


async def test_an_offer_mentions_its_person_in_the_group_and_shows_a_card(stage: Open) -> None:
    here = await stage()
    notices = await here.report()
    who = here.handled.order.assignee
    ping = one(news(to(notices, "group:lift")))
    assert ping.mentions == (who,)
    assert ping.person == who
    assert chat(f"staff:{who}") in ping.fallbacks
    shown = card(notices, "group:lift").card
    assert shown is not None
    accept = next(b for b in shown.buttons if b.action.do == "accept")
    assert accept.action.expect == "dispatched"
    assert accept.action.generation == 1
    assert accept.command == "接单 1"
    assert "为什么是" in shown.footer
    assert shown.deadline is not None
    labels = dict(shown.fields)
    assert labels["客户"] == "VIP 客户"
    assert labels["电话"] == "138****5678"
    assert "电梯停了" in shown.body


async def test_accepting_repaints_every_copy_and_only_then_shows_the_phone(stage: Open) -> None:
    here = await stage()
    offered = await here.report()
    who = here.handled.order.assignee
    assert PHONE not in repr(card(offered, f"staff:{who}").card)
    accepted = await here.act(c.Accept, who)
    for name in ("customer:cust", "group:lift", f"staff:{who}"):
        assert card(accepted, name).card
    assert dict(card(accepted, f"staff:{who}").card.fields)["电话"] == PHONE  # type: ignore[union-attr]  # it has a card
    assert PHONE not in repr(card(accepted, "group:lift").card)
    buttons = {b.action.do for b in card(accepted, "group:lift").card.buttons}  # type: ignore[union-attr]  # it has a card
    assert buttons == {"depart", "arrive", "hold", "reassign"}


async def test_who_accepted_is_not_told_so_by_news(stage: Open) -> None:
    here = await stage()
    await here.report()
    who = here.handled.order.assignee
    accepted = await here.act(c.Accept, who)
    assert not [n for n in news(accepted) if n.role == "engineer"]


async def test_reassigning_tells_both_and_leaves_a_farewell_where_it_was(stage: Open) -> None:
    here = await stage()
    await here.report()
    first = here.handled.order.assignee
    second = "li" if first == "wang" else "wang"
    await here.act(c.Accept, first)
    moved = await here.act(c.Reassign, "chief", to=second, reason="离得近")
    assert "离得近" in one(news(to(moved, f"staff:{first}"))).text
    assert one(news(to(moved, "group:lift"))).mentions == (second,)
    left = card(moved, f"staff:{first}")
    assert left.kind == "repaint"
    assert not left.card.buttons  # type: ignore[union-attr]  # it has a card
    assert PHONE not in repr(left.card)


async def test_claims_are_open_to_the_group(stage: Open) -> None:
    here = await stage(company(mode="claim"))
    notices = await here.report()
    ping = one(news(to(notices, "group:lift")))
    assert set(ping.mentions) == {"wang", "li"}
    assert [b.label for b in card(notices, "group:lift").card.buttons] == ["抢单"]  # type: ignore[union-attr]  # it has a card
    claimed = await here.act(c.Accept, "li")
    assert card(claimed, "group:lift").card.buttons[0].action.do == "depart"  # type: ignore[union-attr]  # it has a card


async def test_without_a_group_people_are_reached_directly(stage: Open) -> None:
    house = company(teams={"lift": Team("lift", "电梯组", "chief", "backup")})
    here = await stage(house)
    notices = await here.report()
    who = here.handled.order.assignee
    assert one(news(to(notices, f"staff:{who}"))).person == who


async def test_nobody_available_reaches_backup_and_supervisor_at_once(stage: Open) -> None:
    away = {key: replace(staff, skills={}) for key, staff in company().staff.items()}
    here = await stage(company(staff=away))
    notices = await here.report()
    told = one(news(to(notices, "group:supervisors")))
    assert told.urgency == Urgency.ESCALATION
    assert told.mentions == ("chief",)
    assert "没有这项技能" in told.text
    assert "首响兜底" in one(news(to(notices, "group:lift"))).text
    shown = card(notices, "group:supervisors").card
    assert shown is not None
    assert {"take_over", "reassign", "extend", "cancel"} <= {b.action.do for b in shown.buttons}


async def test_an_emergency_is_red_and_watched_by_supervisors_from_the_start(stage: Open) -> None:
    here = await stage()
    notices = await here.report(text="电梯困人", priority="P0")
    assert one(news(to(notices, "group:lift"))).urgency == Urgency.RED
    assert card(notices, "group:supervisors").card.tone == "danger"  # type: ignore[union-attr]  # it has a card


async def test_an_escalation_mentions_the_supervisor_with_a_card_that_mends_it(
    stage: Open,
) -> None:
    here = await stage()
    await here.report()
    climbed = [n for n in await here.wait(12.1) if "快到时限" in n.text]
    for name in ("group:lift", "group:supervisors"):
        ping = one(to(climbed, name))
        assert "chief" in ping.mentions
        assert ping.urgency <= Urgency.ESCALATION
    direct = one(to(climbed, "staff:chief"))
    assert direct.card is not None
    assert direct.card.buttons[0].action.do == "take_over"
    assert direct.text in direct.card.body
    assert direct.why.startswith("step_taken:")


async def test_a_stall_is_painted_red(stage: Open) -> None:
    here = await stage()
    await here.report()
    await here.act(c.Accept, here.handled.order.assignee)
    stalled = [n for n in await here.wait(125) if n.kind == "card"]
    assert to(stalled, "group:supervisors")[-1].card.tone == "danger"  # type: ignore[union-attr]  # it has a card


async def test_a_poor_rating_is_for_supervisors_only(stage: Open) -> None:
    here = await stage()
    await here.report()
    who = here.handled.order.assignee
    for step in (c.Accept, c.Arrive, c.Complete):
        await here.act(step, who)
    await here.act(c.Sign, "cust")
    rated = await here.act(c.Rate, "cust", score=1, comment="太慢了")
    assert "太慢了" in one(news(to(rated, "group:supervisors"))).text
    assert not news(to(rated, "group:lift"))


# --- when -------------------------------------------------------------------------------------


async def test_reminders_wait_for_the_morning_replies_offers_and_emergencies_do_not(
    stage: Open,
) -> None:
    here = await stage(now=NIGHT.astimezone(UTC))
    reported = await here.report()
    assert all(n.not_before is None for n in reported)
    nudged = news(await here.act(c.Nudge, "cust"))
    assert {n.not_before for n in nudged} == {MORNING}
    await here.report(text="电梯困人", priority="P0")
    assert {n.not_before for n in news(await here.act(c.Nudge, "cust"))} == {None}


async def test_of_a_nights_reminders_only_the_last_is_said_in_the_morning(stage: Open) -> None:
    here = await stage(now=NIGHT.astimezone(UTC))
    await here.report()
    first = one(news(await here.act(c.Nudge, "cust", text="快点")))
    here.now += timedelta(minutes=11)
    last = one(news(await here.act(c.Nudge, "cust", text="还没来吗")))
    assert first.topic == last.topic is not None
    waiting = [q for q in here.store.outbox_audit("demo") if q.notice.topic == last.topic]
    assert [q.state for q in waiting] == ["superseded", "pending"]


async def test_too_many_interruptions_become_one_digest_without_a_mention(stage: Open) -> None:
    here = await stage(interruptions=lambda _person: 20)
    await here.report()
    who = here.handled.order.assignee
    held = one(news(await here.act(c.Nudge, "cust")))
    assert held.topic == f"digest:{who}"
    assert held.to == chat(f"staff:{who}")
    assert held.mentions == ()
    assert held.not_before == here.now + timedelta(minutes=30)
    assert here.handled.order.number in held.text


# --- always -----------------------------------------------------------------------------------

_WALK: tuple[tuple[Callable[..., c.Command], str, dict[str, object]], ...] = (
    (c.Accept, "handler", {}),
    (c.Accept, "li", {}),
    (c.Decline, "handler", {"reason": f"没空，找我 {PHONE}"}),
    (c.Depart, "handler", {}),
    (c.Arrive, "handler", {}),
    (c.Diagnose, "handler", {"text": f"门机坏 {PHONE}"}),
    (c.AwaitParts, "handler", {"part": "皮带"}),
    (c.ReplacePart, "handler", {"part": "皮带"}),
    (c.Hold, "handler", {"reason": "waiting_parts"}),
    (c.Resume, "handler", {}),
    (c.Complete, "handler", {"text": f"好了 {PHONE}"}),
    (c.Sign, "cust", {}),
    (c.ReturnWork, "cust", {"reason": f"还没好 {PHONE}"}),
    (c.Rate, "cust", {"score": 2, "comment": f"差 {PHONE}"}),
    (c.Cancel, "cust", {"reason": "不用了"}),
    (c.Nudge, "cust", {"text": f"快 {PHONE}"}),
    (c.Note, "chief", {"text": f"打 {PHONE}", "internal": False}),
    (c.Note, "chief", {"text": f"打 {PHONE}", "internal": True}),
    (c.AddInfo, "cust", {"text": f"电话 {PHONE}", "slots": {"phone": PHONE}, "missing": ()}),
    (c.AddInfo, "cust", {"text": "不知道", "missing": ("place",)}),
    (c.Reassign, "chief", {"to": "li", "reason": f"近 {PHONE}"}),
    (c.TakeOver, "backup", {}),
    (c.ChangePriority, "chief", {"priority": "P0", "reason": "困人"}),
    (c.Correct, "chief", {"facts": {"place": f"5 号楼 {PHONE}"}, "reason": "写错"}),
    (c.Supervise, "chief", {"why": "mood", "text": f"气死了 {PHONE}"}),
    (c.ExtendDeadline, "chief", {"minutes": 30, "reason": "等件"}),
    (c.Triage, "chief", {"confirm": True}),
    (c.Triage, "chief", {"confirm": False, "reason": "误报"}),
)


async def _wander(here: Stage, chance: random.Random) -> None:
    """One work order's random life."""
    details: dict[str, object] = {
        "priority": chance.choice(["P0", "P1", "P2"]),
        "missing": chance.choice([(), ("place",)]),
        "triage": chance.random() < 0.2,
    }
    await here.report(f"电梯停了，打 {PHONE}", **details)
    for n in range(20):
        order = await _now(here)
        here.handled = replace(here.handled, order=order)
        if n % 7 == 3:
            await _one_more_reporter(here)
            continue
        if chance.random() < 0.25:
            await here.wait(chance.choice([1, 4, 13, 35]))
            continue
        kind, who, more = chance.choice(_WALK)
        by = (order.assignee or "wang") if who == "handler" else who
        with suppress(PaidanError):
            await here.act(kind, by, **more)


async def _one_more_reporter(here: Stage) -> None:
    place, order = origin(f"visitor:{len(here.changes)}", "v"), here.handled.order
    join = c.Join(
        actor("cust", here.company).__class__("v", "customer", "路人"),
        place,
        order.id,
        details=c.Details(f"电梯坏 {PHONE}"),
    )
    with suppress(PaidanError):
        await here.do(join)
        undo = c.UndoJoin(join.by, place, order.id, reporter=place.message)
        await here.do(undo)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mode", ["automatic", "claim"])
async def test_whatever_happens(stage: Open, seed: int, mode: str) -> None:
    here = await stage(company(mode=mode))
    await _wander(here, random.Random(seed))
    assert len({n.key for n in here.notices}) == len(here.notices)
    for change in here.changes:
        told = plan(change)
        assert told == plan(change), "the same change always plans the same"
        people = Counter(n.person for n in news(told) if n.person)
        assert not [who for who, times in people.items() if times > 1]
        chats = Counter((n.to, n.role == "customer") for n in news(told))
        assert not [place for place, times in chats.items() if times > 1]
        for notice in told:
            _check(notice, change.order.number, change.order.assignee)


def _check(notice: Notice, number: str, assignee: str) -> None:
    assert number in notice.text
    assert "{" not in notice.text
    assert "[" not in notice.text
    mine = notice.to.chat == f"staff:{assignee}"
    if not mine or notice.to.kind == "group":
        assert PHONE not in repr(notice.card)
    assert PHONE not in notice.text
    if notice.card is not None:
        assert notice.topic is None or notice.card.key == notice.topic
        for button in notice.card.buttons:
            assert button.label
            assert button.action.order == notice.order_id
            assert button.action.expect is not None
            assert button.action.generation is not None


async def test_every_kind_of_event_is_planned(stage: Open) -> None:
    here = await stage()
    await here.report(missing=("place",))
    await here.act(c.AddInfo, "cust", slots={"place": "5 号楼"}, missing=())
    mine = here.handled
    await _one_more_reporter(here)
    here.handled = mine
    await here.wait(6)
    await here.act(c.Decline, (await _now(here)).assignee, reason="没空")
    other = "li" if (await _now(here)).assignee != "li" else "wang"
    await here.act(c.Reassign, "chief", to=other, reason="近")
    await here.act(c.Accept, other)
    await here.act(c.TakeOver, "backup")
    for kind, more in (
        (c.Depart, {}),
        (c.Arrive, {}),
        (c.Diagnose, {"text": "门机"}),
        (c.AwaitParts, {"part": "皮带"}),
        (c.ReplacePart, {"part": "皮带"}),
        (c.Hold, {"reason": "waiting_parts"}),
        (c.Resume, {}),
        (c.Note, {"text": "快好了", "internal": False}),
        (c.Complete, {}),
    ):
        await here.act(kind, "backup", **more)
    await here.act(c.ReturnWork, "cust", reason="又停了")
    await here.act(c.RepeatAlarm, "cust", code="E07")
    await here.act(c.Nudge, "cust")
    await here.act(c.ChangePriority, "chief", priority="P0", reason="困人")
    await here.act(c.Correct, "chief", facts={"place": "6 号楼"})
    await here.act(c.Supervise, "chief")
    await here.act(c.ExtendDeadline, "chief", minutes=30, reason="等件")
    await here.act(c.Arrive, "backup")
    await here.act(c.Complete, "backup")
    await here.act(c.Sign, "cust")
    await here.act(c.Rate, "cust", score=5)
    await here.report(triage=True)
    await here.act(c.Triage, "chief", confirm=True)
    await here.act(c.Cancel, "cust")
    drip = Article("drip", "滴水", "关紧角阀").facts()
    for answer in (c.SelfUnsolved, c.SelfSolve):
        await here.report(priority="P2", article=drip)
        await here.act(answer, "cust")
    await here.report(priority="P2", article=drip)
    await here.wait(31)
    seen = {event.kind for change in here.changes for event in change.events}
    surges = {
        *(Kind.SURGE_DETECTED, Kind.CHILD_ADDED, Kind.CHILD_CLOSED, Kind.CHILD_DETACHED),
        *(Kind.CHILDREN_REACHED, Kind.SCRIPT_APPROVED, Kind.SURGE_DISMISSED, Kind.GATHERED),
        *(Kind.SCRIPT_SENT, Kind.DETACHED),
    }  # told in tests/scenario/test_surges.py
    elsewhere = {Kind.OPENED_FOR_CLAIM, Kind.NOBODY_AVAILABLE, *surges}
    told_by_nobody = {Kind.LINKED, Kind.FOLLOW_UP_OPENED}
    assert not set(Kind) - seen - elsewhere - told_by_nobody


async def _now(here: Stage) -> WorkOrder:
    order_id = here.handled.order.id
    return await here.store.read("demo", lambda uow: uow.orders.get(order_id))
