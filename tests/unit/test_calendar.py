"""The work calendar against a counter that walks the wall clock, and against real holidays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workflow.calendar import Span, WorkCalendar, round_the_clock
from workflow.errors import InvalidInput

STEP = timedelta(minutes=5)
DAY = timedelta(days=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
CN = Path(__file__).parents[2] / "paidan" / "holidays" / "cn.yaml"
TABLE = yaml.safe_load(CN.read_text(encoding="utf-8"))["years"]

OFFICE = (Span(time(9), time(12)), Span(time(13), time(18)))
NIGHT = Span(time(22), time(6))
WHOLE = Span(time(0), time(0))


def cn(names: str) -> Mapping[date, str]:
    return {
        date.fromisoformat(day): name
        for year in TABLE.values()
        for day, name in year[names].items()
    }


CHINA = WorkCalendar(
    tz="Asia/Shanghai",
    week=(OFFICE,) * 5 + ((), ()),
    holidays=cn("holidays"),
    makeup=cn("makeup"),
    covered_years=frozenset(TABLE),
)


def local(text: str, tz: str = "Asia/Shanghai") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz))


def daily(
    *spans: Span,
    tz: str = "Asia/Shanghai",
    holidays: Mapping[date, str] | None = None,
    makeup: Mapping[date, str] | None = None,
) -> WorkCalendar:
    """The same hours on every day of the week."""
    return WorkCalendar(tz, (spans,) * 7, holidays or {}, makeup or {})


# --- the counter by hand ----------------------------------------------------------------------


def spans_of(calendar: WorkCalendar, day: date) -> tuple[Span, ...]:
    if day in calendar.holidays:
        return ()
    return calendar.week[0] if day in calendar.makeup else calendar.week[day.weekday()]


def shows_open(calendar: WorkCalendar, at: datetime) -> bool:
    """What a person with a shift plan would say, looking at the wall clock.

    In an hour that comes twice, every span that begins or ends in it did so the first time.
    """
    wall = at.astimezone(ZoneInfo(calendar.tz))
    while wall.fold:
        at += STEP
        before, wall = wall, at.astimezone(ZoneInfo(calendar.tz))
        if not wall.fold:
            wall = before.replace(fold=0)
    now = wall.time()
    today = spans_of(calendar, wall.date())
    last_night = spans_of(calendar, wall.date() - DAY)
    return (
        any(s.start <= now < s.end for s in today if s.start < s.end)
        or any(s.start <= now for s in today if s.end <= s.start)
        or any(now < s.end for s in last_night if s.end <= s.start)
    )


def count_by_hand(calendar: WorkCalendar, start: datetime, end: datetime) -> timedelta:
    steps = 0
    while start < end:
        steps += shows_open(calendar, start)
        start += STEP
    return steps * STEP


# Days around which the zones below change their clocks, and a plain one.
DAYS = [
    date(2026, 3, 29),  # Berlin
    date(2026, 10, 25),
    date(2026, 4, 5),  # Lord Howe, by half an hour
    date(2026, 10, 4),
    date(2026, 3, 8),  # Havana, at midnight
    date(2026, 11, 1),
    date(2026, 9, 15),
]
ZONES = ["Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "UTC"]
walls = st.builds(time, st.integers(0, 23), st.sampled_from([0, 5, 15, 30, 45, 55]))
spans = st.builds(Span, walls, walls)
weeks = st.tuples(*[st.lists(spans, max_size=3).map(tuple)] * 7).filter(any)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[WorkCalendar, datetime]:
    """A random calendar and an instant near a day that makes it interesting."""
    near = draw(st.sampled_from(DAYS))
    marked = draw(st.permutations([near + n * DAY for n in range(-3, 6)]))
    off, extra = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    drawn = WorkCalendar(
        tz=draw(st.sampled_from(ZONES)),
        week=draw(weeks),
        holidays=dict.fromkeys(marked[:off], "节日"),
        makeup=dict.fromkeys(marked[off : off + extra], "节日"),
        covered_years=frozenset({2026}),
    )
    start = datetime.combine(near - 2 * DAY, time(0), UTC) + STEP * draw(st.integers(0, 600))
    return drawn, start


@settings(max_examples=80, deadline=None)
@given(calendars(), st.integers(0, 4 * 288))
@example((daily(NIGHT, tz="Europe/Berlin"), datetime(2026, 10, 24, 12, tzinfo=UTC)), 288)
@example(
    (
        daily(Span(time(2, 30), time(9)), tz="Europe/Berlin"),
        datetime(2026, 3, 28, 12, tzinfo=UTC),
    ),
    288,
)
def test_counts_what_the_wall_clock_shows(case: tuple[WorkCalendar, datetime], steps: int) -> None:
    drawn, start = case
    end = start + steps * STEP
    assert drawn.counted(start, end) == count_by_hand(drawn, start, end)
    assert drawn.is_open(start) == shows_open(drawn, start)


@settings(max_examples=150, deadline=None)
@given(calendars(), st.timedeltas(timedelta(microseconds=1), timedelta(hours=60)))
def test_adding_gives_the_first_instant_with_that_much_counted(
    case: tuple[WorkCalendar, datetime], amount: timedelta
) -> None:
    drawn, start = case
    reached = drawn.add(start, amount)
    assert drawn.counted(start, reached) == amount
    assert drawn.counted(start, reached - timedelta(microseconds=1)) < amount
    assert drawn.add(start, timedelta(0)) == start


@settings(max_examples=100, deadline=None)
@given(calendars(), st.timedeltas(timedelta(0), timedelta(days=6)))
def test_intervals_and_explanation_tell_the_same_story(
    case: tuple[WorkCalendar, datetime], length: timedelta
) -> None:
    drawn, start = case
    end = start + length
    windows = list(drawn.intervals(start, end))
    assert all(a < b for a, b in windows)
    assert all(b < c for (_, b), (c, _) in pairwise(windows))
    pieces = list(drawn.explain(start, end))
    edges = [start] if start == end else [start, *(b for _, b, _ in pieces)]
    assert [a for a, _, _ in pieces] == edges[: len(pieces)]
    assert edges[-1] == end
    assert [(a, b) for a, b, why in pieces if why == "working"] == windows
    assert all(drawn.why_closed(a) == ("" if why == "working" else why) for a, _, why in pieces)
    assert drawn.counted(start, end) == sum((b - a for a, b in windows), timedelta(0))
    opens = drawn.next_open(start)
    assert drawn.is_open(opens)
    assert drawn.counted(start, opens) == timedelta(0)


# --- days people remember -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2026-02-13 15:00", 24, "2026-02-25 15:00"),  # 春节九天, Saturday 14th worked
        ("2026-02-15 10:00", 1, "2026-02-24 10:00"),
        ("2026-02-27 17:00", 8, "2026-02-28 17:00"),  # Saturday 28th is worked
        ("2026-09-30 17:00", 8, "2026-10-08 17:00"),  # 国庆七天
        ("2026-10-09 17:30", 8, "2026-10-10 17:30"),  # Saturday 10th is worked
        ("2026-09-18 17:00", 2, "2026-09-20 10:00"),  # Sunday 20th is worked
        ("2026-01-03 12:00", 3, "2026-01-04 12:00"),
        ("2025-09-30 18:00", 4, "2025-10-09 14:00"),  # 国庆 and 中秋 in one
    ],
)
def test_public_holidays_and_makeup_days(start: str, hours: int, expected: str) -> None:
    assert CHINA.add(local(start), timedelta(hours=hours)) == local(expected)


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("2026-10-05 10:00", "holiday:国庆节"),
        ("2026-02-17 10:00", "holiday:春节"),
        ("2026-10-03 10:00", "holiday:国庆节"),
        ("2026-10-10 10:00", ""),
        ("2026-10-10 12:30", "lunch_or_off_hours"),
        ("2026-10-11 10:00", "weekend"),
        ("2026-10-12 08:59", "lunch_or_off_hours"),
        ("2026-10-12 09:00", ""),
        ("2026-10-12 18:00", "lunch_or_off_hours"),
    ],
)
def test_says_why_it_is_closed(at: str, why: str) -> None:
    assert CHINA.why_closed(local(at)) == why
    assert CHINA.is_open(local(at)) == (not why)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-20 17:50", "2026-11-23 18:00"),  # Friday → Monday
        ("2026-11-21 03:00", "2026-11-23 18:00"),  # Saturday → Monday
        ("2026-11-23 07:00", "2026-11-24 18:00"),  # before opening still means tomorrow
        ("2026-09-30 10:00", "2026-10-08 18:00"),
        ("2026-02-13 10:00", "2026-02-14 18:00"),
    ],
)
def test_end_of_the_next_working_day(at: str, expected: str) -> None:
    assert CHINA.end_of_next_working_day(local(at)) == local(expected)


def test_the_next_working_day_of_a_night_shift_ends_in_the_morning_after() -> None:
    assert daily(NIGHT).end_of_next_working_day(local("2026-11-20 12:00")) == local(
        "2026-11-22 06:00"
    )


def test_round_the_clock_always_counts() -> None:
    always = round_the_clock("Asia/Shanghai")
    start, end = local("2026-10-01 00:00"), local("2026-10-08 00:00")
    assert always.is_open(start)
    assert always.counted(start, end) == timedelta(days=7)
    assert always.counted(end, start) == timedelta(0)
    assert always.add(start, timedelta(hours=5)) == local("2026-10-01 05:00")
    assert list(always.intervals(start, end)) == [(start, end)]
    assert list(always.intervals(end, start)) == []
    assert list(always.explain(start, end)) == [(start, end, "working")]
    assert always.next_open(start) == start
    assert always.end_of_next_working_day(start) == local("2026-10-03 00:00")
    assert always.missing_years(start, local("2031-01-01 00:00")) == ()
    assert always.why_closed(start) == ""


def test_a_year_the_table_does_not_know_falls_back_to_weekdays() -> None:
    new_year = local("2027-01-01 10:00")
    assert new_year.weekday() == 4
    assert CHINA.is_open(new_year)
    assert CHINA.missing_years(local("2026-12-31 10:00"), new_year) == (2027,)
    assert CHINA.missing_years(local("2026-01-01 00:00"), local("2026-12-31 23:59")) == ()


def test_the_local_year_decides_not_the_utc_year() -> None:
    assert CHINA.missing_years(local("2027-01-01 00:00"), local("2027-01-01 01:00")) == (2027,)


def test_makeup_days_may_have_their_own_hours() -> None:
    short = WorkCalendar(
        tz="Asia/Shanghai",
        week=(OFFICE,) * 5 + ((), ()),
        makeup={date(2026, 10, 10): "国庆节"},
        makeup_week=(Span(time(10), time(12)),),
    )
    assert short.counted(local("2026-10-10 00:00"), local("2026-10-11 00:00")) == timedelta(hours=2)


def test_a_night_shift_works_on_into_the_holiday_it_began_before() -> None:
    nights = daily(NIGHT, holidays={date(2026, 10, 1): "国庆节"})
    pieces = nights.explain(local("2026-09-30 21:00"), local("2026-10-02 23:00"))
    assert [(b.astimezone(SHANGHAI).hour, why) for _, b, why in pieces] == [
        (22, "lunch_or_off_hours"),
        (6, "working"),
        (0, "holiday:国庆节"),
        (22, "lunch_or_off_hours"),
        (23, "working"),
    ]


@pytest.mark.parametrize(
    ("night", "hours"),
    [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-01", 8)],
)
def test_a_night_shift_is_as_long_as_it_really_was(night: str, hours: int) -> None:
    berlin = daily(NIGHT, tz="Europe/Berlin")
    noon = local(f"{night} 12:00", "Europe/Berlin")
    assert berlin.counted(noon, noon + DAY) == timedelta(hours=hours)


def test_a_span_may_end_on_the_jump_or_lie_inside_it() -> None:
    inside = daily(Span(time(2, 15), time(2, 45)), tz="Europe/Berlin")
    noon = local("2026-03-28 12:00", "Europe/Berlin")
    assert inside.counted(noon, local("2026-03-29 12:00", "Europe/Berlin")) == timedelta(0)


def test_whole_days_touch() -> None:
    start, end = local("2026-11-20 10:00"), local("2026-11-23 10:00")
    assert list(daily(WHOLE).intervals(start, end)) == [(start, end)]


def test_no_time_at_all_has_no_intervals() -> None:
    start = local("2026-11-20 10:00")
    assert list(CHINA.intervals(start, start)) == list(CHINA.intervals(start, start - DAY)) == []
    assert list(CHINA.explain(start, start)) == list(CHINA.explain(start, start - DAY)) == []
    assert CHINA.counted(start, start - DAY) == timedelta(0)


def test_answers_are_in_utc() -> None:
    start = local("2026-11-20 10:00")
    answers = [
        CHINA.add(start, timedelta(hours=1)),
        CHINA.add(start, timedelta(0)),
        CHINA.next_open(start),
        *next(CHINA.intervals(start, start + DAY)),
        CHINA.end_of_next_working_day(start),
    ]
    assert {answer.tzinfo for answer in answers} == {UTC}


# --- what cannot be -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (daily, "week"),
        (lambda: WorkCalendar("Asia/Shanghai", (OFFICE,) * 5), "week"),
        (lambda: daily(*OFFICE, tz="Asia/Peking"), "tz"),
        (lambda: daily(*OFFICE, tz=""), "tz"),
        (lambda: daily(*OFFICE, tz="../etc/passwd"), "tz"),
        (
            lambda: daily(
                *OFFICE, holidays={date(2026, 1, 1): "元旦"}, makeup={date(2026, 1, 1): "元旦"}
            ),
            "makeup",
        ),
        (lambda: CHINA.is_open(datetime(2026, 1, 1)), "at"),  # noqa: DTZ001 - the point of it
        (lambda: CHINA.add(local("2026-01-01 10:00"), timedelta(-1)), "amount"),
    ],
)
def test_impossible_input_names_the_field(make: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        make()
    assert refusal.value.data["field"] == field
    assert {"found", "allowed"} <= refusal.value.data.keys()


def test_a_search_that_would_never_end_is_refused() -> None:
    week = (OFFICE,) + ((),) * 6
    mondays = (date(2026, 1, 5) + n * 7 * DAY for n in range(600))
    shut = WorkCalendar("Asia/Shanghai", week, dict.fromkeys(mondays, "停业"))
    asks: list[Callable[[], datetime]] = [
        lambda: shut.add(local("2026-01-01 10:00"), timedelta(minutes=1)),
        lambda: shut.next_open(local("2026-01-01 10:00")),
        lambda: shut.end_of_next_working_day(local("2026-01-01 10:00")),
    ]
    for ask in asks:
        with pytest.raises(InvalidInput) as refusal:
            ask()
        assert refusal.value.data["field"] == "calendar"


def test_more_days_than_the_cache_holds_are_still_counted() -> None:
    hourly = daily(Span(time(9), time(10)))
    start = local("2000-01-01 00:00")
    assert hourly.counted(start, local("2013-01-01 00:00")) == timedelta(hours=4749)
    assert hourly.add(start, timedelta(hours=3000)) == local("2008-03-18 10:00")


# --- the bundled table --------------------------------------------------------------------------


def test_the_table_is_what_was_announced() -> None:
    assert set(TABLE) == {2024, 2025, 2026}
    for year, table in TABLE.items():
        assert f"{year}年" in table["source"]
        holidays = [date.fromisoformat(day) for day in table["holidays"]]
        makeup = [date.fromisoformat(day) for day in table["makeup"]]
        assert {day.year for day in holidays + makeup} == {year}
        assert all(day.weekday() >= 5 for day in makeup)
        assert not set(holidays) & set(makeup)
    assert [len(TABLE[y]["holidays"]) for y in (2024, 2025, 2026)] == [28, 28, 33]
    assert [len(TABLE[y]["makeup"]) for y in (2024, 2025, 2026)] == [8, 5, 6]
