"""How a refusal is told: the error's code and facts as an answer to whoever asked."""

from __future__ import annotations

from datetime import datetime

from bots.situation import Decision, Situation
from workflow.errors import NotAllowed, PaidanError, StaleTicket
from workflow.work_order import WorkOrder

_OWN_ANSWER = frozenset({"nudge_too_soon", "too_long", "unsupported_media"})
"""Refusals that have an answer of their own."""


def refused(s: Situation, error: PaidanError) -> Decision:
    """Nothing was done; say why, and who was first if somebody was.

    Who may not touch a work order learns nothing of it.
    """
    order = None if isinstance(error, NotAllowed) and s.staff is None else _about(s, error)
    if isinstance(error, StaleTicket):
        code, facts = "stale", jsonable(error.data)
    elif error.code in _OWN_ANSWER:
        code, facts = error.code, jsonable(error.data)
    else:
        code, facts = "refused", {"error": error.code, **jsonable(error.data)}
    reply = s.reply(code, order, **facts)
    order_id = order.id if order else ""
    return Decision(f"refused: {error.code}", replies=(reply,), order_id=order_id)


def _about(s: Situation, error: PaidanError) -> WorkOrder | None:
    """The work order that was named, or the one in sight that the error names."""
    number = error.data.get("number")
    near = (*s.mine, *s.own_jobs, *s.shown)
    return s.named or next((order for order in near if order.number == number), None)


def jsonable(data: dict[str, object]) -> dict[str, object]:
    """An error's facts as an answer carries them: instants in ISO form, the rest as it is."""
    return {key: _plain(value) for key, value in data.items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
