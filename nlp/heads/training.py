"""Making the model: the heads of a message, taught over one table of n-grams and facts.

Confidences, thresholds and the figures kept with the model come from answers given out of fold:
each message is judged by a classifier that has not seen it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy
import sklearn
from scipy.sparse import csr_matrix
from sklearn.metrics import f1_score

from nlp import lexicon, safety
from nlp.corpus import Example
from nlp.heads import lessons, table
from nlp.heads.features import extract, read
from nlp.heads.lessons import Floats, Ints, Lesson
from nlp.heads.model import (
    EMERGENCY,
    HALF,
    HEADS,
    LATER,
    NOW,
    OPEN_INTENTS,
    ORDERED,
    Head,
    Model,
)
from workflow.taxonomy import EMOTIONS, FAULT_TYPES, INTENTS, PRIORITIES

LESSON: Final = Lesson(strength=1.0, balanced=True)
EMERGENCY_LESSON: Final = Lesson(strength=1.0)
EMERGENCIES_FOUND: Final = 0.93
"""The share of emergencies the model must find by itself in corpus rows it has not seen; words of
danger find more. The corpus asks harder than people write, so more are found in life. A higher
share cries wolf more often: of what it calls one, about 79 % are at 0.95, 71 % at 0.97.
"""
_EMERGENCY_FOLDS: Final = 20
"""Its threshold is a score, so those who answer out of fold must know nearly as much as the model
in use: taught on four fifths they find emergencies less surely, and the threshold comes out low.
"""
_RARE_MATTERS: Final = 0.5
"""How much more a rare n-gram counts to the question of emergencies than to the others, as a power
of its rarity: 钢丝绳 says more than 里面. Of what is called one, half a point more are.
"""
_USUAL_RARITY: Final = 9.0
"""Of an n-gram; rarer ones count more, commoner ones less. Not the mean of the columns at hand:
added examples must leave a head they do not teach as it was.
"""

_LABELS = {
    "intent": tuple(INTENTS),
    "fault_type": tuple(FAULT_TYPES),
    "priority": tuple(PRIORITIES),
    "emotion": tuple(EMOTIONS),
}
_ACCEPTED_RIGHT = {"intent": 0.93, "fault_type": 0.9, "priority": 0.9, "emotion": 0.95}
"""How often answers above the threshold must be right (emotion: within one step)."""


def train(
    examples: Sequence[Example],
    digest: str,
    progress: Callable[[str], None],
    *,
    counts: Sequence[float] | None = None,
    added: int = 0,
    like: Model | None = None,
) -> Model:
    """Train on the examples; ``about`` of the model records figures, date and versions.

    Args:
        examples: What to learn; one with an empty label does not teach that head.
        digest: The name of the model.
        progress: Told how far it is.
        counts: How much each example weighs, one if left out.
        added: How many examples at the end are additions: they bring their own n-grams and change
            the rarity of none, so that a head they do not teach stays exactly as it was.
        like: A model whose confidences and thresholds hold for this one too; they are not
            sought again then, which takes most of the time.
    """
    columns, all_rows = _rows(examples, added)
    each = np.arange(len(examples))
    weighs = None if counts is None else np.asarray(counts, dtype=np.float64)
    return teach(columns, all_rows, each, examples, digest, progress, counts=weighs, like=like)


def teach(
    columns: table.Table,
    all_rows: csr_matrix,
    of: Ints,
    examples: Sequence[Example],
    digest: str,
    progress: Callable[[str], None],
    judged: int = lessons.FOLDS,
    *,
    counts: Floats | None = None,
    like: Model | None = None,
) -> Model:
    """Teach all heads over these columns.

    Args:
        columns: what the rows are made of.
        all_rows: the examples as rows, each once or in several wordings.
        of: which example each row is a wording of.
        examples: the examples.
        digest: what the model is called.
        progress: told how good each head is.
        judged: how many of five folds are answered to set confidences and thresholds.
        counts: how much each example weighs, one if left out.
        like: a model whose confidences and thresholds hold for this one too.
    """
    weights: list[Floats] = []
    offsets: list[float] = []
    heads: dict[str, Head] = {}
    figures: dict[str, Any] = {}
    for name in (*HEADS, EMERGENCY):
        taught, labels, truth = _question(name, examples)
        lesson = EMERGENCY_LESSON if name == EMERGENCY else LESSON
        place = np.full(len(examples), -1)
        place[taught] = np.arange(len(taught))
        which = place[of]
        rows, which = all_rows[which >= 0], which[which >= 0]
        stretch = _stretch(columns.rarity) if name == EMERGENCY else None
        if stretch is not None:
            rows = csr_matrix(rows.multiply(stretch))
        weighs = None if counts is None else counts[taught][which]
        if like is None:
            parts = _EMERGENCY_FOLDS if name == EMERGENCY else lessons.FOLDS
            folds = islice(lessons.folds(truth, parts), judged * parts // lessons.FOLDS)
            scores, asked = _unshown(rows, which, truth, len(labels), folds, lesson, weighs)
            judge = _watch if name == EMERGENCY else partial(_calibrate, name)
            heads[name], figures[name] = judge(labels, scores, asked, len(offsets))
        else:
            heads[name] = replace(like.heads[name], labels=labels, first_column=len(offsets))
            figures[name] = like.about["figures"][name]
        lines = lessons.fit(rows, truth[which], len(labels), lesson, weighs)
        weights.extend(lines.weights if stretch is None else lines.weights * stretch)
        offsets.extend(lines.offsets.tolist())
        progress(f"{name}: {figures[name]}")
    about = {
        "digest": digest,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "examples": len(examples),
        "figures": figures,
        "versions": {m.__name__: m.__version__ for m in (np, scipy, sklearn)},
    }
    stored = np.stack(weights, axis=1).astype(np.float16)
    bias = np.array(offsets, dtype=np.float32)
    return Model(columns.vocabulary, stored, columns.rarity, bias, heads, about)


def _stretch(rarity: npt.NDArray[np.float32]) -> Floats:
    """How much each column counts more than in the other heads; facts count the same."""
    return np.where(rarity > table.FACT_WEIGHT, (rarity / _USUAL_RARITY) ** _RARE_MATTERS, 1.0)


def _question(name: str, examples: Sequence[Example]) -> tuple[list[int], tuple[str, ...], Ints]:
    """Which examples teach a head, its labels, and their truth as places in the labels."""
    if name == EMERGENCY:
        taught = [line for line, example in enumerate(examples) if example.priority]
        truth = [int(examples[line].priority == "P0") for line in taught]
        return taught, (LATER, NOW), np.array(truth, dtype=np.int64)
    taught = _lines_for(name, examples)
    return taught, *_coded(_LABELS[name], [getattr(examples[line], name) for line in taught])


def _unshown(
    rows: csr_matrix,
    which: Ints,
    truth: Ints,
    size: int,
    folds: Iterable[tuple[Ints, Ints]],
    lesson: Lesson,
    counts: Floats | None = None,
) -> tuple[Floats, Ints]:
    """Scores of all wordings of the examples in these folds, with the truth: no wording of an
    example was shown to the classifier that answers it.
    """
    scores: list[Floats] = []
    asked: list[Ints] = []
    for seen, unseen in folds:
        shown, kept_back = np.isin(which, seen), np.isin(which, unseen)
        weighs = None if counts is None else counts[shown]
        lines = lessons.fit(rows[shown], truth[which[shown]], size, lesson, weighs)
        scores.append(lines.scores(rows[kept_back]))
        asked.append(truth[which[kept_back]])
    return np.vstack(scores), np.concatenate(asked)


class HeldOut(NamedTuple):
    """A head's answers out of fold: the examples judged (by position), the labels, and for each
    of the examples the share of each label, adding up to one.
    """

    lines: list[int]
    labels: tuple[str, ...]
    shares: Floats


def held_out(examples: Sequence[Example], progress: Callable[[str], None]) -> dict[str, HeldOut]:
    """What models that have not seen an example make of it, head by head.

    A label with fewer examples than there are folds cannot be judged so; its examples, and a head
    left with a single label, are passed over.
    """
    all_rows = _rows(examples)[1]
    answers = {}
    for name in HEADS:
        lines = _lines_for(name, examples)
        counts = Counter(getattr(examples[line], name) for line in lines)
        known = tuple(label for label in _LABELS[name] if counts[label] >= lessons.FOLDS)
        if len(known) <= 1:
            continue
        lines = [line for line in lines if getattr(examples[line], name) in known]
        labels, truth = _coded(known, [getattr(examples[line], name) for line in lines])
        scores = lessons.held_out(all_rows[lines], truth, len(labels), LESSON)
        head, figures = _calibrate(name, labels, scores, truth, 0)
        answers[name] = HeldOut(lines, labels, lessons.softmax(scores, head.temperature))
        progress(f"{name}: {figures}")
    return answers


def _rows(examples: Sequence[Example], added: int = 0) -> tuple[table.Table, csr_matrix]:
    """The columns worth keeping, and every example as a line of them."""
    lists, scope = lexicon.shipped(), safety.shipped()
    messages = [extract(read(example.text, lists, scope)) for example in examples]
    first = len(messages) - added
    columns = table.build(messages[:first])
    if added:
        columns = columns.with_columns_of(table.build(messages[first:]))
    return columns, columns.rows(messages)


def _lines_for(head: str, examples: Sequence[Example]) -> list[int]:
    """Which examples teach a head. Priority is settled by intent but for open matters, so only
    those teach it.
    """
    return [
        line
        for line, example in enumerate(examples)
        if getattr(example, head)
        and (head != "priority" or not example.intent or example.intent in OPEN_INTENTS)
    ]


def _coded(known: Sequence[str], truth: Sequence[str]) -> tuple[tuple[str, ...], Ints]:
    """The labels that occur, in their order, and the truth as places in them."""
    occur = set(truth)
    labels = tuple(label for label in known if label in occur)
    return labels, np.array([labels.index(label) for label in truth], dtype=np.int64)


def _calibrate(
    name: str, labels: tuple[str, ...], scores: Floats, truth: Ints, first_column: int
) -> tuple[Head, dict[str, float]]:
    """Fit the temperature by likelihood and set the threshold by how often it is right above."""
    temperature = lessons.temperature(scores, truth)
    shares = lessons.softmax(scores, temperature)
    middle = name in ORDERED
    chosen = (shares.cumsum(axis=1) < HALF).sum(axis=1) if middle else shares.argmax(axis=1)
    confidence = shares[np.arange(len(truth)), chosen]
    right = chosen == truth
    near = np.abs(chosen - truth) <= 1
    threshold = lessons.threshold(confidence, near if middle else right, _ACCEPTED_RIGHT[name])
    figures = {
        "accuracy": float(right.mean()),
        "macro_f1": float(f1_score(truth, chosen, average="macro")),
        "accepted": float((confidence >= threshold).mean()),
    }
    if middle:
        figures["within_one"] = float(near.mean())
    rounded = {key: round(value, 4) for key, value in figures.items()}
    return Head(labels, first_column, temperature, threshold), rounded


def _watch(
    labels: tuple[str, ...], scores: Floats, truth: Ints, first_column: int
) -> tuple[Head, dict[str, float]]:
    """The head that looks out for emergencies (truth 1), its threshold set by how many it finds;
    taught none, it never calls one.
    """
    if not truth.any():
        return Head(labels, first_column, 1.0, np.inf), {}
    temperature = lessons.temperature(scores, truth)
    confidence = lessons.softmax(scores, temperature)[:, 1]
    emergency = truth == 1
    threshold = float(np.quantile(confidence[emergency], 1 - EMERGENCIES_FOUND))
    said = confidence >= threshold
    figures = {
        "recall": round(float(said[emergency].mean()), 4),
        "precision": round(float(emergency[said].mean()), 4),
    }
    return Head(labels, first_column, temperature, threshold), figures
