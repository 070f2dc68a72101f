"""Whether the labels can be trusted: what the model doubts out of fold, and a second reading.

A row is doubted when a model that has not seen it finds its label unlikely. A second reading is
blind: somebody labels the bare messages of a sheet, and the sheet is then held against the corpus.
"""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sklearn.metrics import cohen_kappa_score

from nlp.corpus import Example, Placed, unmark
from nlp.heads.model import HEADS
from nlp.heads.training import held_out
from workflow.taxonomy import EMOTIONS, FAULT_TYPES, INTENTS, PRIORITIES

ALLOWED: Final = {
    "intent": tuple(INTENTS),
    "fault_type": tuple(FAULT_TYPES),
    "priority": tuple(PRIORITIES),
    "emotion": tuple(EMOTIONS),
}
COLUMNS: Final = ("place", *HEADS, "marked")
"""Of a second reader's sheet; ``marked`` is the message, where its entities may be marked."""


class Doubt(NamedTuple):
    """A label the model finds unlikely: the share it gives it, and what it would say instead."""

    row: Placed
    head: str
    label: str
    share: float
    instead: str
    instead_share: float


class Agreement(NamedTuple):
    """Two readings of one head: how many rows both labelled, the share labelled alike, and the
    same beyond chance (Cohen's kappa). Of entities ``alike`` is the F1 of exact spans.
    """

    head: str
    rows: int
    alike: float
    kappa: float


class Reread(NamedTuple):
    """The second reader's answer beside the corpus, where they differ."""

    row: Placed
    head: str
    label: str
    second: str


def doubts(
    rows: Sequence[Placed], most_likely: float, progress: Callable[[str], None]
) -> list[Doubt]:
    """Labels whose out-of-fold share is below ``most_likely`` (0 to 1), least likely first."""
    found = []
    for head, answers in held_out([row.example for row in rows], progress).items():
        for line, shares in zip(answers.lines, answers.shares, strict=True):
            label = getattr(rows[line].example, head)
            share = float(shares[answers.labels.index(label)])
            if share < most_likely:
                best = int(shares.argmax())
                instead = (answers.labels[best], float(shares[best]))
                found.append(Doubt(rows[line], head, label, share, *instead))
    return sorted(found, key=lambda doubt: doubt.share)


def sheet(rows: Sequence[Placed], size: int, seed: int) -> str:
    """A blind sheet (CSV with :data:`COLUMNS`) of ``size`` rows drawn by lot, labels left empty."""
    drawn = random.Random(seed).sample(range(len(rows)), min(size, len(rows)))  # noqa: S311 - a lot, not a secret
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in drawn:
        text = rows[line].example.text.replace("\n", "\\n")
        writer.writerow((rows[line].place, *("" for _ in HEADS), text))
    return out.getvalue()


def reread(rows: Sequence[Placed], path: Path) -> tuple[list[Agreement], list[Reread]]:
    """Hold a filled sheet against the corpus. Cells left empty were not read.

    Raises:
        ValueError: a column is missing, or a cell holds a label that is none; the text says where.
    """
    known = {row.example.text: row for row in rows}
    pairs: dict[str, list[tuple[str, str]]] = {head: [] for head in HEADS}
    spans: Counter[str] = Counter()
    differ: list[Reread] = []
    for number, row in _filled(path):
        text, marks = unmark(row["marked"])
        first = known.get(text)
        if first is None:
            raise ValueError(f"{path}:{number}: no such message in the corpus: {text}")
        for head in HEADS:
            if second := row[head].strip():
                if second not in ALLOWED[head]:
                    raise ValueError(
                        f"{path}:{number}: {head}: {second!r} is none of {', '.join(ALLOWED[head])}"
                    )
                label = getattr(first.example, head)
                pairs[head].append((label, second))
                if label != second:
                    differ.append(Reread(first, head, label, second))
        if marks:
            _count(spans, first.example, marks)
    figures = [_agreement(head, said) for head, said in pairs.items() if said]
    if spans["rows"]:
        f1 = 2 * spans["both"] / (spans["first"] + spans["second"] or 1)
        figures.append(Agreement("entities", spans["rows"], f1, f1))
    return figures, differ


def _filled(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
            raise ValueError(f"{path}:1: columns are missing: {', '.join(missing)}")
        for row in reader:
            yield reader.line_num, {name: row[name] or "" for name in COLUMNS}


def _count(spans: Counter[str], first: Example, marks: tuple[object, ...]) -> None:
    spans["rows"] += 1
    spans["first"] += len(first.entities)
    spans["second"] += len(marks)
    spans["both"] += len(set(first.entities) & set(marks))


def _agreement(head: str, said: Sequence[tuple[str, str]]) -> Agreement:
    first, second = zip(*said, strict=True)
    alike = sum(a == b for a, b in said) / len(said)
    only_one = len({*first, *second}) == 1
    kappa = 1.0 if only_one else float(cohen_kappa_score(first, second))
    return Agreement(head, len(said), alike, kappa)
