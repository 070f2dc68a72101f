"""Cards that live, buttons that cannot lie, and the same in typed words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.scenario.conftest import (
    SUPERVISORS,
    Town,
    customer_chat,
    staff_chat,
    team_group,
)
from workflow.events import Kind
from workflow.kept import Post
from workflow.records import Action, Button, Card, ChatRef
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

HOME, LIFT = team_group("home"), team_group("lift")
LIU, CHEN = customer_chat("c01"), customer_chat("c02")
TRAPPED = "3 栋 2 单元电梯困人了，快来人"
NO_COOLING = "我家空调不制冷，一直吹热风"
CRACK = "大厅墙面瓷砖脱落了一块，请来修一下"


async def dispatched(town: Town) -> WorkOrder:
    await town.say("c02", NO_COOLING)
    return await town.order()


async def card_lines(town: Town, chat: ChatRef, order: WorkOrder) -> list[Post]:
    """The lines of a chat that show this work order's card, with or without buttons."""
    lines = [line for line in await town.lines(chat) if line.card]
    return [ln for ln in lines if ln.card and order.id in ln.card.key]


def does(card: Card) -> list[str]:
    return [button.action.do for button in card.buttons]


# --- one living card ------------------------------------------------------------------------------


async def test_a_chat_has_one_card_of_a_work_order_and_it_is_repainted_in_place(
    town: Town,
) -> None:
    order = await dispatched(town)
    places = (HOME, CHEN, staff_chat(order.assignee))
    first = {place: await card_lines(town, place, order) for place in places}
    assert all(len(lines) == 1 for lines in first.values())
    acts: list[tuple[str, str, ChatRef, dict[str, Any]]] = [
        (order.assignee, "accept", HOME, {}),
        (order.assignee, "depart", HOME, {}),
        (order.assignee, "arrive", HOME, {}),
        (order.assignee, "complete", HOME, {"text": "好了"}),
        ("c02", "sign", CHEN, {}),
    ]
    for who, do, chat, args in acts:
        await town.wait(minutes=2)
        await town.press(who, do, chat=chat, **args)
        for place in places:
            (line,) = await card_lines(town, place, order)
            assert line.id == first[place][0].id
            assert line.edited_at == town.clock.now(town.tenant)
    (line,) = await card_lines(town, HOME, order)
    assert line.card is not None
    assert "已完成" in line.card.subtitle
    assert not line.card.buttons


async def test_a_change_that_shows_nothing_new_repaints_nothing(town: Town) -> None:
    order = await dispatched(town)
    (before,) = await card_lines(town, CHEN, order)
    await town.wait(minutes=1)
    await town.say("chenwei", "备注 1 老客户", chat=SUPERVISORS)
    (after,) = await card_lines(town, CHEN, order)
    assert after == before


async def test_an_emergencys_card_comes_down_with_the_news_and_only_the_newest_has_buttons(
    town: Town,
) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=13)
    order = await town.order()
    for chat in (LIFT, SUPERVISORS):
        shown = await card_lines(town, chat, order)
        live = [line for line in shown if line.card and line.card.buttons]
        assert live == shown[-1:]
        assert "下面的卡片" in "".join(ln.card.subtitle for ln in shown[:-1] if ln.card)


async def test_whoever_lost_the_job_sees_a_farewell_instead_of_buttons(town: Town) -> None:
    order = await dispatched(town)
    await town.press(order.assignee, "decline", chat=HOME, reason="手上有急单")
    card = await town.card(staff_chat(order.assignee), order.number)
    assert not card.buttons
    assert "已不在你这里" in card.subtitle
    after = await town.order()
    assert does(await town.card(staff_chat(after.assignee), order.number))[0] == "accept"


# --- all buttons ----------------------------------------------------------------------------------


async def test_engineers_have_exactly_the_buttons_that_can_be_pressed_now(town: Town) -> None:
    order = await dispatched(town)
    site = {"complete", "advise", "diagnose", "replace_part", "await_parts", "hold", "reassign"}
    walk: list[tuple[set[str], str, dict[str, Any]]] = [
        ({"accept", "decline", "reassign"}, "accept", {}),
        ({"depart", "arrive", "hold", "reassign"}, "depart", {}),
        ({"arrive", "hold", "reassign"}, "arrive", {}),
        (site, "diagnose", {"text": "缺氟"}),
        (site, "await_parts", {"text": "电容"}),
        (
            {"replace_part", "complete", "advise", "hold", "reassign"},
            "replace_part",
            {"text": "电容"},
        ),
        (site, "hold", {"reason": "safety"}),
        ({"resume", "reassign"}, "resume", {}),
        (site, "complete", {"text": "好了"}),
        (set(), "", {}),
    ]
    for buttons, do, args in walk:
        for place in (HOME, staff_chat(order.assignee)):
            assert set(does(await town.card(place, order.number))) == buttons
        if do:
            await town.press(order.assignee, do, chat=staff_chat(order.assignee), **args)
    assert (await town.order()).state == State.AWAITING_ACCEPTANCE


