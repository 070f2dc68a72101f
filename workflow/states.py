"""The six states and their sub-statuses, as one table.

A move names the command that makes it, where it may start, where it leads. What is not in the
table cannot happen; the error names the step that was left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workflow.errors import IllegalMove


class State(StrEnum):
    """Where a work order stands."""

    NEW = "new"
    DISPATCHED = "dispatched"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    AWAITING_ACCEPTANCE = "awaiting_acceptance"
    CLOSED = "closed"


class Sub(StrEnum):
    """The finer step within a state; NONE where a state has no finer steps."""

    NONE = ""
    TRIAGE = "triage"
    AWAITING_INFO = "awaiting_info"
    QUEUED = "queued"
    WITH_PARENT = "with_parent"
    SELF_SERVICE = "self_service"
    OFFERED = "offered"
    OPEN_CLAIM = "open_claim"
    ACCEPTED = "accepted"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    DIAGNOSING = "diagnosing"
    WAITING_PARTS = "waiting_parts"
    PARTS_REPLACED = "parts_replaced"
    AWAITING_SIGNATURE = "awaiting_signature"


SUBS: dict[State, tuple[Sub, ...]] = {
    State.NEW: (Sub.QUEUED, Sub.AWAITING_INFO, Sub.TRIAGE, Sub.WITH_PARENT, Sub.SELF_SERVICE),
    State.DISPATCHED: (Sub.OFFERED, Sub.OPEN_CLAIM),
    State.IN_PROGRESS: (
        Sub.ACCEPTED,
        Sub.DEPARTED,
        Sub.ARRIVED,
        Sub.DIAGNOSING,
        Sub.WAITING_PARTS,
        Sub.PARTS_REPLACED,
    ),
    State.ON_HOLD: (Sub.NONE,),
    State.AWAITING_ACCEPTANCE: (Sub.AWAITING_SIGNATURE,),
    State.CLOSED: (Sub.NONE,),
}

OPEN = (
    State.NEW,
    State.DISPATCHED,
    State.IN_PROGRESS,
    State.ON_HOLD,
    State.AWAITING_ACCEPTANCE,
)
WORKING = (State.DISPATCHED, State.IN_PROGRESS, State.ON_HOLD)

_IN = State.IN_PROGRESS
_BEFORE_DONE = (State.NEW, State.DISPATCHED, State.IN_PROGRESS, State.ON_HOLD)
_NOBODY_THERE = (
    *(Sub.QUEUED, Sub.AWAITING_INFO, Sub.TRIAGE, Sub.WITH_PARENT, Sub.SELF_SERVICE),
    *(Sub.OFFERED, Sub.OPEN_CLAIM, Sub.ACCEPTED, Sub.DEPARTED),
)
_ARRIVED_ON = (Sub.ARRIVED, Sub.DIAGNOSING, Sub.WAITING_PARTS, Sub.PARTS_REPLACED)


@dataclass(frozen=True, slots=True)
class Move:
    """From any of ``states`` (and, within it, any of ``subs``; empty means all) to ``to``."""

    states: tuple[State, ...]
    to: tuple[State, Sub] | None
    subs: tuple[Sub, ...] = ()
    missing: str = ""
    """The step to take first when the state fits but the sub-status does not."""


MOVES: dict[str, Move] = {
    "offer": Move(
        (State.NEW, State.DISPATCHED, _IN, State.ON_HOLD), (State.DISPATCHED, Sub.OFFERED)
    ),
    "open_claim": Move((State.NEW, State.DISPATCHED), (State.DISPATCHED, Sub.OPEN_CLAIM)),
    "accept": Move((State.DISPATCHED,), (_IN, Sub.ACCEPTED)),
    "decline": Move((State.DISPATCHED,), (State.NEW, Sub.QUEUED), subs=(Sub.OFFERED,)),
    "requeue": Move((State.DISPATCHED,), (State.NEW, Sub.QUEUED)),
    "reassign": Move(
        (State.NEW, State.DISPATCHED, _IN, State.ON_HOLD), (State.DISPATCHED, Sub.OFFERED)
    ),
    "take_over": Move(_BEFORE_DONE, (_IN, Sub.ACCEPTED)),
    "depart": Move((_IN,), (_IN, Sub.DEPARTED), subs=(Sub.ACCEPTED,)),
    "arrive": Move((_IN,), (_IN, Sub.ARRIVED), subs=(Sub.ACCEPTED, Sub.DEPARTED)),
    "diagnose": Move((_IN,), (_IN, Sub.DIAGNOSING), subs=_ARRIVED_ON, missing="arrive"),
    "await_parts": Move((_IN,), (_IN, Sub.WAITING_PARTS), subs=_ARRIVED_ON, missing="arrive"),
    "replace_part": Move((_IN,), (_IN, Sub.PARTS_REPLACED), subs=_ARRIVED_ON, missing="arrive"),
    "complete": Move(
        (_IN,),
        (State.AWAITING_ACCEPTANCE, Sub.AWAITING_SIGNATURE),
        subs=_ARRIVED_ON,
        missing="arrive",
    ),
    "hold": Move((_IN,), (State.ON_HOLD, Sub.NONE)),
    "resume": Move((State.ON_HOLD,), None),
    "sign": Move((State.AWAITING_ACCEPTANCE,), (State.CLOSED, Sub.NONE)),
    "return_work": Move((State.AWAITING_ACCEPTANCE,), (_IN, Sub.ACCEPTED)),
    "auto_close": Move((State.AWAITING_ACCEPTANCE,), (State.CLOSED, Sub.NONE)),
    "cancel": Move(_BEFORE_DONE, (State.CLOSED, Sub.NONE)),
    "request_info": Move((State.NEW,), (State.NEW, Sub.AWAITING_INFO)),
    "send_to_triage": Move((State.NEW,), (State.NEW, Sub.TRIAGE)),
    "ready": Move((State.NEW,), (State.NEW, Sub.QUEUED)),
    "rate": Move((State.AWAITING_ACCEPTANCE, State.CLOSED), None),
    "gather": Move((State.NEW, State.DISPATCHED), (State.NEW, Sub.WITH_PARENT)),
    "release": Move((State.NEW,), (State.NEW, Sub.QUEUED), subs=(Sub.WITH_PARENT,)),
    "try_first": Move(
        (State.NEW,),
        (State.NEW, Sub.SELF_SERVICE),
        subs=(Sub.QUEUED, Sub.AWAITING_INFO, Sub.TRIAGE),
    ),
    "self_solve": Move(
        (State.NEW, State.DISPATCHED, _IN), (State.CLOSED, Sub.NONE), subs=_NOBODY_THERE
    ),
    "self_unsolved": Move((State.NEW, State.DISPATCHED, _IN), None, subs=_NOBODY_THERE),
    "self_service_over": Move((State.NEW,), (State.NEW, Sub.QUEUED), subs=(Sub.SELF_SERVICE,)),
    "resolve": Move(_BEFORE_DONE, (State.AWAITING_ACCEPTANCE, Sub.AWAITING_SIGNATURE)),
}


def move(name: str, state: State, sub: Sub) -> tuple[State, Sub]:
    """Where ``name`` leads from here.

    Raises:
        IllegalMove: the table has no such move; ``missing`` names the step to take first.
    """
    row = MOVES[name]
    if state not in row.states:
        raise IllegalMove(move=name, state=str(state), sub=str(sub), missing=_step_before(row))
    if row.subs and sub not in row.subs:
        raise IllegalMove(move=name, state=str(state), sub=str(sub), missing=row.missing)
    return row.to if row.to is not None else (state, sub)


def _step_before(row: Move) -> str:
    """The move that leads to where ``row`` may start, for the error message."""
    for name, other in MOVES.items():
        if other.to is not None and other.to[0] in row.states and other is not row:
            return name
    return ""
