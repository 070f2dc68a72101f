"""Words of the trade that were misheard, put right by their sound: 抽油眼机 is 抽油烟机.

Only words we know are put in (devices, symptoms, places, the words of the company), and only where
the message has none of its own: a stretch that sounds like a known word, is none itself, and reads
less like what people write here than the known word would. How sure that is, a logistic line says,
fitted out of fold on messages misheard on purpose (:mod:`nlp.sounds.fitting`). Digits, letters,
codes and names are never touched.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from nlp import sections
from nlp.lexicon import FOLDER, NOT_A_DEVICE, Lexicon, Words
from nlp.sounds import Sounds
from nlp.text import zero_digits
from workflow.records import Correction

GATE: Final = Path(__file__).parent / "gate.json"
REAL_WORDS: Final = Path(__file__).parent / "real_words.txt"
TYPED: Final = 0.95
SPOKEN: Final = 0.85
"""How sure we must be of a correction: who types sees what they wrote."""

_WORD = re.compile(r"[一-鿿]{2,8}")
_TOLD = re.compile(r"[一-鿿]{3,}")
"""A word of the company is put in by its sound alone, so it must be longer."""
_LONGEST_TOLD = 12
_EMPTY = frozenset("了不没太很大小的有无上下一")
_LEAST_CONTENT = 2
"""Characters of a word that are not empty; 断了 and 不动 sound like too many others."""
_PAIR = 2
_FLOOR = 0.3
_EDGE = "^"
_VOCABULARIES_KEPT = 256

Known = Callable[[str], float]
"""In how many messages an n-gram of one to three characters (digits as 0, ends as ``^``) stands."""


class Candidate(NamedTuple):
    """A stretch of a text that sounds like a known word and is written otherwise."""

    start: int
    end: int
    meant: str


class Mended(NamedTuple):
    """A text with its misheard words put right, as long as before, and which those are."""

    text: str
    corrections: tuple[Correction, ...]


class _BySound:
    """Words to be found by their sound, overlapping ones too: by place, the longer ones first."""

    def __init__(self, words: Iterable[str], sounds: Sounds) -> None:
        spelt: dict[str, list[str]] = {}
        for word in sorted(words):
            for sound in sounds.readings(word):
                if len(sound) >= _PAIR:
                    spelt.setdefault(sound, []).append(word)
        self._spelt = tuple(spelt.values())
        self._automaton = AhoCorasick(spelt, implementation=Implementation.ContiguousNFA)

    def candidates(self, text: str, sound: str) -> list[Candidate]:
        """Everything in the text that sounds like one of the words but is another."""
        found = [
            Candidate(start, end, word)
            for place, start, end in self._automaton.find_matches_as_indexes(sound, True)
            for word in self._spelt[place]
            if word != text[start:end]
        ]
        if len(found) > 1:
            found.sort(key=lambda candidate: (candidate.start, -candidate.end))
        return found


class Mender:
    """Puts misheard words right. Immutable, so threads may share it.

    Args:
        lexicon: the words of the trade.
        sounds: how they sound.
        known: what people write here, from the messages the model was taught with.
    """

    def __init__(self, lexicon: Lexicon, sounds: Sounds, known: Known) -> None:
        targets, self._standing = trade_words(lexicon)
        self._known = known
        self._sounds = sounds
        self._targets = _BySound(targets, sounds)
        self._real = frozenset(chain.from_iterable(sections.words(REAL_WORDS).values()))
        self._standing_words = Words(word for word in self._standing if _WORD.fullmatch(word))
        self._weights, self._offset = _gate()
        self._told = lru_cache(_VOCABULARIES_KEPT)(self._of_company)

    def mend(self, text: str, *, spoken: bool = False, told: tuple[str, ...] = ()) -> Mended:
        """Put a folded text right.

        Args:
            text: folded, its known misspellings already read as meant.
            spoken: the words were said, so that mishearing is likelier.
            told: names of the company's places and devices.
        """
        sound = self._sounds.of(text)
        sure = self._sure(text, sound, told, SPOKEN if spoken else TYPED)
        corrections: list[Correction] = []
        for candidate in sorted(sure, key=lambda c: (c.start - c.end, -sure[c])):
            start, end, meant = candidate
            if all(end <= other.start or other.end <= start for other in corrections):
                corrections.append(Correction(start, end, meant))
        return Mended(put_right(text, corrections), tuple(sorted(corrections)))

    def _sure(
        self, text: str, sound: str, told: tuple[str, ...], floor: float
    ) -> dict[Candidate, float]:
        """The candidates that may stand, and how sure they are."""
        shares = ((found, self._share(values)) for found, values in self._judged(text, sound))
        sure = {found: share for found, share in shares if share >= floor}
        if told:
            sure |= dict.fromkeys(self._told(told).candidates(text, sound), 1.0)
        return sure

    def candidates(self, text: str) -> list[tuple[Candidate, tuple[float, ...]]]:
        """Every stretch that sounds like a word of the trade, with what speaks for it."""
        return self._judged(text, self._sounds.of(text))

    def _judged(self, text: str, sound: str) -> list[tuple[Candidate, tuple[float, ...]]]:
        found = [
            candidate
            for candidate in self._targets.candidates(text, sound)
            if text[candidate.start : candidate.end] not in self._standing
        ]
        if not found:
            return []
        standing = [(start, end) for _, start, end in self._standing_words.find(text)]
        return [(c, signs(text, c, standing, self._known, self._real)) for c in found]

    def _of_company(self, told: tuple[str, ...]) -> _BySound:
        names = {name for text in told for name in _TOLD.findall(text)}
        return _BySound((n for n in names if len(n) <= _LONGEST_TOLD), self._sounds)

    def _share(self, values: Sequence[float]) -> float:
        score = sum(w * v for w, v in zip(self._weights, values, strict=True)) + self._offset
        return 1 / (1 + math.exp(-score))


def put_right(text: str, corrections: Iterable[Correction]) -> str:
    """The text with what was meant in place of what was heard."""
    for start, end, meant in corrections:
        text = text[:start] + meant + text[end:]
    return text


def joined(text: str, corrections: Iterable[Correction]) -> list[Correction]:
    """The corrections that led to this text, in order; where two overlap, one of both."""
    spans: list[tuple[int, int]] = []
    for start, end, _ in sorted(corrections):
        if spans and start < spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return [Correction(start, end, text[start:end]) for start, end in spans]


def trade_words(lexicon: Lexicon) -> tuple[frozenset[str], frozenset[str]]:
    """The words that may be put in, and all words that are right as they stand."""
    places = sections.words(FOLDER / "places.txt")
    others = (
        sections.words(FOLDER / f"{name}.txt").values() for name in ("names", "safety", "scope")
    )
    devices = lexicon.device_words
    named = {word for word, fault_type in devices.items() if fault_type != NOT_A_DEVICE}
    targets = {
        word
        for word in {*named, *lexicon.symptom_words, *places["room"]}
        if _WORD.fullmatch(word) and sum(char not in _EMPTY for char in word) >= _LEAST_CONTENT
    }
    standing = {
        *devices,
        *lexicon.symptom_words,
        *lexicon.cue_words,
        *chain.from_iterable(places.values()),
        *chain.from_iterable(chain.from_iterable(others)),
    }
    return frozenset(targets), frozenset(standing)


SIGNS: Final = (
    *("length", "changed", "real", "crosses", "rarest"),
    *("heard_mean", "heard_least", "meant_mean", "meant_least", "threes"),
)


def signs(
    text: str,
    candidate: Candidate,
    standing: Sequence[tuple[int, int]],
    known: Known,
    real: frozenset[str],
) -> tuple[float, ...]:
    """What speaks for a candidate, as :data:`SIGNS` names it.

    How long the word is and how many of its characters are written otherwise; whether what is
    written is a word itself; whether it cuts a known word; how common its rarest wrong character
    is; how common the pairs and threes around the wrong characters are, as heard and as meant.
    """
    start, end, word = candidate
    heard = _EDGE + zero_digits(text) + _EDGE
    first, last = start + 1, end + 1
    meant = heard[:first] + word + heard[last:]
    wrong = [at for at in range(first, last) if heard[at] != meant[at]]
    pairs = _grams(first, last, wrong, _PAIR, len(heard))
    threes = _grams(first, last, wrong, _PAIR + 1, len(heard))

    def common(whole: str, places: Iterable[int], size: int) -> list[float]:
        return [math.log(known(whole[at : at + size]) + _FLOOR) for at in places]

    heard2, meant2 = common(heard, pairs, _PAIR), common(meant, pairs, _PAIR)
    heard3, meant3 = common(heard, threes, _PAIR + 1), common(meant, threes, _PAIR + 1)
    crosses = any(s < end and start < e and any(s < at <= e for at in wrong) for s, e in standing)
    return (
        end - start,
        len(wrong),
        float(text[start:end] in real),
        float(crosses),
        min(common(heard, wrong, 1)),
        _mean(heard2),
        min(heard2),
        _mean(meant2),
        min(meant2),
        _mean(meant3) - _mean(heard3),
    )


def _grams(first: int, last: int, wrong: Sequence[int], size: int, length: int) -> list[int]:
    """Where the n-grams of this size begin that touch the word and hold a wrong character."""
    return [
        at
        for at in range(max(0, first - size + 1), min(length - size, last - 1) + 1)
        if any(at <= place < at + size for place in wrong)
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.log(_FLOOR)


def _gate() -> tuple[tuple[float, ...], float]:
    kept: Mapping[str, float] = json.loads(GATE.read_text("utf-8"))
    return tuple(kept[sign] for sign in SIGNS), kept["offset"]
