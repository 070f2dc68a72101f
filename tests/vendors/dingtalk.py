"""DingTalk on loopback: its API, its Stream gateway, its groups' robots.

The gateway satisfies both official SDKs first: ``tests/integration/test_dingtalk_clients.py``.
Source: https://open.dingtalk.com/document/
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import re
import time
import urllib.parse
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from typing_extensions import override

from paidan.channels.dingtalk import DingTalk, GroupRobot
from paidan.channels.section import ChannelSection
from paidan.signing import login_path
from tests.vendors.platform import SECRET_KEY, TENANT, Clip, Platform, Shown
from tests.waiting import wait_until

CLIENT = "dingclient0001"
SECRET = "client-secret-of-the-fake"
ROBOT_TOKEN = "group-robot-token"
ROBOT_SECRET = "SECgroup-robot-secret"
TEMPLATE = "template.schema"
UNACKNOWLEDGED = 3.0
"""Seconds after which a frame comes again; the platform takes up to sixty."""
SCOPES = {
    "/robot/oToMessages": "qyapi_robot_sendmsg",
    "/robot/groupMessages": "qyapi_robot_sendmsg",
    "/robot/messageFiles": "qyapi_robot_sendmsg",
    "/card/instances": "Card.Instance.Write",
}
"""The permission each interface needs."""


def sign(secret: str, stamp: str) -> str:
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class FakeDingTalk(Platform):
    """One organisation with our application in it."""

    name: ClassVar[str] = "dingtalk"
    press_within: ClassVar[float] = 2.0
    called: ClassVar[bool] = False
    dead_tokens: ClassVar[tuple[int | str, ...]] = ("InvalidAuthentication", "40014", "42001")
    markup: ClassVar[str] = (
        "@all @所有人 **急** [点](dingtalk://dingtalkclient/x) ![x](http://e.example)"
    )
    spoken: ClassVar[Literal["", "written", "bytes"]] = "written"
    stream: ClassVar[bool] = True
    template: ClassVar[str] = TEMPLATE

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, list[Shown]] = {}
        self.cards: dict[str, Shown] = {}
        self.private: dict[tuple[str, str], dict[str, str]] = {}
        self.robot_refusal: tuple[int, str] | None = None
        self.failures: list[tuple[int, str, str]] = []
        self.token = ""
        self.tickets: set[str] = set()
        self.socket: web.WebSocketResponse | None = None
        self.connections = 0
        self.acks: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self.files: dict[str, bytes] = {}
        self.uuids: set[str] = set()
        self.registered: dict[str, Any] = {}
        self.invalid: set[str] = set()
        self.controlled: set[str] = set()
        self.lacking: set[str] = set()
        self.from_ip = ""
        self.tried: list[str] = []
        self._ids = itertools.count(1)

    # --- its own doors -----------------------------------------------------------------------

    @override
    async def start(self) -> None:
        app = web.Application(middlewares=[self.hanging])
        post, put, get = app.router.add_post, app.router.add_put, app.router.add_get
        post("/v1.0/oauth2/accessToken", self._access_token)
        post("/v1.0/gateway/connections/open", self._open)
        get("/connect", self._connect)
        post("/v1.0/robot/groupMessages/send", self._group)
        post("/v1.0/robot/oToMessages/batchSend", self._batch)
        post("/v1.0/robot/messageFiles/download", self._download)
        post("/v1.0/card/instances/createAndDeliver", self._deliver)
        put("/v1.0/card/instances", self._update)
        post("/v1.0/card/callbacks/register", self._register)
        post("/robot/sendBySession", self._session)
        post("/robot/send", self._robot)
        get("/files/{name}", self._file)
        self.server = TestServer(app)
        await self.server.start_server(access_log=None)

    @override
    async def stop(self) -> None:
        if self.socket is not None and not self.socket.closed:
            await self.socket.close()
        self.hangs("")
        await self.server.close()

    @property
    def address(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    @override
    def section(self) -> ChannelSection:
        robots = {self.chat("group:home"): GroupRobot(token=ROBOT_TOKEN, secret=ROBOT_SECRET)}
        return DingTalk(
            client_id=CLIENT,
            client_secret=SECRET,
            mode="stream" if self.stream else "http",
            template=self.template,
            robots=robots,
            address=self.address,
            old_address=self.address,
        )

    async def _access_token(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if (asked["appKey"], asked["appSecret"]) != (CLIENT, SECRET):
            return _no(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        self.fetched += 1
        self.token = self.token or f"token-{self.fetched}-0123456789"
        return web.json_response({"accessToken": self.token, "expireIn": 7200})

    def _refused(self, request: web.Request, *, speaks: bool = False) -> web.Response | None:
        given = request.headers.get("x-acs-dingtalk-access-token")
        if not self.token or given != self.token:
            return _no(400, str(self.dead), "不合法的access_token")
        if self.from_ip:
            why = f"访问ip不在白名单之中,request ip={self.from_ip} appKey({CLIENT})"
            return _no(403, "Forbidden.AccessDenied.IpNotInWhiteList", why)
        scope = next((name for part, name in SCOPES.items() if part in request.path), "")
        if scope in self.lacking:
            return _unpermitted(scope)
        if speaks and self.failures:
            status, code, why = self.failures.pop(0)
            return _no(status, code, why)
        return None

    async def _open(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if (asked["clientId"], asked["clientSecret"]) != (CLIENT, SECRET):
            return _no(401, "authFailed", "鉴权失败")
        assert all(one["type"] in {"EVENT", "CALLBACK"} for one in asked["subscriptions"])
        ticket = f"ticket {next(self._ids)}+/="
        self.tickets.add(ticket)
        endpoint = self.address.replace("http", "ws", 1) + "/connect"
        return web.json_response({"endpoint": endpoint, "ticket": ticket})

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        asked = request.rel_url
        given = {
            asked.query["ticket"],
            urllib.parse.unquote(asked.raw_query_string[len("ticket=") :]),
        }
        (ticket,) = given & self.tickets  # the SDK for Python quotes its own, that for Node.js not
        self.tickets.remove(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.socket = socket
        self.connections += 1
        async for message in socket:
            if message.type != aiohttp.WSMsgType.TEXT:
                break
            found = json.loads(message.data)
            number = found["headers"]["messageId"]
            assert found["code"] == 200
            assert isinstance(found["data"], str)
            waiting = self.acks.pop(number, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(found)
        return socket

    async def frame(
        self, kind: str, topic: str, data: object, within: float = 20
    ) -> dict[str, Any]:
        """Send a frame and wait for its acknowledgement. An object is written as the text that the
        platform sends; whatever else ``data`` is stands in the frame as it is.
        """

        async def connected() -> bool:
            return self.socket is not None and not self.socket.closed

        await wait_until(connected)
        assert self.socket is not None
        number = f"m{next(self._ids)}"
        self.acks[number] = asyncio.get_running_loop().create_future()
        headers = {
            "topic": topic,
            "messageId": number,
            "contentType": "application/json",
            "time": str(int(time.time() * 1000)),
        }
        text = json.dumps(data) if isinstance(data, dict) else data
        frame = {"specVersion": "1.0", "type": kind, "headers": headers, "data": text}
        async with asyncio.timeout(within):
            while True:
                await self.socket.send_json(frame)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(UNACKNOWLEDGED):
                        return await asyncio.shield(self.acks[number])
                await wait_until(connected)

    async def farewell(self) -> web.WebSocketResponse:
        """Tell the client to come anew, as before a restart; returns the connection it has."""
        assert self.socket is not None
        leaving, number = self.socket, f"m{next(self._ids)}"
        headers = {"topic": "disconnect", "messageId": number, "contentType": "application/json"}
        said = {"specVersion": "1.0", "type": "SYSTEM", "headers": headers, "data": "{}"}
        await leaving.send_json(said)
        return leaving

    async def _group(self, request: web.Request) -> web.Response:
        if refused := self._refused(request, speaks=True):
            return refused
        asked = await request.json()
        words, links = _by_robot(asked)
        self._keep(asked["openConversationId"], words, (), links)
        return web.json_response({"processQueryKey": f"q{next(self._ids)}"})

    async def _batch(self, request: web.Request) -> web.Response:
        if refused := self._refused(request, speaks=True):
            return refused
        asked = await request.json()
        assert 1 <= len(asked["userIds"]) <= 20
        self.tried += asked["userIds"]
        nobody = {*self.invalid, "paidan-doctor"}
        invalid = [who for who in asked["userIds"] if who in nobody]
        slowed = [who for who in asked["userIds"] if who in self.controlled]
        for who in set(asked["userIds"]) - set(invalid) - set(slowed):
            words, links = _by_robot(asked)
            self._keep(who, words, (), links)
        said = {"processQueryKey": "q", "invalidStaffIdList": invalid}
        return web.json_response({**said, "flowControlledStaffIdList": slowed})

    async def _session(self, request: web.Request) -> web.Response:
        chat = request.query["session"]
        return self._by_webhook(chat, await request.json())

    async def _robot(self, request: web.Request) -> web.Response:
        stamp = request.query.get("timestamp", "")
        if self.robot_refusal is not None:
            code, why = self.robot_refusal
            return web.json_response({"errcode": code, "errmsg": why})
        if request.query["access_token"] != ROBOT_TOKEN:
            return web.json_response({"errcode": 300001, "errmsg": "token is not exist"})
        if request.query.get("sign") != sign(ROBOT_SECRET, stamp):
            return web.json_response({"errcode": 310000, "errmsg": "sign not match"})
        asked = await request.json()
        if asked["msgUuid"] in self.uuids:
            return web.json_response({"errcode": 0, "errmsg": "ok"})
        self.uuids.add(asked["msgUuid"])
        return self._by_webhook(self.chat("group:home"), asked)

    def _by_webhook(self, chat: str, asked: dict[str, Any]) -> web.Response:
        if self.failures:
            status, code, why = self.failures.pop(0)
            if status >= 500:
                return _no(status, code, why)
            return web.json_response({"errcode": 130101, "errmsg": "send too fast"})
        words, links = _by_web(asked)
        called = asked.get("at", {}).get("atUserIds", [])
        reached = tuple(who for who in called if f"@{who}" in words)
        self._keep(chat, words, reached, links)
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    def _keep(
        self,
        chat: str,
        words: str,
        mentions: tuple[str, ...],
        links: dict[str, str] | None = None,
    ) -> None:
        assert 0 < len(words.encode()) <= 15_000
        words = words.replace("\\", "")
        shown = Shown(
            f"t{next(self._ids)}",
            chat,
            words,
            tuple(links or {}),
            mentions,
            raw={"links": links or {}},
        )
        self.messages.setdefault(chat, []).append(shown)

    async def _deliver(self, request: web.Request) -> web.Response:
        if refused := self._refused(request, speaks=True):
            return refused
        asked = await request.json()
        number, params = asked["outTrackId"], asked["cardData"]["cardParamMap"]
        assert asked["cardTemplateId"] == TEMPLATE
        assert asked["callbackType"] == ("STREAM" if self.stream else "HTTP")
        assert all(isinstance(value, str) for value in params.values())
        kind, _, chat = asked["openSpaceId"].removeprefix("dtv1.card//").partition(".")
        model = {"IM_GROUP": "imGroupOpenDeliverModel", "IM_ROBOT": "imRobotOpenDeliverModel"}[kind]
        called = tuple(asked[model].get("atUserIds", {}))
        if number not in self.cards:
            card = Shown(number, chat, "", mentions=called)
            self.cards[number] = card
            self.messages.setdefault(chat, []).append(card)
            self._paint(number, params)
        return web.json_response({"success": True, "result": {"outTrackId": number}})

    async def _update(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        asked = await request.json()
        if asked["outTrackId"] not in self.cards:
            return _no(404, "card.notFound", "卡片不存在")
        assert "cardData" not in asked or asked["cardUpdateOptions"]["updateCardDataByKey"] is True
        assert not asked.get("privateData") or asked["cardUpdateOptions"]["updatePrivateDataByKey"]
        if "cardData" in asked:
            self._paint(asked["outTrackId"], asked["cardData"]["cardParamMap"])
        for who, data in asked.get("privateData", {}).items():
            self.private.setdefault((asked["outTrackId"], who), {}).update(data["cardParamMap"])
        return web.json_response({"success": True})

    def _paint(self, number: str, params: dict[str, str]) -> None:
        assert all(isinstance(value, str) for value in params.values())
        card = self.cards[number]
        kept = card.raw.setdefault("params", {})
        card.edits += 1 if kept else 0
        kept.update(params)
        names = ("news", "title", "subtitle", "steps", "body")
        card.text = "\n".join(kept.get(name, "") for name in names).replace("\\", "")
        card.buttons = _buttons(kept)

    async def _register(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        self.registered = await request.json()
        return web.json_response({"success": True, "result": {"apiSecret": "x"}})

    async def _download(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        asked = await request.json()
        if asked["downloadCode"] not in {*self.files, "gone"}:
            return _no(400, "invalidParameter.downloadCode", "下载码无效")
        return web.json_response({"downloadUrl": f"{self.address}/files/{asked['downloadCode']}"})

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["name"]])

    # --- its people --------------------------------------------------------------------------

    @override
    def user(self, who: str) -> str:
        return f"staff{hashlib.sha256(who.encode()).hexdigest()[:12]}"

    @override
    def chat(self, name: str) -> str:
        kind, _, who = name.partition(":")
        return f"cid{who}==" if kind == "group" else self.user(who)

    def message(self, who: str, chat: str, **content: Any) -> dict[str, Any]:
        """A message as the robot hears it."""
        group = chat.startswith("group:")
        opened = urllib.parse.quote(self.chat(chat), safe="")
        return {
            "conversationId": self.chat(chat) if group else f"cid-direct-{self.user(who)}",
            "conversationType": "2" if group else "1",
            "msgId": f"msg{next(self._ids)}==",
            "senderId": f"$:LWCP_v1:{self.user(who)}",
            "senderStaffId": self.user(who),
            "senderNick": who,
            "createAt": int(time.time() * 1000),
            "isInAtList": group,
            "robotCode": CLIENT,
            "sessionWebhook": f"{self.address}/robot/sendBySession?session={opened}",
            "sessionWebhookExpiredTime": int((time.time() + 5400) * 1000),
            "msgtype": "text",
            **content,
        }

    async def tell(self, message: dict[str, Any], times: int = 1) -> list[int]:
        """Bring a message to us, by Stream or by HTTP."""
        answered = []
        for _ in range(times):
            if self.stream:
                ack = await self.frame("CALLBACK", "/v1.0/im/bot/messages/get", message)
                answered.append(ack["code"])
            else:
                stamp = str(int(time.time() * 1000))
                headers = {"timestamp": stamp, "sign": sign(SECRET, stamp)}
                async with self.http.post(self.hook, json=message, headers=headers) as response:
                    answered.append(response.status)
        return answered

    @override
    async def says(
        self, who: str, text: str, chat: str, *, key: str = "", times: int = 1
    ) -> list[int]:
        return await self.tell(self.message(who, chat, text={"content": f" {text}"}), times)

    @override
    async def sends_unknown(self) -> list[int]:
        return await self.tell(self.message("anna", "customer:anna", msgtype="hologram"))

    @override
    async def sends_nonsense(self) -> list[int]:
        return await self.tell(self.message("anna", "customer:anna", msgtype=5))

    @override
    def kills_token(self) -> None:
        self.token = f"token-after-{self.fetched}-0123456789"

    @override
    async def speaks(self, who: str, clip: Clip, chat: str) -> list[int]:
        """Only one to one; robots in groups hear no voice."""
        assert not chat.startswith("group:")
        code = f"voice{next(self._ids)}"
        self.files[code] = clip.record("amr")
        spoken = {"duration": 2000, "downloadCode": code, "recognition": clip.said}
        return await self.tell(self.message(who, chat, msgtype="audio", content=spoken))

    def press(self, who: str, card: str, button: str, key: str) -> dict[str, Any]:
        """A press as a callback tells it."""
        pressed = {"actionIds": [button], "params": {"key": key}}
        return {
            "type": "actionCallback",
            "outTrackId": card,
            "userId": self.user(who),
            "content": json.dumps({"cardPrivateData": pressed}),
        }

    @override
    async def presses(self, who: str, shown: Shown, label: str) -> list[int]:
        mine = {**shown.raw["params"], **self.private.get((shown.id, self.user(who)), {})}
        number = next(n for n in range(1, 7) if mine.get(f"b{n}_text") == label)
        press = self.press(who, shown.id, f"b{number}", mine[f"b{number}_key"])
        if self.stream:
            ack = await self.frame("CALLBACK", "/v1.0/card/instances/callback", press)
            answer = json.loads(ack["data"])["response"]
        else:
            stamp = str(int(time.time() * 1000))
            secret = self.registered["apiSecret"]
            headers = {
                "x-ddpaas-signature-timestamp": stamp,
                "x-ddpaas-signature": sign(secret, stamp),
            }
            async with self.http.post(self.hook, json=press, headers=headers) as response:
                answer = await response.json()
        if answer.get("cardData"):
            self._paint(shown.id, answer["cardData"]["cardParamMap"])
        if answer.get("userPrivateData"):
            private = self.private.setdefault((shown.id, self.user(who)), {})
            private.update(answer["userPrivateData"]["cardParamMap"])
        return [200]

    @override
    def shown(self, chat: str) -> list[Shown]:
        return self.messages.get(self.chat(chat), [])

    @override
    def busy(self) -> None:
        self.failures.append((403, "Forbidden.AccessDenied.QpsLimitForApi", "调用过于频繁"))

    @override
    def broken(self) -> None:
        self.failures.append((503, "ServiceUnavailable", "服务不可用"))


class DingTalkByHttp(FakeDingTalk):
    """The same, calling us instead of being connected to."""

    called: ClassVar[bool] = True
    stream: ClassVar[bool] = False


class LinkedDingTalk(FakeDingTalk):
    """The same without a card template: buttons are links, opened in each person's browser."""

    template: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.browsers: dict[str, aiohttp.ClientSession] = {}

    @override
    async def stop(self) -> None:
        for browser in self.browsers.values():
            await browser.close()
        await super().stop()

    async def browser(self, who: str) -> aiohttp.ClientSession:
        """Somebody's browser; colleagues have signed in."""
        if who not in self.browsers:
            jar = aiohttp.CookieJar(unsafe=True)
            self.browsers[who] = aiohttp.ClientSession(cookie_jar=jar)
            path = login_path(SECRET_KEY, TENANT, who, datetime.now(UTC))
            door = self.hook.partition("/hooks/")[0]
            await self._tap(who, door + path)
        return self.browsers[who]

    @override
    async def presses(self, who: str, shown: Shown, label: str) -> list[int]:
        await self.browser(who)
        return [(await self._tap(who, shown.raw["links"][label]))[0]]

    async def _tap(self, who: str, address: str, **more: str) -> tuple[int, str]:
        """Open a page and tap its one button."""
        browser = self.browsers[who]
        async with browser.get(address) as page:
            text = await page.text()
            if page.status != 200:
                return page.status, text
        token = re.search(r'name="csrf" content="([^"]+)"', text)
        form = {"csrf": token[1] if token else "", **more}
        async with browser.post(address, data=form, allow_redirects=False) as answer:
            return answer.status, await answer.text()