async def test_customers_have_exactly_the_buttons_that_can_be_pressed_now(town: Town) -> None:
    order = await dispatched(town)
    assert does(await town.card(CHEN, order.number)) == ["nudge", "cancel"]
    for do in ("accept", "arrive"):
        await town.press(order.assignee, do, chat=HOME)
        assert does(await town.card(CHEN, order.number)) == ["nudge", "cancel"]
    await town.press("c02", "nudge", chat=CHEN)
    assert any("客户在催" in text for text in await town.heard(HOME))
    await town.press(order.assignee, "complete", chat=HOME, text="好了")
    assert does(await town.card(CHEN, order.number)) == ["sign", "return_work"]
    await town.press("c02", "sign", chat=CHEN)
    assert does(await town.card(CHEN, order.number)) == ["rate", "book_maintenance"]
    await town.press("c02", "rate", chat=CHEN, rating=5)
    assert does(await town.card(CHEN, order.number)) == ["book_maintenance"]


@pytest.mark.parametrize(
    ("do", "args", "kind"),
    [
        ("take_over", {}, Kind.TAKEN_OVER),
        ("reassign", {"staff": "zhouming", "reason": "更近"}, Kind.REASSIGNED),
        ("extend", {"minutes": 30, "reason": "堵车"}, Kind.DEADLINE_EXTENDED),
        ("cancel", {"reason": "演习"}, Kind.CANCELLED),
    ],
)
async def test_supervisors_have_their_own_buttons_on_an_emergency(
    town: Town, do: str, args: dict[str, Any], kind: Kind
) -> None:
    await town.say("c01", TRAPPED)
    order = await town.order()
    card = await town.card(SUPERVISORS, order.number)
    assert does(card) == ["take_over", "reassign", "extend", "cancel"]
    await town.press("zhoulan", do, chat=SUPERVISORS, **args)
    event = next(e for e in await town.history(order) if e.kind == kind)
    assert (event.actor.id, event.actor.role) == ("zhoulan", "supervisor")


async def test_a_supervisor_raises_the_priority_with_one_press_and_a_reason(town: Town) -> None:
    await dispatched(town)
    await town.wait(minutes=12, seconds=1)
    order = await town.order()
    assert order.priority == "P1"
    await town.press("chenwei", "change_priority", chat=SUPERVISORS, reason="机房过热")
    order = await town.order()
    assert order.priority == "P0"
    assert "P0" in (await town.card(HOME, order.number)).title


async def test_what_is_missing_is_asked_back_and_nothing_happens(town: Town) -> None:
    order = await dispatched(town)
    before = await town.history(order)
    await town.press(order.assignee, "decline", chat=HOME)
    assert "还缺原因" in await town.last(HOME)
    await town.press(order.assignee, "reassign", chat=HOME, reason="去不了")
    assert "还缺人员" in await town.last(HOME)
    await town.press(order.assignee, "reassign", chat=HOME, staff="没这个人", reason="去不了")
    assert "没这个人" in await town.last(HOME)
    assert await town.history(order) == before


# --- whose button it is ---------------------------------------------------------------------------


async def test_nobody_presses_what_is_not_theirs(town: Town) -> None:
    order = await dispatched(town)
    before = await town.history(order)
    await town.press("c01", "accept", chat=LIU, card=await town.card(HOME, order.number))
    assert order.number not in await town.last(LIU)
    await town.press("c01", "cancel", chat=LIU, card=await town.card(CHEN, order.number))
    await town.press("ligang", "accept", chat=HOME)
    assert "没有派给您" in await town.last(HOME)
    await town.say("wanglei", "接管 1", chat=HOME)
    assert "主管权限" in await town.last(HOME)
    assert await town.history(order) == before


# --- stale cards ----------------------------------------------------------------------------------


async def test_a_card_of_an_earlier_assignment_is_refused_and_says_who_has_it_now(
    town: Town,
) -> None:
    order = await dispatched(town)
    old = await town.card(HOME, order.number)
    await town.wait(minutes=5, seconds=1)
    after = await town.order()
    await town.press(order.assignee, "accept", chat=HOME, card=old)
    said = await town.last(HOME)
    assert town.company.staff[after.assignee].name in said
    assert "10:05" in said
    assert (await town.order()).state == State.DISPATCHED


