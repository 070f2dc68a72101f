"""How ``syllables.txt`` is made: ``python -m nlp.sounds.making`` writes it anew.

Readings are pypinyin's (MIT). The usual reading of a character is the one it has most often in
the corpus, in its words (调 is ``tiao`` in 空调); of a character that is not there, the first of
its dictionary. What few people would write is left out: characters outside GB 2312 that no message
of the corpus has.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from pypinyin import lazy_pinyin
from pypinyin.pinyin_dict import pinyin_dict

from nlp import corpus, lexicon, sections
from nlp.sounds import TABLE
from nlp.text import fold

_USED = 3
"""Another reading counts when it is heard this often in the corpus."""

_HEADER = """\
# 字的读音（不计声调），由 python -m nlp.sounds.making 从 pypinyin（MIT）写出，请勿手改。
# 「常」一节每字只列一次，是它在报修话里最常见的读音；「也」一节是它在报修话里的其他读音。
"""


def main() -> None:
    """Write the table beside this module."""
    lists = (path for path in lexicon.FOLDER.glob("*.txt") if path.stem != "traditional")
    words = (word for path in lists for group in sections.words(path).values() for word in group)
    said = [fold(example.text) for example in corpus.load()] + [fold(word) for word in words]
    TABLE.write_text(written(*readings(said)), "utf-8")


def readings(said: Iterable[str]) -> tuple[dict[str, str], dict[str, set[str]]]:
    """The usual syllable of each character, and the others it may have."""
    heard: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text in said:
        syllables = lazy_pinyin(text, errors=list)  # type: ignore[arg-type]  # a list is taken apart
        for char, syllable in zip(text, syllables, strict=True):
            if _han(char):
                heard[char][plain(syllable)] += 1
    usual: dict[str, str] = {}
    also: dict[str, set[str]] = {}
    for char in {*heard, *_common()}:
        known = [plain(reading) for reading in pinyin_dict.get(ord(char), "").split(",")]
        if not known[0]:
            continue
        ranked = [syllable for syllable, _ in heard[char].most_common() if syllable in known]
        usual[char] = (ranked or known)[0]
        also[char] = {s for s, times in heard[char].items() if times >= _USED} - {usual[char]}
    return usual, also


def written(usual: Mapping[str, str], also: Mapping[str, Iterable[str]]) -> str:
    """The text of the table."""
    first: defaultdict[str, list[str]] = defaultdict(list)
    other: defaultdict[str, list[str]] = defaultdict(list)
    for char in sorted(usual):
        first[usual[char]].append(char)
        for syllable in also[char]:
            other[syllable].append(char)
    lines = [_HEADER + "[常]", *_lines(first), "[也]", *_lines(other)]
    return "\n".join(lines) + "\n"


def _lines(table: Mapping[str, Iterable[str]]) -> Iterator[str]:
    return (f"{syllable} {''.join(table[syllable])}" for syllable in sorted(table))


def _common() -> Iterator[str]:
    """The 6,763 characters of GB 2312."""
    for row in range(0xB0, 0xF8):
        for cell in range(0xA1, 0xFF):
            char = bytes((row, cell)).decode("gb2312", errors="ignore")
            if char:
                yield char


def _han(char: str) -> bool:
    return "一" <= char <= "鿿"


def plain(syllable: str) -> str:
    """Without tone; ü as v."""
    bare = unicodedata.normalize("NFD", syllable).replace("u\u0308", "v")
    return "".join(char for char in bare if char.isascii() and char.isalpha())


if __name__ == "__main__":
    main()
