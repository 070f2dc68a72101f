"""Transcripts: JSONL files of what was said where and when, for replay and simulation.

The published shape is ``docs/reference/transcript.schema.json``; :func:`read` checks each line
against it in words a person can act on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workflow.errors import InvalidInput
from workflow.records import ChatRef, Media

MAX_LINE = 100_000
KINDS = ("direct", "group")
MEDIA_KINDS = ("image", "voice", "video", "file")


@dataclass(frozen=True, slots=True)
class Press:
    """A button pressed in a transcript: on a named work order, or the last one of that chat."""

    do: str
    order: str = ""
    last: bool = False
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript. ``message_id`` is the dedupe key."""

    number: int
    at: datetime
    place: ChatRef
    sender: str
    message_id: str
    sender_name: str = ""
    text: str = ""
    press: Press | None = None
    media: tuple[Media, ...] = ()
    mentions: tuple[str, ...] = ()
    asset: str = ""


def read(source: Iterable[str]) -> Iterator[Line]:
    """The lines of a transcript, in time order as they stand; blank lines are skipped.

    Raises:
        InvalidInput: a line is wrong; ``field`` names ``line N: key``, ``found`` what stood there
            and ``allowed`` what may.
    """
    latest: datetime | None = None
    for number, raw in enumerate(source, start=1):
        if not raw.strip():
            continue
        line = _line(number, raw)
        if latest is not None and line.at < latest:
            raise _wrong(number, "at", line.at.isoformat(), f"not before {latest.isoformat()}")
        latest = line.at
        yield line


def _line(number: int, raw: str) -> Line:
    if len(raw) > MAX_LINE:
        raise _wrong(number, "line", f"{len(raw)} characters", f"at most {MAX_LINE}")
    try:
        row = json.loads(raw)
    except json.JSONDecodeError as error:
        raise _wrong(number, "line", error.msg, "one JSON object") from error
    if not isinstance(row, dict):
        raise _wrong(number, "line", type(row).__name__, "one JSON object")
    kind = row.get("chat_kind", "direct")
    if kind not in KINDS:
        raise _wrong(number, "chat_kind", kind, " / ".join(KINDS))
    said = [key for key in ("text", "action", "media") if row.get(key)]
    if not said:
        raise _wrong(number, "text", None, "text, action or media")
    return Line(
        number=number,
        at=_instant(number, row.get("at")),
        place=ChatRef(_word(number, row, "channel"), _word(number, row, "chat"), kind),
        sender=_word(number, row, "sender"),
        message_id=_word(number, row, "message_id"),
        sender_name=str(row.get("sender_name") or ""),
        text=_word(number, row, "text") if row.get("text") else "",
        press=_press(number, row["action"]) if row.get("action") else None,
        media=_media(number, row.get("media")),
        mentions=tuple(str(m) for m in row.get("mentions") or ()),
        asset=str(row.get("asset") or ""),
    )


def _word(number: int, row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _wrong(number, key, value, "a non-empty string")
    return value


def _instant(number: int, value: object) -> datetime:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise _wrong(number, "at", value, "ISO 8601 with offset, e.g. 2026-11-21T09:00:00+08:00")
    return at


def _press(number: int, value: object) -> Press:
    if not isinstance(value, dict) or not isinstance(value.get("do"), str):
        raise _wrong(number, "action", value, '{"do": …, "order": … or "last": true}')
    order, last = str(value.get("order") or ""), bool(value.get("last"))
    if bool(order) == last:
        raise _wrong(number, "action", value, 'exactly one of "order" and "last": true')
    args = value.get("args") or {}
    if not isinstance(args, dict):
        raise _wrong(number, "action.args", args, "an object")
    more = {k: v for k, v in value.items() if k not in {"do", "order", "last", "args"}}
    return Press(value["do"], order, last, {**more, **args})


def _media(number: int, value: object) -> tuple[Media, ...]:
    rows = value if isinstance(value, list) else [value] if value else []
    media = []
    for row in rows:
        if not isinstance(row, dict) or row.get("kind") not in MEDIA_KINDS:
            raise _wrong(number, "media", row, f'{{"kind": {" / ".join(MEDIA_KINDS)}, …}}')
        transcript = row.get("transcript")
        media.append(
            Media(
                kind=row["kind"],
                name=str(row.get("name") or ""),
                transcript=str(transcript) if transcript else None,
            )
        )
    return tuple(media)


def _wrong(number: int, key: str, found: object, allowed: object) -> InvalidInput:
    return InvalidInput(
        "invalid_transcript", field=f"line {number}: {key}", found=found, allowed=allowed
    )
