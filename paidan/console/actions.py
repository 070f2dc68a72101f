"""What one person can do to one work order now: the buttons of its page, the first one primary.

The state table says what is possible, ``bots.rights`` who may; here is only in which order people
reach for it and what it asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bots.rights import Right, rights
from paidan.console.render import Reader
from workflow.company import Company, Identity, Presence, Staff
from workflow.dispatch.duty import on_duty
from workflow.errors import IllegalMove
from workflow.kept import Case
from workflow.knowledge import wordings
from workflow.policy import Policy
from workflow.records import Action, Button
from workflow.states import State, Sub, move
from workflow.taxonomy import FAULT_TYPES
from workflow.work_order import Surge, WorkOrder

_HANDLER = (
    *("accept", "resume", "depart", "arrive", "complete", "diagnose", "replace_part"),
    *("answer", "await_parts", "hold", "decline", "reassign", "note", "correct"),
)
_DESK = (
    *("take_over", "reassign", "extend", "change_priority", "answer", "note", "correct"),
    *("supervise", "cancel"),
)
_PARENT = ("broadcast", "resolve_surge", "detach", "dismiss_surge")
_ASKS: Mapping[str, str] = {
    "decline": "reason",
    "hold": "reason",
    "cancel": "reason",
    "reassign": "staff",
    "extend": "minutes",
    "change_priority": "priority",
    "correct": "fault_type",
    "diagnose": "text",
    "replace_part": "text",
    "await_parts": "text",
    "complete": "text",
    "answer": "text",
    "note": "text",
    "resolve_surge": "text",
    "detach": "child",
}
_DANGER = frozenset({"cancel", "decline", "case_dismiss", "dismiss_surge"})
_NO_WORK = ("case_not_report", "case_dismiss")
_CHILDREN_OFFERED = 20
_ANY_OPEN = frozenset({"extend", "change_priority", "answer", "note", "correct", "supervise"})
_MINUTES = ("15", "30", "60", "120")


@dataclass(frozen=True)
class Desk:
    """What the buttons need to know besides the work order."""

    company: Company
    policy: Policy
    presence: Mapping[str, Presence]
    reader: Reader
    now: datetime


def buttons(order: WorkOrder, staff: Staff, desk: Desk) -> tuple[Button, ...]:
    """Everything this person can do to this work order, the likeliest first."""
    names = [*dict.fromkeys(_names(order, staff, desk.company))]
    return tuple(_button(name, order, desk, first=not i) for i, name in enumerate(names))


def case_buttons(case: Case, reader: Reader) -> tuple[Button, ...]:
    """The one-tap decisions on a doubtful message or a complaint."""
    names = {
        "triage": ("case_confirm" if case.order_id else "case_open_order", *_NO_WORK),
        "complaint": ("case_apologise", "case_open_order", "case_dismiss"),
        "parked": ("case_open_order", *_NO_WORK),
    }[case.kind]
    return tuple(
        Button(reader.t(f"act.{name}"), Action(name, case.id), _style(name, first=not i))
        for i, name in enumerate(names)
    )


def _names(order: WorkOrder, staff: Staff, company: Company) -> Iterator[str]:
    if not order.open:
        return
    identity = Identity("console", staff.id, staff.role, staff.id)
    desk = Right.DESK in rights(identity, order, company)
    if desk and order.surge is not None:
        yield from (name for name in _PARENT if _on_parent(name, order, order.surge))
    claimable = order.sub == Sub.OPEN_CLAIM and staff.id in order.candidates
    if staff.id == order.assignee or claimable:
        yield from (n for n in _HANDLER if _possible(n, order) and (n == "accept" or not claimable))
    if desk:
        yield from (n for n in _DESK if _possible(n, order) and not _idle(n, order, staff))
    if desk and order.parent:
        yield "detach"


def _on_parent(name: str, order: WorkOrder, surge: Surge) -> bool:
    """The answer until it is sent, everything until the parent is resolved; a child can be taken
    out as long as one is open.
    """
    if name == "detach":
        return any(not child.outcome for child in order.children)
    if name == "broadcast" and (surge.approved_at is not None or not surge.script):
        return False
    return order.state != State.AWAITING_ACCEPTANCE


def _possible(name: str, order: WorkOrder) -> bool:
    if name in _ANY_OPEN:
        return True
    try:
        move(name, order.state, order.sub)
    except IllegalMove:
        return False
    return True


def _idle(name: str, order: WorkOrder, staff: Staff) -> bool:
    """Taking over what is one's own already changes nothing, nor does watching it twice."""
    if name == "supervise":
        return order.supervised_at is not None
    return name == "take_over" and order.assignee == staff.id and order.state == State.IN_PROGRESS


