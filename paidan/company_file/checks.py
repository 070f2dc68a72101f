"""What a well-formed company file can still get wrong: references, rules, and empty shifts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import time, timedelta
from typing import Final, Protocol

from paidan.company_file import own_words
from paidan.company_file.reading import Reader
from paidan.company_file.shape import CompanyFile
from paidan.company_file.shorthand import DAYS, show_duration, show_week
from paidan.problems import Problem
from workflow.calendar import Span
from workflow.clocks import CLOCKS
from workflow.company import Queue, Shift, Site, Staff
from workflow.policy import Policy, SurgePolicy
from workflow.taxonomy import FAULT_TYPES, PRIORITIES

FAULTS: Final = tuple(key for key in FAULT_TYPES if key != "none")
SLOTS: Final = ("symptom", "place", "phone", "serial", "screenshot")
WEIGHTS: Final = ("skill", "load", "distance", "history", "rating")
STAFF_ROLES: Final = ("engineer", "supervisor", "admin")
LEVELS: Final = range(1, 6)
PHONE: Final = re.compile(r"\+?[0-9][0-9 -]{5,18}[0-9]")

LONGEST_STEPS: Final = 2_000
"""Characters of an article's steps: what fits into one message of every channel."""

_LEAST_WINDOW: Final = timedelta(minutes=5)
_ONE_DAY: Final = timedelta(days=1)
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY


class Complain(Protocol):
    """Takes one problem: the key it is at, what stood there, the rule and its values."""

    def __call__(self, key: str, found: str, rule: str, *values: str) -> None: ...


