"""The three ways a text is read for searching: as characters, as words, as sounds.

Characters and pairs of them need no dictionary and forgive a wrong cut; words tell 不锈钢 from
不 + 锈; sounds find what a voice message or a quick thumb wrote with the wrong characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise

from nlp.terms import terms
from nlp.text import fold

View = Callable[[str], Sequence[str]]

_PIECE = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]")


def characters(text: str) -> list[str]:
    """Chinese characters, whole Latin or digit runs (``e07``), and neighbouring pairs of these."""
    return _with_pairs(_PIECE.findall(fold(text)))


def sounds(text: str) -> list[str]:
    """The same with each character as its usual syllable, tone left out: 点题 is 电梯."""
    return _with_pairs([_syllable(piece) for piece in _PIECE.findall(fold(text))])


def words(text: str) -> Sequence[str]:
    """Content words, as jieba cuts them for searching."""
    return terms(text)


VIEWS: Mapping[str, View] = {"characters": characters, "words": words, "sounds": sounds}


def _with_pairs(pieces: list[str]) -> list[str]:
    return pieces + [f"{a}|{b}" for a, b in pairwise(pieces)]


@cache
def _syllable(piece: str) -> str:
    """The usual reading of one character; Latin and digits stay. One reading for each character
    is all that comparing needs, and a table look-up is a hundredth of finding the right one.
    """
    readings = _readings().get(ord(piece[0])) if len(piece) == 1 else None
    if readings is None:
        return piece
    from pypinyin.contrib.tone_convert import to_normal  # noqa: PLC0415  (for those who search)

    return str(to_normal(readings.split(",")[0]))


@cache
def _readings() -> Mapping[int, str]:
    from pypinyin.pinyin_dict import pinyin_dict  # noqa: PLC0415  (for those who search)

    return dict(pinyin_dict)
