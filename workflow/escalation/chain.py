"""The chain of command of a work order: whom each step reaches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from workflow.company import Company, Team
from workflow.records import Role
from workflow.work_order import WorkOrder

_UPWARDS: tuple[Role, ...] = ("supervisor", "admin", "engineer")


@dataclass(frozen=True, slots=True)
class Chain:
    """Who answers for a work order, level by level; a level may be empty."""

    handlers: tuple[str, ...]
    supervisor: tuple[str, ...]
    backup: tuple[str, ...]
    next_level: tuple[str, ...]


_Level = Callable[[Chain], tuple[str, ...]]
_HANDLERS: _Level = attrgetter("handlers")
_SUPERVISOR: _Level = attrgetter("supervisor")
_BACKUP: _Level = attrgetter("backup")
_NEXT_LEVEL: _Level = attrgetter("next_level")

_REACH: dict[str, tuple[_Level, ...]] = {
    "next_person": (_HANDLERS,),
    "offer_expired": (_HANDLERS,),
    "remind_handler": (_HANDLERS,),
    "warn_supervisor": (_SUPERVISOR,),
    "backup_takeover": (_BACKUP,),
    "next_level": (_NEXT_LEVEL,),
    "mark_stalled": (_SUPERVISOR, _HANDLERS),
    "breach": (_HANDLERS, _SUPERVISOR),
    "retry_dispatch": (_BACKUP, _SUPERVISOR),
}
"""Which levels an act speaks to; acts not named here speak to the supervisor."""


def reached(act: str, order: WorkOrder, company: Company) -> tuple[str, ...]:
    """The staff ids an act speaks to, most responsible first, nobody twice.

    A level without anybody falls back upwards: supervisor, backup responder, next level, then
    every supervisor, admin or engineer of the company. Empty only if nobody is active.
    """
    chain = chain_of(order, company)
    wanted = [person for level in _REACH.get(act, (_SUPERVISOR,)) for person in level(chain)]
    fallbacks = (wanted, chain.supervisor, chain.backup, chain.next_level, _anybody(company))
    return tuple(dict.fromkeys(next(filter(None, fallbacks), ())))


def chain_of(order: WorkOrder, company: Company) -> Chain:
    """The active people who answer for a work order, as the company stands now.

    Handlers are the assignee, or whoever may claim it. The direct supervisor is the handler's own,
    else the team's, but never a handler: above a supervisor who took over stands the next level.
    """
    team = _team(order, company)
    handlers = _active(company, [order.assignee] if order.assignee else order.candidates)
    own = [company.staff[h].supervisor or "" for h in handlers]
    teams = [team.supervisor] if team else []
    upwards = [*own, *teams, *_above(company, [*handlers, *teams])]
    supervisor = _first(company, upwards, handlers)
    next_level = _first(company, _above(company, supervisor), (*handlers, *supervisor))
    return Chain(
        handlers=handlers,
        supervisor=supervisor,
        backup=_first(company, [team.backup if team else ""]),
        next_level=next_level,
    )


def _team(order: WorkOrder, company: Company) -> Team | None:
    """The team it is with, or, before dispatch, the one it would go to."""
    if order.team_id or not company.queues:
        return company.teams.get(order.team_id)
    return company.teams.get(company.queue_for(order.fault_type, order.region).team)


def _above(company: Company, people: Iterable[str]) -> Iterator[str]:
    """The supervisors above somebody, nearest first; a circle ends where it began."""
    for person in people:
        boss, seen = person, {""}
        while boss in company.staff and boss not in seen:
            seen.add(boss)
            boss = company.staff[boss].supervisor or ""
            yield boss


def _active(company: Company, people: Iterable[str]) -> tuple[str, ...]:
    return tuple(p for p in people if p in company.staff and company.staff[p].active)


def _first(
    company: Company, people: Iterable[str], without: Collection[str] = ()
) -> tuple[str, ...]:
    return tuple(p for p in _active(company, people) if p not in without)[:1]


def _anybody(company: Company) -> tuple[str, ...]:
    active = _active(company, sorted(company.staff))
    by_role = ([p for p in active if company.staff[p].role == role] for role in _UPWARDS)
    return tuple(next(filter(None, by_role), active))
