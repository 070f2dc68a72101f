"""What members send the application, as messages. Pure.

Source: https://developer.work.weixin.qq.com/document/path/90239 (messages), 90240 (events).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bots.channel import Capabilities
from bots.gateway.tencent import Fields, text_of
from bots.gateway.tencent_messages import HEARD, MENU, instant, media, words
from bots.wecom.cards import MAX_BUTTONS
from bots.wecom.quota import PER_MINUTE
from workflow.records import Action, Inbound

CHANNEL: Final = "wecom"
CAPABILITIES: Final = Capabilities(
    groups=True,
    buttons=True,
    cards=True,
    edit=True,
    voice=True,
    max_text_bytes=2048,
    max_buttons=MAX_BUTTONS,
    per_minute=PER_MINUTE,
)
"""Cards for members one to one; into groups that the application made, words alone."""
PRESSED: Final = "template_card_event"


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a card's button. ``code`` allows one repainting of that card."""

    who: str
    key: str
    task: str
    code: str
    option: str
    at: datetime
    dedupe_key: str

    def inbound(self, tenant: str, action: Action) -> Inbound:
        """The press as a message."""
        return Inbound(
            tenant=tenant,
            channel=CHANNEL,
            chat=self.who,
            chat_kind="direct",
            sender=self.who,
            dedupe_key=self.dedupe_key,
            sent_at=self.at,
            action=action,
        )


def said(fields: Fields, tenant: str) -> Inbound | None:
    """The message in a callback; None for what says nothing to us.

    Raises:
        Malformed: a field that every message has is missing.
    """
    kind = text_of(fields, "MsgType", needed=True)
    event = text_of(fields, "Event", needed=True).lower() if kind == "event" else ""
    if event and event != "click":
        return None
    who = text_of(fields, "FromUserName", needed=True)
    at = instant(fields)
    text = MENU.get(text_of(fields, "EventKey"), "") if event else words(kind, fields)
    luggage = media(kind, fields)
    if not text.strip() and not luggage:
        return None
    number = "" if event else text_of(fields, "MsgId", needed=True)
    return Inbound(
        tenant=tenant,
        channel=CHANNEL,
        chat=who,
        chat_kind="direct",
        sender=who,
        dedupe_key=f"{CHANNEL}:{number}" if number else _event_key(fields),
        sent_at=at,
        text=text[:HEARD],
        media=luggage,
    )


def pressed(fields: Fields) -> Press:
    """The press in a ``template_card_event``.

    Raises:
        Malformed: who, what or when is missing.
    """
    return Press(
        who=text_of(fields, "FromUserName", needed=True),
        key=text_of(fields, "EventKey", needed=True),
        task=text_of(fields, "TaskId", needed=True),
        code=text_of(fields, "ResponseCode"),
        option=_option(fields),
        at=instant(fields),
        dedupe_key=_event_key(fields),
    )


def _event_key(fields: Fields) -> str:
    """Events have no number; two presses in one second differ by what was pressed, and by the
    code that came with it.
    """
    names = ("FromUserName", "CreateTime", "Event", "EventKey", "TaskId", "ResponseCode")
    parts = [*(text_of(fields, name) for name in names), _option(fields)]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{CHANNEL}:{digest[:40]}"


def _option(fields: Fields) -> str:
    """The chosen option; our cards ask one question with one answer."""
    found: object = fields.get("SelectedItems")
    for name in ("SelectedItem", "OptionIds", "OptionId"):
        found = found[0] if isinstance(found, list) and found else found
        found = found.get(name) if isinstance(found, dict) else None
    found = found[0] if isinstance(found, list) and found else found
    return found if isinstance(found, str) else ""
