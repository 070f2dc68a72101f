"""What only DingTalk has: its Stream, sessions that end, answers that are half a success."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bots.channel import Refused, Retry
from bots.dingtalk import adapter
from bots.front_desk import FrontDesk
from paidan.compose import seed
from tests.vendors.dingtalk import SECRET, DingTalkByHttp, FakeDingTalk, sign
from tests.vendors.ear import Ear
from tests.vendors.platform import TENANT, Shown, Town, company_on, town
from tests.waiting import wait_until
from workflow.kept import Admitted
from workflow.records import ChatRef, Inbound, Outgoing
from workflow.states import State

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture(params=[FakeDingTalk, DingTalkByHttp], ids=["stream", "http"])
async def there(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    """On a machine that may be slow: a press waits longer than the platform would."""
    monkeypatch.setattr(adapter, "PRESS_WITHIN", 20.0)
    async with town(request.param(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def dingtalk(there: Town) -> FakeDingTalk:
    assert isinstance(there.platform, FakeDingTalk)
    return there.platform


async def hear(there: Town, dingtalk: FakeDingTalk) -> Any:
    await dingtalk.says("anna", FAULT, "customer:anna")
    return await there.until_order()


async def test_a_press_is_answered_with_the_repainted_card(
    there: Town, dingtalk: FakeDingTalk
) -> None:
    order = await hear(there, dingtalk)
    card = await there.until_card("接单")
    await dingtalk.presses(order.assignee, card, "接单")
    assert "接单" not in dingtalk.cards[card.id].buttons


class Gate:
    """A database that keeps nothing while the gate is shut, and fails while it is broken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        admit, self.open, self.broken = FrontDesk.admit, asyncio.Event(), False
        self.open.set()

        async def admitted(desk: FrontDesk, inbound: Inbound) -> Admitted | None:
            await self.open.wait()
            if self.broken:
                raise RuntimeError("the database is gone")
            return await admit(desk, inbound)

        monkeypatch.setattr(FrontDesk, "admit", admitted)
        monkeypatch.setattr(adapter, "PRESS_WITHIN", 0.2)


