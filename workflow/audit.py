"""Proof that nothing was forgotten: chains are whole, due steps happened, events were told.

Pure: the caller reads the rows, :func:`examine` judges one work order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from workflow.calendar import WorkCalendar
from workflow.errors import PaidanError
from workflow.escalation import next_step
from workflow.events import Event, Kind, verify
from workflow.fold import refold
from workflow.kept import Timer
from workflow.policy import Policy
from workflow.work_order import WorkOrder

GRACE = timedelta(seconds=10)
"""How late a due step may be before it counts as missed."""

SILENT = frozenset(
    {
        Kind.LINKED,
        Kind.FOLLOW_UP_OPENED,
        Kind.SENT_TO_TRIAGE,
        Kind.FIRST_RESPONDED,
        Kind.ALARM_REPEATED,
        Kind.CHILD_ADDED,
        Kind.CHILD_CLOSED,
        Kind.CHILD_DETACHED,
        Kind.CHILDREN_REACHED,
        Kind.GATHERED,
        Kind.SCRIPT_SENT,
        Kind.DETACHED,
    }
)
"""Kinds that need no notice of their own."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold. ``what`` is a code: ``chain``, ``fold``, ``late_step``,
    ``unarmed``, ``ghost_timer``, ``untold``.
    """

    order_id: str
    number: str
    what: str
    seq: int = 0
    detail: str = ""


def examine(
    order: WorkOrder,
    history: Sequence[Event],
    timer: Timer | None,
    told: Collection[int],
    policy: Policy,
    calendars: Mapping[str, WorkCalendar],
    now: datetime,
) -> list[Finding]:
    """Everything that does not hold for one work order.

    Args:
        order: The stored row.
        history: Its events by ``seq``.
        timer: Its open timer, if any.
        told: The event sequences its notices name.
        policy: The rules it keeps.
        calendars: The calendars those rules name.
        now: The tenant's present time.
    """
    broken = verify(history, order.head)
    if broken is not None:
        return [Finding(order.id, order.number, "chain", broken.seq, broken.why)]
    return [
        *_folded(order, history),
        *_due(order, timer, policy, calendars, now),
        *_told(order, history, told),
    ]


def _folded(order: WorkOrder, history: Sequence[Event]) -> list[Finding]:
    try:
        again = refold(history)
    except (PaidanError, KeyError, ValueError) as error:
        return [Finding(order.id, order.number, "fold", detail=str(error))]
    derived = replace(
        again,
        version=order.version,
        deadline_at=order.deadline_at,
        deadline_clock=order.deadline_clock,
    )
    if derived == order:
        return []
    differs = [name for name in order.__slots__ if getattr(order, name) != getattr(derived, name)]
    return [Finding(order.id, order.number, "fold", order.seq, ", ".join(differs))]


def _due(
    order: WorkOrder,
    timer: Timer | None,
    policy: Policy,
    calendars: Mapping[str, WorkCalendar],
    now: datetime,
) -> list[Finding]:
    if not order.open:
        if timer is None:
            return []
        return [Finding(order.id, order.number, "ghost_timer", detail=timer.step)]
    step = next_step(order, policy, calendars, now)
    if step is None:
        return []
    if timer is None:
        return [Finding(order.id, order.number, "unarmed", detail=step.id)]
    if timer.due + GRACE < now:
        why = f"：{timer.reason}" if timer.reason else ""
        detail = f"{timer.step} @ {timer.due}{why}"
        return [Finding(order.id, order.number, "late_step", detail=detail)]
    return []


def _told(order: WorkOrder, history: Sequence[Event], told: Collection[int]) -> list[Finding]:
    """Each change (the events of one instant) left at least one notice."""
    if history[0].data.get("imported"):  # written down afterwards: there was nobody to tell
        return []
    findings = []
    for at, group in groupby(history, key=lambda event: event.at):
        events = list(group)
        if all(event.kind in SILENT or event.data.get("parent") for event in events):
            continue  # what happens to a child with its parent is told on the parent's card
        if not any(event.seq in told for event in events):
            kinds = ", ".join(str(event.kind) for event in events)
            detail = f"{kinds} @ {at.isoformat()}"
            findings.append(Finding(order.id, order.number, "untold", events[0].seq, detail))
    return findings
