"""What an official account's followers send, as messages. Pure.

Source: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/
Receiving_standard_messages.html and Receiving_event_pushes.html.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from bots.channel import Capabilities
from bots.gateway.adapter import Malformed
from bots.gateway.tencent import Fields, text_of
from workflow.records import Inbound, Media

CHANNEL: Final = "wechat"
CAPABILITIES: Final = Capabilities(voice=True, max_text_bytes=2048, per_minute=0)
"""One-to-one text of 2,048 bytes; buttons and cards become words and text commands."""
MENU: Final = {"PAIDAN_REPORT": "报修", "PAIDAN_PROGRESS": "进度", "PAIDAN_PERSON": "转人工"}
"""The menu's keys, and the words that tapping them is as good as."""
_SCENE: Final = "qrscene_"
_HEARD: Final = 4000


def said(fields: Fields, tenant: str) -> Inbound | None:
    """The message in a callback; None for an event that says nothing to us.

    Raises:
        Malformed: a field that every message has is missing.
    """
    kind = text_of(fields, "MsgType", needed=True).lower()
    who = text_of(fields, "FromUserName", needed=True)
    at = _instant(text_of(fields, "CreateTime", needed=True))
    event = text_of(fields, "Event") if kind == "event" else ""
    key = text_of(fields, "EventKey") if event else ""
    text, asset = _words(kind, fields), None
    if event.lower() in {"scan", "subscribe"} and (scene := key.removeprefix(_SCENE)):
        text, asset = MENU["PAIDAN_REPORT"], scene[:100]
    elif event.upper() == "CLICK":
        text = MENU.get(key, "")
    media = _media(kind, fields)
    if not text.strip() and not media:
        return None
    return Inbound(
        tenant=tenant,
        channel=CHANNEL,
        chat=who,
        chat_kind="direct",
        sender=who,
        dedupe_key=dedupe_key(fields, who, event, key),
        sent_at=at,
        text=text[:_HEARD],
        media=media,
        asset=asset,
    )


def dedupe_key(fields: Fields, who: str, event: str, key: str) -> str:
    """Messages have an id; events are told apart by who, when, what and which key."""
    if not event:
        return f"{CHANNEL}:{text_of(fields, 'MsgId', needed=True)}"
    at = text_of(fields, "CreateTime")
    return f"{CHANNEL}:{who}:{at}:{event.lower()}:{key}"[:200]


def _words(kind: str, fields: Fields) -> str:
    if kind == "text":
        return text_of(fields, "Content")
    if kind == "location":
        spot = f"{text_of(fields, 'Location_X')},{text_of(fields, 'Location_Y')}"
        return f"{text_of(fields, 'Label')} {spot}".strip()
    if kind == "link":
        return f"{text_of(fields, 'Title')} {text_of(fields, 'Url')}".strip()
    return ""


def _media(kind: str, fields: Fields) -> tuple[Media, ...]:
    ref = text_of(fields, "MediaId")
    if kind == "image" and ref:
        return (Media("image", ref=ref),)
    if kind == "voice" and ref:
        heard = text_of(fields, "Recognition")
        return (Media("voice", ref=ref, mime="audio/amr", transcript=heard or None),)
    if kind in {"video", "shortvideo"} and ref:
        return (Media("video", ref=ref),)
    return ()


def _instant(seconds: str) -> datetime:
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 12):  # noqa: PLR2004 - seconds
        raise Malformed("CreateTime is no time")
    return datetime.fromtimestamp(int(seconds), UTC)
