"""Scores of answers against truth, in per cent, and how far chance may have moved them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

RESAMPLES = 500


def coded(*columns: Sequence[str]) -> list[Ints]:
    """The same labels as whole numbers, equal across all columns."""
    place = {label: i for i, label in enumerate(sorted({lab for col in columns for lab in col}))}
    return [np.array([place[label] for label in column], dtype=np.int64) for column in columns]


def accuracy(truth: Ints, answer: Ints) -> float:
    return float((truth == answer).mean() * 100)


def macro_f1(truth: Ints, answer: Ints) -> float:
    """Mean F1 over every label that stands in the truth or the answers, as scikit-learn has it."""
    size = int(max(truth.max(), answer.max())) + 1
    said = np.bincount(answer, minlength=size)
    real = np.bincount(truth, minlength=size)
    hits = np.bincount(truth[truth == answer], minlength=size)
    seen = (said + real) > 0
    return float((2 * hits[seen] / (said + real)[seen]).mean() * 100)


def micro_f1(truth: Bools, answer: Bools) -> float:
    """Over all (message, label) cells of a multi-label task."""
    return float(200 * (truth & answer).sum() / max(truth.sum() + answer.sum(), 1))


def f1(hits: float, said: float, real: float) -> float:
    """F1 from counts."""
    return 200 * hits / max(said + real, 1)


def share(flags: npt.NDArray[Any]) -> float:
    """Per cent of rows that hold."""
    return float(flags.mean() * 100)


def interval(
    score: Callable[..., float], *columns: npt.NDArray[Any], seed: int = 0
) -> tuple[float, float]:
    """95 % percentile bootstrap over rows; the columns are resampled together."""
    draw = np.random.default_rng(seed)
    size = len(columns[0])
    scores = []
    for _ in range(RESAMPLES):
        rows = draw.integers(0, size, size)
        scores.append(score(*(column[rows] for column in columns)))
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


def calibration_error(confidence: Floats, right: Bools, bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over equal-width bins,
    weighted by their rows; 0 to 100.
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    distance = 0.0
    for number in range(bins):
        inside = place == number
        if inside.any():
            distance += abs(right[inside].mean() - confidence[inside].mean()) * inside.sum()
    return float(100 * distance / len(right))


def coverage(confidence: Floats, right: Bools, precision: float) -> float:
    """Per cent of rows that may be accepted, surest first, while this share of them is right."""
    order = np.argsort(-confidence, kind="stable")
    so_far = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(so_far >= precision)
    return 100 * float(enough[-1] + 1) / len(order) if len(enough) else 0.0
