"""BM25 (Robertson and Zaragoza 2009) over one view of texts that come and go one at a time.

Postings are growing arrays that numpy reads in place, so that a text is found as soon as it was
added and nothing is ever rebuilt. ``K1`` and ``B`` are Lucene's for short passages (Anserini).
"""

from __future__ import annotations

import math
from array import array
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from nlp.knowledge.views import View

K1, B = 0.9, 0.4
_MANY = 500
"""Up to so many texts a term is looked up however common it is."""
Scores = NDArray[np.float32]


class Bm25:
    """Scores of every text so far for a question; texts are numbered in the order of adding."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._postings: dict[str, tuple[array[int], array[int]]] = {}
        self._lengths = array("f")
        self._norms: Scores | None = None

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, text: str) -> None:
        """Number the next text."""
        counted = Counter(self._view(text))
        number = len(self._lengths)
        for term, times in counted.items():
            numbers, frequencies = self._postings.setdefault(term, (array("i"), array("H")))
            numbers.append(number)
            frequencies.append(min(times, 65_535))
        self._lengths.append(counted.total())
        self._norms = None

    def scores(self, question: str) -> Scores:
        """One score for each text, 0 where no term is shared."""
        total = len(self._lengths)
        found = np.zeros(total, np.float32)
        norms = self._normed()
        for posting in self._telling(question):
            numbers = np.frombuffer(posting[0], np.int32)
            times = np.frombuffer(posting[1], np.uint16).astype(np.float32)
            rare = math.log(1 + (total - len(numbers) + 0.5) / (len(numbers) + 0.5))
            found[numbers] += rare * (K1 + 1) * times / (times + norms[numbers])
        return found

    def _telling(self, question: str) -> list[tuple[array[int], array[int]]]:
        """The postings of the question's terms; of many texts without the terms that every tenth
        has, which cost most and tell least, unless there are no others.
        """
        terms = dict.fromkeys(self._view(question))
        known = [posting for term in terms if (posting := self._postings.get(term))]
        most = max(len(self._lengths) // 10, _MANY)
        return [posting for posting in known if len(posting[0]) <= most] or known

    def rarity(self, term: str) -> float:
        """How much it tells that a text has this term: its inverse document frequency."""
        posting = self._postings.get(term)
        many, total = len(posting[0]) if posting else 0, len(self._lengths)
        return math.log(1 + (total - many + 0.5) / (many + 0.5))

    def _normed(self) -> Scores:
        if self._norms is None:
            lengths = np.frombuffer(self._lengths, np.float32).copy()
            usual = float(lengths.mean()) if len(lengths) else 1.0
            self._norms = (K1 * (1 - B + B * lengths / (usual or 1.0))).astype(np.float32)
        return self._norms
