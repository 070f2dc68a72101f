"""Whole readings of messages (all four decisions and the entities) against the truth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp import Understander, jsonl
from nlp.corpus import Example
from nlp.heads.model import HEADS

from . import scores
from .shape import BadFile, Bar, Figure

Plain = dict[str, Any]
"""As ``paidan understand --jsonl`` writes a message: a key a head, and ``entities`` by kind."""

BARS = {
    "open_f1": Bar(95, 90),
    "fault_type.macro_f1": Bar(80, 65),
    "P0.recall": Bar(97, 90),
    "P0.precision": Bar(80, 65),
    "emotion.within_one": Bar(95, 85),
    "phone.f1": Bar(97, 92),
    "device.f1": Bar(70, 55),
    "location.f1": Bar(70, 55),
}
SECOND_READER = {
    "intent.accuracy": 98.9,
    "fault_type.accuracy": 88.9,
    "priority.accuracy": 86.1,
    "emotion.within_one": 98.9,
    "device.f1": 80.0,
    "location.f1": 81.0,
    "time.f1": 60.0,
}
"""How far a second careful reader agreed on messages of this kind: the ceiling."""


def truth(example: Example) -> Plain:
    """A labelled message in the shape of an answer."""
    found: dict[str, list[str]] = {kind: [] for kind in jsonl.KINDS}
    for kind, start, end in example.entities:
        found[kind].append(example.text[start:end])
    return {"text": example.text, "entities": found} | {h: getattr(example, h) for h in HEADS}


def labelled(path: Path) -> list[Plain]:
    """Messages with labels, a JSON object a line: ``text``, the four heads, ``entities``.

    Raises:
        BadFile: a line is no such object.
    """
    rows = []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found = {kind: list(row["entities"].get(kind, ())) for kind in jsonl.KINDS}
            heads = {head: str(row[head]) for head in HEADS}
            rows.append({"text": str(row["text"]), "entities": found} | heads)
        except (ValueError, TypeError, KeyError, AttributeError) as wrong:
            raise BadFile(f"{path}:{number}: not a labelled message: {wrong!r}") from None
    if not rows:
        raise BadFile(f"{path}: holds no rows")
    return rows


def answers(reader: Understander, texts: Sequence[str]) -> list[Plain]:
    """What the reader says, the heads as words."""
    plain = [jsonl.plain(reader.understand(text)) for text in texts]
    return [said | {head: str(said[head]) for head in HEADS} for said in plain]


def figures(
    name: str, on: str, asked: Sequence[Plain], said: Sequence[Plain], usual: Plain
) -> Iterator[Figure]:
    """Everything said about these messages; ``usual`` holds the commonest label of each head."""
    constant = {metric: value for metric, value, _ in _heads(asked, [usual] * len(asked))}
    for metric, value, edges in [*_heads(asked, said), *_entities(asked, said)]:
        ceiling = {"second reader": SECOND_READER[metric]} if metric in SECOND_READER else {}
        rivals = {"majority": constant[metric]} if metric in constant else {}
        yield Figure(
            f"{name}.{metric}", value, on, len(asked),
            ci=edges, baselines=rivals, published=ceiling, bar=BARS.get(metric),
        )  # fmt: skip


def right(head: str, asked: Sequence[Plain], said: Sequence[Plain]) -> scores.Bools:
    """Which messages are answered right."""
    return np.array([real[head] == answer[head] for real, answer in zip(asked, said, strict=True)])


Scored = tuple[str, float, tuple[float, float]]


def _heads(asked: Sequence[Plain], said: Sequence[Plain]) -> Iterator[Scored]:
    for head in HEADS:
        real, answer = scores.coded([row[head] for row in asked], [row[head] for row in said])
        for kind, score in (("accuracy", scores.accuracy), ("macro_f1", scores.macro_f1)):
            yield f"{head}.{kind}", score(real, answer), scores.interval(score, real, answer)
    steps = [int(r["emotion"]) - int(a["emotion"]) for r, a in zip(asked, said, strict=True)]
    near = np.abs(steps) <= 1
    yield "emotion.within_one", scores.share(near), scores.interval(scores.share, near)
    for name, head, label in (("open_", "intent", "report"), ("P0.", "priority", "P0")):
        is_it = np.array([row[head] == label for row in asked])
        called = np.array([row[head] == label for row in said])
        for kind, score in (
            ("recall", _recall),
            ("precision", _precision),
            ("f1", scores.micro_f1),
        ):
            yield name + kind, score(is_it, called), scores.interval(score, is_it, called)


def _entities(asked: Sequence[Plain], said: Sequence[Plain]) -> Iterator[Scored]:
    """F1 of exact words, kind by kind."""
    for kind in jsonl.KINDS:
        counts = []
        for row, answer in zip(asked, said, strict=True):
            real, found = Counter(row["entities"][kind]), Counter(answer["entities"][kind])
            counts.append((sum((real & found).values()), found.total(), real.total()))
        table = np.array(counts)
        yield f"{kind}.f1", _counted(table), scores.interval(_counted, table)


def _counted(table: npt.NDArray[np.int64]) -> float:
    return scores.f1(*table.sum(axis=0))


def _recall(truth: scores.Bools, answer: scores.Bools) -> float:
    return float(100 * (truth & answer).sum() / max(truth.sum(), 1))


def _precision(truth: scores.Bools, answer: scores.Bools) -> float:
    return float(100 * (truth & answer).sum() / max(answer.sum(), 1))
