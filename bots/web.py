"""The protocol of our own channels: the sandbox, the web chat and the console's buttons.

A page sends JSON, :func:`parse` makes it an :class:`Inbound`; :class:`WebChannel` answers into the
chat log, which the page shows live. Who the sender is has been settled by the page's session
before; the payload's own claims about it are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar, get_args

from bots.channel import Anomalous, Capabilities
from bots.degrade import visible
from workflow.errors import InvalidInput
from workflow.kept import Post
from workflow.ports import Clock, Store, UnitOfWork
from workflow.records import Action, ChatKind, ChatRef, Inbound, Media, Outgoing, Receipt

OWN_CHANNELS = frozenset({"sandbox", "web", "console"})
"""Channels whose lines we keep ourselves."""

EVERYTHING = Capabilities(
    groups=True,
    buttons=True,
    cards=True,
    edit=True,
    mentions=True,
    pictures=True,
    voice=True,
    max_text_bytes=16_000,
    max_buttons=12,
    per_minute=0,
    idempotent=True,
)
"""A page of our own shows whatever we say."""

MAX_TEXT = 4_000
MAX_MEDIA = 9
MAX_ARGS = 20
MAX_DEPTH = 3
"""Lists in lists."""
BOT = "paidan"
BOT_NAME = "派单"

_MediaKind = Literal["image", "voice", "video", "file"]
_CALLS_US = re.compile(rf"[@＠](?:{BOT_NAME}|{BOT})\s*", re.IGNORECASE)
_BLOB = re.compile(r"[0-9a-f]{64}")
_T = TypeVar("_T")


def parse(payload: object, *, tenant: str, channel: str, now: datetime) -> Inbound:
    """One message or button press of a page.

    Fields: ``id`` (the page's own, unique within the chat: a repeated one is the same message),
    ``chat``, ``chat_kind`` (``direct``, ``group``), ``sender``, ``sender_name``, ``text`` (at most
    4,000 characters), ``media`` (at most 9 of ``kind``, ``blob``, ``mime``, ``name``, ``size``,
    ``transcript``), ``mentions``, ``asset``, ``action`` (``do``, ``order``, ``expect``,
    ``generation``, ``args``). Unknown fields are left out. ``now`` is when it was received: a
    page's clock proves nothing.

    Raises:
        InvalidInput: ``field`` names what is wrong; code ``too_long`` for a text that is.
    """
    body = _mapping("payload", payload)
    kind = _one_of("chat_kind", body.get("chat_kind", "direct"), get_args(ChatKind))
    text = _text(body)
    action = _action(body.get("action"))
    media = _media(body.get("media"))
    if not text.strip() and not media and action is None:
        raise InvalidInput(field="text", found="", allowed="text, media or action")
    mentions = _strings("mentions", body.get("mentions"))
    addressed = kind == "direct" or BOT in mentions or bool(_CALLS_US.search(text))
    chat = _string("chat", body.get("chat"), most=200)
    return Inbound(
        tenant=tenant,
        channel=channel,
        chat=chat,
        chat_kind="group" if kind == "group" else "direct",
        sender=_string("sender", body.get("sender"), most=200),
        sender_name=_string("sender_name", body.get("sender_name", ""), least=0, most=60),
        dedupe_key=f"{channel}:{chat}:{_string('id', body.get('id'), most=100)}",
        sent_at=now,
        text=_CALLS_US.sub("", text) if kind == "group" else text,
        media=media,
        mentions=mentions,
        addressed=addressed,
        action=action,
        asset=_string("asset", body.get("asset") or "", least=0, most=100) or None,
    )


def _text(body: Mapping[str, object]) -> str:
    text = body.get("text", "")
    if not isinstance(text, str):
        raise InvalidInput(field="text", found=type(text).__name__, allowed="string")
    if len(text) > MAX_TEXT:
        raise InvalidInput("too_long", field="text", found=len(text), allowed=MAX_TEXT)
    return text.encode(errors="replace").decode().replace("\x00", "")


def _media(found: object) -> tuple[Media, ...]:
    items = _list("media", found)
    if len(items) > MAX_MEDIA:
        raise InvalidInput(field="media", found=len(items), allowed=MAX_MEDIA)
    return tuple(_medium(f"media[{i}]", item) for i, item in enumerate(items))


def _medium(where: str, found: object) -> Media:
    item = _mapping(where, found)
    blob = _string(f"{where}.blob", item.get("blob") or "", least=0, most=64)
    if blob and not _BLOB.fullmatch(blob):
        raise InvalidInput(field=f"{where}.blob", found=blob, allowed="sha256")
    transcript = item.get("transcript")
    return Media(
        kind=_one_of(f"{where}.kind", item.get("kind"), get_args(_MediaKind)),
        blob=blob or None,
        mime=_string(f"{where}.mime", item.get("mime", "application/octet-stream"), most=100),
        name=_string(f"{where}.name", item.get("name", ""), least=0, most=200),
        size=_whole(f"{where}.size", item.get("size", 0)),
        transcript=None
        if transcript is None
        else _string(f"{where}.transcript", transcript, least=0, most=MAX_TEXT),
    )


def _action(found: object) -> Action | None:
    if found is None:
        return None
    item = _mapping("action", found)
    args = _mapping("action.args", item.get("args") or {})
    if len(args) > MAX_ARGS:
        raise InvalidInput(field="action.args", found=len(args), allowed=MAX_ARGS)
    for key, value in args.items():
        _check_arg(f"action.args.{key}", value)
    expect, generation = item.get("expect"), item.get("generation")
    return Action(
        do=_string("action.do", item.get("do"), most=40),
        order=_string("action.order", item.get("order"), most=100),
        expect=None if expect is None else _string("action.expect", expect, most=40),
        generation=None if generation is None else _whole("action.generation", generation),
        args=args,
    )


def _check_arg(where: str, value: object, deep: int = 1) -> None:
    if value is None or isinstance(value, bool | int | float):
        return
    if isinstance(value, list) and deep <= MAX_DEPTH:
        for item in value[: MAX_ARGS + 1]:
            _check_arg(where, item, deep + 1)
        if len(value) > MAX_ARGS:
            raise InvalidInput(field=where, found=len(value), allowed=MAX_ARGS)
        return
    _string(where, value, least=0, most=MAX_TEXT)


def _mapping(where: str, found: object) -> Mapping[str, object]:
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise InvalidInput(field=where, found=type(found).__name__, allowed="object")
    return found


def _list(where: str, found: object) -> list[object]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidInput(field=where, found=type(found).__name__, allowed="list")
    return found


def _strings(where: str, found: object) -> tuple[str, ...]:
    items = _list(where, found)
    return tuple(_string(f"{where}[{i}]", item, most=200) for i, item in enumerate(items[:100]))


def _string(where: str, found: object, *, least: int = 1, most: int) -> str:
    if not isinstance(found, str):
        raise InvalidInput(field=where, found=type(found).__name__, allowed="string")
    if not least <= len(found) <= most:
        raise InvalidInput(field=where, found=len(found), allowed=f"{least}–{most} characters")
    return found.encode(errors="replace").decode().replace("\x00", "")


def _whole(where: str, found: object) -> int:
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 2**53:
        raise InvalidInput(field=where, found=str(found)[:40], allowed="a whole number from 0")
    return found


def _one_of(where: str, found: object, allowed: tuple[_T, ...]) -> _T:
    for choice in allowed:
        if found == choice:
            return choice
    raise InvalidInput(field=where, found=str(found)[:40], allowed=", ".join(map(str, allowed)))


def line(inbound: Inbound) -> Post | None:
    """The chat-log line of an inbound message; a button press leaves none."""
    if inbound.action is not None:
        return None
    return Post(
        id=0,
        place=inbound.place,
        at=inbound.sent_at,
        author=inbound.sender,
        author_name=inbound.sender_name or inbound.sender,
        direction="in",
        text=inbound.text,
        media=inbound.media,
        mentions=inbound.mentions,
        message=inbound.dedupe_key,
    )


@dataclass(frozen=True, slots=True)
class WebChannel:
    """Speaks into the chat log of one of our own channels; the page shows it live."""

    name: str
    store: Store
    clock: Clock

    @property
    def capabilities(self) -> Capabilities:
        """Everything: the page is ours."""
        return EVERYTHING

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Write a line, or repaint the line of ``previous``; a repeated key is one line."""
        if outgoing.to.channel != self.name:
            raise Anomalous(self.name, f"a message for {outgoing.to.channel}")
        now = self.clock.now(outgoing.tenant)
        message = outgoing.previous or outgoing.key
        post = _spoken(outgoing, message, now)

        def write(uow: UnitOfWork) -> None:
            uow.chat_log.append(post)

        await self.store.transact(outgoing.tenant, write, key=_mailbox(outgoing.to))
        return Receipt(message_id=message, at=now)


def _spoken(outgoing: Outgoing, message: str, now: datetime) -> Post:
    return Post(
        id=0,
        place=outgoing.to,
        at=now,
        author=BOT,
        author_name=BOT_NAME,
        direction="out",
        text=visible(outgoing.text),
        card=outgoing.card,
        mentions=outgoing.mentions,
        message=message,
    )


def _mailbox(to: ChatRef) -> str:
    return f"{to.channel}/{to.chat}"
