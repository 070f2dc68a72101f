"""What people say to the 智能机器人, as messages and presses. Pure.

Source: https://developer.work.weixin.qq.com/document/path/100719 (messages), 101027 (events).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bots.channel import Capabilities
from bots.gateway.adapter import Malformed
from bots.wecom.cards import MAX_BUTTONS
from bots.wecom.quota import PER_MINUTE
from workflow.records import Action, ChatKind, Inbound, Media

CHANNEL: Final = "wecom_bot"
MARKDOWN_BYTES: Final = 4096
BY_LINE: Final = Capabilities(
    groups=True,
    buttons=True,
    cards=True,
    edit=True,
    mentions=True,
    voice=True,
    max_text_bytes=MARKDOWN_BYTES,
    max_buttons=MAX_BUTTONS,
    per_minute=PER_MINUTE,
)
"""Over its own connection: cards in groups too, repainted within five seconds of a press."""
BY_HTTP: Final = Capabilities(
    groups=True, mentions=True, voice=True, max_text_bytes=MARKDOWN_BYTES, per_minute=PER_MINUTE
)
"""By callback: words alone, one answer for each message heard, within an hour."""
PRESSED: Final = "template_card_event"
KICKED: Final = "disconnected_event"
_HEARD: Final = 4000

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a card's button."""

    who: str
    chat: str
    kind: ChatKind
    key: str
    task: str
    option: str
    at: datetime
    dedupe_key: str

    def inbound(self, tenant: str, action: Action) -> Inbound:
        """The press as a message."""
        return Inbound(
            tenant=tenant,
            channel=CHANNEL,
            chat=self.chat,
            chat_kind=self.kind,
            sender=self.who,
            dedupe_key=self.dedupe_key,
            sent_at=self.at,
            action=action,
        )


def said(body: Body, tenant: str, now: datetime) -> Inbound | None:
    """The message in a callback; None for what says nothing to us.

    Raises:
        Malformed: a field that every message has is missing.
    """
    kind = _text(body, "msgtype", needed=True)
    if kind == "event":
        return None
    who, chat, chat_kind = _where(body)
    parts = _parts(kind, body)
    text = " ".join(words for words in (_words(part) for part in parts) if words)
    if chat_kind == "group":
        text = _without_us(text)
    media = tuple(found for part in parts for found in _media(part))
    if not text.strip() and not media:
        return None
    return Inbound(
        tenant=tenant,
        channel=CHANNEL,
        chat=chat,
        chat_kind=chat_kind,
        sender=who,
        dedupe_key=f"{CHANNEL}:{_text(body, 'msgid', needed=True)}",
        sent_at=_instant(body, now),
        text=text.replace("\x00", "")[:_HEARD],
        media=media,
    )


def event_of(body: Body) -> str:
    """The kind of event in a callback; empty for messages."""
    return _text(_inner(body, "event"), "eventtype") if body.get("msgtype") == "event" else ""


def pressed(body: Body, now: datetime) -> Press:
    """The press in a callback.

    Raises:
        Malformed: who, what or where is missing.
    """
    who, chat, kind = _where(body)
    event = _inner(body, "event")
    press = _inner(event, PRESSED) or event
    return Press(
        who=who,
        chat=chat,
        kind=kind,
        key=_text(press, "event_key", needed=True),
        task=_text(press, "task_id", needed=True),
        option=_option(press.get("selected_items")),
        at=_instant(body, now),
        dedupe_key=f"{CHANNEL}:{_text(body, 'msgid', needed=True)}",
    )


def _where(body: Body) -> tuple[str, str, ChatKind]:
    who = _text(_inner(body, "from"), "userid", needed=True)
    group = _text(body, "chattype") == "group"
    return who, _text(body, "chatid", needed=True) if group else who, "group" if group else "direct"


def _parts(kind: str, body: Body) -> list[Body]:
    """Words with pictures are several parts, everything else is one."""
    if kind != "mixed":
        return [body]
    items = _inner(body, "mixed").get("msg_item")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _words(part: Body) -> str:
    return _text(_inner(part, "text"), "content") if part.get("msgtype") == "text" else ""


def _media(part: Body) -> tuple[Media, ...]:
    kind = _text(part, "msgtype")
    held = _inner(part, kind) if kind else {}
    if kind == "voice":
        heard = _text(held, "content")
        return (Media("voice", transcript=heard),) if heard else ()
    url, key = _text(held, "url"), _text(held, "aeskey")
    if not url or " " in key:
        return ()
    ref = f"{key} {url}"
    if kind == "image":
        return (Media("image", ref=ref),)
    if kind == "video":
        return (Media("video", ref=ref),)
    return (Media("file", ref=ref),) if kind == "file" else ()


def _without_us(text: str) -> str:
    """「@派单 灯坏了」 is 「灯坏了」: in groups, messages begin by calling the bot."""
    first, _, rest = text.strip().partition(" ")
    return rest.strip() if first.startswith("@") and rest else text


def _option(found: object) -> str:
    """The chosen option, however deep it lies: our cards ask one question with one answer."""
    for _ in range(8):
        if isinstance(found, list):
            found = found[0] if found else None
        elif isinstance(found, dict):
            names = ("selected_item", "option_ids", "option_id", "id")
            found = next((found[name] for name in names if name in found), None)
        else:
            break
    return found if isinstance(found, str) else ""


def _instant(body: Body, now: datetime) -> datetime:
    found = body.get("create_time")
    known = isinstance(found, int) and not isinstance(found, bool) and 0 < found < 10**11
    return datetime.fromtimestamp(found, UTC) if known and isinstance(found, int) else now


def _inner(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _text(body: Body, name: str, *, needed: bool = False) -> str:
    found = body.get(name)
    if found is None and not needed:
        return ""
    if not isinstance(found, str) or (needed and not found):
        raise Malformed(f"{name} is missing or no text")
    if needed and any("\ud800" <= c <= "\udfff" for c in found):
        raise Malformed(f"{name} has half a character")
    return found
