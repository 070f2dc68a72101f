"""企业微信's API for a self-built application on loopback, as developer.work.weixin.qq.com has it.

Its callbacks are sealed by wechatpy; its API is judged by wechatpy's client (test_wecom.py).
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from xml.sax.saxutils import escape

import xmltodict
from aiohttp import web
from aiohttp.test_utils import TestServer
from typing_extensions import override
from wechatpy.enterprise.crypto import WeChatCrypto

from paidan.channels.section import ChannelSection
from paidan.channels.wecom import Wecom
from tests.vendors.platform import Clip, Platform, Shown

CORP_ID = "ww0123456789abcdef"
AGENT = 1000002
SECRET = "secret-of-the-fake-application-0123456789"
TOKEN = "QDG6eKwecomtoken"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CODE_LIFE = 72 * 3600
UNTOLD = 999999
"""Stands for a code that the documentation does not tell; nothing may depend on its number."""
_TASK = re.compile(r"[0-9A-Za-z_@-]{1,128}")
NOT_TRUSTED = (
    "not allow to access from your ip, hint: [1706848717432011565347844], from ip: 203.0.113.9, "
    "more info at https://open.work.weixin.qq.com/devtool/query?e=60020"
)
"""As the platform words it."""


class FakeWecom(Platform):
    """One corporation with one application; ``away`` moves its clock."""

    name: ClassVar[str] = "wecom"
    deliveries: ClassVar[int] = 4
    direct: ClassVar[bool] = True
    dead_tokens: ClassVar[tuple[int | str, ...]] = (40014, 42001, 40001)
    markup: ClassVar[str] = '<a href="http://evil.example">点</a> @all ]]> &#60;b&#62;'
    spoken: ClassVar[Literal["", "written", "bytes"]] = "bytes"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, list[Shown]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.tasks: dict[str, Shown] = {}
        self.codes: dict[str, tuple[str, str, float]] = {}
        self.files: dict[str, tuple[bytes, str]] = {}
        self.failures: list[dict[str, Any] | int] = []
        self.dropped: list[tuple[str, dict[str, Any]]] = []
        self.sent_at: dict[str, list[float]] = {}
        self.strangers: set[str] = set()
        self.app_chats: set[str] = set()
        self.members: dict[str, list[str]] = {}
        self.root_scope = True
        self.allowed_ip = True
        self.away = 0.0
        self.access = ""
        self._ids = itertools.count(1)
        self.crypto = WeChatCrypto(TOKEN, AES_KEY, CORP_ID)

    # --- the platform's own doors ---------------------------------------------------------------

    @override
    async def start(self) -> None:
        app = web.Application(middlewares=[self.hanging])
        app.router.add_route("*", "/cgi-bin/{path:.+}", self._call)
        self.server = TestServer(app)
        await self.server.start_server(access_log=None)

    @override
    async def stop(self) -> None:
        self.hangs("")
        await self.server.close()

    @property
    def address(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    @override
    def section(self) -> ChannelSection:
        return Wecom(
            corp_id=CORP_ID,
            agent_id=AGENT,
            secret=SECRET,
            token=TOKEN,
            aes_key=AES_KEY,
            address=self.address,
        )

    def now(self) -> float:
        return time.time() + self.away

    def new_token(self) -> None:
        """Kill the access token, as the platform may at any time."""
        self.access = f"access-{secrets.token_hex(16)}"

    async def _call(self, request: web.Request) -> web.Response:
        if request.match_info["path"] == "gettoken":
            return web.json_response(self._gettoken(request))
        return await self._authorised(request, request.match_info["path"])

    async def _authorised(self, request: web.Request, path: str) -> web.Response:
        if request.query.get("access_token") != self.access or not self.access:
            return web.json_response(_no(int(self.dead), "invalid access_token"))
        body = await request.json() if request.method == "POST" else dict(request.query)
        self.calls.append((path, body))
        if not self.allowed_ip:
            return web.json_response(_no(60020, NOT_TRUSTED))
        if path == "media/get":
            return self._media(body)
        if self.failures and path in {"message/send", "appchat/send", "kf/send_msg"}:
            failure = self.failures.pop(0)
            if isinstance(failure, int):
                return web.Response(status=failure, text="<html>Bad Gateway</html>")
            return web.json_response(failure)
        answer = getattr(self, f"_{path.replace('/', '_')}", None)
        return web.json_response(answer(body) if answer else _no(-1, "no such interface"))

    def _gettoken(self, request: web.Request) -> dict[str, Any]:
        if request.query.get("corpid") != CORP_ID:
            return _no(40013, "invalid corpid")
        if request.query.get("corpsecret") != SECRET:
            return _no(40001, "invalid credential")
        self.fetched += 1
        if not self.access:
            self.new_token()
        return {**_no(0, "ok"), "access_token": self.access, "expires_in": 7200}

    def _agent_get(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("agentid") != str(AGENT):
            return _no(40056, "invalid agentid")
        seen = {"user": [{"userid": "chenwei"}]}
        return {
            **_no(0, "ok"),
            "agentid": AGENT,
            "name": "派单",
            "close": 0,
            "allow_userinfos": seen,
        }

    def _menu_create(self, body: dict[str, Any]) -> dict[str, Any]:
        assert all(len(b["name"].encode()) <= 16 for b in body["button"])
        return _no(0, "ok")

    def _message_send(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("agentid") != AGENT:
            return _no(40056, "invalid agentid")
        who = body["touser"]
        if who.lower() in self.strangers:
            return {**_no(81013, "user & party & tag all invalid"), "invaliduser": who.lower()}
        wrong = _wrong_message(body)
        if wrong:
            return wrong
        card = body.get("template_card")
        if card and card["task_id"] in self.tasks:
            return _no(42014, "task_id repeated")
        recent = [at for at in self.sent_at.get(who, []) if self.now() - at < 60]
        self.sent_at[who] = [*recent, self.now()]
        if len(recent) >= 30:
            self.dropped.append((who, body))  # without a word, as the platform does
            return {**_no(0, "ok"), "msgid": "dropped", "response_code": ""}
        shown = self._keep(who, body)
        found = {**_no(0, "ok"), "invaliduser": "", "msgid": f"msg{shown.id}"}
        if card:
            self.tasks[card["task_id"]] = shown
            found["response_code"] = self._code(card["task_id"], who)
        return found

    def _message_update_template_card(self, body: dict[str, Any]) -> dict[str, Any]:
        task, who, until = self.codes.pop(body["response_code"], ("", "", 0.0))
        if not task or until < self.now():
            return _no(UNTOLD, "response_code invalid, used or expired")
        card = body.get("template_card")
        wrong = wrong_card(card) if card else None
        if wrong:
            return wrong
        assert body["agentid"] == AGENT
        if [who] != body["userids"]:
            return {**_no(0, "ok"), "invaliduser": body["userids"]}
        show_card(self.tasks[task], card)
        self.tasks[task].edits += 1
        return _no(0, "ok")

    def _appchat_create(self, body: dict[str, Any]) -> dict[str, Any]:
        """The rules of document/path/90245."""
        if not self.root_scope:
            return _no(60011, "no privilege to access/modify contact/party/agent")
        members, chat = body["userlist"], body.get("chatid") or f"wr{next(self._ids)}"
        if not 2 <= len(set(members)) <= 2000:
            return _no(UNTOLD, "invalid user list size")
        assert 0 < len(body["name"]) <= 50, "the platform would cut this"
        if body.get("owner", members[0]) not in members:
            return _no(UNTOLD, "owner is not in the list")
        if not re.fullmatch(r"[0-9A-Za-z]{1,32}", chat):
            return _no(86001, "invalid chat id")
        if chat in self.app_chats:
            return _no(UNTOLD, "chat id exists already")
        self.app_chats.add(chat)
        self.members[chat] = list(members)
        return {**_no(0, "ok"), "chatid": chat}

    def _appchat_send(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["chatid"] not in self.app_chats:
            return _no(86001, "chatid not exist")
        if body["msgtype"] == "template_card":
            return _no(40008, "invalid message type")
        self._keep(body["chatid"], body)
        return _wrong_message(body) or _no(0, "ok")

    def _media(self, body: dict[str, Any]) -> web.Response:
        if body["media_id"] not in self.files:
            return web.json_response(_no(40007, "invalid media_id"))
        data, name = self.files[body["media_id"]]
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=data, headers=headers, content_type="application/octet-stream")

    def _code(self, task: str, who: str) -> str:
        code = secrets.token_urlsafe(24)
        self.codes[code] = (task, who, self.now() + CODE_LIFE)
        return code

    def _keep(self, chat: str, body: Mapping[str, Any]) -> Shown:
        shown = Shown(str(next(self._ids)), chat, "")
        if body["msgtype"] == "text":
            shown.text = body["text"]["content"]
        else:
            show_card(shown, body["template_card"])
        self.messages.setdefault(chat, []).append(shown)
        return shown

    # --- its people ----------------------------------------------------------------------------

    @override
    def user(self, who: str) -> str:
        return who

    @override
    def chat(self, name: str) -> str:
        kind, _, who = name.partition(":")
        return f"chat-{who}" if kind == "group" else who

    def event(self, who: str, **fields: str) -> dict[str, str]:
        """A message of a member's, as a callback would carry it."""
        return {
            "ToUserName": CORP_ID,
            "FromUserName": self.user(who),
            "CreateTime": str(int(time.time())),
            "AgentID": str(AGENT),
            **fields,
        }

    def sealed(self, plain: str, stamp: int | None = None) -> tuple[dict[str, str], str]:
        """A callback's query and body, sealed by wechatpy."""
        nonce = secrets.token_hex(5)
        at = str(stamp or int(time.time()))
        sealed = xmltodict.parse(self.crypto.encrypt_message(plain, nonce, at))["xml"]
        query = {"msg_signature": sealed["MsgSignature"], "timestamp": at, "nonce": nonce}
        body = (
            f"<xml><ToUserName><![CDATA[{CORP_ID}]]></ToUserName>"
            f"<AgentID><![CDATA[{AGENT}]]></AgentID>"
            f"<Encrypt><![CDATA[{sealed['Encrypt']}]]></Encrypt></xml>"
        )
        return query, body

    async def tell(self, fields: Mapping[str, str], times: int = 1) -> list[int]:
        """Bring an event to our door; an empty 200 means that we have it."""
        query, body = self.sealed(xml(fields))

        async def bring() -> int:
            async with self.http.post(self.hook, params=query, data=body) as response:
                assert response.status != 200 or await response.read() == b""
                return response.status

        return await self.brought(bring, times)

    @override
    async def says(
        self, who: str, text: str, chat: str, *, key: str = "", times: int = 1
    ) -> list[int]:
        number = key or str(10**15 + next(self._ids))
        return await self.tell(self.event(who, MsgType="text", Content=text, MsgId=number), times)

    @override
    async def sends_unknown(self) -> list[int]:
        return await self.tell(self.event("anna", MsgType="event", Event="hologram_event"))

    @override
    async def sends_nonsense(self) -> list[int]:
        return await self.tell(self.event("anna", MsgType="text", Content="空调坏了"))

    @override
    def kills_token(self) -> None:
        self.new_token()

    @override
    async def speaks(self, who: str, clip: Clip, chat: str) -> list[int]:
        number = str(10**15 + next(self._ids))
        self.files[f"voice{number}"] = (clip.record("amr"), f"{number}.amr")
        spoken = {"MediaId": f"voice{number}", "Format": "amr", "MsgId": number}
        return await self.tell(self.event(who, MsgType="voice", **spoken))

    @override
    async def presses(
        self, who: str, shown: Shown, label: str, *, option: str = "", times: int = 1
    ) -> list[int]:
        card = shown.raw
        key = next(b["key"] for b in card["button_list"] if b["text"] == label)
        task = next(task for task, s in self.tasks.items() if s.id == shown.id)
        fields = self.event(
            who,
            MsgType="event",
            Event="template_card_event",
            EventKey=key,
            TaskId=task,
            CardType=card["card_type"],
            ResponseCode=self._code(task, self.user(who)),
        )
        if "button_selection" in card:
            picked = card["button_selection"]
            chosen = next(
                o["id"] for o in picked["option_list"] if not option or o["text"] == option
            )
            fields["SelectedItems"] = (
                f"<SelectedItem><QuestionKey>{picked['question_key']}</QuestionKey>"
                f"<OptionIds><OptionId>{chosen}</OptionId></OptionIds></SelectedItem>"
            )
        return await self.tell(fields, times)

    @override
    def shown(self, chat: str) -> list[Shown]:
        return self.messages.get(self.chat(chat), [])

    @override
    def busy(self) -> None:
        self.failures.append(_no(45009, "api freq out of limit"))

    @override
    def broken(self) -> None:
        self.failures.append(502)


