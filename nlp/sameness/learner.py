"""The learner of pairs: a logistic model of marks and facts, averaged with boosted trees of facts.

It serves every set of pairs: our own reports and any other that :mod:`nlp.sameness.wording` can
compare. What it learns is a :class:`PairModel` of tables, which needs numpy alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from nlp.sameness.model import CLIP, Compared, Floats, Linear, PairModel, Trees

BINS = 6
"""Each fact is also seen as one of at most this many steps, so that a middle can be best."""
_RAREST = 2
_FACT_WEIGHT = 0.3
_MARK_WEIGHT = 1.0


class Recipe(NamedTuple):
    """How hard to try: regularisation of the logistic model; number, depth and pace of the trees,
    the fewest pairs in a leaf and the share of facts a split may choose from.
    """

    c: float = 0.3
    trees: int = 250
    depth: int = 4
    pace: float = 0.06
    leaf: int = 10
    facts: float = 0.25


def learn(
    pairs: Sequence[Compared],
    same: Sequence[bool],
    weight: Sequence[float] | None = None,
    recipe: Recipe | None = None,
) -> PairModel:
    """A model of these pairs; all of them must have the same facts."""
    truth = np.array(same, dtype=int)
    recipe = recipe or Recipe()
    weights = np.ones(len(truth)) if weight is None else np.array(weight)
    names = tuple(sorted(pairs[0].facts))
    facts = np.array([[pair.facts[name] for name in names] for pair in pairs])
    return PairModel(
        names,
        _linear(pairs, facts, truth, weights, recipe),
        _trees(facts, truth, weights, recipe),
    )


def _linear(
    pairs: Sequence[Compared],
    facts: Floats,
    truth: npt.NDArray[np.int_],
    weights: Floats,
    recipe: Recipe,
) -> Linear:
    held = Counter(mark for pair in pairs for mark in pair.marks)
    column = {mark: n for n, mark in enumerate(sorted(m for m, k in held.items() if k >= _RAREST))}
    middle, spread = facts.mean(axis=0), facts.std(axis=0) + 1e-6
    edges = np.quantile(facts, np.linspace(0, 1, BINS + 1)[1:-1], axis=0).T
    scaled = np.clip((facts - middle) / spread, -CLIP, CLIP) * _FACT_WEIGHT
    steps = (facts[:, :, None] > edges[None]).sum(axis=2) + np.arange(facts.shape[1]) * BINS
    rows = sparse.hstack(
        [
            _indicator([[column[m] for m in p.marks if m in column] for p in pairs], len(column)),
            sparse.csr_matrix(scaled),
            _indicator(steps.tolist(), facts.shape[1] * BINS) * _FACT_WEIGHT,
        ]
    ).tocsr()
    rows.indices, rows.indptr = rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
    machine = LogisticRegression(C=recipe.c, solver="liblinear", max_iter=500)
    machine.fit(rows, truth, sample_weight=weights)
    learnt = machine.coef_[0]
    on_marks, on_facts, on_steps = np.split(learnt, [len(column), len(column) + facts.shape[1]])
    return Linear(
        marks={mark: float(on_marks[n]) for mark, n in column.items()},
        middle=middle,
        spread=spread,
        slope=on_facts * _FACT_WEIGHT,
        edges=edges,
        steps=on_steps.reshape(-1, BINS) * _FACT_WEIGHT,
        bias=float(machine.intercept_[0]),
    )


def _indicator(columns: Sequence[Sequence[int]], width: int) -> sparse.csr_matrix:
    ends = np.cumsum([0, *map(len, columns)])
    indices = np.array([c for row in columns for c in row], dtype=np.int32)
    return sparse.csr_matrix((np.ones(len(indices)), indices, ends), shape=(len(columns), width))


def _trees(facts: Floats, truth: npt.NDArray[np.int_], weights: Floats, recipe: Recipe) -> Trees:
    machine = GradientBoostingClassifier(
        n_estimators=recipe.trees,
        learning_rate=recipe.pace,
        max_depth=recipe.depth,
        subsample=0.7,
        max_features=recipe.facts,
        min_samples_leaf=recipe.leaf,
        random_state=0,
    )
    machine.fit(facts, truth, sample_weight=weights)
    grown = [tree.tree_ for tree in machine.estimators_[:, 0]]
    most = max(tree.node_count for tree in grown)

    def padded(name: str, fill: float) -> Floats:
        rows = np.full((len(grown), most), fill)
        for row, tree in enumerate(grown):
            values = getattr(tree, name)
            rows[row, : tree.node_count] = values[:, 0, 0] if name == "value" else values
        return rows

    here = np.arange(most)
    left, right = padded("children_left", -1).astype(int), padded("children_right", -1).astype(int)
    leaf = left < 0
    prior = np.log(np.average(truth, weights=weights) / (1 - np.average(truth, weights=weights)))
    return Trees(
        fact=np.where(leaf, 0, padded("feature", 0)).astype(np.int16),
        limit=padded("threshold", 0.0),
        left=np.where(leaf, here, left).astype(np.int16),
        right=np.where(leaf, here, right).astype(np.int16),
        value=padded("value", 0.0) * recipe.pace,
        depth=recipe.depth,
        bias=float(prior),
    )
