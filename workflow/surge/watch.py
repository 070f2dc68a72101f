"""Is this a surge? Decided for the newest report from what stands beside it; a pure answer.

Two rules. **tail**: so many different people in one window are too unlikely under the key's usual
rate. **cluster**: where a key is busy anyway, so many different people say alike what is seldom
said. A bare kind of fault, under which everything counts, is only ever a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from workflow.policy import SurgePolicy
from workflow.ports import Seen
from workflow.surge.alike import alike, rarity
from workflow.surge.keys import CODE, RANK, TYPE, kind_of
from workflow.surge.profile import HOUR, PRIOR_HOURS, PRIOR_REPORTS
from workflow.surge.tail import poisson_tail

BUSY = 1.0
"""More reports than this in a window are usual: the key is busy."""
LEAST_BEFORE = 20
"""With fewer reports before, nobody can say how people usually put it."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One key at the instant of its newest report.

    ``window`` are the reports of the window that belong to no surge yet, the newest among them;
    ``usual`` is how many are expected in it; ``before`` are the last reports ahead of the window,
    newest first, by whose words the likeness of the new ones is judged.
    """

    key: str
    window: tuple[Seen, ...]
    usual: float
    before: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """A surge: under which key, by which rule, whose reports, against how many usual ones."""

    key: str
    rule: str
    orders: tuple[str, ...]
    people: int
    usual: float
    probability: float


def detect(
    newest: Seen, keys: Iterable[Watched], watched_for: timedelta, policy: SurgePolicy
) -> Detection | None:
    """The surge that the newest report is part of, if it is part of one; of several the one
    whose key says most.

    Args:
        newest: The report that was just opened.
        keys: What stands under each of its keys.
        watched_for: How long this tenant's reports have been counted.
        policy: Window, thresholds and margin.
    """
    if not policy.enabled:
        return None
    cold = watched_for < policy.warm_up
    found = [
        detection
        for watched in keys
        if not (cold and kind_of(watched.key) != CODE)
        for detection in (_unlikely(watched, policy) or _cluster(newest, watched, policy),)
        if detection is not None
    ]
    return min(found, key=lambda d: (RANK.index(kind_of(d.key)), d.probability), default=None)


def people(reports: Iterable[Seen]) -> int:
    """How many different people reported."""
    return len({report.who for report in reports})


def _unlikely(watched: Watched, policy: SurgePolicy) -> Detection | None:
    many = people(watched.window)
    if kind_of(watched.key) == TYPE or many < policy.minimum:
        return None
    probability = poisson_tail(many, watched.usual)
    limit = policy.busy_tail if watched.usual > BUSY else policy.tail
    if probability >= limit:
        return None
    return _found(watched, "tail", watched.window, watched.usual, probability)


def _cluster(newest: Seen, watched: Watched, policy: SurgePolicy) -> Detection | None:
    """Reports like the newest one, against how often such words came before."""
    if watched.usual <= BUSY and kind_of(watched.key) != TYPE:
        return None
    if len(watched.before) < LEAST_BEFORE:
        return None
    weights = rarity([report.text for report in watched.before])
    like = _like(newest, watched.window, weights)
    many = people(like)
    if many < policy.cluster_reporters:
        return None
    usual = _usual_of(newest, watched, weights, policy)
    probability = poisson_tail(many, usual)
    if probability >= policy.tail:
        return None
    return _found(watched, "cluster", like, usual, probability)


def _like(newest: Seen, reports: Sequence[Seen], weights: Mapping[str, float]) -> tuple[Seen, ...]:
    return tuple(
        r for r in reports if r.order_id == newest.order_id or alike(newest.text, r.text, weights)
    )


def _usual_of(
    newest: Seen, watched: Watched, weights: Mapping[str, float], policy: SurgePolicy
) -> float:
    """How many reports like this one are usual in a window, counted in the past of the key."""
    start = newest.at - policy.window
    oldest = min((r.at for r in watched.before), default=start)
    known = len(_like(newest, watched.before, weights))
    hours = max(timedelta(0), start - oldest) / HOUR
    rate = (PRIOR_REPORTS + known) / (PRIOR_HOURS + hours)
    return rate * (policy.window / HOUR) * policy.margin


def _found(
    watched: Watched, rule: str, reports: Sequence[Seen], usual: float, probability: float
) -> Detection:
    ordered = sorted(reports, key=lambda r: (r.at, r.order_id))
    orders = tuple(dict.fromkeys(r.order_id for r in ordered))
    return Detection(watched.key, rule, orders, people(reports), usual, probability)
