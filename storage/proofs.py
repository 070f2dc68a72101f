"""What an audit reads of one work order, all of it as of one instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage import outbox, timers
from storage.database import Session
from storage.orders import GET_ORDER, events_of
from storage.rows import decode_order
from workflow.events import Event
from workflow.kept import Timer
from workflow.work_order import WorkOrder


@dataclass(frozen=True, slots=True)
class Proof:
    """A work order, its history, its open timer, and the events somebody was to be told of."""

    order: WorkOrder
    history: Sequence[Event]
    armed: Timer | None
    told: frozenset[int]


def proof_of(session: Session, tenant: str, order_id: str) -> Proof | None:
    """Everything of one work order; None when it is gone."""
    row = session.first(GET_ORDER, tenant=tenant, id=order_id)
    if row is None:
        return None
    armed = session.first(timers.FIND_OPEN, tenant=tenant, subject=f"order:{order_id}")
    planned = session.rows(outbox.OF_ORDER, tenant=tenant, order_id=order_id)
    told = (outbox.queued_of(one).notice.event_seq for one in planned)
    return Proof(
        decode_order(row[0]),
        events_of(session, tenant, order_id),
        None if armed is None else timers.timer_of(armed),
        frozenset(seq for seq in told if seq),
    )
