"""Who should take a work order, and why: hard filters, then a score, with the proof of both.

:func:`rank` looks at one team's engineers. Whoever fails a hard filter is listed with the reason;
the rest are scored (:mod:`workflow.dispatch.scoring`). A ranking is stored with its raw values
(:func:`facts`), can be shown again (:func:`from_facts`) and recomputed (:func:`rescore`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from workflow.company import Asset, Company, Customer, Presence, Queue, QueueMode, Site, Staff
from workflow.dispatch.duty import absence, back_on_duty
from workflow.dispatch.scoring import (
    Candidate,
    Counterfactual,
    Scale,
    Term,
    counterfactuals,
    in_order,
    rescored,
    score,
)
from workflow.kept import Load
from workflow.policy import DispatchPolicy, Policy, VipRule
from workflow.records import Facts
from workflow.work_order import WorkOrder

_ANY_SKILL = frozenset({"other", "none", ""})
"""Fault types that say too little to ask for a skill."""
_FAR_KM = 30.0
_SAME_REGION_KM = 5.0
_UNKNOWN_KM = 15.0
_PAST_JOBS = 5.0
_UNRATED = 3.0
_EARTH_KM = 6371.0
_NOT_IN_SEQUENCE = 1000.0


@dataclass(frozen=True, slots=True)
class Excluded:
    """Somebody who cannot go. ``reason`` is the first filter that failed: ``inactive``,
    ``other_team``, ``skill``, ``region``, ``declined``, ``full``, ``off_duty``, ``off_shift``,
    ``vip_rating``; so whoever is off duty or off shift would fit otherwise.
    """

    staff_id: str
    name: str
    reason: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates, best first, and everybody left out.

    ``tier`` is ``vip`` when only the best rated were considered, ``vip_relaxed`` when none of them
    was to be had. In ``claim`` mode all candidates may claim; the order is for the record.
    """

    mode: QueueMode
    queue_id: str
    team_id: str
    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]
    counterfactuals: tuple[Counterfactual, ...]
    tier: str = ""
    scales: tuple[Scale, ...] = ()

    @property
    def first(self) -> Candidate | None:
        """The best candidate, if there is one."""
        return self.candidates[0] if self.candidates else None


# --- ranking ----------------------------------------------------------------------------------


def rank(
    order: WorkOrder,
    company: Company,
    policy: Policy,
    presence: Mapping[str, Presence],
    loads: Mapping[str, Load],
    customer: Customer | None,
    asset: Asset | None,
    now: datetime,
    exclude: Collection[str] = (),
) -> Ranking:
    """The engineers of the work order's queue, best first.

    Whoever let this offer pass (``order.offered``) or is in ``exclude`` is left out as
    ``declined``. People without an entry in ``loads`` count as free.
    """
    site = _site(order, customer, asset)
    queue = (
        company.queue(order.queue_id)
        if order.queue_id
        else company.queue_for(order.fault_type, site.region)
    )
    case = _Case(
        order, company, policy, queue, site, presence, loads, now, {*order.offered, *exclude}
    )
    excluded: list[Excluded] = []
    fit: list[Staff] = []
    for staff in case.people():
        why = case.why_not(staff)
        if why is None:
            fit.append(staff)
        else:
            excluded.append(Excluded(staff.id, staff.name, why[0], why[1]))
    fit, passed_over, tier = _vip_tier(fit, order, customer, policy.dispatch.vip)
    scales = _scales(policy.dispatch)
    candidates = in_order(queue.mode, (score(s.id, s.name, case.terms(s), scales) for s in fit))
    return Ranking(
        mode=queue.mode,
        queue_id=queue.id,
        team_id=queue.team,
        candidates=candidates,
        excluded=tuple(sorted([*excluded, *passed_over], key=lambda e: e.staff_id)),
        counterfactuals=counterfactuals(queue.mode, candidates, scales),
        tier=tier,
        scales=scales,
    )


def _site(order: WorkOrder, customer: Customer | None, asset: Asset | None) -> Site:
    """Where the job is: the asset's place, else the customer's; the report's region wins."""
    known = [owner.site for owner in (asset, customer) if owner is not None]
    placed = next((site for site in known if site.lat is not None and site.lon is not None), Site())
    region = order.region or next((site.region for site in known if site.region), "")
    return replace(placed, region=region)


