"""Who, where, when, which: the facts of a message as exact substrings with normalised values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nlp.entities import codes, names, phones, places, times
from nlp.entities.span import Span, disjoint, free_of
from nlp.heads.features import Reading
from nlp.lexicon import Device
from workflow.records import Entity

Kind = Literal["phone", "serial", "location", "device", "error_code", "time", "name"]

_NEAR = 8
"""A broad device word counts as a thing when a symptom stands within this many characters."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader knows beyond the words.

    ``slot`` is what we just asked for (``phone``, ``serial``, ``place``, …); ``at`` is when the
    message was written; ``serial_pattern`` is the company's shape of a serial number.
    """

    slot: str | None = None
    at: datetime | None = None
    serial_pattern: re.Pattern[str] | None = None


def find(reading: Reading, asked: Asked) -> tuple[Entity, ...]:
    """All entities of a message in text order; kinds do not overlap, but for devices in places."""
    text = reading.folded
    phone = phones.find(text, asked=asked.slot == "phone")
    error = codes.error_codes(text, phone)
    time = times.find(text, [*phone, *error], asked.at)
    serial = codes.serials(text, [*phone, *error, *time], asked.serial_pattern)
    if asked.slot == "serial" and not serial:
        serial = _bare_serial(text, phone)
    taken = [*phone, *error, *time, *serial]
    name = names.find(text, taken)
    place = places.find(reading.meant, [*taken, *name], asked=asked.slot == "place")
    device = _devices(reading, [*phone, *serial, *error])
    groups: tuple[tuple[Kind, list[Span]], ...] = (
        ("phone", phone),
        ("serial", serial),
        ("location", place),
        ("device", device),
        ("error_code", error),
        ("time", time),
        ("name", name),
    )
    found = [
        Entity(kind, reading.text[s.start : s.end], s.start, s.end, s.confidence, s.normalized)
        for kind, spans in groups
        for s in spans
    ]
    return tuple(sorted(found, key=lambda entity: (entity.start, entity.end)))


_BARE_SERIAL = re.compile(r"[a-z0-9][a-z0-9_/#. -]{1,29}")


def _bare_serial(text: str, taken: list[Span]) -> list[Span]:
    hits = (hit for hit in _BARE_SERIAL.finditer(text) if any(c.isdigit() for c in hit[0]))
    spans = [
        Span(h.start(), h.start() + len(h[0].rstrip()), 0.8, h[0].strip().upper()) for h in hits
    ]
    return disjoint(free_of(spans, taken))


def _devices(reading: Reading, taken: list[Span]) -> list[Span]:
    strong = [d for d in reading.devices if d.strength == "strong"]
    weak = [d for d in reading.devices if d.strength == "weak" and _near_symptom(d, reading)]
    chosen = strong or weak
    spans = [
        Span(d.start, d.end, 0.85 if strong else 0.6, reading.meant[d.start : d.end])
        for d in chosen
    ]
    named: set[str | None] = set()
    once = [s for s in spans if not (s.normalized in named or named.add(s.normalized))]  # type: ignore[func-returns-value]  # set.add answers None
    return free_of(once, taken)


def _near_symptom(device: Device, reading: Reading) -> bool:
    return any(
        -_NEAR <= symptom.start - device.end <= _NEAR
        or 0 <= device.start - symptom.end <= _NEAR // 2
        for symptom in reading.symptoms
    )
