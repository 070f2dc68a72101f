"""Lists of work orders: rows, and filters that live in the address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from multidict import MultiMapping

from paidan.console.actions import Desk, buttons
from paidan.console.render import Reader
from paidan.console.view import rules_of
from storage.figures import Filters
from workflow.company import Company, Staff
from workflow.errors import InvalidInput
from workflow.ports import UnitOfWork
from workflow.records import Button
from workflow.states import OPEN, State
from workflow.taxonomy import FAULT_TYPES, PRIORITIES
from workflow.work_order import WorkOrder

_PLAIN = ("priority", "team", "assignee", "fault_type", "channel", "customer", "asset", "parent")
_INSTANTS = ("opened_since", "opened_until", "closed_since", "closed_until")


@dataclass(frozen=True)
class Row:
    """A work order in a list; ``open`` says whether its deadline still runs."""

    number: str
    state: str
    sub: str
    outcome: str
    priority: str
    fault_type: str
    text: str
    place: str
    handler: str
    stalled: bool
    supervised: str
    open: bool
    opened_at: datetime | None
    deadline: datetime | None
    clock: str


@dataclass(frozen=True)
class Tile:
    """A row with what its viewer can do to it, the likeliest first."""

    row: Row
    buttons: tuple[Button, ...]


def row_of(order: WorkOrder, company: Company, reader: Reader) -> Row:
    """One work order in a list."""
    staff = company.staff.get(order.assignee)
    clock = order.deadline_clock
    return Row(
        number=order.number,
        state=str(order.state),
        sub=str(order.sub),
        outcome=order.outcome,
        priority=order.priority,
        fault_type=order.fault_type,
        text=order.text,
        place=order.place,
        handler=staff.name if staff else order.assignee,
        stalled=order.stalled,
        supervised=order.supervised_for if order.open and order.supervised_at else "",
        open=order.open,
        opened_at=order.opened_at,
        deadline=order.deadline_at if order.open else None,
        clock=reader.t_or(f"clock.{clock}", clock) if clock else "",
    )


def tiles(uow: UnitOfWork, orders: Iterable[WorkOrder], staff: Staff, reader: Reader) -> list[Tile]:
    """Rows with their buttons."""
    presence = uow.people.presence()
    return [
        Tile(
            row_of(order, uow.company, reader),
            buttons(
                order,
                staff,
                Desk(uow.company, rules_of(uow, order), presence, reader, reader.now),
            ),
        )
        for order in orders
    ]


def filters_of(query: MultiMapping[str], company: Company, now: datetime) -> Filters:
    """What an address asks for; what it does not name does not matter. Times are local.

    Raises:
        InvalidInput: a time that is none.
    """
    zone = ZoneInfo(company.tz)
    rating = query.get("rating", "")
    overdue = query.get("overdue") == "1"

    def local(name: str) -> datetime | None:
        return _instant(name, query[name], zone) if query.get(name) else None

    return Filters(
        open=True if overdue else _OPENNESS.get(query.get("open", "")),
        states=tuple(s for s in query.getall("state", []) if s in set(State)),
        priority=query.get("priority", ""),
        team=query.get("team", ""),
        assignee=query.get("assignee", ""),
        fault_type=query.get("fault_type", ""),
        channel=query.get("channel", ""),
        customer=query.get("customer", ""),
        asset=query.get("asset", ""),
        parent=query.get("parent", ""),
        stalled=query.get("stalled") == "1",
        due_before=now if overdue else None,
        opened_since=local("opened_since"),
        opened_until=local("opened_until"),
        closed_since=local("closed_since"),
        closed_until=local("closed_until"),
        rating=int(rating) if rating in set("12345") else 0,
    )


_OPENNESS = {"1": True, "0": False}


def _instant(name: str, text: str, zone: ZoneInfo) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput(field=name, found=text[:40], allowed="2026-11-22T08:00") from None


def shown_filters(query: MultiMapping[str]) -> dict[str, str]:
    """What is chosen, for the form and for links; empty choices are left out."""
    names = (*_PLAIN, *_INSTANTS, "state", "open", "stalled", "overdue", "rating")
    return {name: query[name] for name in names if query.get(name)}


def orders_link(**facts: object) -> str:
    """The address of a filtered list; local times to the minute."""
    plain = {
        name: value.strftime("%Y-%m-%dT%H:%M") if isinstance(value, datetime) else value
        for name, value in facts.items()
        if value not in {None, ""}
    }
    return "/orders?" + urlencode(plain)


def day_start(now: datetime, company: Company) -> datetime:
    """The tenant's local midnight."""
    local = now.astimezone(ZoneInfo(company.tz))
    return datetime.combine(local.date(), time(0), local.tzinfo)


def next_day(start: datetime) -> datetime:
    """The local midnight after."""
    return datetime.combine(start.date() + timedelta(days=1), time(0), start.tzinfo)


def choices(company: Company, reader: Reader, *, states: bool) -> Mapping[str, object]:
    """What the filter form offers."""
    people = sorted(company.staff.values(), key=lambda s: (s.team, s.id))
    offered: dict[str, object] = {}
    if states:
        every = (*OPEN, State.CLOSED)
        offered["state"] = [(str(s), reader.t(f"state.{s}")) for s in every]
    offered["priority"] = [(p, f"{p} {reader.label('priority', p)}") for p in PRIORITIES]
    offered["team"] = [(t.id, t.name) for t in company.teams.values()]
    offered["assignee"] = [(s.id, s.name) for s in people if s.active]
    offered["fault_type"] = [(f, reader.label("fault_type", f)) for f in FAULT_TYPES if f != "none"]
    return offered
