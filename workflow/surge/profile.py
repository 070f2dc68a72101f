"""How many reports of a key are usual at this time of day and week.

Counts of whole hours are averaged over the same hour of like days (working days, weekends), its
neighbours at half weight, old days fading. Where one key is rare the hour's own average is drawn
to the key's overall average, and that to a small rate, so that a key never seen before is neither
impossible nor usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from workflow.policy import SurgePolicy

HOUR = timedelta(hours=1)
PRIOR_REPORTS, PRIOR_HOURS = 0.5, 2.0
"""What is believed of a key before anything was seen: half a report in two hours."""
_DRAWN = 4.0
"""How many hours of the overall average weigh in with an hour's own."""
_SATURDAY = 5


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour (UTC) a report counts in."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def expected(
    hours: Mapping[datetime, int],
    watched_since: datetime,
    until: datetime,
    policy: SurgePolicy,
    tz: str,
) -> float:
    """How many reports are usual in the window that ends at ``until``, times the margin.

    Args:
        hours: Reports of one key by the beginning of the hour (UTC); empty hours may be absent.
        watched_since: Since when this tenant's reports have been counted.
        until: The end of the window; the hours it touches are not learnt from.
        policy: The window, how fast the past fades, the margin.
        tz: The zone in which days and hours are like each other.
    """
    start = until - policy.window
    profile = _Profile(hours, max(watched_since, until - policy.history), start, policy, tz)
    spans = _hours_of(start, until)
    usual = sum(profile.rate(hour) * share for hour, share in spans)
    return usual * policy.margin


def _hours_of(start: datetime, until: datetime) -> Iterator[tuple[datetime, float]]:
    """The hours a window touches, and how much of each (0–1)."""
    hour = hour_of(start)
    while hour < until:
        inside = min(hour + HOUR, until) - max(hour, start)
        yield hour, inside / HOUR
        hour += HOUR


class _Profile:
    """The past of one key, each hour weighted by its age."""

    def __init__(
        self,
        hours: Mapping[datetime, int],
        since: datetime,
        before: datetime,
        policy: SurgePolicy,
        tz: str,
    ) -> None:
        self._since, self._before = hour_of(since), hour_of(before)
        self._half_life = policy.half_life
        self._zone = ZoneInfo(tz)
        self._hours = {h: n for h, n in hours.items() if self._since <= h < self._before}
        seen = sum(n * self._weight(h) for h, n in self._hours.items())
        length = max(timedelta(0), self._before - self._since)
        exposed = (self._half_life / HOUR) * (1 - self._faded(length)) / math.log(2)
        self._overall = (PRIOR_REPORTS + seen) / (PRIOR_HOURS + exposed)

    def _weight(self, hour: datetime) -> float:
        return self._faded(self._before - hour)

    def _faded(self, age: timedelta) -> float:
        return math.exp2(-(age / self._half_life))

    def rate(self, hour: datetime) -> float:
        """Reports an hour, at this hour of such days."""
        weekend = self._weekend(hour)
        seen = exposed = 0.0
        for shift, share in ((0, 1.0), (-1, 0.5), (1, 0.5)):
            past = hour + shift * HOUR - timedelta(days=1)
            while past >= self._since:
                if past < self._before and self._weekend(past) == weekend:
                    weight = self._weight(past) * share
                    exposed += weight
                    seen += weight * self._hours.get(past, 0)
                past -= timedelta(days=1)
        return (seen + _DRAWN * self._overall) / (exposed + _DRAWN)

    def _weekend(self, hour: datetime) -> bool:
        return hour.astimezone(self._zone).weekday() >= _SATURDAY
