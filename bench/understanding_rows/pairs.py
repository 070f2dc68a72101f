"""Pairs: LCQMC by the learner of pairs, and the decision 同一件事 on our own pairs and its exam."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold

from nlp import Understander, corpus, exam
from nlp import pairs as own
from nlp.sameness import training
from nlp.sameness.judge import Comparer, SameIncident
from nlp.sameness.learner import learn
from nlp.sameness.model import Compared
from nlp.sameness.wording import Wording
from nlp.sameness.words import tagged
from workflow.joining import slots

from . import scores, sets
from .shape import Bar, Figure, Missing, Sources

_FOLDS = 5
_LCQMC = "lcqmc/part_a.tsv"
_LCQMC_TEST = "lcqmc/part_b.tsv"
_BAR = Bar(86, 84)
_OWN_BAR = Bar(85, 70)
_PUBLISHED = {"BERT (whole train set)": 89.4, "second reader": 100.0}
_TIMED = 600

Flags = npt.NDArray[np.bool_]


def figures(sources: Sources) -> Iterator[Figure]:
    """Our own pairs need no data folder; LCQMC is left out without one."""
    yield from _own()
    try:
        taught = sets.pairs(sources.taught(_LCQMC))
    except Missing:
        return
    yield _folds(taught)
    aside = sources.kept_aside(_LCQMC_TEST)
    if aside is not None:
        yield _test(taught, sets.pairs(aside))


# --- LCQMC ------------------------------------------------------------------------------------


def _folds(rows: Sequence[sets.Pair]) -> Figure:
    """Folds that share no sentence: what is linked by one stays together."""
    groups = _groups(rows)
    fold = np.random.default_rng(0).integers(0, _FOLDS, int(groups.max()) + 1)[groups]
    right, simple = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    for here in range(_FOLDS):
        unseen = np.flatnonzero(fold == here)
        seen = [rows[n] for n in np.flatnonzero(fold != here)]
        right[unseen], simple[unseen] = _graded(seen, [rows[n] for n in unseen])
    return _lcqmc(f"{_FOLDS} folds without shared sentences", rows, right, simple)


def _test(taught: Sequence[sets.Pair], asked: Sequence[sets.Pair]) -> Figure:
    right, simple = _graded(taught, asked)
    return _lcqmc("part_b", asked, right, simple)


def _lcqmc(on: str, rows: Sequence[sets.Pair], right: Flags, simple: Flags) -> Figure:
    usual = 100 * max(np.mean([row.same for row in rows]), np.mean([not row.same for row in rows]))
    return Figure(
        "lcqmc.accuracy", scores.share(right), on, len(rows),
        ci=scores.interval(scores.share, right), bar=_BAR,
        baselines={"majority": usual, "cosine of characters": scores.share(simple)},
        published={"BERT": _PUBLISHED["BERT (whole train set)"]},
    )  # fmt: skip


def _graded(seen: Sequence[sets.Pair], unseen: Sequence[sets.Pair]) -> tuple[Flags, Flags]:
    """Which unseen pairs the learner gets right, and which a threshold on one cosine does."""
    wording = Wording.of([text for row in seen for text in (row.a, row.b)], tagged)
    taught = [_compared(wording, row) for row in seen]
    asked = [_compared(wording, row) for row in unseen]
    truth = np.array([row.same for row in unseen])
    model = learn(taught, [row.same for row in seen])
    said = np.array([model.probability(pair.facts, pair.marks) >= 0.5 for pair in asked])
    limit = _limit(
        np.array([pair.facts["char_cosine"] for pair in taught]),
        np.array([row.same for row in seen]),
    )
    cosine = np.array([pair.facts["char_cosine"] >= limit for pair in asked])
    return said == truth, cosine == truth


def _compared(wording: Wording, row: sets.Pair) -> Compared:
    return Compared(wording.facts(row.a, row.b), frozenset(wording.marks(row.a, row.b)))


def _limit(values: npt.NDArray[Any], truth: Flags) -> float:
    """The threshold that gets most of these right."""
    tried = np.unique(np.quantile(values, np.linspace(0, 1, 101)))
    return float(max(tried, key=lambda limit: ((values >= limit) == truth).mean()))


def _groups(rows: Sequence[sets.Pair]) -> npt.NDArray[np.int64]:
    """One number for all rows that hang together by shared sentences."""
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        parent.setdefault(text, text)
        while parent[text] != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for row in rows:
        parent[root(row.a)] = root(row.b)
    number: dict[str, int] = {}
    return np.array([number.setdefault(root(row.a), len(number)) for row in rows])


# --- our own ----------------------------------------------------------------------------------


def _own() -> Iterator[Figure]:
    rows = own.load()
    with tempfile.TemporaryDirectory() as folder:
        hearing = Understander.load(Path(folder)).model
    comparer = training.comparer_of(rows, [example.text for example in corpus.load()], hearing)
    right = np.zeros(len(rows), bool)
    joined: list[bool] = []
    kinds = np.array([row.kind for row in rows])
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    for seen, unseen in folds.split(kinds, kinds):
        judge = training.learnt(comparer, [rows[n] for n in seen])
        right[unseen] = _right(judge, [rows[n] for n in unseen])
        others = training.strangers([rows[n] for n in unseen], comparer, seed=1)
        joined += [judge(o.a, o.b, o.gap_min, o.same_user).same for o in others]
    on = f"own pairs, {_FOLDS} folds"
    yield _same("same_incident", on, right, _rules(rows))
    for kind in dict.fromkeys(kinds.tolist()):
        part = right[kinds == kind]
        yield Figure(
            f"same_incident.{kind}", scores.share(part), on, len(part),
            ci=scores.interval(scores.share, part),
        )  # fmt: skip
    apart = ~np.array(joined)
    yield Figure(
        "same_incident.strangers_apart", scores.share(apart), on, len(apart),
        ci=scores.interval(scores.share, apart), note="毫不相干的两句话，判为两件",
    )  # fmt: skip
    yield from _examined(training.learnt(comparer, rows))


def _examined(judge: SameIncident) -> Iterator[Figure]:
    asked = exam.pairs()
    right = _right(judge, asked)
    yield _same("exam.same_incident", "exam", right, _rules(asked))
    kinds = np.array([row.kind for row in asked])
    for kind in dict.fromkeys(kinds.tolist()):
        part = right[kinds == kind]
        yield Figure(f"exam.same_incident.{kind}", scores.share(part), "exam", len(part))
    times = _times(judge, asked)
    for name, value in zip(("p50", "p99"), np.percentile(times, [50, 99]), strict=True):
        yield Figure(f"speed.same_incident.{name}", float(value), "exam", len(times), unit="µs")


def _same(name: str, on: str, right: Flags, rules: Flags) -> Figure:
    return Figure(
        name, scores.share(right), on, len(right),
        ci=scores.interval(scores.share, right), bar=_OWN_BAR,
        baselines={"rules alone": scores.share(rules)},
        published={"second reader": _PUBLISHED["second reader"]},
    )  # fmt: skip


def _right(judge: SameIncident, rows: Sequence[own.Pair]) -> Flags:
    return np.array([judge(r.a, r.b, r.gap_min, r.same_user).same is r.same for r in rows])


def _rules(rows: Sequence[own.Pair]) -> Flags:
    """What the plain rules get right: something speaks for it and nothing against."""
    found = [slots(row.a, row.b, same_people=row.same_user) for row in rows]
    return np.array(
        [bool(f.favour and not f.against) is r.same for f, r in zip(found, rows, strict=True)]
    )


def _times(judge: SameIncident, rows: Sequence[own.Pair]) -> list[float]:
    """Microseconds of processor time a decision, the texts not seen before."""
    fresh = SameIncident(
        Comparer(judge.comparer.hearing, judge.comparer.meaning, judge.comparer.wording),
        judge.model,
    )
    ask: Callable[..., object] = fresh
    times = []
    for row in rows[:_TIMED]:
        start = time.process_time_ns()
        ask(row.a, row.b, row.gap_min, row.same_user)
        times.append((time.process_time_ns() - start) / 1000)
    return times
