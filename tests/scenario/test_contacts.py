"""Who to ask and what to answer: the contacts with their usual first answer, and preset replies."""

from __future__ import annotations

from tests.scenario.conftest import Town, customer_chat, staff_chat, team_group
from workflow.events import Kind

HOME = team_group("home")
NO_COOLING = "我家空调不制冷，一直吹热风"


async def test_a_colleague_is_found_by_name_team_and_trade(town: Town) -> None:
    await town.say("chenwei", "通讯录 王磊")
    assert "王磊（水电暖通组）：在岗，电话 13800000101" in await town.last(staff_chat("chenwei"))
    await town.say("chenwei", "通讯录 电梯")
    said = await town.last(staff_chat("chenwei"))
    lift = [s for s in town.company.staff.values() if s.team == "lift" and s.active]
    assert all(s.name in said for s in lift if "elevator" in s.skills)
    assert "王磊" not in said
    await town.say("chenwei", "通讯录 没这个人")
    assert "没有找到「没这个人」" in await town.last(staff_chat("chenwei"))


async def test_a_number_is_whole_for_one_pair_of_eyes_and_masked_in_a_group(town: Town) -> None:
    whole = town.company.staff["wanglei"].phone
    await town.say("chenwei", "通讯录 王磊")
    assert whole in await town.last(staff_chat("chenwei"))
    await town.say("chenwei", "通讯录 王磊", chat=HOME)
    said = await town.last(HOME)
    assert "王磊" in said
    assert whole not in said
    assert f"{whole[:3]}****{whole[-4:]}" in said


async def test_off_duty_is_said_and_comes_last(town: Town) -> None:
    await town.say("wanglei", "下班")
    await town.say("chenwei", "通讯录 水电暖通组")
    lines = (await town.last(staff_chat("chenwei"))).splitlines()
    off = next(n for n, line in enumerate(lines) if line.startswith("王磊"))
    assert "不在岗" in lines[off]
    assert all("：不在岗" in line for line in lines[off:])


async def test_the_average_first_answer_is_counted_from_the_report(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.wait(minutes=2)
    await town.say(order.assignee, "接单", chat=HOME)
    name = town.company.staff[order.assignee].name
    await town.say("chenwei", f"通讯录 {name}")
    assert "平均 2 分钟首响" in await town.last(staff_chat("chenwei"))


async def test_customers_and_chatter_get_no_contacts(town: Town) -> None:
    await town.say("c02", "通讯录")
    assert "电话" not in await town.last(customer_chat("c02"))
    await town.say("wanglei", "通讯录里没有他啊", chat=HOME)
    assert await town.heard(HOME) == []


async def test_a_preset_is_sent_by_its_name_with_its_facts_filled_in(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.say("chenwei", "常用语")
    assert "路上：" in await town.last(staff_chat("chenwei"))
    await town.say(order.assignee, "回复 1 路上", chat=HOME)
    name = town.company.staff[order.assignee].name
    assert any(f"{name}已在路上" in line for line in await town.heard(customer_chat("c02")))
    assert (await town.order()).first_responded_at is not None
    await town.say(order.assignee, "回复 1 路上有点堵", chat=HOME)
    notes = [e.data["text"] for e in await town.history(order) if e.kind == Kind.NOTED]
    assert notes[-1] == "路上有点堵"


async def test_an_internal_note_never_reaches_the_customer(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    before = await town.heard(customer_chat("c02"))
    await town.say(order.assignee, "备注 1 客户脾气大，小心", chat=HOME)
    assert await town.heard(customer_chat("c02")) == before
