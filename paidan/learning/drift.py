"""Is what comes in still what the model was made for? The last 7 and 28 days beside its promise.

What it promises is measured on the frozen exam, messages it has not seen: how sure it is, how
often it asks for a person, how often the words are strange to it. What kinds of message there are
is the company's own affair, so the last week is compared with the weeks before it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from nlp import Understander, corpus, exam, learning
from workflow.learning import HEADS, Day
from workflow.records import Facts

WEEK: Final = 7
MONTH: Final = 28
ENOUGH: Final = 50
"""With fewer messages a week every figure jumps; nothing is warned of."""
SURE_FALLS: Final = 0.10
DOUBT_RISES: Final = 0.10
STRANGE_RISES: Final = 0.05
CORRECTED: Final = 0.10
SHIFT: Final = 0.25
"""The population stability index from which a mix is called another one."""
_FLOOR: Final = 0.005


@dataclass(frozen=True, slots=True)
class Promise:
    """What a model was when it was made: ``figures`` on the exam, label shares in training."""

    figures: Facts
    labels: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Period:
    """Some days taken together; shares are 0 to 1, None where there was no message."""

    name: Literal["training", "month", "week"]
    messages: int
    sure: Mapping[str, float | None]
    doubtful: float | None
    strange: float | None
    corrected: float | None
    labels: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Alert:
    """A figure beyond its bound."""

    code: Literal["sure", "doubtful", "strange", "corrected", "shift"]
    now: float
    usual: float
    bound: float
    head: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """Training, the last 28 days, the last 7, and what is beyond its bound."""

    training: Period
    month: Period
    week: Period
    alerts: tuple[Alert, ...]
    enough: bool


def promised(reader: Understander) -> Promise:
    """Measured now: a second of work."""
    score, _ = learning.examine(reader, exam.load())
    rows = corpus.load()
    labels: dict[str, Mapping[str, float]] = {
        head: _shares(Counter(getattr(row, head) for row in rows)) for head in HEADS
    }
    return Promise(score.facts(), labels)


def compare(days: Sequence[Day], today: date, promise: Promise) -> Drift:
    """The report of the 28 days that end today."""
    week = [day for day in days if date.fromisoformat(day.day) > today - timedelta(days=WEEK)]
    month = [day for day in days if date.fromisoformat(day.day) > today - timedelta(days=MONTH)]
    before = [day for day in month if day not in week]
    training = _training(promise)
    last, weeks_before = _period("week", week), _period("month", before)
    enough = last.messages >= ENOUGH
    alerts = [*_against_training(last, training), *_shifted(last, weeks_before)] if enough else []
    return Drift(training, _period("month", month), last, tuple(alerts), enough)


def stability(now: Mapping[str, float], usual: Mapping[str, float]) -> float:
    """The population stability index of two mixes; 0 for equal ones."""
    total = 0.0
    for label in now.keys() | usual.keys():
        a, b = max(now.get(label, 0.0), _FLOOR), max(usual.get(label, 0.0), _FLOOR)
        total += (a - b) * math.log(a / b)
    return total


def bins(days: Iterable[Day], head: str) -> tuple[int, ...]:
    """How many messages by confidence, in tenths."""
    columns = [day.bins[head] for day in days]
    return tuple(map(sum, zip(*columns, strict=True))) if columns else (0,) * 10


def _against_training(week: Period, training: Period) -> Iterable[Alert]:
    for head in HEADS:
        now, usual = week.sure[head], training.sure[head]
        if now is not None and usual is not None and now < usual - SURE_FALLS:
            yield Alert("sure", now, usual, usual - SURE_FALLS, head)
    for code, now, usual, rises in (
        ("doubtful", week.doubtful, training.doubtful, DOUBT_RISES),
        ("strange", week.strange, training.strange, STRANGE_RISES),
    ):
        if now is not None and usual is not None and now > usual + rises:
            yield Alert(code, now, usual, usual + rises)  # type: ignore[arg-type]  # one of the two
    if week.corrected is not None and week.corrected > CORRECTED:
        yield Alert("corrected", week.corrected, 0.0, CORRECTED)


def _shifted(week: Period, before: Period) -> Iterable[Alert]:
    if before.messages < ENOUGH:
        return
    for head in HEADS:
        index = stability(week.labels[head], before.labels[head])
        if index > SHIFT:
            yield Alert("shift", index, 0.0, SHIFT, head)


def _training(promise: Promise) -> Period:
    figures = promise.figures
    sure = figures.get("sure")
    known = sure if isinstance(sure, Mapping) else {}
    return Period(
        name="training",
        messages=int(str(figures.get("messages", 0))),
        sure={head: _number(known.get(head)) for head in HEADS},
        doubtful=_number(figures.get("doubtful")),
        strange=_number(figures.get("strange")),
        corrected=None,
        labels=promise.labels,
    )


def _number(found: object) -> float | None:
    return float(found) if isinstance(found, int | float) else None


def _period(name: Literal["month", "week"], days: Sequence[Day]) -> Period:
    messages = sum(day.messages for day in days)
    labels: dict[str, Counter[str]] = {head: Counter() for head in HEADS}
    for day in days:
        for head in HEADS:
            labels[head].update(day.labels[head])

    def share(count: float) -> float | None:
        return count / messages if messages else None

    return Period(
        name=name,
        messages=messages,
        sure={head: share(sum(day.sure[head] for day in days)) for head in HEADS},
        doubtful=share(sum(day.doubtful for day in days)),
        strange=share(sum(day.strange for day in days)),
        corrected=share(sum(day.corrected for day in days)),
        labels={head: _shares(found) for head, found in labels.items()},
    )


def _shares(counted: Mapping[str, int]) -> dict[str, float]:
    total = sum(counted.values())
    return {label: n / total for label, n in counted.items()} if total else {}
