"""What a door cannot keep it refuses in the way its platform tries again after, and when it comes
again it is one message on one work order.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import make_url

from paidan.signing import alarm_token
from storage import SqlStore
from storage.lanes import Lanes
from tests.contract.test_platforms import FAULT, PLATFORMS
from tests.contract.test_platforms_in_trouble import LATE, each, quiet
from tests.faults.proxy import Wire, wire
from tests.vendors.dingtalk import DingTalkByHttp, FakeDingTalk
from tests.vendors.ear import Ear
from tests.vendors.mail import FakeMail
from tests.vendors.platform import SECRET_KEY, TENANT, Platform, Town, town
from tests.vendors.sms import FakeSms
from tests.vendors.wecom_bot import FakeWecomBot
from tests.vendors.wecom_kf import FakeKf
from tests.waiting import wait_until
from workflow.errors import Unavailable

BROUGHT_AT_ONCE = [kind for kind in PLATFORMS if kind.called and kind is not FakeMail]


class Crowd:
    """So many wait at the doors that nobody else is let in, as long as it is ``there``."""

    def __init__(self) -> None:
        self.there = False
        self.turned_away = 0


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    made = Crowd()
    ahead, submit = Lanes.ahead, SqlStore._submit

    def long(self: Lanes) -> float:
        return 3600.0 if made.there else ahead(self)

    async def counted(self: SqlStore, *args: Any) -> Any:
        try:
            return await submit(self, *args)
        except Unavailable:
            made.turned_away += 1
            raise

    monkeypatch.setattr(Lanes, "ahead", long)
    monkeypatch.setattr(SqlStore, "_submit", counted)
    yield made
    made.there = False


async def refused(there: Town, crowd: Crowd) -> None:
    """Wait until the message was sent away: by a status where its platform calls again."""
    platform, before = there.platform, crowd.turned_away
    by_status = platform.deliveries > 1 and platform.called and not isinstance(platform, FakeKf)

    async def sent_away() -> bool:
        if by_status:
            return there.counts[platform.name, "unavailable"] > 0
        return crowd.turned_away > before

    await wait_until(sent_away, lambda: str(there.counts))


async def is_one_message_on_one_order(there: Town, reporters: int = 1) -> None:
    order = await there.until_order()
    await quiet(there)
    story = await there.parts.store.queries.story(TENANT)
    told = [admitted for admitted in story.messages if "空调不制冷" in admitted.inbound.text]
    assert [admitted.outcome for admitted in told] == ["opened"]
    assert len(await there.orders()) == 1
    assert len(order.reporters) == reporters


async def known(there: Town) -> None:
    """Somebody has been heard before: every connection is open, every cursor set."""
    await there.platform.says("ben", "在吗", "customer:ben")
    await there.until_shown("customer:ben", lambda s: bool(s.text))
    await quiet(there)


@each(PLATFORMS)
async def test_who_is_turned_away_for_the_crowd_comes_again_and_is_heard_once(
    kind: type[Platform], tmp_path: Path, crowd: Crowd
) -> None:
    async with town(kind(), Ear(), tmp_path) as there:
        await known(there)
        crowd.there = True
        speaking = asyncio.create_task(there.platform.says("anna", FAULT, "customer:anna"))
        await refused(there, crowd)
        assert await there.orders() == []
        crowd.there = False
        assert (await speaking)[-1] == 200
        await is_one_message_on_one_order(there)


@pytest.fixture
async def cable(new_postgres: Callable[[], str]) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to a database of our own, and its address through it."""
    url = make_url(new_postgres())
    async with wire(url.host or "127.0.0.1", url.port or 5432) as made:
        through = url.set(host="127.0.0.1", port=made.port)
        yield made, through.render_as_string(hide_password=False)


@each([*BROUGHT_AT_ONCE, FakeDingTalk, FakeWecomBot])
async def test_what_comes_while_the_database_is_gone_is_heard_once_when_it_is_back(
    kind: type[Platform], tmp_path: Path, crowd: Crowd, cable: tuple[Wire, str]
) -> None:
    line, url = cable
    async with town(kind(), Ear(), tmp_path, url=url) as there:
        await known(there)
        await line.cut()
        speaking = asyncio.create_task(there.platform.says("anna", FAULT, "customer:anna"))
        await refused(there, crowd)
        await line.lay()
        assert (await speaking)[-1] == 200
        await is_one_message_on_one_order(there)


async def test_a_database_that_stands_still_is_said_before_the_platform_gives_up(
    tmp_path: Path, cable: tuple[Wire, str]
) -> None:
    line, url = cable
    platform = DingTalkByHttp()
    async with town(platform, Ear(), tmp_path, url=url) as there:
        await known(there)
        message = platform.message("anna", "customer:anna", text={"content": FAULT})
        line.clog()
        try:
            async with asyncio.timeout(5 + LATE):
                assert await platform.tell(message) == [503]
        finally:
            line.clear()
        assert await wait_until(lambda: _taken(platform, message))
        await is_one_message_on_one_order(there)


async def _taken(platform: DingTalkByHttp, message: dict[str, Any]) -> bool:
    return await platform.tell(message) == [200]


async def test_a_crowd_at_the_web_chat_leaves_the_words_and_they_are_said_once(
    tmp_path: Path, crowd: Crowd
) -> None:
    async with town(FakeSms(), Ear(), tmp_path) as there, _browser() as browser:
        door = there.platform.hook.partition("/hooks/")[0]
        async with browser.get(f"{door}/chat") as page:
            text = await page.text()
        form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))
        found = re.search(r'name="csrf" content="([^"]+)"', text)
        assert found is not None
        form |= {"csrf": found[1], "text": FAULT}
        crowd.there = True
        async with browser.post(f"{door}/chat/say", data=form) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"]
            assert "再试" in await answer.text()
        crowd.there = False
        for _ in range(2):
            async with browser.post(f"{door}/chat/say", data=form) as answer:
                assert answer.status == 200
        await is_one_message_on_one_order(there)


def _browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def test_a_crowd_before_an_alarm_is_said_and_the_alarm_counts_once(
    tmp_path: Path, crowd: Crowd
) -> None:
    async with town(FakeSms(), Ear(), tmp_path) as there, _browser() as device:
        door = there.platform.hook.partition("/hooks/")[0]
        headers = {"Authorization": f"Bearer {alarm_token(SECRET_KEY, TENANT)}"}
        alarm = {"id": "1", "asset": "a01", "code": "E07", "text": "空调不制冷"}
        alarm["severity"] = "major"
        crowd.there = True
        async with device.post(f"{door}/api/alarms", json=alarm, headers=headers) as answer:
            assert answer.status == 503, await answer.text()
            assert answer.headers["Retry-After"] == "5"
        crowd.there = False
        for duplicate in (False, True):
            async with device.post(f"{door}/api/alarms", json=alarm, headers=headers) as answer:
                assert await answer.json() == {"accepted": True, "duplicate": duplicate}
        await is_one_message_on_one_order(there, reporters=0)
