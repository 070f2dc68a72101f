"""Learning from rows and labels: fitting, answers out of fold, pruning, confidence.

Labels are whole numbers here (places in a list of labels). A classifier is one line of weights a
label, one against all others; what it knows of rows it has not seen comes from answers out of
fold, each given by a classifier that was not shown the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FOLDS: Final = 5
_TEMPERATURES: Final = np.geomspace(0.05, 2.0, 60)
_CLOSE: Final = 0.01
"""Where the solver stops: answers are the same as at 0.0001, in half the time."""
_NEVER: Final = -3.0
"""The score of a label that stands in no lesson: below any that is merely unlikely."""
_SUSPECT: Final = 0.02
"""A row whose own label gets less than this out of fold is mislabelled more often than not; a
stricter bound would take the rare labels first.
"""
_READINGS: Final = 2
"""Times the rows are judged out of fold, shuffled anew, before one is dropped."""


class Lesson(NamedTuple):
    """How to learn: the price of a mistake (SVM's C), whether rare labels count as much as common
    ones, and whether rows that look mislabelled are dropped first.
    """

    strength: float = 1.0
    balanced: bool = False
    prune: bool = False


class Lines(NamedTuple):
    """Weights, a line a label, and offsets; scores are ``rows @ weights.T + offsets``."""

    weights: Floats
    offsets: Floats

    def scores(self, rows: csr_matrix) -> Floats:
        return np.asarray(rows @ self.weights.T + self.offsets)


def fit(
    rows: csr_matrix, truth: Ints, size: int, lesson: Lesson, counts: Floats | None = None
) -> Lines:
    """One line for each of ``size`` labels; ``counts`` is how much each row weighs (all 1)."""
    lines = Lines(np.zeros((size, rows.shape[1])), np.full(size, _NEVER))
    seen = np.unique(truth)
    if len(seen) == 1:
        lines.offsets[seen] = 1.0
        return lines
    weight = "balanced" if lesson.balanced else None
    machine = LinearSVC(C=lesson.strength, class_weight=weight, random_state=0, tol=_CLOSE)
    machine.fit(rows, truth, sample_weight=counts)
    if len(seen) == 2:  # noqa: PLR2004  (scikit-learn keeps one line for two labels)
        lines.weights[seen] = np.vstack([-machine.coef_, machine.coef_])
        lines.offsets[seen] = [-machine.intercept_[0], machine.intercept_[0]]
    else:
        lines.weights[seen] = machine.coef_
        lines.offsets[seen] = machine.intercept_
    return lines


def fit_sets(rows: csr_matrix, truth: Bools, lesson: Lesson) -> Lines:
    """One line for each column of ``truth``, learnt apart: a row may hold several labels."""
    lines = Lines(np.zeros((truth.shape[1], rows.shape[1])), np.full(truth.shape[1], _NEVER))
    for label in range(truth.shape[1]):
        if truth[:, label].any():
            both = fit(rows, truth[:, label].astype(np.int64), 2, lesson)
            lines.weights[label], lines.offsets[label] = both.weights[1], both.offsets[1]
    return lines


def folds(truth: Ints, number: int = FOLDS, seed: int = 0) -> Iterator[tuple[Ints, Ints]]:
    """Rows to learn from and rows to answer, ``number`` times; every label is spread evenly."""
    shuffled = np.random.default_rng(seed).permutation(len(truth))
    dealt = np.empty(len(truth), dtype=np.int64)
    dealt[shuffled[np.argsort(truth[shuffled], kind="stable")]] = np.arange(len(truth)) % number
    for fold in range(number):
        yield np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)


def held_out(
    rows: csr_matrix,
    truth: Ints,
    size: int,
    lesson: Lesson,
    *,
    counts: Floats | None = None,
    teach: Bools | None = None,
    seed: int = 0,
) -> Floats:
    """Scores of every row, out of fold. Only rows marked in ``teach`` are learnt from."""
    scores = np.zeros((len(truth), size))
    for seen, unseen in folds(truth, seed=seed):
        shown = seen if teach is None else seen[teach[seen]]
        weighed = None if counts is None else counts[shown]
        scores[unseen] = fit(rows[shown], truth[shown], size, lesson, weighed).scores(rows[unseen])
    return scores


def trusted(
    rows: csr_matrix, truth: Ints, size: int, lesson: Lesson, sure: Bools | None = None
) -> Bools:
    """Which rows to keep when labels are noisy: those that others of their label speak for.

    Two rounds: the worst half of the suspects goes first, so that the second judgement is given
    by classifiers they no longer mislead. Rows marked in ``sure`` always stay.
    """
    safe = np.zeros(len(truth), dtype=bool) if sure is None else sure
    keep = np.ones(len(truth), dtype=bool)
    for last in (False, True):
        belief = _belief(rows, truth, size, lesson, keep)
        suspects = np.flatnonzero((belief < _SUSPECT) & ~safe)
        worst = suspects[np.argsort(belief[suspects], kind="stable")]
        keep = np.ones(len(truth), dtype=bool)
        keep[worst if last else worst[: len(worst) // 2]] = False
    return keep


def _belief(rows: csr_matrix, truth: Ints, size: int, lesson: Lesson, teach: Bools) -> Floats:
    """The confidence in each row's own label, out of fold, averaged over readings."""
    lines = np.arange(len(truth))
    total = np.zeros(len(truth))
    for seed in range(_READINGS):
        scores = held_out(rows, truth, size, lesson, teach=teach, seed=seed)
        total += softmax(scores, temperature(scores[teach], truth[teach]))[lines, truth]
    return total / _READINGS


def softmax(scores: Floats, temperature: float) -> Floats:
    """Confidences, a line a row; each adds up to one."""
    odds = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def temperature(scores: Floats, truth: Ints) -> float:
    """The temperature under which the true labels of held-out rows are likeliest."""
    lines = np.arange(len(truth))

    def surprise(t: float) -> float:
        return float(-np.log(softmax(scores, t)[lines, truth] + 1e-9).mean())

    return float(min(_TEMPERATURES, key=surprise))


def threshold(confidence: Floats, right: Bools, wanted: float) -> float:
    """The lowest confidence above which answers are right often enough; 0 accepts all."""
    order = np.argsort(-confidence)
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= wanted)
    if len(enough) == 0:
        return 1.0
    last = int(enough[-1])
    return 0.0 if last == len(order) - 1 else float(confidence[order[last]])
