"""The group webhook: words and calls into a group, twenty a minute, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bots.channel import Anomalous, Barred, Refused, Retry
from bots.gateway.adapter import Adapter, Callback, Malformed, Switchboard
from bots.gateway.api import Api
from bots.gateway.tokens import Tokens
from paidan.channels.wecom_webhook import WecomWebhook
from storage import SqlStore
from workflow.records import ChatRef, Outgoing

KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"


class Group:
    """What a group shows."""

    def __init__(self) -> None:
        self.texts: list[dict[str, Any]] = []
        self.wrong: dict[str, Any] = {}
        self.speaking = asyncio.Event()
        self.speaking.set()

    async def send(self, request: web.Request) -> web.Response:
        if not self.speaking.is_set():
            await self.speaking.wait()
            raise ConnectionResetError("hung up")
        if self.wrong or request.query["key"] != KEY:
            wrong = {"errcode": 93000, "errmsg": "invalid webhook url"}
            return web.json_response(self.wrong or wrong)
        body = await request.json()
        if not body["text"]["content"]:
            return web.json_response({"errcode": 44004, "errmsg": "empty content"})
        assert len(body["text"]["content"].encode()) <= 2048
        self.texts.append(body["text"])
        return web.json_response({"errcode": 0, "errmsg": "ok"})


@pytest.fixture
async def group() -> Group:
    return Group()


@pytest.fixture
async def adapter(group: Group, tmp_path: Path) -> AsyncIterator[Adapter]:
    app = web.Application()
    app.router.add_post("/cgi-bin/webhook/send", group.send)
    server = TestServer(app)
    await server.start_server(access_log=None)

    async def nobody(inbound: object) -> None: ...

    url = f"sqlite:///{tmp_path / 'w.db'}"
    async with SqlStore(url, tmp_path / "blobs") as store, ClientSession() as http:
        notes = store.notes("demo", "wecom_webhook")
        now = lambda: datetime.now(UTC)  # noqa: E731
        board = Switchboard("demo", nobody, http, notes, Tokens(notes), now)
        keys = {"维修群": KEY, "dead": "0" * 36}
        address = str(server.make_url("")).rstrip("/")
        yield WecomWebhook(groups=keys, address=address).open(board)
    await server.close()


def outgoing(text: str, chat: str = "维修群", **more: Any) -> Outgoing:
    return Outgoing("demo", ChatRef("wecom_webhook", chat, "group"), text, "k", **more)


async def test_people_are_called_in_the_first_of_several_messages(
    group: Group, adapter: Adapter
) -> None:
    mentions = ("wanglei", "13800000101", "@all", "<x>")
    await adapter.send(outgoing("<b>急</b>" + "漏水" * 700, mentions=mentions))
    first, *rest = group.texts
    assert first["mentioned_list"] == ["wanglei"]
    assert first["mentioned_mobile_list"] == ["13800000101"]
    assert rest
    assert all("mentioned_list" not in text for text in rest)
    assert "<b>" not in first["content"]


async def test_a_group_that_is_never_answered_is_given_up_in_time_and_tried_again(
    group: Group, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Api.call.__kwdefaults__, "within", 0.3)
    group.speaking.clear()
    with pytest.raises(Anomalous):
        await adapter.send(outgoing("好"))
    group.speaking.set()
    await adapter.send(outgoing("好"))
    assert [text["content"] for text in group.texts] == ["好"]


async def test_the_twenty_first_in_a_minute_waits(group: Group, adapter: Adapter) -> None:
    for _ in range(20):
        await adapter.send(outgoing("好"))
    with pytest.raises(Retry) as busy:
        await adapter.send(outgoing("好"))
    assert 0 < busy.value.after.total_seconds() <= 60
    assert len(group.texts) == 20


@pytest.mark.parametrize("code", [93000, 93004, 93008])
async def test_a_webhook_that_is_gone_closes_its_own_group_alone(
    group: Group, adapter: Adapter, code: int
) -> None:
    group.wrong = {"errcode": code, "errmsg": "no more"}
    with pytest.raises(Barred, match=str(code)) as refusal:
        await adapter.send(outgoing("好"))
    assert refusal.value.chat == "维修群"
    found = await adapter.check()
    assert [(f.level, f.code) for f in found[1:]] == [("fail", f"wecom_webhook_{code}")] * 2
    assert {f.facts[0] for f in found[1:]} == {"维修群", "dead"}


async def test_codes_say_whether_to_wait_or_to_give_up(group: Group, adapter: Adapter) -> None:
    with pytest.raises(Refused, match="93000"):
        await adapter.send(outgoing("好", "dead"))
    with pytest.raises(Refused):
        await adapter.send(outgoing("好", "unknown"))
    group.wrong = {"errcode": 45009, "errmsg": "api freq out of limit"}
    with pytest.raises(Retry) as busy:
        await adapter.send(outgoing("好"))
    assert busy.value.after.total_seconds() == 60


async def test_it_hears_nothing(adapter: Adapter) -> None:
    with pytest.raises(Malformed):
        await adapter.receive(Callback("POST"))


async def test_the_doctor_tries_each_key_without_a_word(group: Group, adapter: Adapter) -> None:
    listed, dead = await adapter.check()
    assert listed.facts == ("维修群、dead",)
    assert (dead.code, dead.facts[0]) == ("wecom_webhook_93000", "dead")
    assert group.texts == []
