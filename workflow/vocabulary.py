"""A company's own words and its own kinds of fault, as data beside its rules.

Own words say what a thing or a place is called here; own kinds give the built-in fault types
other names and divide them further. What the program decides stays the built-in type.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from workflow.taxonomy import FAULT_TYPES


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the house: a device (what others call it, and whose fault type it has) or a place
    (its full name).
    """

    word: str
    device: str = ""
    fault_type: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Subtype:
    """A finer kind of a built-in fault type; a report that has one of ``words`` is of this kind."""

    id: str
    name: str
    of: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """What the fault types are called here. ``names`` for readers of Chinese, ``english`` for
    readers of English; what has no name of its own keeps the built-in one.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    english: Mapping[str, str] = field(default_factory=dict)
    subtypes: tuple[Subtype, ...] = ()

    def name(self, fault_type: str, locale: str = "zh_CN", subtype: str = "") -> str:
        """The name of a fault type, with its finer kind: 「商用厨房与冷链 · 冷库」."""
        english = locale == "en"
        usual = FAULT_TYPES.get(fault_type)
        own = (self.english if english else self.names).get(fault_type)
        name = own or (usual[english] if usual else fault_type)
        finer = next((s.name for s in self.subtypes if s.id == subtype), subtype)
        return f"{name} · {finer}" if finer else name

    def find(self, words: str) -> tuple[str, str] | None:
        """The fault type and finer kind that somebody names: by key, id or any of the names."""
        wanted = _plain(words)
        for kind in self.subtypes:
            if wanted in {_plain(kind.id), _plain(kind.name)}:
                return kind.of, kind.id
        for key, pair in FAULT_TYPES.items():
            names = (key, *pair, self.names.get(key, ""), self.english.get(key, ""))
            if wanted and key != "none" and wanted in map(_plain, names):
                return key, ""
        return None

    def subtype_of(self, fault_type: str, text: str) -> str:
        """The finer kind whose word stands in a report of this type, the longest word first."""
        said = _plain(text)
        hits = [
            (len(word), kind.id)
            for kind in self.subtypes
            if kind.of == fault_type
            for word in kind.words
            if _plain(word) in said
        ]
        return max(hits, key=lambda hit: hit[0])[1] if hits else ""


def spell_out(text: str, terms: Sequence[Term], what: Literal["device", "place"]) -> str:
    """The text with the house's own words put into full names, so that two ways of naming one
    thing read the same.
    """
    for term in sorted(terms, key=lambda t: -len(t.word)):
        full = getattr(term, what)
        if full and term.word in text and full not in text:
            text = text.replace(term.word, full, 1)
    return text


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).lower().split())
