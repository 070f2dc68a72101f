"""Who has to do with a work order, and where they are reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from bots.sms.provider import CHANNEL as SMS
from bots.sms.provider import normalised
from workflow.company import Company, Customer, Staff
from workflow.ports import Change
from workflow.records import ChatRef, Role
from workflow.states import Sub
from workflow.work_order import Reporter, WorkOrder

Audience = Literal["customer", "handler", "team", "supervisor"]


@dataclass(frozen=True, slots=True)
class Seat:
    """A chat in which a work order has a living card, and as whom it is read there.

    ``optional`` seats have been left: a card that is there says so, a new one is not made.
    """

    place: ChatRef
    audience: Audience
    role: Role
    person: str | None = None
    reporter: Reporter | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """One person with a way to reach them: the chat to speak in, others in reserve."""

    place: ChatRef
    person: str | None
    role: Role
    name: str = ""
    fallbacks: tuple[ChatRef, ...] = ()


def team_groups(order: WorkOrder, company: Company) -> tuple[ChatRef, ...]:
    """The group chats of the work order's team."""
    team = company.teams.get(order.team_id)
    return team.groups if team else ()


def staff_places(company: Company) -> frozenset[ChatRef]:
    """Every chat that belongs to the house: groups and direct chats of its people."""
    groups = (g for team in company.teams.values() for g in team.groups)
    direct = (c for staff in company.staff.values() for c in staff.contacts)
    return frozenset([*groups, *direct, *company.supervisor_groups])


def colleague(staff: Staff) -> Reader | None:
    """A person of the company in their own direct chat, if they have one."""
    if not staff.contacts or not staff.active:
        return None
    first, *rest = staff.contacts
    role: Role = "supervisor" if staff.role in {"supervisor", "admin"} else "engineer"
    return Reader(first, staff.id, role, staff.name, tuple(rest))


def handles(people: Iterable[Staff], channel: str) -> tuple[str, ...]:
    """The user ids by which people are @-mentioned on a channel."""
    found = (staff.handles.get(channel, "") for staff in people)
    return tuple(dict.fromkeys(handle for handle in found if handle))


def staff_of(company: Company, ids: Iterable[object]) -> tuple[Staff, ...]:
    """The active people behind staff ids, each once; unknown ids are left out."""
    known = (company.staff.get(str(staff_id)) for staff_id in dict.fromkeys(ids))
    return tuple(staff for staff in known if staff is not None and staff.active)


def readers(change: Change, reporters: Iterable[Reporter]) -> tuple[Reader, ...]:
    """The reporters as people: each once, in the chat they wrote in last; one reader a chat."""
    people: dict[str, list[Reporter]] = {}
    for reporter in reporters:
        people.setdefault(_identity(reporter), []).append(reporter)
    found = (_reader(change, theirs) for theirs in people.values())
    return tuple({reader.place: reader for reader in reversed(list(found))}.values())[::-1]


def by_phone(change: Change) -> Reader | None:
    """The customer by short message, where the rules say so: at the work order's phone, else at
    the customer's; not at a colleague's.
    """
    order, customer = change.order, change.customer
    number = normalised(order.phone or (customer.phone if customer else ""))
    colleagues = {normalised(staff.phone) for staff in change.company.staff.values()}
    if not change.policy.notices.sms or not number or number in colleagues:
        return None
    return Reader(ChatRef(SMS, number), order.customer_id or None, "customer")


def with_phone(reader: Reader, phone: Reader, *, alone: bool) -> Reader:
    """The reader with the phone in reserve, if it is known to be theirs: the same customer's, or
    nobody else reported.
    """
    theirs = reader.person == phone.person if reader.person else alone
    private = reader.place.kind == "direct" and reader.place != phone.place
    if not theirs or not private or phone.place in reader.fallbacks:
        return reader
    return replace(reader, fallbacks=(*reader.fallbacks, phone.place))


def seats(order: WorkOrder, company: Company) -> tuple[Seat, ...]:
    """Every chat that should show this work order, each once, the most telling audience first."""
    found = [
        *_customer_seats(order, company),
        *_team_seats(order, company),
        *_supervisor_seats(order, company),
        *_handler_seats(order, company),
    ]
    return tuple({seat.place: seat for seat in reversed(found)}.values())[::-1]


def needs_supervision(order: WorkOrder) -> bool:
    """Whether supervisors watch this one: an emergency, escalated, stalled, under
    supervision, or not understood.
    """
    burning = order.priority == "P0" or order.escalation > 0 or order.stalled
    burning = burning or order.supervised_at is not None
    return order.open and (burning or order.sub == Sub.TRIAGE)


def _identity(reporter: Reporter) -> str:
    place = reporter.place
    return reporter.customer_id or f"{place.channel}/{place.chat}/{reporter.sender}"


def _reader(change: Change, reports: list[Reporter]) -> Reader:
    """One person: where they write right now, else where they reported last."""
    places = [report.place for report in reports][::-1]
    here = [place for place in places if place == change.origin]
    first = (here or places)[0]
    last = reports[-1]
    known = _contacts(change.customer, last.customer_id)
    others = (p for p in dict.fromkeys([*places, *known]) if p != first and p.kind == "direct")
    return Reader(first, last.customer_id or None, "customer", last.name, tuple(others))


def _contacts(customer: Customer | None, customer_id: str) -> tuple[ChatRef, ...]:
    return customer.contacts if customer and customer.id == customer_id else ()


def _customer_seats(order: WorkOrder, company: Company) -> Iterable[Seat]:
    ours = staff_places(company)
    for reporter in order.reporters:
        if reporter.place not in ours:
            yield Seat(
                reporter.place, "customer", "customer", reporter.customer_id or None, reporter
            )


def _team_seats(order: WorkOrder, company: Company) -> Iterable[Seat]:
    started = order.generation > 0 or order.escalation > 0
    if started or order.priority == "P0":
        for place in team_groups(order, company):
            yield Seat(place, "team", "engineer")


def _supervisor_seats(order: WorkOrder, company: Company) -> Iterable[Seat]:
    if needs_supervision(order) or order.surge is not None:
        for place in company.supervisor_groups:
            yield Seat(place, "supervisor", "supervisor")


def _handler_seats(order: WorkOrder, company: Company) -> Iterable[Seat]:
    current = [order.assignee] if order.assignee else []
    if not team_groups(order, company):
        current += order.candidates
    passed = [who for who in order.offered if who not in current]
    for staff in staff_of(company, [*current, *passed]):
        reader = colleague(staff)
        if reader is not None:
            yield Seat(reader.place, "handler", reader.role, staff.id, optional=staff.id in passed)