def _scales(policy: DispatchPolicy) -> tuple[Scale, ...]:
    weight = policy.weights
    return (
        Scale("skill", weight.get("skill", 0.0), 0.0, 5.0),
        Scale("load", weight.get("load", 0.0), float(policy.max_load), 0.0),
        Scale("distance", weight.get("distance", 0.0), _FAR_KM, 0.0, unit=0.1),
        Scale("history", weight.get("history", 0.0), 0.0, _PAST_JOBS),
        Scale("rating", weight.get("rating", 0.0), 1.0, 5.0, unit=0.1),
        Scale("sequence", 0.0, _NOT_IN_SEQUENCE, 1.0),
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """One work order looking for somebody: the filters and the raw terms."""

    order: WorkOrder
    company: Company
    policy: Policy
    queue: Queue
    site: Site
    presence: Mapping[str, Presence]
    loads: Mapping[str, Load]
    now: datetime
    exclude: frozenset[str] | set[str]

    def people(self) -> Iterator[Staff]:
        """The team's engineers, and those of other teams who know this fault."""
        for _, staff in sorted(self.company.staff.items()):
            if staff.role == "engineer" and (
                staff.team == self.queue.team or self.order.fault_type in staff.skills
            ):
                yield staff

    def why_not(self, staff: Staff) -> tuple[str, Facts] | None:
        """The first hard filter that keeps this person out."""
        order, load = self.order, self._load(staff).open
        team = self.company.teams.get(self.queue.team)
        served = (team.regions if team else ()) or tuple(filter(None, (staff.site.region,)))
        checks: tuple[tuple[bool, str, Facts], ...] = (
            (not staff.active, "inactive", {}),
            (staff.team != self.queue.team, "other_team", {"team": staff.team}),
            (not self._skilled(staff), "skill", {"needs": order.fault_type}),
            (
                bool(self.site.region and served) and self.site.region not in served,
                "region",
                {"region": self.site.region, "serves": list(served)},
            ),
            (staff.id in self.exclude, "declined", {}),
            (
                load >= self.policy.dispatch.max_load,
                "full",
                {"load": load, "limit": self.policy.dispatch.max_load},
            ),
        )
        failed = next(((reason, facts) for fails, reason, facts in checks if fails), None)
        return failed or absence(staff, self.company, self.presence, self.now)

    def terms(self, staff: Staff) -> dict[str, tuple[float, tuple[object, ...]]]:
        """Each term's raw value, and how to word it."""
        load = self._load(staff)
        level = staff.skills.get(self.order.fault_type, 0)
        past = float(load.for_customer + load.for_asset)
        return {
            "skill": (float(level), ("skill", self.order.fault_type, level)),
            "load": (float(load.open), ("load", load.open, self.policy.dispatch.max_load)),
            "distance": _distance(staff.site, self.site),
            "history": (past, ("history", load.for_customer, load.for_asset)),
            "rating": _rating(staff),
            "sequence": self._position(staff),
        }

    def _load(self, staff: Staff) -> Load:
        return self.loads.get(staff.id, Load())

    def _skilled(self, staff: Staff) -> bool:
        return self.order.fault_type in _ANY_SKILL or self.order.fault_type in staff.skills

    def _position(self, staff: Staff) -> tuple[float, tuple[object, ...]]:
        if staff.id not in self.queue.order:
            return _NOT_IN_SEQUENCE, ("not_in_sequence",)
        position = self.queue.order.index(staff.id) + 1
        return float(position), ("sequence", position, len(self.queue.order))


def _vip_tier(
    fit: list[Staff], order: WorkOrder, customer: Customer | None, rule: VipRule
) -> tuple[list[Staff], list[Excluded], str]:
    """Only the best rated for a VIP's grave fault; none of them to be had → everybody."""
    if customer is None or not customer.vip or order.priority not in rule.priorities or not fit:
        return fit, [], ""
    best = [s for s in fit if _well_rated(s, rule)]
    if not best:
        return fit, [], "vip_relaxed"
    passed_over = [
        Excluded(
            s.id,
            s.name,
            "vip_rating",
            {"ratings": list(s.ratings[: rule.last]), "at_least": rule.at_least},
        )
        for s in fit
        if s not in best
    ]
    return best, passed_over, "vip"


def _well_rated(staff: Staff, rule: VipRule) -> bool:
    last = staff.ratings[: rule.last]
    return len(last) == rule.last and all(rating >= rule.at_least for rating in last)


# --- raw values -------------------------------------------------------------------------------


def kilometres(one: Site, other: Site) -> float | None:
    """The great-circle distance in km, or None when either has no coordinates."""
    if one.lat is None or one.lon is None or other.lat is None or other.lon is None:
        return None
    lat, other_lat = math.radians(one.lat), math.radians(other.lat)
    half = math.sin((other_lat - lat) / 2) ** 2
    half += math.cos(lat) * math.cos(other_lat) * _half_angle(one.lon, other.lon)
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def _half_angle(lon: float, other: float) -> float:
    return math.sin(math.radians(other - lon) / 2) ** 2


def _distance(home: Site, job: Site) -> tuple[float, tuple[object, ...]]:
    """Kilometres, or what the regions make likely when coordinates are missing."""
    km = kilometres(home, job)
    if km is not None:
        return round(km, 1), ("distance_km", round(km, 1))
    if not home.region or not job.region:
        return _UNKNOWN_KM, ("distance_unknown",)
    if home.region == job.region:
        return _SAME_REGION_KM, ("same_region", job.region)
    return _FAR_KM, ("other_region", home.region, job.region)


def _rating(staff: Staff) -> tuple[float, tuple[object, ...]]:
    """The mean of the last ten ratings; people without any stand in the middle."""
    last = staff.ratings[:10]
    if not last:
        return _UNRATED, ("no_ratings",)
    mean = round(sum(last) / len(last), 1)
    return mean, ("rating", mean, len(last))


# --- afterwards -------------------------------------------------------------------------------


def next_on_duty(
    ranking: Ranking, company: Company, presence: Mapping[str, Presence], now: datetime
) -> datetime | None:
    """When the first person who would fit comes on duty; None when nobody ever does.

    ``now`` when somebody is there already.
    """
    if ranking.candidates:
        return now
    absent = (
        company.staff[e.staff_id]
        for e in ranking.excluded
        if e.reason in {"off_shift", "off_duty"} and e.staff_id in company.staff
    )
    returns = (back_on_duty(staff, company, presence, now) for staff in absent)
    return min((at for at in returns if at is not None), default=None)


def facts(ranking: Ranking) -> Facts:
    """Everything needed to show and to recompute a ranking, as JSON-able facts."""
    plain: Facts = _plain(ranking)
    return plain


def from_facts(stored: Facts) -> Ranking:
    """The ranking as it was stored."""
    # Facts are typed as objects; their shape is the one facts() gave them.
    record: Mapping[str, Any] = stored
    return Ranking(
        **{
            **record,
            "candidates": tuple(_candidate(c) for c in record["candidates"]),
            "excluded": tuple(Excluded(**e) for e in record["excluded"]),
            "counterfactuals": tuple(Counterfactual(**c) for c in record["counterfactuals"]),
            "scales": tuple(Scale(**s) for s in record["scales"]),
        }
    )


def rescore(stored: Facts) -> Ranking:
    """The ranking recomputed from the stored raw values and scales alone.

    It equals :func:`from_facts` of the same facts unless somebody has changed them.
    """
    record = from_facts(stored)
    candidates = in_order(record.mode, (rescored(c, record.scales) for c in record.candidates))
    return replace(
        record,
        candidates=candidates,
        counterfactuals=counterfactuals(record.mode, candidates, record.scales),
    )


def _plain(value: Any) -> Any:
    """Records as mappings and tuples as lists, as they come back from JSON."""
    if isinstance(value, str | float | int | None):
        return value
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value]


def _candidate(record: Mapping[str, Any]) -> Candidate:
    terms = tuple(Term(**{**t, "words": tuple(t["words"])}) for t in record["terms"])
    return Candidate(**{**record, "terms": terms})