def _in_hand(order: WorkOrder) -> bool:
    """Somebody is at it and in time: taking it over is possible, not what one should do."""
    return order.state == State.IN_PROGRESS and not order.stalled and not order.escalation


def _button(name: str, order: WorkOrder, desk: Desk, *, first: bool) -> Button:
    claim = name == "accept" and order.sub == Sub.OPEN_CLAIM
    return Button(
        label=desk.reader.t("act.claim" if claim else f"act.{name}"),
        action=Action(name, order.id, expect=str(order.state), generation=order.generation),
        style=_style(name, first=first and not (name == "take_over" and _in_hand(order))),
        ask=None if name == "detach" and order.surge is None else _ASKS.get(name),
        choices=tuple(_choices(name, order, desk)),
    )


def _style(name: str, *, first: bool) -> Literal["primary", "default", "danger"]:
    if name in _DANGER:
        return "danger"
    return "primary" if first and name not in _ANY_OPEN else "default"


def _choices(name: str, order: WorkOrder, desk: Desk) -> Sequence[tuple[str, str]]:
    offered: Sequence[tuple[str, str]] = ()
    match name:
        case "hold":
            offered = [(reason.code, reason.label) for reason in desk.policy.hold_reasons]
        case "extend":
            offered = [(minutes, desk.reader.t("span.m", n=minutes)) for minutes in _MINUTES]
        case "change_priority":
            offered = [
                (p, f"{p} {desk.reader.label('priority', p)}")
                for p in ("P0", "P1", "P2")
                if p != order.priority
            ]
        case "complete":
            said = wordings(str(repair.get("resolution") or "") for repair in order.repairs)
            offered = [(text, text) for text in said]
        case "correct":
            offered = fault_choices(desk.company, desk.reader, order.fault_type, order.subtype)
        case "answer":
            offered = [(name, name) for name in desk.company.preset_replies]
        case "reassign":
            offered = _colleagues(order, desk)
        case "detach":
            still = [child for child in order.children if not child.outcome]
            offered = [(child.id, child.number) for child in still[-_CHILDREN_OFFERED:]]
    return offered


def fault_choices(
    company: Company, reader: Reader, but: str = "", subtype: str = ""
) -> Sequence[tuple[str, str]]:
    """The fault types by the names they have here, finer kinds after their type."""
    offered: list[tuple[str, str]] = []
    for key in FAULT_TYPES:
        if key not in {"none", but} or (key == but and subtype):
            offered.append((key, reader.label("fault_type", key)))
        kinds = (kind for kind in company.taxonomy.subtypes if kind.of == key)
        offered += [(k.id, reader.fault(key, k.id)) for k in kinds if k.id != subtype]
    return offered


def _colleagues(order: WorkOrder, desk: Desk) -> Sequence[tuple[str, str]]:
    """The team's engineers, then its backup; those on duty first, the absent ones marked."""
    team = desk.company.teams.get(order.team_id)
    members = [s for s in desk.company.members(order.team_id) if s.role == "engineer"]
    backup = desk.company.staff.get(team.backup) if team else None
    people = [s for s in (*members, backup) if s is not None and s.id != order.assignee]
    present = {s.id: on_duty(s, desk.company, desk.presence, desk.now) for s in people}
    people.sort(key=lambda s: not present[s.id])
    off = desk.reader.t("off_duty")
    return [(s.id, s.name if present[s.id] else f"{s.name}（{off}）") for s in people]
