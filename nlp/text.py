"""Text as the other modules read it: one fold that keeps every position where it was."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from nlp import sections

LONGEST_GRAM = 3
"""What words are told by: one to this many characters that follow each other."""

_CLAUSE_END = re.compile(r"[,，。;；!！?？\n\r~～…、]+|\s{1,}(?=[一-鿿])")
_DIGIT = re.compile(r"[0-9]")
_HALVES = range(0xD800, 0xE000)
"""Halves of a character, which no text should have alone; nothing written in UTF-8 can."""

_SIMPLE = {
    pair[0]: pair[1]
    for group in sections.words(Path(__file__).parent / "lexicon" / "traditional.txt").values()
    for pair in group
}


class _Fold(dict[int, str]):
    """The fold table, filled as characters are met: most of Unicode never is."""

    def __missing__(self, code: int) -> str:
        char = "\ufffd" if code in _HALVES else chr(code)
        folded = unicodedata.normalize("NFKC", char).lower()
        folded = _SIMPLE.get(folded, folded)
        self[code] = folded = folded if len(folded) == 1 else char
        return folded


_FOLD = _Fold()


def fold(text: str) -> str:
    """``text`` in half-width lower case and simplified characters, one for one, so spans stay
    valid.

    Characters whose compatibility form is longer than one (``㎡``, ``ﬁ``) are left alone. What is
    folded can be written as UTF-8, whatever the text was.
    """
    return text.translate(_FOLD)


def zero_digits(folded: str) -> str:
    """Every digit as ``0``: which number it is says nothing about the kind of fault."""
    return _DIGIT.sub("0", folded)


def clauses(folded: str) -> Iterator[tuple[int, int]]:
    """Spans of the stretches between punctuation marks (or blanks before a Chinese character)."""
    start = 0
    for mark in _CLAUSE_END.finditer(folded):
        if mark.start() > start:
            yield start, mark.start()
        start = mark.end()
    if start < len(folded):
        yield start, len(folded)
