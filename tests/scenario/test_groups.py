"""Groups: chatter opens nothing, calling us does, and colleagues work by a word or a tap."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.conftest import Town, customer_chat, staff_chat, team_group
from workflow.events import Kind
from workflow.records import ChatRef
from workflow.states import State, Sub

HOME, LIFT = team_group("home"), team_group("lift")
OWNERS = ChatRef("sandbox", "group:owners", "group")
CHEN = customer_chat("c02")
NO_COOLING = "我家空调不制冷，一直吹热风"


@pytest.mark.parametrize("words", ["今天真热", "电梯又坏了，烦死了", "3栋2单元电梯困人了", "谢谢"])
async def test_chatter_of_a_group_opens_nothing_and_is_not_answered(town: Town, words: str) -> None:
    await town.say("c01", words, chat=OWNERS)
    await town.say("wanglei", words, chat=HOME)
    assert await town.orders() == []
    assert await town.heard(OWNERS) == []
    assert await town.heard(HOME) == []
    assert not await town.cases()


@pytest.mark.parametrize("call", [{"text": "@派单 "}, {"mentions": ["paidan"]}])
async def test_calling_us_in_a_group_is_a_report_and_the_caller_is_answered_there(
    town: Town, call: dict[str, Any]
) -> None:
    words = f"{call.pop('text', '')}3栋2单元电梯困人了"
    await town.say("c01", words, chat=OWNERS, **call)
    order = await town.order()
    assert (order.priority, order.state) == ("P0", State.DISPATCHED)
    first = next(ln for ln in await town.lines(OWNERS) if ln.direction == "out")
    assert order.number in first.text
    assert first.mentions == ("c01",)


async def test_two_people_of_one_group_are_two_conversations(town: Town) -> None:
    await town.say("c01", "@派单 空调不制冷", chat=OWNERS)
    await town.say("c02", "@派单 马桶堵了", chat=OWNERS)
    await town.say("c01", "@派单 不用来了", chat=OWNERS)
    await town.say("c01", "@派单 是的", chat=OWNERS)
    first, second = await town.orders()
    assert (first.outcome, second.open) == ("cancelled", True)


async def test_a_colleague_works_by_words_alone_in_the_group(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    me = order.assignee
    for words, sub in (
        ("接单 1", Sub.ACCEPTED),
        ("出发", Sub.DEPARTED),
        ("到场", Sub.ARRIVED),
        ("诊断 1 缺氟", Sub.DIAGNOSING),
        ("换件 1 电容 2个", Sub.PARTS_REPLACED),
    ):
        await town.say(me, words, chat=HOME)
        assert (await town.order()).sub == sub
    await town.say(me, "完成 1 已补氟", chat=HOME)
    order = await town.order()
    assert order.state == State.AWAITING_ACCEPTANCE
    part = next(e for e in await town.history(order) if e.kind == Kind.PART_REPLACED)
    assert (part.data["part"], part.data["quantity"]) == ("电容", 2)


@pytest.mark.parametrize("words", ["完成了吗", "出发 大家路上小心", "接单的人呢", "我到场了吗"])
async def test_a_sentence_that_starts_like_a_command_is_none(town: Town, words: str) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    before, said = await town.history(order), await town.heard(HOME)
    await town.say(order.assignee, words, chat=HOME)
    assert await town.history(order) == before
    assert await town.heard(HOME) == said


async def test_an_unclear_word_is_asked_back_with_a_choice(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.say("c01", "我家空调漏水了")
    first, second = await town.orders()
    assert first.assignee == second.assignee
    await town.say(first.assignee, "接单", chat=HOME)
    said = await town.last(HOME)
    assert first.number in said
    assert second.number in said
    await town.say(first.assignee, "2", chat=HOME)
    assert [o.state for o in await town.orders()] == [State.DISPATCHED, State.IN_PROGRESS]


async def test_somebody_elses_offer_cannot_be_taken_and_says_whose_it_is(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    other = next(m.id for m in town.company.members("home") if m.id != order.assignee)
    before = await town.history(order)
    await town.press(other, "accept", chat=HOME)
    assert await town.history(order) == before
    assert (await town.last(HOME)) != ""


async def test_an_old_card_says_what_happened_since(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    card = await town.card(HOME, order.number)
    await town.say("chenwei", "接管 1", chat=HOME)
    await town.press(order.assignee, "accept", chat=HOME, card=card)
    assert "陈伟" in await town.last(HOME)
    assert (await town.order()).assignee == "chenwei"


async def test_a_picture_from_the_site_goes_to_the_job_under_way(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=HOME)
    await town.press(order.assignee, "arrive", chat=HOME)
    picture = {"kind": "image", "name": "机房.jpg"}
    await town.say(order.assignee, media=[picture])
    order = await town.order()
    assert [m.name for m in order.media] == ["机房.jpg"]
    await town.say(order.assignee, media=[picture], chat=HOME)
    assert len((await town.order()).media) == 1


async def test_danger_a_colleague_tells_us_alone_is_a_report(town: Town) -> None:
    await town.say("wanglei", "汇丰大厦地下机房着火了，快派人")
    order = await town.order()
    assert (order.priority, order.state) == ("P0", State.DISPATCHED)
    assert order.number in "".join(await town.heard(staff_chat("wanglei")))
