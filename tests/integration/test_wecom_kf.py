"""What only 微信客服 has: news to be fetched, five messages a window, menus, codes with a scene."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bots.channel import Refused
from bots.gateway.adapter import Adapter
from paidan.doctor import say
from tests.vendors.ear import Ear
from tests.vendors.platform import Town, town
from tests.vendors.wecom_kf import FakeKf
from tests.waiting import wait_until
from workflow.records import Action, Button, Card, ChatRef, Outgoing

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(FakeKf(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def kf(there: Town) -> FakeKf:
    assert isinstance(there.platform, FakeKf)
    return there.platform


@pytest.fixture
def adapter(there: Town) -> Adapter:
    return there.parts.adapters["wecom_kf"]


def outgoing(text: str = "师傅在路上", **more: Any) -> Outgoing:
    to = ChatRef("wecom_kf", "wmanna", "direct")
    return Outgoing("demo", to, text, secrets.token_hex(8), **more)


async def heard(there: Town, kf: FakeKf) -> None:
    """A customer wrote something, so that they may be written to."""
    kf.write("anna", msgtype="text", text={"content": "好的"})
    await kf.ring()
    notes = there.parts.store.notes("demo", "wecom_kf")

    async def fetched() -> bool:
        return await notes.get("cursor") == str(len(kf.news))

    await wait_until(fetched)


async def test_all_pages_are_fetched_and_none_twice(there: Town, kf: FakeKf) -> None:
    for n in range(5):
        kf.write(f"c{n}", msgtype="text", text={"content": f"锦绣苑{n + 1}栋1单元101空调坏了"})
    await kf.ring(times=3)

    async def all_there() -> bool:
        return len(await there.orders()) == 5

    await wait_until(all_there)
    starts = [body.get("cursor") for path, body in kf.calls if path == "kf/sync_msg"]
    assert {"2", "4"} <= {str(start) for start in starts}


async def test_what_was_said_long_before_the_first_fetch_opens_nothing(
    there: Town, kf: FakeKf
) -> None:
    for n in range(3):
        kf.write("old", ago=86_400, msgtype="text", text={"content": f"{n}{FAULT}"})
    await kf.says("anna", FAULT, "customer:anna")
    assert (await there.until_order()).reporters[0].sender == "wmanna"
    assert len(await there.orders()) == 1


async def test_a_token_that_died_does_not_stop_the_news(
    there: Town, kf: FakeKf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.wecom.kf._PAUSE", 0.01)
    await heard(there, kf)
    kf.write("anna", msgtype="text", text={"content": FAULT})
    told = kf.news_token
    kf.news_token = "another"
    fields = kf.event("", MsgType="event", Event="kf_msg_or_event", Token=told)
    await kf.tell(fields)
    assert await there.until_order()


async def test_colleagues_and_events_are_not_customers(there: Town, kf: FakeKf) -> None:
    base = {"msgid": "e1", "send_time": 1}
    gone = {"event_type": "msg_send_fail", "external_userid": "wmanna", "fail_type": 4}
    kf.news.append({**base, "origin": 4, "msgtype": "event", "event": gone})
    kf.write("anna", origin=5, msgtype="text", text={"content": FAULT})
    kf.write("anna", msgtype="never_heard_of")
    kf.news.append({"nonsense": []})
    await kf.says("bob", "锦绣苑8栋电梯坏了", "customer:bob")
    assert (await there.until_order()).fault_type == "elevator"
    assert len(await there.orders()) == 1


async def test_a_code_with_a_scene_names_the_asset(there: Town, kf: FakeKf) -> None:
    event = {
        "event_type": "enter_session",
        "external_userid": "wmanna",
        "scene": "oc",
        "scene_param": "a-lift-01",
    }
    kf.news.append({"msgid": "e1", "send_time": 1, "origin": 4, "msgtype": "event", "event": event})
    kf.write("anna", msgtype="text", text={"content": FAULT})
    seen: list[Any] = []
    admit = there.parts.front_desk.admit

    async def watching(inbound: Any) -> Any:
        seen.append(inbound)
        return await admit(inbound)

    board = there.parts.adapters["wecom_kf"]._board  # type: ignore[attr-defined]
    object.__setattr__(board, "admit", watching)
    await kf.ring()

    async def come() -> bool:
        return bool(seen)

    await wait_until(come)
    assert seen[0].asset == "a-lift-01"


async def test_a_photo_is_fetched(there: Town, kf: FakeKf) -> None:
    kf.files["m1"] = (PNG, "现场.png")
    await kf.says("anna", FAULT, "customer:anna")
    await there.until_order()
    kf.write("anna", msgtype="image", image={"media_id": "m1"})
    await kf.ring()
    assert (await there.until_order(lambda o: bool(o.media))).media[0].mime == "image/png"


async def test_the_sixth_message_is_refused_before_the_platform_does(
    there: Town, kf: FakeKf, adapter: Adapter
) -> None:
    await heard(there, kf)
    sending = (adapter.send(outgoing(f"第{n}条")) for n in range(8))
    found = await asyncio.gather(*sending, return_exceptions=True)
    assert len([one for one in found if isinstance(one, Refused)]) == 3
    assert len([path for path, _ in kf.calls if path == "kf/send_msg"]) == 5
    with pytest.raises(Refused):
        await adapter.send(outgoing())
    await heard(there, kf)
    await adapter.send(outgoing("又能说了"))
    assert kf.shown("customer:anna")[-1].text == "又能说了"


async def test_who_never_wrote_is_not_written_to(adapter: Adapter) -> None:
    with pytest.raises(Refused):
        await adapter.send(outgoing())


async def test_a_menu_carries_the_buttons_and_asks_in_another(
    there: Town, kf: FakeKf, adapter: Adapter
) -> None:
    await heard(there, kf)
    stars = tuple((str(n), "★" * n) for n in range(5, 0, -1))
    rate = Button("评价", Action("rate", "o1"), ask="rating", choices=stars)
    await adapter.send(outgoing("修好了", card=Card("k", "WO-1", buttons=(rate,), body="身" * 900)))
    shown = kf.shown("customer:anna")[-1]
    assert shown.buttons == ("评价",)
    await kf.presses("anna", shown, "评价")
    asked = await there.until_shown("customer:anna", lambda s: "★" in s.buttons)
    assert len(asked.buttons) == 5


async def test_the_doctor_looks_for_the_account(kf: FakeKf, adapter: Adapter) -> None:
    assert [say(finding) for finding in await adapter.check()] == ["✓ 微信客服账号「安居客服」可用"]
    kf.allowed_ip = False
    (finding,) = await adapter.check()
    assert finding.code == "wecom_address"
