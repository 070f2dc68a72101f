"""What 安居联修 repaired in the last months: closed work orders for the demo to remember.

They are recorded like any other, one sealed event after another at its own time; only that nobody
is told and nothing is due.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, cast
from zoneinfo import ZoneInfo

import yaml

from workflow import commands as c
from workflow.company import Company
from workflow.decide import Draft, Situation, queue_facts
from workflow.events import GENESIS, SYSTEM, Actor, Event, Kind
from workflow.ports import Store, UnitOfWork
from workflow.recording import record
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

_Facts = Mapping[str, Any]


def past() -> list[_Facts]:
    """The repairs as written down, the oldest first."""
    text = files(__package__).joinpath("history.yaml").read_text("utf-8")
    return sorted(cast("list[_Facts]", yaml.safe_load(text)), key=lambda one: -int(one["days"]))


async def seed_history(store: Store, tenant: str, now: datetime) -> int:
    """Record the past repairs of a demo company; again does nothing. How many there are."""
    repairs = past()

    def work(uow: UnitOfWork) -> int:
        if not uow.ledger("demo:history"):
            return 0
        for repair in repairs:
            _repaired(uow, repair, now)
        return len(repairs)

    return await store.transact(tenant, work)


def _repaired(uow: UnitOfWork, repair: _Facts, now: datetime) -> None:
    """One work order from report to rating."""
    company = uow.company
    zone = ZoneInfo(company.tz)
    day = (now - timedelta(days=int(repair["days"]))).astimezone(zone)
    at = day.replace(hour=9, minute=20, second=0, microsecond=0)
    customer = uow.people.customer(repair["customer"])
    details = c.Details(
        text=repair["text"],
        fault_type=repair["fault"],
        priority="P1",
        symptom=repair["text"],
        place=customer.site.name if customer else "",
        region=customer.site.region if customer else "",
        device=repair["device"],
        error_code=repair.get("code", ""),
        phone=customer.phone if customer else "",
        contact=customer.name if customer else "",
        asset_id=repair.get("asset", ""),
        customer_id=repair["customer"],
    )
    order = WorkOrder(
        id=uow.new_id(),
        tenant=uow.tenant,
        number=uow.orders.next_number(f"WO-{at:%Y%m%d}"),
        head=GENESIS,
        customer_id=details.customer_id,
        asset_id=details.asset_id,
        policy_version=company.policy.version,
    )
    events: list[Event] = []
    current, new = order, True
    for minutes, draft in _course(order, repair, details, company, at):
        situation = Situation(company, company.policy, at + timedelta(minutes=minutes))
        command = c.Report(draft.by or SYSTEM, c.Origin(), details)
        current, happened = record(current, [draft], command, situation, new=new)
        events += happened
        new = False
    uow.orders.save(replace(current, version=1), events, 0)


def _course(
    order: WorkOrder, repair: _Facts, details: c.Details, company: Company, at: datetime
) -> Iterator[tuple[int, Draft]]:
    """What happened, each with the minutes after the report."""
    situation = Situation(company, company.policy, at)
    queue = queue_facts(situation, details.fault_type, details.region)
    staff = company.staff[repair["by"]]
    by, customer = Actor(staff.id, staff.role, staff.name), Actor(details.customer_id, "customer")
    working = State.IN_PROGRESS
    reported = {
        "details": details.facts(),
        "priority": details.priority,
        "missing": [],
        "reported_at": at.isoformat(),
        "policy_version": order.policy_version,
        "reporters": [],
        "links": [],
        "imported": True,
        **queue,
    }
    mine = {"by": staff.id, "name": staff.name, "claimed": False, "generation": 1}
    offer = {"to": staff.id, "to_name": staff.name, "from": "", "reason": "automatic"}
    there, left = 45, 45 + int(repair["minutes"])
    yield 0, Draft(Kind.REPORTED, reported, (State.NEW, Sub.QUEUED), by=customer)
    offered = (State.DISPATCHED, Sub.OFFERED)
    yield 0, Draft(Kind.DISPATCHED, {**offer, "generation": 1, **queue}, offered, by=SYSTEM)
    yield 4, Draft(Kind.FIRST_RESPONDED, by=by)
    yield 4, Draft(Kind.ACCEPTED, mine, (working, Sub.ACCEPTED), by=by)
    yield there, Draft(Kind.ARRIVED, {"by": staff.id}, (working, Sub.ARRIVED), by=by)
    found = {"by": staff.id, "text": repair["diagnosis"]}
    yield there + 5, Draft(Kind.DIAGNOSED, found, (working, Sub.DIAGNOSING), by=by)
    for part, many in (repair.get("parts") or {}).items():
        used = {"by": staff.id, "part": part, "quantity": many}
        yield left - 5, Draft(Kind.PART_REPLACED, used, (working, Sub.PARTS_REPLACED), by=by)
    said = {"by": staff.id, "text": repair["resolution"], "media": []}
    waiting = (State.AWAITING_ACCEPTANCE, Sub.AWAITING_SIGNATURE)
    yield left, Draft(Kind.COMPLETED, said, waiting, by=by)
    signed = {"by": details.customer_id, "name": details.contact}
    yield left + 20, Draft(Kind.ACCEPTED_BY_CUSTOMER, signed, by=customer)
    closed = {"outcome": "completed", "auto": False}
    yield left + 20, Draft(Kind.CLOSED, closed, (State.CLOSED, Sub.NONE), by=customer)
    score = {"score": int(repair["rating"]), "comment": ""}
    yield left + 25, Draft(Kind.RATED, score, by=customer)