def xml(fields: Mapping[str, str]) -> str:
    """Fields as the platform's XML; ``SelectedItems`` is XML already."""
    parts = [
        f"<{name}>{value if name == 'SelectedItems' else escape(value)}</{name}>"
        for name, value in fields.items()
    ]
    return f"<xml>{''.join(parts)}</xml>"


def words_of(card: Mapping[str, Any]) -> str:
    """Everything that a person reads on a template card."""
    title = card.get("main_title", {})
    beside = [
        f"{f['keyname']}：{f.get('value', '')}" for f in card.get("horizontal_content_list", [])
    ]
    parts = [title.get("title", ""), title.get("desc", ""), card.get("sub_title_text", ""), *beside]
    return "\n".join(part for part in parts if part)


def show_card(shown: Shown, card: Mapping[str, Any]) -> None:
    shown.raw = json.loads(json.dumps(card))
    shown.text = words_of(card)
    shown.buttons = tuple(b["text"] for b in card["button_list"] if b.get("style") != 4)


def _wrong_message(body: Mapping[str, Any]) -> dict[str, Any] | None:
    if body["msgtype"] == "text":
        content = body["text"]["content"]
        if not content:
            return _no(44004, "text content is empty")
        assert len(content.encode()) <= 2048, "the platform would cut this"
        return None
    if body["msgtype"] != "template_card":
        return _no(40008, "invalid message type")
    card = body["template_card"]
    if not _TASK.fullmatch(card.get("task_id", "")):
        return _no(42014, "invalid task_id")
    return wrong_card(card)


def wrong_card(card: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rules of document/path/90236."""
    if card["card_type"] in {"text_notice", "news_notice"} and "card_action" not in card:
        return _no(42045, "card_action missing")
    buttons = card.get("button_list", [])
    keys = [button["key"] for button in buttons]
    options = card.get("button_selection", {"option_list": [{"id": "0"}]})["option_list"]
    ids = [option["id"] for option in options]
    right = (
        card["card_type"] == "button_interaction",
        card["main_title"].get("title"),
        1 <= len(buttons) <= 6 and len(set(keys)) == len(keys),
        all(button["text"] and len(button["key"].encode()) <= 1024 for button in buttons),
        1 <= len(ids) <= 10 and len(set(ids)) == len(ids),
        len(card.get("horizontal_content_list", [])) <= 6,
    )
    return None if all(right) else _no(42014, f"invalid template_card {right}")


def _no(code: int, why: str) -> dict[str, Any]:
    return {"errcode": code, "errmsg": why}
