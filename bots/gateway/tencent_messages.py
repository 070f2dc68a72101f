"""What people say to an account of Tencent's, field by field: the official account's callbacks and
the WeCom application's are made alike. Pure.

Source: https://developer.work.weixin.qq.com/document/path/90239 and
https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bots.gateway.adapter import Malformed
from bots.gateway.tencent import Fields, instant_of, text_of
from workflow.records import Media

MENU: Final = {"PAIDAN_REPORT": "报修", "PAIDAN_PROGRESS": "进度", "PAIDAN_PERSON": "转人工"}
"""The menu's keys, and the words that tapping them is as good as."""
HEARD: Final = 4000
"""Characters taken of one message."""


def instant(fields: Fields) -> datetime:
    """When it was said.

    Raises:
        Malformed: ``CreateTime`` is missing or no time.
    """
    at = instant_of(text_of(fields, "CreateTime", needed=True))
    if at is None:
        raise Malformed("CreateTime is no time")
    return at


def words(kind: str, fields: Fields) -> str:
    """The words of a message; a place or a page shared is told in words too."""
    if kind == "text":
        return text_of(fields, "Content")
    if kind == "location":
        spot = f"{text_of(fields, 'Location_X')},{text_of(fields, 'Location_Y')}"
        return f"{text_of(fields, 'Label')} {spot}".strip()
    if kind == "link":
        return f"{text_of(fields, 'Title')} {text_of(fields, 'Url')}".strip()
    return ""


def media(kind: str, fields: Fields) -> tuple[Media, ...]:
    """The picture, clip or voice of a message, yet to be fetched."""
    ref = text_of(fields, "MediaId")
    if not ref:
        return ()
    if kind == "image":
        return (Media("image", ref=ref),)
    if kind == "voice":
        heard = text_of(fields, "Recognition")
        return (Media("voice", ref=ref, mime="audio/amr", transcript=heard or None),)
    return (Media("video", ref=ref),) if kind in {"video", "shortvideo"} else ()