@pytest.mark.parametrize("kind", [FakeDingTalk, DingTalkByHttp], ids=["stream", "http"])
async def test_a_press_is_answered_before_a_slow_database_has_kept_it(
    kind: type[FakeDingTalk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    async with town(kind(), Ear(), tmp_path) as there:
        dingtalk = there.platform
        assert isinstance(dingtalk, FakeDingTalk)
        order = await hear(there, dingtalk)
        card = await there.until_card("接单")
        gate.open.clear()
        assert await dingtalk.presses(order.assignee, card, "接单") == [200]
        assert "接单" in dingtalk.cards[card.id].buttons
        assert [found.state for found in await there.orders()] == [order.state]
        gate.open.set()
        await there.until_order(lambda found: found.state == State.IN_PROGRESS)
        await there.until_card("到场")


async def test_a_press_that_was_answered_and_then_lost_is_owned_up_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    async with town(FakeDingTalk(), Ear(), tmp_path) as there:
        dingtalk = there.platform
        assert isinstance(dingtalk, FakeDingTalk)
        order = await hear(there, dingtalk)
        card = await there.until_card("接单")
        gate.open.clear()
        await dingtalk.presses(order.assignee, card, "接单")
        gate.broken = True
        gate.open.set()

        async def told() -> bool:
            private = dingtalk.private.get((card.id, dingtalk.user(order.assignee)), {})
            return "再点一次" in private.get("hint", "")

        await wait_until(told)
        gate.broken = False
        await dingtalk.presses(order.assignee, card, "接单")
        await there.until_order(lambda found: found.state == State.IN_PROGRESS)


async def test_reasons_are_offered_to_the_presser_alone(
    there: Town, dingtalk: FakeDingTalk
) -> None:
    order = await hear(there, dingtalk)
    card = await there.until_card("拒单")
    who = order.assignee
    await dingtalk.presses(who, card, "拒单")
    assert "拒单" in dingtalk.cards[card.id].buttons
    offered = dingtalk.private[card.id, dingtalk.user(who)]
    assert offered["hint"] == "拒单"
    await dingtalk.presses(who, card, offered["b1_text"])
    await there.until_order(lambda o: o.assignee != who or o.sub != order.sub)


async def test_a_button_that_wants_words_says_how(there: Town, dingtalk: FakeDingTalk) -> None:
    order = await hear(there, dingtalk)
    who = order.assignee
    await dingtalk.presses(who, await there.until_card("接单"), "接单")
    await dingtalk.presses(who, await there.until_card("到场"), "到场")
    card = await there.until_card("完成")
    await dingtalk.presses(who, card, "完成")
    assert "完成 1" in dingtalk.private[card.id, dingtalk.user(who)]["hint"]


@pytest.mark.parametrize(("locale", "hint"), [("zh_CN", "最新的卡片"), ("en", "the newest card")])
async def test_what_the_adapter_says_is_in_the_companys_language(
    there: Town, dingtalk: FakeDingTalk, locale: str, hint: str
) -> None:
    loaded = company_on(dingtalk)
    await seed(there.parts.store, replace(loaded, company=replace(loaded.company, locale=locale)))

    async def reachable() -> bool:
        return dingtalk.stream or "apiSecret" in dingtalk.registered

    await wait_until(reachable)
    gone = Shown("no-card", "", "", raw={"params": {"b1_text": "接单", "b1_key": "n:gone"}})
    await dingtalk.presses("chenwei", gone, "接单")
    assert hint in dingtalk.private["no-card", dingtalk.user("chenwei")]["hint"]


async def test_half_a_success_is_none(there: Town, dingtalk: FakeDingTalk) -> None:
    channel: Any = there.parts.adapters["dingtalk"]

    def to(who: str) -> Outgoing:
        return Outgoing(TENANT, ChatRef("dingtalk", who), "进度", key=f"k:{who}")

    dingtalk.invalid.add("nobody")
    dingtalk.controlled.add("busy")
    with pytest.raises(Refused):
        await channel.send(to("nobody"))
    with pytest.raises(Retry):
        await channel.send(to("busy"))
    assert (await channel.send(to("somebody"))).message_id


async def test_an_address_that_is_shut_out_waits(there: Town, dingtalk: FakeDingTalk) -> None:
    channel: Any = there.parts.adapters["dingtalk"]
    dingtalk.failures.append((200, "", ""))

    async def banned(*_: Any, **__: Any) -> Any:
        from bots.gateway.api import Response  # noqa: PLC0415

        return Response(403, {}, b"<html>denied</html>")

    channel._calls._api.call = banned
    dingtalk.failures.clear()
    with pytest.raises(Retry) as refused:
        await channel.send(Outgoing(TENANT, ChatRef("dingtalk", "x"), "进度", key="k"))
    assert refused.value.after.total_seconds() == 300


async def test_pictures_and_heard_voice_stand_on_the_work_order(
    there: Town, dingtalk: FakeDingTalk
) -> None:
    dingtalk.files["code1"] = PNG
    spoken = {"duration": 4000, "downloadCode": "gone", "recognition": FAULT}
    await dingtalk.tell(dingtalk.message("anna", "customer:anna", msgtype="audio", content=spoken))
    await there.until_order(lambda o: o.fault_type == "hvac")
    rich = {"richText": [{"text": "看这里"}, {"downloadCode": "code1", "type": "picture"}]}
    await dingtalk.tell(dingtalk.message("anna", "customer:anna", msgtype="richText", content=rich))
    order = await there.until_order(lambda o: any(m.mime == "image/png" for m in o.media))
    assert order.number


async def test_calling_works_by_session_and_after_it_by_the_groups_robot(
    there: Town, dingtalk: FakeDingTalk
) -> None:
    channel: Any = there.parts.adapters["dingtalk"]
    group = ChatRef("dingtalk", dingtalk.chat("group:home"), "group")

    def call(key: str) -> Outgoing:
        return Outgoing(TENANT, group, "请接单", key=key, mentions=("staff1",))

    await channel.send(call("a"))
    assert dingtalk.messages[group.chat][-1].mentions == ("staff1",)
    await channel.send(call("a"))
    assert len(dingtalk.messages[group.chat]) == 1
    elsewhere = ChatRef("dingtalk", "cid-other==", "group")
    receipt = await channel.send(Outgoing(TENANT, elsewhere, "请接单", "b", mentions=("staff1",)))
    assert receipt.degraded == "without @"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (300001, "token is not exist"),
        (310000, "keywords not in content"),
        (310000, "sign not match"),
        (310000, "ip 1.2.3.4 not in whitelist"),
        (400101, "access_token不存在"),
        (400102, "机器人已停用"),
        (400106, "机器人不存在"),
    ],
)
async def test_where_the_groups_robot_is_refused_the_application_speaks_and_supervisors_hear(
    there: Town, dingtalk: FakeDingTalk, code: int, why: str
) -> None:
    channel: Any = there.parts.adapters["dingtalk"]
    group = ChatRef("dingtalk", dingtalk.chat("group:home"), "group")

    def call(key: str) -> Outgoing:
        return Outgoing(TENANT, group, f"请接单 {key}", key=key, mentions=("staff1",))

    dingtalk.robot_refusal = (code, why)
    receipt = await channel.send(call("a"))
    assert receipt.degraded == "without @"
    assert "请接单 a" in dingtalk.messages[group.chat][-1].text
    dingtalk.robot_refusal = None
    assert (await channel.send(call("b"))).degraded == "without @", "left alone for a while"
    (found,) = [f for f in await channel.check() if f.code == "dingtalk_robot_gone"]
    assert (found.level, found.facts) == ("fail", (group.chat, f"{code} {why}"))
    told = await there.until_told(lambda s: str(code) in s.text, "group:supervisors")
    assert "自定义机器人发不出" in told.text


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://oapi.dingtalk.com.evil.example/robot/sendBySession",
        "https://oapi.dingtalk.com:8443/robot/sendBySession",
        "https://user@oapi.dingtalk.com/robot/sendBySession",
        "//[",
        "nonsense",
    ],
)
async def test_a_session_elsewhere_is_never_called(
    there: Town, dingtalk: FakeDingTalk, address: str
) -> None:
    message = dingtalk.message("anna", "customer:anna", text={"content": FAULT})
    await dingtalk.tell({**message, "sessionWebhook": address})
    order = await there.until_order()
    assert await there.until_shown("customer:anna", lambda shown: order.number in shown.text)
    notes = there.parts.store.notes(TENANT, "dingtalk")
    assert await notes.get(f"session:{dingtalk.user('anna')}") is None


