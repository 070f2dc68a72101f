"""How words sound: characters as syllables, what they are misheard as, and what was meant.

Homophones are what speech recognition and a hasty thumb write instead of the word (点题 for 电梯).
A syllable is coded as one character of a private area, so that a text and its sound have the same
length and every span fits both.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import islice, product
from pathlib import Path
from typing import Final

from nlp import sections

TABLE: Final = Path(__file__).parent / "syllables.txt"
_FIRST_CODE: Final = 0xE000
_LAST_CODE: Final = 0xF8FF
_MOST_READINGS: Final = 4


class Sounds:
    """The sound of every common character: one usual syllable, and others it may have.

    Tones are left out; what is no Chinese character sounds like itself.
    """

    def __init__(self, table: Path = TABLE) -> None:
        lines = _syllables(table)
        self._code = {
            syllable: chr(_FIRST_CODE + place)
            for place, syllable in enumerate(sorted({s for group in lines.values() for s in group}))
        }
        self._usual = {
            ord(char): self._code[syllable]
            for syllable, chars in lines["常"].items()
            for char in chars
        }
        self._also: dict[str, str] = {}
        for syllable, chars in lines["也"].items():
            for char in chars:
                self._also[char] = self._also.get(char, "") + self._code[syllable]

    def of(self, text: str) -> str:
        """The sound of a text by usual readings, as long as the text."""
        return text.translate(self._usual)

    def readings(self, word: str) -> tuple[str, ...]:
        """The sounds a word may have, the usual one first; four at most."""
        choices = [char.translate(self._usual) + self._also.get(char, "") for char in word]
        return tuple(map("".join, islice(product(*choices), _MOST_READINGS)))

    def alike(self) -> Mapping[str, str]:
        """Characters with the same usual syllable, by the code of the syllable."""
        found: dict[str, str] = {}
        for char, code in self._usual.items():
            found[code] = found.get(code, "") + chr(char)
        return found


def is_sound(gram: str) -> bool:
    """Whether an n-gram has a syllable in it, not only characters."""
    return any(_FIRST_CODE <= ord(char) <= _LAST_CODE for char in gram)


def _syllables(table: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in sections.read(table):
        syllable, chars = line.text.split()
        found.setdefault(line.heading[1], {})[syllable] = chars
    return found


@cache
def shipped() -> Sounds:
    """The sounds that ship with the product; read once."""
    return Sounds()