class Identified(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str: ...


def check(document: CompanyFile, reader: Reader) -> None:
    """Collect every broken rule of a document in ``reader`` and raise them together."""
    for name in ("shifts", "teams", "staff", "queues", "customers", "assets", "knowledge"):
        _unique(name, getattr(document, name), reader)
    broken_rules(document, reader.complain)
    reader.finish()


def broken_rules(document: CompanyFile, say: Complain) -> None:
    """Tell ``say`` of every reference that leads nowhere and every value out of its range."""
    for name in ("shifts", "teams", "staff", "queues"):
        if not getattr(document, name):
            say(name, "", "required")
    _calendar(document, say)
    _people(document, say)
    _teams(document, say)
    _queues(document, say)
    _belongings(document, say)
    _knowledge(document, say)
    own_words.check(document, say)
    _policy(document.policy, say)


def _people(document: CompanyFile, say: Complain) -> None:
    """Where they belong, what they can, who leads them."""
    known = {s.id for s in document.staff}
    teams, shifts = {t.id for t in document.teams}, {s.id for s in document.shifts}
    for at, staff in enumerate(document.staff):
        key = f"staff[{at}]"
        _one_of(f"{key}.role", staff.role, STAFF_ROLES, say)
        _known(f"{key}.team", staff.team, teams, say)
        _known(f"{key}.shift", staff.shift, shifts, say)
        _known(f"{key}.supervisor", staff.supervisor or "", known, say)
        _site(f"{key}.site", staff.site, say)
        for skill, level in staff.skills.items():
            _one_of(f"{key}.skills.{skill}", skill, FAULTS, say)
            if level not in LEVELS:
                say(f"{key}.skills.{skill}", str(level), "integer", "1–5")
        for i, rating in enumerate(staff.ratings):
            if not LEVELS[0] <= rating <= LEVELS[-1]:
                say(f"{key}.ratings[{i}]", f"{rating:g}", "number", "1–5")
        if staff.role == "engineer" and not staff.team:
            say(f"{key}.team", "", "known", *sorted(teams))
        if staff.role == "engineer" and not staff.shift:
            say(f"{key}.shift", "", "known", *sorted(shifts))
    _no_circles(document.staff, say)


def warn(document: CompanyFile, reader: Reader) -> list[Problem]:
    """What works but will hurt: hours without anybody, queues nobody reaches, lonely people."""
    found = [
        *_empty_shifts(document),
        *_idle_queues(document),
        *_unskilled(document),
        *_unreachable(document),
        *own_words.warn(document),
    ]
    return [
        Problem(reader.file, reader.line(key), key, "", rule, values) for key, rule, values in found
    ]


def unstaffed(
    members: Iterable[Staff], shifts: Mapping[str, Shift]
) -> tuple[tuple[Span, ...], ...]:
    """The hours of a week, Monday first, in which none of ``members`` is on shift."""
    busy = bytearray(_WEEK)
    for staff in members:
        if staff.active and staff.role == "engineer" and staff.shift in shifts:
            for day, spans in enumerate(shifts[staff.shift].week):
                for span in spans:
                    _fill(busy, day, span)
    return tuple(tuple(_gaps(busy[day * _DAY : (day + 1) * _DAY])) for day in range(len(DAYS)))


# --- errors -----------------------------------------------------------------------------------


def _unique(name: str, items: Sequence[Identified], reader: Reader) -> None:
    first: dict[str, int] = {}
    for at, item in enumerate(items):
        key = f"{name}[{at}].id"
        if not item.id.strip():
            reader.complain(key, "", "required")
        elif item.id in first:
            line = reader.line(f"{name}[{first[item.id]}].id")
            reader.complain(key, item.id, "unique", str(line))
        first.setdefault(item.id, at)


def _calendar(document: CompanyFile, say: Complain) -> None:
    entry = document.calendar
    if not entry.always and not any(entry.week):
        say("calendar.week", "", "open_time")
    for day in sorted(entry.extra_holidays.keys() & entry.extra_workdays.keys()):
        say(f"calendar.extra_workdays.{day}", day.isoformat(), "once")


def _teams(document: CompanyFile, say: Complain) -> None:
    known = {s.id for s in document.staff}
    for at, team in enumerate(document.teams):
        for role in ("supervisor", "backup"):
            named = getattr(team, role)
            if named not in known:
                say(f"teams[{at}].{role}", named, "known", *sorted(known))


def _queues(document: CompanyFile, say: Complain) -> None:
    teams = {t.id for t in document.teams}
    for at, queue in enumerate(document.queues):
        key = f"queues[{at}]"
        if queue.team not in teams:
            say(f"{key}.team", queue.team, "known", *sorted(teams))
            continue
        for i, fault in enumerate(queue.fault_types):
            _one_of(f"{key}.fault_types[{i}]", fault, FAULTS, say)
        engineers = [s.id for s in _engineers(document, queue.team)]
        if not engineers:
            say(f"{key}.team", queue.team, "members")
        for i, staff in enumerate(queue.order):
            if staff not in engineers:
                say(f"{key}.order[{i}]", staff, "in_team", *engineers)
        if queue.mode == "ordered" and not queue.order:
            say(f"{key}.order", "", "in_team", *engineers)


def _belongings(document: CompanyFile, say: Complain) -> None:
    customers = {c.id for c in document.customers}
    for at, customer in enumerate(document.customers):
        _site(f"customers[{at}].site", customer.site, say)
        _one_of(f"customers[{at}].locale", customer.locale, ("zh_CN", "en"), say)
    for at, asset in enumerate(document.assets):
        _site(f"assets[{at}].site", asset.site, say)
        _known(f"assets[{at}].customer_id", asset.customer_id or "", customers, say)
        if asset.fault_type:
            _one_of(f"assets[{at}].fault_type", asset.fault_type, FAULTS, say)


def _knowledge(document: CompanyFile, say: Complain) -> None:
    for at, article in enumerate(document.knowledge):
        key = f"knowledge[{at}]"
        for name in ("title", "steps"):
            if not getattr(article, name).strip():
                say(f"{key}.{name}", "", "required")
        if len(article.steps) > LONGEST_STEPS:
            say(f"{key}.steps", f"{len(article.steps)}", "integer", f"≤ {LONGEST_STEPS}")
        for i, fault in enumerate(article.fault_types):
            _one_of(f"{key}.fault_types[{i}]", fault, FAULTS, say)


def _policy(policy: Policy, say: Complain) -> None:
    for clock in CLOCKS:
        _priorities(f"policy.clocks.{clock}", getattr(policy.clocks, clock), say)
    _priorities("policy.dispatch.accept_within", policy.dispatch.accept_within, say)
    for weight in policy.dispatch.weights:
        _one_of(f"policy.dispatch.weights.{weight}", weight, WEIGHTS, say)
    for fault, slots in policy.intake.required.items():
        key = f"policy.intake.required.{fault}"
        _one_of(key, fault, ("*", *FAULTS), say)
        for i, slot in enumerate(slots):
            _one_of(f"{key}[{i}]", slot, SLOTS, say)
    if not timedelta() <= policy.self_service_wait <= _ONE_DAY:
        found = show_duration(policy.self_service_wait)
        say("policy.self_service_wait", found, "lasting", "0s–24h")
    _ladder(policy, say)
    if policy.supervision.emotion not in LEVELS:
        say("policy.supervision.emotion", str(policy.supervision.emotion), "integer", "1–5")
    _surge(policy.surge, say)


def _surge(surge: SurgePolicy, say: Complain) -> None:
    key = "policy.surge"
    for name in ("minimum", "cluster_reporters"):
        if not 2 <= getattr(surge, name) <= 1_000:  # noqa: PLR2004 - one report is no surge
            say(f"{key}.{name}", str(getattr(surge, name)), "integer", "2–1000")
    for name in ("tail", "busy_tail"):
        if not 0 < getattr(surge, name) < 1:
            say(f"{key}.{name}", f"{getattr(surge, name):g}", "number", "0–1")
    if not 1 <= surge.margin <= 10:  # noqa: PLR2004 - ten times the usual is no margin
        say(f"{key}.margin", f"{surge.margin:g}", "number", "1–10")
    if not _LEAST_WINDOW <= surge.window <= _ONE_DAY:
        say(f"{key}.window", show_duration(surge.window), "lasting", "5m–24h")
    if surge.history < _ONE_DAY * 7:
        say(f"{key}.history", show_duration(surge.history), "lasting", "≥ 7d")
    if surge.half_life < _ONE_DAY:
        say(f"{key}.half_life", show_duration(surge.half_life), "lasting", "≥ 1d")
    for name, text in surge.scripts.items():
        if not text.strip():
            say(f"{key}.scripts.{name}", "", "required")


def _ladder(policy: Policy, say: Complain) -> None:
    seen: set[str] = set()
    for at, rung in enumerate(policy.ladder):
        key = f"policy.ladder[{at}]"
        if (rung.after is None) == (rung.percent is None):
            say(key, rung.id, "after_or_percent")
        if rung.percent is not None and not 0 < rung.percent <= 1_000:  # noqa: PLR2004 - ten targets
            say(f"{key}.percent", str(rung.percent), "integer", "1–1000")
        for i, priority in enumerate(rung.priorities):
            _one_of(f"{key}.priorities[{i}]", priority, tuple(PRIORITIES), say)
        if rung.id in seen:
            say(f"{key}.id", rung.id, "once")
        seen.add(rung.id)


def _priorities(key: str, found: Mapping[str, object], say: Complain) -> None:
    for priority in PRIORITIES:
        if priority not in found:
            say(f"{key}.{priority}", "", "required")
    for priority in found:
        _one_of(f"{key}.{priority}", priority, tuple(PRIORITIES), say)


def _no_circles(staff: Sequence[Staff], say: Complain) -> None:
    leads = {s.id: s.supervisor for s in staff}
    for at, person in enumerate(staff):
        way, above = [person.id], person.supervisor
        while above and above not in way:
            way.append(above)
            above = leads.get(above)
        if above == person.id:
            say(f"staff[{at}].supervisor", person.supervisor or "", "no_circle", *way, above)


def _site(key: str, site: Site, say: Complain) -> None:
    for name, value, limit in (("lat", site.lat, 90), ("lon", site.lon, 180)):
        if value is not None and not -limit <= value <= limit:
            say(f"{key}.{name}", f"{value:g}", "number", f"-{limit}–{limit}")
    if (site.lat is None) != (site.lon is None):
        say(f"{key}.{'lat' if site.lat is None else 'lon'}", "", "required")


def _one_of(key: str, found: str, choices: Sequence[str], say: Complain) -> None:
    if found not in choices:
        say(key, found, "one_of", *choices)


def _known(key: str, found: str, ids: Collection[str], say: Complain) -> None:
    if found and found not in ids:
        say(key, found, "known", *sorted(ids))


# --- warnings ---------------------------------------------------------------------------------

Unwise = tuple[str, str, tuple[str, ...]]
"""Key, rule and its values."""


def _empty_shifts(document: CompanyFile) -> Iterator[Unwise]:
    shifts = {s.id: s for s in document.shifts}
    for at, team in enumerate(document.teams):
        members = _engineers(document, team.id)
        gaps = show_week(unstaffed(members, shifts)) if members else {}
        if gaps:
            said = ", ".join(f"{days} {'+'.join(spans)}" for days, spans in gaps.items())
            yield f"teams[{at}]", "nobody_on_duty", (team.name, said)


def _idle_queues(document: CompanyFile) -> Iterator[Unwise]:
    for at, queue in enumerate(document.queues):
        before = next((q for q in document.queues[:at] if _covers(q, queue)), None)
        if before:
            yield f"queues[{at}]", "shadowed", (queue.id, before.id)
    last = document.queues[-1]
    if last.fault_types or last.regions:
        yield f"queues[{len(document.queues) - 1}]", "no_catch_all", (last.id,)


def _covers(before: Queue, after: Queue) -> bool:
    faults = not before.fault_types or (
        bool(after.fault_types) and set(after.fault_types) <= set(before.fault_types)
    )
    regions = not before.regions or (
        bool(after.regions) and set(after.regions) <= set(before.regions)
    )
    return faults and regions


def _unskilled(document: CompanyFile) -> Iterator[Unwise]:
    for at, queue in enumerate(document.queues):
        able = {skill for s in _engineers(document, queue.team) for skill in s.skills}
        lacking = [f for f in queue.fault_types if f not in able and f != "other"]
        if lacking:
            yield f"queues[{at}].fault_types", "nobody_skilled", (queue.id, ", ".join(lacking))


def _unreachable(document: CompanyFile) -> Iterator[Unwise]:
    groups = {t.id for t in document.teams if t.groups}
    leaders = {name for t in document.teams for name in (t.supervisor, t.backup)}
    for at, staff in enumerate(document.staff):
        key = f"staff[{at}]"
        if staff.active and not staff.contacts and staff.team not in groups:
            yield key, "unreachable", (staff.name,)
        if staff.id in leaders and staff.role == "engineer" and _leads(document, staff.id):
            yield key, "not_in_charge", (staff.name, staff.role)
        if staff.phone and not PHONE.fullmatch(staff.phone):
            yield f"{key}.phone", "weak_phone", (staff.name,)
    for at, customer in enumerate(document.customers):
        if customer.phone and not PHONE.fullmatch(customer.phone):
            yield f"customers[{at}].phone", "weak_phone", (customer.name,)


def _leads(document: CompanyFile, staff_id: str) -> bool:
    return any(t.supervisor == staff_id for t in document.teams)


# --- time -------------------------------------------------------------------------------------


def _engineers(document: CompanyFile, team: str) -> list[Staff]:
    found = (s for s in document.staff if s.team == team and s.active and s.role == "engineer")
    return sorted(found, key=lambda s: s.id)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _fill(busy: bytearray, day: int, span: Span) -> None:
    start, end = _minute(span.start), _minute(span.end)
    length = end - start if end > start else end - start + _DAY
    for minute in range(day * _DAY + start, day * _DAY + start + length):
        busy[minute % _WEEK] = 1


def _gaps(day: bytearray) -> Iterator[Span]:
    at = day.find(0)
    while at >= 0:
        end = day.find(1, at)
        until = _DAY if end < 0 else end
        yield Span(time(at // 60, at % 60), time(until // 60 % 24, until % 60))
        at = day.find(0, until)
