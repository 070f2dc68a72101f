"""One label a message: our answers, majority and words on the same rows, as figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nlp.heads.recipe import Classifier

from . import baselines, homophones, scores
from .sets import Text
from .shape import Bar, Figure

PRECISIONS = (0.90, 0.95, 0.97)
SCORES = {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1}


class Known(NamedTuple):
    """What a set is held against: bars and published figures by metric."""

    bars: Mapping[str, Bar] = {}
    published: Mapping[str, Mapping[str, float | str]] = {}


class Rivals:
    """Simple means taught on the same rows."""

    def __init__(self, taught: Sequence[Text]) -> None:
        labels = [row.label for row in taught]
        self._commonest = baselines.commonest(labels)
        self._words = baselines.words().fit([row.text for row in taught], labels)

    def answers(self, texts: Sequence[str]) -> dict[str, list[str]]:
        """By the name of the means."""
        words = [str(label) for label in self._words.predict(list(texts))]
        return {"majority": [self._commonest] * len(texts), "jieba words": words}


def single(
    name: str, on: str, asked: Sequence[Text], taught: Classifier, beside: Rivals, known: Known
) -> Iterator[Figure]:
    """Accuracy and macro-F1 with everything beside them."""
    texts = [row.text for row in asked]
    others = beside.answers(texts)
    labels = [row.label for row in asked]
    truth, ours, *rest = scores.coded(labels, taught.answers(texts), *others.values())
    for metric, score in SCORES.items():
        yield Figure(
            f"{name}.{metric}", score(truth, ours), on, len(asked),
            ci=scores.interval(score, truth, ours),
            baselines={who: score(truth, said) for who, said in zip(others, rest, strict=True)},
            published=known.published.get(metric, {}),
            bar=known.bars.get(metric),
        )  # fmt: skip


def misheard(
    name: str, on: str, asked: Sequence[Text], taught: Classifier, beside: Rivals
) -> Iterator[Figure]:
    """Accuracy and macro-F1 with some characters swapped for others that sound the same."""
    labels = [row.label for row in asked]
    for percent in homophones.PERCENTS:
        texts = homophones.misheard([row.text for row in asked], percent / 100)
        words = beside.answers(texts)["jieba words"]
        truth, ours, theirs = scores.coded(labels, taught.answers(texts), words)
        for metric, score in SCORES.items():
            yield Figure(
                f"{name}.misheard_{percent}.{metric}", score(truth, ours), on, len(asked),
                ci=scores.interval(score, truth, ours),
                baselines={"jieba words": score(truth, theirs)},
            )  # fmt: skip


def confidence(name: str, on: str, asked: Sequence[Text], taught: Classifier) -> Iterator[Figure]:
    """How honest the confidences are, and how much may be accepted without a person."""
    shares = taught.shares([row.text for row in asked])
    best = shares.argmax(axis=1)
    right = np.array([taught.labels[b] == r.label for b, r in zip(best, asked, strict=True)])
    sure = shares.max(axis=1)
    yield Figure(f"{name}.ece", scores.calibration_error(sure, right), on, len(asked))
    for precision in PRECISIONS:
        accepted = scores.coverage(sure, right, precision)
        yield Figure(f"{name}.coverage_at_{precision:.0%}", accepted, on, len(asked))
