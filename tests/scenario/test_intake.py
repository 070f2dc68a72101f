"""Every way in: one report is one work order, its number comes first, bad input harms nothing."""

from __future__ import annotations

import pytest

from bots.web import MAX_TEXT, parse
from tests.scenario.conftest import SUPERVISORS, Town, customer_chat, staff_chat, team_group
from workflow.errors import InvalidInput
from workflow.events import Kind
from workflow.records import ChatRef
from workflow.states import State, Sub

LIFT, HOME = team_group("lift"), team_group("home")
CHEN = customer_chat("c02")
WEB = ChatRef("web", "visitor:7")
LIFT_TOKEN = "q7Vd2mXc9LtR"
NO_COOLING = "我家空调不制冷，一直吹热风"
TRAPPED = "3栋2单元电梯困人了，快来人"


# --- one schema, whatever the door (1) ------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "chat"),
    [
        ("c02", CHEN),
        ("visitor:7", WEB),
        ("c02", ChatRef("sandbox", "group:owners", "group")),
    ],
    ids=["direct", "web", "group"],
)
async def test_a_report_is_the_same_report_through_every_door(
    town: Town, sender: str, chat: ChatRef
) -> None:
    call = "@派单 " if chat.kind == "group" else ""
    await town.say(sender, f"{call}5栋1单元1102空调不制冷，电话13712345678", chat=chat)
    (order,) = await town.orders()
    assert (order.fault_type, order.state) == ("hvac", State.DISPATCHED)
    assert order.phone == "13712345678"
    assert order.number in (await town.heard(chat))[0]
    (reported, *_) = await town.history(order)
    assert (reported.channel, reported.chat) == (chat.channel, chat.chat)


async def test_what_was_said_and_how_sure_we_are_is_on_the_record(town: Town) -> None:
    await town.say("v1", "3号楼201空调不制冷，张先生13712345678，设备号AC-2201")
    order = await town.order()
    assert (order.phone, order.serial) == ("13712345678", "AC-2201")
    (reported, *_) = await town.history(order)
    details = reported.data["details"]
    assert isinstance(details, dict)
    found = {e["kind"]: e for e in details["understanding"]["entities"]}
    for kind in ("phone", "serial", "location"):
        span = found[kind]
        assert order.text[span["start"] : span["end"]] == span["text"]
        assert 0 < span["confidence"] <= 1
    assert set(details["understanding"]["confidence"]) >= {"intent", "fault_type", "priority"}


async def test_an_asset_page_needs_neither_name_nor_place(town: Town) -> None:
    await town.say("visitor:7", "按了没反应，门也不开", chat=WEB, asset=LIFT_TOKEN)
    order = await town.order()
    assert (order.asset_id, order.fault_type, order.serial) == ("a01", "elevator", "DT-30201")
    assert (order.place, order.region) == ("锦绣苑3栋2单元", "浦东")
    assert (order.missing, order.state) == ((), State.DISPATCHED)
    assert order.number in (await town.heard(WEB))[0]


async def test_an_asset_that_calls_again_is_counted_on_one_work_order(town: Town) -> None:
    for n in range(4):
        chat = ChatRef("web", f"visitor:{n}")
        await town.say(chat.chat, "电梯停在三楼不动了", chat=chat, asset=LIFT_TOKEN)
        await town.wait(minutes=2)
    (order,) = await town.orders()
    assert len(order.reporters) == 4
    assert (await town.kinds(order)).count(Kind.JOINED) == 3


async def test_an_unknown_asset_page_is_still_a_report(town: Town) -> None:
    await town.say("visitor:7", "3号楼201空调不制冷", chat=WEB, asset="no-such-token")
    order = await town.order()
    assert (order.asset_id, order.fault_type) == ("", "hvac")


async def test_a_voice_message_is_read_by_its_transcript(town: Town) -> None:
    voice = {"kind": "voice", "name": "a.amr", "transcript": "我家客厅灯不亮了"}
    await town.say("c01", media=[voice])
    order = await town.order()
    assert (order.fault_type, order.text) == ("electrical", "我家客厅灯不亮了")
    assert "客厅" in order.place
    assert [m.kind for m in order.media] == ["voice"]


async def test_a_voice_nobody_wrote_down_has_its_number_and_waits_for_a_person(town: Town) -> None:
    await town.say("c01", media=[{"kind": "voice", "name": "a.amr"}])
    order = await town.order()
    assert (order.sub, [media.kind for media in order.media]) == (Sub.TRIAGE, ["voice"])
    assert any(order.number in text for text in await town.heard(customer_chat("c01")))


# --- the number at once (6) -----------------------------------------------------------------------


async def test_the_reporter_has_the_number_and_the_group_its_card_before_anything_else(
    town: Town,
) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    assert order.number in (await town.heard(CHEN))[0]
    card = await town.card(HOME, order.number)
    assert "accept" in {b.action.do for b in card.buttons}
    told = [n for n in await town.notices() if n.notice.to in {CHEN, HOME}]
    assert {n.created_at for n in told} == {order.opened_at}


async def test_a_colleague_makes_a_work_order_of_a_call_in_one_line(town: Town) -> None:
    await town.say("wanglei", "报修 锦绣苑5栋1102空调不制冷 13900000002")
    order = await town.order()
    assert (order.customer_id, order.phone) == ("c02", "13900000002")
    assert order.number in "".join(await town.heard(staff_chat("wanglei")))


