"""One work order from report to follow-up: its states, its history, its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.scenario.conftest import SUPERVISORS, Town, customer_chat, staff_chat, team_group
from workflow import commands as c
from workflow.errors import Conflict, StaleTicket
from workflow.events import STANDARD, Actor, Kind, verify
from workflow.ports import UnitOfWork
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

HOME, LIFT = team_group("home"), team_group("lift")
LIU, CHEN = customer_chat("c01"), customer_chat("c02")
TRAPPED = "3 栋 2 单元电梯困人了，快来人"
NO_COOLING = "我家空调不制冷，一直吹热风"
QUESTION = "空调滤网多久洗一次比较好？"


async def on_site(town: Town) -> WorkOrder:
    """An air conditioner's work order with its engineer on site."""
    await town.say("c02", NO_COOLING)
    order = await town.order()
    for do in ("accept", "depart", "arrive"):
        await town.press(order.assignee, do, chat=HOME)
        await town.wait(minutes=5)
    return await town.order()


async def completed(town: Town) -> WorkOrder:
    order = await on_site(town)
    await town.press(order.assignee, "complete", chat=HOME, text="补了氟，出风 12 度")
    return await town.order()


async def closed(town: Town) -> WorkOrder:
    await completed(town)
    await town.press("c02", "sign", chat=CHEN)
    return await town.order()


async def now_on(town: Town, order: WorkOrder) -> str:
    """The step the customer's progress line stands at."""
    card = await town.card(CHEN, order.number)
    return next(label for label, state in card.steps if state == "now")


# --- states ---------------------------------------------------------------------------------------


async def test_the_customer_sees_every_state_and_sub_status_on_the_progress_line(
    town: Town,
) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    seen = [await now_on(town, order)]
    states = [order.state]
    acts: list[tuple[str, dict[str, Any]]] = [
        ("accept", {}),
        ("depart", {}),
        ("arrive", {}),
        ("diagnose", {"text": "缺氟"}),
        ("await_parts", {"part": "压缩机电容"}),
        ("replace_part", {"part": "压缩机电容"}),
        ("hold", {"reason": "waiting_customer"}),
        ("resume", {}),
        ("complete", {"text": "好了"}),
    ]
    for do, args in acts:
        await town.press(order.assignee, do, chat=HOME, **args)
        seen.append(await now_on(town, order))
        states.append((await town.order()).state)
    await town.press("c02", "sign", chat=CHEN)
    states.append((await town.order()).state)
    assert seen == [
        "待接单", "已接单", "已出发", "已到场", "处理中", "待配件", "换件完成",
        "挂起（等客户）", "换件完成", "待签字",
    ]  # fmt: skip
    assert set(states) == set(State) - {State.NEW}
    card = await town.card(CHEN, order.number)
    assert {state for _, state in card.steps} == {"done"}


async def test_a_report_nobody_can_take_yet_is_new(town: Town) -> None:
    await town.say("visitor-1", "空调不制冷，一直吹热风", sender_name="路人")
    order = await town.order()
    assert (order.state, order.sub) == (State.NEW, Sub.AWAITING_INFO)


async def test_a_skipped_step_is_refused_and_named(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=HOME)
    before = await town.history(order)
    await town.say(order.assignee, "完成 1 修好了", chat=HOME)
    said = await town.last(HOME)
    assert "先「到场」" in said
    assert "「完成」" in said
    assert await town.history(order) == before


async def test_every_standard_event_carries_actor_channel_and_time_since_the_last(
    town: Town,
) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    plan: list[tuple[str, dict[str, Any]]] = [
        ("accept", {}),
        ("depart", {}),
        ("arrive", {"geo": [31.2293, 121.5455]}),
        ("diagnose", {"text": "电容鼓包"}),
        ("replace_part", {"part": "电容", "quantity": 2}),
        ("complete", {"text": "已换"}),
    ]
    for do, args in plan:
        await town.wait(minutes=3)
        await town.press(order.assignee, do, chat=HOME, **args)
    await town.wait(minutes=3)
    await town.press("c02", "sign", chat=CHEN)
    await town.press("c02", "rate", chat=CHEN, rating=4)
    history = await town.history(order)
    by_kind = {event.kind: event for event in history}
    assert set(STANDARD) <= set(by_kind)
    assert [event.seq for event in history] == list(range(1, len(history) + 1))
    for kind in (Kind.DEPARTED, Kind.ARRIVED, Kind.DIAGNOSED, Kind.PART_REPLACED, Kind.COMPLETED):
        event = by_kind[kind]
        assert (event.actor.id, event.actor.role) == (order.assignee, "engineer")
        assert (event.channel, event.chat) == ("sandbox", "group:home")
        assert event.since_previous == 180
    assert by_kind[Kind.ARRIVED].geo == (31.2293, 121.5455)
    assert by_kind[Kind.PART_REPLACED].data["quantity"] == 2
    assert by_kind[Kind.ACCEPTED_BY_CUSTOMER].actor.role == "customer"
    assert by_kind[Kind.RATED].data["score"] == 4


