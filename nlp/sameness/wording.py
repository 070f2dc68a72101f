"""How alike two texts are in their words alone, whatever they speak of.

A :class:`Wording` turns two texts into named similarities and into marks of where they differ; a
learner (:mod:`nlp.sameness.learner`) weighs both. What is rare counts for more: rarity is learnt
from the texts at hand. With a ``cut`` that gives words and their parts of speech, words are
compared too; without one, characters alone.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel, JaroWinkler, LCSseq, Levenshtein

from nlp.sameness.sounds import edits, sounds

Cut = Callable[[str], Sequence[tuple[str, str]]]
"""Words of a text with one letter for each's part of speech (n, v, a, r …)."""

_NOISE = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d+|[a-z]+")
_UNSEEN = 9.0
_CONTENT = frozenset("nvas")
_TAGS = "nvardumpqctsfx"
_ASKING = (
    *("什么", "怎么", "哪", "吗", "多少", "为什么", "谁", "几", "如何", "怎样", "是不是"),
    *("能", "可以", "有没有", "不"),
)
_SHORT = 5
_FEW = 3


class Text(NamedTuple):
    """One text, taken apart."""

    plain: str
    grams: tuple[frozenset[str], frozenset[str], frozenset[str]]
    words: Mapping[str, str]
    order: tuple[str, ...]
    asks: frozenset[str]


def plain(text: str) -> str:
    """Half-width lower case without punctuation."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).lower())


def rarities(sets: Iterable[Iterable[str]]) -> dict[str, float]:
    """How rare each item is among the sets: log of all over those that hold it."""
    groups = [set(items) for items in sets]
    held = Counter(item for group in groups for item in group)
    return {item: math.log((len(groups) + 1) / (count + 1)) for item, count in held.items()}


class Wording:
    """Compares texts. Same texts, same answer."""

    def __init__(
        self, rarity: Mapping[str, float], words: Mapping[str, float], cut: Cut | None = None
    ) -> None:
        self.rarity = rarity
        self._words = words
        self._cut = cut
        self.read = lru_cache(maxsize=8192)(self._read)

    @classmethod
    def of(cls, texts: Iterable[str], cut: Cut | None = None) -> Wording:
        """With the rarities of these texts."""
        wholes = [plain(text) for text in dict.fromkeys(texts)]
        words = rarities([word for word, _ in cut(whole)] for whole in wholes) if cut else {}
        return cls(rarities(wholes), words, cut)

    def _read(self, text: str) -> Text:
        whole = plain(text)
        found = tuple(self._cut(whole)) if self._cut else ()
        return Text(
            whole,
            (_grams(whole, 1), _grams(whole, 2), _grams(whole, 3)),
            dict(found),
            tuple(word for word, _ in found),
            frozenset(word for word in _ASKING if word in whole),
        )

    def facts(self, one: str, other: str) -> dict[str, float]:
        """Named similarities of two texts."""
        a, b = self.read(one), self.read(other)
        found = _overlaps(a, b) | _alignment(a.plain, b.plain)
        found |= _weighted("char", a.grams[0], b.grams[0], self.rarity)
        if self._cut:
            mine, theirs = frozenset(a.words), frozenset(b.words)
            found["word_jaccard"] = _jaccard(mine, theirs)
            found |= _weighted("word", mine, theirs, self._words)
            found |= _parts_of_speech(a, b, self._words)
            found |= _extents(a, b)
        return found

    def marks(self, one: str, other: str) -> set[str]:
        """What only one of them says, what both do, and what stands in the other's place."""
        a, b = self.read(one), self.read(other)
        left, right = _marked(a), _marked(b)
        found = {f"≠{gram}" for gram in left ^ right} | {f"={gram}" for gram in left & right}
        found |= _swaps(a.plain, b.plain)
        if self._cut:
            found |= _word_marks(a, b, self._words)
        return found


def _grams(whole: str, size: int) -> frozenset[str]:
    return frozenset(whole[at : at + size] for at in range(len(whole) - size + 1))


def _marked(text: Text) -> set[str]:
    framed = f"^{text.plain}$"
    grams = {framed[i : i + n] for n in (1, 2, 3) for i in range(len(framed) - n + 1)}
    follow = zip(text.order, text.order[1:], strict=False)
    return grams | {f"w:{w}" for w in text.words} | {f"w:{v}_{w}" for v, w in follow}


def _jaccard(mine: frozenset[str], theirs: frozenset[str]) -> float:
    return len(mine & theirs) / max(1, len(mine | theirs))


def _overlaps(a: Text, b: Text) -> dict[str, float]:
    short, long = sorted((len(a.plain), len(b.plain)))
    common = LCSseq.similarity(a.plain, b.plain)
    run = _longest_run(a.plain, b.plain)
    return {
        "char_jaccard": _jaccard(a.grams[0], b.grams[0]),
        "pair_jaccard": _jaccard(a.grams[1], b.grams[1]),
        "triple_jaccard": _jaccard(a.grams[2], b.grams[2]),
        "covers_a": len(a.grams[0] & b.grams[0]) / max(1, len(a.grams[0])),
        "covers_b": len(a.grams[0] & b.grams[0]) / max(1, len(b.grams[0])),
        "common_of_short": common / max(1, short),
        "common_of_long": common / max(1, long),
        "run_of_short": run / max(1, short),
        "run_of_long": run / max(1, long),
    }


def _longest_run(one: str, other: str) -> int:
    """The length of the longest stretch both have. Whoever shares a long one shares a shorter."""
    sizes = range(1, min(len(one), len(other)) + 1)
    return bisect_left(
        sizes, True, key=lambda size: _grams(one, size).isdisjoint(_grams(other, size))
    )


