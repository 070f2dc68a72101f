"""Devices raise alarms: one incident is one work order, however often it beeps."""

from __future__ import annotations

from dataclasses import replace

from bots import alarms
from tests.scenario.conftest import SUPERVISORS, Town, customer_chat, team_group
from workflow.events import Kind
from workflow.records import ChatRef
from workflow.states import State, Sub

LIFT = team_group("lift")


async def alarm(town: Town, number: int, **more: str) -> None:
    """A device says it by its serial (the lift of 3栋2单元, a01, unless told otherwise)."""
    sent = {"id": str(number), "serial": "DT-30201", "code": "E07", "severity": "major", **more}
    parsed = alarms.parse(sent)
    asset = await town.read(lambda uow: uow.people.asset_by_serial(parsed.serial))
    now = town.clock.now(town.tenant)
    message = alarms.inbound(parsed, asset, tenant=town.tenant, now=now)
    await town.parts.front_desk.admit(message)
    await town.parts.house.drain(town.tenant)


async def fine(town: Town) -> None:
    """Nothing was lost, and nobody tried to tell a device how it goes."""
    report = await town.audit()
    assert report.ok, str(report)
    assert [n for n in await town.notices() if n.notice.to.channel == "alarm"] == []


async def test_an_alarm_opens_a_work_order_that_knows_the_device(town: Town) -> None:
    await alarm(town, 1, text="门锁回路断开")
    (order,) = await town.orders()
    assert (order.asset_id, order.customer_id) == ("a01", "c03")
    assert (order.fault_type, order.priority, order.error_code) == ("elevator", "P1", "E07")
    assert (order.place, order.region) == ("锦绣苑3栋2单元", "浦东")
    assert order.state == State.DISPATCHED
    assert order.reporters == ()
    assert order.alarms == 1
    card = await town.card(LIFT)
    assert "门锁回路断开" in card.body
    assert all(name != "设备告警" for name, _ in card.fields)
    await fine(town)


async def test_three_alarms_are_one_work_order_and_disturb_nobody(town: Town) -> None:
    await alarm(town, 1)
    told = len(await town.heard(LIFT))
    rings = [n for n in await town.notices() if n.notice.kind not in {"card", "repaint"}]
    await alarm(town, 2)
    await alarm(town, 3, code="e07 ")
    (order,) = await town.orders()
    assert order.alarms == 3
    assert (await town.kinds(order)).count(Kind.ALARM_REPEATED) == 2
    assert ("设备告警", "报警 ×3") in (await town.card(LIFT)).fields
    assert len(await town.heard(LIFT)) == told
    after = [n for n in await town.notices() if n.notice.kind not in {"card", "repaint"}]
    assert len(after) == len(rings)
    await fine(town)


async def test_the_same_message_twice_counts_once(town: Town) -> None:
    await alarm(town, 1)
    await alarm(town, 1)
    assert (await town.order()).alarms == 1


async def test_another_code_or_another_device_is_another_work_order(town: Town) -> None:
    await alarm(town, 1)
    await alarm(town, 2, code="E09")
    await alarm(town, 3, serial="DT-30501")
    assert [(o.asset_id, o.error_code) for o in await town.orders()] == [
        ("a01", "E07"),
        ("a01", "E09"),
        ("a02", "E07"),
    ]
    await fine(town)


async def test_a_critical_alarm_is_an_emergency_at_once(town: Town) -> None:
    await alarm(town, 1, severity="critical")
    order = await town.order()
    assert order.priority == "P0"
    assert order.number in (await town.card(SUPERVISORS)).title
    await fine(town)


async def test_an_alarm_that_gets_worse_raises_the_work_order(town: Town) -> None:
    await alarm(town, 1, severity="minor")
    await alarm(town, 2, severity="critical")
    (order,) = await town.orders()
    assert (order.priority, order.alarms) == ("P0", 2)
    assert order.number in (await town.card(SUPERVISORS)).title
    await alarm(town, 3, severity="minor")
    assert (await town.order()).priority == "P0"
    await fine(town)


async def test_what_beeps_after_it_was_mended_is_news(town: Town) -> None:
    await alarm(town, 1)
    handler = (await town.order()).assignee
    for do in ("accept", "depart", "arrive", "complete"):
        await town.press(handler, do, chat=LIFT, text="换了门锁")
    assert (await town.order()).state == State.AWAITING_ACCEPTANCE
    await alarm(town, 2)
    first, second = await town.orders()
    assert (first.alarms, second.alarms) == (1, 1)
    assert second.links == (("recurrence", first.id),)
    await fine(town)


async def test_a_device_nobody_knows_waits_for_a_person_once(town: Town) -> None:
    for number in range(3):
        await alarm(town, number, serial="XX-1", text="温度过高", severity="critical")
    assert await town.orders() == []
    (case,) = await town.cases()
    assert (case.kind, case.place) == ("triage", ChatRef("alarm", "XX-1"))
    assert "温度过高" in (await town.card(SUPERVISORS)).body
    await town.press("zhoulan", "case_confirm", chat=SUPERVISORS)
    await alarm(town, 9, serial="XX-1")
    (order,) = await town.orders()
    assert (order.serial, order.priority, order.alarms) == ("XX-1", "P0", 2)
    assert order.sub != Sub.TRIAGE
    await fine(town)


async def test_a_person_who_reports_the_same_joins_and_may_leave_again(town: Town) -> None:
    await alarm(town, 1, text="困人")
    await town.say("c03", "3栋2单元电梯困人了", asset="a01")
    (order,) = await town.orders()
    assert [r.sender for r in order.reporters] == ["c03"]
    await town.press("c03", "undo_join", chat=customer_chat("c03"))
    assert [len(o.reporters) for o in await town.orders()] == [0, 1]
    await fine(town)


async def test_nobody_is_looked_for_again_because_it_beeps(town: Town) -> None:
    away = {who: replace(staff, active=False) for who, staff in town.company.staff.items()}
    company = replace(town.company, staff=away)
    await town.parts.store.transact(town.tenant, lambda uow: uow.put_company(company))
    await alarm(town, 1)
    before = await town.kinds(await town.order())
    assert Kind.NOBODY_AVAILABLE in before
    await alarm(town, 2)
    assert await town.kinds(await town.order()) == [*before, Kind.ALARM_REPEATED]
