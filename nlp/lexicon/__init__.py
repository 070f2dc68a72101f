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


_INSIDE_LATIN = re.compile(r"(?<=[a-z])(?=[a-z])")


def _words(path: Path) -> Iterator[tuple[str, str]]:
    """The words of a list as they are matched, each with its heading."""
    for heading, group in sections.words(path).items():
        for word in group:
            yield fold(word.replace("_", " ")), heading


def _whole(found: re.Match[str]) -> bool:
    """Whether no Latin word is cut at either end."""
    return not any(_INSIDE_LATIN.match(found.string, edge) for edge in found.span())


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
        self._device_pattern = alternation(self._devices)
        self._symptom_pattern = alternation(self._symptoms)
        self._cue_pattern = alternation(self._cues)
        self._homophone_pattern = alternation(self._meant)

    def misheard(self, folded: str) -> list[Correction]:
        """The misheard words of the list (点题 for 电梯), in order."""
        found = self._homophone_pattern.finditer(folded)
        return [Correction(hit.start(), hit.end(), self._meant[hit[0]]) for hit in found]

    def meant(self, folded: str) -> str:
        """The text with the misheard words of the list put right, as long as before."""
        return self._homophone_pattern.sub(lambda found: self._meant[found[0]], folded)

    def devices(self, meant: str) -> list[Device]:
        """Device words in order; words around them that only look alike are passed over."""
        found = (
            Device(hit.start(), hit.end(), *self._devices[hit[0]])
            for hit in self._device_pattern.finditer(meant)
            if _whole(hit)
        )
        return [device for device in found if device.fault_type != NOT_A_DEVICE]

    def symptoms(self, meant: str) -> list[Symptom]:
        """Symptom words in order."""
        return [
            Symptom(hit.start(), hit.end(), self._symptoms[hit[0]])
            for hit in self._symptom_pattern.finditer(meant)
            if _whole(hit)
        ]

    def cues(self, meant: str) -> list[Cue]:
        """Words that hint at weight and mood, in order."""
        return [
            Cue(hit.start(), hit.end(), self._cues[hit[0]])
            for hit in self._cue_pattern.finditer(meant)
            if _whole(hit)
        ]


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
