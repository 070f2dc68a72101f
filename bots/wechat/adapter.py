"""An official account: answers within five seconds where it can, else pushes while it may.

A follower's message opens a window of 48 hours and five pushes. We answer the open call itself
with the first words for its writer (that costs no push); later ones are pushed; when the window is
shut, a template message carries the news, if the account has one.
Sources: Passive_user_reply_message.html, Customer_Service_Messages.html (5 in 48 h),
Template_Message_Interface.html, stable_access_token of the official account's documentation.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from hmac import compare_digest
from typing import Any, Final

from bots.channel import Anomalous, Capabilities, Refused
from bots.degrade import split, template_facts, visible
from bots.gateway.adapter import (
    FIVE_SECONDS,
    Answer,
    Callback,
    Fetched,
    Finding,
    Forged,
    Switchboard,
)
from bots.gateway.api import Api
from bots.gateway.codes import Authorised, Codes
from bots.gateway.hints import address_in
from bots.gateway.media import LARGEST
from bots.gateway.openings import Openings
from bots.gateway.sayings import menu_names
from bots.gateway.tencent import Envelope, fresh, signed, text_of, xml_of
from bots.gateway.tencent_messages import MENU
from bots.gateway.unions import Unions
from bots.wechat.reading import CAPABILITIES, CHANNEL, said
from workflow.records import Inbound, Media, Outgoing, Receipt

ADDRESS: Final = "https://api.weixin.qq.com"
ANSWER_WITHIN: Final = 4.0
"""Seconds the open call waits for words; the platform gives up after five."""
WINDOW: Final = timedelta(hours=48)
PUSHES: Final = 5
MOMENT: Final = timedelta(minutes=1)
"""A tap on the menu, a scan or following opens a window only so long, for three pushes."""
MOMENT_PUSHES: Final = 3
SCANNED_FOR: Final = timedelta(minutes=30)
SHUT: Final = frozenset({45015, 45047})
"""The window is over, or its pushes are used up."""
CODES: Final = Codes(
    dead=frozenset({40001, 40014, 42001}),
    busy={-1: 5, 45009: 600, 45011: 60, 48004: 600},
    barred=frozenset({40013, 40125, 40164, 50002}),
)
UNPERMITTED: Final = frozenset({"48001", "50002"})
"""The account may not use this interface, or is frozen."""
_KEYWORD: Final = re.compile(r"\{\{(\w+)\.DATA\}\}")
_SUCCESS: Final = b"success"
_XML: Final = "application/xml"
_TEMPLATE_WORDS: Final = 20

_log = logging.getLogger(__name__)


class OfficialAccount:
    """One account.

    Args:
        board: What every adapter is given.
        app_id: The account's AppID.
        secret: Its AppSecret.
        token: The Token of its server configuration.
        aes_key: The EncodingAESKey; messages are sealed (安全模式).
        template: A template message's id for when the window is shut; empty: none.
        template_fields: Which of its keywords get ``number``, ``title``, ``status``.
        menu: Whether to set the account's menu at the start.
        union: Whether to ask for the followers' unionid.
        address: Of the API.
    """

    name = CHANNEL
    hold_for = FIVE_SECONDS

    def __init__(
        self,
        board: Switchboard,
        app_id: str,
        secret: str,
        token: str,
        aes_key: str,
        *,
        template: str = "",
        template_fields: Mapping[str, str] | None = None,
        menu: bool = False,
        union: bool = False,
        address: str = ADDRESS,
    ) -> None:
        self._board = board
        self._app_id = app_id
        self._secret = secret
        self._token = token
        self._template = template
        self._template_fields = template_fields or {}
        self._menu = menu
        self._envelope = Envelope(token, aes_key, app_id, board.now)
        self._api = Api(CHANNEL, board.http, address)
        self._calls = Authorised(CHANNEL, board.tokens, app_id, self._fetch_token, CODES)
        self._openings: Openings[str] = Openings(answered=board.answers)
        self._unions = Unions(board.notes, self._union, on=union)

    @property
    def capabilities(self) -> Capabilities:
        """Words, one to one."""
        return CAPABILITIES

    # --- coming in ----------------------------------------------------------------------------

    async def receive(self, callback: Callback) -> Answer:
        """The check of our address, or one message.

        Raises:
            Forged, Malformed: it is refused.
        """
        if callback.method == "GET":
            self._check_address(callback)
            return Answer(callback.query.get("echostr", "").encode())
        until = callback.came + ANSWER_WITHIN
        fields = self._envelope.open_xml(callback)
        inbound = said(fields, self._board.tenant)
        if inbound is None:
            self._board.count(CHANNEL, "ignored")
            return Answer(_SUCCESS)
        await self._open_window(inbound.sender, event=bool(text_of(fields, "Event")))
        us = text_of(fields, "ToUserName")
        inbound = replace(inbound, union=await self._unions.of(inbound.sender))
        return await self._answer(await self._scanned(inbound), us, until)

    async def _union(self, who: str) -> str:
        """A follower's unionid; empty for accounts that no Open Platform account binds."""
        found = await self._get("/cgi-bin/user/info", openid=who)
        return str(found.get("unionid") or "")

    async def _scanned(self, inbound: Inbound) -> Inbound:
        """What is said after scanning a thing's code is said of that thing, for a while."""
        key = f"scanned:{inbound.sender}"
        if inbound.asset:
            await self._board.notes.put(key, inbound.asset, SCANNED_FOR)
            return inbound
        return replace(inbound, asset=await self._board.notes.get(key))

    def _check_address(self, callback: Callback) -> None:
        query = callback.query
        stamp = query.get("timestamp", "")
        wanted = signed(self._token, stamp, query.get("nonce", ""))
        given = query.get("signature", "")
        right = compare_digest(wanted.encode(), given.encode())
        if not right or not fresh(stamp, self._board.now()):
            raise Forged("the signature of the address check is wrong")

    async def _answer(self, inbound: Inbound, us: str, until: float) -> Answer:
        """Keep it; then, if words for its writer come in time, give them with this answer. A slow
        database leaves less time for words, not more for the platform to wait.
        """
        async with self._openings.opening(inbound.sender) as opening:
            admitted = await self._board.admit(inbound)
            if admitted is None or opening is None:
                return Answer(_SUCCESS)
            words = await opening.wait(until - time.monotonic())
            if words is None:
                return Answer(_SUCCESS)
            reply = self._envelope.seal_xml(_text_reply(inbound.sender, us, words, self._now()))
            opening.close(went=True)
            return Answer(reply, _XML)

    def _now(self) -> int:
        return int(self._board.now().timestamp())

    async def run(self) -> None:
        """Set the menu once, if it is ours to set; the platform calls us for the rest."""
        if self._menu:
            try:
                menu = _menu(menu_names(await self._board.locale("")))
                await self._post("/cgi-bin/menu/create", menu)
            except (Refused, Anomalous) as error:
                _log.warning("the menu was not set: %s", error.why)

    async def close(self) -> None:
        """Nothing is open."""

    # --- going out ----------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Receipt:
        """As the answer of an open call, as a push, or by template, in that order."""
        who = outgoing.to.chat
        pages = split(visible(outgoing.text), CAPABILITIES.max_text_bytes)
        first, *rest = pages
        if await self._openings.hand(who, first):
            await self._push_all(who, rest)
            return Receipt(f"passive:{outgoing.key}", self._board.now())
        try:
            await self._push_all(who, pages)
        except _Shut:
            return await self._by_template(outgoing)
        return Receipt(f"push:{outgoing.key}", self._board.now())

    async def _push_all(self, who: str, pages: Sequence[str]) -> None:
        for page in pages:
            if await self._left(who) <= 0:
                raise _Shut(CHANNEL, "the follower's window is shut")
            try:
                await self._push(who, page)
            except Refused as no:
                if int(no.why.split()[0]) not in SHUT:
                    raise
                await self._board.notes.drop(f"window:{who}")
                raise _Shut(CHANNEL, no.why) from None

    async def _push(self, who: str, words: str) -> None:
        text = {"touser": who, "msgtype": "text", "text": {"content": words}}
        await self._post("/cgi-bin/message/custom/send", text)
        await self._spend(who)

    async def _by_template(self, outgoing: Outgoing) -> Receipt:
        if not self._template:
            raise Refused(CHANNEL, "the follower's window is shut, and there is no template")
        facts = template_facts(outgoing)
        data = {
            keyword: {"value": facts[what][:_TEMPLATE_WORDS]}
            for keyword, what in self._template_fields.items()
        }
        message = {
            "touser": outgoing.to.chat,
            "template_id": self._template,
            "data": data,
            "client_msg_id": outgoing.key[-32:],
        }
        found = await self._post("/cgi-bin/message/template/send", message)
        number = str(found.get("msgid", outgoing.key))
        return Receipt(f"template:{number}", self._board.now(), "as a template message")

    async def _post(self, path: str, payload: object) -> Mapping[str, Any]:
        async def post(token: str) -> Mapping[str, Any]:
            return await self._api.json(
                "POST", path, query={"access_token": token}, payload=payload
            )

        return await self._calls.call(post)

    async def _get(self, path: str, **query: str) -> Mapping[str, Any]:
        async def get(token: str) -> Mapping[str, Any]:
            return await self._api.json("GET", path, query={**query, "access_token": token})

        return await self._calls.call(get)

    async def fetch(self, media: Media) -> Fetched:
        """The bytes of a temporary attachment; errors come as JSON with status 200."""

        async def get(token: str) -> Mapping[str, Any]:
            query = {"access_token": token, "media_id": media.ref}
            answer = await self._api.call(
                "GET", "/cgi-bin/media/get", query=query, longest=LARGEST, within=30
            )
            kind = answer.headers.get("content-type", "")
            if "json" in kind or "text/plain" in kind:
                return answer.json(CHANNEL)
            return {"data": answer.body}

        found = await self._calls.call(get)
        if "data" not in found:
            raise Refused(CHANNEL, "the attachment is gone")
        return Fetched(found["data"])

    # --- windows and tokens -------------------------------------------------------------------

    async def _open_window(self, who: str, *, event: bool) -> None:
        """A message opens the long window, an event a short one where nothing is left of that."""
        if event and await self._left(who) > 0:
            return
        life, pushes = (MOMENT, MOMENT_PUSHES) if event else (WINDOW, PUSHES)
        kept = {"left": pushes, "until": (self._board.now() + life).timestamp()}
        await self._board.notes.put(f"window:{who}", json.dumps(kept), life)

    async def _left(self, who: str) -> int:
        kept = await self._board.notes.get(f"window:{who}")
        return int(json.loads(kept)["left"]) if kept else 0

    async def _spend(self, who: str) -> None:
        """One push less; two senders at once both count."""
        while kept := await self._board.notes.get(f"window:{who}"):
            window = json.loads(kept)
            life = timedelta(seconds=window["until"] - self._board.now().timestamp())
            less = json.dumps({**window, "left": window["left"] - 1})
            if await self._board.notes.swap(f"window:{who}", kept, less, life):
                return

    async def _fetch_token(self) -> tuple[str, timedelta]:
        asked = {
            "grant_type": "client_credential",
            "appid": self._app_id,
            "secret": self._secret,
        }
        found = await self._api.json("POST", "/cgi-bin/stable_token", payload=asked)
        self._calls.insist(found)
        token, life = found.get("access_token"), found.get("expires_in")
        if not isinstance(token, str) or not isinstance(life, int):
            raise Anomalous(CHANNEL, "a token without its life")
        return token, timedelta(seconds=life)

    # --- health -------------------------------------------------------------------------------

    async def check(self) -> Sequence[Finding]:
        """Credentials, whether our address may call, what the account may do, and the template."""
        try:
            await self._fetch_token()
            found = [Finding("ok", "wechat_token"), *await self._permissions()]
        except Refused as no:
            return [_mending(no)]
        if not self._template:
            found.append(Finding("warn", "wechat_no_template"))
        return found

    async def _permissions(self) -> list[Finding]:
        """Whether it may push and send its template, tried on a follower that there is not."""
        found: list[Finding] = []
        words = {"touser": "paidan-doctor", "msgtype": "text", "text": {"content": "."}}
        try:
            await self._post("/cgi-bin/message/custom/send", words)
        except Refused as no:
            if no.why.split()[0] in UNPERMITTED:
                found.append(Finding("fail", "wechat_no_pushing", (no.why,)))
        if not self._template:
            return found
        try:
            listed = await self._get("/cgi-bin/template/get_all_private_template")
        except Refused as no:
            what = "no_templates" if no.why.split()[0] in UNPERMITTED else "refused"
            return [*found, Finding("fail", f"wechat_{what}", (no.why,))]
        return [*found, *self._of_template(listed.get("template_list"))]

    def _of_template(self, listed: object) -> list[Finding]:
        """Whether the account has the template, and it the keywords we fill."""
        templates = [one for one in listed if isinstance(one, dict)] if listed else []  # type: ignore[attr-defined]
        ours = next((t for t in templates if t.get("template_id") == self._template), None)
        if ours is None:
            return [Finding("fail", "wechat_template_unknown", (self._template,))]
        there = set(_KEYWORD.findall(str(ours.get("content", ""))))
        wrong = [name for name in self._template_fields if name not in there]
        if wrong or not self._template_fields:
            facts = ("、".join(wrong) or "-", "、".join(sorted(there)))
            return [Finding("fail", "wechat_template_fields", facts)]
        return []


def _mending(no: Refused) -> Finding:
    """What to click after a refusal."""
    code = no.why.split()[0]
    if code == "40164":
        return Finding("fail", "wechat_address", (address_in(no.why) or "?",))
    known = {"40013": "app_id", "40125": "secret", "40001": "secret"}
    return Finding("fail", f"wechat_{known.get(code, 'refused')}", (no.why,))


class _Shut(Refused):
    """The follower's window is."""


def _text_reply(who: str, us: str, words: str, at: int) -> str:
    fields: dict[str, str | int] = {
        "ToUserName": who,
        "FromUserName": us,
        "CreateTime": at,
        "MsgType": "text",
        "Content": words,
    }
    return xml_of(fields)


def _menu(names: Mapping[str, str]) -> dict[str, Any]:
    """一键报修, 我的进度, 转人工."""
    return {"button": [{"type": "click", "name": names[key], "key": key} for key in MENU]}
