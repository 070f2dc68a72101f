"""微信客服: customers in WeChat talk to the company.

A call to us only says that there is news; the news is fetched, page by page, and a page is past
once all of it is kept. A customer's message opens a window of 48 hours and five messages; what
does not fit goes by the customer's other channels.
Sources: https://developer.work.weixin.qq.com/document/path/94670 (hearing), 94677 (speaking),
94699 (limits).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from bots.channel import Capabilities, ChannelError, Refused
from bots.degrade import plain, split, visible
from bots.gateway.adapter import (
    FIVE_SECONDS,
    Answer,
    Callback,
    Fetched,
    Finding,
    Malformed,
    Switchboard,
)
from bots.gateway.presses import Asked, Presses
from bots.gateway.sayings import say
from bots.gateway.tencent import Envelope, text_of
from bots.gateway.unions import Unions
from bots.wecom.cards import KEY_BYTES
from bots.wecom.corp import ADDRESS, Corp, mending
from bots.wecom.kf_reading import (
    CAPABILITIES,
    CHANNEL,
    ENTERED,
    FAILED,
    MENU_BYTES,
    Message,
    entered,
    event_of,
    menu_of,
    pressed,
    said,
    who_of,
)
from bots.wecom.words import plain_pages
from workflow.records import Button, Inbound, Media, Outgoing, Receipt

WINDOW: Final = timedelta(hours=48)
MESSAGES: Final = 5
SHUT: Final = "95001"
"""The window's messages are used up, says the platform."""
PAGE: Final = 1000
OLD: Final = timedelta(minutes=10)
"""What was said longer before the very first fetch is not news to us."""
_NEWS: Final = "kf_msg_or_event"
_TOKEN_LIFE: Final = timedelta(minutes=10)
_ASSET_LIFE: Final = timedelta(days=1)
_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 300.0
_CONTENT: Final = 128

_log = logging.getLogger(__name__)


