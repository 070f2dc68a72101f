"""Messages as speech recognition might hear them: homophones in place of some characters.

For teaching and for measuring. No corpus of real mishearings is open to us; this one is harsher
than a good recogniser, which at least writes words.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

from nlp.sounds import Sounds, shipped
from nlp.text import fold

_NEVER_WRITTEN = 0.5
"""What a common character counts that none of the texts has."""
_COMMON = range(0xB0, 0xD8)
"""The rows of GB 2312 with the 3,755 commonest characters."""


class Mishearing:
    """Swaps characters for others of the same syllable, the commoner the likelier.

    Args:
        texts: what is written in this trade; says how common each character is.
        sounds: the syllables; those shipped by default.
    """

    def __init__(self, texts: Iterable[str], sounds: Sounds | None = None) -> None:
        self._sounds = sounds or shipped()
        counted = Counter(char for text in texts for char in fold(text))
        self._choices: dict[str, tuple[str, list[float]]] = {}
        for code, chars in self._sounds.alike().items():
            weights = [counted[c] + _NEVER_WRITTEN * _common(c) for c in chars]
            likely = [(c, w) for c, w in zip(chars, weights, strict=True) if w]
            if len(likely) > 1:
                sums = list(accumulate(weight for _, weight in likely))
                self._choices[code] = "".join(char for char, _ in likely), sums

    def heard(self, text: str, share: float, seed: int = 0) -> str:
        """The text with about this share (0–1) of its Chinese characters misheard.

        As long as before; digits, letters and characters without homophones stay. Same text,
        share and seed, same answer.
        """
        chance = random.Random(f"{seed} {share} {text}")  # noqa: S311  (no secret)
        codes = self._sounds.of(fold(text))
        return "".join(
            self._instead(char, code, chance) if chance.random() < share else char
            for char, code in zip(text, codes, strict=True)
        )

    def _instead(self, char: str, code: str, chance: random.Random) -> str:
        if code not in self._choices:
            return char
        chars, sums = self._choices[code]
        while (chosen := chance.choices(chars, cum_weights=sums)[0]) == char:
            pass  # there is another: only syllables with two likely characters are kept
        return chosen


def _common(char: str) -> bool:
    try:
        return char.encode("gb2312")[0] in _COMMON
    except UnicodeEncodeError:
        return False
