"""The score: straight lines from raw values to points, and what would have changed the order.

Each term gives no points at its worst raw value and its full weight at its best. That makes a
stored ranking recomputable from its raw values, and lets it be turned round: "王工 would be first
with a load of 3 or less". Ties go to the smaller staff id.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from workflow.company import QueueMode

_LEADING: dict[QueueMode, str] = {"ordered": "sequence", "nearest": "distance"}
"""The term that goes before the total in a mode; smaller raw values first."""


@dataclass(frozen=True, slots=True)
class Scale:
    """One line of the score: ``worst`` gives nothing, ``best`` all of ``weight`` points.

    ``unit`` is the step in which the raw value can change (one job, 0.1 km).
    """

    name: str
    weight: float
    worst: float
    best: float
    unit: float = 1.0

    def points(self, raw: float) -> float:
        """What a raw value is worth; beyond the ends it is worth what the end is worth."""
        if self.worst == self.best:
            return 0.0
        share = (raw - self.worst) / (self.best - self.worst)
        return round(self.weight * min(max(share, 0.0), 1.0), 2)


@dataclass(frozen=True, slots=True)
class Term:
    """One line of a candidate's score. ``words`` is a code and its facts, for wording it."""

    name: str
    raw: float
    points: float
    words: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could go; ``total`` is the sum of the points of the terms."""

    staff_id: str
    name: str
    total: float
    terms: tuple[Term, ...]

    def raw(self, term: str) -> float:
        """The raw value of a term; 0 when it has none of that name."""
        return next((t.raw for t in self.terms if t.name == term), 0.0)


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """Why somebody was not first and what alone would have made them so.

    ``term`` is where they are furthest behind among the terms that could turn it; ``now`` is
    theirs, ``against`` the first one's, ``needed`` the nearest value that wins. ``needed`` is None
    when no single term could: then ``term`` is simply the widest gap.
    """

    staff_id: str
    name: str
    term: str
    now: float
    needed: float | None
    against: float = 0.0


def score(
    staff_id: str,
    name: str,
    raws: Mapping[str, tuple[float, tuple[object, ...]]],
    scales: Sequence[Scale],
) -> Candidate:
    """A candidate from each term's raw value and words."""
    terms = tuple(
        Term(scale.name, raw, scale.points(raw), words)
        for scale in scales
        for raw, words in (raws[scale.name],)
    )
    return Candidate(staff_id, name, _sum(terms), terms)


def rescored(candidate: Candidate, scales: Sequence[Scale]) -> Candidate:
    """The candidate with points and total worked out again from the raw values."""
    by_name = {scale.name: scale for scale in scales}
    terms = tuple(replace(t, points=by_name[t.name].points(t.raw)) for t in candidate.terms)
    return replace(candidate, terms=terms, total=_sum(terms))


def in_order(mode: QueueMode, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Best first, as the mode of the queue understands it."""
    return tuple(sorted(candidates, key=lambda candidate: _key(mode, candidate)))


def counterfactuals(
    mode: QueueMode, candidates: Sequence[Candidate], scales: Sequence[Scale]
) -> tuple[Counterfactual, ...]:
    """For everybody but the first: the one change that would have made them first."""
    if not candidates:
        return ()
    winner = candidates[0]
    return tuple(_turned(mode, loser, winner, scales) for loser in candidates[1:])


def _turned(
    mode: QueueMode, loser: Candidate, winner: Candidate, scales: Sequence[Scale]
) -> Counterfactual:
    goal = _key(mode, winner)
    by_gap = sorted(scales, key=lambda scale: _behind(mode, scale, loser, winner), reverse=True)
    for scale in by_gap:
        needed = _nearest_winning(scale, loser, lambda tried: _key(mode, tried) < goal)
        if needed is not None:
            return _counterfactual(scale, loser, winner, needed)
    return _counterfactual(by_gap[0], loser, winner, None)


def _counterfactual(
    scale: Scale, loser: Candidate, winner: Candidate, needed: float | None
) -> Counterfactual:
    name = scale.name
    return Counterfactual(
        loser.staff_id, loser.name, name, loser.raw(name), needed, winner.raw(name)
    )


def _behind(mode: QueueMode, scale: Scale, loser: Candidate, winner: Candidate) -> float:
    """How many points a term costs the loser; the leading term of a mode goes before all."""
    mine, best = loser.raw(scale.name), winner.raw(scale.name)
    if scale.name == _LEADING.get(mode) and mine != best:
        return math.inf
    return scale.points(best) - scale.points(mine)


def _nearest_winning(
    scale: Scale, loser: Candidate, wins: Callable[[Candidate], bool]
) -> float | None:
    """The raw value nearest to the present one, in units of the scale, that wins; else None."""
    now = loser.raw(scale.name)
    towards = math.copysign(scale.unit, scale.best - scale.worst)
    reach = math.ceil(round((scale.best - now) / towards, 6))
    low, high = 0, max(reach, 0)
    if not wins(_with_raw(loser, scale, _clipped(now, towards * high, scale))):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if wins(_with_raw(loser, scale, _clipped(now, towards * middle, scale))):
            high = middle
        else:
            low = middle
    return _clipped(now, towards * high, scale)


def _clipped(now: float, change: float, scale: Scale) -> float:
    """A changed raw value, not beyond the best."""
    raw = round(now + change, 6)
    return min(raw, scale.best) if scale.best > scale.worst else max(raw, scale.best)


def _with_raw(candidate: Candidate, scale: Scale, raw: float) -> Candidate:
    terms = tuple(
        replace(term, raw=raw, points=scale.points(raw)) if term.name == scale.name else term
        for term in candidate.terms
    )
    return replace(candidate, terms=terms, total=_sum(terms))


def _sum(terms: Sequence[Term]) -> float:
    return round(sum(term.points for term in terms), 2)


def _key(mode: QueueMode, candidate: Candidate) -> tuple[float, float, str]:
    leading = _LEADING.get(mode)
    return (candidate.raw(leading) if leading else 0.0, -candidate.total, candidate.staff_id)
