"""Who may press which button: the one door every press and every text command goes through.

What depends on the course of the work (is it still on offer, is it his job) the workflow decides;
here it is about who somebody is to this work order.
"""

from __future__ import annotations

from enum import StrEnum

from workflow.company import Company, Identity
from workflow.errors import NotAllowed
from workflow.work_order import WorkOrder


class Right(StrEnum):
    """What a person must be."""

    STAFF = "staff"
    REPORTER = "customer"
    DESK = "supervisor"


_STAFF = (
    *("accept", "decline", "reassign", "depart", "arrive", "diagnose", "await_parts"),
    *("replace_part", "hold", "resume", "complete", "note", "answer", "advise", "correct"),
)
_REPORTER = (
    *("nudge", "sign", "return_work", "rate", "undo_join", "book_maintenance"),
    *("split", "keep_together", "confirm_cancel", "keep", "self_solve", "self_unsolved"),
)
_DESK = (
    *("take_over", "extend", "change_priority", "retry_notice"),
    *("case_confirm", "case_dismiss", "case_open_order", "case_apologise", "case_not_report"),
    *("is_report", "not_report", "supervise"),
    *("reading_correct", "reading_confirm", "reading_undo"),
    *("broadcast", "dismiss_surge", "detach"),
)
NEEDS: dict[str, frozenset[Right]] = {
    **dict.fromkeys(_STAFF, frozenset({Right.STAFF})),
    **dict.fromkeys(_REPORTER, frozenset({Right.REPORTER})),
    **dict.fromkeys(_DESK, frozenset({Right.DESK})),
    "undo_join": frozenset({Right.REPORTER, Right.DESK}),
    "cancel": frozenset({Right.REPORTER, Right.DESK}),
    "resolve_surge": frozenset({Right.STAFF, Right.DESK}),
    "status": frozenset({Right.STAFF, Right.REPORTER}),
}
"""What each action needs; any one of the rights is enough."""


def may(identity: Identity | None, action: str, order: WorkOrder | None, company: Company) -> None:
    """Let this person do this to this work order, or refuse.

    A case or a dead notice has no work order; then any team's backup responder counts as the desk.

    Raises:
        NotAllowed: ``needs`` names the right they lack (``staff``, ``customer``, ``supervisor``);
            code ``action_unknown`` when there is no such action.
    """
    needed = NEEDS.get(action)
    if needed is None:
        raise NotAllowed("action_unknown", action=action)
    if needed & rights(identity, order, company):
        return
    ours = identity is not None and identity.role != "customer"
    lacked = sorted(needed, reverse=ours)[0]
    raise NotAllowed(needs=str(lacked), action=action, number=order.number if order else "")


def rights(identity: Identity | None, order: WorkOrder | None, company: Company) -> set[Right]:
    """All that somebody is to a work order (or to the desk, without one)."""
    if identity is None:
        return set()
    held: set[Right] = set()
    staff = company.staff.get(identity.person_id) if identity.role != "customer" else None
    if staff is not None and staff.active:
        held.add(Right.STAFF)
        teams = company.teams.values()
        backups = {t.backup for t in teams if order is None or t.id == order.team_id}
        if staff.role in {"supervisor", "admin"} or staff.id in backups:
            held.add(Right.DESK)
    if order is not None and _reported(identity, order):
        held.add(Right.REPORTER)
    return held


def _reported(identity: Identity, order: WorkOrder) -> bool:
    """By who they are (and were taken for), or by the chat account they reported from."""
    ours = {identity.person_id, *identity.was}
    return any(
        (r.customer_id and r.customer_id in ours)
        or (r.place.channel, r.sender) == (identity.channel, identity.user)
        for r in order.reporters
    )
