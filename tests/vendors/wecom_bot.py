"""企业微信's gateway for a 智能机器人 on loopback: subscribe, ping, callbacks, answers, kicks.

Judged by Tencent's own npm package as its client (test_wecom_bot.py).
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from aiohttp import web
from aiohttp.test_utils import TestServer
from typing_extensions import override

from paidan.channels.section import ChannelSection
from paidan.channels.wecom_bot import WecomBot
from tests.vendors.platform import Clip, Platform, Shown
from tests.vendors.wecom import UNTOLD, show_card, wrong_card
from tests.waiting import wait_until

BOT_ID = "aibot-of-the-fake"
SECRET = "secret-of-the-fake-bot-0123456789"


class FakeWecomBot(Platform):
    """One bot, its chats and its people."""

    name: ClassVar[str] = "wecom_bot"
    called: ClassVar[bool] = False
    markup: ClassVar[str] = (
        '<@all> <@chenwei> <font color="warning">急</font> [点](http://e.example) **急** > `x`'
    )
    spoken: ClassVar[Literal["", "written", "bytes"]] = "written"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, list[Shown]] = {}
        self.tasks: dict[str, Shown] = {}
        self.socket: web.WebSocketResponse | None = None
        self.frames: list[dict[str, Any]] = []
        self.callbacks: dict[str, tuple[float, str]] = {}
        self.secret = SECRET
        self.failures: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.slow = 0.0
        self._ids = itertools.count(1)

    @override
    async def start(self) -> None:
        app = web.Application(middlewares=[self.hanging])
        app.router.add_get("/", self._line)
        app.router.add_get("/files/{name}", self._file)
        app.router.add_post("/answers/{name}", self._answer)
        self.server = TestServer(app)
        await self.server.start_server(access_log=None)

    @override
    async def stop(self) -> None:
        self.hangs("")
        await self.server.close()

    @property
    def address(self) -> str:
        return str(self.server.make_url("")).rstrip("/").replace("http", "ws", 1)

    @override
    def section(self) -> ChannelSection:
        host = str(self.server.make_url("")).rstrip("/")
        return WecomBot(bot_id=BOT_ID, secret=SECRET, address=self.address, media_hosts=(host,))

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["name"]])

    async def _answer(self, request: web.Request) -> web.Response:
        """Where a callback may be answered, once."""
        name = request.match_info["name"]
        if name in self.answers:
            return web.json_response(_no(UNTOLD, "answered already"))
        self.answers[name] = await request.json()
        return web.json_response(_no(0, "ok"))

    async def _line(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            frame = message.json()
            self.frames.append(frame)
            if self.hung:
                continue
            await self._frame(socket, frame)
        if self.socket is socket:
            self.socket = None
        return socket

    async def _frame(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        command, body = frame["cmd"], frame.get("body", {})
        if command == "aibot_subscribe":
            found = await self._subscribe(socket, body)
        elif socket is not self.socket:
            found = _no(UNTOLD, "not subscribed")
        elif command == "ping":
            found = _no(0, "ok")
        elif self.failures and command == "aibot_send_msg":
            found = self.failures.pop(0)
        else:
            found = getattr(self, f"_{command}")(body, frame["headers"]["req_id"])
        await socket.send_json({"headers": {"req_id": frame["headers"]["req_id"]}, **found})

    async def _subscribe(
        self, socket: web.WebSocketResponse, body: Mapping[str, str]
    ) -> dict[str, Any]:
        """One connection a bot: the newer kicks the older."""
        if (body.get("bot_id"), body.get("secret")) != (BOT_ID, self.secret):
            return _no(40001, "invalid secret")
        older, self.socket = self.socket, socket
        if older is not None:
            event = {"msgtype": "event", "event": {"eventtype": "disconnected_event"}}
            callback = {
                "msgid": "kick",
                "create_time": int(time.time()),
                "aibotid": BOT_ID,
                **event,
            }
            await older.send_json(
                {"cmd": "aibot_event_callback", "headers": {"req_id": "kick"}, "body": callback}
            )
            await older.close()
        return _no(0, "ok")

    def _aibot_send_msg(self, body: dict[str, Any], _request: str) -> dict[str, Any]:
        chat = body["chatid"]
        group = chat.startswith("wr")
        if chat not in self.messages:
            return _no(UNTOLD, "nobody there ever spoke to the bot")
        if body.get("chat_type", 0) not in {0, 2 if group else 1}:
            return _no(UNTOLD, "chat_type does not fit the chat")
        return self._said(chat, body)

    def _aibot_respond_msg(self, body: dict[str, Any], request: str) -> dict[str, Any]:
        if request not in self.callbacks:
            return _no(846605, "invalid req_id")
        assert body["msgtype"] == "stream"
        return self._said(self.callbacks[request][1], body)

    def _aibot_respond_update_msg(self, body: dict[str, Any], request: str) -> dict[str, Any]:
        at, task = self.callbacks.pop(request, (0.0, ""))
        if time.monotonic() - at + self.slow > 5:
            return _no(846605, "invalid req_id")
        card = body["template_card"]
        if body["response_type"] != "update_template_card" or card["task_id"] != task:
            return _no(UNTOLD, "task_id is not the pressed card's")
        wrong = wrong_card(card)
        if wrong:
            return wrong
        show_card(self.tasks[task], card)
        self.tasks[task].edits += 1
        return _no(0, "ok")

    def _said(self, chat: str, body: dict[str, Any]) -> dict[str, Any]:
        shown = Shown(str(next(self._ids)), chat, "")
        if body["msgtype"] == "stream":
            shown.text = body["stream"]["content"]
        elif body["msgtype"] == "markdown":
            content = body["markdown"]["content"]
            assert 0 < len(content.encode()) <= 4096
            shown.mentions = tuple(part.split(">")[0] for part in content.split("<@")[1:])
            shown.text = content
        elif body["msgtype"] == "template_card":
            card = body["template_card"]
            wrong = wrong_card(card)
            if wrong or card["task_id"] in self.tasks:
                return wrong or _no(42014, "task_id repeated")
            self.tasks[card["task_id"]] = shown
            show_card(shown, card)
        else:
            return _no(40008, "invalid message type")
        self.messages.setdefault(chat, []).append(shown)
        return _no(0, "ok")

    # --- its people ----------------------------------------------------------------------------

    @override
    def user(self, who: str) -> str:
        return who

    @override
    def chat(self, name: str) -> str:
        kind, _, who = name.partition(":")
        chat = f"wr{who}" if kind == "group" else who
        self.messages.setdefault(chat, [])
        return chat

    def body(self, who: str, chat: str, **content: Any) -> dict[str, Any]:
        """A callback's body."""
        there = self.chat(chat)
        group = {"chatid": there, "chattype": "group"}
        where = group if chat.startswith("group:") else {"chattype": "single"}
        return {
            "msgid": f"CAIQ{next(self._ids)}",
            "aibotid": BOT_ID,
            "create_time": int(time.time()),
            **where,
            "from": {"userid": self.user(who)},
            **content,
        }

    async def tell(self, body: Mapping[str, Any], times: int = 1, task: str = "") -> list[int]:
        """Send a callback down the line; nobody answers those."""

        async def up() -> bool:
            return self.socket is not None

        await wait_until(up)
        event = body["msgtype"] == "event"
        for _ in range(times):
            request = f"REQ{next(self._ids)}"
            self.callbacks[request] = (time.monotonic(), task or body.get("chatid", ""))
            assert self.socket is not None
            command = "aibot_event_callback" if event else "aibot_msg_callback"
            await self.socket.send_json(
                {"cmd": command, "headers": {"req_id": request}, "body": body}
            )
        return [200] * times

    @override
    async def says(
        self, who: str, text: str, chat: str, *, key: str = "", times: int = 1
    ) -> list[int]:
        called = f"@派单 {text}" if chat.startswith("group:") else text
        body = self.body(who, chat, msgtype="text", text={"content": called})
        return await self.tell(body, times)

    @override
    async def sends_unknown(self) -> list[int]:
        event = {"eventtype": "hologram_event"}
        return await self.tell(self.body("anna", "customer:anna", msgtype="event", event=event))

    @override
    async def sends_nonsense(self) -> list[int]:
        body = self.body("anna", "customer:anna", msgtype="text", text={"content": "空调坏了"})
        return await self.tell({**body, "from": {"userid": 7}})

    @override
    async def speaks(self, who: str, clip: Clip, chat: str) -> list[int]:
        """Only one to one, and as words alone."""
        assert not chat.startswith("group:")
        return await self.tell(self.body(who, chat, msgtype="voice", voice={"content": clip.said}))

    @override
    async def presses(self, who: str, shown: Shown, label: str, *, option: str = "") -> list[int]:
        card = shown.raw
        pressed: dict[str, Any] = {
            "card_type": card["card_type"],
            "event_key": next(b["key"] for b in card["button_list"] if b["text"] == label),
            "task_id": card["task_id"],
        }
        if "button_selection" in card:
            asked = card["button_selection"]
            options = {o["text"]: o["id"] for o in asked["option_list"]}
            chosen = options[option] if option else next(iter(options.values()))
            picked = {
                "question_key": asked["question_key"],
                "option_ids": {"option_id": [chosen]},
            }
            pressed["selected_items"] = {"selected_item": [picked]}
        name = "group:" + shown.chat[2:] if shown.chat.startswith("wr") else f"staff:{shown.chat}"
        event = {"eventtype": "template_card_event", "template_card_event": pressed}
        body = self.body(who, name, msgtype="event", event=event)
        return await self.tell(body, task=card["task_id"])

    @override
    def shown(self, chat: str) -> list[Shown]:
        return self.messages.get(self.chat(chat), [])

    @override
    def busy(self) -> None:
        self.failures.append(_no(45009, "api freq out of limit"))

    @override
    def broken(self) -> None:
        self.failures.append(_no(-1, "system busy"))

    async def hush(self) -> None:
        """Close the line, as networks do."""
        if self.socket is not None:
            await self.socket.close()
        await asyncio.sleep(0)


def _no(code: int, why: str) -> dict[str, Any]:
    return {"errcode": code, "errmsg": why}
