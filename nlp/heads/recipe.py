"""The recipe by which heads learn, for labels of any kind: a company's own types, other sets.

Messages become n-grams (:mod:`nlp.heads.table`), n-grams become one line of weights a label
(:mod:`nlp.heads.lessons`); how long the n-grams are, what a mistake costs and whether rows that
look mislabelled are dropped is settled by trying on held-out rows, never by the name of a set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from nlp.heads import lessons, table
from nlp.heads.features import Features, cut
from nlp.heads.lessons import Bools, Floats, Ints, Lesson, Lines
from nlp.heads.model import Head, Model
from nlp.text import fold

HEAD: Final = "label"
"""The one head of a model made here."""
NAME_COUNTS: Final = 3.0
"""What a label's own name weighs beside a message: it is short, and always right."""
_ENOUGH: Final = 1500
"""Held-out rows that settle a choice; further folds would cost more than they tell."""
_FEW: Final = 3
"""Messages a detail must stand in to be learnt."""
_EDGES: Final = (0.0, -0.05, 0.05, -0.1, 0.1, -0.15, 0.15, -0.2, 0.2)
"""Edges tried, the plainest first; another must be better by more than chance, for the next
messages are never quite like these.
"""
_ALIKE: Final = 0.005


class Way(NamedTuple):
    """How a label set is learnt: the longest n-gram, and the lesson."""

    longest: int = 2
    lesson: Lesson = Lesson(strength=0.5)


_TURNS: Final[tuple[Callable[[Way], Way], ...]] = (
    lambda way: way._replace(lesson=way.lesson._replace(prune=True)),
    lambda way: way._replace(lesson=way.lesson._replace(strength=0.25)),
    lambda way: way._replace(lesson=way.lesson._replace(strength=1.0)),
    lambda way: way._replace(longest=3),
)
_SET_WAYS: Final = (Way(), Way(lesson=Lesson(strength=1.0)), Way(3, Lesson(strength=1.0)))


@dataclass(frozen=True, slots=True)
class Classifier:
    """Gives each message one of ``labels``, with a confidence."""

    labels: tuple[str, ...]
    way: Way
    columns: table.Table
    lines: Lines
    temperature: float

    def shares(self, texts: Sequence[str]) -> Floats:
        """Confidences, a line a message, a column a label; each line adds up to one."""
        rows = self.columns.rows(_messages(texts, self.way.longest))
        return lessons.softmax(self.lines.scores(rows), self.temperature)

    def answers(self, texts: Sequence[str]) -> list[str]:
        """The likeliest label of each message."""
        return [self.labels[place] for place in self.shares(texts).argmax(axis=1)]

    def model(self, name: str) -> Model:
        """The same as a model that serves: numpy alone, with reasons and confidences."""
        head = Head(self.labels, 0, self.temperature, 0.0)
        weights = self.lines.weights.T.astype(np.float16)
        bias = self.lines.offsets.astype(np.float32)
        columns, rarity = self.columns
        return Model(columns, weights, rarity, bias, {HEAD: head}, {"digest": name})


def learn(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    names: Mapping[str, str] | None = None,
    way: Way | None = None,
) -> Classifier:
    """Learn from messages with one label each.

    Args:
        texts: the messages, one at least.
        labels: the label of each.
        names: what labels are called in words; each name is then taught as a message.
        way: how to learn; by default what answers held-out messages best.
    """
    known = tuple(sorted({*labels, *(names or ())}))
    place = {label: column for column, label in enumerate(known)}
    written = [*texts, *(names or {}).values()]
    truth = np.array([place[label] for label in (*labels, *(names or ()))], dtype=np.int64)
    taught = _Taught(written, truth, len(known), len(texts))
    chosen = way or _best(taught)
    rows = taught.rows(chosen.longest)
    keep = taught.trusted(np.arange(len(truth)), chosen)
    counts, honest = taught.counts, taught.asked & keep
    scores = lessons.held_out(rows, truth, len(known), chosen.lesson, counts=counts, teach=keep)
    heat = lessons.temperature(scores[honest], truth[honest])
    lines = lessons.fit(rows[keep], truth[keep], len(known), chosen.lesson, counts[keep])
    return Classifier(known, chosen, taught.columns[chosen.longest], lines, heat)