async def test_a_card_of_an_earlier_state_is_refused_and_says_what_holds(town: Town) -> None:
    order = await dispatched(town)
    old = await town.card(CHEN, order.number)
    for do in ("accept", "arrive"):
        await town.press(order.assignee, do, chat=HOME)
    await town.press(order.assignee, "complete", chat=HOME, text="好了")
    engineers = await town.card(HOME, order.number)
    await town.press("c02", "sign", chat=CHEN)
    await town.press("c02", "cancel", chat=CHEN, card=old)
    assert (await town.order()).outcome == "completed"
    await town.press(order.assignee, "complete", chat=HOME, card=old_complete(engineers, order))
    assert "已经结束" in await town.last(HOME)


def old_complete(card: Card, order: WorkOrder) -> Card:
    """The card as it was when the job could still be completed."""
    button = Button("完成", Action("complete", order.id, "in_progress", order.generation))
    return replace(card, buttons=(button,))


async def test_a_customers_photo_does_not_make_the_engineers_card_stale(town: Town) -> None:
    order = await dispatched(town)
    old = await town.card(HOME, order.number)
    photo = {"kind": "image", "blob": "cd" * 32, "mime": "image/jpeg", "name": "漏水.jpg"}
    await town.say("c02", "", media=[photo])
    await town.press(order.assignee, "accept", chat=HOME, card=old)
    assert (await town.order()).state == State.IN_PROGRESS


async def test_two_engineers_race_for_a_job_and_the_loser_hears_who_won_and_when(
    town: Town,
) -> None:
    await town.say("c06", CRACK)
    card = await town.card(HOME)
    action = next(b.action for b in card.buttons if b.action.do == "accept")
    press = {
        "do": "accept",
        "order": action.order,
        "expect": action.expect,
        "generation": action.generation,
    }
    await asyncio.gather(
        town.say("ligang", chat=HOME, action=press, settle=False),
        town.say("huangbin", chat=staff_chat("huangbin"), action=press, settle=False),
    )
    await town.parts.house.drain(town.tenant)
    order = await town.order()
    assert (order.sub, (await town.kinds(order)).count(Kind.ACCEPTED)) == (Sub.ACCEPTED, 1)
    winner = town.company.staff[order.assignee].name
    heard = [*await town.heard(HOME), *await town.heard(staff_chat("huangbin"))]
    (told,) = [text for text in heard if "手慢了" in text]
    assert f"已被{winner}接单 10:00" in told
    for chat in (HOME, staff_chat(order.assignee)):
        assert "accept" not in does(await town.card(chat, order.number))


async def test_a_double_press_is_told_that_it_is_theirs_already(town: Town) -> None:
    order = await dispatched(town)
    old = await town.card(HOME, order.number)
    await town.press(order.assignee, "accept", chat=HOME, card=old)
    await town.press(order.assignee, "accept", chat=HOME, card=old)
    assert "已经在您手上" in await town.last(HOME)
    assert (await town.kinds(order)).count(Kind.ACCEPTED) == 1


# --- in words -------------------------------------------------------------------------------------


async def test_every_engineers_button_has_a_text_command(town: Town) -> None:
    order = await dispatched(town)
    walk = [
        ("accept", "接单 1", Sub.ACCEPTED),
        ("depart", "出发 1", Sub.DEPARTED),
        ("arrive", "到场 1", Sub.ARRIVED),
        ("diagnose", "诊断 1 缺氟", Sub.DIAGNOSING),
        ("await_parts", "待配件 1 电容", Sub.WAITING_PARTS),
        ("replace_part", "换件 1 电容 x2", Sub.PARTS_REPLACED),
        ("hold", "挂起 1 等客户", Sub.NONE),
        ("resume", "恢复 1", Sub.PARTS_REPLACED),
        ("complete", "完成 1 好了", Sub.AWAITING_SIGNATURE),
    ]
    for do, words, sub in walk:
        shown = await town.button(HOME, do)
        assert shown.command.split()[:2] == words.split()[:2]
        await town.say(order.assignee, words, chat=HOME)
        assert (await town.order()).sub == sub, await town.last(HOME)
    replaced = next(e for e in await town.history(order) if e.kind == Kind.PART_REPLACED)
    assert (replaced.data["part"], replaced.data["quantity"]) == ("电容", 2)


async def test_declining_and_reassigning_in_words(town: Town) -> None:
    order = await dispatched(town)
    assert (await town.button(HOME, "decline")).command == "拒单 1 原因"
    assert (await town.button(HOME, "reassign")).command == "转派 1 姓名 原因"
    await town.say(order.assignee, "拒单 1 离得太远", chat=HOME)
    second = (await town.order()).assignee
    assert second != order.assignee
    await town.say(second, "转派 1 黄斌 手上有急单", chat=HOME)
    assert (await town.order()).assignee == "huangbin"