def _buttons(params: dict[str, str]) -> tuple[str, ...]:
    return tuple(params[f"b{n}_text"] for n in range(1, 7) if params.get(f"b{n}_show") == "true")


def _by_robot(asked: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Words and links of a ``msgKey``, insisted on as documented."""
    assert asked["robotCode"] == CLIENT
    assert isinstance(asked["msgParam"], str)
    assert len(asked["msgParam"].encode()) <= 15_000
    param, key = json.loads(asked["msgParam"]), asked["msgKey"]
    if key == "sampleText":
        return str(param["content"]), {}
    links: dict[str, str] = {}
    if key == "sampleActionCard":
        links = {param["singleTitle"]: param["singleURL"]}
    elif key.startswith("sampleActionCard"):
        many = range(1, int(key.removeprefix("sampleActionCard")) + 1)
        links = {param[f"actionTitle{n}"]: param[f"actionURL{n}"] for n in many}
    else:
        assert key == "sampleMarkdown"
    assert set(param) == {"title", "text"} | set(_names(key))
    return str(param["text"]), links


def _names(key: str) -> list[str]:
    if key == "sampleActionCard":
        return ["singleTitle", "singleURL"]
    many = key.removeprefix("sampleActionCard")
    if not many.isdecimal():
        return []
    return [f"action{part}{n}" for n in range(1, int(many) + 1) for part in ("Title", "URL")]


def _by_web(asked: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Words and links of a message by web address."""
    if asked["msgtype"] == "text":
        return str(asked["text"]["content"]), {}
    if asked["msgtype"] == "markdown":
        return str(asked["markdown"]["text"]), {}
    assert asked["msgtype"] == "actionCard"
    card = asked["actionCard"]
    if "singleTitle" in card:
        return str(card["text"]), {card["singleTitle"]: card["singleURL"]}
    assert len(card["btns"]) > 1
    return str(card["text"]), {one["title"]: one["actionURL"] for one in card["btns"]}


def _unpermitted(scope: str) -> web.Response:
    """As DingTalk words it, with the page to apply at."""
    link = f"https://open-dev.dingtalk.com/appscope/apply?content={CLIENT}%23{scope}"
    said = {
        "code": "Forbidden.AccessDenied.AccessTokenPermissionDenied",
        "message": f"应用尚未开通所需的权限：[{scope}]，点击链接申请并开通即可：{link}",
        "requestid": "r",
        "accessdenieddetail": {"requiredScopes": [scope]},
    }
    return web.json_response(said, status=403)


def _no(status: int, code: str, why: str) -> web.Response:
    return web.json_response({"code": code, "message": why, "requestid": "r"}, status=status)
