"""Words seen marked in training: a dictionary that the tagger makes for itself.

A word is a clue, not a verdict: what it was marked as, how often, and whether always. In training
a text must not recognise its own marks, or the tagger would trust the dictionary blindly; so each
text is shown the dictionary as the other texts made it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from nlp.spans.sight import Clue, Mark, along

SHORTEST = 2
LONGEST = 14
_SEVERAL = 2
_MANY = 5


class Known:
    """Words and how often each kind they were marked as."""

    def __init__(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        self.counts = counts
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for word in counts:
            lengths[word[:SHORTEST]].add(len(word))
        self._lengths = {head: sorted(sizes, reverse=True) for head, sizes in lengths.items()}
        self._names = {word: _names(kinds) for word, kinds in counts.items()}

    @classmethod
    def learn(cls, lessons: Iterable[tuple[str, Iterable[Mark]]]) -> Known:
        """From texts (first layers) and their marks."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for text, marks in lessons:
            for word, kind in _words(text, marks):
                counts[word][kind] += 1
        return cls(counts)

    def clues(self, text: str, own: Iterable[Mark] = ()) -> Iterator[Clue]:
        """The longest known words from left to right; ``own`` marks are not held as known."""
        mine = Counter(_words(text, own))
        at = 0
        while at < len(text) - 1:
            found = self._longest(text, at, mine)
            if found is None:
                at += 1
                continue
            size, names = found
            for name in names:
                yield from along(at, at + size, name, len(text))
            at += size

    def _longest(
        self, text: str, at: int, mine: Counter[tuple[str, str]]
    ) -> tuple[int, tuple[str, ...]] | None:
        for size in self._lengths.get(text[at : at + SHORTEST], ()):
            word = text[at : at + size]
            if len(word) < size or word not in self.counts:
                continue
            if not mine:
                return size, self._names[word]
            others = {kind: n - mine[word, kind] for kind, n in self.counts[word].items()}
            if any(count > 0 for count in others.values()):
                return size, _names(others)
        return None


def _words(text: str, marks: Iterable[Mark]) -> Iterator[tuple[str, str]]:
    for mark in marks:
        if SHORTEST <= mark.end - mark.start <= LONGEST:
            yield text[mark.start : mark.end], mark.kind


def _names(kinds: Mapping[str, int]) -> tuple[str, ...]:
    """The clues a word gives: its usual kind, whether always, how often; and each kind it had."""
    had = sorted(kind for kind, count in kinds.items() if count > 0)
    usual = max(had, key=lambda kind: kinds[kind])
    total = sum(kinds[kind] for kind in had)
    often = "often" if total >= _MANY else "some" if total >= _SEVERAL else "once"
    always = "always" if len(had) == 1 else "mostly"
    return (f"known {usual} {always}", f"known {usual} {often}", *(f"known:{kind}" for kind in had))
