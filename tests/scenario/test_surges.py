"""E07: many customers meet one fault. One parent, one card, one answer, and everybody's own say."""

from __future__ import annotations

from datetime import timedelta

from tests.scenario.conftest import SUPERVISORS, TUESDAY, Town, customer_chat
from workflow.events import Kind
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

WORDS = (
    "充电桩报错E07，扫码失败",
    "充电桩E07 蓝牙连接超时，充不上电",
    "桩上显示E07，扫不了码",
    "E07，扫码失败，蓝牙连接超时",
    "充电报E07，蓝牙一直连不上",
)


def phone(n: int) -> str:
    return f"139{n:08d}"


async def report(town: Town, n: int) -> None:
    place = f"滨江{n}号充电站"
    await town.say(f"e{n}", f"{place} {WORDS[n % len(WORDS)]}，电话{phone(n)}")


async def surge(town: Town, many: int, every: float = 3.0) -> list[WorkOrder]:
    """So many reports, one each ``every`` minutes; the parents there are afterwards."""
    for n in range(many):
        await report(town, n)
        await town.wait(minutes=every)
    return await parents(town)


async def parents(town: Town) -> list[WorkOrder]:
    return [order for order in await town.orders() if order.surge is not None]


async def children(town: Town) -> list[WorkOrder]:
    return [order for order in await town.orders() if order.surge is None]


async def test_try(town: Town) -> None:
    found = await surge(town, 8)
    for o in await town.orders():
        print(
            o.number,
            o.text,
            o.state,
            o.sub,
            o.parent_number,
            o.error_code,
            o.fault_type,
            o.place,
            o.assignee,
            len(o.children),
            len(o.reporters),
        )
    for l in await town.lines(SUPERVISORS):
        print("SUP", l.text, l.card)
    for i in (0, 5, 7):
        print(await town.heard(customer_chat(f"e{i}")))
    await town.press("zhoulan", "broadcast", chat=SUPERVISORS)
    for i in (0, 5, 7):
        print(await town.heard(customer_chat(f"e{i}")))
    await town.wait(minutes=3)
    await report(town, 8)
    print(await town.heard(customer_chat(f"e8")))
    await town.say("zhoulan", "母单完成 %s 云端限流已解除" % found[0].number, chat=SUPERVISORS)
    print(await town.heard(SUPERVISORS))
    print(await town.heard(customer_chat(f"e0")), (await town.card(customer_chat("e0"))))
    for i in range(9):
        await town.press(f"e{i}", "sign", chat=customer_chat(f"e{i}"))
    for o in await town.orders():
        print(o.number, o.text, o.state, o.sub, o.outcome)
    print((await town.card(SUPERVISORS)))
    print(str(await town.audit()))
    assert 0
