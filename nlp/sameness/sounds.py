"""What sounds alike: how voice input mishears, character by character.

``readings.txt`` holds the toneless syllables of the common characters, taken from pypinyin (MIT),
whose import would cost a second. Pairs that speakers and recognisers confuse are one here (zh/z,
ch/c, sh/s, n/l/r at the start; ng/n at the end). A character of two readings sounds like both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("l", "n"), ("r", "n"))
_NUMERAL = frozenset("零〇一二三四五六七八九十百两幺0123456789")
_OPPOSED = re.compile(r"[东西南北左右上下前后男女大小新旧内外正反]")
_READINGS = Path(__file__).parent / "readings.txt"


@cache
def readings(character: str) -> frozenset[str]:
    """The syllables a character may stand for; a character without any stands for itself."""
    return _table().get(character) or frozenset((character,))


def alike(one: str, other: str) -> bool:
    """Whether two characters may be the same sound. Numerals and directions never are another:
    who says 十 does not mean 四.
    """
    if one == other:
        return True
    if one in _NUMERAL or other in _NUMERAL or (_OPPOSED.match(one) and _OPPOSED.match(other)):
        return False
    return bool(readings(one) & readings(other))


@lru_cache(maxsize=4096)
def sounds(text: str) -> tuple[str, ...]:
    """One syllable a character: the first reading."""
    return tuple(min(readings(character)) for character in text)


class Edit(NamedTuple):
    """A stretch of one text that another has otherwise: ``mine`` from ``start`` on, or nothing
    there, stands where ``theirs`` does, or nothing.
    """

    start: int
    mine: str
    theirs: str


def edits(one: str, other: str) -> Iterator[Edit]:
    """The fewest changes that lead from one text to the other."""
    for step in Levenshtein.opcodes(one, other):
        if step.tag != "equal":
            mine = one[step.src_start : step.src_end]
            yield Edit(step.src_start, mine, other[step.dest_start : step.dest_end])


@lru_cache(maxsize=4096)
def harmonised(text: str, model: str) -> str:
    """``text`` with the stretches that only sound like their counterpart in ``model`` spelt as
    there: 点题坏了 beside 电梯不动 stays, beside 电梯坏了 becomes 电梯坏了.
    """
    spelt = list(text)
    for edit in edits(text, model):
        if len(edit.mine) == len(edit.theirs) and all(map(alike, edit.mine, edit.theirs)):
            spelt[edit.start : edit.start + len(edit.mine)] = edit.theirs
    return "".join(spelt)


@cache
def _table() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _READINGS.read_text("utf-8").splitlines():
        syllable, _, characters = line.partition(" ")
        for character in characters if not line.startswith("#") else "":
            found.setdefault(character, set()).add(_heard(syllable))
    return {character: frozenset(syllables) for character, syllables in found.items()}


def _heard(syllable: str) -> str:
    """The syllable as it is told from others by ear."""
    for written, sound in _INITIALS:
        if syllable.startswith(written):
            syllable = sound + syllable[len(written) :]
            break
    return syllable.removesuffix("g") if syllable.endswith("ng") else syllable