async def test_a_token_that_died_is_renewed_once(there: Town, dingtalk: FakeDingTalk) -> None:
    channel: Any = there.parts.adapters["dingtalk"]
    await channel.send(Outgoing(TENANT, ChatRef("dingtalk", "a"), "一", key="1"))
    dingtalk.token, before = "", dingtalk.fetched
    sends = [Outgoing(TENANT, ChatRef("dingtalk", f"p{n}"), "二", key=f"2{n}") for n in range(6)]
    await asyncio.gather(*(channel.send(one) for one in sends))
    assert dingtalk.fetched == before + 1


@pytest.fixture
async def by_http(tmp_path: Path) -> AsyncIterator[DingTalkByHttp]:
    fake = DingTalkByHttp()
    async with town(fake, Ear(), tmp_path):
        yield fake


@pytest.mark.parametrize(
    ("late", "secret", "body", "status"),
    [
        (0, "wrong", "{}", 403),
        (-3600, SECRET, "{}", 403),
        (0, SECRET, "{", 400),
        (0, SECRET, "[]", 400),
        (0, SECRET, '{"msgtype": "text"}', 400),
        (0, SECRET, '{"msgtype": 5}', 400),
    ],
)
async def test_forged_old_and_broken_calls_are_refused(
    by_http: DingTalkByHttp, late: int, secret: str, body: str, status: int
) -> None:
    stamp = str(int((time.time() + late) * 1000))
    headers = {"timestamp": stamp, "sign": sign(secret, stamp)}
    async with by_http.http.post(by_http.hook, data=body, headers=headers) as response:
        assert response.status == status


async def test_the_stream_comes_back_and_a_ping_is_answered(tmp_path: Path) -> None:
    fake = FakeDingTalk()
    async with town(fake, Ear(), tmp_path) as there:
        ack = await fake.frame("SYSTEM", "ping", {"opaque": "0d6b"})
        assert json.loads(ack["data"]) == {"opaque": "0d6b"}
        first = await fake.farewell()

        async def again() -> bool:
            return fake.connections > 1 and fake.socket is not first

        await wait_until(again)
        await fake.says("anna", FAULT, "customer:anna")
        assert await there.until_order()
