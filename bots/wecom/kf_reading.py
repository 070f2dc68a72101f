"""What customers say to 微信客服, as messages. Pure.

Source: https://developer.work.weixin.qq.com/document/path/94670.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bots.channel import Capabilities
from workflow.records import Action, Inbound, Media

CHANNEL: Final = "wecom_kf"
TEXT_BYTES: Final = 2048
MENU_BYTES: Final = 1024
CAPABILITIES: Final = Capabilities(
    buttons=True,
    cards=True,
    voice=True,
    max_text_bytes=TEXT_BYTES,
    max_buttons=10,
    per_minute=0,
)
"""One to one; a card is words with a menu beneath, and stays as it was sent."""
CUSTOMER: Final = 3
"""``origin`` of what a customer sent; 4 is an event, 5 is one of our colleagues."""
ENTERED: Final = "enter_session"
FAILED: Final = "msg_send_fail"
_HEARD: Final = 4000

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A customer opened the conversation, perhaps by a code that names an asset."""

    who: str
    asset: str


def said(message: Message, tenant: str, asset: str | None = None) -> Inbound | None:
    """A customer's message; None for what is none, or says nothing to us."""
    who, number = _text(message, "external_userid"), _text(message, "msgid")
    if message.get("origin") != CUSTOMER or not who or not number:
        return None
    kind = _text(message, "msgtype")
    text, media = _words(kind, message), _media(kind, message)
    if not text.strip() and not media:
        return None
    return Inbound(
        tenant=tenant,
        channel=CHANNEL,
        chat=who,
        chat_kind="direct",
        sender=who,
        dedupe_key=f"{CHANNEL}:{number}",
        sent_at=instant(message),
        text=text.replace("\x00", "")[:_HEARD],
        media=media,
        asset=asset,
    )


def pressed(inbound: Inbound, action: Action) -> Inbound:
    """The same message as the press of the menu item that wrote it."""
    return Inbound(
        tenant=inbound.tenant,
        channel=CHANNEL,
        chat=inbound.chat,
        chat_kind="direct",
        sender=inbound.sender,
        dedupe_key=inbound.dedupe_key,
        sent_at=inbound.sent_at,
        action=action,
    )


def menu_of(message: Message) -> str:
    """The id of the menu item that was tapped; empty for words of their own."""
    return _text(_inner(message, "text"), "menu_id") if message.get("msgtype") == "text" else ""


def who_of(message: Message) -> str:
    """Whose message it is."""
    return _text(message, "external_userid")


def event_of(message: Message) -> tuple[str, Message]:
    """The kind of an event and its fields; empty for messages."""
    event = _inner(message, "event") if message.get("msgtype") == "event" else {}
    return _text(event, "event_type"), event


def entered(event: Message) -> Entry:
    """Who opened the conversation, and what ``scene_param`` they came with."""
    return Entry(_text(event, "external_userid"), _text(event, "scene_param")[:100])


def instant(message: Message) -> datetime:
    """When it was sent; long ago where nobody says."""
    found = message.get("send_time")
    known = isinstance(found, int) and not isinstance(found, bool) and 0 < found < 10**11
    return datetime.fromtimestamp(found if known and isinstance(found, int) else 0, UTC)


def _words(kind: str, message: Message) -> str:
    held = _inner(message, kind) if kind else {}
    if kind == "text":
        return _text(held, "content")
    if kind == "location":
        spot = f"{held.get('latitude', '')},{held.get('longitude', '')}"
        return f"{_text(held, 'name')} {_text(held, 'address')} {spot}".strip()
    if kind == "link":
        return f"{_text(held, 'title')} {_text(held, 'url')}".strip()
    return ""


def _media(kind: str, message: Message) -> tuple[Media, ...]:
    ref = _text(_inner(message, kind), "media_id") if kind else ""
    if not ref:
        return ()
    if kind == "image":
        return (Media("image", ref=ref),)
    if kind == "voice":
        return (Media("voice", ref=ref, mime="audio/amr"),)
    if kind == "video":
        return (Media("video", ref=ref),)
    return (Media("file", ref=ref),) if kind == "file" else ()


def _inner(message: Message, name: str) -> Message:
    found = message.get(name)
    return found if isinstance(found, dict) else {}


def _text(message: Message, name: str) -> str:
    found = message.get(name)
    return found if isinstance(found, str) else ""
