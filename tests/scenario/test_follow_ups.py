"""After the report: more words, progress, nudges, second thoughts, thanks, and broken again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.scenario.conftest import (
    SUPERVISORS,
    TUESDAY,
    Town,
    customer_chat,
    staff_chat,
    team_group,
)
from workflow.events import Kind
from workflow.records import ChatRef
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

HOME = team_group("home")
CHEN, STRANGER = customer_chat("c02"), customer_chat("v1")
NO_COOLING = "我家空调不制冷，一直吹热风"
PICTURE = {"kind": "image", "name": "出风口.jpg", "mime": "image/jpeg"}


async def in_progress(town: Town) -> WorkOrder:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    for do in ("accept", "depart", "arrive"):
        await town.press(order.assignee, do, chat=HOME)
    return await town.order()


async def completed(town: Town) -> WorkOrder:
    order = await in_progress(town)
    await town.press(order.assignee, "complete", chat=HOME, text="补了氟")
    return await town.order()


async def closed(town: Town) -> WorkOrder:
    await completed(town)
    await town.press("c02", "sign", chat=CHEN)
    return await town.order()


# --- more of the same -----------------------------------------------------------------------------


async def test_words_pictures_and_voice_join_the_report_they_follow(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.wait(minutes=2)
    await town.say("c02", media=[PICTURE])
    await town.say("c02", "好像还有点异响")
    voice = {"kind": "voice", "name": "a.amr", "transcript": "门口有狗，来之前打个电话"}
    await town.say("c02", media=[voice])
    (order,) = await town.orders()
    added = [e for e in await town.history(order) if e.kind == Kind.INFO_ADDED]
    assert len(added) == 3
    assert [m.name for m in order.media] == ["出风口.jpg", "a.amr"]
    assert order.number in await town.last(CHEN)
    assert (order.place, order.fault_type) == ("锦绣苑5栋1单元1102室", "hvac")


@pytest.mark.parametrize(
    ("words", "slot", "value"),
    [
        ("5栋1单元302", "place", "5栋1单元302"),
        ("电话13812345678", "phone", "13812345678"),
        ("不对，是302室", "place", "302室"),
    ],
)
async def test_a_place_or_phone_nobody_asked_for_corrects_the_work_order(
    town: Town, words: str, slot: str, value: str
) -> None:
    await town.say("c02", NO_COOLING)
    await town.wait(minutes=2)
    await town.say("c02", words)
    (order,) = await town.orders()
    assert getattr(order, slot) == value
    assert order.number in await town.last(CHEN)
    (*_, added) = [e for e in await town.history(order) if e.kind == Kind.INFO_ADDED]
    assert added.data["slots"] == {slot: value}


async def test_long_after_the_report_a_bare_place_changes_nothing(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    place = (await town.order()).place
    await town.wait(hours=3)
    await town.say("c02", "5栋1单元302")
    assert (await town.orders())[0].place == place


async def test_danger_told_afterwards_makes_it_an_emergency(town: Town) -> None:
    await town.say("c02", "我家插座没电了")
    assert (await town.order()).priority != "P0"
    await town.say("c02", "插座冒烟着火了")
    urgent = [o for o in await town.orders() if o.priority == "P0"]
    assert [o.state for o in urgent] == [State.DISPATCHED]


# --- where things stand ---------------------------------------------------------------------------


async def test_progress_tells_state_handler_and_deadline(town: Town) -> None:
    order = await in_progress(town)
    await town.say("c02", "师傅到哪了")
    said = await town.last(CHEN)
    assert order.number in said
    assert "已到场" in said
    assert town.company.staff[order.assignee].name in said
    assert "截止" in said


async def test_a_nudge_reaches_the_handler_once_a_window(town: Town) -> None:
    order = await in_progress(town)
    await town.say("c02", "催一下")
    assert "已帮您催办" in await town.last(CHEN)
    await town.say("c02", "快点啊，怎么还没好")
    assert "刚催过" in await town.last(CHEN)
    assert (await town.kinds(order)).count(Kind.NUDGED) == 1
    await town.wait(minutes=11)
    await town.say("c02", "催一下")
    assert (await town.kinds(order)).count(Kind.NUDGED) == 2
    nudged = [n for n in await town.notices() if n.notice.why == "nudged"]
    assert {n.notice.person for n in nudged} >= {order.assignee}


async def test_a_stranger_finds_their_progress_by_the_phone_they_left(town: Town) -> None:
    order = await in_progress(town)
    await town.say("v1", "师傅到哪了")
    assert "手机号" in await town.last(STRANGER)
    await town.say("v1", "电话13900000002")
    said = await town.last(STRANGER)
    assert order.number in said
    assert "已到场" in said
    assert "锦绣苑" not in said
    assert "13900000002" not in said
    assert town.company.staff[order.assignee].name not in said
    await town.say("v1", "现在到哪了")
    assert order.number in await town.last(STRANGER)


async def test_a_work_orders_number_alone_tells_a_stranger_nothing(town: Town) -> None:
    order = await in_progress(town)
    await town.say("v1", "查一下进度")
    await town.say("v1", order.number)
    first = await town.last(STRANGER)
    await town.say("v1", "WO-20261124-0999")
    assert await town.last(STRANGER) == first
    await town.say("v1", "13900000001")
    assert order.number not in await town.last(STRANGER)
    await town.say("v1", order.number)
    await town.say("v1", "13900000002")
    assert order.number in await town.last(STRANGER)


async def test_what_was_found_by_phone_can_only_be_looked_at(town: Town) -> None:
    order = await in_progress(town)
    before = await town.history(order)
    await town.say("v1", "师傅到哪了")
    await town.say("v1", "13900000002")
    for words in ("取消 1", "催一下", "修好了", "评分 1 差劲", "不用来了", "确认取消"):
        await town.say("v1", words)
    for do in ("confirm_cancel", "sign", "nudge"):
        await town.say("v1", chat=STRANGER, action={"do": do, "order": order.id})
    assert await town.history(order) == before


async def test_a_number_no_report_was_left_with_finds_nothing(town: Town) -> None:
    await town.say("v1", "师傅到哪了")
    await town.say("v1", "13700000009")
    assert "没查到" in await town.last(STRANGER)
    assert await town.orders() == []


# --- second thoughts ------------------------------------------------------------------------------


async def test_cancelling_takes_one_confirmation_and_stops_everything(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.say("c02", "不用来了，自己好了")
    assert "确定取消" in await town.last(CHEN)
    assert (await town.order()).state == State.DISPATCHED
    await town.say("c02", "是的")
    order = await town.order()
    assert (order.state, order.outcome) == (State.CLOSED, "cancelled")
    assert order.number in await town.last(CHEN)
    steps = await town.kinds(order)
    await town.wait(hours=5)
    assert await town.kinds(order) == steps


@pytest.mark.parametrize(("words", "which"), [("空调不用修了", 0), ("马桶不用修了", 1)])
async def test_what_is_named_is_what_is_cancelled(town: Town, words: str, which: int) -> None:
    await town.say("c02", NO_COOLING)
    await town.say("c02", "马桶堵了")
    await town.say("c02", words)
    await town.say("c02", "确认取消")
    orders = await town.orders()
    assert [o.open for o in orders] == [n != which for n in range(2)]


async def test_danger_beside_a_cancellation_is_not_lost(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.say("c02", "不用来修空调了，厨房煤气漏了！")
    first, second = await town.orders()
    assert first.open
    assert second.priority in {"P0", "P1"}
    assert second.number in "".join(await town.heard(CHEN))


async def test_cancelling_thought_better_of_leaves_it_open(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.say("c02", "不用来了")
    await town.press("c02", "keep", chat=CHEN)
    assert "继续处理" in await town.last(CHEN)
    await town.say("c02", "是的")
    assert (await town.order()).state == State.DISPATCHED


async def test_one_of_two_reporters_cannot_cancel_for_the_other(town: Town) -> None:
    await town.say("c01", "3栋2单元电梯停了")
    await town.say("c03", "3栋2单元电梯停了")
    await town.say("c01", "不用来了")
    await town.say("c01", "确认取消")
    (order,) = await town.orders()
    assert order.open
    assert "还有 1 人" in await town.last(customer_chat("c01"))


async def test_a_cancel_without_anything_to_cancel_says_so(town: Town) -> None:
    await town.say("v1", "不用来了")
    assert "没有进行中的报修" in await town.last(STRANGER)
    assert await town.orders() == []
    assert not await town.cases()


async def test_gas_named_in_passing_opens_for_a_person_to_look_at_once(town: Town) -> None:
    await town.say("v1", "燃气公司说要我们自己报，表具漏气，已经关阀了")
    (order,) = await town.orders()
    assert order.priority in {"P0", "P1"}
    assert order.number in (await town.heard(STRANGER))[0]
    if order.sub == Sub.TRIAGE:
        (case,) = await town.cases()
        assert case.order_id == order.id
        assert "调度员正在确认" in (await town.heard(STRANGER))[0]


async def test_a_fault_somebody_says_they_reported_is_looked_at_by_a_person(town: Town) -> None:
    await town.say("v1", "昨晚报的开水器不加热，你们师傅说十点到，这都两点了")
    said = "".join(await town.heard(STRANGER))
    if await town.orders():
        assert (await town.order()).number in said
    else:
        (case,) = await town.cases()
        assert case.kind in {"triage", "complaint"}
        assert "没有进行中的报修" not in said
        assert [n for n in await town.notices() if n.notice.to == SUPERVISORS]


# --- thanks and broken again ----------------------------------------------------------------------


@pytest.mark.parametrize("words", ["谢谢", "好的收到", "谢谢师傅，修得很好", "👍"])
async def test_thanks_never_reopen(town: Town, words: str) -> None:
    order = await closed(town)
    before = await town.history(order)
    await town.say("c02", words)
    assert await town.history(order) == before
    assert len(await town.orders()) == 1
    assert not await town.cases()


@pytest.mark.parametrize("words", ["又坏了", "还是不制冷", "空调又不制冷了"])
async def test_broken_again_before_signing_goes_back_to_work(town: Town, words: str) -> None:
    order = await completed(town)
    await town.say("c02", words)
    (again,) = await town.orders()
    assert (again.number, again.state) == (order.number, State.IN_PROGRESS)
    (returned,) = [e for e in await town.history(again) if e.kind == Kind.RETURNED]
    assert returned.data["reason"] == words
    assert order.number in await town.last(CHEN)


@pytest.mark.parametrize("words", ["空调又不制冷了", "又坏了"])
async def test_broken_again_after_closing_is_a_linked_work_order(town: Town, words: str) -> None:
    order = await closed(town)
    await town.wait(hours=1)
    await town.say("c02", words)
    first, second = await town.orders()
    assert (first.state, first.id) == (State.CLOSED, order.id)
    assert second.links == (("recurrence", order.id),)
    assert (second.fault_type, second.place) == ("hvac", order.place)
    assert second.state == State.DISPATCHED
    assert second.number in "".join(await town.heard(CHEN))


async def test_broken_again_long_after_is_a_report_like_any_other(town: Town) -> None:
    await closed(town)
    await town.clock.move(town.tenant, TUESDAY + timedelta(days=31))
    await town.say("c02", NO_COOLING)
    links = [relation for o in await town.orders() for relation, _ in o.links]
    assert "recurrence" not in links
    assert [o.text for o in await town.orders()].count(NO_COOLING) == 2


@pytest.mark.parametrize("words", ["空调又不制冷了", "又坏了"])
async def test_broken_again_is_never_lost_in_the_follow_up_call(town: Town, words: str) -> None:
    order = await closed(town)
    await town.wait(days=3, hours=1)
    assert ("follow_up", order.id) in (await town.order()).links
    await town.say("c02", words)
    again = await town.order()
    assert again.links == (("recurrence", order.id),)
    assert (again.priority, again.state) == ("P1", State.DISPATCHED)


# --- two faults at once ---------------------------------------------------------------------------

TWO = "空调不制冷，另外厨房水龙头漏水"


async def test_two_faults_in_one_message_offer_to_split(town: Town) -> None:
    await town.say("c02", TWO)
    (order,) = await town.orders()
    assert order.number in (await town.heard(CHEN))[0]
    await town.press("c02", "split", chat=CHEN)
    first, second = await town.orders()
    assert {first.fault_type, second.fault_type} == {"hvac", "plumbing"}
    assert second.links == (("split", first.id),)
    assert first.text == TWO
    assert second.number in "".join(await town.heard(CHEN))
    await town.press("c02", "split", chat=CHEN)
    assert len(await town.orders()) == 2


async def test_two_faults_may_stay_together(town: Town) -> None:
    await town.say("c02", TWO)
    await town.say("c02", "不用拆")
    assert len(await town.orders()) == 1
    assert "一起处理" in await town.last(CHEN)


# --- what is said to whom (38) --------------------------------------------------------------------


async def test_an_internal_note_never_reaches_a_customer(town: Town) -> None:
    order = await in_progress(town)
    await town.say(order.assignee, "备注 1 客户脾气大，注意态度", chat=HOME)
    await town.say(order.assignee, "回复 1 配件下午到，三点前装好", chat=HOME)
    heard = "".join(await town.heard(CHEN))
    assert "配件下午到" in heard
    assert "脾气" not in heard
    shown = [n.notice for n in await town.notices() if n.notice.role == "customer"]
    assert not [n for n in shown if "脾气" in n.text or "脾气" in str(n.card)]
    assert (await town.kinds(order)).count(Kind.NOTED) == 2


async def test_a_written_answer_is_the_first_response(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.wait(minutes=2)
    order = await town.order()
    await town.say(order.assignee, "回复 1 我半小时后到", chat=HOME)
    order = await town.order()
    assert order.first_responded_at is not None
    assert order.opened_at is not None
    assert order.first_responded_at - order.opened_at == timedelta(minutes=2)


async def test_a_question_about_open_work_reaches_its_handler(town: Town) -> None:
    order = await in_progress(town)
    await town.say("c02", "换个压缩机大概多少钱？")
    (*_, last) = await town.history(order)
    assert last.kind == Kind.INFO_ADDED
    assert "压缩机" in str(last.data["text"])


async def test_phones_are_masked_in_groups_and_whole_for_the_handler(town: Town) -> None:
    order = await in_progress(town)
    await town.say("c02", "打我老婆电话13812345678")
    for chat in (HOME, SUPERVISORS):
        lines = await town.lines(chat)
        shown = "".join(line.text + str(line.card) for line in lines if line.direction == "out")
        assert "13812345678" not in shown
        assert "13900000002" not in shown
    alone = await town.lines(staff_chat(order.assignee))
    assert "13900000002" in "".join(str(line.card) for line in alone) or not alone


async def test_a_customer_sees_only_their_own(town: Town) -> None:
    order = await in_progress(town)
    for words in ("进度 1", f"{order.number} 到哪了", "取消 1"):
        await town.say("c01", words)
        assert "锦绣苑5栋" not in await town.last(customer_chat("c01"))
    web = ChatRef("web", "visitor:9")
    await town.say("visitor:9", "进度 1", chat=web)
    assert order.number not in await town.last(web)
    assert (await town.order()).open
