"""The trained model at work: one weight table, four heads, numpy alone.

A message becomes a sparse row (n-grams weighted by rarity and scaled to length one, facts with a
fixed weight); its scores are a gather and a sum. Softmax with a temperature fitted on held-out
answers turns scores into confidences.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nlp import corpus, lexicon

if TYPE_CHECKING:
    from nlp.features import Features, Span

Floats = npt.NDArray[np.float32]
Progress = Callable[[str], None]

HEADS: Final = ("intent", "fault_type", "priority", "emotion")
FACT: Final = "@"
"""Facts share the vocabulary with n-grams; this mark keeps them apart."""

_FORMAT = 1
_RECIPE = ("features.py", "text.py", "safety.py", "training.py", "lexicon/__init__.py")


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
    """Weights and vocabulary, immutable once made; safe to share between threads."""

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
        self._row = {gram: row for row, gram in enumerate(vocabulary)}
        self._stored = weights
        self._weights = weights.astype(np.float32)
        self._rarity = rarity
        self._bias = bias

    @property
    def name(self) -> str:
        """Which training this is: the hash of everything it was made from."""
        return str(self.about["digest"])

    def answer(self, features: Features) -> Answer:
        """Score a message on all heads."""
        row_of = self._row.get
        rows: list[int] = []
        spans: list[Span] = []
        for gram, span in features.grams.items():
            row = row_of(gram)
            if row is not None:
                rows.append(row)
                spans.append(span)
        grams = len(rows)
        for fact, span in features.facts.items():
            row = row_of(FACT + fact)
            if row is not None:
                rows.append(row)
                spans.append(span)
        values = self._rarity[rows]
        length = float(np.sqrt(np.square(values[:grams]).sum()))
        values[:grams] /= length or 1.0
        contributions = self._weights[rows] * values[:, None]
        return Answer(self.heads, contributions.sum(axis=0) + self._bias, contributions, spans)

    def save(self, path: Path) -> None:
        """Write the model whole or not at all: a reader never sees half a file."""
        header = {"about": dict(self.about), "heads": {k: _plain(h) for k, h in self.heads.items()}}
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(
                    file,
                    header=_bytes(json.dumps(header, ensure_ascii=False)),
                    vocabulary=_bytes(json.dumps(self._vocabulary, ensure_ascii=False)),
                    weights=self._stored,
                    rarity=self._rarity,
                    bias=self._bias,
                )
            Path(unfinished).replace(path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read a saved model. Nothing in the file is executed.

        Raises:
            OSError, ValueError, KeyError: the file is missing, damaged or not a model.
        """
        with np.load(path, allow_pickle=False) as stored:
            header = json.loads(stored["header"].tobytes())
            heads = {
                name: Head(tuple(h["labels"]), h["first_column"], h["temperature"], h["threshold"])
                for name, h in header["heads"].items()
            }
            return cls(
                json.loads(stored["vocabulary"].tobytes()),
                stored["weights"],
                stored["rarity"],
                stored["bias"],
                heads,
                header["about"],
            )


class Answer:
    """The scores of one message; ask for confidences and for what decided."""

    def __init__(
        self,
        heads: Mapping[str, Head],
        scores: Floats,
        contributions: Floats,
        spans: Sequence[Span],
    ) -> None:
        self._heads = heads
        self._scores = scores
        self._contributions = contributions
        self._spans = spans

    def confidences(self, head: str) -> dict[str, float]:
        """Label → confidence, surest first; they add up to one."""
        asked = self._heads[head]
        scores = self._scores[asked.first_column : asked.first_column + len(asked.labels)]
        odds = np.exp((scores - scores.max()) / asked.temperature)
        shares = (odds / odds.sum()).tolist()
        return dict(sorted(zip(asked.labels, shares, strict=True), key=lambda pair: -pair[1]))

    def reasons(self, head: str, label: str, most: int = 8) -> list[tuple[float, Span]]:
        """Spans of the text that spoke for the label rather than its rivals, strongest first."""
        asked = self._heads[head]
        first, last = asked.first_column, asked.first_column + len(asked.labels)
        rivals = self._contributions[:, first:last].mean(axis=1)
        pull = self._contributions[:, first + asked.labels.index(label)] - rivals
        strongest = np.argsort(-pull, kind="stable")[:most].tolist()
        return [
            (float(pull[row]), self._spans[row])
            for row in strongest
            if pull[row] > 0 and self._spans[row][1] > self._spans[row][0]
        ]


def load_or_train(
    folder: Path,
    progress: Progress | None = None,
    examples: Sequence[corpus.Example] | None = None,
) -> Model:
    """The model for these examples (by default the shipped corpus): from ``folder`` if it is
    there and sound, else trained now (seconds) and kept there for the next start.

    Several processes may do this at once; each writes a whole file and the last one stays.
    """
    say = progress or _silent
    chosen = corpus.load() if examples is None else tuple(examples)
    digest = recipe_digest(chosen)
    path = folder / f"understanding-{digest}.npz"
    try:
        return Model.load(path)
    except FileNotFoundError:
        say(f"training the understanding model on {len(chosen)} messages")
    except (OSError, ValueError, KeyError) as error:
        say(f"{path.name} cannot be read ({error}); training again")
    from nlp.training import train  # noqa: PLC0415  (scikit-learn costs seconds to import)

    model = train(chosen, digest, say)
    model.save(path)
    return model


def recipe_digest(examples: Sequence[corpus.Example]) -> str:
    """A short hash of everything a model depends on: examples, word lists, and our own code."""
    digest = hashlib.sha256(f"{_FORMAT} {corpus.digest(tuple(examples))}".encode())
    here = Path(__file__).parent
    for path in [*sorted(lexicon.FOLDER.glob("*.txt")), *(here / name for name in _RECIPE)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _plain(head: Head) -> dict[str, Any]:
    return {
        "labels": list(head.labels),
        "first_column": head.first_column,
        "temperature": head.temperature,
        "threshold": head.threshold,
    }


def _bytes(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _silent(message: str) -> None:
    pass
