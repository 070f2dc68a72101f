"""What happened: one event for every change, hash-chained per work order.

An event's hash covers its own facts and the hash before it, so changing, dropping or reordering a
row breaks the chain at that row (:func:`verify`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from workflow.records import Facts, Role

GENESIS = "0" * 64


class Kind(StrEnum):
    """What can happen to a work order. The first twelve are the standard events."""

    REPORTED = "reported"
    FIRST_RESPONDED = "first_responded"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    DIAGNOSED = "diagnosed"
    PART_REPLACED = "part_replaced"
    COMPLETED = "completed"
    ACCEPTED_BY_CUSTOMER = "accepted_by_customer"
    RATED = "rated"
    CLOSED = "closed"

    JOINED = "joined"
    JOIN_UNDONE = "join_undone"
    INFO_ADDED = "info_added"
    INFO_REQUESTED = "info_requested"
    INFO_COMPLETED = "info_completed"
    TRIAGED = "triaged"
    SENT_TO_TRIAGE = "sent_to_triage"
    OPENED_FOR_CLAIM = "opened_for_claim"
    NOBODY_AVAILABLE = "nobody_available"
    DECLINED = "declined"
    OFFER_EXPIRED = "offer_expired"
    REASSIGNED = "reassigned"
    TAKEN_OVER = "taken_over"
    PARTS_AWAITED = "parts_awaited"
    HELD = "held"
    RESUMED = "resumed"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    NUDGED = "nudged"
    NOTED = "noted"
    PRIORITY_CHANGED = "priority_changed"
    CORRECTED = "corrected"
    DEADLINE_EXTENDED = "deadline_extended"
    STEP_TAKEN = "step_taken"
    FOLLOW_UP_OPENED = "follow_up_opened"
    LINKED = "linked"
    ALARM_REPEATED = "alarm_repeated"
    SUPERVISED = "supervised"

    SELF_SERVICE_OFFERED = "self_service_offered"
    SELF_SERVICE_ANSWERED = "self_service_answered"
    SELF_SERVICE_OVER = "self_service_over"

    SURGE_DETECTED = "surge_detected"
    CHILD_ADDED = "child_added"
    CHILD_CLOSED = "child_closed"
    CHILD_DETACHED = "child_detached"
    CHILDREN_REACHED = "children_reached"
    SCRIPT_APPROVED = "script_approved"
    SURGE_DISMISSED = "surge_dismissed"
    GATHERED = "gathered"
    SCRIPT_SENT = "script_sent"
    DETACHED = "detached"


STANDARD = tuple(Kind)[:12]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: staff or customer id, or ``system`` with the rule's name as id."""

    id: str
    role: Role
    name: str = ""


SYSTEM = Actor("system", "system", "派单")


@dataclass(frozen=True, slots=True)
class Event:
    """One change. ``seq`` counts from 1 per work order; ``since_previous`` is in seconds.

    ``state``, ``sub``, ``priority``, ``fault_type``, ``team`` and ``assignee`` are what held after
    the change; with actor, channel, chat, asset, customer, place and geo they are the dimensions
    every report can be cut by. ``data`` holds what only this kind has.
    """

    tenant: str
    order_id: str
    seq: int
    kind: Kind
    at: datetime
    actor: Actor
    data: Facts = field(default_factory=dict)
    channel: str = ""
    chat: str = ""
    number: str = ""
    asset: str = ""
    customer: str = ""
    place: str = ""
    geo: tuple[float, float] | None = None
    state: str = ""
    sub: str = ""
    priority: str = ""
    fault_type: str = ""
    team: str = ""
    assignee: str = ""
    since_previous: float = 0.0
    prev: str = GENESIS
    hash: str = ""


def digest(event: Event) -> str:
    """The SHA-256 (hex) of an event's facts and the hash before it."""
    facts: list[object] = [
        event.prev,
        event.tenant,
        event.order_id,
        event.seq,
        str(event.kind),
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        [event.actor.id, event.actor.role, event.actor.name],
        dict(event.data),
        [event.channel, event.chat, event.number, event.asset, event.customer, event.place],
        list(event.geo) if event.geo else None,
        [event.state, event.sub, event.priority, event.fault_type, event.team, event.assignee],
        round(event.since_previous, 6),
    ]
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def seal(event: Event, prev: str) -> Event:
    """The event with its place in the chain."""
    linked = replace(event, prev=prev)
    return replace(linked, hash=digest(linked))


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain does not hold."""

    order_id: str
    seq: int
    why: str


def verify(history: Iterable[Event], head: str | None = None) -> Break | None:
    """The first break in one work order's history, or None when it is whole.

    Args:
        history: The events in the order of their ``seq``.
        head: The hash the work order itself remembers, if it should be compared.
    """
    prev, expected, order_id = GENESIS, 1, ""
    for event in history:
        order_id = event.order_id
        if event.seq != expected:
            return Break(order_id, expected, "missing")
        if event.prev != prev:
            return Break(order_id, event.seq, "unlinked")
        if event.hash != digest(event):
            return Break(order_id, event.seq, "altered")
        prev, expected = event.hash, expected + 1
    if head is not None and head != prev:
        return Break(order_id, expected, "head")
    return None
