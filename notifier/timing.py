"""When a notice may disturb somebody: quiet hours, and the next slot for a digest."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from workflow.policy import QuietHours

_SLOT = timedelta(minutes=30)


def quiet_until(at: datetime, quiet: QuietHours, tz: str) -> datetime | None:
    """The end of the quiet hours that ``at`` falls into, in UTC; None outside of them.

    Start and end are wall-clock times of ``tz``; equal ones mean no quiet hours.
    """
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    here = at.astimezone(ZoneInfo(tz))
    clock = here.time()
    over_midnight = start > end
    inside = clock >= start or clock < end if over_midnight else start <= clock < end
    if not inside:
        return None
    day = here.date() + timedelta(days=1 if over_midnight and clock >= start else 0)
    return datetime.combine(day, end, ZoneInfo(tz)).astimezone(UTC)


def next_slot(at: datetime, tz: str) -> datetime:
    """The next full or half hour of the wall clock after ``at``, in UTC: when digests leave."""
    here = at.astimezone(ZoneInfo(tz))
    whole = here.replace(minute=0, second=0, microsecond=0)
    while whole <= here:
        whole += _SLOT
    return whole.astimezone(UTC)
