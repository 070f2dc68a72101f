"""Our own frozen exam, read by the shipped reader trained on the shipped corpus."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nlp import Understander, corpus, exam, jsonl
from nlp.corpus import Example
from nlp.heads.model import HEADS
from nlp.heads.training import train

from . import homophones, scores
from .shape import Bar, Figure, Sources

Plain = dict[str, Any]

_PARTS = (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)
"""Of the corpus, shuffled with a fixed seed: the learning curve."""
_BARS = {
    "open_f1": Bar(95, 90),
    "fault_type.macro_f1": Bar(80, 65),
    "P0.recall": Bar(97, 90),
    "P0.precision": Bar(80, 65),
    "emotion.within_one": Bar(95, 85),
    "phone.f1": Bar(97, 92),
    "device.f1": Bar(70, 55),
    "location.f1": Bar(70, 55),
}
_SECOND_READER = {
    "intent.accuracy": 98.9,
    "fault_type.accuracy": 88.9,
    "priority.accuracy": 86.1,
    "emotion.within_one": 98.9,
    "device.f1": 80.0,
    "location.f1": 81.0,
    "time.f1": 60.0,
}
"""How far a second careful reader agreed on messages of this kind: the ceiling."""


def figures(sources: Sources) -> Iterator[Figure]:
    """The exam, the exam misheard, and how both it and held-out rows grow with the corpus; needs
    no data folder.
    """
    del sources
    asked, examples = exam.load(), list(corpus.load())
    random.Random(0).shuffle(examples)
    for part in _PARTS:
        reader = Understander(train(examples[: int(part * len(examples))], "bench", _silent))
        yield from _curve(part, asked, reader)
    usual = _usual(asked)
    said = _answers(reader, [example.text for example in asked])
    yield from (
        Figure(
            f"exam.{name}", value, "exam", len(asked),
            ci=edges, bar=_BARS.get(name),
            baselines={"majority": usual[name]} if name in usual else {},
            published={"second reader": _SECOND_READER[name]} if name in _SECOND_READER else {},
        )
        for name, value, edges in judged(asked, said)
    )  # fmt: skip
    for percent in homophones.PERCENTS:
        texts = homophones.misheard([example.text for example in asked], percent / 100)
        heard = [(e, a) for e, a in zip(asked, _answers(reader, texts), strict=True)]
        for head in ("intent", "fault_type", "priority"):
            right = np.array([getattr(e, head) == a[head] for e, a in heard])
            edges = scores.interval(scores.share, right)
            name = f"exam.misheard_{percent}.{head}.accuracy"
            yield Figure(name, scores.share(right), "exam", len(asked), ci=edges)


def _curve(part: float, asked: Sequence[Example], reader: Understander) -> Iterator[Figure]:
    """Accuracy on the exam and on held-out corpus rows of a model taught on a part."""
    answers = _answers(reader, [example.text for example in asked])
    about = reader.model.about
    for head in HEADS:
        right = np.array(
            [getattr(e, head) == str(a[head]) for e, a in zip(asked, answers, strict=True)]
        )
        edges = scores.interval(scores.share, right)
        name = f"curve.{part:.0%}.{head}.accuracy"
        taught = f"学了 {about['examples']} 条"
        yield Figure(name, scores.share(right), "exam", len(asked), ci=edges, note=taught)
        held_out = about["figures"][head]["accuracy"] * 100
        yield Figure(
            name, held_out, "corpus, 5 folds", about["examples"], note="只有模型，没有规则"
        )


def _answers(reader: Understander, texts: Sequence[str]) -> list[Plain]:
    return [jsonl.plain(reader.understand(text)) for text in texts]


def _silent(message: str) -> None:
    del message


def judged(
    asked: Sequence[Example], answers: Sequence[Plain]
) -> Iterator[tuple[str, float, tuple[float, float]]]:
    """Name, value and interval of everything said about these messages."""
    for head in HEADS:
        truth, answer = scores.coded(
            [getattr(e, head) for e in asked], [str(a[head]) for a in answers]
        )
        for kind, score in (("accuracy", scores.accuracy), ("macro_f1", scores.macro_f1)):
            yield f"{head}.{kind}", score(truth, answer), scores.interval(score, truth, answer)
    near = np.array(
        [abs(int(e.emotion) - int(a["emotion"])) <= 1 for e, a in zip(asked, answers, strict=True)]
    )
    yield "emotion.within_one", scores.share(near), scores.interval(scores.share, near)
    for name, head, label in (("open", "intent", "report"), ("P0", "priority", "P0")):
        truth = np.array([getattr(e, head) == label for e in asked])
        answer = np.array([a[head] == label for a in answers])
        for kind, score in (
            ("recall", _recall),
            ("precision", _precision),
            ("f1", scores.micro_f1),
        ):
            name_of = f"{name}_{kind}" if name == "open" else f"{name}.{kind}"
            yield name_of, score(truth, answer), scores.interval(score, truth, answer)
    yield from _entities(asked, answers)


def _entities(
    asked: Sequence[Example], answers: Sequence[Plain]
) -> Iterator[tuple[str, float, tuple[float, float]]]:
    """F1 of exact words, kind by kind."""
    for kind in jsonl.KINDS:
        counts = []
        for example, answer in zip(asked, answers, strict=True):
            said = Counter(answer["entities"][kind])
            real = Counter(
                example.text[e.start : e.end] for e in example.entities if e.kind == kind
            )
            counts.append((sum((said & real).values()), said.total(), real.total()))
        table = np.array(counts)
        yield f"{kind}.f1", _counted(table), scores.interval(_counted, table)


def _counted(table: Any) -> float:
    return scores.f1(*table.sum(axis=0))


def _recall(truth: scores.Bools, answer: scores.Bools) -> float:
    return float(100 * (truth & answer).sum() / max(truth.sum(), 1))


def _precision(truth: scores.Bools, answer: scores.Bools) -> float:
    return float(100 * (truth & answer).sum() / max(answer.sum(), 1))


def _usual(asked: Sequence[Example]) -> dict[str, float]:
    """What always giving the corpus's commonest label would score."""
    found = {}
    for head in HEADS:
        label = Counter(getattr(e, head) for e in corpus.load()).most_common(1)[0][0]
        truth, answer = scores.coded([getattr(e, head) for e in asked], [label] * len(asked))
        found[f"{head}.accuracy"] = scores.accuracy(truth, answer)
        found[f"{head}.macro_f1"] = scores.macro_f1(truth, answer)
    return found
