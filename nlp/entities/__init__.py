"""Who, where, when, which: the facts of a message as exact substrings with normalised values.

Grammars (``phones``, ``codes``, ``places``, ``times``, ``names``) and the lexicon propose; the
tagger, trained on marked messages, decides. What a grammar knows for certain, or what the dialogue
or the company tells us, is not asked of it. Without a tagger the grammars settle it by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast, get_args

from nlp.entities import candidates, codes, names, phones, places, times
from nlp.entities.candidates import Candidates
from nlp.entities.span import Span, disjoint, free_of
from nlp.heads.features import Reading
from nlp.lexicon import Device
from nlp.spans.sight import Mark
from nlp.spans.tagger import Tagger
from workflow.records import Entity

Kind = Literal["phone", "serial", "location", "device", "error_code", "time", "name"]
_Groups = Mapping[Kind, list[Span]]

_NEAR = 8
"""A broad device word counts as a thing when a symptom stands within this many characters."""
_EXACT: Mapping[str, float] = {
    **dict.fromkeys(("phone", "serial", "error_code", "name"), 0.0),
    **{"time": 0.75, "location": 0.8},
}
"""From which confidence on a grammar's edges are righter than the tagger's, out of fold."""
_ALONE = 0.8
"""What names and times of this confidence, unseen by the tagger, out of fold are right often
enough to be told.
"""
_GUESS = 0.6
"""Up to this confidence a grammar only proposes: the tagger has to agree."""
_CERTAIN = 0.93
"""Phone numbers of this confidence have a shape nothing else has."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader knows beyond the words.

    ``slot`` is what we just asked for (``phone``, ``serial``, ``place``, …); ``at`` is when the
    message was written; ``serial_pattern`` is the company's shape of a serial number.
    """

    slot: str | None = None
    at: datetime | None = None
    serial_pattern: re.Pattern[str] | None = None


def find(reading: Reading, asked: Asked, tagger: Tagger | None = None) -> tuple[Entity, ...]:
    """All entities of a message in text order; kinds do not overlap, but for devices in places
    when there is no tagger.
    """
    bare = asked.slot == "phone" and not re.search(r"[^\W\d_]", reading.folded)
    if tagger is None or bare:  # digits that answer our question are no sentence to be tagged
        groups = _by_grammar(reading, asked)
    else:
        groups = _by_tagger(reading, asked, tagger)
    found = [
        Entity(kind, reading.text[s.start : s.end], s.start, s.end, s.confidence, s.normalized)
        for kind, spans in groups.items()
        for s in spans
    ]
    return tuple(sorted(found, key=lambda entity: (entity.start, entity.end)))


def _by_tagger(reading: Reading, asked: Asked, tagger: Tagger) -> _Groups:
    text = reading.folded
    proposed = candidates.collect(reading, asked.at)
    groups: dict[Kind, list[Span]] = {kind: [] for kind in get_args(Kind)}
    taken = codes.tickets(text)
    for kind, span in _settled(reading, asked, proposed):
        if free_of([span], taken):
            groups[kind].append(span)
            taken.append(span)
    said: set[str] = set()
    for mark in tagger.tag(candidates.sight(reading, proposed)):
        kind = cast("Kind", mark.kind)
        span = _widened(mark, reading, proposed)
        words = reading.meant[span.start : span.end]
        if not free_of([span], taken) or words in said:
            continue
        taken.append(span)
        if kind == "device":
            said.add(words)
        groups[kind].append(span._replace(normalized=_normal(kind, words, span, proposed, asked)))
    for kind, spans in (("time", proposed.time), ("name", proposed.name)):
        more = free_of((s for s in spans if _stands_alone(kind, s)), taken)
        taken += more
        groups[kind] += more
    if not groups["device"]:
        groups["device"] = _devices(reading, taken)[:1]
    return groups


def _widened(mark: Mark, reading: Reading, proposed: Candidates) -> Span:
    """A mark, or what a grammar of its kind (or the lexicon) has found around it."""
    span = Span(mark.start, mark.end, round(mark.confidence, 3))
    if mark.kind == "device":
        around = [Span(*d[:2], span.confidence) for d in reading.devices if d.strength == "strong"]
    else:
        around = [s for s in getattr(proposed, mark.kind) if s.confidence >= _EXACT[mark.kind]]
    return next((s for s in around if s.start <= mark.start and mark.end <= s.end), span)


def _stands_alone(kind: str, span: Span) -> bool:
    """Whether a grammar's finding counts though the tagger saw nothing there."""
    return span.confidence >= _ALONE or (kind == "time" and span.confidence == times.ROUGH)


def _settled(reading: Reading, asked: Asked, proposed: Candidates) -> Iterator[tuple[Kind, Span]]:
    """What is known without the tagger: the company's own numbers, the answer to what we asked,
    and numbers that can only be phones.
    """
    text = reading.folded
    if asked.serial_pattern is not None:
        for span in codes.of_company(text, asked.serial_pattern):
            yield "serial", span
    for span in proposed.phone:
        if span.confidence >= _CERTAIN:
            yield "phone", span
    if asked.slot == "phone":
        for span in phones.find(text, asked=True):
            yield "phone", span
    if asked.slot == "serial":
        for span in proposed.serial or _bare_serial(text, proposed.phone):
            yield "serial", span
    if asked.slot == "place" and (place := places.answer(reading.meant)):
        yield "location", place


def _normal(kind: Kind, words: str, span: Span, proposed: Candidates, asked: Asked) -> str | None:
    """What a marked stretch means; a grammar that found the very same stretch has said it."""
    same = (s for s in getattr(proposed, kind, ()) if s[:2] == span[:2])
    if found := cast("Span | None", next(same, None)):
        return found.normalized
    if kind == "time":
        return times.normal(words, asked.at)
    return _NORMAL[kind](words)


_NORMAL: Mapping[Kind, Callable[[str], str | None]] = {
    "device": str,
    "name": lambda _: None,
    "phone": phones.normal,
    "serial": str.upper,
    "location": places.normal,
    "error_code": codes.normal,
}


def _by_grammar(reading: Reading, asked: Asked) -> _Groups:
    text = reading.folded
    phone = _sure(phones.find(text, asked=asked.slot == "phone"))
    error = _sure(codes.error_codes(text, phone))
    time = times.find(text, [*phone, *error], asked.at)
    serial = codes.serials(text, [*phone, *error, *time])
    if asked.serial_pattern is not None:
        own = codes.of_company(text, asked.serial_pattern)
        serial = disjoint([*free_of(own, [*phone, *error, *time]), *serial])
    if asked.slot == "serial" and not serial:
        serial = _bare_serial(text, phone)
    taken = [*phone, *error, *time, *serial]
    name = names.find(text, taken)
    place = places.find(reading.meant, [*taken, *name], asked=asked.slot == "place")
    return {
        "phone": phone,
        "serial": serial,
        "location": place,
        "device": _devices(reading, [*phone, *serial, *error]),
        "error_code": error,
        "time": time,
        "name": name,
    }


def _sure(spans: list[Span]) -> list[Span]:
    """Without those that are only a guess for the tagger to confirm."""
    return [span for span in spans if span.confidence > _GUESS]


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
