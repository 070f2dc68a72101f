"""From what happened to what holds: :func:`evolve` folds one event into a work order.

It reads nothing but the event, so replaying a history from nothing gives the same record again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from workflow import self_service
from workflow.clocks import ClockName, Mark, MarkKind
from workflow.errors import UnknownTicket
from workflow.events import Event, Kind
from workflow.records import ALARM, ChatRef, media_of
from workflow.states import State, Sub
from workflow.surge import record
from workflow.work_order import Extension, Reporter, WorkOrder

_Change = dict[str, Any]
_MOVES = (Kind.REASSIGNED, Kind.TAKEN_OVER, Kind.PART_REPLACED)
"""Movements by a person even where state and sub-status stay the same."""


def evolve(order: WorkOrder | None, event: Event) -> WorkOrder:
    """The work order after the event; ``None`` before ``reported``."""
    if order is None:
        order = _opened(event)
    else:
        change = _CHANGES[event.kind](order, event) if event.kind in _CHANGES else {}
        state, sub = State(event.state), Sub(event.sub)
        moved = (state, sub) != (order.state, order.sub) or event.kind in _MOVES
        if moved and event.actor.role != "system":
            change.setdefault("moved_at", event.at)
            change.setdefault("stalled", False)
        order = replace(order, state=state, sub=sub, updated_at=event.at, **change)
    return replace(order, seq=event.seq, head=event.hash)


def refold(history: Iterable[Event]) -> WorkOrder:
    """The work order as its whole history makes it.

    Raises:
        UnknownTicket: the history is empty.
    """
    order: WorkOrder | None = None
    for event in history:
        order = evolve(order, event)
    if order is None:
        raise UnknownTicket(ref="")
    return order


def reporter_of(data: _Change) -> Reporter:
    """A reporter from an event's data."""
    at = data.get("at")
    return Reporter(
        place=ChatRef(**data["place"]),
        sender=data.get("sender", ""),
        name=data.get("name", ""),
        customer_id=data.get("customer_id", ""),
        message=data.get("message", ""),
        text=data.get("text", ""),
        at=datetime.fromisoformat(at) if at else None,
    )


def _opened(event: Event) -> WorkOrder:
    data = cast("_Change", event.data)
    details = data["details"]
    opened = datetime.fromisoformat(data["reported_at"])
    marks = [Mark(opened, "open", data["priority"], "reported")]
    if event.sub == Sub.AWAITING_INFO:
        marks.append(Mark(event.at, "pause", "awaiting_info", ",".join(data["missing"])))
    names = ("text", "fault_type", "subtype", "emotion", "place", "region", "device", "serial")
    more = ("error_code", "phone", "contact", "when", "asset_id", "customer_id")
    return WorkOrder(
        id=event.order_id,
        tenant=event.tenant,
        number=event.number,
        state=State(event.state),
        sub=Sub(event.sub),
        priority=data["priority"],
        media=media_of(details.get("media")),
        missing=tuple(data["missing"]),
        alarms=int(event.channel == ALARM),
        by_device=event.channel == ALARM,
        policy_version=data["policy_version"],
        queue_id=data["queue_id"],
        team_id=data["team_id"],
        reporters=tuple(reporter_of(r) for r in data["reporters"]),
        links=tuple((relation, other) for relation, other in data["links"]),
        opened_at=opened,
        moved_at=event.at,
        updated_at=event.at,
        marks=tuple(marks),
        repairs=tuple(data.get("repairs") or ()),
        **{name: details[name] for name in names + more if name in details},
    )


# Each of the following says what one kind of event changes; all take (order, event).


def _mark(
    order: WorkOrder,
    event: Event,
    what: MarkKind,
    value: str | int | None = None,
    clock: ClockName | None = None,
) -> tuple[Mark, ...]:
    return (*order.marks, Mark(event.at, what, value, str(event.kind), clock))


def _first_responded(order: WorkOrder, event: Event) -> _Change:
    return {
        "first_responded_at": event.at,
        "marks": _mark(order, event, "stop_first_response"),
    }


