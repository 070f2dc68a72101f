"""What each grammar finds by itself, and how that looks to the tagger that has the last word."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from nlp.entities import codes, names, phones, places, times
from nlp.entities.span import Span
from nlp.heads.features import Reading
from nlp.spans.sight import Clue, Sight, along, kinds
from nlp.text import zero_digits

_LEVELS = 10
"""Confidences of a grammar are told apart in tenths: each tenth is another of its rules."""


class Candidates(NamedTuple):
    """Findings of the grammars, kind by kind; of different kinds they may overlap."""

    phone: list[Span]
    serial: list[Span]
    location: list[Span]
    error_code: list[Span]
    time: list[Span]
    name: list[Span]


def collect(reading: Reading, at: datetime | None = None) -> Candidates:
    """Ask every grammar about a message written ``at`` that moment."""
    folded = reading.folded
    return Candidates(
        phones.find(folded),
        codes.serials(folded, []),
        places.find(reading.meant, []),
        codes.error_codes(folded, []),
        times.find(folded, [], at),
        names.find(folded, []),
    )


def sight(reading: Reading, candidates: Candidates) -> Sight:
    """The message for the tagger: its characters, their kinds, and what lists and grammars say."""
    length = len(reading.folded)
    clues: list[Clue] = []
    for kind, spans in zip(Candidates._fields, candidates, strict=True):
        for span in spans:
            clues += along(span.start, span.end, kind, length)
            level = f"{kind} {int(span.confidence * _LEVELS)}"
            clues += along(span.start, span.end, level, length)
    for device in reading.devices:
        clues += along(device.start, device.end, f"thing {device.strength}", length)
    for symptom in reading.symptoms:
        clues += along(symptom.start, symptom.end, "symptom", length)
    for cue in reading.cues:
        clues += along(cue.start, cue.end, f"cue {cue.kind}", length)
    for danger in reading.dangers:
        clues += along(danger.start, danger.end, "danger", length)
    for start, end, which in names.parts(reading.folded):
        clues += along(start, end, which, length)
    return Sight((zero_digits(reading.meant), kinds(reading.folded)), clues)
