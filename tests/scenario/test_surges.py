"""E07: many customers meet one fault. One parent, one card, one answer, and everybody's own say."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.scenario.conftest import SUPERVISORS, TUESDAY, Town, customer_chat, team_group
from workflow.events import Kind
from workflow.policy import SurgePolicy
from workflow.ports import UnitOfWork
from workflow.records import ChatRef
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

WORDS = (
    "充电桩报错E07，扫码失败",
    "充电桩E07 蓝牙连接超时，充不上电",
    "桩上显示E07，扫不了码",
    "充电桩E07，扫码失败，蓝牙连接超时",
    "充电桩报E07，蓝牙一直连不上",
)
SCRIPT = "请重启手机蓝牙后再扫码，云端限流正在解除，您的单号 {number}。"
BOSS = "zhoulan"
MORNING = TUESDAY.replace(hour=0)


async def report(town: Town, n: int, words: str = "") -> None:
    """The n-th customer reports E07, a few of them on the web instead of in the app."""
    said = words or f"滨江{n}号充电站 {WORDS[n % len(WORDS)]}"
    await town.say(f"e{n}", f"{said}，电话139{n:08d}", chat=chat(n))


def chat(n: int) -> ChatRef:
    return ChatRef("web", f"visitor:e{n}") if n % 50 == 49 else customer_chat(f"e{n}")


async def surge(town: Town, many: int = 6) -> WorkOrder:
    """So many reports, one a minute; the parent they make."""
    for n in range(many):
        await report(town, n)
        await town.wait(minutes=1)
    (parent,) = await parents(town)
    return parent


async def parents(town: Town) -> list[WorkOrder]:
    return [order for order in await town.orders() if order.surge is not None]


async def children(town: Town) -> list[WorkOrder]:
    """The work orders of the customers, in a surge or not."""
    return [order for order in await town.orders() if order.surge is None]


async def command(town: Town, text: str) -> None:
    await town.say(BOSS, text, chat=SUPERVISORS)


async def heard(town: Town, order: WorkOrder) -> str:
    return "\n".join(await town.heard(order.reporters[0].place))


async def test_e07_from_the_first_report_to_the_last_confirmation(town: Town) -> None:
    """Eight a day for two weeks, then 147 in one day."""
    await town.rule(surge=SurgePolicy(scripts={"E07": SCRIPT}))
    chance, n = random.Random(7), 0
    for day in range(14):
        for minute in sorted(chance.sample(range(9 * 60, 21 * 60), 8)):
            at = MORNING + timedelta(days=day, minutes=minute)
            await town.parts.house.wind_to(town.tenant, at)
            await report(town, n)
            await command(town, f"取消 {(await town.order()).number} 已远程恢复")
            n += 1
    assert await parents(town) == []
    before = len(await town.orders())
    for minute in sorted(chance.choices(range(8 * 60, 22 * 60), k=147)):
        at = MORNING + timedelta(days=14, minutes=minute)
        await town.parts.house.wind_to(town.tenant, at)
        await report(town, n)
        n += 1
        alarmed = bool(await parents(town))
        assert alarmed or len(await town.orders()) - before < 10
    (parent,) = await parents(town)
    assert parent.surge is not None
    assert (parent.surge.key, parent.error_code) == ("code:ev_charger|E07", "E07")
    assert 147 - 10 <= len(parent.children) <= 147
    card = await town.card(SUPERVISORS, parent.number)
    fields = dict(card.fields)
    assert f"{len(parent.children)} 起" in fields["起数"]
    assert "平时约" in fields["速度"]
    assert "沙盒 98%" in fields["来源"]
    assert fields["最长等待"]
    living = [line.card for line in await town.lines(SUPERVISORS) if line.card]
    assert [c for c in living if c.key == card.key and c.buttons] == [card]

    await town.press(BOSS, "broadcast", chat=SUPERVISORS)
    gathered = [child for child in await children(town) if child.parent == parent.id]
    assert len(gathered) == len(parent.children)
    for child in gathered:
        assert child.script == SCRIPT.replace("{number}", child.number)
        assert (await town.kinds(child)).count(Kind.SCRIPT_SENT) == 1
        assert (await heard(town, child)).count("请重启手机蓝牙") == 1
    await report(town, n)
    late = await town.order()
    assert (late.parent, late.first_responded_at) == (parent.id, None)
    (first, *_) = await town.heard(chat(n))
    assert f"已知问题，同一情况 {len(parent.children) + 1} 起，正在统一处理" in first
    assert late.number in first
    assert "请重启手机蓝牙" in first

    await command(town, f"母单完成 {parent.number} 云平台已放开限流")
    await town.wait(hours=72)
    gathered = [child for child in await children(town) if child.parent == parent.id]
    assert {child.state for child in gathered} == {State.AWAITING_ACCEPTANCE}
    for child in gathered:
        (open_parent,) = await parents(town)
        assert open_parent.state == State.AWAITING_ACCEPTANCE
        place, sender = child.reporters[0].place, child.reporters[0].sender
        assert "云平台已放开限流" in await heard(town, child)
        await town.press(sender, "sign", chat=place)
    (parent,) = await parents(town)
    assert (parent.state, parent.outcome) == (State.CLOSED, "completed")
    proof = await town.audit()
    assert proof.ok, str(proof)


async def test_reporters_keep_their_number_and_nobody_is_sent_twice(town: Town) -> None:
    parent = await surge(town)
    gathered = await children(town)
    assert {o.parent_number for o in gathered} == {parent.number}
    assert {(o.state, o.sub) for o in gathered} == {(State.NEW, Sub.WITH_PARENT)}
    assert {o.assignee for o in gathered} == {""}
    assert "139" not in parent.text
    for order in gathered:
        said = await heard(town, order)
        assert order.number in said
        assert "正在统一处理" in said
    steps = [await town.steps(order) for order in gathered]
    await town.wait(hours=3)
    assert [await town.steps(order) for order in gathered] == steps, "only the parent's ladder runs"


async def test_an_emergency_never_waits_for_its_parent(town: Town) -> None:
    await surge(town)
    await report(town, 50, "滨江50号充电站 充电桩报E07，冒烟着火了")
    grave = (await town.orders())[-1]
    assert grave.priority == "P0"
    assert grave.parent
    assert grave.sub != Sub.WITH_PARENT
    assert grave.assignee


async def test_a_child_that_turns_grave_is_dispatched(town: Town) -> None:
    await surge(town)
    order = (await children(town))[0]
    await command(town, f"改优先级 {order.number} P0 冒烟了")
    order = (await children(town))[0]
    assert (order.state, bool(order.parent)) == (State.DISPATCHED, True)


async def test_no_surge_sets_every_child_free_and_is_quiet_afterwards(town: Town) -> None:
    parent = await surge(town)
    await command(town, f"不是突发 {parent.number} 在做压力测试")
    (parent,) = await parents(town)
    assert (parent.state, parent.outcome) == (State.CLOSED, "dismissed")
    freed = await children(town)
    assert {order.parent for order in freed} == {""}
    assert Sub.WITH_PARENT not in {order.sub for order in freed}
    assert all([Kind.DETACHED in await town.kinds(order) for order in freed])
    (dismissed,) = [e for e in await town.history(parent) if e.kind == Kind.SURGE_DISMISSED]
    assert (dismissed.actor.id, dismissed.data["reason"]) == (BOSS, "在做压力测试")
    for n in range(20, 26):
        await report(town, n)
    assert len(await parents(town)) == 1
    assert not (await town.order()).parent
    assert "改为单独处理" in await heard(town, freed[0])
    proof = await town.audit()
    assert proof.ok, str(proof)


async def test_one_child_is_taken_out_and_stays_out(town: Town) -> None:
    await surge(town)
    taken, *others = await children(town)
    await command(town, f"移出 {taken.number} 他的是枪坏了")
    taken = (await children(town))[0]
    assert (taken.parent, taken.links[-1][0]) == ("", "detached")
    assert taken.state == State.DISPATCHED
    (parent,) = await parents(town)
    assert taken.id not in {child.id for child in parent.children}
    (event,) = [e for e in await town.history(parent) if e.kind == Kind.CHILD_DETACHED]
    assert (event.actor.id, event.data["number"]) == (BOSS, taken.number)
    await town.press(BOSS, "detach", chat=SUPERVISORS, child=others[0].id)
    assert (await children(town))[1].parent == ""
    await report(town, 30)
    assert (await children(town))[0].parent == ""


async def test_who_was_set_free_is_not_gathered_again(town: Town) -> None:
    await town.rule(surge=SurgePolicy(quiet_period=timedelta(seconds=1)))
    parent = await surge(town)
    await command(town, f"不是突发 {parent.number}")
    await town.wait(minutes=1)
    await report(town, 20)
    assert len(await parents(town)) == 1
    assert {order.parent for order in await children(town)} == {""}


async def test_a_surge_does_not_become_what_is_usual_unless_it_was_none(town: Town) -> None:
    async def learnt() -> int:
        def count(uow: UnitOfWork) -> int:
            return sum(uow.surges.hours("code:ev_charger|E07", MORNING).values())

        found: int = await town.read(count)
        return found

    parent = await surge(town)
    assert await learnt() == 0
    await command(town, f"不是突发 {parent.number}")
    assert await learnt() == 6


async def test_who_says_it_is_not_fixed_gets_somebody_of_their_own(town: Town) -> None:
    parent = await surge(town)
    await command(town, f"母单完成 {parent.number} 已恢复")
    order = (await children(town))[0]
    await town.press("e0", "return_work", chat=chat(0), reason="还是扫不了")
    order = (await children(town))[0]
    assert (order.state, order.parent) == (State.DISPATCHED, parent.id)
    for n in range(1, 6):
        await town.press(f"e{n}", "sign", chat=chat(n))
    assert (await parents(town))[0].state == State.AWAITING_ACCEPTANCE
    await town.press(order.assignee, "accept", chat=team_group("lift"))
    assert (await children(town))[0].state == State.IN_PROGRESS


async def test_a_resolved_surge_takes_no_more(town: Town) -> None:
    parent = await surge(town)
    await command(town, f"母单完成 {parent.number} 已恢复")
    await report(town, 40)
    assert (await town.order()).parent == ""


async def test_the_answer_can_be_put_in_other_words_and_is_not_sent_twice(town: Town) -> None:
    parent = await surge(town)
    await command(town, f"群发答复 {parent.number} 正在修复请稍等半小时")
    await command(town, f"群发答复 {parent.number}")
    order = (await children(town))[0]
    assert (await heard(town, order)).count("正在修复请稍等半小时") == 1
    assert (await town.last(SUPERVISORS)).startswith("这一步已经做过了")
    assert order.first_responded_at is not None


async def test_only_the_desk_may_speak_for_all(town: Town) -> None:
    parent = await surge(town)
    engineer = (await parents(town))[0].assignee
    await town.say(engineer, f"群发答复 {parent.number}")
    assert Kind.SCRIPT_APPROVED not in await town.kinds(parent)


async def test_one_person_is_no_crowd(town: Town) -> None:
    for n in range(8):
        said = f"滨江{n}号充电站 充电桩报错E07，扫码失败"
        await town.say("e1", said, chat=ChatRef("sandbox", f"customer:e1-{n}"))
    assert await parents(town) == []


async def test_the_engineers_answer_is_the_parents(town: Town) -> None:
    """Whoever was offered a child is rid of it; the parent is offered to one of them."""
    parent = await surge(town)
    assert parent.state == State.DISPATCHED
    jobs = await town.read(lambda uow: uow.orders.open_for_staff(parent.assignee))
    assert [job.id for job in jobs] == [parent.id]


async def test_the_same_words_in_a_busy_trade_are_a_surge_too(town: Town) -> None:
    """No code, no shared product or place: only what people say, against what they usually say."""
    usual = ("灯不亮", "门锁坏了", "水龙头漏水", "网断了", "打印机卡纸")
    rules = SurgePolicy(warm_up=timedelta(hours=1))
    await town.rule(surge=rules)
    for n in range(30):
        await town.say(f"u{n}", f"{n % 9 + 1}栋{n + 101} {usual[n % 5]}，电话138{n:08d}")
        await town.wait(minutes=20)
    assert await parents(town) == []
    for n in range(6):
        said = "门禁人脸识别失败，提示服务器超时" if n % 2 else "门禁刷脸提示服务器超时，识别失败"
        await town.say(f"w{n}", f"{n + 20}栋{said}，电话137{n:08d}")
    (parent,) = await parents(town)
    assert parent.surge is not None
    assert len(parent.children) >= 4


@pytest.mark.parametrize("off", [True, False])
async def test_it_can_be_switched_off(town: Town, off: bool) -> None:
    await town.rule(surge=replace(SurgePolicy(), enabled=not off))
    for n in range(6):
        await report(town, n)
    assert len(await parents(town)) == (0 if off else 1)