# --- durable and once -----------------------------------------------------------------------------


async def test_a_redelivered_message_changes_nothing(town: Town) -> None:
    await town.say("c02", NO_COOLING, id="wx-1")
    before = await town.history(await town.order())
    said = await town.heard(CHEN)
    for _ in range(3):
        await town.say("c02", NO_COOLING, id="wx-1")
    (order,) = await town.orders()
    assert await town.history(order) == before
    assert await town.heard(CHEN) == said


async def test_what_was_taken_in_is_kept_until_it_is_handled(town: Town) -> None:
    await town.say("c02", NO_COOLING, settle=False)
    assert await town.orders() == []
    waiting = await town.parts.store.waiting_messages(town.tenant, 10)
    assert [w.inbound.text for w in waiting] == [NO_COOLING]
    await town.parts.house.drain(town.tenant)
    assert len(await town.orders()) == 1


async def test_messages_of_one_chat_are_handled_in_their_order(town: Town) -> None:
    for words in ("打印机卡纸", "3号楼5层财务室", "13712345678"):
        await town.say("v1", words, settle=False)
    await town.parts.house.drain(town.tenant)
    (order,) = await town.orders()
    assert (order.place, order.phone, order.missing) == ("3号楼5层财务室", "13712345678", ())


# --- bad input ------------------------------------------------------------------------------------

GOOD = {"id": "1", "chat": "v", "sender": "v", "text": "灯坏了"}


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (None, "payload"),
        ([GOOD], "payload"),
        ({**GOOD, "text": ""}, "text"),
        ({**GOOD, "text": 7}, "text"),
        ({**GOOD, "text": "坏" * (MAX_TEXT + 1)}, "text"),
        ({**GOOD, "id": ""}, "id"),
        ({**GOOD, "id": "x" * 101}, "id"),
        ({**GOOD, "chat": None}, "chat"),
        ({**GOOD, "chat_kind": "channel"}, "chat_kind"),
        ({**GOOD, "media": [{"kind": "exe"}]}, "media[0].kind"),
        ({**GOOD, "media": [{"kind": "image", "blob": "../etc/passwd"}]}, "media[0].blob"),
        ({**GOOD, "media": [{"kind": "image"}] * 10}, "media"),
        ({**GOOD, "action": {"do": "accept"}}, "action.order"),
        ({**GOOD, "action": {"do": "accept", "order": "1", "generation": -1}}, "action.generation"),
        ({**GOOD, "action": {"do": "rate", "order": "1", "args": {"x": {}}}}, "action.args.x"),
    ],
)
async def test_a_malformed_message_is_refused_by_field_and_nothing_is_kept(
    town: Town, payload: object, field: str
) -> None:
    now = town.clock.now(town.tenant)
    with pytest.raises(InvalidInput) as refused:
        parse(payload, tenant=town.tenant, channel="web", now=now)
    assert refused.value.data["field"] == field
    assert "found" in refused.value.data
    assert await town.orders() == []


async def test_a_press_on_what_does_not_exist_or_is_not_offered_is_told_so(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    before = await town.history(order)
    presses = [
        {"do": "accept", "order": "no-such-order"},
        {"do": "explode", "order": order.id},
        {"do": "rate", "order": order.id, "args": {"rating": 9}},
        {"do": "extend", "order": order.id, "args": {"minutes": "soon", "reason": "x"}},
    ]
    for action in presses:
        heard = len(await town.heard(SUPERVISORS))
        await town.say("chenwei", chat=SUPERVISORS, action=action)
        assert len(await town.heard(SUPERVISORS)) == heard + 1
    assert await town.history(order) == before


async def test_buttons_of_others_are_refused_and_change_nothing(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    before = await town.history(order)
    for who, do in (("c01", "confirm_cancel"), ("c01", "accept"), ("wanglei", "sign")):
        chat = customer_chat(who) if who == "c01" else HOME
        await town.say(who, chat=chat, action={"do": do, "order": order.id})
        assert (await town.last(chat)).startswith("这个操作")
    assert await town.history(order) == before


async def test_a_strange_sender_among_colleagues_is_told_how_to_become_one(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    before = await town.history(await town.order())
    await town.say("new-guy", "接单 1", chat=HOME)
    assert "绑定" in await town.last(HOME)
    assert await town.history(await town.order()) == before


async def test_odd_characters_arrive_as_they_are_and_break_nothing(town: Town) -> None:
    odd = "空调不制冷\x00\ud800 <b>{number}</b> [x] %s 🥶 {{7*7}}"
    await town.say("c02", odd)
    order = await town.order()
    assert "<b>{number}</b>" in order.text
    assert "🥶" in order.text
    assert "\x00" not in order.text
    report = await town.audit()
    assert report.ok, str(report)


async def test_today_is_the_customers_today_and_the_card_says_it_in_words(town: Town) -> None:
    await town.wait(hours=21)  # seven in the morning here, still yesterday by universal time
    await town.say("c01", "3栋2单元301空调不制冷，今天下午三点来")
    order = await town.order()
    assert order.when == "2026-11-25T15:00+08:00"
    fields = dict((await town.card(team_group("home"), order.number)).fields)
    assert fields["时间"] == "15:00"
