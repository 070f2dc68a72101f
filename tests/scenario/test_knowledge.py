"""自助 and 建议: what customers can fix themselves, and what fixed the like of it before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paidan.demo.history import seed_history
from tests.scenario.conftest import (
    SUPERVISORS,
    TUESDAY,
    Town,
    customer_chat,
    staff_chat,
    team_group,
)
from workflow.events import Kind
from workflow.knowledge import Usage
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

DRIP = "水龙头有点滴水，不急"
DRIPPER = "c01"
HERE = customer_chat(DRIPPER)


async def usage(town: Town, article: str) -> Usage:
    found = await town.read(lambda uow: uow.articles.usage())
    return found.get(article, Usage())


async def drip(town: Town) -> WorkOrder:
    await town.say(DRIPPER, DRIP)
    return await town.order()


# --- self-service -----------------------------------------------------------------------------


async def test_a_p2_report_is_tried_by_its_customer_first(town: Town) -> None:
    order = await drip(town)
    assert (order.state, order.sub, order.priority) == (State.NEW, Sub.SELF_SERVICE, "P2")
    assert order.number.endswith("0001")
    (said, *_) = await town.heard(HERE)
    assert order.number in said
    assert "拧下出水口的起泡器" in said
    assert "30 分钟后照常派人" in said
    card = await town.card(HERE)
    assert [b.action.do for b in card.buttons] == ["self_solve", "self_unsolved", "cancel"]
    assert "拧下出水口的起泡器" in card.body
    assert await usage(town, "drip") == Usage(offered=1)


async def test_solved_is_what_the_customer_says_and_counts_as_deflected(town: Town) -> None:
    order = await drip(town)
    await town.press(DRIPPER, "self_solve", chat=HERE)
    order = await town.order()
    assert (order.state, order.outcome, order.assignee) == (State.CLOSED, "self_solved", "")
    assert order.first_responded_at is None
    assert "已关闭" in await town.last(HERE)
    assert await usage(town, "drip") == Usage(offered=1, solved=1, deflected=1)
    await town.wait(hours=72)
    assert (await town.order()).id == order.id
    report = await town.audit()
    assert report.ok, str(report)


async def test_still_broken_sends_somebody_at_once(town: Town) -> None:
    order = await drip(town)
    await town.say(DRIPPER, "还是不行")
    order = await town.order()
    assert order.state == State.DISPATCHED
    assert "马上安排工程师" in "".join(await town.heard(HERE))
    assert await usage(town, "drip") == Usage(offered=1, unsolved=1)
    await town.say(DRIPPER, "解决了")
    assert (await town.order()).open


async def test_silence_sends_somebody_after_the_wait_and_no_clock_stood_still(town: Town) -> None:
    order = await drip(town)
    await town.wait(minutes=29)
    assert (await town.order()).sub == Sub.SELF_SERVICE
    await town.wait(minutes=2)
    order = await town.order()
    assert order.state == State.DISPATCHED
    assert [mark.what for mark in order.marks] == ["open"]
    (dispatched,) = [e for e in await town.history(order) if e.kind == Kind.DISPATCHED]
    assert dispatched.at - TUESDAY == timedelta(minutes=30)
    assert await usage(town, "drip") == Usage(offered=1)


async def test_solved_in_words_while_somebody_is_on_the_way_is_no_deflection(town: Town) -> None:
    await drip(town)
    await town.wait(minutes=31)
    order = await town.order()
    group = team_group(order.team_id)
    await town.say(order.assignee, f"接单 {order.number}", chat=group)
    await town.say(DRIPPER, "解决了")
    order = await town.order()
    assert order.outcome == "self_solved"
    assert any("已自行解决" in text for text in await town.heard(group))
    assert await usage(town, "drip") == Usage(offered=1, solved=1)


async def test_once_somebody_is_there_it_is_theirs_to_close(town: Town) -> None:
    await drip(town)
    await town.wait(minutes=31)
    order = await town.order()
    group = team_group(order.team_id)
    for word in ("接单", "出发", "到场"):
        await town.say(order.assignee, f"{word} {order.number}", chat=group)
    await town.say(DRIPPER, "解决了")
    assert (await town.order()).open


@pytest.mark.parametrize(
    ("customer", "text"),
    [
        ("c01", "水龙头爆了水喷得到处都是，厨房全淹了"),
        ("c10", "全公司WiFi连不上，都没法办公了，很急"),
        ("c11", "厨房闻到燃气味"),
    ],
)
async def test_nothing_urgent_is_ever_left_to_its_customer(
    town: Town, customer: str, text: str
) -> None:
    await town.say(customer, text)
    order = await town.order()
    assert order.priority in {"P0", "P1"}
    assert order.self_service is None
    assert order.state == State.DISPATCHED


async def test_what_becomes_urgent_is_taken_out_of_self_service(town: Town) -> None:
    order = await drip(town)
    await town.say("chenwei", f"改优先级 {order.number} P1 漏到楼下了", chat=SUPERVISORS)
    order = await town.order()
    assert (order.priority, order.state) == ("P1", State.DISPATCHED)
    card = await town.card(HERE)
    assert "self_solve" not in [b.action.do for b in card.buttons]


async def test_the_switch_turns_it_off(town: Town) -> None:
    await town.rule(self_service=False)
    order = await drip(town)
    assert order.self_service is None
    assert order.state == State.DISPATCHED


async def test_another_reporter_still_needs_it(town: Town) -> None:
    await town.say("c03", "3栋2单元501室水龙头有点滴水，不急，电话13900000001")
    order = await town.order()
    assert order.self_service is not None
    await town.say(DRIPPER, "3栋2单元501室水龙头有点滴水，不急")
    order = await town.order()
    assert len(order.reporters) == 2
    await town.press("c03", "self_solve", chat=customer_chat("c03"))
    order = await town.order()
    assert order.open
    assert any("继续处理" in text for text in await town.heard(customer_chat("c03")))


# --- questions --------------------------------------------------------------------------------


async def test_e07_returns_its_script_to_whoever_asks(town: Town) -> None:
    await town.say("c08", "E07")
    assert "关掉手机蓝牙" in await town.last(customer_chat("c08"))
    assert await town.orders() == []
    (case,) = await town.cases()
    await town.say("c08", "解决了")
    assert await town.cases() == []
    assert "太好了" in await town.last(customer_chat("c08"))
    assert await usage(town, "e07") == Usage(offered=1, solved=1, deflected=1)
    card = await town.card(SUPERVISORS)
    assert "自己解决了" in card.footer
    del case


async def test_a_question_that_was_not_answered_stays_with_a_person(town: Town) -> None:
    await town.say("c10", "打印机卡纸了怎么办")
    await town.press("c10", "case_unhelped", chat=customer_chat("c10"))
    assert len(await town.cases()) == 1
    assert await usage(town, "jam") == Usage(offered=1, unsolved=1)


async def test_nobody_else_can_say_that_a_question_is_answered(town: Town) -> None:
    await town.say("c10", "打印机卡纸了怎么办")
    button = await town.button(customer_chat("c10"), "case_helped")
    action = {"do": "case_helped", "order": button.action.order}
    await town.say("c01", chat=customer_chat("c01"), action=action)
    assert len(await town.cases()) == 1


async def test_a_code_that_no_article_is_about_gets_none(town: Town) -> None:
    await town.say("c08", "充电桩E99扫码失败怎么办")
    assert "蓝牙" not in "".join(await town.heard(customer_chat("c08")))
    assert len(await town.cases()) == 1


async def test_colleagues_look_things_up(town: Town) -> None:
    await town.say("xufeng", "知识 E07")
    assert "关掉手机蓝牙" in await town.last(staff_chat("xufeng"))
    await town.say("xufeng", "知识 燃气味处置")
    assert "962777" in await town.last(staff_chat("xufeng"))
    await town.say("xufeng", "知识 qwertyuiop")
    assert "没有找到" in await town.last(staff_chat("xufeng"))


# --- past repairs -----------------------------------------------------------------------------


async def working(town: Town) -> tuple[WorkOrder, str]:
    """A new order like several old ones, its engineer on site; with the engineer's chat."""
    await seed_history(town.parts.store, town.tenant, TUESDAY)
    await town.say("c02", "空调不制冷，吹热风，家里有老人")
    order = await town.order()
    group = team_group(order.team_id)
    for word in ("接单", "出发", "到场"):
        await town.say(order.assignee, f"{word} {order.number}", chat=group)
    return await town.order(), order.assignee


