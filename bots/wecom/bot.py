"""The 智能机器人: heard in groups when called and one to one, with cards in both.

It is reached in one of two ways. Over its own connection (no public address, everything works);
one process holds the line, by a lease that all see, because a second connection would kick the
first. Or by callbacks, where it can only answer what it heard, once each, in words.
Sources: https://developer.work.weixin.qq.com/document/path/101463 (connection), 101032 (cards),
101138 (answers to callbacks).
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from bots.channel import Barred, Capabilities, ChannelError, Refused
from bots.gateway.adapter import (
    FIVE_SECONDS,
    Answer,
    Callback,
    Fetched,
    Finding,
    Malformed,
    Switchboard,
)
from bots.gateway.api import Api
from bots.gateway.codes import Codes
from bots.gateway.media import allowed, download
from bots.gateway.presses import Asked, Presses
from bots.gateway.sayings import say
from bots.gateway.tencent import Envelope, unsealed
from bots.wecom import cards
from bots.wecom.bot_reading import (
    BY_HTTP,
    BY_LINE,
    CHANNEL,
    MARKDOWN_BYTES,
    PRESSED,
    Press,
    event_of,
    pressed,
    said,
)
from bots.wecom.corp import BUSY
from bots.wecom.line import ADDRESS, Frame, Kicked, Line, request_of
from bots.wecom.quota import Quota
from bots.wecom.words import markdown_pages
from workflow.errors import Unavailable
from workflow.records import Action, Media, Outgoing, Receipt

LEASE: Final = timedelta(seconds=8)
"""How long a process that died keeps the line from the others."""
STAND_BY: Final = timedelta(minutes=15)
"""How long we leave the line to whoever kicked us."""
UPDATE_WITHIN: Final = 4.5
"""Seconds after a press in which its card can be repainted; the platform says five."""
MEDIA_HOSTS: Final = (
    "ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com",
    ".weixin.qq.com",
    ".work.weixin.qq.com",
)
CODES: Final = Codes(dead=frozenset(), busy=BUSY)
_ANSWERS: Final = "https://qyapi.weixin.qq.com"
_URL_LIFE: Final = timedelta(minutes=59)
_SHOWN_FOR: Final = timedelta(days=30)
_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0

_log = logging.getLogger(__name__)


class Bot:
    """One bot.

    Args:
        board: What every adapter is given.
        bot_id: Its BotID.
        secret: Its Secret for connections; empty: by callback.
        token: The Token of its callback.
        aes_key: The EncodingAESKey of its callback.
        address: Of the gateway.
        media_hosts: Where attachments may lie, besides the usual hosts.
    """

    name = CHANNEL
    hold_for = FIVE_SECONDS

    def __init__(
        self,
        board: Switchboard,
        bot_id: str,
        secret: str,
        token: str = "",
        aes_key: str = "",
        *,
        address: str = ADDRESS,
        media_hosts: Sequence[str] = (),
    ) -> None:
        self._board = board
        self._by_line = bool(secret)
        self._aes_key = aes_key
        self._envelope = Envelope(token, aes_key, "", board.now) if token and aes_key else None
        self._line = Line(CHANNEL, board.http, address, (bot_id, secret), self._hear, CODES)
        self._presses = Presses(board.notes, cards.KEY_BYTES)
        self._quota = Quota(CHANNEL, board.notes, board.now)
        self._hosts = (*MEDIA_HOSTS, *media_hosts)
        self._me = secrets.token_hex(8)
        self._elsewhere = False
        self._barred = ""
        self._open: dict[str, list[tuple[str, float]]] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Cards everywhere over the line, words alone by callback."""
        return replace(BY_LINE, elsewhere=self._elsewhere) if self._by_line else BY_HTTP

    # --- coming in ----------------------------------------------------------------------------

    async def receive(self, callback: Callback) -> Answer:
        """One callback, where the bot is reached that way.

        Raises:
            Forged, Malformed: it is refused.
        """
        if self._envelope is None:
            raise Malformed("this bot has a connection of its own and takes no calls")
        if callback.method == "GET":
            return Answer(self._envelope.echo(callback))
        body = self._envelope.open_json(callback)
        await self._keep_answer(body)
        await self._take(body, "")
        return Answer()

    async def _hear(self, frame: Frame) -> None:
        body = frame.get("body")
        try:
            await self._take(body if isinstance(body, dict) else {}, request_of(frame))
        except Malformed as why:
            _log.warning("a callback of the bot's is not as documented: %s", why.why)
            self._board.count(CHANNEL, "malformed")

    async def _take(self, body: Mapping[str, Any], request: str) -> None:
        now = self._board.now()
        if event_of(body) == PRESSED:
            await self._pressed(pressed(body, now), request)
            return
        inbound = said(body, self._board.tenant, now)
        if inbound is None:
            self._board.count(CHANNEL, "ignored")
            return
        await self._board.admit(inbound)

    async def _pressed(self, press: Press, request: str) -> None:
        """Keep what was pressed; while the press is fresh, its card can be repainted."""
        if request:
            self._remember_press(press.task, request)
        if press.key == cards.INERT:
            self._board.count(CHANNEL, "ignored")
            return
        found = await cards.meant(self._presses, press.key, press.option)
        if isinstance(found, Action):
            await self._board.admit(press.inbound(self._board.tenant, found))
            return
        try:
            await self._follow_up(press, found)
        except ChannelError as error:
            _log.warning("a press was not followed up: %s", error.why)

    async def _follow_up(self, press: Press, found: Asked | None) -> None:
        """What concerns only the card itself."""
        if press.key == cards.BACK:
            await self._back(press)
        elif found is None:
            await self._tell(press, say("expired", await self._board.locale(press.who)))
        else:
            await self._ask(press, found)

    async def _ask(self, press: Press, asked: Asked) -> None:
        shown = await self._shown(press.task)
        painted, locale = False, await self._board.locale(press.who)
        if asked.choices and shown is not None:
            asking = cards.asking(shown, asked, press.key, locale)
            painted = await self._repainted(press.task, asking)
        if not painted:
            await self._tell(press, asked.wanted(locale))

    async def _back(self, press: Press) -> None:
        shown = await self._shown(press.task)
        if shown is not None:
            await self._repainted(press.task, shown)

    async def _tell(self, press: Press, words: str) -> None:
        calls = (press.who,) if press.kind == "group" else ()
        for page in markdown_pages(words, calls, MARKDOWN_BYTES):
            await self._say(press.chat, group=press.kind == "group", message=_markdown(page))

    def _remember_press(self, task: str, request: str) -> None:
        """Only for seconds: what is older is forgotten with the next press."""
        now = time.monotonic()
        fresh = {
            known: [(r, until) for r, until in presses if until > now]
            for known, presses in self._open.items()
        }
        self._open = {known: presses for known, presses in fresh.items() if presses}
        self._open.setdefault(task, []).append((request, now + UPDATE_WITHIN))

    # --- the line -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Hold the line, if it is ours to hold; stand by while another has it."""
        if not self._by_line:
            return
        working = asyncio.create_task(self._line.work())
        try:
            await self._hold()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _hold(self) -> None:
        pause = _PAUSE
        while True:
            ours = await self._leased()
            self._elsewhere = not ours and await self._board.notes.get("line") is not None
            if not ours:
                await asyncio.sleep(LEASE.total_seconds() / 4)
                continue
            try:
                await self._keep_leased()
                pause = _PAUSE
                _log.info("the bot's connection was closed")
            except Kicked:
                await self._stand_by()
            except Refused as no:
                _log.exception("the bot is not let in; see paidan doctor wecom_bot")
                self._barred, pause = no.why, _LONGEST_PAUSE
            except ChannelError as error:
                _log.warning("the bot has no connection: %s", error.why)
                pause = min(pause * 2, _LONGEST_PAUSE)
            finally:
                await self._board.notes.drop("line", self._me)
            await asyncio.sleep(pause)

    async def _keep_leased(self) -> None:
        """Keep the connection for as long as the lease is ours."""
        line, lease = asyncio.create_task(self._line.keep()), asyncio.create_task(self._renewing())
        try:
            await asyncio.wait((line, lease), return_when=asyncio.FIRST_COMPLETED)
            if line.done():
                line.result()
        finally:
            line.cancel()
            lease.cancel()
            await asyncio.gather(line, lease, return_exceptions=True)

    async def _stand_by(self) -> None:
        """Leave the line to a stranger for a while; to another process of ours without a word."""
        if await self._board.notes.get("line") == self._me:
            _log.warning("another program took the bot's connection; standing by")
            await self._board.notes.put("kicked", "1", STAND_BY)

    async def _leased(self) -> bool:
        if await self._board.notes.get("kicked"):
            return False
        return await self._board.notes.swap("line", None, self._me, LEASE)

    async def _renewing(self) -> None:
        """Until the lease is lost. While nobody can be asked nobody else can take it, and what is
        said meanwhile is only heard by whoever is connected.
        """
        held = True
        while held:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                held = await self._board.notes.swap("line", self._me, self._me, LEASE)
                held = held or await self._leased()
            except Unavailable as trouble:
                _log.warning("the lease of the bot's line cannot be renewed: %s", trouble)

    async def close(self) -> None:
        """The connection ends with :meth:`run`."""

    # --- going out ----------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Words as markdown, cards as template cards; people are called before their card."""
        if not self._by_line:
            return await self._answer(outgoing)
        if outgoing.card is not None and outgoing.previous:
            return await self._repaint(outgoing)
        if outgoing.card is not None:
            return await self._card(outgoing)
        await self._words(outgoing, outgoing.text)
        return Receipt(outgoing.key, self._board.now())

    async def _words(self, outgoing: Outgoing, text: str) -> None:
        group = outgoing.to.kind == "group"
        mentions = outgoing.mentions if group else ()
        for page in markdown_pages(text, mentions, MARKDOWN_BYTES):
            await self._say(outgoing.to.chat, group=group, message=_markdown(page))

    async def _card(self, outgoing: Outgoing) -> Receipt:
        """A card calls nobody, so words that do go before it."""
        task = cards.new_task(outgoing.key)
        shown = await self._template(outgoing, task)
        group = outgoing.to.kind == "group"
        if group and outgoing.mentions:
            await self._words(outgoing, outgoing.text)
        message = {"msgtype": "template_card", "template_card": shown}
        await self._keep(task, shown)
        await self._say(outgoing.to.chat, group=group, message=message)
        return Receipt(task, self._board.now())

    async def _repaint(self, outgoing: Outgoing) -> Receipt:
        task = outgoing.previous
        before = await self._shown(task)
        if before is None:
            raise Refused(CHANNEL, "a card we know nothing of any more")
        now = await self._template(outgoing, task)
        if now == before:
            return Receipt(task, self._board.now())
        if await self._repainted(task, now):
            await self._keep(task, now)
            return Receipt(task, self._board.now())
        if cards.faces(now) not in ([], cards.faces(before)):
            return await self._card(outgoing)
        return Receipt(task, self._board.now(), cards.STAYS)

    async def _repainted(self, task: str, shown: Mapping[str, Any]) -> bool:
        """Answer the freshest press of this card with how it looks now."""
        body = {"response_type": "update_template_card", "template_card": shown}
        presses = self._open.get(task, [])
        while presses:
            request, until = presses.pop()
            if until < time.monotonic():
                continue
            try:
                await self._line.ask("aibot_respond_update_msg", body, request)
            except ChannelError as error:
                _log.info("a card was not repainted: %s", error.why)
                return False
            return True
        return False

    async def _let_in(self) -> None:
        """That the gateway has us, or may have us again by itself.

        Raises:
            Barred: our id or secret is wrong, or another program holds the bot's one connection.
        """
        if self._line.up:
            self._barred = ""
        elif self._barred:
            raise Barred(CHANNEL, self._barred)
        elif await self._board.notes.get("kicked"):
            raise Barred(CHANNEL, "another program holds the bot's connection")

    async def _say(self, chat: str, *, group: bool, message: Mapping[str, Any]) -> None:
        await self._let_in()
        await self._quota.take(chat)
        body = {"chatid": chat, "chat_type": 2 if group else 1, **message}
        await self._line.ask("aibot_send_msg", body)

    async def _template(self, outgoing: Outgoing, task: str) -> dict[str, Any]:
        card = outgoing.card
        assert card is not None  # noqa: S101 - for the type checker
        keys = await self._presses.keys(card.buttons)
        locale = await self._board.locale(outgoing.to.chat)
        return cards.template(card, outgoing.text, keys, task, locale)

    async def _shown(self, task: str) -> dict[str, Any] | None:
        found = await self._board.notes.get(f"shown:{task}")
        return json.loads(found) if found else None

    async def _keep(self, task: str, shown: Mapping[str, Any]) -> None:
        kept = json.dumps(shown, ensure_ascii=False)
        await self._board.notes.put(f"shown:{task}", kept, _SHOWN_FOR)

    # --- by callback --------------------------------------------------------------------------

    async def _keep_answer(self, body: Mapping[str, Any]) -> None:
        """Every message may be answered once, at an address of its own, for an hour."""
        url, sender = body.get("response_url"), body.get("from")
        chat = body.get("chatid") or (sender.get("userid") if isinstance(sender, dict) else "")
        if not isinstance(url, str) or not isinstance(chat, str) or not chat:
            return
        if not allowed(url, (".weixin.qq.com", *self._hosts)):
            _log.warning("an answer's address is not the platform's")
            return
        await self._board.notes.put(f"answer:{chat}", url, _URL_LIFE)

    async def _answer(self, outgoing: Outgoing) -> Receipt:
        pages = markdown_pages(outgoing.text, outgoing.mentions, MARKDOWN_BYTES)
        if outgoing.previous:
            return Receipt(outgoing.previous, self._board.now(), cards.STAYS)
        key = f"answer:{outgoing.to.chat}"
        url = await self._board.notes.get(key)
        if not url:
            raise Refused(CHANNEL, "nobody there spoke to the bot lately, so it may not speak")
        await self._board.notes.drop(key, url)
        found = await Api(CHANNEL, self._board.http, url).json(
            "POST", "", payload=_markdown(pages[0])
        )
        CODES.insist(CHANNEL, found)
        degraded = "cut: one answer is one message" if len(pages) > 1 else ""
        return Receipt(outgoing.key, self._board.now(), degraded)

    async def fetch(self, media: Media) -> Fetched:
        """The bytes of an attachment, which lie sealed at an address that lives five minutes."""
        key, _, url = media.ref.partition(" ")
        data = await download(CHANNEL, self._board.http, url, self._hosts)
        try:
            return Fetched(unsealed(data, key or self._aes_key))
        except Malformed as why:
            raise Refused(CHANNEL, why.why) from None

    # --- health -------------------------------------------------------------------------------

    async def check(self) -> Sequence[Finding]:
        """Whether the bot is let in. A trial would kick a running connection, so it is only made
        where there is none.
        """
        if not self._by_line:
            return [Finding("warn", "wecom_bot_http")]
        if await self._board.notes.get("kicked"):
            return [Finding("fail", "wecom_bot_kicked")]
        if not await self._leased():
            return [Finding("ok", "wecom_bot_held")]
        trial = asyncio.create_task(self._line.keep())
        working = asyncio.create_task(self._line.work())
        opened = asyncio.create_task(self._line.opened.wait())
        try:
            await asyncio.wait((trial, opened), return_when=asyncio.FIRST_COMPLETED)
            if trial.done():
                trial.result()
            return [Finding("ok", "wecom_bot_line")]
        except Refused as no:
            return [Finding("fail", "wecom_bot_secret", (no.why,))]
        except Kicked:
            return [Finding("fail", "wecom_bot_kicked")]
        finally:
            for task in (trial, opened, working):
                task.cancel()
            await asyncio.gather(trial, opened, working, return_exceptions=True)
            await self._board.notes.drop("line", self._me)


def _markdown(words: str) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"content": words}}
