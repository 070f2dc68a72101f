"""When work counts: open hours over lunch, nights, weekends, public holidays and 调休.

A :class:`WorkCalendar` answers which instants are open and adds open time to an instant. Spans
are wall-clock times of the calendar's zone; all arithmetic is in UTC, so a day on which the
clocks change is as long as it really was. On such a day a wall time that is skipped means the
jump itself, and one that comes twice means its first occurrence: a night shift over the autumn
change works the extra hour.

Instants go in as any aware ``datetime`` and come out in UTC. Naive ones, unknown zones, weeks
without open time and negative amounts raise :class:`~workflow.errors.InvalidInput`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflow.errors import InvalidInput

WORKING = "working"
OFF_HOURS = "lunch_or_off_hours"
WEEKEND = "weekend"
HOLIDAY = "holiday:"

_ZERO = timedelta(0)
_DAY = timedelta(days=1)
_MIDNIGHT = time(0)
_WEEK = 7
_SEARCH_DAYS = 3660
"""Ten years: further than any deadline, so a search that gets here would never end."""
_CACHED_DAYS = 4096

Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Span:
    """Open from ``start`` to ``end``, local wall time, belonging to the day it starts on.

    ``end <= start`` runs past midnight; 00:00–00:00 is the whole day.
    """

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class _Day:
    """One local day worked out: [begins, ends) in UTC, the open windows within it (last night's
    shift included) and their sum; ``closing`` is the end of the last span that begins on it.
    """

    date: date
    begins: datetime
    ends: datetime
    windows: tuple[Window, ...]
    counted: timedelta
    closing: datetime | None


@dataclass(frozen=True)
class WorkCalendar:
    """The open hours of one tenant.

    ``week`` has seven entries, Monday first; lunch is the gap between two spans. ``holidays`` and
    ``makeup`` map a date to the festival it belongs to: a holiday is closed whatever its weekday,
    a 调休上班日 is open like a Monday (or like ``makeup_week``). ``covered_years`` are the years
    the holiday table knows; others fall back to plain weekdays, and :meth:`missing_years` says so.
    ``always`` is open round the clock.
    """

    tz: str
    week: tuple[tuple[Span, ...], ...]
    holidays: Mapping[date, str] = field(default_factory=dict, hash=False)
    makeup: Mapping[date, str] = field(default_factory=dict, hash=False)
    covered_years: frozenset[int] = frozenset()
    always: bool = False
    makeup_week: tuple[Span, ...] | None = None
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _days: dict[date, _Day] = field(init=False, repr=False, compare=False, default_factory=dict)
    _latest: list[_Day] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_zone", _zone(self.tz))
        if len(self.week) != _WEEK:
            raise InvalidInput(field="week", found=f"{len(self.week)} days", allowed="7 days")
        if not self.always and not any(self.week):
            raise InvalidInput(
                field="week", found="no open time", allowed="at least one span, or always"
            )
        both = sorted(self.holidays.keys() & self.makeup.keys())
        if both:
            raise InvalidInput(
                field="makeup",
                found=", ".join(day.isoformat() for day in both),
                allowed="days that are not holidays too",
            )
        object.__setattr__(self, "_latest", [self._day(date(2026, 1, 1))])

    def is_open(self, at: datetime) -> bool:
        """Whether this instant counts; a span's start counts, its end does not."""
        at = in_utc(at)
        return self.always or any(s <= at < e for s, e in self._around(at).windows)

    def intervals(self, start: datetime, end: datetime) -> Iterator[Window]:
        """The open time within [start, end): UTC, ascending, adjoining windows merged."""
        start, end = in_utc(start), in_utc(end)
        if self.always:
            return iter([(start, end)] if start < end else [])
        return _merged(self._clipped(start, end))

    def counted(self, start: datetime, end: datetime) -> timedelta:
        """How much open time lies within [start, end)."""
        start, end = in_utc(start), in_utc(end)
        if self.always:
            return max(end - start, _ZERO)
        total, day = _ZERO, self._around(start)
        while start < end:
            if start == day.begins and day.ends <= end:
                total += day.counted
            else:
                for opens, closes in day.windows:
                    if start < closes and opens < end:
                        total += min(closes, end) - max(opens, start)
            start = day.ends
            day = self._day(day.date + _DAY) if start < end else day
        return total

    def add(self, start: datetime, amount: timedelta) -> datetime:
        """The first instant at which ``amount`` of open time has been counted from ``start``.

        An amount that ends with the day gives closing time, not the next opening; zero gives
        ``start``. Raises InvalidInput when ten years do not hold that much open time.
        """
        start = in_utc(start)
        if amount <= _ZERO:
            if amount < _ZERO:
                raise InvalidInput(field="amount", found=str(amount), allowed="zero or more")
            return start
        if self.always:
            return start + amount
        for opens, closes in self._from(start):
            length = closes - opens
            if amount <= length:
                return opens + amount
            amount -= length
        raise self._never(start)

    def next_open(self, at: datetime) -> datetime:
        """The first open instant from ``at`` on; ``at`` itself when it is open."""
        at = in_utc(at)
        if self.always:
            return at
        for opens, _ in self._from(at):
            return opens
        raise self._never(at)

    def end_of_next_working_day(self, at: datetime) -> datetime:
        """When the last span of the first working day after the local day of ``at`` ends."""
        at = in_utc(at)
        day = self._around(at).date
        if self.always:
            return self._day(day + _DAY).ends
        for ahead in range(1, _SEARCH_DAYS):
            closing = self._day(day + ahead * _DAY).closing
            if closing is not None:
                return closing
        raise self._never(at)

    def why_closed(self, at: datetime) -> str:
        """Why an instant does not count: ``lunch_or_off_hours``, ``weekend`` (a day of the week
        without open hours) or ``holiday:<name>``; empty when it is open.
        """
        return "" if self.is_open(at) else self._closed(self._around(in_utc(at)).date)

    def explain(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str]]:
        """Pieces that tile [start, end), each with ``working`` or the code of :meth:`why_closed`.

        A closed stretch is cut at local midnight where its reason changes.
        """
        return _joined(self._pieces(in_utc(start), in_utc(end)))

    def missing_years(self, start: datetime, end: datetime) -> tuple[int, ...]:
        """The local years from ``start`` to ``end`` that the holiday table does not know."""
        if self.always:
            return ()
        first, last = (self._around(in_utc(at)).date.year for at in (start, end))
        return tuple(year for year in range(first, last + 1) if year not in self.covered_years)

    def _around(self, at: datetime) -> _Day:
        """The local day of an instant; neighbouring questions mostly ask for the same day."""
        day = self._latest[0]
        if not day.begins <= at < day.ends:
            day = self._latest[0] = self._day(at.astimezone(self._zone).date())
        return day

    def _day(self, day: date) -> _Day:
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= _CACHED_DAYS:
                self._days.clear()
            known = self._days[day] = self._work_out(day)
        return known

    def _work_out(self, day: date) -> _Day:
        begins, ends = self._instant(day, _MIDNIGHT), self._instant(day + _DAY, _MIDNIGHT)
        own = [(start, end) for start, end in self._spans(day) if start < end]
        touching = sorted([*self._spans(day - _DAY), *own])
        clipped = ((max(start, begins), min(end, ends)) for start, end in touching)
        windows = tuple(_merged((start, end) for start, end in clipped if start < end))
        counted = sum((end - start for start, end in windows), _ZERO)
        closing = max((end for _, end in own), default=None)
        return _Day(day, begins, ends, windows, counted, closing)

    def _template(self, day: date) -> tuple[Span, ...]:
        if day in self.holidays:
            return ()
        if day in self.makeup:
            return self.week[0] if self.makeup_week is None else self.makeup_week
        return self.week[day.weekday()]

    def _closed(self, day: date) -> str:
        if day in self.holidays:
            return HOLIDAY + self.holidays[day]
        return OFF_HOURS if self._template(day) else WEEKEND

    def _spans(self, day: date) -> Iterator[Window]:
        """The spans that begin on this local day, as instants."""
        for span in self._template(day):
            last = day if span.start < span.end else day + _DAY
            yield self._instant(day, span.start), self._instant(last, span.end)

    def _from(self, start: datetime) -> Iterator[Window]:
        """Open windows from ``start`` on, day by day, for as long as a search may take."""
        day = self._around(start)
        for _ in range(_SEARCH_DAYS):
            for opens, closes in day.windows:
                if start < closes:
                    yield max(opens, start), closes
            day = self._day(day.date + _DAY)

    def _clipped(self, start: datetime, end: datetime) -> Iterator[Window]:
        """Open windows within [start, end); a window is cut at local midnight."""
        day = self._around(start)
        while start < end and day.begins < end:
            for opens, closes in day.windows:
                if start < closes and opens < end:
                    yield max(opens, start), min(closes, end)
            day = self._day(day.date + _DAY)

    def _pieces(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str]]:
        if self.always:
            yield start, end, WORKING
            return
        day = self._around(start)
        while start < end:
            closed = self._closed(day.date)
            midnight = min(day.ends, end)
            for opens, closes in day.windows:
                if start < closes and opens < midnight:
                    yield start, max(opens, start), closed
                    yield max(opens, start), min(closes, midnight), WORKING
                    start = min(closes, midnight)
            yield start, midnight, closed
            start = midnight
            day = self._day(day.date + _DAY)

    def _instant(self, day: date, wall: time) -> datetime:
        """A local wall time as the instant the module's rules give it."""
        local = datetime.combine(day, wall.replace(fold=0), tzinfo=self._zone)
        instant = local.astimezone(UTC)
        if instant.astimezone(self._zone).replace(tzinfo=None) == local.replace(tzinfo=None):
            return instant
        # The wall clock jumps over this time. Reading it with the offset after the jump gives an
        # instant before the jump, and the other way round; the jump is between the two.
        before, after = local.replace(fold=1).astimezone(UTC), instant
        offset_before = before.astimezone(self._zone).utcoffset()
        while after - before > timedelta.resolution:
            middle = before + (after - before) // 2
            if middle.astimezone(self._zone).utcoffset() == offset_before:
                before = middle
            else:
                after = middle
        return after

    def _never(self, at: datetime) -> InvalidInput:
        return InvalidInput(
            field="calendar",
            found=f"not enough open time within {_SEARCH_DAYS} days of {at.isoformat()}",
            allowed="open hours that are not all holidays",
        )


