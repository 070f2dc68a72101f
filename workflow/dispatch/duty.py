"""Who works now: what people said with 上班/下班, else their shift."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from workflow.calendar import WorkCalendar
from workflow.company import Company, Presence, Shift, Staff
from workflow.records import Facts

PRESENCE_HOLDS = timedelta(hours=12)
"""How long 上班/下班 outranks the shift plan."""


def on_duty(
    staff: Staff, company: Company, presence: Mapping[str, Presence], now: datetime
) -> bool:
    """Whether somebody works now: what they said within twelve hours, else their shift.

    Shifts are local times of the company and may run past midnight. Whoever has no shift works
    when the company is open.
    """
    return staff.active and absence(staff, company, presence, now) is None


def absence(
    staff: Staff, company: Company, presence: Mapping[str, Presence], now: datetime
) -> tuple[str, Facts] | None:
    """``off_duty`` by their own word, ``off_shift`` by the plan, or None: they work."""
    said = _word(staff, presence, now)
    if said is not None:
        return None if said.on else ("off_duty", {"since": said.since.isoformat()})
    plan = _plan(company.shifts.get(staff.shift), company.calendar)
    if plan is not None and plan.is_open(now):
        return None
    return "off_shift", {"shift": staff.shift}


def back_on_duty(
    staff: Staff, company: Company, presence: Mapping[str, Presence], now: datetime
) -> datetime | None:
    """When somebody works next, as far as we know: ``now`` when they do, None when never."""
    said = _word(staff, presence, now)
    if said is not None and said.on:
        return now
    plan = _plan(company.shifts.get(staff.shift), company.calendar)
    if plan is None:
        return None
    return plan.next_open(now if said is None else said.since + PRESENCE_HOLDS)


def _word(staff: Staff, presence: Mapping[str, Presence], now: datetime) -> Presence | None:
    """What they said, while it holds."""
    said = presence.get(staff.id)
    holds = said is not None and timedelta(0) <= now - said.since < PRESENCE_HOLDS
    return said if holds else None


@lru_cache(maxsize=256)
def _plan(shift: Shift | None, calendar: WorkCalendar) -> WorkCalendar | None:
    """A shift as a calendar of its own; None for a shift without hours."""
    if shift is None:
        return calendar
    if not any(shift.week):
        return None
    if not shift.keeps_holidays:
        return WorkCalendar(tz=calendar.tz, week=shift.week)
    return WorkCalendar(
        tz=calendar.tz,
        week=shift.week,
        holidays=calendar.holidays,
        makeup=calendar.makeup,
        covered_years=calendar.covered_years,
    )
