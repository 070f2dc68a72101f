"""Is this a surge? Decided for the newest report from what stands beside it; a pure answer.

Two rules. **tail**: so many different people in one window are too unlikely under the key's usual
rate. **cluster**: where a key is busy anyway, so many different people say alike what is seldom
said. A bare kind of fault, under which everything counts, is only ever a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from workflow.kept import Seen
from workflow.policy import SurgePolicy
from workflow.surge.alike import alike, rarity
from workflow.surge.keys import CODE, RANK, TYPE, kind_of
from workflow.surge.tail import poisson_tail

BUSY = 1.0
"""More reports than this in a window are usual: the key is busy."""
LEAST_BEFORE = 20
"""With fewer reports before, nobody can say how people usually put it."""
_UNHEARD = 0.5
"""As how many earlier reports words count that nobody has used yet."""


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
    """A surge: under which key, by which rule, whose reports, against how many usual ones. With
    ``words``, only reports that say the same belong to it.
    """

    key: str
    rule: str
    orders: tuple[str, ...]
    people: int
    usual: float
    probability: float
    words: str = ""


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
    found = [
        detection
        for watched in keys
        if telling(watched.key, watched_for, policy)
        for detection in (_unlikely(newest, watched, policy) or _cluster(newest, watched, policy),)
        if detection is not None
    ]
    return min(found, key=lambda d: (RANK.index(kind_of(d.key)), d.probability), default=None)


def telling(key: str, watched_for: timedelta, policy: SurgePolicy) -> bool:
    """Whether enough is known to judge a key: before that only error codes speak for themselves."""
    return watched_for >= policy.warm_up or kind_of(key) == CODE


def people(reports: Iterable[Seen]) -> int:
    """How many different people reported."""
    return len({report.who for report in reports})


def _unlikely(newest: Seen, watched: Watched, policy: SurgePolicy) -> Detection | None:
    """Too many people. Where a key is busy, only those who say the same are the surge."""
    many = people(watched.window)
    if kind_of(watched.key) == TYPE or many < policy.minimum:
        return None
    busy = watched.usual > BUSY
    probability = poisson_tail(many, watched.usual)
    if probability >= (policy.busy_tail if busy else policy.tail):
        return None
    whole = Detection(
        watched.key, "tail", _orders(watched.window), many, watched.usual, probability
    )
    if not busy or kind_of(watched.key) == CODE:
        return whole
    like = _like(newest, watched.window, _weights(watched))
    if people(like) < policy.minimum:
        return None
    return replace(whole, orders=_orders(like), people=people(like), words=newest.text)


def _cluster(newest: Seen, watched: Watched, policy: SurgePolicy) -> Detection | None:
    """Reports like the newest one, against their share in what is usual under this key now."""
    if watched.usual <= BUSY and kind_of(watched.key) != TYPE:
        return None
    if len(watched.before) < LEAST_BEFORE:
        return None
    weights = _weights(watched)
    like = _like(newest, watched.window, weights)
    many = people(like)
    if many < policy.cluster_reporters:
        return None
    known = len(_like(newest, watched.before, weights))
    usual = watched.usual * (known + _UNHEARD) / (len(watched.before) + 1)
    probability = poisson_tail(many, usual)
    if probability >= policy.busy_tail:
        return None
    return Detection(watched.key, "cluster", _orders(like), many, usual, probability, newest.text)


def _weights(watched: Watched) -> Mapping[str, float]:
    return rarity([report.text for report in watched.before])


def _like(newest: Seen, reports: Sequence[Seen], weights: Mapping[str, float]) -> tuple[Seen, ...]:
    return tuple(
        r for r in reports if r.order_id == newest.order_id or alike(newest.text, r.text, weights)
    )


def _orders(reports: Sequence[Seen]) -> tuple[str, ...]:
    """Their work orders, oldest first."""
    ordered = sorted(reports, key=lambda r: (r.at, r.order_id))
    return tuple(dict.fromkeys(r.order_id for r in ordered))
