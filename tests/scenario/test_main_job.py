"""The whole job, from one sentence to five stars, and what happens when nobody answers."""

from __future__ import annotations

from itertools import pairwise

from tests.scenario.conftest import SUPERVISORS, Town, customer_chat, team_group
from workflow.events import STANDARD, Kind
from workflow.states import State, Sub

LIFT = team_group("lift")
LIU = customer_chat("c01")


async def test_one_sentence_becomes_a_work_order_and_is_closed_with_five_stars(town: Town) -> None:
    await town.say("c01", "3 栋 2 单元电梯困人了，快来人！")
    order = await town.order()
    assert (order.priority, order.fault_type, order.state) == ("P0", "elevator", State.DISPATCHED)
    assert order.number in (await town.heard(LIU))[0]

    engineer = order.assignee
    await town.press(engineer, "accept", chat=LIFT)
    await town.press(engineer, "depart", chat=LIFT)
    await town.wait(minutes=8)
    await town.press(engineer, "arrive", chat=LIFT)
    await town.press(engineer, "diagnose", chat=LIFT, text="门机皮带断裂")
    await town.press(engineer, "replace_part", chat=LIFT, part="门机皮带")
    await town.press(engineer, "complete", chat=LIFT, text="人已救出，皮带已换")
    assert (await town.order()).sub == Sub.AWAITING_SIGNATURE
    await town.press("c01", "sign", chat=LIU)
    await town.press("c01", "rate", chat=LIU, rating=5)

    order = await town.order()
    assert (order.state, order.outcome, order.rating) == (State.CLOSED, "completed", 5)
    kinds = await town.kinds(order)
    assert set(STANDARD) <= set(kinds)
    report = await town.audit()
    assert report.ok, str(report)
    card = await town.card(LIU, order.number)
    assert [state for _, state in card.steps][-1] == "done"
    assert not any("欢迎评价" in value for _, value in card.fields)


async def test_every_event_carries_the_fifteen_dimensions(town: Town) -> None:
    await town.say("c01", "3 栋 2 单元电梯困人了")
    order = await town.order()
    await town.press(order.assignee, "accept", chat=LIFT)
    await town.wait(minutes=5)
    await town.press(order.assignee, "arrive", chat=LIFT, geo=[31.2, 121.4])
    events = await town.history(order)
    arrived = next(event for event in events if event.kind == Kind.ARRIVED)
    assert arrived.since_previous == 300
    assert arrived.geo == (31.2, 121.4)
    assert (arrived.actor.id, arrived.actor.role) == (order.assignee, "engineer")
    filled = (
        arrived.tenant, arrived.order_id, arrived.number, arrived.at, arrived.channel,
        arrived.chat, arrived.customer, arrived.place, arrived.state, arrived.sub,
        arrived.priority, arrived.fault_type, arrived.team, arrived.assignee,
    )  # fmt: skip
    assert all(filled)


async def test_nobody_accepts_and_the_house_goes_up_the_ladder_by_itself(town: Town) -> None:
    await town.say("c01", "3 栋 2 单元电梯困人了")
    first = (await town.order()).assignee
    await town.wait(seconds=61)
    second = (await town.order()).assignee
    assert second not in {"", first}
    await town.wait(minutes=13)
    order = await town.order()
    steps = await town.steps(order)
    assert steps.count("golden_warning") == 1
    warned = [n for n in await town.notices() if "golden_warning" in n.notice.why]
    assert {n.notice.to.chat for n in warned} >= {SUPERVISORS.chat}
    assert any(n.notice.mentions for n in warned)
    supervisor = town.company.teams["lift"].supervisor
    await town.press(supervisor, "take_over", chat=SUPERVISORS)
    order = await town.order()
    assert (order.assignee, order.state) == (supervisor, State.IN_PROGRESS)
    before = len(await town.steps(order))
    await town.wait(minutes=10)
    assert len(await town.steps(await town.order())) == before
    report = await town.audit()
    assert report.ok, str(report)


async def test_the_reporter_hears_the_number_in_the_first_line(town: Town) -> None:
    await town.say("c02", "我家空调不制冷，一直吹热风")
    order = await town.order()
    first = (await town.heard(customer_chat("c02")))[0]
    assert order.number in first


async def test_when_everybody_lets_it_pass_each_round_asks_half_as_often(town: Town) -> None:
    await town.say("c01", "3 栋 2 单元电梯困人了")
    await town.wait(hours=3)
    order = await town.order()
    offers = [e for e in await town.history(order) if e.kind == Kind.DISPATCHED]
    gaps = [b.at - a.at for a, b in pairwise(offers)]
    assert len(offers) < 40
    assert max(gaps).total_seconds() >= 20 * 60


async def test_the_card_says_why_this_engineer_for_as_long_as_it_is_theirs(town: Town) -> None:
    await town.say("c01", "3 栋 2 单元电梯困人了")
    engineer = (await town.order()).assignee
    assert "技能 5 级" in (await town.card(LIFT)).footer
    await town.press(engineer, "accept", chat=LIFT)
    assert "技能 5 级" in (await town.card(LIFT)).footer
    await town.press("zhoulan", "take_over", chat=SUPERVISORS)
    assert "技能" not in (await town.card(LIFT)).footer
