"""What pages show of a work order: its deadline, its people, its parts of the progress line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from paidan.console.render import Reader
from workflow import clocks
from workflow.automation import calendars
from workflow.clocks import CLOCKS, ClockReading
from workflow.company import Asset, Company, Customer
from workflow.policy import Policy
from workflow.ports import UnitOfWork
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

_LINE = ("reported", "dispatched", "accepted", "departed", "arrived", "working", "signing", "done")
_AT: Mapping[Sub | State, int] = {
    State.NEW: 0,
    State.DISPATCHED: 1,
    Sub.ACCEPTED: 2,
    Sub.DEPARTED: 3,
    Sub.ARRIVED: 4,
    Sub.DIAGNOSING: 5,
    Sub.WAITING_PARTS: 5,
    Sub.PARTS_REPLACED: 5,
    State.AWAITING_ACCEPTANCE: 6,
    State.CLOSED: 7,
}


@dataclass(frozen=True)
class Job:
    """A work order with what stands around it. ``deadline`` is that of the clock that matters
    now, named by ``clock``.
    """

    order: WorkOrder
    customer: Customer | None
    asset: Asset | None
    deadline: datetime | None
    clock: str
    steps: tuple[tuple[str, str], ...]


def rules_of(uow: UnitOfWork, order: WorkOrder) -> Policy:
    """The rules this work order started with."""
    return uow.policy(order.policy_version)


def job_of(uow: UnitOfWork, order: WorkOrder, reader: Reader) -> Job:
    """Everything a tile or a page needs of a work order."""
    reading = pressing(readings(order, uow.company, rules_of(uow, order), reader.now))
    return Job(
        order=order,
        customer=uow.people.customer(order.customer_id) if order.customer_id else None,
        asset=uow.people.asset(order.asset_id) if order.asset_id else None,
        deadline=reading.deadline if reading else None,
        clock=reader.t(f"clock.{reading.name}") if reading else "",
        steps=progress(order, reader),
    )


def readings(
    order: WorkOrder, company: Company, policy: Policy, now: datetime
) -> tuple[ClockReading, ...]:
    """The three clocks as they stand; none before the work order opened."""
    if not order.marks:
        return ()
    known = calendars(company)
    return tuple(clocks.read(n, order.marks, policy.clocks, known, now) for n in CLOCKS)


def pressing(found: tuple[ClockReading, ...]) -> ClockReading | None:
    """The clock that runs out first of those that still run."""
    running = [r for r in found if r.stopped is None and r.deadline is not None]
    return min(running, key=lambda r: r.deadline or r.started, default=None)


def progress(order: WorkOrder, reader: Reader) -> tuple[tuple[str, str], ...]:
    """The progress line, like a food delivery's: ``done``, ``now``, ``next``."""
    state, sub = order.state, order.sub
    if state == State.ON_HOLD and order.held_from:
        state, sub = order.held_from
    at = _AT.get(state, _AT.get(sub, 0))
    finished = order.state == State.CLOSED
    return tuple(
        (
            reader.t(f"line.{name}"),
            "done" if i < at or finished else "now" if i == at else "next",
        )
        for i, name in enumerate(_LINE)
    )
