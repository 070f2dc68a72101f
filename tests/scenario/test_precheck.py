"""The number first, what is missing after: one thing at a time, clocks at rest, P0 never waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.scenario.conftest import Town, customer_chat
from workflow.events import Kind
from workflow.states import State, Sub

STRANGER, YUN = customer_chat("v1"), customer_chat("c10")
PICTURE = [{"kind": "image", "name": "报错.jpg", "mime": "image/jpeg"}]
NO_SHOW = "系统偶尔出现报错，无法复现"


async def test_what_is_missing_is_asked_one_thing_at_a_time_after_the_number(town: Town) -> None:
    await town.say("v1", "打印机卡纸")
    order = await town.order()
    assert (order.state, order.sub) == (State.NEW, Sub.AWAITING_INFO)
    assert order.missing == ("place", "phone")
    asked = (await town.heard(STRANGER))[0]
    assert order.number in asked
    assert "位置" in asked
    assert "手机号" not in asked
    await town.say("v1", "3号楼5层财务室")
    assert "手机号" in (await town.heard(STRANGER))[-2:][0] + await town.last(STRANGER)
    await town.say("v1", "13712345678")
    order = await town.order()
    assert (order.missing, order.state) == ((), State.DISPATCHED)
    assert (order.place, order.phone) == ("3号楼5层财务室", "13712345678")


@pytest.mark.parametrize("wrong", ["1371234567", "137 1234 567", "137123456789"])
async def test_a_malformed_phone_is_named_and_asked_for_alone(town: Town, wrong: str) -> None:
    await town.say("v1", "3号楼5层打印机卡纸")
    await town.say("v1", wrong)
    said = await town.last(STRANGER)
    assert "11 位手机号" in said
    assert wrong in said
    order = await town.order()
    assert (order.missing, order.phone) == (("phone",), "")
    await town.say("v1", "１３７ １２３４ ５６７８")
    assert (await town.order()).phone == "13712345678"


async def test_a_phone_too_short_is_no_place(town: Town) -> None:
    await town.say("v1", "打印机卡纸")
    await town.say("v1", "1371234567")
    assert "11 位手机号" in await town.last(STRANGER)
    order = await town.order()
    assert (order.missing, order.place) == (("place", "phone"), "")


@pytest.mark.parametrize("words", ["不知道", "快来啊急死了", "什么时候来？"])
async def test_words_that_are_no_place_are_not_written_down_as_one(town: Town, words: str) -> None:
    await town.say("v1", "打印机卡纸")
    await town.say("v1", words)
    order = await town.order()
    assert (order.place, order.missing) == ("", ("place", "phone"))


@pytest.mark.parametrize("words", ["我要报修", "需要维修", "师傅你好，麻烦派人来修一下"])
async def test_a_wish_to_report_is_asked_what_and_where(town: Town, words: str) -> None:
    await town.say("v1", words)
    assert await town.orders() == []
    assert not await town.cases()
    assert "坏了" in await town.last(STRANGER)
    await town.say("v1", "3号楼201马桶堵了 13712345678")
    assert (await town.order()).state == State.DISPATCHED


async def test_all_in_one_answer_or_in_another_order_is_understood(town: Town) -> None:
    await town.say("v1", "打印机卡纸")
    await town.say("v1", "3号楼5层，13712345678 周师傅")
    order = await town.order()
    assert (order.missing, order.phone) == ((), "13712345678")
    assert "3号楼5层" in order.place
    await town.say("v2", "水龙头滴水")
    await town.say("v2", "13787654321")
    assert (await town.order()).missing == ("place",)


async def test_a_serial_has_the_shape_the_rules_give_it(town: Town) -> None:
    required = {**town.company.policy.intake.required, "hvac": ("serial",)}
    intake = replace(town.company.policy.intake, required=required, serial_pattern=r"KT-[0-9]{4}")
    await town.rule(intake=intake)
    await town.say("c02", "空调不制冷")
    assert (await town.order()).missing == ("serial",)
    await town.say("c02", "KT-99")
    assert "KT-99" in await town.last(customer_chat("c02"))
    assert (await town.order()).missing == ("serial",)
    await town.say("c02", "KT-2041")
    order = await town.order()
    assert (order.missing, order.serial, order.state) == ((), "KT-2041", State.DISPATCHED)


async def test_a_thing_without_a_fault_is_asked_what_is_wrong(town: Town) -> None:
    await town.say("c02", "空调")
    dispatched = [o for o in await town.orders() if o.state == State.DISPATCHED]
    assert dispatched == []
    assert "什么" in "".join(await town.heard(customer_chat("c02")))
    await town.say("c02", "不制冷")
    (order,) = await town.orders()
    assert (order.fault_type, order.missing) == ("hvac", ())
    assert order.state == State.DISPATCHED or order.sub == Sub.TRIAGE


async def test_what_cannot_be_reproduced_waits_for_a_picture(town: Town) -> None:
    await town.say("c10", NO_SHOW)
    order = await town.order()
    assert (order.sub, order.missing) == (Sub.AWAITING_INFO, ("screenshot",))
    assert "截图" in (await town.heard(YUN))[0]
    await town.say("c10", media=PICTURE)
    order = await town.order()
    assert (order.missing, order.state) == ((), State.DISPATCHED)
    assert [m.name for m in order.media] == ["报错.jpg"]


async def test_with_the_picture_beside_it_nothing_is_asked(town: Town) -> None:
    await town.say("c10", NO_SHOW, media=PICTURE)
    assert (await town.order()).missing == ()


async def test_a_picture_before_the_words_is_kept_for_them(town: Town) -> None:
    await town.say("c10", media=PICTURE)
    assert await town.orders() == []
    await town.say("c10", NO_SHOW)
    order = await town.order()
    assert (order.missing, len(order.media)) == ((), 1)


async def test_the_clocks_stand_still_while_we_wait_for_an_answer(town: Town) -> None:
    await town.say("v1", "打印机卡纸")
    assert (await town.order()).deadline_at is None
    await town.wait(minutes=25)
    await town.say("v1", "3号楼5层财务室 13712345678")
    order = await town.order()
    assert order.deadline_clock == "first_response"
    assert order.deadline_at == town.clock.now(town.tenant) + timedelta(minutes=15)


async def test_who_does_not_answer_is_reminded_and_then_served_anyway(town: Town) -> None:
    await town.say("v1", "打印机卡纸")
    await town.wait(minutes=31)
    asked = [e for e in await town.history(await town.order()) if e.kind == Kind.INFO_REQUESTED]
    assert [e.data["again"] for e in asked] == [False, True]
    assert (await town.order()).sub == Sub.AWAITING_INFO
    await town.wait(hours=4)
    order = await town.order()
    assert order.state == State.DISPATCHED
    assert Kind.INFO_COMPLETED in await town.kinds(order)


async def test_an_emergency_waits_for_nothing_but_is_asked_where(town: Town) -> None:
    await town.say("v1", "电梯困人了快来")
    order = await town.order()
    assert (order.priority, order.state) == ("P0", State.DISPATCHED)
    assert order.opened_at is not None
    assert order.deadline_at == order.opened_at + timedelta(minutes=5)
    said = "".join(await town.heard(STRANGER))
    assert order.number in said
    assert "位置" in said
    await town.say("v1", "3栋2单元")
    assert (await town.order()).place == "3栋2单元"


async def test_danger_in_the_answer_ends_the_waiting(town: Town) -> None:
    await town.say("v1", "厨房水槽有股馊味")
    await town.say("v1", "着火了，3号楼402，快来人")
    urgent = [o for o in await town.orders() if o.priority == "P0"]
    assert [o.state for o in urgent] == [State.DISPATCHED]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("后厨蒸箱不热", "后厨烤箱不热"),
        ("601卫生间漏水", "601卫生间灯不亮"),
        ("马桶堵了", "洗手池堵了"),
    ],
)
async def test_another_fault_is_no_answer_to_where(town: Town, first: str, second: str) -> None:
    await town.say("v1", first)
    await town.say("v1", second)
    one, other = await town.orders()
    assert (one.text, other.text) == (first, second)
    assert second not in (one.place, other.place)


async def test_a_correction_replaces_what_was_said(town: Town) -> None:
    await town.say("v1", "3号楼5层打印机卡纸，13712345678")
    await town.say("v1", "不对，是5号楼3层")
    order = await town.order()
    assert order.place == "5号楼3层"
    assert order.number in await town.last(STRANGER)
    (*_, added) = [e for e in await town.history(order) if e.kind == Kind.INFO_ADDED]
    assert added.data["slots"] == {"place": "5号楼3层"}
