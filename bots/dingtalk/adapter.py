"""DingTalk's adapter: hears by Stream or by HTTP, speaks by session, robot or card.

Who must be called is called by session or by the group's own robot, since the robot's API cannot;
a card calls by itself. A press is answered within two seconds, with the repainted card where it is
ready by then: the card must not be updated by another call meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from hmac import compare_digest
from typing import Any, Final, TypeVar

from bots.channel import Capabilities, ChannelError, Refused
from bots.degrade import split
from bots.dingtalk import examining, writing
from bots.dingtalk.calls import Calls, press_secret, sign
from bots.dingtalk.reading import CARDS, CHANNEL, LINKED, WORDS, Pressed, pressed, said, session
from bots.dingtalk.robots import Robot, Robots
from bots.dingtalk.stream import CARDS as CARD_TOPIC
from bots.dingtalk.stream import Stream
from bots.gateway.adapter import (
    FIVE_SECONDS,
    Answer,
    Callback,
    Fetched,
    Finding,
    Forged,
    Link,
    Malformed,
    Switchboard,
    reading,
)
from bots.gateway.media import allowed, download
from bots.gateway.openings import Openings
from bots.gateway.presses import Asked, Presses
from bots.gateway.sayings import say
from bots.gateway.tencent import Fields, object_of
from workflow.records import Action, Button, Card, ChatKind, Inbound, Media, Outgoing, Receipt

ADDRESS: Final = "https://api.dingtalk.com"
OLD_ADDRESS: Final = "https://oapi.dingtalk.com"
HOSTS: Final = (".dingtalk.com", ".aliyuncs.com", ".alicdn.com")
"""Where attachments lie."""
WEBHOOKS: Final = (".dingtalk.com",)
"""Where sessions are answered: the address comes in a body that nobody signs."""
PRESS_WITHIN: Final = 1.5
"""Seconds a press waits for the repainted card; DingTalk gives two."""
FRESH_FOR: Final = timedelta(minutes=10)
_KEY_BYTES: Final = 512
_CARD_KEPT: Final = timedelta(days=30)

T = TypeVar("T")
_log = logging.getLogger(__name__)


class DingTalk:
    """One application's robot.

    Args:
        board: What every adapter is given.
        client_id: The application's Client ID (AppKey).
        client_secret: Its Client Secret.
        robot: The robotCode; usually the Client ID.
        template: The card template's id; empty: words and text commands.
        stream: Whether we connect to DingTalk; else DingTalk calls us.
        robots: Groups' own robots, by conversation id, for calling people.
        address: Of the API.
        old_address: Of the older API, where groups' own robots live.
    """

    name = CHANNEL
    hold_for = FIVE_SECONDS
    """Nowhere does DingTalk say that it calls again; its Stream brings everything again."""

    def __init__(
        self,
        board: Switchboard,
        client_id: str,
        client_secret: str,
        *,
        robot: str = "",
        template: str = "",
        stream: bool = True,
        robots: Mapping[str, Robot] | None = None,
        address: str = ADDRESS,
        old_address: str = OLD_ADDRESS,
    ) -> None:
        self._board = board
        self._client = client_id
        self._secret = client_secret
        self._robot = robot or client_id
        self._template = template
        self._hosts = (*HOSTS, address)
        self._webhooks = (*WEBHOOKS, old_address)
        self._calls = Calls(
            board.http, board.tokens, client_id, client_secret, address, old_address
        )
        self._robots = Robots(board, self._calls, robots or {})
        self._by_stream = stream
        self._stream = Stream(board.http, self._calls, self._framed)
        self._route = f"paidan-{hashlib.sha256(board.hook.encode()).hexdigest()[:12]}"
        self._presses = Presses(board.notes, _KEY_BYTES)
        self._openings: Openings[dict[str, str]] = Openings(answered=board.answers)
        self._working: set[asyncio.Future[Any]] = set()

    @property
    def capabilities(self) -> Capabilities:
        """Cards where there is a template, else links where there are pages behind them."""
        if self._template:
            return CARDS
        return LINKED if self._board.link is not None else WORDS

    # --- coming in ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the stream; or tell DingTalk where presses go, once."""
        if self._by_stream:
            await self._stream.run()
        elif self._template and self._board.hook:
            payload = {
                "callbackRouteKey": self._route,
                "callbackUrl": self._board.hook,
                "apiSecret": press_secret(self._secret),
                "forceUpdate": True,
            }
            try:
                await self._calls.call("POST", "/v1.0/card/callbacks/register", payload)
            except ChannelError as error:
                _log.warning("DingTalk did not take the address for presses: %s", error.why)

    async def close(self) -> None:
        """Let presses that were answered already be kept."""
        while self._working:
            await asyncio.wait(self._working)

    async def receive(self, callback: Callback) -> Answer:
        """A message or a press by HTTP.

        Raises:
            Forged, Malformed: it is refused.
        """
        fields = object_of(callback.body)
        is_card = "outTrackId" in fields
        self._insist_on_signature(callback.headers, is_card=is_card)
        answer = await self._heard(CARD_TOPIC if is_card else "", fields, callback.came)
        return Answer(json.dumps(answer, ensure_ascii=False).encode(), "application/json")

    def _insist_on_signature(self, headers: Mapping[str, str], *, is_card: bool) -> None:
        prefix = "x-ddpaas-signature" if is_card else ""
        stamp = headers.get(f"{prefix}-timestamp" if prefix else "timestamp", "")
        given = headers.get(prefix or "sign", "")
        wanted = sign(press_secret(self._secret) if is_card else self._secret, stamp)
        if not compare_digest(wanted.encode(), given.encode()):
            raise Forged("the signature is wrong")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 15):  # noqa: PLR2004 - ms
            raise Forged("the time is none")
        if abs(self._board.now().timestamp() - int(stamp) / 1000) > FRESH_FOR.total_seconds():
            raise Forged("the call is too old")

    async def _framed(self, topic: str, fields: Fields) -> Mapping[str, Any]:
        """The same by Stream, where a refusal has no status and so is counted here."""
        try:
            return await self._heard(topic, fields, time.monotonic())
        except Malformed:
            self._board.count(CHANNEL, "malformed")
            raise

    async def _heard(self, topic: str, fields: Fields, came: float) -> Mapping[str, Any]:
        """A message, or a press and its answer."""
        if topic == CARD_TOPIC:
            with reading():
                press = pressed(fields)
            return await self._pressed(press, came + PRESS_WITHIN)
        with reading():
            opened, inbound = session(fields), said(fields, self._board.tenant)
        if opened is not None and not allowed(opened.address, self._webhooks):
            _log.warning("a session's address is not DingTalk's")
        elif opened is not None:
            life = opened.until - self._board.now()
            if life > timedelta():
                await self._board.notes.put(f"session:{opened.chat}", opened.address, life)
        if inbound is None:
            self._board.count(CHANNEL, "ignored")
        else:
            await self._board.admit(inbound)
        return {}

    async def _pressed(self, press: Pressed, until: float) -> Mapping[str, Any]:
        kept = json.loads(await self._board.notes.get(f"card:{press.card}") or "{}")
        key = str(press.params.get("key") or "") or _by_id(kept.get("keys") or [], press.buttons)
        found = await self._presses.read(key)
        if found is None or not kept:
            return _privately({"hint": say("expired", await self._board.locale(press.who))})
        if isinstance(found, Asked):
            return await self._ask(press, found, kept, until)
        inbound = self._press_of(press, found, kept["chat"], kept["kind"])
        async with self._openings.opening(press.card) as opening:
            keeping = self._background(self._board.admit(inbound))
            await asyncio.wait({keeping}, timeout=until - time.monotonic())
            if not keeping.done():
                self._background(self._sorry(keeping, press))
                return {}
            if keeping.result() is None or opening is None:
                return {}
            repainted = await opening.wait(until - time.monotonic())
            if repainted is None:
                return {}
            opening.close(went=True)
            answer = {
                "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
                "cardData": {"cardParamMap": repainted},
            }
            return {**answer, **_private(repainted)}

    def _background(self, work: Awaitable[T]) -> asyncio.Future[T]:
        """What goes on although DingTalk has its answer."""
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    async def _sorry(self, keeping: asyncio.Future[Any], press: Pressed) -> None:
        """Tell the presser, who was answered before the press was kept, if it never was."""
        try:
            await keeping
        except Exception:  # noqa: BLE001 - whatever it was, the press is lost
            _log.exception("a press that was answered could not be kept")
            shown = _private({"hint": say("lost", await self._board.locale(press.who))})
            private = {press.who: shown["userPrivateData"]}
            options = {"updatePrivateDataByKey": True}
            payload = {"outTrackId": press.card, "privateData": private, "userIdType": 1}
            try:
                await self._calls.call(
                    "PUT", "/v1.0/card/instances", {**payload, "cardUpdateOptions": options}
                )
            except ChannelError as no:
                _log.warning("nor could that be told: %s", no.why)

    def _press_of(self, press: Pressed, action: Action, chat: str, kind: ChatKind) -> Inbound:
        """A press has no id of its own: the same one within two minutes is a redelivery."""
        lately = int(self._board.now().timestamp()) // 120
        said = f"{lately}:{press.card}:{press.who}:{action.do}:{action.expect}:{action.generation}"
        said += json.dumps(dict(action.args), sort_keys=True, ensure_ascii=False)
        return Inbound(
            tenant=self._board.tenant,
            channel=CHANNEL,
            chat=chat,
            chat_kind=kind,
            sender=press.who,
            dedupe_key=f"{CHANNEL}:press:{hashlib.sha256(said.encode()).hexdigest()}",
            sent_at=self._board.now(),
            action=action,
        )

    async def _ask(
        self, press: Pressed, asked: Asked, kept: Mapping[str, Any], until: float
    ) -> Mapping[str, Any]:
        """Offer the choices to the presser alone; words are written as a command. Where the
        strings behind them are not kept in time, nothing is offered: the next press finds them.
        """
        if not asked.choices:
            return _privately({"hint": asked.wanted(await self._board.locale(press.who))})
        choices = asked.buttons()[: writing.BUTTONS]
        keeping = self._background(self._keep_choices(press.card, choices, kept))
        await asyncio.wait({keeping}, timeout=until - time.monotonic())
        if not keeping.done():
            return _privately({"hint": say("again", await self._board.locale(press.who))})
        keys = keeping.result()
        labels = [choice.label for choice in choices]
        return _privately({"hint": asked.label, **writing.buttons(labels, keys)})

    async def _keep_choices(
        self, card: str, choices: Sequence[Button], kept: Mapping[str, Any]
    ) -> list[str]:
        keys = await self._presses.keys(choices)
        await self._keep_card(card, kept["chat"], kept["kind"], [*kept["keys"], *keys])
        return keys

    # --- going out ----------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Receipt:
        """A card, or words; words that call somebody go where calling works."""
        if outgoing.card is not None and self._template:
            return await self._show(outgoing)
        if outgoing.card is not None and self._board.link is not None:
            shown = await self._linked(outgoing, outgoing.card, self._board.link)
            degraded = await self._say(outgoing, shown, outgoing.mentions)
            return Receipt(outgoing.key, self._board.now(), degraded)
        degraded = ""
        pages = split(outgoing.text, WORDS.max_text_bytes)
        for n, page in enumerate(pages):
            mentions = outgoing.mentions if n == 0 else ()
            degraded = await self._say(outgoing, writing.words(page, mentions), mentions)
        return Receipt(outgoing.key, self._board.now(), degraded)

    async def _linked(self, outgoing: Outgoing, card: Card, link: Link) -> writing.Spoken:
        keys = await self._presses.keys(card.buttons[: writing.LINKS])
        links = [
            link(outgoing.to, button.label, key)
            for button, key in zip(card.buttons, keys, strict=False)
        ]
        group = outgoing.to.kind == "group"
        return writing.linked(card, outgoing.text, links, outgoing.mentions, group=group)

    async def _say(self, outgoing: Outgoing, said: writing.Spoken, mentions: Sequence[str]) -> str:
        """A message into a chat; what could not be done, in plain words."""
        chat, group = outgoing.to.chat, outgoing.to.kind == "group"
        if (mentions or not group) and await self._by_session(chat, said):
            return ""
        if await self._robots.speak(chat, outgoing.key, said):
            return ""
        if group:
            await self._calls.to_group(self._robot, chat, said.key, said.param)
            return "without @" if mentions else ""
        await self._calls.to_person(self._robot, chat, said.key, said.param)
        return ""

    async def _by_session(self, chat: str, said: writing.Spoken) -> bool:
        """Whether a session that is still open took the message."""
        address = await self._board.notes.get(f"session:{chat}")
        if address is None:
            return False
        try:
            await self._calls.to_webhook(address, said.web)
        except Refused:
            await self._board.notes.drop(f"session:{chat}", address)
            return False
        return True

    async def _show(self, outgoing: Outgoing) -> Receipt:
        card = outgoing.card
        assert card is not None  # noqa: S101 - for the type checker
        to, keys = outgoing.to, await self._presses.keys(card.buttons)
        shown = writing.params(card, outgoing.text, keys)
        number = outgoing.previous or f"paidan-{hashlib.sha256(outgoing.key.encode()).hexdigest()}"
        await self._keep_card(number, to.chat, to.kind, keys)
        if outgoing.previous:
            if not await self._openings.hand(number, shown):
                await self._calls.call("PUT", "/v1.0/card/instances", _update(number, shown))
            return Receipt(number, self._board.now())
        payload = {
            "cardTemplateId": self._template,
            "outTrackId": number,
            "callbackType": "STREAM" if self._by_stream else "HTTP",
            "cardData": {"cardParamMap": shown},
            "userIdType": 1,
        }
        if not self._by_stream:
            payload["callbackRouteKey"] = self._route
        await self._calls.call(
            "POST", "/v1.0/card/instances/createAndDeliver", {**payload, **self._space(outgoing)}
        )
        return Receipt(number, self._board.now())

    def _space(self, outgoing: Outgoing) -> Mapping[str, Any]:
        to = outgoing.to
        if to.kind == "group":
            deliver = {
                "robotCode": self._robot,
                "atUserIds": {who: who for who in outgoing.mentions},
            }
            return {
                "openSpaceId": f"dtv1.card//IM_GROUP.{to.chat}",
                "imGroupOpenSpaceModel": {"supportForward": False},
                "imGroupOpenDeliverModel": deliver,
            }
        return {
            "openSpaceId": f"dtv1.card//IM_ROBOT.{to.chat}",
            "imRobotOpenSpaceModel": {"supportForward": False},
            "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": self._robot},
        }

    async def _keep_card(self, number: str, chat: str, kind: str, keys: Sequence[str]) -> None:
        kept = json.dumps({"chat": chat, "kind": kind, "keys": list(keys)})
        await self._board.notes.put(f"card:{number}", kept, _CARD_KEPT)

    async def fetch(self, media: Media) -> Fetched:
        """The bytes behind a download code."""
        url = await self._calls.download_url(self._robot, media.ref)
        return Fetched(await download(CHANNEL, self._board.http, url, self._hosts))

    # --- health -------------------------------------------------------------------------------

    async def check(self) -> Sequence[Finding]:
        """Credentials, the stream, our address, permissions, and the card template."""
        try:
            await self._calls.token()
            found = [Finding("ok", "dingtalk_token")]
            if self._by_stream:
                await self._calls.open_stream({CARD_TOPIC: "CALLBACK"})
                found.append(Finding("ok", "dingtalk_stream"))
        except Refused as no:
            return [examining.mending(no, self._client)]
        found += await examining.permissions(
            self._calls, self._client, self._robot, cards=bool(self._template)
        )
        if not self._template:
            code = "dingtalk_linked" if self._board.link is not None else "dingtalk_no_template"
            found.append(Finding("warn", code, ("、".join(writing.FIELDS),)))
        found += await self._robots.check()
        return found


def _by_id(keys: Sequence[str], pressed: Sequence[str]) -> str:
    """The string of the button called ``b1`` … where the template passes no parameter."""
    for name in pressed:
        number = name.removeprefix("b").partition("_")[0]
        if number.isdecimal() and 0 < int(number) <= len(keys):
            return keys[int(number) - 1]
    return ""


def _update(number: str, shown: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "outTrackId": number,
        "cardData": {"cardParamMap": dict(shown)},
        "cardUpdateOptions": {"updateCardDataByKey": True},
        "userIdType": 1,
    }


def _privately(shown: Mapping[str, str]) -> Mapping[str, Any]:
    """An answer that changes the card for its presser alone."""
    return {
        "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
        **_private(shown),
    }


def _private(shown: Mapping[str, str]) -> Mapping[str, Any]:
    """What the presser alone sees; a repainted card takes the place of offered choices."""
    return {"userPrivateData": {"cardParamMap": dict(shown)}}