@lru_cache(maxsize=64)
def round_the_clock(tz: str) -> WorkCalendar:
    """The calendar that is always open; its zone only says where local days begin."""
    return WorkCalendar(tz=tz, week=((Span(_MIDNIGHT, _MIDNIGHT),),) * 7, always=True)


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise InvalidInput(
            field="tz", found=key, allowed="an IANA zone such as Asia/Shanghai"
        ) from unknown


def in_utc(at: datetime) -> datetime:
    """An aware instant in UTC, where differences are real time; InvalidInput when naive."""
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise InvalidInput(field="at", found=at.isoformat(), allowed="a datetime with a time zone")
    return at.astimezone(UTC)


def _merged(windows: Iterable[Window]) -> Iterator[Window]:
    """Ascending windows with overlapping and adjoining ones made one."""
    pending: Window | None = None
    for start, end in windows:
        if pending is None:
            pending = start, end
        elif start <= pending[1]:
            pending = pending[0], max(end, pending[1])
        else:
            yield pending
            pending = start, end
    if pending is not None:
        yield pending


def _joined(
    pieces: Iterable[tuple[datetime, datetime, str]],
) -> Iterator[tuple[datetime, datetime, str]]:
    """Adjoining pieces of one reason made one; empty pieces left out."""
    for why, alike in groupby((p for p in pieces if p[0] < p[1]), key=itemgetter(2)):
        same = list(alike)
        yield same[0][0], same[-1][1], why
