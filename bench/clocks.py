"""How long the clocks take: ``python bench/clocks.py`` prints microseconds per call, and
with ``--write`` keeps them in bench/RESULTS.md.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from results import recorded

from workflow import clocks
from workflow.calendar import Span, WorkCalendar, round_the_clock
from workflow.clocks import Mark
from workflow.escalation.default_rules import default_policy

OFFICE = (Span(time(9), time(12)), Span(time(13), time(18)))
WORK = WorkCalendar("Asia/Shanghai", (OFFICE,) * 5 + ((), ()), covered_years=frozenset({2026}))
CALENDARS = {"work": WORK, "always": round_the_clock("Asia/Shanghai")}
OPENED = datetime(2026, 11, 23, 2, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

FRESH = [Mark(OPENED, "open", "P1")]
BUSY = [
    *FRESH,
    Mark(OPENED + 2 * MINUTE, "pause", "awaiting_info"),
    Mark(OPENED + 5 * MINUTE, "resume", "awaiting_info"),
    Mark(OPENED + 6 * MINUTE, "stop_first_response"),
    Mark(OPENED + 7 * MINUTE, "priority", "P2"),
    Mark(OPENED + 90 * MINUTE, "stop_arrival"),
    Mark(OPENED + 180 * MINUTE, "pause", "waiting_parts"),
    Mark(OPENED + 200 * MINUTE, "resume", "waiting_parts"),
]


def best(run: Callable[[], object], calls: int = 5000) -> float:
    """Microseconds of one call, in the best of five rounds."""
    run()
    return min(timeit.repeat(run, number=calls, repeat=5)) / calls * 1e6


def main() -> None:
    """Print one line a measured call."""
    policy = default_policy().clocks
    later = OPENED + 5 * HOUR
    months = OPENED + timedelta(days=60)

    def read(marks: list[Mark], now: datetime) -> clocks.ClockReading:
        return clocks.read("resolution", marks, policy, CALENDARS, now)

    def due(marks: list[Mark], now: datetime) -> datetime | None:
        return clocks.due("resolution", marks, policy, CALENDARS, HOUR, now)

    measured: dict[str, Callable[[], object]] = {
        "add 15 minutes": lambda: WORK.add(OPENED, 15 * MINUTE),
        "add 3 working days": lambda: WORK.add(OPENED, 24 * HOUR),
        "counted, 4 hours": lambda: WORK.counted(OPENED, OPENED + 4 * HOUR),
        "due, just opened": lambda: due(FRESH, OPENED),
        "due, 8 marks": lambda: due(BUSY, later),
        "read, just opened": lambda: read(FRESH, OPENED),
        "read, 8 marks": lambda: read(BUSY, later),
        "read with its account, 8 marks": lambda: read(BUSY, later).intervals,
        "read, open for 60 days": lambda: read(BUSY, months),
        "read with its account, 60 days": lambda: read(BUSY, months).intervals,
    }
    for label, run in measured.items():
        print(f"{label:34}{best(run, 1000):9.1f} µs")


if __name__ == "__main__":
    with recorded(
        "时钟：一次推算要多久", "python bench/clocks.py --write", wanted="--write" in sys.argv
    ):
        main()
