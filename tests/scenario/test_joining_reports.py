"""One incident, one work order, whoever reports it and however often; and nothing hidden by it."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import assemble, seed
from paidan.demo import demo_company
from tests.scenario.conftest import (
    SUPERVISORS,
    TUESDAY,
    Town,
    customer_chat,
    team_group,
)
from workflow.events import Kind
from workflow.records import ChatRef
from workflow.states import State

LIFT = team_group("lift")
WEB = ChatRef("web", "visitor:7")
LIFT_TOKEN = "q7Vd2mXc9LtR"


async def test_four_reporters_on_three_channels_are_told_one_number(town: Town) -> None:
    owners = ChatRef("sandbox", "group:owners", "group")
    await town.say("c01", "3栋2单元电梯困人了，快来人")
    await town.say("visitor:7", "电梯里有人出不来", chat=WEB, asset=LIFT_TOKEN)
    await town.say("c02", "@派单 三号楼二单元电梯困人", chat=owners)
    await town.say("v4", "3栋2单元电梯里面有人被困")
    (order,) = await town.orders()
    assert [r.sender for r in order.reporters] == ["c01", "visitor:7", "c02", "v4"]
    for chat in (customer_chat("c01"), WEB, owners, customer_chat("v4")):
        assert order.number in (await town.heard(chat))[0]
    engineer = order.assignee
    await town.press(engineer, "accept", chat=LIFT)
    await town.press(engineer, "arrive", chat=LIFT)
    for chat in (customer_chat("c01"), WEB, customer_chat("v4")):
        assert "已到现场" in "".join(await town.heard(chat))
    report = await town.audit()
    assert report.ok, str(report)


async def test_why_a_report_was_joined_is_on_the_record(town: Town) -> None:
    await town.say("c01", "3栋2单元电梯困人")
    await town.say("c02", "3栋2单元电梯困人")
    (joined,) = [e for e in await town.history(await town.order()) if e.kind == Kind.JOINED]
    assert joined.data["reason"] == "same_place_device"
    assert float(str(joined.data["score"])) > 0.5


async def test_a_join_is_undone_with_one_tap(town: Town) -> None:
    await town.say("c01", "3栋2单元电梯困人")
    await town.say("c02", "3栋2单元电梯困人")
    await town.press("c02", "undo_join", chat=customer_chat("c02"))
    first, second = await town.orders()
    assert [r.sender for r in first.reporters] == ["c01"]
    assert [r.sender for r in second.reporters] == ["c02"]
    assert second.links == (("unjoined", first.id),)
    assert (second.priority, second.state) == ("P0", State.DISPATCHED)
    assert second.number in "".join(await town.heard(customer_chat("c02")))
    assert Kind.JOIN_UNDONE in await town.kinds(first)
    report = await town.audit()
    assert report.ok, str(report)


async def test_a_graver_report_makes_the_whole_incident_grave(town: Town) -> None:
    await town.say("v1", "3号楼501水管漏水 13712345678")
    assert (await town.order()).priority in {"P1", "P2"}
    await town.say("v2", "3号楼501水管爆了，往外喷水")
    (order,) = await town.orders()
    assert (order.priority, order.state) == ("P0", State.DISPATCHED)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("3栋2单元电梯困人", "5栋1单元电梯困人"),
        ("3号楼501漏水", "3号楼601漏水"),
        ("3栋电梯不动了", "3栋大堂灯不亮"),
        ("大堂的灯坏了两个", "酒店大堂水晶灯掉了个坠子下来砸到前台"),
        ("走廊的灯不亮", "走廊灯坏了"),
        ("二楼厕所漏水", "三楼厕所漏水"),
        ("空调不制冷", "空调不制冷"),
    ],
)
async def test_what_may_be_another_incident_has_a_work_order_of_its_own(
    town: Town, first: str, second: str
) -> None:
    await town.say("v1", first)
    await town.say("v2", second)
    assert [len(o.reporters) for o in await town.orders()] == [1, 1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("3 栋 2 单元电梯困人了，快来人！电话 13812345678", "办公室断网了，交换机红灯"),
        ("楼道灯不亮", "门禁刷不开"),
    ],
)
async def test_ones_own_address_does_not_make_two_faults_one(
    town: Town, first: str, second: str
) -> None:
    await town.say("c01", first)
    await town.say("c01", second)
    assert [len(order.reporters) for order in await town.orders()] == [1, 1]


async def test_strangers_who_only_use_the_same_words_have_a_work_order_each(town: Town) -> None:
    await town.say("v1", "我们这片河道又黑又臭，污水直排，味道很大，一直没人管")
    await town.say("v2", "那边的河道也是又黑又臭，污水直接往里排，请派人来清理")
    assert [len(order.reporters) for order in await town.orders()] == [1, 1]


async def test_a_floor_without_power_is_never_hidden_behind_a_lamp(town: Town) -> None:
    await town.say("v1", "3号楼801 厨房灯不亮")
    await town.say("v2", "803的，也是厨房灯不亮")
    await town.say("v3", "我也是，整个8楼厨房都没电，804")
    orders = await town.orders()
    assert sum(len(o.reporters) for o in orders) == 3
    (grave,) = [o for o in orders if "v3" in {r.sender for r in o.reporters}]
    assert [r.sender for r in grave.reporters] == ["v3"]
    assert grave.priority in {"P0", "P1"}
    assert grave.state == State.DISPATCHED


async def test_the_join_window_ends(town: Town) -> None:
    await town.say("v1", "3号楼501漏水 13712345678")
    await town.clock.move(town.tenant, TUESDAY + timedelta(hours=25))
    await town.say("v2", "3号楼501漏水 13787654321")
    assert len(await town.orders()) == 2


async def test_two_at_the_same_instant_are_one(town: Town) -> None:
    await asyncio.gather(*(town.say(f"v{n}", "3栋2单元电梯困人", settle=False) for n in range(6)))
    await town.parts.house.drain(town.tenant)
    (order,) = await town.orders()
    assert sorted(r.sender for r in order.reporters) == [f"v{n}" for n in range(6)]


# --- whatever the order ---------------------------------------------------------------------------


@asynccontextmanager
async def a_town(understander: Understander) -> AsyncIterator[Town]:
    loaded, clock = demo_company(), FrozenClock(TUESDAY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        url = f"sqlite:///{path / 'town.db'}"
        async with assemble(url, path / "blobs", understander, clock=clock) as parts:
            await seed(parts.store, loaded)
            yield Town(parts, loaded, clock)


def in_a_town(understander: Understander, story: Callable[[Town], Awaitable[None]]) -> None:
    async def live() -> None:
        async with a_town(understander) as town:
            await story(town)

    asyncio.run(live())


REPORTS = [
    ("v1", "m1", "3栋2单元电梯困人"),
    ("v2", "m2", "三号楼二单元电梯困人了"),
    ("c01", "m3", "3栋2单元电梯里有人被困"),
    ("v4", "m4", "5栋1单元电梯困人"),
]
DELIVERIES = st.lists(st.sampled_from(REPORTS), max_size=5).flatmap(
    lambda again: st.permutations([*REPORTS, *again])
)
FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FEW
@given(deliveries=DELIVERIES, batches=st.lists(st.booleans(), min_size=9, max_size=9))
def test_any_order_of_reporters_and_redeliveries_makes_the_same_work_orders(
    understander: Understander, deliveries: Sequence[tuple[str, str, str]], batches: list[bool]
) -> None:
    async def story(town: Town) -> None:
        for (sender, message, text), settle in zip(deliveries, batches, strict=False):
            await town.say(sender, text, id=message, settle=settle)
        await town.parts.house.drain(town.tenant)
        seen = sorted(sorted(r.sender for r in o.reporters) for o in await town.orders())
        assert seen == [["c01", "v1", "v2"], ["v4"]]
        numbers = {o.number for o in await town.orders()}
        for sender in ("v1", "v2", "c01", "v4"):
            heard = (await town.heard(customer_chat(sender)))[0]
            assert sum(number in heard for number in numbers) == 1
        report = await town.audit()
        assert report.ok, str(report)

    in_a_town(understander, story)


CLAIMERS = ("ligang", "huangbin")
ORDERS = list(itertools.permutations(CLAIMERS))


@settings(parent=FEW, max_examples=6)
@given(
    order=st.sampled_from(ORDERS),
    together=st.booleans(),
    again=st.lists(st.sampled_from(CLAIMERS), max_size=2),
)
def test_of_two_who_press_accept_one_wins_and_the_other_is_told_who(
    understander: Understander, order: tuple[str, str], together: bool, again: list[str]
) -> None:
    home = team_group("home")

    async def story(town: Town) -> None:
        await town.say("c02", "我家窗户玻璃碎了，关不上")
        open_order = await town.order()
        assert set(CLAIMERS) <= set(open_order.candidates)
        card = await town.card(home, open_order.number)
        said = len(await town.heard(home))
        for who in (*order, *again):
            await press(town, who, card, settle=not together)
        await town.parts.house.drain(town.tenant)
        claimed = await town.order()
        winner, loser = order
        assert (claimed.assignee, claimed.state) == (winner, State.IN_PROGRESS)
        assert (await town.kinds(claimed)).count(Kind.ACCEPTED) == 1
        told = [n for n in (await town.heard(home))[said:] if "手慢了" in n]
        name = town.company.staff[winner].name
        assert len(told) == 1 + again.count(loser)
        assert all(name in words and "10:00" in words for words in told)

    async def press(town: Town, who: str, card: object, *, settle: bool) -> None:
        action = (await town.button(home, "accept", card)).action  # type: ignore[arg-type]  # a card
        await town.say(
            who,
            chat=home,
            settle=settle,
            action={
                "do": "accept",
                "order": action.order,
                "expect": action.expect,
                "generation": action.generation,
            },
        )

    in_a_town(understander, story)


async def test_the_supervisors_see_how_many_reported(town: Town) -> None:
    for n in range(3):
        await town.say(f"v{n}", "3栋2单元电梯困人")
    card = await town.card(SUPERVISORS, (await town.order()).number)
    shown = " ".join(value for _, value in card.fields)
    assert "3" in shown
