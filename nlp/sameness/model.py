"""A learnt decision about pairs at work: tables and numpy, nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int16]
CLIP = 3.0
"""How many spreads from the middle a fact may count."""


class Compared(NamedTuple):
    """Two texts as the learner sees them: named numbers, and marks that are there or not."""

    facts: dict[str, float]
    marks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Linear:
    """A logistic model: a weight for each mark; for each fact a slope and one weight a step."""

    marks: Mapping[str, float]
    middle: Floats
    spread: Floats
    slope: Floats
    edges: Floats
    steps: Floats
    bias: float

    def score(self, facts: Floats, marks: Collection[str]) -> float:
        """The log-odds of being the same."""
        scaled = np.clip((facts - self.middle) / self.spread, -CLIP, CLIP)
        step = (facts[:, None] > self.edges).sum(axis=1)
        told = math.fsum(self.marks.get(mark, 0.0) for mark in marks)
        stepped = self.steps[np.arange(len(step)), step].sum()
        return float(scaled @ self.slope + stepped + told + self.bias)


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted trees, one a row; a leaf leads to itself."""

    fact: Ints
    limit: Floats
    left: Ints
    right: Ints
    value: Floats
    depth: int
    bias: float

    def score(self, facts: Floats) -> float:
        """The log-odds of being the same."""
        seen = facts.astype(np.float32)
        row = np.arange(len(self.fact))
        node = np.zeros(len(row), dtype=np.int16)
        for _ in range(self.depth):
            low = seen[self.fact[row, node]] <= self.limit[row, node]
            node = np.where(low, self.left[row, node], self.right[row, node])
        return float(self.value[row, node].sum() + self.bias)


class PairModel:
    """Whether two texts are the same, by both kinds of table. Immutable."""

    def __init__(self, names: tuple[str, ...], linear: Linear, trees: Trees) -> None:
        self.names = names
        self.linear = linear
        self.trees = trees

    def probability(self, facts: Mapping[str, float], marks: Collection[str]) -> float:
        """How likely the two are the same, 0 to 1."""
        row = np.array([facts[name] for name in self.names])
        odds = (self.linear.score(row, marks) + self.trees.score(row)) / 2
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))

    def tables(self) -> dict[str, npt.NDArray[Any]]:
        """Everything as arrays, for a file."""
        head = {
            "names": self.names,
            "marks": list(self.linear.marks),
            "linear_bias": self.linear.bias,
            "trees_bias": self.trees.bias,
            "depth": self.trees.depth,
        }
        return {
            "pair_head": np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
            "pair_marks": np.array(list(self.linear.marks.values()), dtype=np.float32),
            **{f"linear_{n}": getattr(self.linear, n) for n in _LINEAR},
            **{f"trees_{n}": getattr(self.trees, n) for n in _TREES},
        }

    @classmethod
    def of(cls, tables: Mapping[str, npt.NDArray[Any]]) -> PairModel:
        """The model of :meth:`tables`.

        Raises:
            KeyError: a table is missing.
        """
        head = json.loads(tables["pair_head"].tobytes())
        marks = dict(zip(head["marks"], tables["pair_marks"].tolist(), strict=True))
        linear = {name: tables[f"linear_{name}"] for name in _LINEAR}
        trees = {name: tables[f"trees_{name}"] for name in _TREES}
        return cls(
            tuple(head["names"]),
            Linear(marks=marks, bias=head["linear_bias"], **linear),
            Trees(depth=head["depth"], bias=head["trees_bias"], **trees),
        )


_LINEAR = ("middle", "spread", "slope", "edges", "steps")
_TREES = ("fact", "limit", "left", "right", "value")
