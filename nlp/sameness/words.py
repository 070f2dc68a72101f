"""Words and their parts of speech by jieba, for texts of no trade in particular."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from nlp import terms

_PLAIN = {"g": "n", "i": "n", "l": "n", "j": "n", "z": "a", "b": "a", "y": "u", "k": "u", "h": "u"}
_KNOWN = frozenset("nvardumpqctsfx")


@lru_cache(maxsize=20_000)
def tagged(text: str) -> tuple[tuple[str, str], ...]:
    """Each word with one letter: n noun (and names), v verb, a adjective, r pronoun and question
    word, d adverb, m number, x anything else.
    """
    return tuple((word, _letter(flag)) for word, flag in _tagger().cut(text))


def _letter(flag: str) -> str:
    letter = _PLAIN.get(flag[:1], flag[:1])
    return letter if letter in _KNOWN else "x"


@cache
def _tagger() -> Any:
    words = terms.tokenizer()
    import jieba.posseg  # noqa: PLC0415 - after our own tokenizer, which hides its traps

    return jieba.posseg.POSTokenizer(words)
