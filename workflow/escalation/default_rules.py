"""The rules of a company that has not written its own: clocks and ladder."""

from __future__ import annotations

from datetime import timedelta

from workflow.clocks import ClockPolicy, Target
from workflow.policy import Policy, Rung

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_URGENT = ("P0", "P1")

DEFAULT_CLOCKS = ClockPolicy(
    first_response={
        "P0": Target(5 * _MINUTE, "always"),
        "P1": Target(15 * _MINUTE, "work"),
        "P2": Target(4 * _HOUR, "work"),
    },
    arrival={
        "P0": Target(60 * _MINUTE, "always"),
        "P1": Target(4 * _HOUR, "work"),
        "P2": Target(None, "work", next_working_day=True),
    },
    resolution={
        "P0": Target(4 * _HOUR, "always"),
        "P1": Target(8 * _HOUR, "work"),
        "P2": Target(24 * _HOUR, "work"),
    },
)
"""Three working days are 24 hours of the work calendar."""

DEFAULT_LADDER: tuple[Rung, ...] = (
    # Golden window: from the report to somebody who has taken it on.
    Rung("reach_phone", "remind_handler", after=3 * _MINUTE, priorities=_URGENT, loud=True),
    Rung(
        "golden_warning",
        "warn_supervisor",
        clock="arrival",
        after=12 * _MINUTE,
        until="accepted",
        priorities=_URGENT,
        loud=True,
    ),
    Rung(
        "golden_takeover",
        "backup_takeover",
        clock="arrival",
        after=15 * _MINUTE,
        until="accepted",
        priorities=_URGENT,
        loud=True,
    ),
    Rung("nag_handler", "remind_handler", after=30 * _MINUTE, priorities=_URGENT),
    Rung(
        "next_level",
        "next_level",
        clock="arrival",
        after=60 * _MINUTE,
        until="accepted",
        priorities=_URGENT,
        loud=True,
    ),
    # P2 has four hours to be answered; its ladder goes by shares of them.
    Rung("response_warning", "warn_supervisor", percent=80, priorities=("P2",)),
    Rung("response_takeover", "backup_takeover", percent=100, priorities=("P2",)),
    # On the way and at work.
    Rung("arrival_warning", "remind_handler", clock="arrival", percent=80, until="arrived"),
    Rung("resolution_warning", "remind_handler", clock="resolution", percent=80, until="completed"),
    Rung(
        "stalled",
        "mark_stalled",
        clock="resolution",
        after=120 * _MINUTE,
        until="moved",
        priorities=_URGENT,
        loud=True,
    ),
    Rung(
        "stalled_day",
        "mark_stalled",
        clock="resolution",
        after=8 * _HOUR,
        until="moved",
        priorities=("P2",),
    ),
)


def default_policy() -> Policy:
    """The rules of a company that has not written its own; the caller names the version."""
    return Policy(version="", clocks=DEFAULT_CLOCKS, ladder=DEFAULT_LADDER)
