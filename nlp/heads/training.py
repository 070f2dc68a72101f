"""Making the model: scikit-learn is imported here and nowhere else.

Four one-against-all linear classifiers over one sparse matrix. Confidences, thresholds and the
figures kept with the model come from answers given out of fold: each message is judged by a
classifier that has not seen it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy
import sklearn
from scipy.sparse import csr_matrix
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from nlp import lexicon, safety
from nlp.corpus import Example
from nlp.heads.features import FACT, Features, extract, read
from nlp.heads.model import HALF, HEADS, OPEN_INTENTS, ORDERED, Head, Model
from workflow.taxonomy import EMOTIONS, FAULT_TYPES, INTENTS, PRIORITIES

FACT_WEIGHT: Final = 0.04
REGULARISATION: Final = 1.0
RAREST: Final = 2
"""An n-gram must stand in this many messages to be kept."""
FOLDS: Final = 5
_TWO: Final = 2
"""Of two labels a linear classifier keeps one line of weights; the other is its opposite."""

_LABELS = {
    "intent": tuple(INTENTS),
    "fault_type": tuple(FAULT_TYPES),
    "priority": tuple(PRIORITIES),
    "emotion": tuple(EMOTIONS),
}
_ACCEPTED_RIGHT = {"intent": 0.93, "fault_type": 0.9, "priority": 0.9, "emotion": 0.95}
"""How often answers above the threshold must be right (emotion: within one step)."""
_TEMPERATURES = np.geomspace(0.05, 2.0, 60)


Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[np.str_]


class _Matrix(NamedTuple):
    vocabulary: tuple[str, ...]
    rarity: npt.NDArray[np.float32]
    rows: csr_matrix


def train(examples: Sequence[Example], digest: str, progress: Callable[[str], None]) -> Model:
    """Train on the examples; ``about`` of the model records figures, date and versions."""
    lists, scope = lexicon.shipped(), safety.shipped()
    matrix = _matrix([extract(read(example.text, lists, scope)) for example in examples])
    columns: list[Floats] = []
    bias: list[Floats] = []
    heads: dict[str, Head] = {}
    figures: dict[str, Any] = {}
    for name in HEADS:
        taught = _lines_for(name, examples)
        rows = matrix.rows[taught]
        truth = np.array([getattr(examples[line], name) for line in taught])
        labels = tuple(label for label in _LABELS[name] if label in set(truth.tolist()))
        held_out = _held_out_scores(rows, truth, labels)
        heads[name], figures[name] = _calibrate(name, labels, held_out, truth, len(bias))
        table, offsets = _fit(rows, truth, labels)
        columns.extend(table)
        bias.extend(offsets)
        progress(f"{name}: {figures[name]}")
    about = {
        "digest": digest,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "examples": len(examples),
        "figures": figures,
        "versions": {m.__name__: m.__version__ for m in (np, scipy, sklearn)},
    }
    weights = np.stack(columns, axis=1).astype(np.float16)
    offsets32 = np.array(bias, dtype=np.float32)
    return Model(matrix.vocabulary, weights, matrix.rarity, offsets32, heads, about)


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
    lists, scope = lexicon.shipped(), safety.shipped()
    matrix = _matrix([extract(read(example.text, lists, scope)) for example in examples])
    answers = {}
    for name in HEADS:
        lines = _lines_for(name, examples)
        counts = Counter(getattr(examples[line], name) for line in lines)
        labels = tuple(label for label in _LABELS[name] if counts[label] >= FOLDS)
        if len(labels) < _TWO:
            continue
        lines = [line for line in lines if getattr(examples[line], name) in labels]
        truth = np.array([getattr(examples[line], name) for line in lines])
        scores = _held_out_scores(matrix.rows[lines], truth, labels)
        head, figures = _calibrate(name, labels, scores, truth, 0)
        answers[name] = HeldOut(lines, labels, _softmax(scores, head.temperature))
        progress(f"{name}: {figures}")
    return answers


def _lines_for(head: str, examples: Sequence[Example]) -> list[int]:
    """Which examples teach a head. Priority is settled by intent but for open matters, so only
    those teach it.
    """
    return [
        line
        for line, example in enumerate(examples)
        if head != "priority" or example.intent in OPEN_INTENTS
    ]


def _matrix(messages: Sequence[Features]) -> _Matrix:
    """N-grams weighted by rarity and scaled to length one, then facts at their fixed weight."""
    grams = Counter(gram for message in messages for gram in message.grams)
    facts = Counter(FACT + fact for message in messages for fact in message.facts)
    weight = {
        gram: float(np.log((1 + len(messages)) / (1 + count)) + 1)
        for gram, count in sorted(grams.items())
        if count >= RAREST
    }
    weight |= {fact: FACT_WEIGHT for fact, count in sorted(facts.items()) if count >= RAREST}
    row_of = {name: row for row, name in enumerate(weight)}
    rarity = np.array(list(weight.values()), dtype=np.float32)
    values: list[float] = []
    indices: list[int] = []
    ends = [0]
    for message in messages:
        written = [row_of[gram] for gram in message.grams if gram in row_of]
        known = [row_of[FACT + fact] for fact in message.facts if FACT + fact in row_of]
        length = float(np.linalg.norm(rarity[written])) or 1.0
        values.extend((rarity[written] / length).tolist())
        values.extend(rarity[known].tolist())
        indices.extend(written + known)
        ends.append(len(indices))
    rows = csr_matrix((values, indices, ends), shape=(len(messages), len(weight)))
    return _Matrix(tuple(weight), rarity, rows)


def _fit(rows: csr_matrix, truth: Strings, labels: Sequence[str]) -> tuple[Floats, Floats]:
    """Weights (one line per label, in the order given) and offsets."""
    machine = LinearSVC(C=REGULARISATION, class_weight="balanced", random_state=0)
    machine.fit(rows, truth)
    weights, offsets = machine.coef_, machine.intercept_
    if len(labels) == _TWO:
        weights, offsets = np.vstack([-weights, weights]), np.concatenate([-offsets, offsets])
    order = [machine.classes_.tolist().index(label) for label in labels]
    return weights[order], offsets[order]


def _held_out_scores(rows: csr_matrix, truth: Strings, labels: Sequence[str]) -> Floats:
    scores = np.zeros((len(truth), len(labels)))
    for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(rows, truth):
        weights, offsets = _fit(rows[seen], truth[seen], labels)
        scores[unseen] = rows[unseen] @ weights.T + offsets
    return scores


def _calibrate(
    name: str, labels: tuple[str, ...], scores: Floats, truth: Strings, first_column: int
) -> tuple[Head, dict[str, float]]:
    """Fit the temperature by likelihood and set the threshold by how often it is right above."""
    places = np.array([labels.index(label) for label in truth.tolist()])
    lines = np.arange(len(places))
    temperature = float(
        min(_TEMPERATURES, key=lambda t: -np.log(_softmax(scores, t)[lines, places] + 1e-9).mean())
    )
    shares = _softmax(scores, temperature)
    middle = name in ORDERED
    chosen = (shares.cumsum(axis=1) < HALF).sum(axis=1) if middle else shares.argmax(axis=1)
    confidence = shares[lines, chosen]
    right = chosen == places
    near = np.abs(chosen - places) <= 1
    threshold = _threshold(confidence, near if middle else right, _ACCEPTED_RIGHT[name])
    figures = {
        "accuracy": float(right.mean()),
        "macro_f1": float(f1_score(places, chosen, average="macro")),
        "accepted": float((confidence >= threshold).mean()),
    }
    if middle:
        figures["within_one"] = float(near.mean())
    rounded = {key: round(value, 4) for key, value in figures.items()}
    return Head(labels, first_column, temperature, threshold), rounded


def _softmax(scores: Floats, temperature: float) -> Floats:
    odds = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _threshold(confidence: Floats, right: npt.NDArray[np.bool_], wanted: float) -> float:
    """The lowest confidence above which answers are right often enough; 0 accepts all."""
    order = np.argsort(-confidence)
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= wanted)
    if len(enough) == 0:
        return 1.0
    last = int(enough[-1])
    return 0.0 if last == len(order) - 1 else float(confidence[order[last]])
