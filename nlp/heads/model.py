"""The trained model at work: one weight table for all heads, numpy alone.

A message becomes a sparse row (n-grams weighted by rarity and scaled to length one, facts with a
fixed weight); its scores are a gather and a sum. Softmax with a temperature fitted on held-out
answers turns scores into confidences.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nlp import stored
from nlp.heads.features import FACT, Features, Span
from nlp.text import LONGEST_GRAM

Floats = npt.NDArray[np.float32]

HEADS: Final = ("intent", "fault_type", "priority", "emotion")
ORDERED: Final = frozenset({"emotion"})
"""Heads whose labels are steps of a scale: the middle of the distribution is the answer."""
OPEN_INTENTS: Final = frozenset({"report", "progress"})
"""Intents whose priority is not settled by the intent alone."""
EMERGENCY: Final = "emergency"
"""The fifth question, asked beside the heads: is this an emergency, rather than anything else?
Its threshold is the confidence that all but a few of the emergencies reach.
"""
NOW: Final = "now"
LATER: Final = "later"
HALF: Final = 0.5
WEAKEST_REASON: Final = 0.33
MOST_REASONS: Final = 6
_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Head:
    """One question to the model: its labels, the columns of the table that answer it, the
    temperature of its softmax and the confidence below which a person should look.
    """

    labels: tuple[str, ...]
    first_column: int
    temperature: float
    threshold: float


class Model:
    """Weights and vocabulary, immutable once made; safe to share between threads.

    Each row's weights are centred per head: softmax does not mind, and a weight then says at once
    how much an n-gram speaks for a label rather than for its rivals.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        weights: npt.NDArray[np.float16],
        rarity: Floats,
        bias: Floats,
        heads: Mapping[str, Head],
        about: Mapping[str, Any],
    ) -> None:
        self.heads = heads
        self.about = about
        self._vocabulary = tuple(vocabulary)
        self._row = dict(zip(vocabulary, range(len(vocabulary)), strict=True))
        facts = [name for name in vocabulary if name[0] == FACT and len(name) > LONGEST_GRAM]
        self._fact_row = {name.removeprefix(FACT): self._row[name] for name in facts}
        self._stored = weights
        self._weights = weights.astype(np.float32)
        for head in heads.values():
            columns = slice(head.first_column, head.first_column + len(head.labels))
            self._weights[:, columns] -= self._weights[:, columns].mean(axis=1, keepdims=True)
        self._rarity = rarity
        self.bias = bias

    @property
    def name(self) -> str:
        """Which training this is: the hash of everything it was made from."""
        return str(self.about["digest"])

    def answer(self, features: Features) -> Answer:
        """Score a message on all heads."""
        rows = [row for row in map(self._row.get, features.grams) if row is not None]
        grams = len(rows)
        rows += [row for row in map(self._fact_row.get, features.facts) if row is not None]
        places = np.array(rows, dtype=np.intp)
        values = self._rarity.take(places)
        written = values[:grams]
        written /= math.sqrt(float(written.dot(written))) or 1.0
        return Answer(self, features, values, self._weights.take(places, axis=0))

    def known(self, features: Features) -> list[str]:
        """The n-grams and facts the model has weights for, in the order of an answer's rows."""
        facts = (FACT + fact for fact in features.facts)
        return [name for name in chain(features.grams, facts) if name in self._row]

    def messages_with(self, gram: str) -> float:
        """In how many messages of the training an n-gram stands; 0 for what was too rare."""
        row = self._row.get(gram)
        return 0.0 if row is None else counted(float(self._rarity[row]), self.about["examples"])

    def familiarity(self, features: Features) -> float:
        """The share of the message's pairs of characters that training has seen, 0 to 1."""
        pairs = [gram for gram in features.grams if len(gram) == _PAIR]
        return sum(map(self._row.__contains__, pairs)) / (len(pairs) or 1)

    def described(self, about: Mapping[str, Any]) -> Model:
        """The same weights with other words about them."""
        same = (self._vocabulary, self._stored, self._rarity, self.bias, self.heads)
        return Model(*same, about)

    def save(self, path: Path) -> None:
        """Write the model whole or not at all: a reader never sees half a file."""
        header = {"about": dict(self.about), "heads": {k: _plain(h) for k, h in self.heads.items()}}
        stored.write(
            path,
            {
                "header": _bytes(json.dumps(header, ensure_ascii=False)),
                "vocabulary": _bytes(json.dumps(self._vocabulary, ensure_ascii=False)),
                "weights": self._stored,
                "rarity": self._rarity,
                "bias": self.bias,
            },
        )

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read a saved model. Nothing in the file is executed.

        Raises:
            OSError: the file is missing or cannot be read.
            ValueError: it is damaged or not a model.
        """
        return stored.read(path, cls._from_arrays)

    @classmethod
    def _from_arrays(cls, arrays: stored.Arrays) -> Model:
        header = json.loads(arrays["header"].tobytes())
        heads = {
            name: Head(tuple(h["labels"]), h["first_column"], h["temperature"], h["threshold"])
            for name, h in header["heads"].items()
        }
        return cls(
            json.loads(arrays["vocabulary"].tobytes()),
            arrays["weights"],
            arrays["rarity"],
            arrays["bias"],
            heads,
            header["about"],
        )


class Answer:
    """The scores of one message; ask for confidences and for what decided."""

    def __init__(self, model: Model, features: Features, values: Floats, weights: Floats) -> None:
        self.model = model
        self._heads = model.heads
        self._scores: list[float] = (values.dot(weights) + model.bias).tolist()
        self._values = values
        self._weights = weights
        self._features = features
        self._known: dict[str, list[float]] = {}
        self._shown: list[str] = []

    def highest(self, head: str) -> float:
        """The confidence of the likeliest label."""
        return 1 / sum(self._odds(head))

    def _odds(self, head: str) -> list[float]:
        """How likely each label is beside the likeliest, in the order of the labels."""
        odds = self._known.get(head)
        if odds is None:
            asked = self._heads[head]
            scores = self._scores[asked.first_column : asked.first_column + len(asked.labels)]
            top, temperature = max(scores), asked.temperature
            odds = self._known[head] = [math.exp((score - top) / temperature) for score in scores]
        return odds

    def confidences(self, head: str) -> dict[str, float]:
        """Label → confidence, surest first; they add up to one."""
        odds, labels = self._odds(head), self._heads[head].labels
        total = sum(odds)
        order = sorted(range(len(odds)), key=odds.__getitem__, reverse=True)
        return {labels[place]: odds[place] / total for place in order}

    def best(self, head: str) -> tuple[str, float]:
        """The answer and its confidence: the likeliest label, or the middle one of a scale."""
        odds, labels = self._odds(head), self._heads[head].labels
        total = sum(odds)
        if head in ORDERED:
            return _middle(labels, [odd / total for odd in odds])
        place = odds.index(max(odds))
        return labels[place], odds[place] / total

    def reasons(self, head: str, label: str) -> list[tuple[float, Span]]:
        """Spans of the text that spoke for the label rather than its rivals, strongest first.

        Those that pull less than a third of the strongest are left out.
        """
        asked = self._heads[head]
        column = self._weights[:, asked.first_column + asked.labels.index(label)]
        pulls: list[float] = (column * self._values).tolist()
        floor = max(pulls, default=0.0) * WEAKEST_REASON
        strong = [place for place, pull in enumerate(pulls) if pull > floor]
        strong.sort(key=pulls.__getitem__, reverse=True)
        self._shown = self._shown or self.model.known(self._features)
        spans = [
            (pulls[place], self._features.span(self._shown[place]))
            for place in strong[:MOST_REASONS]
        ]
        return [(pull, span) for pull, span in spans if span[1] > span[0]]


class Both:
    """Two tables asked about one message: the mean of what they say. Thresholds and the name are
    the first one's.
    """

    def __init__(self, first: Answer, second: Answer) -> None:
        self.model = first.model
        self._both = first, second

    def confidences(self, head: str) -> dict[str, float]:
        """Label → confidence, surest first; they add up to one."""
        first, second = (answer.confidences(head) for answer in self._both)
        shares = {label: (share + second.get(label, 0.0)) / 2 for label, share in first.items()}
        return dict(sorted(shares.items(), key=lambda pair: -pair[1]))

    def best(self, head: str) -> tuple[str, float]:
        """The answer and its confidence, as :meth:`Answer.best`."""
        shares = self.confidences(head)
        if head in ORDERED:
            labels = self.model.heads[head].labels
            return _middle(labels, [shares[label] for label in labels])
        return next(iter(shares.items()))

    def reasons(self, head: str, label: str) -> list[tuple[float, Span]]:
        """Spans of the text that spoke for the label, as :meth:`Answer.reasons`."""
        return [reason for answer in self._both for reason in answer.reasons(head, label)]


Opinion = Answer | Both


def _middle(labels: Sequence[str], shares: Sequence[float]) -> tuple[str, float]:
    """The label of a scale at which half of the shares are reached."""
    below = 0.0
    for label, share in zip(labels, shares, strict=True):
        below += share
        if below >= HALF:
            return label, share
    surest = max(range(len(shares)), key=shares.__getitem__)
    return labels[surest], shares[surest]


def counted(rarity: float, messages: int) -> float:
    """How many of the messages have what is this rare: the reverse of how the table weighs."""
    return (1 + messages) / math.exp(rarity - 1) - 1


def _plain(head: Head) -> dict[str, Any]:
    return {
        "labels": list(head.labels),
        "first_column": head.first_column,
        "temperature": head.temperature,
        "threshold": head.threshold,
    }


def _bytes(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)
