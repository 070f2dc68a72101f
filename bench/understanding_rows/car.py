"""Car complaints: which systems are at fault, one or more of 17; learnt from earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nlp.heads.recipe import learn_sets

from . import baselines, scores, sets
from .scores import Bools, Floats
from .sets import Complaint
from .shape import Bar, Figure, Sources

EARLIER = 0.7
"""Where there is no test part, this share of train (by date) teaches and the rest is asked."""
_BARS = {"micro_f1": Bar(86, 84), "top1": Bar(93, 92)}


def figures(sources: Sources) -> Iterator[Figure]:
    """The last three tenths of train by date, then the test part."""
    train = sets.car(sources.taught("car_complaints/train.jsonl"))
    ordered = sorted(train, key=lambda row: row.date)
    cut = int(len(ordered) * EARLIER)
    yield from _asked("later train", ordered[:cut], ordered[cut:], {})
    if test_file := sources.kept_aside("car_complaints/test.jsonl"):
        yield from _asked("test", train, sets.car(test_file), _BARS)


def _asked(
    on: str, train: Sequence[Complaint], asked: Sequence[Complaint], bars: dict[str, Bar]
) -> Iterator[Figure]:
    texts = [said(row) for row in train]
    known = learn_sets(
        texts,
        [row.labels for row in train],
        details=[row.codes for row in train],
        owner_of=lambda code: code[:1],
    )
    labels = tuple(sorted({*known.labels, *(x for row in asked for x in row.labels)}))
    truth = np.array([[label in row.labels for label in labels] for row in asked])
    questions = [said(row) for row in asked]
    ours = _wide(known.scores(questions), known.labels, labels)
    holds = _wide(known.holds(known.scores(questions)), known.labels, labels) > 0
    taught = np.array([[label in row.labels for label in known.labels] for row in train])
    word_scores = baselines.word_set_scores(texts, taught, questions)
    words = _wide(word_scores, known.labels, labels)
    usual = np.zeros_like(words)
    usual[
        :, labels.index(baselines.commonest([label for row in train for label in row.labels]))
    ] = 1
    for metric, score, sides in (
        ("micro_f1", scores.micro_f1, (holds, usual > 0, _at_least_one(words))),
        ("macro_f1", macro_f1, (holds, usual > 0, _at_least_one(words))),
        ("top1", top1, (ours, usual, words)),
    ):
        yield Figure(
            f"car.train.{metric}", score(truth, sides[0]), on, len(asked),
            ci=scores.interval(score, truth, sides[0]),
            baselines={"majority": score(truth, sides[1]), "jieba words": score(truth, sides[2])},
            bar=bars.get(metric),
            note="厂牌车型已知，不计入文字",
        )  # fmt: skip


def said(row: Complaint) -> str:
    """The complaint without the name of the car: which car it is, is known and says nothing
    about which part failed.
    """
    text = row.text
    for name in row.asset:
        text = text.replace(name, "")
    return text


def macro_f1(truth: Bools, answer: Bools) -> float:
    """Mean F1 over the labels that occur."""
    seen = truth.any(axis=0)
    both = (truth & answer).sum(axis=0)[seen]
    total = (truth.sum(axis=0) + answer.sum(axis=0))[seen]
    return float((200 * both / total).mean())


def top1(truth: Bools, said_scores: Floats) -> float:
    """Per cent of complaints whose likeliest label is one of theirs."""
    return scores.share(truth[np.arange(len(truth)), said_scores.argmax(axis=1)])


def _wide(columns: Floats | Bools, known: Sequence[str], labels: Sequence[str]) -> Floats:
    """Columns in the order of ``labels``; what was never taught scores lowest."""
    wide = np.full((len(columns), len(labels)), min(float(columns.min()), 0.0))
    wide[:, [labels.index(label) for label in known]] = columns
    return wide


def _at_least_one(columns: Floats) -> Bools:
    chosen = columns > 0
    chosen[np.arange(len(columns)), columns.argmax(axis=1)] = True
    return chosen
