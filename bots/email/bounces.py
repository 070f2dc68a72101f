"""Reports that a mail of ours did not arrive. Pure.

Sources: RFC 3464 (message/delivery-status: ``Action``, ``Status``, ``Diagnostic-Code``), RFC 6522
(multipart/report, with the mail or its head as the last part), RFC 3463 (status codes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Final

from bots.email import threads

_ADDRESS: Final = re.compile(r"<?[^\s<>@;]+@[^\s<>;]+>?")
_ID: Final = re.compile(r"^message-id:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_ONGOING: Final = frozenset({"delayed", "delivered", "relayed", "expanded"})
"""What a server may say of a mail that is not lost."""
_LONGEST: Final = 160
_PARTS: Final = 50


@dataclass(frozen=True, slots=True)
class Returned:
    """A mail of ours that came back: its id, and why, in words that hold no address."""

    message_id: str
    why: str


def returned(mail: Message, references: Sequence[str], domain: str) -> Returned | None:
    """Which mail of ours a report is about; None where it is about none, or none is lost."""
    parts = list(_parts(mail))
    said = [fields for part in parts for fields in _statuses(part)]
    if said and all(_field(fields, "action").lower() in _ONGOING for fields in said):
        return None
    ids = [*(one for part in parts for one in _ids(part)), *reversed(references)]
    ours = next((one for one in ids if threads.ours(one, domain)), "")
    failed = [f for f in said if _field(f, "action").lower() not in _ONGOING]
    return Returned(ours, _why(failed)) if ours else None


def _parts(mail: Message) -> Iterator[Message]:
    for n, part in enumerate(mail.walk()):
        if n < _PARTS:
            yield part


def _statuses(part: Message) -> list[Message]:
    """What is said of each receiver; the first group of fields is about the report itself."""
    groups = part.get_payload() if part.get_content_type() == "message/delivery-status" else []
    listed = [one for one in groups if isinstance(one, Message)] if isinstance(groups, list) else []
    return [one for one in listed if _field(one, "action")]


def _ids(part: Message) -> Iterator[str]:
    """The id of the mail that came back: whole, or its head as text."""
    kind = part.get_content_type()
    if kind == "message/rfc822":
        inner = part.get_payload()
        for one in inner if isinstance(inner, list) else []:
            if isinstance(one, Message):
                yield _field(one, "message-id")
    elif kind in {"text/rfc822-headers", "message/rfc822-headers"}:
        found = _ID.search(_text(part))
        if found:
            yield found[1]


def _text(part: Message) -> str:
    data = part.get_payload(decode=True)
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else str(part.get_payload())


def _why(said: Sequence[Message]) -> str:
    """The first receiver's status and what the server that refused it said."""
    if not said:
        return "returned"
    code, words = _field(said[0], "status"), _field(said[0], "diagnostic-code")
    words = words.partition(";")[2] or words
    plain = _ADDRESS.sub("…", " ".join(f"{code} {words}".split()))
    return f"returned: {plain[:_LONGEST]}".rstrip(": ")


def _field(fields: Message, name: str) -> str:
    return " ".join(str(fields.get(name, "")).split())
