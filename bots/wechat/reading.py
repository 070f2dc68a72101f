"""What an official account's followers send, as messages. Pure.

Source: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/
Receiving_standard_messages.html and Receiving_event_pushes.html.
"""

from __future__ import annotations

from typing import Final

from bots.channel import Capabilities
from bots.gateway.tencent import Fields, text_of
from bots.gateway.tencent_messages import HEARD, MENU, instant, media, words
from workflow.records import Inbound

CHANNEL: Final = "wechat"
CAPABILITIES: Final = Capabilities(voice=True, max_text_bytes=2048, per_minute=0)
"""One-to-one text of 2,048 bytes; buttons and cards become words and text commands."""
_SCENE: Final = "qrscene_"


def said(fields: Fields, tenant: str) -> Inbound | None:
    """The message in a callback; None for an event that says nothing to us.

    Raises:
        Malformed: a field that every message has is missing.
    """
    kind = text_of(fields, "MsgType", needed=True).lower()
    who = text_of(fields, "FromUserName", needed=True)
    at = instant(fields)
    event = text_of(fields, "Event") if kind == "event" else ""
    key = text_of(fields, "EventKey") if event else ""
    text, asset = words(kind, fields), None
    if event.lower() in {"scan", "subscribe"} and (scene := key.removeprefix(_SCENE)):
        text, asset = MENU["PAIDAN_REPORT"], scene[:100]
    elif event.upper() == "CLICK":
        text = MENU.get(key, "")
    luggage = media(kind, fields)
    if not text.strip() and not luggage:
        return None
    return Inbound(
        tenant=tenant,
        channel=CHANNEL,
        chat=who,
        chat_kind="direct",
        sender=who,
        dedupe_key=dedupe_key(fields, who, event, key),
        sent_at=at,
        text=text[:HEARD],
        media=luggage,
        asset=asset,
    )


def dedupe_key(fields: Fields, who: str, event: str, key: str) -> str:
    """Messages have an id; events are told apart by who, when, what and which key."""
    if not event:
        return f"{CHANNEL}:{text_of(fields, 'MsgId', needed=True)}"
    at = text_of(fields, "CreateTime")
    return f"{CHANNEL}:{who}:{at}:{event.lower()}:{key}"[:200]