def _assigned(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    escalation = 2 if data.get("reason") == "backup" else order.escalation
    return {
        "assignee": data["to"],
        "generation": data["generation"],
        "candidates": (),
        "offered_at": event.at,
        "why": _terms(data),
        "queue_id": data.get("queue_id", order.queue_id),
        "team_id": data.get("team_id", order.team_id),
        "escalation": max(order.escalation, escalation),
        **_unheld(order, event),
    }


def _terms(data: _Change) -> tuple[dict[str, object], ...]:
    """What spoke for the chosen one, out of the explanation kept with the offer."""
    candidates = (data.get("explanation") or {}).get("candidates") or ()
    chosen: _Change = next((c for c in candidates if c["staff_id"] == data["to"]), {})
    return tuple(chosen.get("terms", ()))


def _open_for_claim(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    return {
        "assignee": "",
        "generation": data["generation"],
        "candidates": tuple(data["candidates"]),
        "offered_at": event.at,
        "queue_id": data.get("queue_id", order.queue_id),
        "team_id": data.get("team_id", order.team_id),
    }


def _accepted(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    return {
        "assignee": data["by"],
        "generation": data["generation"],
        "accepted_at": event.at,
        "candidates": (),
        "offered": (),
        "rounds": 0,
        "why": order.why if data["by"] == order.assignee else (),
    }


def _taken_over(order: WorkOrder, event: Event) -> _Change:
    return {
        **_accepted(order, event),
        **_unheld(order, event),
        "escalation": max(order.escalation, 2),
    }


def _passed(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    who = [data["by"]] if data.get("by") else []
    offered = tuple(dict.fromkeys([*order.offered, *who]))
    return {"offered": offered, "assignee": "", "candidates": (), "offered_at": event.at}


def _nobody(order: WorkOrder, event: Event) -> _Change:
    return {
        "offered": (),
        "offered_at": order.offered_at or event.at,
        "escalation": max(order.escalation, 1),
        "rounds": order.rounds + 1,
    }


def _joined(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    details = data["details"]
    return {
        "reporters": (*order.reporters, reporter_of(data["reporter"])),
        "media": order.media + media_of(details.get("media")),
        "emotion": max(order.emotion, int(details.get("emotion", 2))),
    }


def _join_undone(order: WorkOrder, event: Event) -> _Change:
    message = cast("_Change", event.data)["message"]
    return {"reporters": tuple(r for r in order.reporters if r.message != message)}


def _info_added(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    change: _Change = {"media": order.media + media_of(data.get("media"))}
    slots = dict(data.get("slots") or {})
    for name in ("place", "region", "device", "serial", "error_code", "phone", "contact", "when"):
        if slots.get(name):
            change[name] = slots[name]
    if data.get("text") and slots.get("symptom"):
        change["text"] = f"{order.text} {data['text']}".strip()
    if slots.get("fault_type"):
        change["fault_type"] = slots["fault_type"]
    if data.get("missing") is not None:
        change["missing"] = tuple(data["missing"])
    return change


def _info_requested(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    change: _Change = {"missing": tuple(data["missing"])}
    paused = order.sub == Sub.AWAITING_INFO
    if event.sub == Sub.AWAITING_INFO and not paused:
        change["marks"] = _mark(order, event, "pause", "awaiting_info")
    return change


def _info_completed(order: WorkOrder, event: Event) -> _Change:
    return {"marks": _mark(order, event, "resume", "awaiting_info")}


def _triaged(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    change: _Change = {}
    if data.get("fault_type"):
        change["fault_type"] = data["fault_type"]
        change["queue_id"] = data["queue_id"]
        change["team_id"] = data["team_id"]
    if data.get("priority") and data["priority"] != order.priority:
        change["priority"] = data["priority"]
        change["marks"] = _mark(order, event, "priority", data["priority"])
    return change


def _arrived(order: WorkOrder, event: Event) -> _Change:
    if order.arrived_at is not None:
        return {}
    return {"arrived_at": event.at, "marks": _mark(order, event, "stop_arrival")}


def _held(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    change: _Change = {"held_from": (order.state, order.sub), "hold_reason": data["reason"]}
    if data["pauses"]:
        change["marks"] = _mark(order, event, "pause", data["reason"])
    return change


def _resumed(order: WorkOrder, event: Event) -> _Change:
    return _unheld(order, event)


def _unheld(order: WorkOrder, event: Event) -> _Change:
    """Coming out of a hold, by resuming or because somebody else takes the job."""
    if order.held_from is None:
        return {}
    change: _Change = {"held_from": None, "hold_reason": ""}
    if any(m.what == "pause" and m.value == order.hold_reason for m in order.marks):
        change["marks"] = _mark(order, event, "resume", order.hold_reason)
    return change


def _completed(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    return {
        "completed_at": event.at,
        "media": order.media + media_of(data.get("media")),
        "marks": _mark(order, event, "stop_resolution"),
        **record.resolution(order, event),
    }


def _returned(order: WorkOrder, event: Event) -> _Change:
    return {"completed_at": None, "marks": _mark(order, event, "restart_resolution")}


def _closed(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    return {
        "closed_at": event.at,
        "outcome": data["outcome"],
        "stalled": False,
        "marks": _mark(order, event, "terminal"),
    }


def _priority_changed(order: WorkOrder, event: Event) -> _Change:
    priority = cast("_Change", event.data)["to"]
    return {"priority": priority, "marks": _mark(order, event, "priority", priority)}


def _corrected(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    names = ("fault_type", "subtype", "place", "region", "device", "serial")
    more = ("error_code", "phone", "contact")
    facts = data["to"]
    change = {name: facts[name] for name in (*names, *more) if name in facts}
    return {
        **change,
        "queue_id": data.get("queue_id", order.queue_id),
        "team_id": data.get("team_id", order.team_id),
    }


def _extended(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    extension = Extension(data["clock"], int(data["minutes"]))
    return {
        "extensions": (*order.extensions, extension),
        "marks": _mark(order, event, "extend", extension.minutes, data["clock"]),
    }


def _step_taken(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    level = {"warn_supervisor": 1, "backup_takeover": 2, "next_level": 3, "mark_stalled": 1}
    change: _Change = {
        "steps": (*order.steps, data["step"]),
        "escalation": max(order.escalation, level.get(data["act"], 0)),
    }
    if data["act"] == "mark_stalled":
        change["stalled"] = True
    return change


def _supervised(_order: WorkOrder, event: Event) -> _Change:
    return {"supervised_at": event.at, "supervised_for": str(event.data.get("why", ""))}


def _rated(_order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    return {"rating": int(data["score"]), "comment": data.get("comment", "")}


def _linked(order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    return {"links": (*order.links, (data["relation"], data["order"]))}


_CHANGES: dict[Kind, Callable[[WorkOrder, Event], _Change]] = {
    Kind.FIRST_RESPONDED: _first_responded,
    Kind.DISPATCHED: _assigned,
    Kind.REASSIGNED: _assigned,
    Kind.OPENED_FOR_CLAIM: _open_for_claim,
    Kind.ACCEPTED: _accepted,
    Kind.TAKEN_OVER: _taken_over,
    Kind.DECLINED: _passed,
    Kind.OFFER_EXPIRED: _passed,
    Kind.NOBODY_AVAILABLE: _nobody,
    Kind.JOINED: _joined,
    Kind.JOIN_UNDONE: _join_undone,
    Kind.INFO_ADDED: _info_added,
    Kind.INFO_REQUESTED: _info_requested,
    Kind.INFO_COMPLETED: _info_completed,
    Kind.TRIAGED: _triaged,
    Kind.ARRIVED: _arrived,
    Kind.HELD: _held,
    Kind.RESUMED: _resumed,
    Kind.COMPLETED: _completed,
    Kind.RETURNED: _returned,
    Kind.CLOSED: _closed,
    Kind.PRIORITY_CHANGED: _priority_changed,
    Kind.CORRECTED: _corrected,
    Kind.DEADLINE_EXTENDED: _extended,
    Kind.STEP_TAKEN: _step_taken,
    Kind.RATED: _rated,
    Kind.SUPERVISED: _supervised,
    Kind.NUDGED: lambda _order, event: {"nudged_at": event.at},
    Kind.LINKED: _linked,
    Kind.FOLLOW_UP_OPENED: _linked,
    Kind.ALARM_REPEATED: lambda order, _event: {"alarms": order.alarms + 1},
    **record.CHANGES,
    **self_service.CHANGES,
}
