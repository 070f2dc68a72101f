"""What a command makes happen: checked against the work order, answered with drafts of events.

Pure: :func:`decide` reads the work order and the situation and returns drafts; it changes nothing.
What the house does by itself (finding somebody, the ladder) is in :mod:`workflow.automation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from workflow import commands as c
from workflow import supervision
from workflow.company import Asset, Company, Customer, Presence
from workflow.errors import IllegalMove, InvalidInput, NotAllowed, StaleTicket
from workflow.events import SYSTEM, Actor, Kind
from workflow.kept import Load
from workflow.policy import Policy
from workflow.records import Facts
from workflow.states import State, Sub, move
from workflow.taxonomy import FAULT_TYPES
from workflow.work_order import WorkOrder

PRIORITIES = ("P0", "P1", "P2")
DESK = ("supervisor", "admin")
MAX_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision may know besides the work order itself. ``presence`` and ``loads`` are asked
    for only when somebody is looked for.
    """

    company: Company
    policy: Policy
    now: datetime
    presence: Callable[[], Mapping[str, Presence]] = dict
    loads: Callable[[], Mapping[str, Load]] = dict
    customer: Customer | None = None
    asset: Asset | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An event to be: its kind and facts, and where it leads (None: state stays).

    ``by`` overrides the command's actor for what follows by itself.
    """

    kind: Kind
    data: Facts = field(default_factory=dict)
    to: tuple[State, Sub] | None = None
    by: Actor | None = None
    geo: tuple[float, float] | None = None


def decide(order: WorkOrder, command: c.OnOrder, situation: Situation) -> list[Draft]:
    """The events a person's command makes, in order; empty when it changes nothing.

    Raises:
        StaleTicket: the actor's card is older than the work order.
        IllegalMove: the state table has no such move.
        NotAllowed: the job is somebody else's.
        InvalidInput: a fact is missing or malformed.
    """
    refuse_stale(order, command, situation.company)
    return _DECISIONS[type(command)](order, command, situation)


def refuse_stale(order: WorkOrder, command: c.OnOrder, company: Company) -> None:
    """Compare what the actor saw with what holds; say who was first and when."""
    seen = command.expect is None or command.expect == order.state
    same = command.generation is None or command.generation == order.generation
    if seen and same:
        return
    holder = company.staff.get(order.assignee)
    raise StaleTicket(
        number=order.number,
        state=str(order.state),
        sub=str(order.sub),
        by=holder.name if holder else "",
        mine=order.assignee == command.by.id,
        at=order.accepted_at or order.offered_at or order.moved_at,
        outcome=order.outcome,
    )


def first_response(order: WorkOrder) -> list[Draft]:
    """The first act of a person, if there was none yet."""
    if order.first_responded_at is not None:
        return []
    return [Draft(Kind.FIRST_RESPONDED)]


def assignment(
    order: WorkOrder, to: str, reason: str, situation: Situation, **more: object
) -> Facts:
    """The data of an event that gives the job to somebody."""
    staff = situation.company.staff[to]
    return {
        "to": to,
        "to_name": staff.name,
        "from": order.assignee,
        "reason": reason,
        "generation": order.generation + 1,
        **more,
    }


def ready(order: WorkOrder) -> tuple[State, Sub]:
    """Where a work order goes that waits for nothing more: to dispatch; as a surge's child, to
    wait with its parent; with an article to try, to its customer first. An emergency never waits.
    """
    to = move("ready", order.state, order.sub)
    if order.parent and order.priority != "P0":
        return State.NEW, Sub.WITH_PARENT
    tries = order.tried is not None and order.sub != Sub.WITH_PARENT
    return move("try_first", order.state, order.sub) if tries else to


def queue_facts(situation: Situation, fault_type: str, region: str) -> dict[str, str]:
    """Which queue and team a fault goes to."""
    queue = situation.company.queue_for(fault_type, region)
    return {"queue_id": queue.id, "team_id": queue.team}


def _to(order: WorkOrder, name: str) -> tuple[State, Sub]:
    return move(name, order.state, order.sub)


def _handler_only(order: WorkOrder, command: c.OnOrder) -> None:
    if command.by.id != order.assignee and command.by.role not in DESK:
        raise NotAllowed(needs="handler", number=order.number, assignee=order.assignee)


def _text(value: str, field_name: str, *, required: bool = True) -> str:
    text = value.strip()
    if required and not text:
        raise InvalidInput(field=field_name, found=value, allowed="some words")
    if len(text) > MAX_TEXT:
        raise InvalidInput(field=field_name, found=len(text), allowed=MAX_TEXT)
    return text


def _accept(order: WorkOrder, command: c.OnOrder, situation: Situation) -> list[Draft]:
    to = _to(order, "accept")
    claimed = order.sub == Sub.OPEN_CLAIM
    allowed = order.candidates if claimed else (order.assignee,)
    if command.by.id not in allowed:
        raise NotAllowed(needs="offer", number=order.number, assignee=order.assignee)
    generation = order.generation + 1 if claimed else order.generation
    data = {
        "by": command.by.id,
        "claimed": claimed,
        "generation": generation,
        "name": situation.company.staff[command.by.id].name,
    }
    return [*first_response(order), Draft(Kind.ACCEPTED, data, to)]


def _decline(order: WorkOrder, command: c.Decline, _situation: Situation) -> list[Draft]:
    to = _to(order, "decline")
    if command.by.id != order.assignee:
        raise NotAllowed(needs="offer", number=order.number, assignee=order.assignee)
    reason = _text(command.reason, "reason")
    data = {"by": command.by.id, "reason": reason, "generation": order.generation}
    return [Draft(Kind.DECLINED, data, to)]


def _reassign(order: WorkOrder, command: c.Reassign, situation: Situation) -> list[Draft]:
    to = _to(order, "reassign")
    backup = situation.company.teams[order.team_id].backup if order.team_id else ""
    if command.by.id not in {order.assignee, backup} and command.by.role not in DESK:
        raise NotAllowed(needs="handler", number=order.number, assignee=order.assignee)
    staff = situation.company.staff.get(command.to)
    if staff is None or not staff.active or staff.id == order.assignee:
        raise InvalidInput(field="staff", found=command.to, allowed="another active colleague")
    reason = _text(command.reason, "reason")
    return [Draft(Kind.REASSIGNED, assignment(order, staff.id, reason, situation), to)]


def _take_over(order: WorkOrder, command: c.OnOrder, situation: Situation) -> list[Draft]:
    to = _to(order, "take_over")
    if command.by.id == order.assignee and order.state == State.IN_PROGRESS:
        raise IllegalMove(move="take_over", state=str(order.state), missing="", already=True)
    if command.by.id not in situation.company.staff:
        raise NotAllowed(needs="staff", number=order.number)
    data = {
        "by": command.by.id,
        "name": situation.company.staff[command.by.id].name,
        "from": order.assignee,
        "generation": order.generation + 1,
    }
    return [*first_response(order), Draft(Kind.TAKEN_OVER, data, to)]


def _step(name: str, kind: Kind) -> Callable[[WorkOrder, c.OnOrder, Situation], list[Draft]]:
    """A plain step of the handler: the move, and the command's own facts as data."""

    def decision(order: WorkOrder, command: c.OnOrder, _situation: Situation) -> list[Draft]:
        to = _to(order, name)
        _handler_only(order, command)
        geo = command.geo if isinstance(command, c.Arrive) else None
        data: dict[str, object] = {"by": command.by.id}
        if isinstance(command, c.Diagnose):
            data["text"] = _text(command.text, "text")
        if isinstance(command, c.AwaitParts | c.ReplacePart):
            data["part"] = _text(command.part, "part")
        if isinstance(command, c.ReplacePart):
            if not 1 <= command.quantity <= 999:  # noqa: PLR2004  # a hand can carry no more
                raise InvalidInput(field="quantity", found=command.quantity, allowed="1–999")
            data["quantity"] = command.quantity
        return [Draft(kind, data, to, geo=geo)]

    return decision


