"""The company's own words and kinds of fault, checked: what would never fit, or fit everything."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, Protocol

from paidan.company_file.shape import CompanyFile
from workflow.taxonomy import FAULT_TYPES
from workflow.vocabulary import Subtype, Taxonomy, Term

LONGEST: Final = 20
FAULTS: Final = tuple(key for key in FAULT_TYPES if key != "none")

Unwise = tuple[str, str, tuple[str, ...]]
"""Key, rule and its values."""


class Complain(Protocol):
    """Takes one problem: the key it is at, what stood there, the rule and its values."""

    def __call__(self, key: str, found: str, rule: str, *values: str) -> None: ...


def check(document: CompanyFile, say: Complain) -> None:
    """Tell ``say`` of every word that cannot be used and every kind that leads nowhere."""
    seen: set[str] = set()
    for at, term in enumerate(document.vocabulary):
        key = f"vocabulary[{at}]"
        _word(f"{key}.word", term.word, say)
        _means(key, term, say)
        if term.word.casefold() in seen:
            say(f"{key}.word", term.word, "once")
        seen.add(term.word.casefold())
    _taxonomy(document.taxonomy, say)


def warn(document: CompanyFile) -> Iterator[Unwise]:
    """Words that everybody knows already as something else."""
    if not document.vocabulary:
        return
    from nlp import lexicon, text  # noqa: PLC0415 - most files have no words of their own

    shipped = lexicon.shipped()
    for at, term in enumerate(document.vocabulary):
        word = text.fold(term.word)
        known = [d for d in shipped.devices(word) if (d.start, d.end) == (0, len(word))]
        other = known[0].fault_type if known else ""
        if term.fault_type and other and other != term.fault_type:
            names = (FAULT_TYPES[other][0], FAULT_TYPES[term.fault_type][0])
            yield f"vocabulary[{at}].word", "known_word", (term.word, *names)


def _word(key: str, word: str, say: Complain) -> None:
    if not word.strip():
        say(key, "", "required")
    elif not 2 <= len(word) <= LONGEST or word != word.strip():  # noqa: PLR2004 - one letter fits everywhere
        say(key, word, "word_length", f"2–{LONGEST}")


def _means(key: str, term: Term, say: Complain) -> None:
    if term.fault_type:
        _one_of(f"{key}.fault_type", term.fault_type, FAULTS, say)
    is_device, is_place = bool(term.device or term.fault_type), bool(term.place)
    if is_device == is_place:
        say(key, term.word, "device_or_place")


def _taxonomy(taxonomy: Taxonomy, say: Complain) -> None:
    for field, names in (("names", taxonomy.names), ("english", taxonomy.english)):
        for fault, name in names.items():
            _one_of(f"taxonomy.{field}.{fault}", fault, FAULTS, say)
            if not name.strip():
                say(f"taxonomy.{field}.{fault}", "", "required")
    taken: set[str] = set(FAULTS)
    for at, kind in enumerate(taxonomy.subtypes):
        _subtype(f"taxonomy.subtypes[{at}]", kind, taken, say)
        taken.add(kind.id)


def _subtype(key: str, kind: Subtype, taken: Collection[str], say: Complain) -> None:
    _one_of(f"{key}.of", kind.of, FAULTS, say)
    if not kind.id.strip():
        say(f"{key}.id", "", "required")
    elif kind.id in taken:
        say(f"{key}.id", kind.id, "once")
    if not kind.name.strip():
        say(f"{key}.name", "", "required")
    for n, word in enumerate(kind.words):
        _word(f"{key}.words[{n}]", word, say)


def _one_of(key: str, found: str, choices: Collection[str], say: Complain) -> None:
    if found not in choices:
        say(key, found, "one_of", *choices)
