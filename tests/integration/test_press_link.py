"""Buttons as links: a preview presses nothing, one tap does, once, and as whoever it is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from paidan.signing import press_path
from tests.vendors.dingtalk import LinkedDingTalk
from tests.vendors.ear import Ear
from tests.vendors.platform import SECRET_KEY, TENANT, Shown, Town, town
from workflow.records import ChatRef, Outgoing
from workflow.states import State

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(LinkedDingTalk(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def dingtalk(there: Town) -> LinkedDingTalk:
    assert isinstance(there.platform, LinkedDingTalk)
    return there.platform


async def carded(there: Town, dingtalk: LinkedDingTalk) -> tuple[Any, Shown]:
    await dingtalk.says("anna", FAULT, "customer:anna")
    order = await there.until_order()
    return order, await there.until_card("接单")


async def opened(address: str, **more: Any) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(address, **more) as page:
        return page.status, await page.text()


async def test_a_preview_presses_nothing_and_shows_a_stranger_little(
    there: Town, dingtalk: LinkedDingTalk
) -> None:
    order, card = await carded(there, dingtalk)
    for _ in range(3):
        status, page = await opened(card.raw["links"]["接单"])
        assert status == 200
    assert order.number in page
    assert "登录" in page
    assert order.text not in page
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]
    assert (await there.until_order()).state == State.DISPATCHED
    link = card.raw["links"]["接单"]
    async with aiohttp.ClientSession() as http, http.post(link, data={"csrf": "x"}) as answer:
        assert answer.status == 403
    assert (await there.until_order()).state == State.DISPATCHED


async def test_one_tap_accepts_and_a_second_one_is_no_second_press(
    there: Town, dingtalk: LinkedDingTalk
) -> None:
    order, card = await carded(there, dingtalk)
    who = order.assignee
    await dingtalk.presses(who, card, "接单")
    taken = await there.until_order(lambda o: o.state == State.IN_PROGRESS)
    assert taken.assignee == who
    status, page = await dingtalk._tap(who, card.raw["links"]["接单"])
    assert (status, "处理过了" in page) == (200, True)


async def test_a_reason_is_asked_for_on_the_page(there: Town, dingtalk: LinkedDingTalk) -> None:
    order, card = await carded(there, dingtalk)
    who = order.assignee
    await dingtalk.browser(who)
    link = card.raw["links"]["拒单"]
    async with dingtalk.browsers[who].get(link) as page:
        offered = re.findall(r'name="args.reason" value="([^"]+)"', await page.text())
    assert len(offered) == 4
    await dingtalk._tap(who, link, **{"args.reason": offered[0]})
    await there.until_order(lambda o: o.assignee != who)


async def test_a_link_in_a_chat_of_ones_own_needs_no_sign_in(
    there: Town, dingtalk: LinkedDingTalk
) -> None:
    order, card = await carded(there, dingtalk)
    key = str(await _key(there, order))
    place = ChatRef("dingtalk", dingtalk.user(order.assignee))
    door = dingtalk.hook.partition("/hooks/")[0]
    path = press_path(SECRET_KEY, TENANT, place, ("接单", key), datetime.now(UTC))
    dingtalk.browsers["x"] = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
    status, _ = await dingtalk._tap("x", door + path)
    assert status == 200
    taken = await there.until_order(lambda o: o.state == State.IN_PROGRESS)
    assert taken.assignee == order.assignee
    assert card.id


async def _key(there: Town, order: Any) -> str:
    return f"s:accept:{order.id}:{order.state}:{order.generation}"


async def test_old_and_forged_links_are_refused(there: Town, dingtalk: LinkedDingTalk) -> None:
    order, _ = await carded(there, dingtalk)
    place = ChatRef("dingtalk", dingtalk.user(order.assignee))
    button, now = ("接单", await _key(there, order)), datetime.now(UTC)
    door = dingtalk.hook.partition("/hooks/")[0]
    old = press_path(SECRET_KEY, TENANT, place, button, now - timedelta(hours=73))
    foreign = press_path(SECRET_KEY, "another", place, button, now)
    forged = press_path(b"another secret of 32 bytes here!", TENANT, place, button, now)
    for path in (old, foreign, forged, "/press/x.y"):
        status, _ = await opened(door + path)
        assert status == 403


async def test_five_buttons_at_most_and_the_rest_as_commands(
    there: Town, dingtalk: LinkedDingTalk
) -> None:
    order, card = await carded(there, dingtalk)
    await dingtalk.presses(order.assignee, card, "接单")
    await dingtalk.presses(order.assignee, await there.until_card("到场"), "到场")
    card = await there.until_card("完成")
    assert len(card.buttons) == 5
    assert "转派" in card.text
    assert dingtalk.shown("group:home")


async def test_without_a_session_a_card_goes_without_calling(
    there: Town, dingtalk: LinkedDingTalk
) -> None:
    _, card = await carded(there, dingtalk)
    channel: Any = there.parts.adapters["dingtalk"]
    elsewhere = ChatRef("dingtalk", "cid-other==", "group")
    shown = (await there.parts.store.read(TENANT, lambda uow: uow.company)).name
    from workflow.records import Action, Button, Card  # noqa: PLC0415

    sent = Card("c", shown, buttons=(Button("接单", Action("accept", "o")),))
    receipt = await channel.send(
        Outgoing(TENANT, elsewhere, "请接单", "k", sent, mentions=("staff1",))
    )
    assert receipt.degraded == "without @"
    assert dingtalk.messages["cid-other=="][-1].buttons == ("接单",)
    assert card.id
