from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from notifier.timing import next_slot, quiet_until
from workflow.policy import QuietHours

TZ = "Asia/Shanghai"


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """Shanghai wall time in November 2026."""
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo(TZ))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (local(23, 21, 59), None),
        (local(23, 22), local(24, 7, 30)),
        (local(23, 23, 59), local(24, 7, 30)),
        (local(24, 0), local(24, 7, 30)),
        (local(24, 7, 29), local(24, 7, 30)),
        (local(24, 7, 30), None),
    ],
)
def test_quiet_hours_run_over_midnight(now: datetime, until: datetime | None) -> None:
    assert quiet_until(now, QuietHours(), TZ) == until


def test_quiet_hours_at_noon_end_the_same_day() -> None:
    nap = QuietHours("12:00", "13:30")
    assert quiet_until(local(23, 12, 10), nap, TZ) == local(23, 13, 30)
    assert quiet_until(local(23, 13, 30), nap, TZ) is None


def test_no_quiet_hours_when_start_is_end() -> None:
    assert quiet_until(local(23, 3), QuietHours("00:00", "00:00"), TZ) is None


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        (local(23, 10, 0), local(23, 10, 30)),
        (local(23, 10, 29), local(23, 10, 30)),
        (local(23, 10, 30), local(23, 11, 0)),
        (local(23, 23, 45), local(24, 0, 0)),
    ],
)
def test_digests_leave_at_the_half_hour(now: datetime, slot: datetime) -> None:
    assert next_slot(now, TZ) == slot