class CustomerService:
    """One account of 微信客服.

    Args:
        board: What every adapter is given.
        corp_id: 企业ID.
        secret: Of the application that may use 微信客服.
        token: The Token of its callback.
        aes_key: The EncodingAESKey of its callback.
        account: The account's ``open_kfid``.
        union: Whether to ask for the customers' unionid.
        address: Of the API.
    """

    name = CHANNEL
    hold_for = FIVE_SECONDS

    def __init__(
        self,
        board: Switchboard,
        corp_id: str,
        secret: str,
        token: str,
        aes_key: str,
        account: str,
        address: str = ADDRESS,
        *,
        union: bool = False,
    ) -> None:
        self._board = board
        self._account = account
        self._envelope = Envelope(token, aes_key, corp_id, board.now)
        self._corp = Corp(CHANNEL, board, corp_id, secret, address)
        self._presses = Presses(board.notes, KEY_BYTES)
        self._unions = Unions(board.notes, self._union, on=union)
        self._news = asyncio.Event()
        self._news.set()  # whatever came while we were away

    @property
    def capabilities(self) -> Capabilities:
        """Words with a menu, one to one."""
        return CAPABILITIES

    # --- coming in ----------------------------------------------------------------------------

    async def receive(self, callback: Callback) -> Answer:
        """The check of our address, or a call that there is news; it stays there until fetched.

        Raises:
            Forged, Malformed: it is refused.
        """
        if callback.method == "GET":
            return Answer(self._envelope.echo(callback))
        fields = self._envelope.open_xml(callback)
        ours = text_of(fields, "OpenKfId") in {"", self._account}
        if text_of(fields, "Event") != _NEWS or not ours:
            self._board.count(CHANNEL, "ignored")
            return Answer()
        try:
            await self._board.notes.put("token", text_of(fields, "Token"), _TOKEN_LIFE)
        finally:  # there is news, whoever is told so again
            self._news.set()
        return Answer()

    async def run(self) -> None:
        """Fetch news whenever there is some, and once at the start."""
        pause = _PAUSE
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                while await self._page():
                    pass
                pause = _PAUSE
            except ChannelError as error:
                _log.warning("the news of customers did not come: %s", error.why)
                await self._board.notes.drop("token")  # it may be what is wrong
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                self._news.set()
            except Exception:
                self._news.set()
                raise

    async def _page(self) -> bool:
        """Fetch one page; whether there is another. The cursor moves on only past what is kept."""
        cursor = await self._board.notes.get("cursor")
        asked: dict[str, Any] = {"open_kfid": self._account, "limit": PAGE, "voice_format": 0}
        token = await self._board.notes.get("token")
        if cursor:
            asked["cursor"] = cursor
        if token:
            asked["token"] = token
        found = await self._corp.post("/cgi-bin/kf/sync_msg", asked)
        messages, began = found.get("msg_list"), await self._began()
        for message in messages if isinstance(messages, list) else []:
            if isinstance(message, dict):
                await self._passed(message, began)
        further = found.get("next_cursor")
        if isinstance(further, str) and further:
            await self._board.notes.swap("cursor", cursor, further)
        return bool(found.get("has_more")) and further != cursor

    async def _passed(self, message: Message, began: float) -> None:
        """Take one message; one that makes no sense does not stop those behind it."""
        try:
            await self._take(message, began)
        except Malformed as error:
            _log.warning("a message of 微信客服 was passed over: %s", error.why)
            self._board.count(CHANNEL, "malformed")

    async def _began(self) -> float:
        """When we first fetched anything; what was said well before is not news to us."""
        now = str(self._board.now().timestamp())
        await self._board.notes.swap("began", None, now)
        return float(await self._board.notes.get("began") or now)

    async def _take(self, message: Message, began: float) -> None:
        kind, event = event_of(message)
        if kind == ENTERED:
            entry = entered(event)
            if entry.who and entry.asset:
                await self._board.notes.put(f"asset:{entry.who}", entry.asset, _ASSET_LIFE)
            return
        if kind == FAILED:
            _log.warning("a message did not reach its customer: type %s", event.get("fail_type"))
            self._board.count(CHANNEL, "undelivered")
            return
        asset = await self._board.notes.get(f"asset:{who_of(message)}")
        inbound = said(message, self._board.tenant, asset)
        if inbound is None or inbound.sent_at.timestamp() < began - OLD.total_seconds():
            self._board.count(CHANNEL, "ignored")
            return
        await self._open_window(inbound)
        inbound = replace(inbound, union=await self._unions.of(inbound.sender))
        await self._heard(inbound, menu_of(message))

    async def _union(self, who: str) -> str:
        """A customer's unionid; empty where the corporation has bound no WeChat developer id."""
        asked = {"external_userid_list": [who], "need_enter_session_context": 0}
        found = await self._corp.post("/cgi-bin/kf/customer/batchget", asked)
        listed = found.get("customer_list")
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, dict) and one.get("external_userid") == who:
                return str(one.get("unionid") or "")
        return ""

    async def _heard(self, inbound: Inbound, menu: str) -> None:
        """Words, or the press of a menu item."""
        found = await self._presses.read(menu) if menu else None
        if isinstance(found, Asked):
            await self._follow_up(inbound, found)
        elif found is not None:
            await self._board.admit(pressed(inbound, found))
        elif menu.startswith(("s:", "n:")):
            await self._told(inbound.chat, say("expired", await self._board.locale(inbound.chat)))
        else:
            await self._board.admit(inbound)

    async def _follow_up(self, inbound: Inbound, asked: Asked) -> None:
        """Offer the choices in another menu; words are asked for in words."""
        if not await self._board.notes.swap(f"seen:{inbound.dedupe_key}", None, "1", WINDOW):
            return
        try:
            if asked.choices:
                offered = asked.buttons()[: CAPABILITIES.max_buttons]
                await self._say(inbound.chat, await self._menu(asked.label, offered))
            else:
                locale = await self._board.locale(inbound.chat)
                await self._told(inbound.chat, asked.wanted(locale))
        except ChannelError as error:
            _log.warning("a press was not followed up: %s", error.why)

    async def _told(self, who: str, words: str) -> None:
        try:
            await self._say(who, _text(words))
        except ChannelError as error:
            _log.warning("a customer was not told: %s", error.why)

    async def close(self) -> None:
        """There is nothing open."""

    # --- going out ----------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Words, or words with a menu; both count against the customer's five."""
        who, card, degraded = outgoing.to.chat, outgoing.card, ""
        if card is not None and card.buttons:
            bare = plain(replace(card, buttons=()))
            words = "\n".join(part for part in (outgoing.text, bare) if part)
            head, *more = split(visible(words), MENU_BYTES)
            await self._say(who, await self._menu(head, card.buttons), outgoing.key)
            degraded = "cut: a menu has 1,024 bytes above it" if more else ""
        else:
            shown = plain(card) if card is not None else ""
            words = "\n".join(part for part in (outgoing.text, shown) if part)
            for n, page in enumerate(plain_pages(words)):
                await self._say(who, _text(page), f"{outgoing.key}:{n}")
        return Receipt(outgoing.key, self._board.now(), degraded)

    async def _menu(self, head: str, buttons: Sequence[Button]) -> dict[str, Any]:
        keys = await self._presses.keys(buttons)
        items = [
            {"type": "click", "click": {"id": key, "content": split(button.label, _CONTENT)[0]}}
            for button, key in zip(buttons, keys, strict=True)
        ]
        return {"msgtype": "msgmenu", "msgmenu": {"head_content": head, "list": items}}

    async def _say(self, who: str, message: Mapping[str, Any], key: str = "") -> None:
        """One message of the customer's five.

        Raises:
            Refused: the window is shut.
            ChannelError: as the contract says.
        """
        if not await self._spend(who):
            raise Refused(CHANNEL, "the customer's window is shut: 48 hours or five messages")
        asked = {"touser": who, "open_kfid": self._account, **message}
        if key:
            asked["msgid"] = hashlib.sha256(key.encode()).hexdigest()[:32]
        try:
            await self._corp.post("/cgi-bin/kf/send_msg", asked)
        except Refused as no:
            if no.why.split()[0] == SHUT:
                await self._board.notes.drop(f"window:{who}")
            raise

    async def _open_window(self, inbound: Inbound) -> None:
        """From when it was said, once for each message."""
        who, until = inbound.sender, inbound.sent_at + WINDOW
        life = until - self._board.now()
        kept = await self._board.notes.get(f"window:{who}")
        known: dict[str, Any] = json.loads(kept) if kept else {"until": 0.0, "by": ""}
        newer = until.timestamp() >= known["until"] and known["by"] != inbound.dedupe_key
        if life > timedelta(0) and newer:
            by = inbound.dedupe_key
            window = {"left": MESSAGES, "until": until.timestamp(), "by": by}
            await self._board.notes.put(f"window:{who}", json.dumps(window), life)

    async def _spend(self, who: str) -> bool:
        """One message less, if there is one; two senders at once both count."""
        while kept := await self._board.notes.get(f"window:{who}"):
            window = json.loads(kept)
            life = timedelta(seconds=window["until"] - self._board.now().timestamp())
            if window["left"] <= 0 or life <= timedelta(0):
                return False
            less = json.dumps({**window, "left": window["left"] - 1})
            if await self._board.notes.swap(f"window:{who}", kept, less, life):
                return True
        return False

    async def fetch(self, media: Media) -> Fetched:
        """The bytes of an attachment; kept there for three days."""
        return await self._corp.media(media.ref)

    # --- health -------------------------------------------------------------------------------

    async def check(self) -> Sequence[Finding]:
        """Credentials, and whether the account is ours to speak for."""
        try:
            found = await self._corp.post("/cgi-bin/kf/account/list", {"offset": 0, "limit": 100})
        except Refused as no:
            return [mending(no)]
        accounts = found.get("account_list")
        for account in accounts if isinstance(accounts, list) else []:
            if isinstance(account, dict) and account.get("open_kfid") == self._account:
                name = str(account.get("name", self._account))
                if account.get("manage_privilege") is False:
                    return [Finding("fail", "wecom_kf_privilege", (name,))]
                return [Finding("ok", "wecom_kf_account", (name,))]
        return [Finding("fail", "wecom_kf_unknown", (self._account,))]


def _text(words: str) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": words}}
