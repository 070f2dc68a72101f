"""What only the 智能机器人 has: one line that nobody fights over, five seconds for a card, sealed
attachments, and callbacks that may be answered once.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from wechatpy.crypto.base import WeChatCipher

from bots.channel import Barred, Refused, Retry
from bots.gateway.adapter import Adapter, Callback
from bots.gateway.tencent import Envelope
from paidan.channels.wecom_bot import WecomBot
from paidan.doctor import say
from tests.vendors import judges
from tests.vendors.ear import Ear
from tests.vendors.platform import Shown, Town, town
from tests.vendors.wecom import AES_KEY, TOKEN
from tests.vendors.wecom_bot import BOT_ID, SECRET, FakeWecomBot
from tests.waiting import wait_until
from workflow.records import Action, Button, Card, ChatRef, Outgoing

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
GROUP = "group:home"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(FakeWecomBot(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def bot(there: Town) -> FakeWecomBot:
    assert isinstance(there.platform, FakeWecomBot)
    return there.platform


@pytest.fixture
async def adapter(there: Town, bot: FakeWecomBot) -> Adapter:
    """Ours, with its line open."""
    await bot.tell(bot.body("x", "group:none", msgtype="event", event={"eventtype": "enter_chat"}))
    return there.parts.adapters["wecom_bot"]


def outgoing(chat: str = "wrhome", text: str = "到了吗", **more: Any) -> Outgoing:
    kind: Any = "group" if chat.startswith("wr") else "direct"
    return Outgoing("demo", ChatRef("wecom_bot", chat, kind), text, secrets.token_hex(4), **more)


async def offered(there: Town, bot: FakeWecomBot) -> tuple[Any, Shown]:
    await bot.says("anna", FAULT, "customer:anna")
    order = await there.until_order(lambda o: bool(o.assignee))
    return order, await there.until_shown(GROUP, lambda s: "接单" in s.buttons)


# --- hearing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"msgtype": "event", "event": {"eventtype": "feedback_event"}},
        {"msgtype": "event"},
        {"msgtype": "never_heard_of", "from": {"userid": "a"}, "msgid": "1"},
        {"msgtype": "text", "text": {"content": "x"}},
        {"msgtype": "text", "text": [], "from": []},
        {
            "msgtype": "event",
            "event": {"eventtype": "template_card_event"},
            "from": {"userid": "a"},
        },
    ],
)
async def test_nonsense_and_news_of_no_use_do_not_break_the_line(
    there: Town, bot: FakeWecomBot, body: dict[str, Any]
) -> None:
    base = {"from": {"userid": "a"}, "chattype": "single"}
    await bot.tell({**base, **body})
    assert bot.socket is not None
    await bot.socket.send_str("not json")
    await bot.socket.send_bytes(b"\x00")
    order, _ = await offered(there, bot)
    assert order.number


async def test_in_a_group_the_call_is_not_part_of_the_words(there: Town, bot: FakeWecomBot) -> None:
    await bot.says("anna", FAULT, "group:tenants")
    order = await there.until_order()
    assert order.text == FAULT
    assert order.reporters[0].place == ChatRef("wecom_bot", "wrtenants", "group")


async def test_voice_is_heard_by_its_transcript(there: Town, bot: FakeWecomBot) -> None:
    await bot.tell(bot.body("anna", "customer:anna", msgtype="voice", voice={"content": FAULT}))
    assert (await there.until_order()).fault_type == "hvac"


async def test_words_with_a_sealed_picture_bring_it_home(there: Town, bot: FakeWecomBot) -> None:
    key = secrets.token_bytes(32)
    padded = PNG + bytes([32 - len(PNG) % 32]) * (32 - len(PNG) % 32)
    bot.files["1"] = WeChatCipher(key, key[:16]).encrypt(padded)
    sealed = {
        "url": str(bot.server.make_url("/files/1?sign=x")),
        "aeskey": base64.b64encode(key).decode(),
    }
    items = [
        {"msgtype": "text", "text": {"content": FAULT}},
        {"msgtype": "image", "image": sealed},
    ]
    await bot.tell(bot.body("anna", "customer:anna", msgtype="mixed", mixed={"msg_item": items}))
    order = await there.until_order(lambda o: bool(o.media))
    blob = order.media[0].blob
    assert blob is not None
    assert await there.parts.store.blobs.get(blob) == (PNG, "image/png")


# --- cards ------------------------------------------------------------------------------------


async def test_a_press_repaints_the_groups_card_and_choices_stand_on_it(
    there: Town, bot: FakeWecomBot
) -> None:
    order, card = await offered(there, bot)
    await bot.presses(order.assignee, card, "拒单")
    asked = await there.until_shown(GROUP, lambda s: s.id == card.id and "确定" in s.buttons)
    await bot.presses(order.assignee, asked, "返回")
    back = await there.until_shown(GROUP, lambda s: s.id == card.id and "接单" in s.buttons)
    await bot.presses(order.assignee, back, "接单")
    moved = await there.until_shown(GROUP, lambda s: s.id == card.id and "到场" in s.buttons)
    await bot.presses(order.assignee, moved, "到场")
    done = await there.until_shown(GROUP, lambda s: s.id == card.id and "完成" in s.buttons)
    await bot.presses(order.assignee, done, "完成")
    told = await there.until_shown(GROUP, lambda s: "请回复" in s.text)
    assert (told.mentions, "完成 1" in told.text) == ((order.assignee,), True)


async def test_picking_a_reason_gives_it(there: Town, bot: FakeWecomBot) -> None:
    order, card = await offered(there, bot)
    await bot.presses(order.assignee, card, "拒单")
    asked = await there.until_shown(GROUP, lambda s: "确定" in s.buttons)
    reason = asked.raw["button_selection"]["option_list"][2]["text"]
    await bot.presses(order.assignee, asked, "确定", option=reason)
    after = await there.until_order(lambda o: o.assignee != order.assignee or o.sub != order.sub)
    history = await there.parts.store.read("demo", lambda uow: uow.orders.history(after.id))
    assert reason in str([event.data for event in history])


async def test_too_late_for_the_old_card_a_new_one_is_shown(there: Town, bot: FakeWecomBot) -> None:
    order, card = await offered(there, bot)
    bot.slow = 6.0
    await bot.presses(order.assignee, card, "接单")
    moved = await there.until_shown(GROUP, lambda s: "到场" in s.buttons)
    assert moved.id != card.id


async def test_people_are_called_before_their_card(bot: FakeWecomBot, adapter: Adapter) -> None:
    bot.chat(GROUP)
    card = Card("k", "WO-1", buttons=(Button("接单", Action("accept", "o1")),))
    await adapter.send(outgoing(text="请接单", card=card, mentions=("wanglei", "<@all>")))
    words, shown = bot.shown(GROUP)
    assert (words.mentions, words.text) == (("wanglei",), "<@wanglei> 请接单")
    assert shown.buttons == ("接单",)


# --- the line ---------------------------------------------------------------------------------


async def test_a_lost_line_is_opened_again(there: Town, bot: FakeWecomBot) -> None:
    await offered(there, bot)
    older = bot.socket
    await bot.hush()

    async def again() -> bool:
        return bot.socket is not None and bot.socket is not older

    await wait_until(again)
    await bot.says("anna", f"{FAULT} 另一处垃圾", "customer:anna")


async def test_kicked_it_stands_by_and_says_so(
    there: Town, bot: FakeWecomBot, adapter: Adapter
) -> None:
    async with bot.http.ws_connect(bot.address) as other:
        body = {"bot_id": BOT_ID, "secret": SECRET}
        await other.send_json({"cmd": "aibot_subscribe", "headers": {"req_id": "1"}, "body": body})
        assert (await other.receive_json())["errcode"] == 0

        async def kicked() -> bool:
            return [f.code for f in await adapter.check()] == ["wecom_bot_kicked"]

        await wait_until(kicked)
        with pytest.raises(Barred, match="another program"):
            await adapter.send(outgoing())
    subscribed = [f for f in bot.frames if f["cmd"] == "aibot_subscribe"]
    assert len(subscribed) == 2


async def test_who_is_not_let_in_any_more_is_refused_as_an_account_until_let_in_again(
    bot: FakeWecomBot, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.wecom.bot._LONGEST_PAUSE", 0.05)
    await adapter.send(outgoing())
    bot.secret = "changed by its owner"
    await bot.hush()

    async def sent() -> str:
        try:
            await adapter.send(outgoing())
        except (Barred, Retry) as no:
            return type(no).__name__ + no.why
        return "sent"

    async def barred() -> bool:
        return (await sent()).startswith("Barred40001")

    async def let_in() -> bool:
        return await sent() == "sent"

    await wait_until(barred)
    bot.secret = SECRET
    await wait_until(let_in)


async def test_a_second_process_waits_for_the_first(
    there: Town, bot: FakeWecomBot, adapter: Adapter
) -> None:
    section = bot.section()
    replica = section.open(adapter._board)  # type: ignore[attr-defined]  # the same notes
    running = asyncio.create_task(replica.run())
    try:
        assert [f.code for f in await replica.check()] == ["wecom_bot_held"]
        with pytest.raises(Retry):
            await replica.send(outgoing())
        assert len([f for f in bot.frames if f["cmd"] == "aibot_subscribe"]) == 1
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_who_lost_the_lease_gives_up_the_line(
    there: Town, bot: FakeWecomBot, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.wecom.bot.LEASE", timedelta(seconds=0.3))
    notes = there.parts.store.notes("demo", "wecom_bot")
    await bot.hush()  # the next connection renews its lease often
    await bot.says("anna", "好的", "customer:anna")
    await notes.put("line", "another process", timedelta(minutes=1))

    async def given_up() -> bool:
        return bot.socket is None

    await wait_until(given_up)
    assert await notes.get("line") == "another process"

    async def leaves_it_to_the_other() -> bool:
        return adapter.capabilities.elsewhere

    await wait_until(leaves_it_to_the_other)
    assert await notes.get("kicked") is None


async def test_a_stranger_is_refused_for_good(bot: FakeWecomBot, adapter: Adapter) -> None:
    with pytest.raises(Refused):
        await adapter.send(outgoing("nobody"))


async def test_the_doctor_tries_the_secret(
    there: Town, bot: FakeWecomBot, adapter: Adapter
) -> None:
    board = adapter._board  # type: ignore[attr-defined]  # the same notes
    await board.notes.drop("line")
    wrong = WecomBot(bot_id=BOT_ID, secret="wrong", address=bot.address).open(board)
    (finding,) = await wrong.check()
    assert finding.code == "wecom_bot_secret"
    assert "长连接" in say(finding)


# --- by callback ------------------------------------------------------------------------------


async def test_by_callback_each_message_is_answered_once(
    there: Town, bot: FakeWecomBot, adapter: Adapter
) -> None:
    host = str(bot.server.make_url("")).rstrip("/")
    section = WecomBot(token=TOKEN, aes_key=AES_KEY, media_hosts=(host,))
    board = adapter._board  # type: ignore[attr-defined]  # the same notes
    called, platform = section.open(board), Envelope(TOKEN, AES_KEY, "", board.now)

    async def call(content: str, name: str) -> int:
        body = bot.body("anna", "group:tenants", msgtype="text", text={"content": content})
        sealed = platform.seal_json({**body, "response_url": f"{host}/answers/{name}"})
        said = json.loads(sealed)
        query = {"timestamp": str(said["timestamp"]), "nonce": said["nonce"]}
        query["msg_signature"] = said["msgsignature"]
        return (await called.receive(Callback("POST", query, body=sealed))).status

    assert await call(f"@派单 {FAULT}", "first") == 200
    assert (await there.until_order()).fault_type == "hvac"
    await called.send(outgoing("wrtenants", "已受理", mentions=("anna",)))
    assert bot.answers["first"]["markdown"]["content"] == "<@anna> 已受理"
    with pytest.raises(Refused):
        await called.send(outgoing("wrtenants", "还有一句"))
    assert [say(finding)[0] for finding in await called.check()] == ["!"]


async def test_an_answer_goes_nowhere_but_to_the_platform(
    bot: FakeWecomBot, adapter: Adapter
) -> None:
    board = adapter._board  # type: ignore[attr-defined]  # the same notes
    called = WecomBot(token=TOKEN, aes_key=AES_KEY).open(board)
    body = bot.body("anna", "group:tenants", msgtype="text", text={"content": "在吗"})
    given = {**body, "response_url": str(bot.server.make_url("/answers/x"))}
    sealed = Envelope(TOKEN, AES_KEY, "", board.now).seal_json(given)
    said = json.loads(sealed)
    query = {"timestamp": str(said["timestamp"]), "nonce": said["nonce"]}
    await called.receive(
        Callback("POST", {**query, "msg_signature": said["msgsignature"]}, body=sealed)
    )
    with pytest.raises(Refused):
        await called.send(outgoing("wrtenants"))
    assert bot.answers == {}


# --- who judges the judge ---------------------------------------------------------------------

CLIENT = """
const { WSClient, generateReqId } = require('@wecom/aibot-node-sdk');
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new WSClient({
  botId: given.bot, secret: given.secret, wsUrl: given.url, logger: silent,
  maxReconnectAttempts: 0, heartbeatInterval: 200,
});
const seen = [];
const card = {
  card_type: 'button_interaction', main_title: { title: '工单' }, task_id: 'sdk-1',
  button_list: [{ text: '接单', style: 1, key: 'k' }],
};
client.on('authenticated', () => seen.push('in'));
client.on('message.text', async (frame) => {
  seen.push(frame.body.text.content);
  await client.replyStream(frame, generateReqId('stream'), '收到', true);
  await client.sendMessage('wrhome', { msgtype: 'markdown', markdown: { content: '<@anna> 好' } });
  await client.sendMessage('wrhome', { msgtype: 'template_card', template_card: card });
  await client.sendMessage('wrhome', { msgtype: 'template_card', template_card: card })
    .catch((no) => seen.push(no.errcode));
});
client.on('event.template_card_event', async (frame) => {
  seen.push(frame.body.event.template_card_event.event_key);
  await client.updateTemplateCard(frame, { ...card, main_title: { title: '已接单' } });
  seen.push('painted');
});
client.on('event.disconnected_event', () => {
  console.log(JSON.stringify(seen));
  process.exit(0);
});
client.connect();
setTimeout(() => { console.log(JSON.stringify(['late', ...seen])); process.exit(0); }, 20000);
"""


async def test_tencents_own_client_finds_the_gateway_it_knows(tmp_path: Path) -> None:
    judges.insist()
    bot = FakeWecomBot()
    await bot.start()
    try:
        bot.chat(GROUP)
        given = {"bot": BOT_ID, "secret": SECRET, "url": bot.address}
        judging = asyncio.create_task(asyncio.to_thread(judges.run, CLIENT, given))
        await bot.says("anna", "你好", GROUP)

        async def spoken() -> Shown | None:
            return next((s for s in bot.shown(GROUP) if s.raw), None)

        shown = await wait_until(spoken)
        await bot.presses("anna", shown, "接单")

        async def painted() -> bool:
            return bool(shown.edits)

        await wait_until(painted)
        async with ClientSession() as http, http.ws_connect(bot.address) as other:
            body = {"bot_id": BOT_ID, "secret": SECRET}
            await other.send_json(
                {"cmd": "aibot_subscribe", "headers": {"req_id": "1"}, "body": body}
            )
            seen = await judging
            assert seen[:2] == ["in", "@派单 你好"]
            assert {str(one) for one in seen[2:]} == {"42014", "k", "painted"}
    finally:
        await bot.stop()
    assert [s.text for s in bot.shown(GROUP)] == ["收到", "<@anna> 好", "已接单"]
