"""What a tagger sees of a text: layers to cut n-grams from, and clues about single places.

A layer is a string with one character for each token: the text itself (digits made equal), the
kind of each character, … A clue is any name found at a position by other means: a word list, a
grammar, a thing said twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

HAN_NUMERALS = frozenset("零〇一幺二两三四五六七八九十百千")
_JOINTS = frozenset("-—_/#.:+")
_FAR = 8
"""Positions farther than this from an edge of the text are all alike."""

Clue = tuple[int, str]


class Sight(NamedTuple):
    """A text as a tagger sees it: layers of equal length, clues as (position, name)."""

    layers: tuple[str, ...]
    clues: Sequence[Clue] = ()


class Pattern(NamedTuple):
    """N-grams of ``size`` of one layer, beginning ``first`` to ``last`` places from the target."""

    layer: int
    size: int
    first: int
    last: int


class Mark(NamedTuple):
    """``tokens[start:end]`` are of this kind, so sure (0–1)."""

    start: int
    end: int
    kind: str
    confidence: float = 1.0


def kinds(text: str) -> str:
    """The layer of character kinds: digit, letter, numeral, joint, blank, punctuation, other."""
    return text.translate(_KINDS)


class _Kinds(dict[int, str]):
    """The kind of each character, filled as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = kind = _kind(chr(code))
        return kind


_KINDS = _Kinds()


def _kind(char: str) -> str:
    if char.isdigit():
        return "0"
    if char.isascii() and char.isalpha():
        return "a"
    if char in HAN_NUMERALS:
        return "一"
    if char in _JOINTS:
        return "-"
    return " " if char.isspace() else "中" if char.isalnum() else ","


def along(start: int, end: int, name: str, length: int) -> list[Clue]:
    """A finding as clues: at its beginning, inside, at its end, and just before and after it."""
    before, alone, begin, inside, last, after = _edges(name)
    clues = [(start - 1, before)] if start else []
    if end - start == 1:
        clues.append((start, alone))
    elif end > start:
        clues.append((start, begin))
        clues += [(position, inside) for position in range(start + 1, end - 1)]
        clues.append((end - 1, last))
    if end < length:
        clues.append((end, after))
    return clues


@lru_cache(1024)
def _edges(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{edge}" for edge in (">", "BE", "B", "I", "E", "<"))


def echoes(layer: str) -> Iterator[Clue]:
    """Clues about what is said twice, and how far each place is from the edges of the text."""
    length = len(layer)
    pairs = [layer[at : at + 2] for at in range(length - 1)]
    for at, pair in enumerate(pairs):
        if pairs.index(pair) < at:
            yield from ((at, "said:B"), (at + 1, "said:E"))
        if pair in pairs[at + 1 :]:
            yield from ((at, "again:B"), (at + 1, "again:E"))
    for at, char in enumerate(layer):
        yield at, f"from start {min(at, _FAR)}"
        yield at, f"to end {min(length - 1 - at, _FAR)}"
        if char in layer[:at]:
            yield at, "said"
        if char in layer[at + 1 :]:
            yield at, "again"