def _hold(order: WorkOrder, command: c.Hold, situation: Situation) -> list[Draft]:
    to = _to(order, "hold")
    _handler_only(order, command)
    reasons = {r.code: r for r in situation.policy.hold_reasons}
    labels = {r.label: r for r in situation.policy.hold_reasons}
    reason = reasons.get(command.reason) or labels.get(command.reason)
    if reason is None:
        allowed = " / ".join(labels)
        raise InvalidInput(field="reason", found=command.reason, allowed=allowed)
    data = {"reason": reason.code, "label": reason.label, "pauses": reason.pauses}
    return [Draft(Kind.HELD, {**data, "note": command.note}, to)]


def _resume(order: WorkOrder, command: c.OnOrder, _situation: Situation) -> list[Draft]:
    _to(order, "resume")
    _handler_only(order, command)
    back = order.held_from or (State.IN_PROGRESS, Sub.ACCEPTED)
    return [Draft(Kind.RESUMED, {"reason": order.hold_reason}, back)]


def _complete(order: WorkOrder, command: c.Complete, _situation: Situation) -> list[Draft]:
    to = _to(order, "complete")
    _handler_only(order, command)
    text = _text(command.text, "text", required=False)
    data = {"by": command.by.id, "text": text, "media": [_media(m) for m in command.media]}
    return [Draft(Kind.COMPLETED, data, to)]


