"""The bench's scores agree with scikit-learn's, and with hand counts where it has none."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from bench.understanding_rows import scores
from bench.understanding_rows.shape import Bar


@pytest.fixture(params=[0, 1, 2])
def draw(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def test_single_label_scores_are_scikit_learns(draw: np.random.Generator) -> None:
    truth, answer = draw.integers(0, 9, 300), draw.integers(2, 12, 300)
    assert scores.accuracy(truth, answer) == pytest.approx(100 * accuracy_score(truth, answer))
    expected = 100 * f1_score(truth, answer, average="macro")
    assert scores.macro_f1(truth, answer) == pytest.approx(expected)


def test_multi_label_score_is_scikit_learns(draw: np.random.Generator) -> None:
    truth, answer = draw.random((200, 7)) < 0.2, draw.random((200, 7)) < 0.3
    expected = 100 * f1_score(truth, answer, average="micro")
    assert scores.micro_f1(truth, answer) == pytest.approx(expected)


def test_labels_are_coded_alike_in_all_columns() -> None:
    truth, answer = scores.coded(["b", "a"], ["c", "a"])
    assert truth.tolist() == [1, 0]
    assert answer.tolist() == [2, 0]


def test_the_interval_holds_the_score_and_shrinks_with_rows(draw: np.random.Generator) -> None:
    widths = []
    for size in (100, 2500):
        truth = draw.integers(0, 2, size)
        answer = np.where(draw.random(size) < 0.8, truth, 1 - truth)
        low, high = scores.interval(scores.accuracy, truth, answer)
        assert low < scores.accuracy(truth, answer) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 3


def test_calibration_error_is_the_gap_between_said_and_true() -> None:
    sure = np.full(100, 0.9)
    right = np.arange(100) < 60
    assert scores.calibration_error(sure, right) == pytest.approx(30)
    assert scores.calibration_error(sure, np.arange(100) < 90) == pytest.approx(0, abs=1e-9)


def test_coverage_counts_the_surest_rows_that_are_right_enough() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, False, True, False])
    assert scores.coverage(confidence, right, 1.0) == 40
    assert scores.coverage(confidence, right, 0.75) == 80
    assert scores.coverage(confidence, ~right, 0.9) == 0


def test_a_bar_is_met_from_either_side() -> None:
    assert [Bar(86, 84).met(value) for value in (86, 85, 83)] == ["bold", "minimum", "no"]
    fast = Bar(60, 1000, lower=True)
    assert [fast.met(value) for value in (50, 900, 1001)] == ["bold", "minimum", "no"]
