"""Work orders and events as rows, and back."""

from __future__ import annotations

from typing import Any

from storage.codec import (
    decoder,
    encode,
    facts,
    haystack,
    instant,
    key_of,
    maybe_micros,
    micros,
    neighbourhood,
)
from storage.database import Row
from storage.schema import NEVER, events
from workflow.events import Actor, Event, Kind
from workflow.records import ALARM, HOUSE
from workflow.work_order import Reporter, WorkOrder

decode_order = decoder(WorkOrder)


def order_of(row: Row) -> WorkOrder:
    """A work order from its ``doc``."""
    return decode_order(row[0])


def event_row(event: Event) -> dict[str, Any]:
    """An event as a row."""
    lat, lon = event.geo or (None, None)
    return {
        "tenant": event.tenant,
        "order_id": event.order_id,
        "seq": event.seq,
        "kind": str(event.kind),
        "at": micros(event.at),
        "actor_id": event.actor.id,
        "actor_role": event.actor.role,
        "actor_name": event.actor.name,
        "channel": event.channel,
        "chat": event.chat,
        "number": event.number,
        "asset": event.asset,
        "customer": event.customer,
        "place": event.place,
        "lat": lat,
        "lon": lon,
        "state": str(event.state),
        "sub": str(event.sub),
        "priority": event.priority,
        "fault_type": event.fault_type,
        "team": event.team,
        "assignee": event.assignee,
        "since_previous": event.since_previous,
        "prev": event.prev,
        "hash": event.hash,
        "data": encode(event.data),
    }


_PLACED = {c.name: n for n, c in enumerate(events.columns)}


_SAME_IN_EVENT = (
    *("tenant", "order_id", "seq", "channel", "chat", "number", "asset", "customer", "place"),
    *("state", "sub", "priority", "fault_type", "team", "assignee", "since_previous"),
    *("prev", "hash"),
)


def event_of(row: Row) -> Event:
    """An event from its row, exactly as it was hashed."""

    def at(name: str) -> Any:
        return row[_PLACED[name]]

    lat, lon = at("lat"), at("lon")
    return Event(
        kind=Kind(at("kind")),
        at=instant(at("at")),
        actor=Actor(at("actor_id"), at("actor_role"), at("actor_name")),
        data=facts(at("data")),
        geo=None if lat is None or lon is None else (lat, lon),
        **{name: at(name) for name in _SAME_IN_EVENT},
    )


def _tail(number: str) -> int:
    last = number.rpartition("-")[2]
    return int(last) if last.isascii() and last.isdigit() else 0


_SAME_IN_ORDER = (
    *("tenant", "id", "number", "version", "seq", "head", "outcome", "fault_type", "priority"),
    *("queue_id", "team_id", "assignee", "customer_id", "asset_id", "place", "region"),
    *("phone", "contact", "rating", "escalation", "deadline_clock"),
)


_SEARCHED = ("number", "contact", "phone", "place", "device", "serial", "error_code", "text")


def order_row(order: WorkOrder) -> dict[str, Any]:
    """A work order as a row."""
    first: Reporter | None = order.reporters[0] if order.reporters else None
    ended = order.closed_at or order.updated_at or order.opened_at
    return {
        **{name: getattr(order, name) for name in _SAME_IN_ORDER},
        "tail": _tail(order.number),
        "state": str(order.state),
        "sub": str(order.sub),
        "serial": key_of(order.serial),
        "near": neighbourhood(order.place) if order.place else "",
        "haystack": haystack(*(getattr(order, name) for name in _SEARCHED)),
        "channel": _channel(order, first),
        "reporters": len(order.reporters),
        "stalled": int(order.stalled),
        "opened_at": maybe_micros(order.opened_at) or 0,
        "first_responded_at": maybe_micros(order.first_responded_at),
        "first_due_at": _first_due(order),
        "arrived_at": maybe_micros(order.arrived_at),
        "completed_at": maybe_micros(order.completed_at),
        "updated_at": maybe_micros(order.updated_at) or 0,
        "ended": NEVER if order.open else (maybe_micros(ended) or 0),
        "parent": order.parent_number,
        "deadline_at": NEVER if order.deadline_at is None else micros(order.deadline_at),
    }


def _channel(order: WorkOrder, first: Reporter | None) -> str:
    """The first report's; what nobody reported came from a device or from the house itself."""
    if first is not None:
        return first.place.channel
    return ALARM if order.by_device else HOUSE


def _first_due(order: WorkOrder) -> int | None:
    """When a person must have answered, while that is the clock that runs."""
    return maybe_micros(order.deadline_at) if order.deadline_clock == "first_response" else None