def _sign(order: WorkOrder, command: c.OnOrder, _situation: Situation) -> list[Draft]:
    to = _to(order, "sign")
    return [
        Draft(Kind.ACCEPTED_BY_CUSTOMER, {"by": command.by.id, "name": command.by.name}),
        Draft(Kind.CLOSED, {"outcome": "completed", "auto": False}, to),
    ]


def _return_work(order: WorkOrder, command: c.ReturnWork, _situation: Situation) -> list[Draft]:
    to = _to(order, "return_work")
    if order.accepted_at is None:  # settled with its parent: nobody has been at it yet
        to = (State.NEW, Sub.QUEUED)
    return [Draft(Kind.RETURNED, {"reason": _text(command.reason, "reason")}, to)]


def _rate(order: WorkOrder, command: c.Rate, _situation: Situation) -> list[Draft]:
    _to(order, "rate")
    if not 1 <= command.score <= 5:  # noqa: PLR2004  # stars
        raise InvalidInput(field="rating", found=command.score, allowed="1–5")
    if order.rating:
        raise IllegalMove(move="rate", state=str(order.state), missing="", already=True)
    comment = _text(command.comment, "comment", required=False)
    return [Draft(Kind.RATED, {"score": command.score, "comment": comment})]


def _cancel(order: WorkOrder, command: c.Cancel, _situation: Situation) -> list[Draft]:
    to = _to(order, "cancel")
    reason = _text(command.reason, "reason", required=command.by.role in DESK)
    return [
        Draft(Kind.CANCELLED, {"reason": reason, "by": command.by.id}),
        Draft(Kind.CLOSED, {"outcome": "cancelled", "auto": False}, to),
    ]


def _nudge(order: WorkOrder, command: c.Nudge, situation: Situation) -> list[Draft]:
    if not order.open:
        raise IllegalMove(move="nudge", state=str(order.state), missing="")
    window = situation.policy.intake.nudge_window
    if order.nudged_at is not None and situation.now - order.nudged_at < window:
        raise IllegalMove("nudge_too_soon", number=order.number, again_at=order.nudged_at + window)
    return [Draft(Kind.NUDGED, {"text": command.text})]


def _note(order: WorkOrder, command: c.Note, _situation: Situation) -> list[Draft]:
    text = _text(command.text, "text")
    answer = not command.internal and command.by.role != "customer"
    drafts = first_response(order) if answer else []
    return [*drafts, Draft(Kind.NOTED, {"text": text, "internal": command.internal})]


def _change_priority(
    order: WorkOrder, command: c.ChangePriority, _situation: Situation
) -> list[Draft]:
    _still_open(order, "change_priority")
    if command.priority not in PRIORITIES:
        raise InvalidInput(field="priority", found=command.priority, allowed=" / ".join(PRIORITIES))
    if command.priority == order.priority:
        return []
    reason = _text(command.reason, "reason")
    return _raise_priority(order, command.priority, reason)


def _raise_priority(order: WorkOrder, to: str, reason: str) -> list[Draft]:
    """A new priority; what became P0 waits for no more answers and for no parent; what
    was P2 is no longer left to its customer.
    """
    data = {"from": order.priority, "to": to, "reason": reason}
    leaves = None
    if to == "P0" and order.sub == Sub.WITH_PARENT:
        leaves = _to(order, "release")
    elif order.sub == Sub.SELF_SERVICE:
        leaves = _to(order, "self_service_over")
    drafts = [Draft(Kind.PRIORITY_CHANGED, data, leaves)]
    if to == "P0" and order.sub == Sub.AWAITING_INFO:
        drafts.append(Draft(Kind.INFO_COMPLETED, {"anyway": True}, _to(order, "ready")))
    return drafts


