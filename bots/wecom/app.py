"""The self-built application: hears members one to one, shows them cards, speaks into its groups.

A card can be repainted once with the code that came when it was sent, and once more with the code
of each press, within 72 hours. Otherwise a new card is sent, if there is something new to press.
Sources: https://developer.work.weixin.qq.com/document/path/90930 (callbacks), 90236 (messages),
94945 (repainting), 90248 (groups).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from bots.channel import Capabilities, ChannelError, Refused, Unsupported
from bots.gateway.adapter import FIVE_SECONDS, Answer, Callback, Fetched, Finding, Switchboard
from bots.gateway.presses import Asked, Presses
from bots.gateway.sayings import menu_names, say
from bots.gateway.tencent import Envelope, Fields, text_of
from bots.gateway.tencent_messages import MENU
from bots.wecom import appchat, cards
from bots.wecom.app_reading import CAPABILITIES, CHANNEL, PRESSED, Press, pressed, said
from bots.wecom.corp import ADDRESS, Corp, mending
from bots.wecom.quota import Quota
from bots.wecom.words import plain_pages
from workflow.records import Media, Outgoing, Receipt

CODE_LIFE: Final = timedelta(hours=72)
_SHOWN_FOR: Final = timedelta(days=30)
_SEEN_FOR: Final = timedelta(minutes=10)

_log = logging.getLogger(__name__)


class App:
    """One application of one corporation.

    Args:
        board: What every adapter is given.
        corp_id: 企业ID, also whom messages are sealed for.
        agent_id: The application's AgentId.
        secret: Its Secret.
        token: The Token of its callback.
        aes_key: The EncodingAESKey of its callback.
        menu: Whether to set the application's menu at the start.
        address: Of the API.
    """

    name = CHANNEL
    hold_for = FIVE_SECONDS

    def __init__(
        self,
        board: Switchboard,
        corp_id: str,
        agent_id: int,
        secret: str,
        token: str,
        aes_key: str,
        *,
        menu: bool = False,
        address: str = ADDRESS,
    ) -> None:
        self._board = board
        self._agent = agent_id
        self._menu = menu
        self._envelope = Envelope(token, aes_key, corp_id, board.now)
        self._corp = Corp(CHANNEL, board, corp_id, secret, address)
        self._presses = Presses(board.notes, cards.KEY_BYTES)
        self._quota = Quota(CHANNEL, board.notes, board.now)
        self._errands: set[asyncio.Task[None]] = set()

    @property
    def capabilities(self) -> Capabilities:
        """Cards with buttons, one to one."""
        return CAPABILITIES

    # --- coming in ----------------------------------------------------------------------------

    async def receive(self, callback: Callback) -> Answer:
        """The check of our address, or one message or event.

        Raises:
            Forged, Malformed: it is refused.
        """
        if callback.method == "GET":
            return Answer(self._envelope.echo(callback))
        fields = self._envelope.open_xml(callback)
        if text_of(fields, "Event") == PRESSED:
            await self._pressed(pressed(fields))
        else:
            await self._said(fields)
        return Answer()

    async def _said(self, fields: Fields) -> None:
        inbound = said(fields, self._board.tenant)
        if inbound is None:
            self._board.count(CHANNEL, "ignored")
            return
        await self._board.admit(inbound)

    async def _pressed(self, press: Press) -> None:
        """Keep what was pressed; what only concerns the card itself is done after the answer."""
        first = await self._first(press)
        if press.key in {cards.INERT, cards.BACK}:
            if first and press.key == cards.BACK:
                self._after(self._back(press))
            self._board.count(CHANNEL, "ignored")
            return
        found = await cards.meant(self._presses, press.key, press.option)
        if found is None:
            if first:
                self._after(self._tell_expired(press.who))
        elif isinstance(found, Asked):
            if first:
                self._after(self._ask(press, found))
        else:
            await self._board.admit(press.inbound(self._board.tenant, found))

    async def _first(self, press: Press) -> bool:
        """Whether this press is news; its code is kept then, and only then still unused."""
        key = f"seen:{press.dedupe_key}"
        if not await self._board.notes.swap(key, None, "1", _SEEN_FOR):
            return False
        if press.code:
            await self._board.notes.put(f"code:{press.task}", press.code, CODE_LIFE)
        return True

    async def _ask(self, press: Press, asked: Asked) -> None:
        """Offer the choices on the card; words are asked for in words."""
        shown = await self._shown(press.task)
        locale = await self._board.locale(press.who)
        if not asked.choices or shown is None:
            await self._tell(press.who, asked.wanted(locale))
            return
        asking = cards.asking(shown, asked, press.key, locale)
        await self._repainted(press.task, press.who, asking)

    async def _back(self, press: Press) -> None:
        shown = await self._shown(press.task)
        if shown is not None:
            await self._repainted(press.task, press.who, shown)

    async def _tell_expired(self, who: str) -> None:
        await self._tell(who, say("expired", await self._board.locale(who)))

    async def _tell(self, who: str, words: str) -> None:
        for page in plain_pages(words):
            await self._message(who, {"msgtype": "text", "text": {"content": page}})

    def _after(self, errand: Coroutine[Any, Any, None]) -> None:
        """Done beside the answer, which must not wait for calls of ours."""

        async def run() -> None:
            try:
                await errand
            except ChannelError as error:
                _log.warning("a press was not followed up: %s", error.why)

        task = asyncio.create_task(run())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def run(self) -> None:
        """Set the menu once, if it is ours to set; the platform calls us for the rest."""
        if not self._menu:
            return
        names = menu_names(await self._board.locale(""))
        buttons = [{"type": "click", "name": names[key], "key": key} for key in MENU]
        try:
            await self._corp.post("/cgi-bin/menu/create", {"button": buttons}, agentid=self._id)
        except ChannelError as error:
            _log.warning("the menu was not set: %s", error.why)

    async def close(self) -> None:
        """Finish what presses began."""
        for task in tuple(self._errands):
            task.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    # --- going out ----------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Receipt:
        """A member gets cards and words, a group words alone; see the module for repainting."""
        if outgoing.to.kind == "group":
            return await self._into_group(outgoing)
        if outgoing.card is None:
            number = ""
            for page in plain_pages(outgoing.text):
                message = {"msgtype": "text", "text": {"content": page}}
                number = str((await self._message(outgoing.to.chat, message)).get("msgid", ""))
            return Receipt(number, self._board.now())
        if outgoing.previous:
            return await self._repaint(outgoing)
        return await self._card(outgoing)

    async def gather(self, name: str, members: Sequence[str], owner: str, number: str) -> str:
        """A group of the application's own. It can be spoken into (``appchat/send``), but nobody in
        it is heard: its members go on from their own cards.
        """
        appchat.insist(name, members, owner, number)
        asked = {"name": name, "owner": owner, "userlist": list(members), "chatid": number}
        found = await self._corp.post(
            "/cgi-bin/appchat/create", {part: value for part, value in asked.items() if value}
        )
        chat = str(found.get("chatid") or number)
        greeting = say("gathered", await self._board.locale(""))
        message = {"chatid": chat, "msgtype": "text", "text": {"content": greeting}}
        await self._corp.post("/cgi-bin/appchat/send", message)
        return chat

    def explain(self, refusal: ChannelError) -> Finding:
        """What to look at after a refusal."""
        code = refusal.why.partition(" ")[0]
        if code in appchat.REFUSED:
            return Finding("fail", appchat.REFUSED[code], (refusal.why,))
        return mending(Refused(CHANNEL, refusal.why))

    async def _into_group(self, outgoing: Outgoing) -> Receipt:
        if outgoing.card is not None and not outgoing.previous:
            raise Unsupported(CHANNEL, "groups take no cards")
        for page in plain_pages(outgoing.text):
            message = {"chatid": outgoing.to.chat, "msgtype": "text", "text": {"content": page}}
            await self._corp.post("/cgi-bin/appchat/send", message)
        degraded = cards.STAYS if outgoing.previous else ""
        return Receipt(outgoing.previous or outgoing.key, self._board.now(), degraded)

    async def _card(self, outgoing: Outgoing) -> Receipt:
        task = cards.new_task(outgoing.key)
        shown = await self._template(outgoing, task)
        await self._keep(task, shown)
        found = await self._message(
            outgoing.to.chat, {"msgtype": "template_card", "template_card": shown}
        )
        code = found.get("response_code")
        if isinstance(code, str) and code:
            await self._board.notes.put(f"code:{task}", code, CODE_LIFE)
        return Receipt(task, self._board.now())

    async def _repaint(self, outgoing: Outgoing) -> Receipt:
        task = outgoing.previous
        before = await self._shown(task)
        if before is None:
            raise Refused(CHANNEL, "a card we know nothing of any more")
        now = await self._template(outgoing, task)
        if now != before:
            try:
                painted = await self._repainted(task, outgoing.to.chat, now)
            except Refused as no:
                _log.info("a card was not repainted: %s", no.why)
                painted = False
            if not painted and cards.faces(now) not in ([], cards.faces(before)):
                return await self._card(outgoing)
            if not painted:
                return Receipt(task, self._board.now(), cards.STAYS)
            await self._keep(task, now)
        return Receipt(task, self._board.now())

    async def _repainted(self, task: str, who: str, shown: Mapping[str, Any]) -> bool:
        """Use the card's code, if there is one; it is good for one try, so nobody else gets it."""
        code = await self._board.notes.get(f"code:{task}")
        if not code or not await self._board.notes.swap(f"code:{task}", code, "", CODE_LIFE):
            return False
        asked = {
            "userids": [who],
            "agentid": self._agent,
            "response_code": code,
            "template_card": shown,
        }
        await self._corp.post("/cgi-bin/message/update_template_card", asked)
        return True

    async def _template(self, outgoing: Outgoing, task: str) -> dict[str, Any]:
        card = outgoing.card
        assert card is not None  # noqa: S101 - for the type checker
        keys = await self._presses.keys(card.buttons)
        locale = await self._board.locale(outgoing.to.chat)
        return cards.template(card, outgoing.text, keys, task, locale)

    async def _message(self, who: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """One message to one member.

        Raises:
            Refused: the member is unknown, or outside what the application may see.
            ChannelError: as the contract says.
        """
        await self._quota.take(who)
        found = await self._corp.post(
            "/cgi-bin/message/send", {"touser": who, "agentid": self._agent, **message}
        )
        for name in ("invaliduser", "unlicenseduser"):
            if who.lower() in str(found.get(name, "")).lower().split("|"):
                raise Refused(CHANNEL, f"{name}: not reached by this application")
        return found

    async def _shown(self, task: str) -> dict[str, Any] | None:
        found = await self._board.notes.get(f"shown:{task}")
        return json.loads(found) if found else None

    async def _keep(self, task: str, shown: Mapping[str, Any]) -> None:
        kept = json.dumps(shown, ensure_ascii=False)
        await self._board.notes.put(f"shown:{task}", kept, _SHOWN_FOR)

    async def fetch(self, media: Media) -> Fetched:
        """The bytes of an attachment; kept there for three days."""
        return await self._corp.media(media.ref)

    # --- health -------------------------------------------------------------------------------

    @property
    def _id(self) -> str:
        return str(self._agent)

    async def check(self) -> Sequence[Finding]:
        """Credentials, our address, and whom the application may reach."""
        try:
            found = await self._corp.get("/cgi-bin/agent/get", agentid=self._id)
        except Refused as no:
            return [mending(no)]
        name = str(found.get("name", self._id))
        findings = [Finding("ok", "wecom_app", (name,))]
        if found.get("close"):
            findings.append(Finding("fail", "wecom_closed", (name,)))
        seen = [found.get(part) for part in ("allow_userinfos", "allow_partys", "allow_tags")]
        if not any(any(part.values()) for part in seen if isinstance(part, dict)):
            findings.append(Finding("warn", "wecom_nobody", (name,)))
        return findings
