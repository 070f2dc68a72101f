"""Two hands at one card, late hands and trembling ones: alike on every platform, whether its card
has buttons, links or words.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.test_platforms import PLATFORMS, RUBBISH, reported
from tests.vendors.ear import Ear
from tests.vendors.platform import TENANT, Shown, Town, town
from workflow.states import State


@pytest.fixture(params=PLATFORMS, ids=lambda kind: kind.__name__)
async def there(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """The demo company on each platform in turn."""
    async with town(request.param(), Ear(), tmp_path) as found:
        yield found


async def open_to_all(there: Town) -> tuple[dict[str, Shown], str, str]:
    """An order that whoever is first may take; the card as two of them have it before them."""
    order, card = await reported(there, text=RUBBISH, button="抢单")
    first, second, *_ = order.candidates
    copies = {}
    for who in (first, second):
        own = await there.own_copy(who, card, "抢单")
        copies[who] = replace(own, raw=copy.deepcopy(own.raw))
    return copies, first, second


async def name_of(there: Town, who: str) -> str:
    company = await there.parts.store.read(TENANT, lambda uow: uow.company)
    return company.staff[who].name


async def accepted(there: Town) -> int:
    """How often the history says that the order was taken."""
    store = there.parts.store
    ((_, events),) = await asyncio.to_thread(lambda: list(store.audit(TENANT)))
    return sum(event.kind == "accepted" for event in events)


async def test_of_two_at_once_one_has_it_the_other_hears_whose_it_is_and_the_card_shows_it(
    there: Town,
) -> None:
    copies, *both = await open_to_all(there)
    await asyncio.gather(*(there.press_own(who, copies[who], "抢单") for who in both))
    order = await there.until_order(lambda o: o.state == State.IN_PROGRESS)
    assert order.assignee is not None
    loser = next(who for who in both if who != order.assignee)
    name = await name_of(there, order.assignee)
    await there.until_told(lambda s: f"已被{name}接单" in s.text and there.calls(s, loser))
    await there.until_told(lambda s: name in s.text and "到场" in s.buttons)
    assert await accepted(there) == 1


async def test_a_card_that_was_overtaken_says_by_whom_and_changes_nothing(there: Town) -> None:
    copies, first, second = await open_to_all(there)
    await there.press_own(first, copies[first], "抢单")
    taken = await there.until_order(lambda o: o.state == State.IN_PROGRESS)
    name = await name_of(there, first)
    await there.press_own(second, copies[second], "抢单")
    await there.until_told(lambda s: f"已被{name}接单" in s.text and there.calls(s, second))
    (order,) = await there.orders()
    assert (order.state, order.assignee) == (taken.state, first)
    assert await accepted(there) == 1


async def test_a_card_of_what_is_over_says_so_and_changes_nothing(there: Town) -> None:
    copies, first, second = await open_to_all(there)
    await there.press_own(first, copies[first], "抢单")
    order = await there.until_order(lambda o: o.state == State.IN_PROGRESS)
    tail = int(order.number[-4:])
    await there.staff_says(first, f"到场 {tail}", "group:home")
    await there.until_order(lambda o: o.arrived_at is not None)
    await there.staff_says(first, f"完成 {tail} 都清走了", "group:home")
    await there.until_order(lambda o: o.state == State.AWAITING_ACCEPTANCE)
    await there.confirms("anna", "确认修好了")
    over = await there.until_order(lambda o: o.state == State.CLOSED)
    await there.press_own(second, copies[second], "抢单")
    await there.until_told(lambda s: "已经结束" in s.text and there.calls(s, second))
    assert [o.state for o in await there.orders()] == [over.state]
    assert await accepted(there) == 1


async def test_a_press_that_comes_twice_counts_once(there: Town) -> None:
    copies, first, _ = await open_to_all(there)
    await asyncio.gather(*(there.press_own(first, copies[first], "抢单") for _ in range(2)))
    order = await there.until_order(lambda o: o.state == State.IN_PROGRESS)
    assert order.assignee == first
    await there.until_told(lambda s: "到场" in s.buttons)
    assert await accepted(there) == 1
    assert not [s for s in await there.told() if "手慢了" in s.text]
