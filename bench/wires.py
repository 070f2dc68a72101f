"""What platforms send down a connection of ours, or answer when asked for news, for an adapter that
reads it by itself.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from aiohttp import WSMsgType, web
from doors import FAULT, clean, xml_of
from spoiling import spoilt, torn
from typing_extensions import override

import bots.telegram.adapter
import bots.wecom.kf
from bots.email.adapter import Email
from bots.email.mailbox import Mailbox, Place, Raw
from bots.email.postman import Postman
from bots.gateway.adapter import Adapter, Callback, Switchboard
from tests.vendors.dingtalk import FakeDingTalk
from tests.vendors.mail import ADDRESS
from tests.vendors.platform import Platform
from tests.vendors.telegram import PollingTelegram
from tests.vendors.wecom_bot import FakeWecomBot
from tests.vendors.wecom_kf import FakeKf
from tests.waiting import wait_until

MESSAGES = "/v1.0/im/bot/messages/get"
CARDS = "/v1.0/card/instances/callback"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"


@dataclass
class Wire:
    """One connection: genuine things it carries (new ones each time), how one of them is spoilt,
    how some are put on it in order, and a message of these words that must still be heard.
    """

    platform: Platform | None
    payloads: Callable[[], list[Any]]
    spoil: Callable[[Any, random.Random], bytes]
    put: Callable[[list[bytes]], Awaitable[None]]
    plain: Callable[[str], bytes]
    open: Callable[[Switchboard], Adapter]


def spoilt_json(payload: Any, chance: random.Random) -> bytes:
    """A payload spoilt before it is written, or afterwards."""
    if chance.random() < 0.5:
        return written(spoilt(payload, chance))
    return torn(written(payload), chance)


def written(payload: Any) -> bytes:
    """As JSON, escaped, so that half characters pass."""
    return json.dumps(payload).encode()


async def sent(socket: web.WebSocketResponse, frames: list[bytes]) -> None:
    """Frames of text, one in twenty-five of them as bytes as well."""
    for n, frame in enumerate(frames):
        if n % 25 == 24:
            await socket.send_bytes(frame)
        await socket.send_str(frame.decode("utf-8", "replace"))


async def connected(socket: Callable[[], web.WebSocketResponse | None]) -> web.WebSocketResponse:
    """The adapter's connection, once it is there."""

    async def look() -> web.WebSocketResponse | None:
        found = socket()
        return None if found is None or found.closed else found

    return await wait_until(look)


# --- DingTalk's Stream ------------------------------------------------------------------------


class Stream(FakeDingTalk):
    """A gateway that takes any acknowledgement."""

    @override
    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        self.tickets.clear()
        self.socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type != WSMsgType.TEXT:
                break
        return socket


def dingtalk_stream() -> Wire:
    fake, ids = Stream(), count(1)
    rich = [{"text": "空调坏了"}, {"downloadCode": "d", "type": "picture"}]
    kinds: list[dict[str, Any]] = [
        {"text": {"content": FAULT}},
        {"msgtype": "richText", "content": {"richText": rich}},
        {"msgtype": "picture", "content": {"downloadCode": "d"}},
        {"msgtype": "audio", "content": {"recognition": "坏了", "downloadCode": "d"}},
        {"text": {"content": "x"}, "atUsers": [{"dingtalkId": "d", "staffId": "s"}]},
    ]

    def frame(kind: str, topic: str, data: Any) -> dict[str, Any]:
        headers = {"topic": topic, "messageId": f"m{next(ids)}", "contentType": "application/json"}
        return {"specVersion": "1.0", "type": kind, "headers": headers, "data": data}

    def heard(message: Any) -> dict[str, Any]:
        return frame("CALLBACK", MESSAGES, message)

    def payloads() -> list[Any]:
        told = [heard(fake.message("anna", "group:home", **kind)) for kind in kinds]
        press = frame("CALLBACK", CARDS, fake.press("anna", "c1", "b1", "k"))
        return [*told, press, frame("SYSTEM", "ping", {"opaque": "1"})]

    def spoil(payload: Any, chance: random.Random) -> bytes:
        """The data is JSON within JSON: it is spoilt by itself, or with what is around it."""
        inner = {**payload, "data": json.dumps(payload["data"])}
        if chance.random() < 0.5:
            inner["data"] = json.dumps(spoilt(payload["data"], chance))
            return written(inner)
        return spoilt_json(inner, chance)

    def plain(words: str) -> bytes:
        message = fake.message("anna", "group:home", text={"content": words})
        return written(heard(json.dumps(message)))

    async def put(frames: list[bytes]) -> None:
        await sent(await connected(lambda: fake.socket), frames)

    return Wire(fake, payloads, spoil, put, plain, lambda board: fake.section().open(board))


