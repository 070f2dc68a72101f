"""An official account on loopback: sealed callbacks, five pushes in 48 hours, tokens that die.

It seals and opens with wechatpy, reads our answers with wechatpy's parser, and is called by
wechatpy's client in ``tests/integration/test_wechat.py``.
Source: https://developers.weixin.qq.com/doc/offiaccount/
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

import xmltodict
from aiohttp import web
from aiohttp.test_utils import TestServer
from typing_extensions import override
from wechatpy.crypto import WeChatCrypto

from paidan.channels.section import ChannelSection
from paidan.channels.wechat import Wechat
from tests.vendors.platform import Clip, Platform, Shown

APP_ID = "wx5823bf96d3bd56c7"
SECRET = "app-secret-of-the-fake"
TOKEN = "callback-token-of-the-fake"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
US = "gh_0123456789ab"
WINDOW = 48 * 3600
PUSHES = 5


class FakeWechat(Platform):
    """One account and its followers."""

    name: ClassVar[str] = "wechat"
    deliveries: ClassVar[int] = 4
    groups: ClassVar[bool] = False
    dead_tokens: ClassVar[tuple[int | str, ...]] = (40014, 42001, 40001)
    markup: ClassVar[str] = '<a href="http://evil.example">点</a> <![CDATA[x]]> ]]> &#60;xml&#62;'
    spoken: ClassVar[Literal["", "written", "bytes"]] = "bytes"

    def __init__(self) -> None:
        super().__init__()
        self.crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
        self.said: dict[str, list[dict[str, Any]]] = {}
        self.windows: dict[str, tuple[float, int]] = {}
        self.failures: list[tuple[int, str]] = []
        self.tokens = itertools.count(1)
        self.token = ""
        self.media: dict[str, bytes] = {}
        self.menus: list[dict[str, Any]] = []
        self.from_ip = ""
        self.unions: dict[str, str] = {}
        self.verified = True
        self.now: Callable[[], float] = time.time
        self._ids = itertools.count(7_000_000_000_000)

    @override
    async def start(self) -> None:
        app = web.Application(middlewares=[self.hanging])
        app.router.add_post("/cgi-bin/stable_token", self._stable_token)
        app.router.add_get("/cgi-bin/token", self._token)
        app.router.add_post("/cgi-bin/message/custom/send", self._push)
        app.router.add_post("/cgi-bin/message/template/send", self._template)
        app.router.add_get("/cgi-bin/template/get_all_private_template", self._templates)
        app.router.add_post("/cgi-bin/menu/create", self._menu)
        app.router.add_get("/cgi-bin/media/get", self._media)
        app.router.add_get("/cgi-bin/user/info", self._user_info)
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
        return Wechat(
            app_id=APP_ID,
            secret=SECRET,
            token=TOKEN,
            aes_key=AES_KEY,
            template="template-1",
            template_fields={"character_string1": "number", "thing2": "title"},
            menu=True,
            union=True,
            address=self.address,
        )

    # --- the API -------------------------------------------------------------------------------

    async def _stable_token(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert asked["grant_type"] == "client_credential"
        if self.from_ip:
            ip = self.from_ip
            return _no(40164, f"invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist rid: 5fa26c60")
        if (asked["appid"], asked["secret"]) != (APP_ID, SECRET):
            return web.json_response({"errcode": 40125, "errmsg": "invalid appsecret"})
        return self._new_token()

    async def _token(self, request: web.Request) -> web.Response:
        assert request.query["secret"] == SECRET
        return self._new_token()

    def _new_token(self) -> web.Response:
        self.fetched += 1
        if not self.token:
            self.token = f"token-{next(self.tokens)}-{secrets.token_hex(8)}"
        return web.json_response({"access_token": self.token, "expires_in": 7200})

    @override
    def kills_token(self) -> None:
        self.dies()

    def dies(self) -> None:
        """The token is dead before its time."""
        self.token = ""

    def _refused(self, request: web.Request) -> web.Response | None:
        if not self.token or request.query.get("access_token") != self.token:
            return web.json_response({"errcode": self.dead, "errmsg": "invalid access_token"})
        return None

    async def _push(self, request: web.Request) -> web.Response:
        if refused := self._refused(request) or self._failed():
            return refused
        asked = await request.json()
        who, words = asked["touser"], asked["text"]["content"]
        assert asked["msgtype"] == "text"
        assert 0 < len(words.encode()) <= 2048
        if not self.verified:
            return _no(48001, "api unauthorized rid: 5fa26c60-1a0ebdd5")
        if not who.startswith("o"):
            return _no(40003, "invalid openid rid: 5fa26c60-1a0ebdd5")
        until, left = self.windows.get(who, (0.0, 0))
        if self.now() > until:
            return _no(45015, "response out of time limit or subscription is canceled")
        if left <= 0:
            return _no(45047, "out of response count limit")
        self.windows[who] = (until, left - 1)
        self._keep(who, words, "push")
        return _no(0, "ok")

    def _failed(self) -> web.Response | None:
        if not self.failures:
            return None
        status, body = self.failures.pop(0)
        return web.Response(status=status, text=body, content_type="application/json")

    async def _template(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        asked = await request.json()
        assert asked["template_id"] == "template-1"
        assert all(len(field["value"]) <= 20 for field in asked["data"].values())
        words = "\n".join(field["value"] for field in asked["data"].values())
        self._keep(asked["touser"], words, "template")
        return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": next(self._ids)})

    async def _templates(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        content = "工单号:{{character_string1.DATA}}\n内容:{{thing2.DATA}}"
        listed = [{"template_id": "template-1", "title": "工单进度", "content": content}]
        return web.json_response({"template_list": listed})

    async def _menu(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        menu = await request.json()
        assert 1 <= len(menu["button"]) <= 3
        assert all(len(button["name"].encode()) <= 16 for button in menu["button"])
        self.menus.append(menu)
        return _no(0, "ok")

    async def _user_info(self, request: web.Request) -> web.Response:
        """``unionid`` is there only for accounts bound to an Open Platform account."""
        if refused := self._refused(request):
            return refused
        who = request.query["openid"]
        if not self.verified:
            return _no(48001, "api unauthorized rid: 5fa26c60-1a0ebdd5")
        union = {"unionid": self.unions[who]} if who in self.unions else {}
        return web.json_response({"subscribe": 1, "openid": who, "language": "zh_CN", **union})

    async def _media(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        data = self.media.get(request.query["media_id"])
        if data is None:
            return _no(40007, "invalid media_id")
        return web.Response(body=data, content_type="image/jpeg")

    def _keep(self, who: str, words: str, how: str) -> None:
        kept = self.said.setdefault(who, [])
        kept.append({"words": words, "how": how})

    # --- its followers ---------------------------------------------------------------------------

    @override
    def user(self, who: str) -> str:
        return f"o{hashlib.sha256(who.encode()).hexdigest()[:27]}"

    @override
    def chat(self, name: str) -> str:
        return self.user(name.partition(":")[2])

    def sealed(self, fields: dict[str, Any]) -> tuple[dict[str, str], str]:
        """Query and body of a callback, sealed by wechatpy."""
        stamp, nonce = str(int(self.now())), secrets.token_hex(5)
        plain = xmltodict.unparse({"xml": fields}, full_document=False)
        body = self.crypto.encrypt_message(plain, nonce, stamp)
        signature = xmltodict.parse(body)["xml"]["MsgSignature"]
        query = {
            "signature": "plain-mode-signature",
            "timestamp": stamp,
            "nonce": nonce,
            "encrypt_type": "aes",
            "msg_signature": signature,
        }
        return query, body

    async def tell(self, fields: dict[str, Any], times: int = 1) -> list[int]:
        """Bring a message to our door; a passive answer is shown to its writer."""
        who = fields["FromUserName"]
        until, left = self.windows.get(who, (0.0, 0))
        if fields["MsgType"] != "event":
            self.windows[who] = (self.now() + WINDOW, PUSHES)
        elif left <= 0 or self.now() > until:
            self.windows[who] = (self.now() + 60, 3)
        query, body = self.sealed(fields)
        bring = partial(self._post, who, query, body)
        several = await asyncio.gather(*(self.brought(bring, 1) for _ in range(times)))
        return [status for answered in several for status in answered]

    async def _post(self, who: str, query: dict[str, str], body: str) -> int:
        async with self.http.post(self.hook, params=query, data=body) as response:
            answer = await response.read()
            if response.status == 200 and answer not in {b"", b"success"}:
                sealed = xmltodict.parse(answer)["xml"]
                plain = self.crypto.decrypt_message(
                    answer, sealed["MsgSignature"], sealed["TimeStamp"], sealed["Nonce"]
                )
                reply = xmltodict.parse(plain)["xml"]
                assert (reply["ToUserName"], reply["FromUserName"]) == (who, US)
                assert len(reply["Content"].encode()) <= 2048
                self._keep(who, reply["Content"], "passive")
            return response.status

    def message(self, who: str, **content: Any) -> dict[str, Any]:
        """The fields of a message of a follower's."""
        return {
            "ToUserName": US,
            "FromUserName": self.user(who),
            "CreateTime": str(int(self.now())),
            "MsgId": str(next(self._ids)),
            **content,
        }

    def event(self, who: str, event: str, key: str = "") -> dict[str, Any]:
        """The fields of an event."""
        fields = self.message(who, MsgType="event", Event=event, EventKey=key)
        del fields["MsgId"]
        return fields

    @override
    async def says(
        self, who: str, text: str, chat: str, *, key: str = "", times: int = 1
    ) -> list[int]:
        return await self.tell(self.message(who, MsgType="text", Content=text), times)

    @override
    async def sends_unknown(self) -> list[int]:
        return await self.tell(self.event("anna", "hologram_event", "x"))

    @override
    async def sends_nonsense(self) -> list[int]:
        fields = self.message("anna", MsgType="text", Content="空调坏了")
        del fields["MsgId"]
        return await self.tell(fields)

    @override
    async def speaks(self, who: str, clip: Clip, chat: str) -> list[int]:
        """Since 2023 ``Recognition`` comes empty."""
        file = f"voice{next(self._ids)}"
        self.media[file] = clip.record("amr")
        spoken = {"MediaId": file, "Format": "amr", "Recognition": ""}
        return await self.tell(self.message(who, MsgType="voice", **spoken))

    @override
    async def presses(self, who: str, shown: Shown, label: str) -> list[int]:
        raise AssertionError("there are no buttons here")

    @override
    def shown(self, chat: str) -> list[Shown]:
        who = self.chat(chat)
        return [
            Shown(str(n), who, kept["words"], raw=kept)
            for n, kept in enumerate(self.said.get(who, []))
        ]

    @override
    def busy(self) -> None:
        self.failures.append(
            (200, '{"errcode": 45009, "errmsg": "reach max api daily quota limit"}')
        )

    @override
    def broken(self) -> None:
        self.failures.append((502, "<html>Bad Gateway</html>"))


def _no(code: int, why: str) -> web.Response:
    return web.json_response({"errcode": code, "errmsg": why})
