"""A company's own words at work in a message: its names for devices and places.

The model has never seen them, so what they say is laid over what it read: the word is a thing of
its fault type, a place is where it says, whatever else the letters resemble.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nlp.heads.features import Reading
from nlp.lexicon import Device, Lexicon, Words
from nlp.text import fold
from workflow.records import Entity
from workflow.vocabulary import Term

_SURE = 0.95
_JOINTS = re.compile(r"[的\s,，/-]*")


class Hit(NamedTuple):
    """A word of the house at ``start:end``, and what it stands for."""

    start: int
    end: int
    term: Term


@dataclass(frozen=True, slots=True)
class OwnWords:
    """The words of one company, ready to search; made once for each version of its file."""

    source: Sequence[Term]
    _by_word: dict[str, tuple[Term, str]]
    _words: Words

    @classmethod
    def of(cls, terms: Sequence[Term], lexicon: Lexicon) -> OwnWords:
        """Compile the words. A device without a fault type has that of what others call it."""
        known = {fold(term.word): (term, _fault_type(term, lexicon)) for term in terms}
        return cls(terms, known, Words(known))

    def find(self, reading: Reading) -> list[Hit]:
        """The words of the house in a message, in order, longest first where they overlap."""
        words = self._words.words
        found = self._words.find(reading.folded)
        return [Hit(start, end, self._by_word[words[n]][0]) for n, start, end in found]

    def fault_type(self, hit: Hit) -> str:
        """The fault type of a device; empty for a place or a device of no known kind."""
        return self._by_word[fold(hit.term.word)][1]

    def reread(self, reading: Reading, hits: Sequence[Hit]) -> Reading:
        """The reading with the house's devices among its devices, in place of what overlaps."""
        own = [
            Device(hit.start, hit.end, fault, "strong")
            for hit in hits
            if (fault := self.fault_type(hit))
        ]
        rest = [d for d in reading.devices if not any(_overlap(d.start, d.end, h) for h in hits)]
        return reading._replace(devices=sorted([*rest, *own]))

    def entities(
        self, found: Sequence[Entity], reading: Reading, hits: Sequence[Hit]
    ) -> tuple[Entity, ...]:
        """The entities with the house's devices and places among them; a place goes on with the
        rooms that follow it (老厂三楼).
        """
        kept = list(found)
        for hit in hits:
            kept = _laid_over(kept, reading, hit)
        return tuple(sorted(kept, key=lambda entity: (entity.start, entity.end)))


def _fault_type(term: Term, lexicon: Lexicon) -> str:
    if term.fault_type or not term.device:
        return term.fault_type
    return next((d.fault_type for d in lexicon.devices(fold(term.device))), "")


def _laid_over(found: list[Entity], reading: Reading, hit: Hit) -> list[Entity]:
    place = bool(hit.term.place)
    kind = "location" if place else "device"
    start, end, rest = hit.start, hit.end, ""
    for entity in found:
        if not place or entity.kind != "location":
            continue
        touches = _overlap(entity.start, entity.end, hit)
        between = reading.folded[end : entity.start]
        follows = entity.start >= end and _JOINTS.fullmatch(between) is not None
        if touches or follows:
            start, end = min(start, entity.start), max(end, entity.end)
            rest = reading.text[hit.end : end].strip() if end > hit.end else rest
    clear = [
        entity
        for entity in found
        if not (entity.start < end and start < entity.end) or entity.kind not in {kind, "name"}
    ]
    full = f"{hit.term.place}{rest}" if place else hit.term.device or hit.term.word
    text = reading.text[start:end]
    return [*clear, Entity("location" if place else "device", text, start, end, _SURE, full)]


def _overlap(start: int, end: int, hit: Hit) -> bool:
    return start < hit.end and hit.start < end