# --- 企业微信's 智能机器人 -----------------------------------------------------------------------


class Line(FakeWecomBot):
    """A gateway that says yes to everything."""

    @override
    async def _frame(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        self.socket = socket
        self.frames.clear()
        await socket.send_json({"headers": frame["headers"], "errcode": 0, "errmsg": "ok"})


def wecom_bot_line() -> Wire:
    fake, ids = Line(), count(1)
    event = {"eventtype": "template_card_event", "template_card_event": {
        "card_type": "button_interaction", "event_key": "k", "task_id": "t",
        "selected_items": {"selected_item": [{"question_key": "q", "option_ids": {}}]}}}  # fmt: skip
    item = {"msgtype": "text", "text": {"content": "x"}}
    kinds: list[dict[str, Any]] = [
        {"msgtype": "text", "text": {"content": FAULT}},
        {"msgtype": "voice", "voice": {"content": "空调坏了"}},
        {"msgtype": "image", "image": {"url": "http://127.0.0.1:1/x", "aeskey": "k"}},
        {"msgtype": "file", "file": {"url": "http://127.0.0.1:1/x", "aeskey": "k"}},
        {"msgtype": "mixed", "mixed": {"msg_item": [item]}},
        {**item, "quote": {"msgtype": "text", "text": {}}},
        {"msgtype": "event", "event": event},
    ]

    def frame(body: dict[str, Any]) -> dict[str, Any]:
        command = "aibot_event_callback" if body["msgtype"] == "event" else "aibot_msg_callback"
        return {"cmd": command, "headers": {"req_id": f"r{next(ids)}"}, "body": body}

    def payloads() -> list[Any]:
        return [frame(fake.body("anna", "group:home", **kind)) for kind in kinds]

    def plain(words: str) -> bytes:
        said = {"msgtype": "text", "text": {"content": words}}
        return written(frame(fake.body("anna", "customer:anna", **said)))

    async def put(frames: list[bytes]) -> None:
        await sent(await connected(lambda: fake.socket), frames)

    return Wire(fake, payloads, spoilt_json, put, plain, lambda board: fake.section().open(board))


# --- news that is asked for -------------------------------------------------------------------


class Pages:
    """Answers that wait to be fetched, each once."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue()

    async def turned(self) -> web.Response:
        """The next one, once there is one."""
        page = await self.waiting.get()
        self.waiting.task_done()
        return web.Response(body=page, content_type="application/json")


class KfPages(FakeKf):
    """微信客服 whose news are these pages."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = Pages()

    @override
    async def _call(self, request: web.Request) -> web.Response:
        if request.path.endswith("sync_msg"):
            if self.pages.waiting.empty():
                return web.json_response({"errcode": 0, "has_more": 0, "msg_list": []})
            return await self.pages.turned()
        return await super()._call(request)


def kf_pages() -> Wire:
    fake, cursors = KfPages(), count(1)
    entry = {"event_type": "enter_session", "scene_param": "a1", "external_userid": "wmanna"}
    kinds: list[dict[str, Any]] = [
        {"msgtype": "text", "text": {"content": FAULT}},
        {"msgtype": "text", "text": {"content": "接单", "menu_id": "s:1:a"}},
        {"msgtype": "voice", "voice": {"media_id": "m"}},
        {"msgtype": "location", "location": {"name": "x", "latitude": 23.1, "longitude": 113.3}},
        {"msgtype": "event", "origin": 4, "event": entry},
        {"msgtype": "event", "origin": 4, "event": {"event_type": "msg_send_fail", "fail_type": 4}},
    ]

    def page(kinds: list[dict[str, Any]]) -> dict[str, Any]:
        fake.news.clear()
        for kind in kinds:
            fake.write("anna", **kind)
        head = {"errcode": 0, "errmsg": "ok", "next_cursor": f"c{next(cursors)}", "has_more": 0}
        return {**head, "msg_list": list(fake.news)}

    def payloads() -> list[Any]:
        return [page(kinds)]

    def plain(words: str) -> bytes:
        return written(page([{"msgtype": "text", "text": {"content": words}}]))

    adapter: Adapter

    def opened(board: Switchboard) -> Adapter:
        nonlocal adapter
        bots.wecom.kf._PAUSE = 0.0  # type: ignore[misc]  # noqa: SLF001 - not to wait for hours
        adapter = fake.section().open(board)
        return adapter

    async def put(pages: list[bytes]) -> None:
        """One at a time: we are told of each, and the adapter fetches it."""
        news = {"MsgType": "event", "Event": "kf_msg_or_event", "Token": "ENC"}
        for one in pages:
            fake.pages.waiting.put_nowait(one)
            query, body = fake.sealed(clean(xml_of({**fake.event("anna"), **news})))
            await adapter.receive(Callback("POST", query, body=body.encode()))
            await fake.pages.waiting.join()

    return Wire(fake, payloads, spoilt_json, put, plain, opened)


class UpdatePages(PollingTelegram):
    """Telegram whose updates are these pages."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = Pages()

    @override
    async def _getUpdates(self, form: dict[str, Any]) -> web.Response:
        self.calls.clear()  # else what it remembers of us would look like our growth
        return await self.pages.turned()


def telegram_polling() -> Wire:
    fake, ids = UpdatePages(), count(1)
    kinds: list[dict[str, Any]] = [
        {"text": FAULT},
        {"voice": {"file_id": "f", "file_unique_id": "u", "duration": 3}, "caption": "听"},
        {"text": "@paidan_bot 接单", "entities": [{"type": "mention", "offset": 0, "length": 11}]},
        {"location": {"latitude": 31.2, "longitude": 121.4}},
    ]

    def page(kinds: list[dict[str, Any]]) -> dict[str, Any]:
        told: list[dict[str, Any]] = [
            {"update_id": next(ids), "message": fake.message("anna", "customer:anna", **kind)}
            for kind in kinds
        ]
        return {"ok": True, "result": told}

    def payloads() -> list[Any]:
        return [page(kinds)]

    def plain(words: str) -> bytes:
        return written(page([{"text": words}]))

    async def put(pages: list[bytes]) -> None:
        for one in pages:
            fake.pages.waiting.put_nowait(one)

    def opened(board: Switchboard) -> Adapter:
        bots.telegram.adapter._PAUSE = 0.0  # type: ignore[misc]  # noqa: SLF001 - as above
        return fake.section().open(board)

    return Wire(fake, payloads, spoilt_json, put, plain, opened)


# --- mail -------------------------------------------------------------------------------------


class Tray(Mailbox):
    """A mailbox in memory."""

    def __init__(self) -> None:
        self.mails: dict[int, bytes] = {}
        self.news = asyncio.Event()
        self._uids = count(1)

    def add(self, mail: bytes) -> None:
        self.mails[next(self._uids)] = mail
        self.news.set()

    @override
    async def open(self) -> Place:
        return Place(1, 0)

    @override
    async def newer(self, place: Place) -> list[int]:
        self.news.clear()
        return sorted(uid for uid in self.mails if uid > place.uid)

    @override
    async def unseen(self, since: datetime) -> list[int]:
        return []

    @override
    async def fetch(self, uid: int) -> Raw | None:
        return Raw(uid, datetime.now(UTC), len(self.mails[uid]), self.mails[uid])

    @override
    async def put_away(self, uid: int, folder: str = "", *, flagged: bool = False) -> None:
        self.mails.pop(uid, None)

    @override
    async def wait(self, seconds: float) -> None:
        await self.news.wait()

    @override
    def close(self) -> None:
        pass


def email() -> Wire:
    tray, ids, postman = Tray(), count(1), Postman("127.0.0.1", 1, "none", "u", "p")

    def head(words: str, kind: str, **more: str) -> dict[str, str]:
        n = next(ids)
        return {
            "From": f"=?utf-8?b?546L6Iqz?= <wang{n}@example.com>",
            "To": ADDRESS,
            "Subject": words,
            "Message-ID": f"<{n}@example.com>",
            "Date": "Mon, 23 Nov 2026 10:00:00 +0800",
            "MIME-Version": "1.0",
            "Content-Type": kind,
            **more,
        }

    many = 'multipart/mixed; boundary="b"'

    def payloads() -> list[Any]:
        text, page = {"Content-Type": "text/plain; charset=utf-8"}, {"Content-Type": "text/html"}
        file = {
            "Content-Type": "image/png; name*=utf-8''%E7%85%A7.png",
            "Content-Disposition": 'attachment; filename="=?gbk?b?1dU=?=.png"',
            "Content-Transfer-Encoding": "base64",
        }
        letter = {"Content-Type": "message/rfc822"}
        inner = f"From: a@b.c\r\nSubject: x\r\n\r\n{FAULT}"
        return [
            [head("报修", "text/plain; charset=utf-8"), [[{}, FAULT]]],
            [head("报修", "text/plain; charset=gb18030"), [[{}, FAULT]]],
            [head("报修", many), [[text, FAULT], [file, PNG]]],
            [head("Re: 报修 [WO-20261123-0001]", many, References="<a@b> <c@d>"),
             [[page, f"<p>{FAULT}</p><blockquote>old</blockquote>"], [letter, inner]]],
            [head("x", many, **{"Auto-Submitted": "auto-replied", "Precedence": "bulk"}),
             [[text, "我在休假"]]],
            [head("x", 'multipart/report; report-type=delivery-status; boundary="b"'),
             [[text, "x"], [{"Content-Type": "message/delivery-status"}, "Status: 5.1.1"]]],
        ]  # fmt: skip

    def spoil(payload: Any, chance: random.Random) -> bytes:
        if chance.random() < 0.5:
            return torn(as_mail(payload), chance)
        return as_mail(spoilt(payload, chance))

    def plain(words: str) -> bytes:
        return as_mail([head("报修", "text/plain; charset=utf-8"), [[{}, words]]])

    async def put(mails: list[bytes]) -> None:
        for mail in mails:
            tray.add(mail)

    def opened(board: Switchboard) -> Adapter:
        return Email(board, ADDRESS, "派单", lambda: tray, postman, trusted="mx.example.com")

    return Wire(None, payloads, spoil, put, plain, opened)


def as_mail(payload: Any) -> bytes:
    """A head and its parts as a mail, however little sense they make."""
    head, parts = payload if isinstance(payload, list) and len(payload) == 2 else ({}, payload)
    parts = parts if isinstance(parts, list) else [parts]
    if len(parts) == 1:
        return f"{lines_of(head)}\r\n{body_of(parts[0])}".encode("utf-8", "surrogateescape")
    inside = "".join(f"--b\r\n{part_of(part)}\r\n" for part in parts)
    return f"{lines_of(head)}\r\n{inside}--b--\r\n".encode("utf-8", "replace")


def part_of(part: Any) -> str:
    head = part[0] if isinstance(part, list) and part else {}
    return f"{lines_of(head)}\r\n{body_of(part)}"


def body_of(part: Any) -> str:
    return clean(str(part[1])) if isinstance(part, list) and len(part) > 1 else clean(str(part))


def lines_of(head: Any) -> str:
    fields = head.items() if isinstance(head, dict) else [("X", head)]
    return clean("".join(f"{name}: {value}\r\n" for name, value in fields))


WIRES: Mapping[str, Callable[[], Wire]] = {
    "wecom_bot_line": wecom_bot_line,
    "dingtalk_stream": dingtalk_stream,
    "kf_pages": kf_pages,
    "telegram_polling": telegram_polling,
    "email": email,
}
