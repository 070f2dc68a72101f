"""One run: the corpus with the corrections makes a candidate, and the trial says if it is better.

The corrections that the current model has not learnt from are answered by models that have not
seen them either: they are dealt into folds by wording, and each fold is judged by a model trained
on the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from nlp import corpus, exam
from nlp.corpus import Example
from nlp.heads.loading import recipe_digest
from nlp.heads.model import Model
from nlp.learning import trial
from nlp.learning.material import Taught, counts, taught
from nlp.understander import Understander
from workflow.learning import HEADS, Correction

FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Trained:
    """A candidate, the verdict on it, and what it was taught."""

    model: Model
    verdict: trial.Verdict
    taught: int
    fresh: int


def retrain(
    corrections: Sequence[Correction],
    current: Understander,
    say: Callable[[str], None],
    *,
    rows: Sequence[Example] | None = None,
    asked: Sequence[Example] | None = None,
) -> Trained | None:
    """Train a candidate and judge it; None when nothing was corrected since the current model.

    Args:
        corrections: All of the company's, those taken back left out.
        current: The reader at work.
        say: Told how far it is.
        rows: The corpus (by default the shipped one).
        asked: The frozen exam (by default the shipped one).
    """
    known = taught(corrections, current)
    fresh = [row for row in known if row.at > _learnt_until(current.model)]
    if not fresh:
        return None
    material = _Material(
        tuple(corpus.load() if rows is None else rows), recipe_digest(rows), known, say
    )
    say(f"training on {len(material.corpus)} rows and {len(known)} corrected messages")
    model = material.train(known)
    candidate = current.with_model(model)
    say(f"answering {len(fresh)} new corrections out of fold")
    unseen: dict[tuple[str, str], str] = {}
    for fold, reader in material.folds(fresh, current, model):
        unseen.update(trial.answers(reader, fold))
    verdict = _judge(candidate, current, fresh, unseen, exam.load() if asked is None else asked)
    return Trained(model, verdict, len(known), len(fresh))


def _learnt_until(model: Model) -> datetime:
    said = model.about.get("taught_until")
    return datetime.fromisoformat(said) if said else datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Material:
    corpus: tuple[Example, ...]
    base: str
    known: tuple[Taught, ...]
    say: Callable[[str], None]

    def train(self, rows: Sequence[Taught], like: Model | None = None) -> Model:
        """A model of the corpus and these corrections."""
        from nlp.heads.training import train  # noqa: PLC0415  (scikit-learn costs seconds to import)

        examples = [row.example() for row in rows]
        weights = [*[1.0] * len(self.corpus), *counts(rows, len(self.corpus))]
        told = "\n".join(f"{row.message}\t{sorted(row.labels.items())}" for row in rows)
        digest = hashlib.sha256(f"{self.base}\n{told}".encode()).hexdigest()[:16]
        model = train(
            [*self.corpus, *examples], digest, self.say, counts=weights, added=len(rows), like=like
        )
        about = {
            **model.about,
            "base": self.base,
            "taught": len(rows),
            "taught_until": max(row.at for row in rows).isoformat() if rows else "",
        }
        return model.described(about)

    def folds(
        self, fresh: Sequence[Taught], current: Understander, like: Model
    ) -> Iterator[tuple[list[Taught], Understander]]:
        """Each part of the fresh corrections with a reader that has seen none of its wordings."""
        wordings = sorted({row.wording for row in fresh})
        number = min(FOLDS, len(wordings))
        for fold in range(number):
            left_out = set(wordings[fold::number])
            part = [row for row in fresh if row.wording in left_out]
            rest = [row for row in self.known if row.wording not in left_out]
            yield part, current.with_model(self.train(rest, like))


def _judge(
    candidate: Understander,
    current: Understander,
    fresh: Sequence[Taught],
    unseen: trial.Answers,
    asked: Sequence[Example],
) -> trial.Verdict:
    score, right = trial.examine(candidate, asked)
    before, right_before = trial.examine(current, asked)
    differences: dict[str, tuple[int, int]] = {
        head: (len(right[head] - right_before[head]), len(right_before[head] - right[head]))
        for head in HEADS
    }
    known = trial.answers(current, fresh)
    truth = {(row.message, head): now for row in fresh for head, now in row.labels.items()}
    mine = {key for key, now in truth.items() if unseen[key] == now}
    theirs = {key for key, now in truth.items() if known[key] == now}
    grave = {key for key, now in truth.items() if key[1] == "priority" and now == "P0"}
    return trial.compare(
        score,
        before,
        differences,
        held_out=(len(mine - theirs), len(theirs - mine)),
        right=(len(mine), len(theirs)),
        asked=len(truth),
        missed=(len(grave - mine), len(grave - theirs)),
    )
