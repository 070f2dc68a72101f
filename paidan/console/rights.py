"""Who may open which page: one table, asked at one door.

What somebody may do *to a work order* is decided where every channel's presses are decided
(``bots.rights``); this is only about what the console shows.
"""

from __future__ import annotations

from enum import StrEnum

from workflow.company import Staff
from workflow.errors import NotAllowed
from workflow.work_order import WorkOrder


class Right(StrEnum):
    """What a page needs of its viewer."""

    ANYONE = "anyone"
    SANDBOX = "sandbox"
    OWN_JOBS = "own_jobs"
    ALL_ORDERS = "all_orders"
    PEOPLE = "people"
    KNOWLEDGE = "knowledge"
    """To write what the house can explain."""
    ROLES = "roles"
    """To change who is who: import staff, with their roles."""
    MODELS = "models"
    """To decide which model reads."""


_OF_ROLE: dict[str, frozenset[Right]] = {
    "engineer": frozenset({Right.OWN_JOBS}),
    "supervisor": frozenset({Right.OWN_JOBS, Right.ALL_ORDERS, Right.PEOPLE, Right.KNOWLEDGE}),
    "admin": frozenset(
        {
            *(Right.OWN_JOBS, Right.ALL_ORDERS, Right.PEOPLE, Right.KNOWLEDGE, Right.ROLES),
            Right.MODELS,
        }
    ),
}


def has(staff: Staff | None, right: Right) -> bool:
    """Whether this person has a right; nobody in particular has only ``ANYONE``."""
    if right is Right.ANYONE:
        return True
    return staff is not None and staff.active and right in _OF_ROLE.get(staff.role, frozenset())


def see_order(staff: Staff, order: WorkOrder) -> None:
    """Engineers see their own jobs and what they may claim; supervisors see all.

    Raises:
        NotAllowed: not theirs.
    """
    if has(staff, Right.ALL_ORDERS):
        return
    involved = {order.assignee, *order.candidates, *order.offered}
    if staff.id not in involved:
        raise NotAllowed(needs=str(Right.ALL_ORDERS))
