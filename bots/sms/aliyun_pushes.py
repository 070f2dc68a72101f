"""What Alibaba Cloud pushes to our door: texts (SmsUp) and delivery reports (SmsReport). Pure.

Source: help.aliyun.com/document_detail/101847 and 101867.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bots.gateway.adapter import Malformed
from bots.sms.provider import Lost, Pushed, Texted, masked, normalised

_SHANGHAI: Final = ZoneInfo("Asia/Shanghai")

_log = logging.getLogger(__name__)


def pushed(body: bytes) -> Pushed:
    """The entries of one push. A broken one is left out and counted, for the others are not sent
    again alone; so is what is neither a text nor a report (audits of templates, for example).

    Raises:
        Malformed: it is no array of objects, or all of them are broken.
    """
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise Malformed("not an array of objects")
    texted: list[Texted] = []
    lost: list[Lost] = []
    why: list[str] = []
    ignored = 0
    for one in entries:
        try:
            if "sequence_id" in one or "content" in one:
                texted.append(_texted(one))
            elif one.get("success") is False:
                lost.append(_lost(one))
            else:
                ignored += one.get("success") is not True
        except Malformed as error:
            why.append(error.why)
    if why and len(why) == len(entries):
        raise Malformed(why[0])
    for reason in why:
        _log.warning("an entry of a push was left out: %s", reason)
    return Pushed(texted, lost, ignored, len(why))


def _lost(entry: dict[str, Any]) -> Lost:
    return Lost(masked(_text(entry, "phone_number")), str(entry.get("err_code", ""))[:64])


def _texted(entry: dict[str, Any]) -> Texted:
    number = normalised(_text(entry, "phone_number"))
    sequence = str(entry.get("sequence_id", ""))
    if not number or not re.fullmatch(r"[\w.^-]{1,64}", sequence, re.ASCII):
        raise Malformed("a message without its number or its sequence")
    at = _instant(_text(entry, "send_time"))
    return Texted(number, _text(entry, "content"), at, sequence)


def _text(entry: dict[str, Any], name: str) -> str:
    found = entry.get(name)
    if not isinstance(found, str):
        raise Malformed(f"no {name}")
    return found


def _instant(said: str) -> datetime:
    try:
        return datetime.strptime(said, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_SHANGHAI)
    except ValueError:
        raise Malformed("no send_time") from None