async def test_the_engineers_card_says_what_fixed_it_last_time(town: Town) -> None:
    order, _ = await working(town)
    card = await town.card(team_group(order.team_id))
    before = [value for name, value in card.fields if name == "上次这样修好的"]
    assert before
    assert "启动电容 35μF×1" in before[0]
    customers = await town.card(customer_chat("c02"))
    assert "上次这样修好的" not in dict(customers.fields)
    (complete,) = [b for b in card.buttons if b.action.do == "complete"]
    assert any("更换电容" in label for _, label in complete.choices)
    report = await town.audit()
    assert report.ok, str(report)


async def test_advice_gives_parts_time_cost_and_a_wording_to_send(town: Town) -> None:
    order, who = await working(town)
    await town.say(who, f"建议 {order.number}")
    said = await town.last(staff_chat(who))
    assert "启动电容 35μF×1（2 次）" in said
    assert "分钟" in said
    assert "元" in said
    await town.press(who, "complete", chat=staff_chat(who))
    done = await town.order()
    assert done.state == State.AWAITING_ACCEPTANCE
    (completed,) = [e for e in await town.history(done) if e.kind == Kind.COMPLETED]
    assert "电容" in str(completed.data["text"])


async def test_what_was_closed_a_minute_ago_is_known(town: Town) -> None:
    await town.say("c07", "后厨冷柜不制冷，压缩机有咔咔声")
    order = await town.order()
    group = team_group(order.team_id)
    for word in ("接单", "出发", "到场", "换件", "完成"):
        more = {"换件": " 启动器", "完成": " 压缩机启动器坏，换新"}.get(word, "")
        await town.say(order.assignee, f"{word} {order.number}{more}", chat=group)
    await town.press("c07", "sign", chat=customer_chat("c07"))
    await town.say("c06", "冷柜不制冷了，压缩机咔咔响")
    again = await town.order()
    assert again.id != order.id
    assert [repair["resolution"] for repair in again.repairs] == ["压缩机启动器坏,换新"]


async def test_nothing_like_it_says_so(town: Town) -> None:
    await town.say("c02", "空调不制冷，吹热风")
    order = await town.order()
    await town.say(order.assignee, f"建议 {order.number}")
    assert "没有找到类似" in await town.last(staff_chat(order.assignee))
