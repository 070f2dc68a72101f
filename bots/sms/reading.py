"""What the short message service pushes to our door. Pure.

Source: https://help.aliyun.com/zh/sms/developer-reference/smsup-http and .../smsreport-2.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bots.channel import Capabilities
from bots.gateway.adapter import Malformed
from workflow.records import Inbound

CHANNEL: Final = "sms"
CAPABILITIES: Final = Capabilities(max_text_bytes=2048, per_minute=1)
"""An approved template with a few variables; carriers take one a minute to a number."""
_HOME: Final = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")
_ABROAD: Final = re.compile(r"\+(?!86)([1-9][0-9]{6,14})")
_SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
_HEARD: Final = 2000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lost:
    """A message that did not arrive: the number, masked, and the carrier's code."""

    number: str
    code: str


def normalised(number: str) -> str:
    """11 digits of the mainland or ``+`` and the digits of elsewhere; empty for anything else."""
    bare = re.sub(r"[ -]", "", number)
    if home := _HOME.fullmatch(bare):
        return home[1]
    return bare if _ABROAD.fullmatch(bare) else ""


def masked(number: str) -> str:
    """For the log."""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 11 else "****"  # noqa: PLR2004


def pushed(body: bytes, tenant: str) -> tuple[Sequence[Inbound], Sequence[Lost]]:
    """The messages and the failed deliveries in one push; an entry that is neither is skipped, for
    the others are not sent again alone.

    Raises:
        Malformed: it is not what the vendor documents.
    """
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise Malformed("not an array of objects")
    said: list[Inbound] = []
    lost: list[Lost] = []
    for one in entries:
        try:
            if "sequence_id" in one:
                said.append(_said(one, tenant))
            elif one.get("success") is False:
                lost.append(_lost(one))
        except Malformed as error:
            _log.warning("an entry of a push was skipped: %s", error.why)
    return [one for one in said if one.text.strip()], lost


def _lost(entry: dict[str, Any]) -> Lost:
    return Lost(masked(_text(entry, "phone_number")), str(entry.get("err_code", ""))[:64])


def _said(entry: dict[str, Any], tenant: str) -> Inbound:
    number = normalised(_text(entry, "phone_number"))
    sequence = str(entry["sequence_id"])
    if not number or not re.fullmatch(r"[\w.^-]{1,64}", sequence, re.ASCII):
        raise Malformed("a message without its number or its sequence")
    return Inbound(
        tenant=tenant,
        channel=CHANNEL,
        chat=number,
        chat_kind="direct",
        sender=number,
        dedupe_key=f"{CHANNEL}:{sequence}",
        sent_at=_instant(_text(entry, "send_time")),
        text=_text(entry, "content")[:_HEARD],
    )


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
