"""督办: a customer about to be lost is told to the supervisor once, and everybody sees the mark.

A work order is put under supervision when a customer of it writes in anger or complains. An
emergency is frightening by itself and has the red lane, so the mood of its first report says
nothing; what is written afterwards does.
"""

from __future__ import annotations

from typing import Final, Literal

from workflow.policy import SupervisionPolicy
from workflow.records import Facts, Understanding
from workflow.work_order import WorkOrder

Reason = Literal["mood", "complaint", "asked"]
REASONS: Final[tuple[Reason, ...]] = ("mood", "complaint", "asked")


def risk(heard: Understanding, policy: SupervisionPolicy) -> Reason | None:
    """Why a message of a customer calls for supervision, if it does; a doubtful answer does not."""
    if not policy.enabled:
        return None
    complains = heard.intent.label == "complaint" and "intent" not in heard.abstained
    if policy.complaint and complains:
        return "complaint"
    upset = int(heard.emotion.label) >= policy.emotion and "emotion" not in heard.abstained
    return "mood" if upset else None


def risk_of_report(
    emotion: int, priority: str, understanding: Facts, policy: SupervisionPolicy
) -> Reason | None:
    """The same of a report, as a work order keeps it."""
    doubtful = understanding.get("abstained")
    sure = not (isinstance(doubtful, list | tuple) and "emotion" in doubtful)
    upset = policy.enabled and bool(understanding) and emotion >= policy.emotion and sure
    return "mood" if upset and priority != "P0" else None


def wanted(order: WorkOrder) -> bool:
    """Whether the mark would be news: open and not marked yet."""
    return order.open and order.supervised_at is None
