"""What only an official account has: windows, templates, menus, codes to scan, dying tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from wechatpy import WeChatClient
from wechatpy.client.base import BaseWeChatClient

from bots.channel import Refused, Retry
from bots.wechat import adapter
from paidan.demo import demo_company
from tests.vendors.ear import Ear
from tests.vendors.platform import TENANT, Town, town
from tests.vendors.wechat import APP_ID, SECRET, FakeWechat
from tests.waiting import wait_until
from workflow.records import Card, ChatRef, Outgoing

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 32


@pytest.fixture
async def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """On a machine that may be slow: an open call waits longer than the platform would."""
    monkeypatch.setattr(adapter, "ANSWER_WITHIN", 60.0)
    async with town(FakeWechat(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def account(there: Town) -> FakeWechat:
    assert isinstance(there.platform, FakeWechat)
    return there.platform


def words(account: FakeWechat, who: str, how: str = "") -> list[str]:
    kept = account.said.get(account.user(who), [])
    return [one["words"] for one in kept if how in {"", one["how"]}]


def outgoing(account: FakeWechat, who: str, text: str, key: str = "k") -> Outgoing:
    card = Card("c", "WO-20261123-0001", "处理中")
    return Outgoing(TENANT, ChatRef("wechat", account.user(who)), text, key, card)


async def test_the_number_comes_with_the_answer_and_costs_no_push(
    there: Town, account: FakeWechat
) -> None:
    await account.says("anna", FAULT, "customer:anna")
    order = await there.until_order()
    assert [order.number in text for text in words(account, "anna", "passive")] == [True]


async def test_the_fifth_push_is_the_last_and_then_the_template_speaks(
    there: Town, account: FakeWechat, monkeypatch: pytest.MonkeyPatch
) -> None:
    await account.says("bob", "在吗", "customer:bob")
    channel = there.parts.adapters["wechat"]
    before = len(words(account, "bob", "push"))
    for n in range(5 - before):
        await channel.send(outgoing(account, "bob", f"第{n}条"))
    receipt = await channel.send(outgoing(account, "bob", "又一条进度"))
    assert receipt.message_id.startswith("template:")
    assert words(account, "bob", "template") == ["WO-20261123-0001\n又一条进度"]
    assert len(words(account, "bob", "push")) == 5
    monkeypatch.setattr(adapter, "ANSWER_WITHIN", 0.1)  # the same question is not answered twice
    await account.says("bob", "在吗", "customer:bob")
    again = await channel.send(outgoing(account, "bob", "窗口又开了", key="k2"))
    assert not again.message_id.startswith("template:")


async def test_a_stranger_gets_the_template_at_once(there: Town, account: FakeWechat) -> None:
    receipt = await there.parts.adapters["wechat"].send(outgoing(account, "carl", "进度"))
    assert receipt.degraded == "as a template message"


async def test_without_a_template_a_shut_window_is_said(there: Town, account: FakeWechat) -> None:
    channel: Any = there.parts.adapters["wechat"]
    channel._template = ""
    with pytest.raises(Refused, match="window"):
        await channel.send(outgoing(account, "carl", "进度"))


async def test_a_dead_token_is_renewed_once_by_all(there: Town, account: FakeWechat) -> None:
    channel = there.parts.adapters["wechat"]
    await account.says("anna", "在吗", "customer:anna")
    await account.says("bob", "在吗", "customer:bob")

    async def answered() -> bool:
        return bool(words(account, "anna")) and bool(words(account, "bob"))

    await wait_until(answered)
    await channel.send(outgoing(account, "anna", "一"))
    before = account.fetched
    account.dies()
    account.token = ""
    await asyncio.gather(
        *(channel.send(outgoing(account, who, "二", f"k{who}")) for who in ("anna", "bob"))
    )
    assert account.fetched == before + 1
    account.failures += [(200, '{"errcode": 40014, "errmsg": "x"}')] * 2
    with pytest.raises(Retry):
        await channel.send(outgoing(account, "anna", "三"))


async def test_the_menu_is_set_and_its_taps_are_words(there: Town, account: FakeWechat) -> None:
    async def menu() -> Any:
        return account.menus

    (set_up,) = await wait_until(menu)
    assert set_up["button"][0]["name"] == "一键报修"
    await account.tell(account.event("anna", "CLICK", "PAIDAN_REPORT"))

    async def asked() -> bool:
        return bool(words(account, "anna"))

    await wait_until(asked)
    assert await there.orders() == []
    await account.says("anna", FAULT, "customer:anna")
    assert await there.until_order()


async def test_a_tap_opens_a_short_window_and_never_fills_the_long_one(
    there: Town, account: FakeWechat
) -> None:
    channel = there.parts.adapters["wechat"]
    notes = there.parts.store.notes(TENANT, "wechat")

    async def left(who: str) -> int:
        kept = await notes.get(f"window:{account.user(who)}")
        return int(json.loads(kept)["left"]) if kept else 0

    await account.tell(account.event("anna", "CLICK", "PAIDAN_REPORT"))
    assert await left("anna") == 3
    for n in range(4):
        await channel.send(outgoing(account, "anna", f"第{n}条", f"t{n}"))
    assert len(words(account, "anna", "push")) == 3
    assert len(words(account, "anna", "template")) == 1
    await account.says("bob", "在吗", "customer:bob")
    before = await left("bob")
    await channel.send(outgoing(account, "bob", "一", "b1"))
    await account.tell(account.event("bob", "CLICK", "PAIDAN_REPORT"))
    assert await left("bob") == before - 1


async def test_a_scanned_code_brings_its_asset(there: Town, account: FakeWechat) -> None:
    asset = next(asset for asset in demo_company().assets if asset.token)
    await account.tell(account.event("anna", "subscribe", f"qrscene_{asset.token}"))

    async def asked() -> bool:
        return bool(words(account, "anna"))

    await wait_until(asked)
    await account.says("anna", FAULT, "customer:anna")
    order = await there.until_order()
    assert order.asset_id == asset.id


async def test_events_of_no_use_are_taken_and_forgotten(there: Town, account: FakeWechat) -> None:
    for event in ("VIEW", "LOCATION", "unsubscribe", "TEMPLATESENDJOBFINISH", "kf_create_session"):
        assert await account.tell(account.event("anna", event)) == [200]
    odd = account.message("anna", MsgType="hologram")
    assert await account.tell(odd) == [200]
    assert await there.orders() == []


async def test_a_forged_call_is_refused_and_a_broken_one_named(
    there: Town, account: FakeWechat
) -> None:
    query, body = account.sealed(account.message("anna", MsgType="text", Content=FAULT))
    async with account.http.post(
        account.hook, params={**query, "msg_signature": "0" * 40}, data=body
    ) as response:
        assert response.status == 403
    async with account.http.post(account.hook, params=query, data=b"<xml/>") as response:
        assert response.status == 400
    lacking = account.message("anna", MsgType="text", Content=FAULT)
    del lacking["MsgId"]
    assert await account.tell(lacking) == [400]
    assert await there.orders() == []


async def test_the_address_is_proven_with_the_plain_signature(
    there: Town, account: FakeWechat
) -> None:
    from bots.gateway.tencent import signed  # noqa: PLC0415
    from tests.vendors.wechat import TOKEN  # noqa: PLC0415

    stamp = str(int(account.now()))
    query = {"timestamp": stamp, "nonce": "n", "echostr": "6612"}
    query["signature"] = signed(TOKEN, stamp, "n")
    async with account.http.get(account.hook, params=query) as response:
        assert (response.status, await response.text()) == (200, "6612")
    async with account.http.get(account.hook, params={**query, "nonce": "m"}) as response:
        assert response.status == 403
    assert there.platform is account


async def test_a_picture_is_fetched_with_a_token(there: Town, account: FakeWechat) -> None:
    account.media["m1"] = JPEG
    await account.says("anna", FAULT, "customer:anna")
    await there.until_order()
    await account.tell(account.message("anna", MsgType="image", MediaId="m1", PicUrl="http://x"))
    order = await there.until_order(lambda o: bool(o.media))
    assert order.media[0].mime == "image/jpeg"


async def test_a_foreign_client_finds_the_fake_true() -> None:
    """wechatpy, which nobody here wrote, gets a token, pushes and is refused as documented."""
    account = FakeWechat()
    await account.start()
    assert isinstance(account.server, TestServer)
    account.windows["o1"] = (account.now() + 60, 1)

    class Client(WeChatClient):  # type: ignore[misc]  # untyped
        API_BASE_URL = f"{account.address}/cgi-bin/"

        def fetch_access_token(self) -> Any:
            return self._fetch_access_token(
                url=f"{account.address}/cgi-bin/token",
                params={"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET},
            )

    assert issubclass(Client, BaseWeChatClient)

    def push() -> Any:
        client = Client(APP_ID, SECRET, timeout=5, auto_retry=False)
        return client.message.send_text("o1", "你好")

    assert (await asyncio.to_thread(push))["errcode"] == 0
    with pytest.raises(Exception, match="45047"):
        await asyncio.to_thread(push)
    await account.stop()
