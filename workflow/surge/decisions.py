"""What people decide about a surge, as drafts of events: like :mod:`workflow.decide`, pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workflow import commands as c
from workflow.decide import DESK, MAX_TEXT, Draft, Situation, first_response, refuse_stale
from workflow.errors import IllegalMove, InvalidInput, NotAllowed
from workflow.events import Kind
from workflow.states import State, Sub, move
from workflow.work_order import Surge, WorkOrder


def decide(order: WorkOrder, command: c.OnOrder, situation: Situation) -> list[Draft]:
    """The events one of :data:`COMMANDS` makes.

    Raises:
        StaleTicket: the actor's card is older than the work order.
        IllegalMove: there is no surge here, or it is over, or this was done already.
        NotAllowed: the job is somebody else's.
        InvalidInput: nothing to say, or too much.
    """
    refuse_stale(order, command, situation.company)
    return _DECISIONS[type(command)](order, command)


def _surge(order: WorkOrder, name: str) -> Surge:
    """The surge of a parent that still goes on."""
    if order.surge is None or not order.open:
        raise IllegalMove(move=name, state=str(order.state), missing="")
    return order.surge


def _broadcast(order: WorkOrder, command: c.Broadcast) -> list[Draft]:
    surge = _surge(order, "broadcast")
    text = command.text.strip() or surge.script
    if not text:
        raise InvalidInput(field="text", found="", allowed="some words")
    if len(text) > MAX_TEXT:
        raise InvalidInput(field="text", found=len(text), allowed=MAX_TEXT)
    if surge.approved_at is not None and text == surge.script:
        raise IllegalMove(move="broadcast", state=str(order.state), missing="", already=True)
    by = {"by": command.by.id, "name": command.by.name}
    return [*first_response(order), Draft(Kind.SCRIPT_APPROVED, {"text": text, **by})]


def _dismiss(order: WorkOrder, command: c.DismissSurge) -> list[Draft]:
    _surge(order, "dismiss_surge")
    to = move("cancel", order.state, order.sub)
    reason = command.reason.strip()[:MAX_TEXT]
    return [
        *first_response(order),
        Draft(Kind.SURGE_DISMISSED, {"by": command.by.id, "reason": reason}),
        Draft(Kind.CLOSED, {"outcome": "dismissed", "auto": False}, to),
    ]


def _resolve(order: WorkOrder, command: c.ResolveSurge) -> list[Draft]:
    _surge(order, "resolve_surge")
    if command.by.id != order.assignee and command.by.role not in DESK:
        raise NotAllowed(needs="handler", number=order.number, assignee=order.assignee)
    to = move("resolve", order.state, order.sub)
    text = command.text.strip()
    if len(text) > MAX_TEXT:
        raise InvalidInput(field="text", found=len(text), allowed=MAX_TEXT)
    data = {"by": command.by.id, "text": text, "media": []}
    return [*first_response(order), Draft(Kind.COMPLETED, data, to)]


def _detach(order: WorkOrder, command: c.Detach) -> list[Draft]:
    if not order.parent or not order.open:
        raise IllegalMove(move="detach", state=str(order.state), missing="")
    return [detached(order, command.reason.strip()[:MAX_TEXT], dismissed=False)]


# --- what happens to a child with its parent --------------------------------------------------


def gathered(child: WorkOrder, parent: WorkOrder, count: int) -> Draft:
    """The child belongs to the parent: it waits for it unless somebody is at it already or it is
    an emergency. An answer that was approved reaches it at once.
    """
    script = parent.surge.script if parent.surge and parent.surge.approved_at else ""
    data = {
        "parent": parent.id,
        "parent_number": parent.number,
        "count": count,
        "script": worded(script, child, parent, count),
    }
    waits = child.priority != "P0" and (
        child.state == State.DISPATCHED or (child.state, child.sub) == (State.NEW, Sub.QUEUED)
    )
    to = move("gather", child.state, child.sub) if waits else None
    return Draft(Kind.GATHERED, data, to)


def detached(child: WorkOrder, reason: str, *, dismissed: bool) -> Draft:
    """The child goes on by itself."""
    data = {
        "parent": child.parent,
        "parent_number": child.parent_number,
        "reason": reason,
        "dismissed": dismissed,
    }
    waits = child.sub == Sub.WITH_PARENT
    return Draft(Kind.DETACHED, data, move("release", child.state, child.sub) if waits else None)


def answered(child: WorkOrder, parent: WorkOrder) -> list[Draft]:
    """The approved answer reaches the reporters who were there before: it is a person's answer."""
    surge = parent.surge
    if surge is None:
        return []
    text = worded(surge.script, child, parent, len(parent.children))
    data = {"text": text, "parent": parent.id, "parent_number": parent.number}
    return [*first_response(child), Draft(Kind.SCRIPT_SENT, data)]


def resolved(child: WorkOrder, parent: WorkOrder) -> list[Draft]:
    """The parent's resolution is offered to the child's customer. A device's alarm that nobody
    reported has nobody to confirm it and closes with its parent.
    """
    surge = parent.surge
    if surge is None or child.state == State.AWAITING_ACCEPTANCE:
        return []
    linked = {"parent": parent.id, "parent_number": parent.number}
    data = {"by": "system", "text": surge.resolution, "media": [], **linked}
    done = Draft(Kind.COMPLETED, data, move("resolve", child.state, child.sub))
    if child.reporters:
        return [done]
    closed = Draft(
        Kind.CLOSED, {"outcome": "completed", "auto": True, **linked}, (State.CLOSED, Sub.NONE)
    )
    return [done, closed]


def worded(script: str, child: WorkOrder, parent: WorkOrder, count: int) -> str:
    """The answer with its numbers put in."""
    known = {"{number}": child.number, "{parent}": parent.number, "{count}": str(count)}
    for name, value in known.items():
        script = script.replace(name, value)
    return script


_Decision = Callable[[WorkOrder, Any], list[Draft]]
_DECISIONS: dict[type[c.OnOrder], _Decision] = {
    c.Broadcast: _broadcast,
    c.DismissSurge: _dismiss,
    c.ResolveSurge: _resolve,
    c.Detach: _detach,
}
COMMANDS = tuple(_DECISIONS)
