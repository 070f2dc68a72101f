"""差评 risk: a customer who is upset about open work, or complains of it, raises supervision."""

from __future__ import annotations

from dataclasses import replace

from bots.situation import OPENED, Decision, Situation
from workflow import commands as c
from workflow import supervision
from workflow.events import SYSTEM
from workflow.work_order import WorkOrder


def watched(s: Situation, decision: Decision) -> Decision:
    """The decision, with supervision of the open work order that the customer's words are about.

    What opens or joins by this message is judged by the work order itself.
    """
    if s.staff is not None or s.inbound.action is not None or not s.said.strip():
        return decision
    why = supervision.risk(s.understanding, s.policy.supervision)
    order = _about(s, decision)
    if why is None or order is None or not supervision.wanted(order):
        return decision
    if any(isinstance(command, c.Cancel) for command in decision.commands):
        return decision
    command = c.Supervise(SYSTEM, s.origin, order.id, why=why, text=s.said)
    return replace(decision, commands=(*decision.commands, command))


def _about(s: Situation, decision: Decision) -> WorkOrder | None:
    """The work order of the sender that the message became part of; small talk is about none."""
    if decision.order_id == OPENED or decision.outcome in {"joined", "ignored: small talk"}:
        return None
    return next((order for order in s.open_mine if order.id == decision.order_id), None)
