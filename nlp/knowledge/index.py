"""Texts under keys, found by what they say: three BM25 views fused, nonsense left out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nlp.knowledge.bm25 import Bm25, Scores
from nlp.knowledge.views import VIEWS, View, characters

FLOOR = 0.2
"""A text that shares less than this with the question (see :func:`alike`) is not found at all."""
_NEAREST = 12
"""How many of the best are looked at closely."""
_COMPARED = "characters"
"""The view whose terms say how much is shared."""
_SLACK = 2_000
"""Texts that were replaced or dropped before the postings are cleaned of them."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A text that was found. ``score`` is 1 where it is the best in every view; ``alike`` is the
    share of what question and text say that both say, 0–1.
    """

    key: str
    text: str
    score: float
    alike: float


class Index:
    """Texts to be found. ``most`` bounds them: the oldest go first. Threads may share it."""

    def __init__(self, most: int = 50_000, views: Mapping[str, View] = VIEWS) -> None:
        self.most = most
        self._views = dict(views)
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._ranks = {name: Bm25(view) for name, view in self._views.items()}
        self._keys: list[str | None] = []
        self._texts: list[str] = []
        self._at: dict[str, int] = {}
        self._gone: list[int] = []

    def __len__(self) -> int:
        return len(self._at)

    def put(self, key: str, text: str) -> None:
        """Add a text, or replace the one under this key."""
        with self._lock:
            self._forget(key)
            self._add(key, text)
            while len(self._at) > self.most:
                self._forget(next(iter(self._at)))
            if len(self._keys) > 2 * len(self._at) + _SLACK:
                self._clean()

    def _add(self, key: str, text: str) -> None:
        for rank in self._ranks.values():
            rank.add(text)
        self._at[key] = len(self._keys)
        self._keys.append(key)
        self._texts.append(text)

    def drop(self, key: str) -> None:
        """Forget a text; one that is not there is forgotten already."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: str) -> None:
        at = self._at.pop(key, None)
        if at is not None:
            self._keys[at], self._texts[at] = None, ""
            self._gone.append(at)

    def _clean(self) -> None:
        kept = [(key, self._texts[at]) for key, at in self._at.items()]
        self._clear()
        for key, text in kept:
            self._add(key, text)

    def search(self, question: str, limit: int = 5, floor: float = FLOOR) -> list[Hit]:
        """The nearest texts, the best first; none that shares less than ``floor``."""
        with self._lock:
            if not self._at:
                return []
            fused = fuse([rank.scores(question) for rank in self._ranks.values()])
            fused[self._gone] = 0
            rarity = self._ranks[_COMPARED].rarity if _COMPARED in self._ranks else _equal
            likeness, hits = _Likeness(question, rarity), list[Hit]()
            for at in best(fused, max(limit, _NEAREST)):
                key, text = self._keys[at], self._texts[at]
                if key is None or fused[at] <= 0 or len(hits) == limit:
                    break
                shared = likeness.to(text)
                if shared >= floor:
                    hits.append(Hit(key, text, float(fused[at]), shared))
            return hits


def fuse(views: Sequence[Scores]) -> Scores:
    """One score of several: the mean of each view's share of its own best.

    By the share of the best and not by rank: ranks forget how far behind the second is (measured
    in ``bench/knowledge.py``, beside reciprocal ranks).
    """
    total = np.zeros_like(views[0])
    for scores in views:
        total += scores / max(float(scores.max(initial=0.0)), 1e-9)
    return total / np.float32(len(views))


def best(scores: Scores, most: int) -> list[int]:
    """The numbers of the highest scores, the highest first; of equals the earlier."""
    if len(scores) > most:
        some = np.argpartition(-scores, most - 1)[:most]
        edge = scores[some].min()
        some = np.flatnonzero(scores >= edge) if edge > 0 else some
    else:
        some = np.arange(len(scores))
    return [int(at) for at in some[np.lexsort((some, -scores[some]))][:most]]


class _Likeness:
    """How much texts share with one question; what a term weighs is worked out once."""

    def __init__(self, question: str, rarity: Callable[[str], float]) -> None:
        self._rarity = rarity
        self._weights: dict[str, float] = {}
        self._asked = set(characters(question))
        self._all = self._sum(self._asked)

    def _sum(self, terms: set[str]) -> float:
        known, total = self._weights, 0.0
        for term in terms:
            weight = known.get(term)
            if weight is None:
                weight = known[term] = self._rarity(term)
            total += weight
        return total

    def to(self, text: str) -> float:
        said = set(characters(text))
        both = self._asked & said
        return 2 * self._sum(both) / (self._all + self._sum(said) or 1.0) if both else 0.0


def alike(one: str, other: str, rarity: Callable[[str], float] | None = None) -> float:
    """What two texts share of all they say (Dice), 0–1; rare characters and pairs weigh more."""
    return _Likeness(one, rarity or _equal).to(other)


def _equal(_term: str) -> float:
    return 1.0