class _Taught:
    """Messages and names as rows, cut when first asked for; names come after the messages."""

    def __init__(self, texts: Sequence[str], truth: Ints, size: int, messages: int) -> None:
        self._texts = texts
        self.truth = truth
        self.size = size
        self.asked = np.arange(len(truth)) < messages
        self.counts = np.where(self.asked, 1.0, NAME_COUNTS)
        self.columns: dict[int, table.Table] = {}
        self._rows: dict[int, csr_matrix] = {}
        self._trusted: dict[bytes, Bools] = {}

    def rows(self, longest: int) -> csr_matrix:
        """All of them; an n-gram that stands in a single name is worth keeping too."""
        if longest not in self._rows:
            messages = _messages(self._texts, longest)
            twice = [m for m, asked in zip(messages, self.asked, strict=True) if not asked]
            self.columns[longest] = table.build([*messages, *twice])
            self._rows[longest] = self.columns[longest].rows(messages)
        return self._rows[longest]

    def trusted(self, some: Ints, way: Way) -> Bools:
        """Which of these rows to learn from; judged once, whatever else the way says."""
        if not way.lesson.prune:
            return np.ones(len(some), dtype=bool)
        if (key := some.tobytes()) not in self._trusted:
            rows, lesson = self.rows(Way().longest)[some], Way().lesson
            sure = ~self.asked[some]
            self._trusted[key] = lessons.trusted(rows, self.truth[some], self.size, lesson, sure)
        return self._trusted[key]

    def right(self, way: Way) -> float:
        """The share of held-out messages answered right when learnt this way."""
        rows, hits, judged = self.rows(way.longest), 0, 0
        messages = np.flatnonzero(self.asked)
        for seen, unseen in lessons.folds(self.truth[messages]):
            shown = np.concatenate([seen, np.flatnonzero(~self.asked)])
            shown = shown[self.trusted(shown, way)]
            counts = self.counts[shown]
            lines = lessons.fit(rows[shown], self.truth[shown], self.size, way.lesson, counts)
            hits += int((lines.scores(rows[unseen]).argmax(axis=1) == self.truth[unseen]).sum())
            judged += len(unseen)
            if judged >= _ENOUGH:
                break
        return hits / judged


def _best(taught: _Taught) -> Way:
    """One choice after the other, each kept if more held-out messages are then answered right."""
    way = Way()
    score = taught.right(way)
    for turn in _TURNS:
        tried = turn(way)
        if (now := taught.right(tried)) > score:
            way, score = tried, now
    return way


@dataclass(frozen=True, slots=True)
class SetClassifier:
    """Gives each message one or more of ``labels``."""

    labels: tuple[str, ...]
    way: Way
    columns: table.Table
    lines: Lines
    owner: Ints
    """The label each line speaks for: its own first, then those of its details."""
    edge: float
    """The score above which a label holds."""

    def scores(self, texts: Sequence[str]) -> Floats:
        """A line a message, a column a label; a label is as likely as its likeliest detail."""
        rows = self.columns.rows(_messages(texts, self.way.longest))
        return _strongest(self.lines.scores(rows), self.owner, len(self.labels))

    def holds(self, scores: Floats) -> Bools:
        """Which labels hold; the likeliest always does."""
        return _above(scores, self.edge)


def learn_sets(
    texts: Sequence[str],
    sets: Sequence[Collection[str]],
    *,
    details: Sequence[Collection[str]] | None = None,
    owner_of: Callable[[str], str] | None = None,
) -> SetClassifier:
    """Learn from messages with one or more labels each.

    Args:
        texts: the messages.
        sets: the labels of each.
        details: finer labels of each message, if somebody gave them; a detail that stands in a
            few messages at least is learnt too and speaks for its label.
        owner_of: the label a detail belongs to.
    """
    labels = tuple(sorted({label for group in sets for label in group}))
    finer = Counter(detail for group in details or () for detail in group)
    kept = sorted(detail for detail, count in finer.items() if count >= _FEW)
    truth = np.array([[label in group for label in labels] for group in sets])
    owner = np.arange(len(labels))
    if details and owner_of:
        extra = np.array([[detail in group for detail in kept] for group in details])
        owner = np.concatenate([owner, [labels.index(owner_of(detail)) for detail in kept]])
        all_truth = np.hstack([truth, extra]) if kept else truth
    else:
        all_truth = truth
    best: tuple[float, float, Way] = (-1.0, 0.0, Way())
    for way in _SET_WAYS:
        messages = _messages(texts, way.longest)
        rows = table.build(messages).rows(messages)
        scores = np.zeros(truth.shape)
        for seen, unseen in lessons.folds(truth.argmax(axis=1)):
            lines = lessons.fit_sets(rows[seen], all_truth[seen], way.lesson)
            scores[unseen] = _strongest(lines.scores(rows[unseen]), owner, len(labels))
        by_edge = [(_micro_f1(truth, _above(scores, edge)), edge) for edge in _EDGES]
        highest = max(by_edge)[0]
        edge = next(found[1] for found in by_edge if found[0] >= highest - _ALIKE)
        best = max(best, (highest, edge, way))
    _, edge, way = best
    messages = _messages(texts, way.longest)
    columns = table.build(messages)
    lines = lessons.fit_sets(columns.rows(messages), all_truth, way.lesson)
    return SetClassifier(labels, way, columns, lines, owner, edge)


def _strongest(scores: Floats, owner: Ints, size: int) -> Floats:
    """The highest score among the lines of each label."""
    return np.stack([scores[:, owner == label].max(axis=1) for label in range(size)], axis=1)


def _above(scores: Floats, edge: float) -> Bools:
    chosen = scores > edge
    chosen[np.arange(len(scores)), scores.argmax(axis=1)] = True
    return chosen


def _micro_f1(truth: Bools, answer: Bools) -> float:
    return float(2 * (truth & answer).sum() / (truth.sum() + answer.sum()))


def _messages(texts: Sequence[str], longest: int) -> list[Features]:
    return [Features(cut(fold(text), longest), {}) for text in texts]