def supervised(order: WorkOrder, why: str, text: str) -> list[Draft]:
    """The mark of supervision, if the work order does not bear it yet."""
    if not supervision.wanted(order):
        return []
    by = None if why == "asked" else SYSTEM
    return [Draft(Kind.SUPERVISED, {"why": why, "text": text[:MAX_TEXT]}, by=by)]


def _supervise(order: WorkOrder, command: c.Supervise, _situation: Situation) -> list[Draft]:
    if command.by.role in DESK:
        _still_open(order, "supervise")
    return supervised(order, command.why, command.text)


def _correct(order: WorkOrder, command: c.Correct, situation: Situation) -> list[Draft]:
    _still_open(order, "correct")
    if command.by.role == "engineer":
        _handler_only(order, command)
    names = {"fault_type", "subtype", "place", "region", "device", "serial", "error_code"}
    names |= {"phone", "contact"}
    unknown = sorted(set(command.facts) - names)
    if unknown:
        raise InvalidInput(field=unknown[0], found=unknown[0], allowed=", ".join(sorted(names)))
    fault_type = str(command.facts.get("fault_type") or order.fault_type)
    if fault_type not in FAULT_TYPES:
        allowed = ", ".join(FAULT_TYPES)
        raise InvalidInput(field="fault_type", found=fault_type, allowed=allowed)
    after = {
        k: v for k, v in command.facts.items() if (v or k == "subtype") and getattr(order, k) != v
    }
    if not after:
        return []
    data: dict[str, object] = {
        "from": {k: getattr(order, k) for k in after},
        "to": after,
        "reason": command.reason,
    }
    rerouted = bool({"fault_type", "region"} & set(after))
    if rerouted:
        fault = str(after.get("fault_type", order.fault_type))
        data |= queue_facts(situation, fault, str(after.get("region", order.region)))
    back = _to(order, "requeue") if rerouted and order.state == State.DISPATCHED else None
    return [Draft(Kind.CORRECTED, data, back)]


def _extend(order: WorkOrder, command: c.ExtendDeadline, _situation: Situation) -> list[Draft]:
    _still_open(order, "extend")
    if not 1 <= command.minutes <= 14_400:  # noqa: PLR2004  # ten days
        raise InvalidInput(field="minutes", found=command.minutes, allowed="1–14400")
    data = {
        "clock": command.clock,
        "minutes": command.minutes,
        "reason": _text(command.reason, "reason"),
        "by": command.by.id,
    }
    return [Draft(Kind.DEADLINE_EXTENDED, data)]


def _join(order: WorkOrder, command: c.Join, situation: Situation) -> list[Draft]:
    _still_open(order, "join")
    if order.reporter(command.origin.message) is not None:
        return []
    data = {
        "reporter": reporter_facts(command, command.details, situation.now),
        "details": command.details.facts(),
        "reason": command.reason,
        "score": command.score,
    }
    drafts = [Draft(Kind.JOINED, data)]
    if PRIORITIES.index(command.details.priority) < PRIORITIES.index(order.priority):
        drafts += _raise_priority(order, command.details.priority, "joined_report")
    return [*drafts, *risky(order, command.details, situation.policy)]


def risky(order: WorkOrder, details: c.Details, policy: Policy) -> list[Draft]:
    """Supervision, when a report is written in anger."""
    why = supervision.risk_of_report(
        details.emotion, details.priority, details.understanding, policy.supervision
    )
    return supervised(order, why, details.text) if why else []


def _repeat_alarm(order: WorkOrder, command: c.RepeatAlarm, _situation: Situation) -> list[Draft]:
    _still_open(order, "repeat_alarm")
    times = order.alarms + 1
    drafts = [
        Draft(Kind.ALARM_REPEATED, {"code": command.code, "text": command.text, "times": times})
    ]
    priority = command.priority or order.priority
    if PRIORITIES.index(priority) < PRIORITIES.index(order.priority):
        drafts += _raise_priority(order, priority, "repeated_alarm")
    return drafts


def _undo_join(order: WorkOrder, command: c.UndoJoin, _situation: Situation) -> list[Draft]:
    reporter = order.reporter(command.reporter)
    if reporter is None or reporter == order.opener:
        raise InvalidInput(field="reporter", found=command.reporter, allowed="a joined report")
    data = {"message": reporter.message, "name": reporter.name, "by": command.by.id}
    return [Draft(Kind.JOIN_UNDONE, data)]


