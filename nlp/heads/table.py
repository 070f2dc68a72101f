"""Messages as sparse rows: n-grams weighted by rarity and scaled to length one, then facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from nlp.heads.features import FACT, Features

FACT_WEIGHT: Final = 0.04
RAREST: Final = 2
"""An n-gram must stand in this many messages to be kept."""


class Table(NamedTuple):
    """What the columns mean and how much each counts before the row is scaled."""

    vocabulary: tuple[str, ...]
    rarity: npt.NDArray[np.float32]

    def with_columns_of(self, other: Table) -> Table:
        """This table with what only the other knows behind it; what it has stays as it is."""
        known = set(self.vocabulary)
        news = [place for place, name in enumerate(other.vocabulary) if name not in known]
        names = (*self.vocabulary, *(other.vocabulary[place] for place in news))
        return Table(names, np.concatenate([self.rarity, other.rarity[news]]))

    def rows(self, messages: Sequence[Features]) -> csr_matrix:
        """A line a message, as :meth:`nlp.heads.model.Model.answer` weighs it."""
        column = {name: place for place, name in enumerate(self.vocabulary)}
        values: list[float] = []
        indices: list[int] = []
        ends = [0]
        for message in messages:
            written = _known(column, message.grams)
            facts = _known(column, (FACT + fact for fact in message.facts))
            length = float(np.linalg.norm(self.rarity[written])) or 1.0
            values.extend((self.rarity[written] / length).tolist())
            values.extend(self.rarity[facts].tolist())
            indices.extend(written + facts)
            ends.append(len(indices))
        return csr_matrix((values, indices, ends), shape=(len(messages), len(column)))


def build(messages: Sequence[Features]) -> Table:
    """The n-grams and facts worth keeping, with their rarity in these messages."""
    grams = Counter(gram for message in messages for gram in message.grams)
    facts = Counter(FACT + fact for message in messages for fact in message.facts)
    weight = {
        gram: float(np.log((1 + len(messages)) / (1 + count)) + 1)
        for gram, count in sorted(grams.items())
        if count >= RAREST
    }
    weight |= {fact: FACT_WEIGHT for fact, count in sorted(facts.items()) if count >= RAREST}
    return Table(tuple(weight), np.array(list(weight.values()), dtype=np.float32))


def _known(column: dict[str, int], names: Iterable[str]) -> list[int]:
    return [column[name] for name in names if name in column]
