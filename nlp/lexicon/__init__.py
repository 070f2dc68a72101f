"""Word lists of the trade: devices with the fault type that owns them, symptoms, homophones.

The lists are plain text beside this module, words parted by blanks (``_`` stands for a blank in a
word: ``not_cooling``); everything is matched on folded text (:func:`nlp.text.fold`), longest word
first. A word that begins or ends in Latin letters ends where they do: ``ac`` is not in ``black``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from nlp import sections
from nlp.text import fold
from workflow.records import Correction

FOLDER = Path(__file__).parent
NOT_A_DEVICE = "不是设备"

Strength = Literal["strong", "weak", "topic"]
_MARKS: Mapping[str, Strength] = {"?": "weak", "~": "topic"}


class Device(NamedTuple):
    """A device word found in a message.

    ``strength`` is ``strong`` (names a thing), ``weak`` (a broad word: a thing only beside a
    symptom) or ``topic`` (tells what the talk is about, never a thing).
    """

    start: int
    end: int
    fault_type: str
    strength: Strength


class Symptom(NamedTuple):
    """A symptom word found in a message and its class (``dead``, ``leak``, …)."""

    start: int
    end: int
    kind: str


class Cue(NamedTuple):
    """A word that hints at weight or mood, and which way (``whole``, ``mild``, ``angry``, …)."""

    start: int
    end: int
    kind: str


class _Trie(dict[str, "_Trie"]):
    def pattern(self) -> str:
        ends = "" in self
        options = [re.escape(char) + child.pattern() for char, child in self.items() if char]
        if not options:
            return ""
        if len(options) > 1 and all(
            len(self[char]) == 1 and "" in self[char] for char in self if char
        ):
            options = [f"[{''.join(re.escape(char) for char in self if char)}]"]
        body = options[0] if len(options) == 1 and not ends else f"(?:{'|'.join(options)})"
        return f"(?:{body})?" if ends else body


def _words(path: Path) -> Iterator[tuple[str, str]]:
    """The words of a list as they are matched, each with its heading."""
    for heading, group in sections.words(path).items():
        for word in group:
            yield fold(word.replace("_", " ")), heading


class Words:
    """Words to be found in folded texts from left to right, the longest at each place.

    One automaton knows them all: a text costs a microsecond or two, however many they are.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(dict.fromkeys(word for word in words if word))
        self._automaton = AhoCorasick(
            self.words,
            matchkind=MatchKind.LeftmostLongest,
            implementation=Implementation.ContiguousNFA,
        )
        self._latin = [_is_latin(word[0]) or _is_latin(word[-1]) for word in self.words]

    def find(self, folded: str) -> list[tuple[int, int, int]]:
        """Which words stand where, as (place in ``words``, start, end); none overlap."""
        return self._automaton.find_matches_as_indexes(folded)

    def whole(self, folded: str) -> list[tuple[int, int, int]]:
        """As :meth:`find`, without those that cut a Latin word at either end."""
        latin = self._latin
        return [
            hit
            for hit in self.find(folded)
            if not (latin[hit[0]] and (_cut(folded, hit[1]) or _cut(folded, hit[2])))
        ]


def _cut(text: str, edge: int) -> bool:
    """Whether there are Latin letters on both sides of a place."""
    return 0 < edge < len(text) and _is_latin(text[edge - 1]) and _is_latin(text[edge])


def _is_latin(char: str) -> bool:
    return "a" <= char <= "z"


def alternation(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern for any of the words, longest first.

    A flat ``a|b|c`` of a thousand words is tried one by one at each position; nested by shared
    prefixes it costs a few steps.
    """
    trie = _Trie()
    for word in words:
        node = trie
        for char in word:
            node = node.setdefault(char, _Trie())
        node[""] = _Trie()
    return re.compile(trie.pattern())


class Lexicon:
    """The lists, ready to search.

    Raises:
        ValueError: a homophone is not as long as the word it stands for.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._devices: dict[str, tuple[str, Strength]] = {}
        for word, fault_type in _words(folder / "devices.txt"):
            strength = _MARKS.get(word[-1], "strong")
            self._devices.setdefault(word.rstrip("?~"), (fault_type, strength))
        self._symptoms = dict(_words(folder / "symptoms.txt"))
        self._cues = dict(_words(folder / "cues.txt"))
        self._meant = _homophones(folder / "homophones.txt")
        self.device_words: Mapping[str, str] = {w: d[0] for w, d in self._devices.items()}
        """Every device word with its fault type (or :data:`NOT_A_DEVICE`)."""
        self.symptom_words = frozenset(self._symptoms)
        self.cue_words = frozenset(self._cues)
        self._device_finder = Words(self._devices)
        self._symptom_finder = Words(self._symptoms)
        self._cue_finder = Words(self._cues)
        self._homophone_finder = Words(self._meant)
        self._device_told = [self._devices[word] for word in self._device_finder.words]
        self._symptom_told = [self._symptoms[word] for word in self._symptom_finder.words]
        self._cue_told = [self._cues[word] for word in self._cue_finder.words]
        self._meant_told = [self._meant[word] for word in self._homophone_finder.words]

    def misheard(self, folded: str) -> list[Correction]:
        """The misheard words of the list (点题 for 电梯), in order."""
        told = self._meant_told
        return [
            Correction(start, end, told[n]) for n, start, end in self._homophone_finder.find(folded)
        ]

    def meant(self, folded: str) -> str:
        """The text with the misheard words of the list put right, as long as before."""
        for n, start, end in self._homophone_finder.find(folded):
            folded = folded[:start] + self._meant_told[n] + folded[end:]
        return folded

    def devices(self, meant: str) -> list[Device]:
        """Device words in order; words around them that only look alike are passed over."""
        told = self._device_told
        return [
            Device(start, end, *told[n])
            for n, start, end in self._device_finder.whole(meant)
            if told[n][0] != NOT_A_DEVICE
        ]

    def symptoms(self, meant: str) -> list[Symptom]:
        """Symptom words in order."""
        told = self._symptom_told
        return [Symptom(start, end, told[n]) for n, start, end in self._symptom_finder.whole(meant)]

    def cues(self, meant: str) -> list[Cue]:
        """Words that hint at weight and mood, in order."""
        told = self._cue_told
        return [Cue(start, end, told[n]) for n, start, end in self._cue_finder.whole(meant)]


def _homophones(path: Path) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in (word for group in sections.words(path).values() for word in group):
        heard, _, meant = fold(word).partition("=")
        if len(heard) != len(meant):
            raise ValueError(f"{path}: {word}: both sides must have the same length")
        pairs[heard] = meant
    return pairs


@cache
def shipped() -> Lexicon:
    """The lexicon that ships with the product; read once."""
    return Lexicon()