def _alignment(one: str, other: str) -> dict[str, float]:
    heard, again = sounds(one), sounds(other)
    return {
        "ratio": fuzz.ratio(one, other) / 100,
        "partial": fuzz.partial_ratio(one, other) / 100,
        "jaro": JaroWinkler.similarity(one, other),
        "close": Levenshtein.normalized_similarity(one, other),
        "sound_close": Indel.normalized_similarity(heard, again),
        "sound_jaccard": _jaccard(frozenset(heard), frozenset(again)),
    }


def _weighted(
    name: str, mine: frozenset[str], theirs: frozenset[str], rarity: Mapping[str, float]
) -> dict[str, float]:
    def mass(items: Iterable[str], power: int) -> float:
        return math.fsum(rarity.get(item, _UNSEEN) ** power for item in items)

    shared = mine & theirs
    lengths = math.sqrt(mass(mine, 2) * mass(theirs, 2)) or 1.0
    left = sorted((mass(mine - theirs, 1), mass(theirs - mine, 1)))
    peaks = sorted(
        max((rarity.get(item, _UNSEEN) for item in group), default=0.0)
        for group in (mine - theirs, theirs - mine)
    )
    return {
        f"{name}_cosine": mass(shared, 2) / lengths,
        f"{name}_share": mass(shared, 1) / (mass(mine | theirs, 1) or 1.0),
        f"{name}_rarest": max((rarity.get(item, _UNSEEN) for item in shared), default=0.0),
        f"{name}_covers_a": mass(shared, 2) / (mass(mine, 2) or 1.0),
        f"{name}_covers_b": mass(shared, 2) / (mass(theirs, 2) or 1.0),
        f"{name}_left_less": left[0],
        f"{name}_left_more": left[1],
        f"{name}_peak_less": peaks[0],
        f"{name}_peak_more": peaks[1],
    }


def _extents(a: Text, b: Text) -> dict[str, float]:
    short, long = sorted((len(a.plain), len(b.plain)))
    start = next((i for i in range(short) if a.plain[i] != b.plain[i]), short)
    end = next((i for i in range(short) if a.plain[-1 - i] != b.plain[-1 - i]), short)
    numbers = set(_NUMBER.findall(a.plain)) ^ set(_NUMBER.findall(b.plain))
    return {
        "short": short,
        "long": long,
        "length_gap": long - short,
        "starts_alike": start / max(1, long),
        "ends_alike": end / max(1, long),
        "distance": Levenshtein.distance(a.plain, b.plain),
        "other_numbers": len(numbers),
        "asks_both": len(a.asks & b.asks),
        "asks_one": len(a.asks ^ b.asks),
        "words_left": len(a.words.keys() ^ b.words.keys()),
        "words_shared": len(a.words.keys() & b.words.keys()),
    }


def _parts_of_speech(a: Text, b: Text, rarity: Mapping[str, float]) -> dict[str, float]:
    left = [w for w in a.words if w not in b.words]
    right = [w for w in b.words if w not in a.words]
    ours = Counter(a.words[w] for w in left)
    theirs = Counter(b.words[w] for w in right)
    both = Counter(tag for word, tag in a.words.items() if word in b.words)
    found: dict[str, float] = {}
    for tag in _TAGS:
        found[f"left_{tag}"] = ours[tag] + theirs[tag]
        found[f"swapped_{tag}"] = min(ours[tag], theirs[tag])
        found[f"shared_{tag}"] = both[tag]
    sides = (_foreign(left, a, b, rarity), _foreign(right, b, a, rarity))
    for name, mine, other in zip(("alien", "kin", "alien_content"), *sides, strict=True):
        less, more = sorted((mine, other))
        found[f"{name}_less"], found[f"{name}_more"] = less, more
    return found


def _foreign(
    words: Sequence[str], home: Text, away: Text, rarity: Mapping[str, float]
) -> tuple[float, float, float]:
    """The rarity of unmatched words: those that share no character with the other text, those
    that do, and of the first those that carry content.
    """
    alien = [word for word in words if away.grams[0].isdisjoint(word)]
    weigh = rarity.get
    return (
        math.fsum(weigh(word, _UNSEEN) for word in alien),
        math.fsum(weigh(word, _UNSEEN) for word in words if word not in alien),
        math.fsum(weigh(word, _UNSEEN) for word in alien if home.words[word] in _CONTENT),
    )


def _swaps(one: str, other: str) -> set[str]:
    """Short stretches that stand where the other text has another."""
    found = set()
    for _, mine, theirs in edits(one, other):
        if len(mine) < _SHORT and len(theirs) < _SHORT:
            found.add("~" + "|".join(sorted((mine, theirs))))
    return found


def _word_marks(a: Text, b: Text, rarity: Mapping[str, float]) -> set[str]:
    left = [w for w in a.words if w not in b.words]
    right = [w for w in b.words if w not in a.words]
    found = set()
    if len(left) <= _FEW and len(right) <= _FEW:
        for mine in left or [""]:
            found |= {"w~" + "|".join(sorted((mine, theirs))) for theirs in right or [""]}
    tags = ("".join(sorted(t.words[w] for w in ws)) for t, ws in ((a, left), (b, right)))
    found.add("t~" + "|".join(sorted(tags)))
    found.add("q~" + "|".join(sorted("".join(sorted(text.asks)) for text in (a, b))))
    for text, words in ((a, left), (b, right)):
        for word in words:
            found.add(f"r:{text.words[word]}{int(rarity.get(word, _UNSEEN) / 2)}")
    return found
