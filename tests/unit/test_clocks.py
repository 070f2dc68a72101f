"""Clocks against a simulation that walks five minutes at a time, and against days people know."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.calendar import Span, WorkCalendar, round_the_clock
from workflow.clocks import CLOCKS, ClockName, ClockPolicy, Mark, MarkKind, Target, due, read
from workflow.errors import InvalidInput, InvalidPolicy

STEP = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ZERO = timedelta(0)

OFFICE = (Span(time(9), time(12)), Span(time(13), time(18)))
LATE = (Span(time(9), time(11, 30)), Span(time(21), time(5)))
NATIONAL_DAY = {date(2026, 10, day): "国庆节" for day in range(1, 8)}
MAKEUP = {date(2026, 9, 20): "国庆节", date(2026, 10, 10): "国庆节"}

WORK = WorkCalendar(
    "Asia/Shanghai", (OFFICE,) * 5 + ((), ()), NATIONAL_DAY, MAKEUP, frozenset({2026})
)
NIGHTS = WorkCalendar("Europe/Berlin", (LATE,) * 5 + ((), OFFICE), NATIONAL_DAY, MAKEUP)
CHINA = {"work": WORK, "always": round_the_clock("Asia/Shanghai")}
BERLIN = {"work": NIGHTS, "always": round_the_clock("Europe/Berlin")}


def minutes(amount: int, calendar: str = "work") -> Target:
    return Target(amount * MINUTE, "always" if calendar == "always" else "work")


NEXT_DAY = Target(None, "work", next_working_day=True)
TIGHTER = ClockPolicy(
    first_response={"P0": minutes(5, "always"), "P1": minutes(10), "P2": minutes(120)},
    arrival={"P0": minutes(30, "always"), "P1": minutes(120), "P2": minutes(480)},
    resolution={"P0": minutes(120, "always"), "P1": minutes(240), "P2": minutes(960)},
)
POLICY = ClockPolicy(
    first_response={"P0": minutes(5, "always"), "P1": minutes(15), "P2": minutes(240)},
    arrival={"P0": minutes(60, "always"), "P1": minutes(240), "P2": NEXT_DAY},
    resolution={"P0": minutes(240, "always"), "P1": minutes(480), "P2": minutes(1440)},
    revisions={"tighter": TIGHTER},
)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def mark(at: str, what: MarkKind, value: str | int | None = None, **more: ClockName) -> Mark:
    return Mark(local(at), what, value, **more)


# --- the simulation -----------------------------------------------------------------------------


class Walked:
    """One clock lived through step by step; marks lie on steps."""

    def __init__(
        self,
        name: ClockName,
        marks: list[Mark],
        calendars: dict[str, WorkCalendar],
        now: datetime,
    ) -> None:
        self.name = name
        self.calendars = calendars
        self.rules, self.priority = POLICY, ""
        self.paused: set[str] = set()
        self.extra = self.counted = ZERO
        self.stopped = self.over = False
        life = lived(name, marks, now)
        self.started = at = marks[0].at
        while at <= now:
            for happened in (m for m in life if m.at == at):
                self.take(happened)
            left = self.allowance - self.counted
            if at < now and not self.stopped and not self.paused:
                self.over = left <= ZERO
                self.counted += STEP * self.calendar.is_open(at)
            elif not self.stopped:
                self.over = self.over and left <= ZERO
            at += STEP
        running = not self.stopped and not self.paused
        left = self.allowance - self.counted
        self.over = left < ZERO or (left == ZERO and (running or self.over))

    @property
    def target(self) -> Target:
        return self.rules.target(self.name, self.priority)

    @property
    def calendar(self) -> WorkCalendar:
        return self.calendars[self.target.calendar]

    @property
    def allowance(self) -> timedelta:
        if self.target.amount is not None:
            return self.target.amount + self.extra
        end = self.calendar.end_of_next_working_day(self.started)
        return self.calendar.counted(self.started, end) + self.extra

    def take(self, mark: Mark) -> None:
        match mark.what:
            case "open" | "priority":
                self.priority = str(mark.value)
            case "pause":
                self.paused.add(str(mark.value))
            case "resume":
                self.paused -= {mark.value} if mark.value else set(self.paused)
            case "extend" if mark.clock in (None, self.name):
                self.extra += int(mark.value or 0) * MINUTE
            case "policy":
                self.rules = TIGHTER
            case "restart_resolution" if self.name == "resolution":
                self.stopped = False
            case what if what in {"terminal", f"stop_{self.name}"}:
                self.stopped = True


def lived(name: ClockName, marks: list[Mark], now: datetime) -> list[Mark]:
    """The marks up to the one that stopped this clock for good."""
    kinds = [m.what for m in marks if m.at <= now]
    if "terminal" in kinds:
        kinds = kinds[: kinds.index("terminal") + 1]
    for n, what in enumerate(kinds):
        comes_back = name == "resolution" and "restart_resolution" in kinds[n:]
        if what == f"stop_{name}" and not comes_back:
            return marks[: n + 1]
    return marks[: len(kinds)]


REASONS = ["awaiting_info", "waiting_parts"]
ANYTHING: list[tuple[MarkKind, str | int | None, ClockName | None]] = [
    *[("priority", priority, None) for priority in ("P0", "P1", "P2")],
    *[("pause", reason, None) for reason in REASONS],
    *[("resume", reason, None) for reason in (*REASONS, None)],
    *[("extend", 30, clock) for clock in (*CLOCKS, None)],
    ("policy", "tighter", None),
]
ENDINGS: list[tuple[MarkKind, str | int | None, ClockName | None]] = [
    ("stop_first_response", None, None),
    ("stop_arrival", None, None),
    ("stop_resolution", None, None),
    ("restart_resolution", None, None),
]
OPENINGS = ["2026-10-24 20:00", "2026-03-27 08:00", "2026-09-30 16:00", "2026-10-09 11:00"]


@st.composite
def lives(draw: st.DrawFn, endings: bool = True) -> tuple[list[Mark], datetime]:
    """What happened to a work order over a few days, and a later instant to look at it."""
    at = local(draw(st.sampled_from(OPENINGS))) + STEP * draw(st.integers(0, 288))
    at = at.astimezone(ZoneInfo("UTC"))
    marks = [Mark(at, "open", draw(st.sampled_from(["P0", "P1", "P2"])))]
    happenings = [*ANYTHING, *ENDINGS] if endings else ANYTHING
    for _ in range(draw(st.integers(0, 7))):
        at += STEP * draw(st.integers(0, 150))
        what, value, clock = draw(st.sampled_from(happenings))
        used = any(m.what == "policy" for m in marks)
        if what != "policy" or not used:
            marks.append(Mark(at, what, value, clock=clock))
    if endings and draw(st.booleans()):
        marks.append(Mark(at, "terminal"))
    return marks, at + STEP * draw(st.integers(0, 400))


names = st.sampled_from(CLOCKS)
places = st.sampled_from([CHINA, BERLIN])


@settings(max_examples=150, deadline=None)
@given(lives(), names, places)
def test_reads_what_a_step_by_step_life_gives(
    life: tuple[list[Mark], datetime], name: ClockName, calendars: dict[str, WorkCalendar]
) -> None:
    marks, now = life
    reading = read(name, marks, POLICY, calendars, now)
    walked = Walked(name, marks, calendars, now)
    assert reading.counted == walked.counted
    assert reading.remaining == walked.allowance - walked.counted
    assert (reading.breached_at is not None) == walked.over
    assert (reading.stopped is not None) == walked.stopped
    assert reading.paused == (bool(walked.paused) and not walked.stopped)


@settings(max_examples=200, deadline=None)
@given(lives(), names, places)
def test_intervals_tile_the_life_of_a_clock(
    life: tuple[list[Mark], datetime], name: ClockName, calendars: dict[str, WorkCalendar]
) -> None:
    marks, now = life
    reading = read(name, marks, POLICY, calendars, now)
    end = now if reading.stopped is None else min(now, reading.stopped)
    pieces = reading.intervals
    assert all(piece.start < piece.end for piece in pieces)
    assert all(a.end == b.start for a, b in pairwise(pieces))
    assert all((a.why, a.priority) != (b.why, b.priority) for a, b in pairwise(pieces))
    assert all(piece.counted == (piece.why == "working") for piece in pieces)
    if reading.started < end:
        assert (pieces[0].start, pieces[-1].end) == (reading.started, end)
    assert sum((p.end - p.start for p in pieces if p.counted), ZERO) == reading.counted
    assert reading.remaining == reading.target + reading.extensions - reading.counted
    assert reading.paused or reading.stopped or reading.deadline is not None
    assert reading.breached_at is None or reading.remaining <= ZERO


@settings(max_examples=200, deadline=None)
@given(lives(endings=False), names, places)
def test_a_running_clock_reaches_its_target_at_its_deadline(
    life: tuple[list[Mark], datetime], name: ClockName, calendars: dict[str, WorkCalendar]
) -> None:
    marks, now = life
    reading = read(name, marks, POLICY, calendars, now)
    if reading.paused:
        assert reading.deadline is None
        if reading.breached_at is None and reading.remaining > ZERO:
            resumed = [*marks, Mark(now, "resume")]
            again = read(name, resumed, POLICY, calendars, now)
            assert again.deadline == reading.deadline_if_resumed_now
        return
    assert reading.deadline is not None
    assert reading.deadline == reading.deadline_if_resumed_now
    if reading.remaining <= ZERO:
        assert reading.breached_at == reading.deadline <= now
        return
    assert reading.deadline > now
    late = read(name, marks, POLICY, calendars, reading.deadline)
    assert (late.remaining, late.deadline, late.breached_at) == (
        ZERO,
        reading.deadline,
        reading.deadline,
    )
    assert read(name, marks, POLICY, calendars, reading.deadline - STEP).breached_at is None
    allowance = reading.target + reading.extensions
    assert due(name, marks, POLICY, calendars, allowance, now) == reading.deadline


@settings(max_examples=200, deadline=None)
@given(lives(), names, places, st.integers(1, 200))
def test_a_rung_is_due_when_so_much_has_been_counted(
    life: tuple[list[Mark], datetime],
    name: ClockName,
    calendars: dict[str, WorkCalendar],
    steps: int,
) -> None:
    marks, now = life
    reading = read(name, marks, POLICY, calendars, now)
    when = due(name, marks, POLICY, calendars, steps * STEP, now)
    if reading.paused or reading.stopped is not None:
        assert when is None
        return
    assert when is not None
    assert (when <= now) == (reading.counted >= steps * STEP)
    assert read(name, marks, POLICY, calendars, when).counted == steps * STEP
    assert read(name, marks, POLICY, calendars, when - MINUTE).counted < steps * STEP


# --- days people know ---------------------------------------------------------------------------


def test_friday_evening_goes_on_after_lunch_on_monday() -> None:
    marks = [mark("2026-11-20 17:50", "open", "P1")]
    reading = read("arrival", marks, POLICY, CHINA, local("2026-11-23 14:00"))
    assert reading.deadline == reading.breached_at == local("2026-11-23 13:50")
    assert reading.remaining == -10 * MINUTE
    shanghai = ZoneInfo("Asia/Shanghai")
    assert [
        (f"{piece.start.astimezone(shanghai):%a %H:%M}", piece.counted, piece.why)
        for piece in reading.intervals
    ] == [
        ("Fri 17:50", True, "working"),
        ("Fri 18:00", False, "lunch_or_off_hours"),
        ("Sat 00:00", False, "weekend"),
        ("Mon 00:00", False, "lunch_or_off_hours"),
        ("Mon 09:00", True, "working"),
        ("Mon 12:00", False, "lunch_or_off_hours"),
        ("Mon 13:00", True, "working"),
    ]


def test_national_day_does_not_count_and_its_makeup_day_does() -> None:
    marks = [mark("2026-09-30 17:00", "open", "P1")]
    reading = read("resolution", marks, POLICY, CHINA, local("2026-10-08 12:00"))
    assert reading.deadline == local("2026-10-08 17:00")
    assert [piece.why for piece in reading.intervals if not piece.counted] == [
        "lunch_or_off_hours",
        "holiday:国庆节",
        "lunch_or_off_hours",
    ]
    saturday = [mark("2026-10-09 17:30", "open", "P1")]
    assert read("resolution", saturday, POLICY, CHINA, local("2026-10-09 18:00")).deadline == local(
        "2026-10-10 17:30"
    )


def test_a_consultation_is_visited_by_the_end_of_the_next_working_day() -> None:
    marks = [mark("2026-09-30 17:00", "open", "P2")]
    reading = read("arrival", marks, POLICY, CHINA, local("2026-09-30 17:01"))
    assert reading.deadline == local("2026-10-08 18:00")
    assert reading.target == 9 * HOUR


def test_a_pause_moves_the_deadline_by_its_working_time() -> None:
    marks = [
        mark("2026-11-23 10:00", "open", "P1"),
        mark("2026-11-23 11:00", "pause", "awaiting_info"),
    ]
    paused = read("arrival", marks, POLICY, CHINA, local("2026-11-23 14:00"))
    assert paused.paused
    assert paused.deadline is None
    assert paused.deadline_if_resumed_now == local("2026-11-23 17:00")
    assert paused.intervals[-1].why == "pause:awaiting_info"
    assert due("arrival", marks, POLICY, CHINA, HOUR, local("2026-11-23 14:00")) is None
    marks.append(mark("2026-11-23 15:00", "resume", "awaiting_info"))
    resumed = read("arrival", marks, POLICY, CHINA, local("2026-11-23 15:00"))
    assert resumed.deadline == local("2026-11-23 18:00")
    assert not resumed.paused


def test_two_reasons_to_wait_must_both_pass() -> None:
    marks = [
        mark("2026-11-23 09:00", "open", "P1"),
        mark("2026-11-23 09:10", "pause", "awaiting_info"),
        mark("2026-11-23 09:20", "pause", "waiting_parts"),
        mark("2026-11-23 09:30", "resume", "awaiting_info"),
        mark("2026-11-23 09:40", "resume", "safety"),
    ]
    still = read("resolution", marks, POLICY, CHINA, local("2026-11-23 10:00"))
    assert still.paused
    assert [piece.why for piece in still.intervals] == [
        "working",
        "pause:awaiting_info",
        "pause:waiting_parts",
    ]
    marks.append(mark("2026-11-23 10:00", "resume"))
    assert not read("resolution", marks, POLICY, CHINA, local("2026-11-23 10:00")).paused


def test_a_pause_without_a_code_is_listed_with_its_words() -> None:
    opened = mark("2026-11-23 09:00", "open", "P1")
    waits = Mark(local("2026-11-23 09:10"), "pause", why="等客户")
    reading = read("arrival", [opened, waits], POLICY, CHINA, local("2026-11-23 09:20"))
    assert reading.intervals[-1].why == "pause:等客户"


def test_a_higher_priority_counts_what_was_counted_and_goes_on_through_the_night() -> None:
    marks = [
        mark("2026-11-23 16:00", "open", "P1"),
        mark("2026-11-23 17:00", "priority", "P0"),
    ]
    reading = read("resolution", marks, POLICY, CHINA, local("2026-11-23 19:00"))
    assert reading.deadline == local("2026-11-23 20:00")
    assert [(piece.why, piece.priority) for piece in reading.intervals] == [
        ("working", "P1"),
        ("working", "P0"),
    ]


def test_a_higher_priority_may_be_too_late_at_once() -> None:
    marks = [
        mark("2026-11-23 09:00", "open", "P1"),
        mark("2026-11-23 16:00", "priority", "P0"),
    ]
    reading = read("resolution", marks, POLICY, CHINA, local("2026-11-23 16:00"))
    assert reading.breached_at == reading.deadline == local("2026-11-23 16:00")
    assert reading.remaining == -2 * HOUR


def test_time_granted_after_a_breach_takes_it_back() -> None:
    marks = [mark("2026-11-23 09:00", "open", "P1")]
    now = local("2026-11-23 16:00")
    assert read("arrival", marks, POLICY, CHINA, now).breached_at == local("2026-11-23 14:00")
    marks.append(mark("2026-11-23 15:30", "extend", 180, clock="arrival"))
    extended = read("arrival", marks, POLICY, CHINA, now)
    assert extended.breached_at is None
    assert extended.extensions == 3 * HOUR
    assert extended.deadline == local("2026-11-23 17:00")
    assert read("resolution", marks, POLICY, CHINA, now).extensions == ZERO


def test_a_new_policy_holds_from_its_mark_on() -> None:
    marks = [
        mark("2026-11-23 09:00", "open", "P1"),
        mark("2026-11-23 10:00", "policy", "tighter"),
    ]
    reading = read("resolution", marks, POLICY, CHINA, local("2026-11-23 10:00"))
    assert reading.deadline == local("2026-11-23 14:00")


def test_a_clock_stopped_at_its_deadline_was_kept_and_one_after_it_was_not() -> None:
    opened = mark("2026-11-20 14:00", "open", "P1")
    deadline, monday = "2026-11-20 18:00", "2026-11-23 08:00"
    now = local("2026-11-24 10:00")
    kept = read("arrival", [opened, mark(deadline, "stop_arrival")], POLICY, CHINA, now)
    late = read("arrival", [opened, mark(monday, "stop_arrival")], POLICY, CHINA, now)
    assert (kept.stopped, kept.remaining, kept.breached_at) == (local(deadline), ZERO, None)
    assert (late.remaining, late.breached_at) == (ZERO, local(deadline))
    running = read("arrival", [opened], POLICY, CHINA, local(deadline))
    assert running.breached_at == local(deadline)


def test_what_happens_after_a_stop_changes_nothing() -> None:
    marks = [
        mark("2026-11-23 09:00", "open", "P1"),
        mark("2026-11-23 09:10", "stop_first_response"),
        mark("2026-11-23 09:20", "priority", "P0"),
        mark("2026-11-23 09:30", "extend", 60),
        mark("2026-11-23 09:40", "stop_first_response"),
        mark("2026-11-23 09:50", "restart_resolution"),
    ]
    reading = read("first_response", marks, POLICY, CHINA, local("2026-11-23 12:00"))
    assert reading.stopped == local("2026-11-23 09:10")
    assert (reading.target, reading.extensions, reading.counted) == (
        15 * MINUTE,
        ZERO,
        10 * MINUTE,
    )


def test_work_returned_by_the_customer_goes_on_where_it_stopped() -> None:
    marks = [
        mark("2026-11-23 09:00", "open", "P1"),
        mark("2026-11-23 11:00", "stop_resolution"),
        mark("2026-11-23 13:30", "extend", 60),
        mark("2026-11-23 14:00", "stop_resolution"),
        mark("2026-11-23 15:00", "restart_resolution"),
    ]
    waiting = read("resolution", marks[:4], POLICY, CHINA, local("2026-11-23 14:30"))
    assert waiting.stopped == local("2026-11-23 11:00")
    assert waiting.extensions == ZERO
    back = read("resolution", marks, POLICY, CHINA, local("2026-11-23 16:00"))
    assert back.stopped is None
    assert back.counted == 3 * HOUR
    assert back.extensions == HOUR
    assert [piece.why for piece in back.intervals] == [
        "working",
        "pause:awaiting_acceptance",
        "working",
    ]
    assert back.deadline == local("2026-11-24 13:00") + HOUR
    arrival = read("arrival", marks, POLICY, CHINA, local("2026-11-23 16:00"))
    assert arrival.stopped is None


@pytest.mark.parametrize("name", CLOCKS)
def test_a_terminal_state_stops_every_clock_for_good(name: ClockName) -> None:
    marks = [
        mark("2026-11-23 09:00", "open", "P1"),
        mark("2026-11-23 09:10", "terminal"),
        mark("2026-11-23 09:20", "restart_resolution"),
        mark("2026-11-23 09:30", "priority", "P0"),
    ]
    now = local("2026-11-24 09:00")
    reading = read(name, marks, POLICY, CHINA, now)
    assert (reading.stopped, reading.counted) == (local("2026-11-23 09:10"), 10 * MINUTE)
    assert due(name, marks, POLICY, CHINA, HOUR, now) is None


def test_marks_written_late_or_out_of_order_are_replayed_in_time() -> None:
    opened = mark("2026-11-23 10:00", "open", "P1")
    early = mark("2026-11-23 09:59", "pause", "awaiting_info")
    back = mark("2026-11-23 10:30", "resume", "awaiting_info")
    now = local("2026-11-23 11:00")
    reading = read("arrival", [opened, back, early], POLICY, CHINA, now)
    assert reading.counted == 30 * MINUTE
    assert [piece.why for piece in reading.intervals] == ["pause:awaiting_info", "working"]
    assert reading.started == opened.at
    assert not reading.paused


def test_a_rung_that_falls_due_at_closing_time_does_not_wait_for_the_morning() -> None:
    marks = [
        mark("2026-11-20 17:00", "open", "P1"),
        mark("2026-11-21 10:00", "extend", 60),
    ]
    now = local("2026-11-22 10:00")
    assert due("arrival", marks, POLICY, CHINA, HOUR, now) == local("2026-11-20 18:00")


def test_marks_after_now_have_not_happened_yet() -> None:
    marks = [
        mark("2026-11-23 10:00", "open", "P1"),
        mark("2026-11-23 10:30", "terminal"),
    ]
    assert read("arrival", marks, POLICY, CHINA, local("2026-11-23 10:20")).stopped is None
    before = read("arrival", marks, POLICY, CHINA, local("2026-11-23 09:00"))
    assert (before.counted, before.intervals) == (ZERO, ())
    assert before.deadline == local("2026-11-23 15:00")


def test_a_deadline_in_an_unknown_year_says_so() -> None:
    marks = [mark("2026-12-31 17:00", "open", "P1")]
    now = local("2026-12-31 17:30")
    assert read("resolution", marks, POLICY, CHINA, now).missing_years == (2027,)
    assert read("first_response", marks, POLICY, CHINA, now).missing_years == ()
    urgent = [mark("2026-12-31 23:00", "open", "P0")]
    assert read("resolution", urgent, POLICY, CHINA, now).missing_years == ()


# --- what cannot be -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("later", "error", "found"),
    [
        (Mark(local("2026-11-23 10:00"), "priority", "P7"), InvalidPolicy, "P7"),
        (Mark(local("2026-11-23 10:00"), "priority", None), InvalidInput, "None"),
        (Mark(local("2026-11-23 10:00"), "policy", "unheard"), InvalidPolicy, "unheard"),
        (Mark(local("2026-11-23 10:00"), "extend", 0), InvalidInput, "0"),
        (Mark(local("2026-11-23 10:00"), "extend", "long"), InvalidInput, "long"),
        (
            Mark(datetime(2026, 11, 23, 10), "resume"),  # noqa: DTZ001 - the point of it
            InvalidInput,
            "2026-11-23T10:00:00",
        ),
    ],
)
def test_a_mark_that_cannot_be_says_what_was_found(
    later: Mark, error: type[InvalidInput | InvalidPolicy], found: str
) -> None:
    marks = [mark("2026-11-23 09:00", "open", "P1"), later]
    with pytest.raises(error) as refusal:
        read("arrival", marks, POLICY, CHINA, local("2026-11-23 12:00"))
    assert refusal.value.data["found"] == found
    assert refusal.value.data["allowed"]


def test_a_clock_needs_an_opening_and_its_calendar() -> None:
    now = local("2026-11-23 12:00")
    with pytest.raises(InvalidInput):
        read("arrival", [mark("2026-11-23 09:00", "pause", "x")], POLICY, CHINA, now)
    with pytest.raises(InvalidPolicy) as refusal:
        read("arrival", [mark("2026-11-23 09:00", "open", "P0")], POLICY, {"work": WORK}, now)
    assert refusal.value.data["where"] == "clocks.arrival.P0.calendar"


@pytest.mark.parametrize(
    ("amount", "calendar", "next_working_day"),
    [(None, "work", False), (HOUR, "work", True), (ZERO, "work", False), (HOUR, "moon", False)],
)
def test_a_target_says_one_thing(
    amount: timedelta | None, calendar: str, next_working_day: bool
) -> None:
    with pytest.raises(InvalidPolicy):
        Target(amount, calendar, next_working_day)  # type: ignore[arg-type]  # wrong on purpose


def test_every_kind_of_mark_is_exercised() -> None:
    drawn = {what for what, _, _ in (*ANYTHING, *ENDINGS)} | {"open", "terminal"}
    assert drawn == set(get_args(MarkKind))