async def test_the_history_is_one_unbroken_chain(town: Town) -> None:
    order = await closed(town)
    history = await town.history(order)
    assert verify(history, order.head) is None
    assert verify(history[:-1], order.head) is not None
    assert verify([*history[:2], *history[3:]]) is not None


# --- expected versions ----------------------------------------------------------------------------


async def test_a_command_with_an_old_state_or_assignment_is_refused(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    engineer = Actor(order.assignee, "engineer")

    def accept(expect: str, generation: int) -> c.Accept:
        return c.Accept(engineer, c.Origin(), order.id, expect=expect, generation=generation)

    async def handle(command: c.Command) -> None:
        now = town.clock.now(town.tenant)
        await town.parts.store.transact(
            town.tenant, lambda uow: town.parts.service.handle(command, uow, now)
        )

    with pytest.raises(StaleTicket):
        await handle(accept("new", 1))
    with pytest.raises(StaleTicket):
        await handle(accept("dispatched", 0))
    await handle(accept("dispatched", 1))
    assert (await town.order()).state == State.IN_PROGRESS


async def test_a_row_that_moved_on_is_never_overwritten(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    old = await town.order()
    await town.press(old.assignee, "accept", chat=HOME)

    def overwrite(uow: UnitOfWork) -> None:
        uow.orders.save(old, (), old.version)

    with pytest.raises(Conflict):
        await town.parts.store.transact(town.tenant, overwrite)
    assert (await town.order()).state == State.IN_PROGRESS


# --- acceptance -----------------------------------------------------------------------------------


async def test_finished_work_waits_for_the_customer_with_what_was_done(town: Town) -> None:
    order = await completed(town)
    assert (order.state, order.sub) == (State.AWAITING_ACCEPTANCE, Sub.AWAITING_SIGNATURE)
    told = await town.last(CHEN)
    assert order.number in told
    assert "补了氟" in told
    card = await town.card(CHEN, order.number)
    assert {b.action.do for b in card.buttons} == {"sign", "return_work"}


async def test_the_report_may_carry_pictures(town: Town) -> None:
    order = await on_site(town)
    photo = {"kind": "image", "blob": "ab" * 32, "mime": "image/jpeg", "name": "修后.jpg"}
    await town.say(order.assignee, "完成 1 换了电容", chat=HOME, media=[photo])
    order = await town.order()
    assert order.state == State.AWAITING_ACCEPTANCE
    assert [media.name for media in order.media] == ["修后.jpg"]


async def test_not_fixed_goes_back_to_the_same_engineer_with_the_reason(town: Town) -> None:
    order = await completed(town)
    await town.press("c02", "return_work", chat=CHEN, reason="还是不冷")
    after = await town.order()
    assert (after.state, after.assignee) == (State.IN_PROGRESS, order.assignee)
    returned = (await town.history(after))[-1]
    assert (returned.kind, returned.data["reason"]) == (Kind.RETURNED, "还是不冷")
    assert any("还是不冷" in text for text in await town.heard(HOME))
    await town.press(order.assignee, "arrive", chat=HOME)
    await town.press(order.assignee, "complete", chat=HOME, text="加压后正常")
    await town.press("c02", "sign", chat=CHEN)
    assert (await town.order()).state == State.CLOSED


async def test_signing_closes_and_asks_for_stars(town: Town) -> None:
    order = await closed(town)
    assert (order.state, order.outcome) == (State.CLOSED, "completed")
    assert "打分" in await town.last(CHEN)
    button = await town.button(CHEN, "rate")
    assert [value for value, _ in button.choices] == ["5", "4", "3", "2", "1"]


@pytest.mark.parametrize("stars", ["0", "6", "abc", ""])
async def test_stars_outside_one_to_five_are_refused(town: Town, stars: str) -> None:
    await closed(town)
    await town.press("c02", "rate", chat=CHEN, rating=stars)
    assert (await town.order()).rating == 0
    assert "评分" in await town.last(CHEN)


async def test_stars_count_once_and_go_on_the_engineers_record(town: Town) -> None:
    order = await closed(town)
    earlier = town.company.staff[order.assignee].ratings
    unrated = await town.card(CHEN, order.number)
    await town.press("c02", "rate", chat=CHEN, rating=3, comment="来晚了")
    await town.say("c02", "评分 5")
    await town.press("c02", "rate", chat=CHEN, card=unrated, rating=5)
    assert "已经做过" in await town.last(CHEN)
    order = await town.order()
    assert (order.rating, order.comment) == (3, "来晚了")
    company = await town.read(lambda uow: uow.company)
    assert company.staff[order.assignee].ratings == (3.0, *earlier)
    assert (await town.kinds(order)).count(Kind.RATED) == 1


async def test_a_poor_rating_reaches_the_supervisor(town: Town) -> None:
    order = await closed(town)
    await town.press("c02", "rate", chat=CHEN, rating=1, comment="态度差")
    told = [text for text in await town.heard(SUPERVISORS) if order.number in text]
    assert any("1 分" in text and "态度差" in text for text in told)


async def test_silence_closes_by_itself_and_says_so(town: Town) -> None:
    order = await completed(town)
    await town.wait(hours=47, minutes=59)
    assert (await town.order()).state == State.AWAITING_ACCEPTANCE
    await town.wait(minutes=2)
    order = next(o for o in await town.orders() if o.number == order.number)
    assert (order.state, order.outcome) == (State.CLOSED, "completed")
    last = (await town.history(order))[-1]
    assert (last.kind, last.data["auto"]) == (Kind.CLOSED, True)
    assert order.completed_at is not None
    assert last.at - order.completed_at == timedelta(hours=48)
    assert any("自动完成" in text for text in await town.heard(CHEN))


async def test_thanks_never_reopens(town: Town) -> None:
    order = await closed(town)
    await town.say("c02", "谢谢师傅，辛苦了")
    assert [o.number for o in await town.orders()] == [order.number]
    assert (await town.order()).state == State.CLOSED


# --- cancelling -----------------------------------------------------------------------------------


async def test_the_customer_cancels_after_one_confirmation(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.press("c02", "cancel", chat=CHEN)
    assert (await town.order()).open
    assert f"确定取消工单 {order.number}" in await town.last(CHEN)
    await town.press("c02", "confirm_cancel", chat=CHEN)
    order = await town.order()
    assert (order.state, order.outcome) == (State.CLOSED, "cancelled")
    assert any("不用再去" in text for text in await town.heard(HOME))


async def test_keeping_it_after_all_changes_nothing(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.press("c02", "cancel", chat=CHEN)
    await town.press("c02", "keep", chat=CHEN)
    assert (await town.order()).state == State.DISPATCHED


async def test_a_supervisor_cancels_with_a_reason(town: Town) -> None:
    await town.say("c01", TRAPPED)
    order = await town.order()
    await town.say("zhoulan", f"取消 {order.number}", chat=SUPERVISORS)
    assert "原因" in await town.last(SUPERVISORS)
    assert (await town.order()).open
    await town.press("zhoulan", "cancel", chat=SUPERVISORS, reason="演习，无人被困")
    order = await town.order()
    assert (order.state, order.outcome) == (State.CLOSED, "cancelled")
    assert "演习" in await town.last(LIU)


# --- afterwards -----------------------------------------------------------------------------------


async def follow_ups(town: Town, order: WorkOrder) -> list[WorkOrder]:
    return [o for o in await town.orders() if ("follow_up", order.id) in o.links]


async def test_three_days_later_there_is_exactly_one_follow_up_work_order(town: Town) -> None:
    order = await closed(town)
    await town.wait(days=2, hours=23, minutes=59)
    assert not await follow_ups(town, order)
    await town.wait(minutes=2)
    (opened,) = await follow_ups(town, order)
    assert (opened.customer_id, opened.fault_type) == (order.customer_id, order.fault_type)
    assert (opened.place, opened.priority) == (order.place, "P2")
    linked = (await town.history(order))[-1]
    assert (linked.kind, linked.data["number"]) == (Kind.FOLLOW_UP_OPENED, opened.number)
    assert any(opened.number in text and "回访" in text for text in await town.heard(CHEN))
    await town.wait(hours=20)
    assert await follow_ups(town, order) == [
        next(o for o in await town.orders() if o.id == opened.id)
    ]
    report = await town.audit()
    assert report.ok, str(report)


async def test_what_was_cancelled_has_no_follow_up(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.say("chenwei", f"取消 {order.number} 客户自己修好了", chat=SUPERVISORS)
    await town.wait(days=4)
    assert not await follow_ups(town, order)


async def test_the_next_maintenance_is_booked_with_everything_filled_in(town: Town) -> None:
    order = await closed(town)
    await town.press("c02", "book_maintenance", chat=CHEN)
    booked = await town.order()
    assert booked.number != order.number
    assert booked.links == (("maintenance", order.id),)
    same = ("customer_id", "place", "device", "serial", "asset_id", "fault_type")
    assert [getattr(booked, name) for name in same] == [getattr(order, name) for name in same]
    assert booked.priority == "P2"
    assert "保养" in booked.text
    assert any(booked.number in text for text in await town.heard(CHEN))
    await town.press("c02", "book_maintenance", chat=CHEN)
    assert len(await town.orders()) == 2


async def test_a_question_afterwards_opens_no_work_order(town: Town) -> None:
    await closed(town)
    await town.say("c02", QUESTION)
    assert len(await town.orders()) == 1


async def test_whoever_has_the_job_finds_it_in_their_own_list(town: Town) -> None:
    order = await on_site(town)
    await town.say(order.assignee, "我的单")
    said = await town.last(staff_chat(order.assignee))
    assert order.number in said
    assert "已到场" in said
