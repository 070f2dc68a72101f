"""From what was decided to the record: each draft a sealed event, each event folded in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from workflow import automation, clocks
from workflow import commands as c
from workflow.calendar import WorkCalendar
from workflow.decide import Draft, Situation
from workflow.events import Actor, Event, seal
from workflow.fold import evolve
from workflow.states import State
from workflow.work_order import WorkOrder


def record(
    order: WorkOrder,
    drafts: Sequence[Draft],
    command: c.Command,
    situation: Situation,
    *,
    new: bool = False,
) -> tuple[WorkOrder, tuple[Event, ...]]:
    """Fold the drafts into the work order, one sealed event each; the work order and its events.

    ``new`` is a work order that has no history yet.
    """
    events: list[Event] = []
    current: WorkOrder | None = None if new else order
    for draft in drafts:
        base = current or order
        event = _event(base, draft, draft.by or command.by, command.origin, situation)
        after = evolve(current, event)
        event = seal(_with_dimensions(event, after), base.head)
        current = replace(after, version=base.version, head=event.hash)
        events.append(event)
    return current or order, tuple(events)


def _event(
    order: WorkOrder, draft: Draft, actor: Actor, origin: c.Origin, situation: Situation
) -> Event:
    state, sub = draft.to or (order.state, order.sub)
    since = situation.now - order.updated_at if order.updated_at else timedelta(0)
    return Event(
        tenant=order.tenant,
        order_id=order.id,
        seq=order.seq + 1,
        kind=draft.kind,
        at=situation.now,
        actor=actor,
        data=draft.data,
        channel=origin.place.channel if origin.place else "",
        chat=origin.place.chat if origin.place else "",
        number=order.number,
        geo=draft.geo,
        state=str(state),
        sub=str(sub),
        since_previous=max(0.0, since.total_seconds()),
    )


def _with_dimensions(event: Event, order: WorkOrder) -> Event:
    return replace(
        event,
        asset=order.asset_id,
        customer=order.customer_id,
        place=order.place,
        priority=order.priority,
        fault_type=order.fault_type,
        team=order.team_id,
        assignee=order.assignee,
    )


def with_deadline(order: WorkOrder, situation: Situation) -> WorkOrder:
    """Note the nearest running clock, for lists."""
    if order.state == State.CLOSED:
        return replace(order, deadline_at=None, deadline_clock="")
    known = automation.calendars(situation.company)
    nearest: tuple[datetime, str] | None = None
    for name in clocks.CLOCKS:
        at = _deadline(name, order, situation, known)
        if at is not None and (nearest is None or at < nearest[0]):
            nearest = (at, name)
    if nearest is None:
        return replace(order, deadline_at=None, deadline_clock="")
    return replace(order, deadline_at=nearest[0], deadline_clock=nearest[1])


def _deadline(
    name: clocks.ClockName,
    order: WorkOrder,
    situation: Situation,
    known: Mapping[str, WorkCalendar],
) -> datetime | None:
    reading = clocks.read(name, order.marks, situation.policy.clocks, known, situation.now)
    return None if reading.stopped else reading.deadline
