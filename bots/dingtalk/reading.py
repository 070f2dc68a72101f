"""What DingTalk's robot hears, as messages. Pure.

Source: https://open.dingtalk.com/document/orgapp/robot-message-type and
.../receive-message; the card's callback: .../event-callback-card.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bots.channel import Capabilities
from bots.degrade import visible
from bots.gateway.adapter import Malformed
from bots.gateway.tencent import Fields, text_of
from workflow.records import ChatKind, Inbound, Media

CHANNEL: Final = "dingtalk"
CARDS: Final = Capabilities(
    groups=True,
    buttons=True,
    cards=True,
    edit=True,
    mentions=True,
    voice=True,
    max_text_bytes=5000,
    max_buttons=6,
    per_minute=20,
)
"""With a card template. One message carries 15,000 bytes of parameters; words stay well below."""
WORDS: Final = Capabilities(
    groups=True, mentions=True, voice=True, max_text_bytes=5000, per_minute=20
)
"""Without one, and without a public address: words and text commands."""
LINKED: Final = replace(WORDS, buttons=True, cards=True, max_buttons=5)
"""Without one: cards whose buttons are links, which stay as they were sent."""
_HEARD: Final = 4000
_GROUP: Final = "2"


@dataclass(frozen=True, slots=True)
class Session:
    """A way to answer into a chat for a while: a web address that is a secret."""

    chat: str
    address: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a card: which card, who, which button, and what came with it."""

    card: str
    who: str
    buttons: tuple[str, ...]
    params: Fields


def said(fields: Fields, tenant: str) -> Inbound | None:
    """The message; None where there is nothing in it for us.

    In a one-to-one chat the chat is the person: their staff id, by which we can write to them
    first, or for somebody from outside the id that only answers reach.

    Raises:
        Malformed: a field that every message has is missing.
    """
    kind = text_of(fields, "msgtype", needed=True)
    group = text_of(fields, "conversationType", needed=True) == _GROUP
    who = text_of(fields, "senderStaffId") or text_of(fields, "senderId", needed=True)
    chat = text_of(fields, "conversationId", needed=True) if group else who
    content = fields.get("content")
    content = content if isinstance(content, dict) else {}
    text, media = _words(kind, fields, content), _media(kind, content)
    if not text.strip() and not media:
        return None
    chat_kind: ChatKind = "group" if group else "direct"
    return Inbound(
        tenant=tenant,
        channel=CHANNEL,
        chat=chat,
        chat_kind=chat_kind,
        sender=who,
        sender_name=visible(text_of(fields, "senderNick"))[:60],
        dedupe_key=f"{CHANNEL}:{text_of(fields, 'msgId', needed=True)}",
        sent_at=_instant(fields.get("createAt")),
        text=text.strip()[:_HEARD],
        media=media,
        mentions=_mentioned(fields),
        addressed=not group or fields.get("isInAtList") is True,
    )


def session(fields: Fields) -> Session | None:
    """The way to answer that a message brings, usually for ninety minutes."""
    address, until = fields.get("sessionWebhook"), fields.get("sessionWebhookExpiredTime")
    if not isinstance(address, str) or not isinstance(until, int):
        return None
    group = text_of(fields, "conversationType") == _GROUP
    who = text_of(fields, "senderStaffId") or text_of(fields, "senderId")
    chat = text_of(fields, "conversationId") if group else who
    return Session(chat, address, datetime.fromtimestamp(until / 1000, UTC))


def pressed(fields: Fields) -> Pressed:
    """A card's callback.

    Raises:
        Malformed: it is none.
    """
    card, who = text_of(fields, "outTrackId", needed=True), text_of(fields, "userId", needed=True)
    content: Any = fields.get("content") or fields.get("value")
    try:
        found = json.loads(content) if isinstance(content, str) else content
        private = found["cardPrivateData"]
        ids, params = private.get("actionIds") or [], private.get("params") or {}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Malformed("the card's content is not as documented") from None
    if not isinstance(ids, list) or not isinstance(params, dict):
        raise Malformed("the card's content is not as documented")
    return Pressed(card, who, tuple(map(str, ids)), params)


def _words(kind: str, fields: Fields, content: Fields) -> str:
    if kind == "text":
        said = fields.get("text")
        return text_of(said, "content") if isinstance(said, dict) else ""
    if kind == "richText":
        rows = content.get("richText")
        parts = rows if isinstance(rows, list) else []
        return "".join(
            row["text"]
            for row in parts
            if isinstance(row, dict) and isinstance(row.get("text"), str)
        )
    return ""


def _media(kind: str, content: Fields) -> tuple[Media, ...]:
    code = text_of(content, "downloadCode")
    if kind == "richText":
        rows = content.get("richText")
        codes = [row.get("downloadCode") for row in rows or [] if isinstance(row, dict)]
        return tuple(Media("image", ref=code) for code in codes if isinstance(code, str) and code)
    if not code:
        return ()
    if kind == "picture":
        return (Media("image", ref=code),)
    if kind == "audio":
        heard = text_of(content, "recognition")
        return (Media("voice", ref=code, transcript=heard or None),)
    if kind == "video":
        return (Media("video", ref=code),)
    return (Media("file", ref=code, name=visible(text_of(content, "fileName"))[:200]),)


def _mentioned(fields: Fields) -> tuple[str, ...]:
    users = fields.get("atUsers")
    found = [user.get("staffId") for user in users or [] if isinstance(user, dict)]
    return tuple(who for who in found if isinstance(who, str) and who)


def _instant(milliseconds: object) -> datetime:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        raise Malformed("createAt is no time")
    if not 0 <= milliseconds < 10**14:
        raise Malformed("createAt is no time")
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