def _add_info(order: WorkOrder, command: c.AddInfo, _situation: Situation) -> list[Draft]:
    data: dict[str, object] = {
        "text": command.text.strip()[:MAX_TEXT],
        "media": [_media(m) for m in command.media],
        "slots": dict(command.slots),
        "missing": None if command.missing is None else list(command.missing),
        "by": command.by.id,
    }
    drafts = [Draft(Kind.INFO_ADDED, data)]
    missing = order.missing if command.missing is None else command.missing
    if command.missing is None or not order.open:
        return drafts
    if missing:
        drafts.append(Draft(Kind.INFO_REQUESTED, {"missing": list(missing), "again": False}))
    elif order.sub == Sub.AWAITING_INFO:
        drafts.append(Draft(Kind.INFO_COMPLETED, {"anyway": False}, ready(order)))
    return drafts


def _triage(order: WorkOrder, command: c.Triage, situation: Situation) -> list[Draft]:
    if order.sub != Sub.TRIAGE:
        raise IllegalMove(move="triage", state=str(order.state), sub=str(order.sub), missing="")
    data: dict[str, object] = {"confirm": command.confirm, "by": command.by.id}
    if not command.confirm:
        reason = _text(command.reason, "reason", required=False)
        closed = Draft(Kind.CLOSED, {"outcome": "dismissed", "auto": False}, _to(order, "cancel"))
        return [*first_response(order), Draft(Kind.TRIAGED, {**data, "reason": reason}), closed]
    if command.priority and command.priority not in PRIORITIES:
        raise InvalidInput(field="priority", found=command.priority, allowed=" / ".join(PRIORITIES))
    fault = command.fault_type or order.fault_type
    data["was"] = {"fault_type": order.fault_type, "priority": order.priority}
    data |= {"fault_type": fault, "priority": command.priority or order.priority}
    data |= queue_facts(situation, fault, order.region)
    to = ready(replace(order, priority=str(data["priority"])))
    return [Draft(Kind.TRIAGED, data, to)]


def _still_open(order: WorkOrder, name: str) -> None:
    if not order.open:
        raise IllegalMove(move=name, state=str(order.state), missing="")


def _media(media: object) -> Facts:
    names = ("kind", "blob", "mime", "name", "size", "transcript")
    return {name: getattr(media, name) for name in names}


def reporter_facts(command: c.Command, details: c.Details, now: datetime) -> Facts:
    """Who reported, as an event's data."""
    origin = command.origin
    place = origin.place
    return {
        "place": {
            "channel": place.channel if place else "",
            "chat": place.chat if place else "",
            "kind": place.kind if place else "direct",
        },
        "sender": origin.sender,
        "name": origin.sender_name or command.by.name,
        "customer_id": details.customer_id,
        "message": origin.message,
        "text": details.text,
        "at": (origin.sent_at or now).isoformat(),
    }


_Decision = Callable[[WorkOrder, Any, Situation], list[Draft]]
_DECISIONS: dict[type[c.OnOrder], _Decision] = {
    c.Accept: _accept,
    c.Decline: _decline,
    c.Reassign: _reassign,
    c.TakeOver: _take_over,
    c.Depart: _step("depart", Kind.DEPARTED),
    c.Arrive: _step("arrive", Kind.ARRIVED),
    c.Diagnose: _step("diagnose", Kind.DIAGNOSED),
    c.AwaitParts: _step("await_parts", Kind.PARTS_AWAITED),
    c.ReplacePart: _step("replace_part", Kind.PART_REPLACED),
    c.Hold: _hold,
    c.Resume: _resume,
    c.Complete: _complete,
    c.Sign: _sign,
    c.ReturnWork: _return_work,
    c.Rate: _rate,
    c.Cancel: _cancel,
    c.Nudge: _nudge,
    c.Note: _note,
    c.ChangePriority: _change_priority,
    c.Correct: _correct,
    c.Supervise: _supervise,
    c.ExtendDeadline: _extend,
    c.Join: _join,
    c.RepeatAlarm: _repeat_alarm,
    c.UndoJoin: _undo_join,
    c.AddInfo: _add_info,
    c.Triage: _triage,
}
