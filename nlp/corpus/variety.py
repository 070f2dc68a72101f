"""Whether the corpus is varied: which rows are near-duplicates, and what all rows are worth.

Two messages are compared by their pairs of characters, digits made equal and punctuation left
out: Jaccard similarity, the shared pairs over all pairs.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from nlp.text import fold, zero_digits

TOO_ALIKE: Final = 0.7
"""No two rows may be this similar."""
ALIKE: Final = 0.4
"""Rows this similar count as one kind of saying it when the effective variety is reckoned."""

_NOISE = re.compile(r"[\W_]+")


class Twins(NamedTuple):
    """Two rows that say the same: their positions and how similar they are, 0 to 1."""

    first: int
    second: int
    similarity: float


class Variety(NamedTuple):
    """Rows; pairs that are too alike; and the effective number of rows: each counts for one
    shared among all that are alike, so that ten copies of a sentence are worth one.
    """

    rows: int
    twins: tuple[Twins, ...]
    effective: float


def measure(texts: Sequence[str], too_alike: float = TOO_ALIKE, alike: float = ALIKE) -> Variety:
    """Compare every row with every row that shares a pair of characters with it."""
    pairs = [_pairs(text) for text in texts]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    neighbours = [1] * len(texts)
    twins: list[Twins] = []
    for second, mine in enumerate(pairs):
        shared = Counter(first for pair in mine for first in holders[pair])
        for first, count in shared.items():
            similarity = count / (len(mine) + len(pairs[first]) - count)
            if similarity >= alike:
                neighbours[first] += 1
                neighbours[second] += 1
            if similarity >= too_alike:
                twins.append(Twins(first, second, similarity))
        for pair in mine:
            holders[pair].append(second)
    twins.sort(key=lambda pair: -pair.similarity)
    return Variety(len(texts), tuple(twins), sum(1 / n for n in neighbours))


def _pairs(text: str) -> frozenset[str]:
    plain = _NOISE.sub("", zero_digits(fold(text)))
    return frozenset(plain[at : at + 2] for at in range(len(plain) - 1)) or frozenset(
        (plain or text,)
    )
