"""Messages as a speech recogniser might mishear them: characters swapped for others that sound
the same (tones aside), drawn from the 3,755 commonest. Harsher than a real recogniser, which
knows words.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from pypinyin import Style, pinyin

PERCENTS = (0, 10, 20, 30)


def misheard(texts: Sequence[str], part: float, seed: int = 0) -> list[str]:
    """The same texts with this part of their Chinese characters swapped; same seed, same text."""
    draw = random.Random(seed)
    return [_swapped(text, part, draw) for text in texts] if part else list(texts)


def _swapped(text: str, part: float, draw: random.Random) -> str:
    sounds = pinyin(text, style=Style.NORMAL, errors=list)
    swapped = []
    for char, (sound, *_) in zip(text, sounds, strict=True):
        others = [other for other in _alike().get(sound, ()) if other != char]
        swapped.append(draw.choice(others) if others and draw.random() < part else char)
    return "".join(swapped)


@cache
def _alike() -> Mapping[str, Sequence[str]]:
    """Common characters (first level of GB 2312) by sound."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in range(0xB0, 0xD8):
        for cell in range(0xA1, 0xFF):
            char = bytes((row, cell)).decode("gb2312", errors="ignore")
            if char:
                found[pinyin(char, style=Style.NORMAL)[0][0]].append(char)
    return found