async def test_every_supervisors_button_has_a_text_command(town: Town) -> None:
    order = await dispatched(town)
    said = [
        ("延长 1 半小时 客户在外面", Kind.DEADLINE_EXTENDED),
        ("改优先级 1 P0 机房过热", Kind.PRIORITY_CHANGED),
        ("转派 1 张鹏 更熟", Kind.REASSIGNED),
        ("接管 1", Kind.TAKEN_OVER),
        ("取消 1 客户搬走了", Kind.CANCELLED),
    ]
    for words, kind in said:
        await town.say("chenwei", words, chat=SUPERVISORS)
        assert kind in await town.kinds(order), await town.last(SUPERVISORS)
    extended = next(e for e in await town.history(order) if e.kind == Kind.DEADLINE_EXTENDED)
    assert extended.data["minutes"] == 30


async def test_every_customers_button_has_a_text_command(town: Town) -> None:
    order = await dispatched(town)
    await town.say("c02", "催一下")
    assert Kind.NUDGED in await town.kinds(order)
    for do in ("accept", "arrive"):
        await town.press(order.assignee, do, chat=HOME)
    await town.press(order.assignee, "complete", chat=HOME, text="好了")
    await town.say("c02", "还没修好，还是吹热风")
    assert Kind.RETURNED in await town.kinds(order)
    await town.press(order.assignee, "arrive", chat=HOME)
    await town.press(order.assignee, "complete", chat=HOME, text="再修了一次")
    await town.say("c02", "修好了")
    assert (await town.order()).state == State.CLOSED
    await town.say("c02", "评分 4 师傅很准时")
    order = await town.order()
    assert (order.rating, order.comment) == (4, "师傅很准时")
    await town.say("c02", "预约下次保养")
    assert (await town.order()).links == (("maintenance", order.id),)


async def test_cancelling_in_words_takes_one_confirmation(town: Town) -> None:
    await dispatched(town)
    await town.say("c02", "取消报修")
    assert (await town.order()).open
    await town.say("c02", "确认取消")
    assert (await town.order()).outcome == "cancelled"


async def test_a_command_without_a_number_means_the_only_card_it_fits(town: Town) -> None:
    order = await dispatched(town)
    await town.say(order.assignee, "接单", chat=HOME)
    assert (await town.order()).state == State.IN_PROGRESS


async def test_an_unclear_command_asks_back_and_a_number_answers(town: Town) -> None:
    first = await dispatched(town)
    await town.say("c11", "教室空调不制冷，一直吹热风")
    second = await town.order()
    assert first.assignee == second.assignee
    await town.say(first.assignee, "接单", chat=HOME)
    asked = await town.last(HOME)
    assert first.number in asked
    assert second.number in asked
    assert {o.state for o in await town.orders()} == {State.DISPATCHED}
    await town.say(first.assignee, "2", chat=HOME)
    assert [o.state for o in await town.orders()] == [State.DISPATCHED, State.IN_PROGRESS]


async def test_group_chatter_moves_nothing(town: Town) -> None:
    order = await dispatched(town)
    before = await town.history(order)
    heard = len(await town.heard(HOME))
    for words in ("完成了吗？", "出发 大家路上小心", "收到", "今天食堂吃什么"):
        await town.say(order.assignee, words, chat=HOME)
    assert await town.history(order) == before
    assert len(await town.heard(HOME)) == heard


# --- who sees what --------------------------------------------------------------------------------


async def test_phones_are_masked_in_groups_and_whole_only_for_the_one_who_took_the_job(
    town: Town,
) -> None:
    await town.say("c02", "我家空调不制冷，一直吹热风，打我手机 13812345678")
    order = await town.order()
    me = staff_chat(order.assignee)
    assert "13812345678" not in everything(await town.lines(me))
    await town.press(order.assignee, "accept", chat=HOME)
    assert "13812345678" in everything(await town.lines(me))
    for chat in (HOME, SUPERVISORS):
        shown = everything(await town.lines(chat))
        assert "13812345678" not in shown
        assert "12345678" not in shown
    assert "138****5678" in everything(await town.lines(HOME))


def everything(lines: Iterable[Post]) -> str:
    """All that can be read in what the house said."""
    said: list[str] = []
    for line in lines:
        if line.direction == "out":
            said.append(line.text)
            if line.card:
                said += [line.card.title, line.card.subtitle, line.card.body, line.card.footer]
                said += [value for _, value in line.card.fields]
    return "\n".join(said)


async def test_the_engineers_card_tells_what_they_need_on_site(town: Town) -> None:
    order = await dispatched(town)
    await town.press(order.assignee, "accept", chat=HOME)
    fields = dict((await town.card(staff_chat(order.assignee), order.number)).fields)
    assert fields["位置"].startswith("锦绣苑5栋")
    assert fields["联系人"] == "陈先生（锦绣苑 5 栋）"
    assert fields["电话"] == "13900000002"
    assert "P1" in fields["优先级"]
    assert fields["下一步"]
