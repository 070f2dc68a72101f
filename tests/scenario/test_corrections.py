"""Colleagues put right what was misread, in chat and on review; an upset customer is watched."""

from __future__ import annotations

from collections.abc import Sequence

from tests.scenario.conftest import CHIEF, SUPERVISORS, Town, customer_chat, review
from workflow.events import Kind
from workflow.learning import Correction, Reading


async def readings(town: Town) -> Sequence[Reading]:
    since = town.clock.now(town.tenant).replace(year=2020)
    found: Sequence[Reading] = await town.read(lambda uow: uow.readings.waiting(since, 100))
    return found


async def corrections(town: Town) -> Sequence[Correction]:
    found: Sequence[Correction] = await town.read(lambda uow: uow.readings.corrections())
    return found


async def test_a_dispatcher_and_an_engineer_change_the_type_in_chat(town: Town) -> None:
    await town.say("c01", "3栋2单元501空调不制冷，电话13812345678")
    order = await town.order()
    engineer = order.assignee
    await town.say(engineer, f"接单 {int(order.number[-4:])}")
    await town.say(engineer, f"改类型 {int(order.number[-4:])} 家用电器 是冰箱")
    order = await town.order()
    assert order.fault_type == "appliance"
    (said,) = await corrections(town)
    assert (said.head, said.was, said.now) == ("fault_type", "hvac", "appliance")
    assert (said.by, said.order_id, said.text) == (
        engineer,
        order.id,
        "3栋2单元501空调不制冷，电话13812345678",
    )
    await town.say(CHIEF, f"改优先级 {int(order.number[-4:])} P2 不急", chat=SUPERVISORS)
    assert [(c.head, c.now) for c in await corrections(town)][-1] == ("priority", "P2")
    other = next(
        s.id for s in town.company.staff.values() if s.role == "engineer" and s.id != engineer
    )
    await town.say(other, f"改类型 {int(order.number[-4:])} 电梯扶梯")
    assert (await town.order()).fault_type == "appliance", "not their job"


async def test_an_unknown_type_is_refused_with_the_names_there_are(town: Town) -> None:
    await town.say("c01", "3栋2单元501空调不制冷，电话13812345678")
    number = int((await town.order()).number[-4:])
    await town.say(CHIEF, f"改类型 {number} 飞碟", chat=SUPERVISORS)
    assert "空调暖通" in await town.last(SUPERVISORS)
    assert await corrections(town) == []


async def test_not_a_report_closes_the_doubt_and_teaches(town: Town) -> None:
    await town.say("c02", "你们公司在哪条路上来着")
    (case,) = await town.cases()
    await town.say(CHIEF, "不是报修", chat=SUPERVISORS)
    assert await town.cases() == []
    (said,) = await corrections(town)
    assert (said.head, said.now, said.text) == ("intent", "not_report", case.text)
    assert await readings(town) == [], "decided is reviewed"


async def test_review_can_be_undone_with_its_effect(town: Town) -> None:
    await town.say("c01", "3栋2单元501空调不制冷，电话13812345678", id="m")
    message = "sandbox:customer:c01:m"
    await review(town, "reading_correct", message, head="fault_type", label="家用电器")
    assert (await town.order()).fault_type == "appliance"
    await review(town, "reading_undo", message, head="fault_type", was="hvac")
    assert (await town.order()).fault_type == "hvac"
    assert await corrections(town) == []


async def test_an_upset_customer_is_told_to_the_supervisor_once(town: Town) -> None:
    await town.say("c01", "3栋2单元501空调不制冷，电话13812345678")
    assert Kind.SUPERVISED not in await town.kinds(await town.order())
    await town.say("c01", "太差劲了！！你们到底有没有人管，我要投诉你们这种垃圾服务")
    order = await town.order()
    assert order.supervised_at is not None
    told = [
        text for text in await town.heard(SUPERVISORS) if "督办" in text and order.number in text
    ]
    assert len(told) == 1
    cards = [line.card for line in await town.lines(SUPERVISORS) if line.card]
    shown = [dict(card.fields)["督办"] for card in cards if "督办" in dict(card.fields)]
    assert shown == ["客户投诉"]
    await town.say("c01", "还不来？气死我了！投诉！！")
    assert (await town.kinds(await town.order())).count(Kind.SUPERVISED) == 1
    assert not [text for text in await town.heard(customer_chat("c01")) if "督办" in text]
