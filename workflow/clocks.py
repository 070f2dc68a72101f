"""How long a work order may take, and how long it has taken: clocks replayed from marks.

Nothing is stored. :func:`read` and :func:`due` replay what happened (:class:`Mark`) up to ``now``
over the work calendars, so a pause, a new priority, an extension or a new policy can neither be
forgotten nor counted twice. What was counted stays counted; from a change on, the new target and
its calendar hold, and the deadline is the instant at which the total reaches the new allowance
(target plus extensions).

All three clocks start when the work order opens. A clock that is stopped stays as it was; only
``restart_resolution`` sets the resolution clock going again, where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from workflow.calendar import WORKING, WorkCalendar, in_utc
from workflow.errors import InvalidInput, InvalidPolicy

ClockName = Literal["first_response", "arrival", "resolution"]
CLOCKS: tuple[ClockName, ...] = ("first_response", "arrival", "resolution")
PAUSE = "pause:"
AWAITING_ACCEPTANCE = PAUSE + "awaiting_acceptance"

_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Target:
    """How much time a clock allows: an ``amount`` counted on ``calendar``, or, with
    ``next_working_day``, the open time up to the end of the working day after the opening.
    """

    amount: timedelta | None
    calendar: Literal["work", "always"]
    next_working_day: bool = False

    def __post_init__(self) -> None:
        if (self.amount is None) != self.next_working_day:
            raise InvalidPolicy(
                where="target", found=str(self.amount), allowed="an amount or next_working_day"
            )
        if self.amount is not None and self.amount <= _ZERO:
            raise InvalidPolicy(where="target", found=str(self.amount), allowed="more than zero")
        if self.calendar not in {"work", "always"}:
            raise InvalidPolicy(
                where="target.calendar", found=self.calendar, allowed="work, always"
            )


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """The targets of the three clocks by priority.

    ``revisions`` holds later versions by name, for work orders a ``policy`` mark moved to one.
    """

    first_response: Mapping[str, Target]
    arrival: Mapping[str, Target]
    resolution: Mapping[str, Target]
    revisions: Mapping[str, ClockPolicy] = field(default_factory=dict)

    def target(self, name: ClockName, priority: str) -> Target:
        """The target of a clock for a priority; InvalidPolicy when the policy has none."""
        targets: Mapping[str, Target] = getattr(self, name)
        if priority not in targets:
            raise InvalidPolicy(
                where=f"clocks.{name}", found=priority, allowed=", ".join(sorted(targets))
            )
        return targets[priority]


MarkKind = Literal[
    "open",
    "pause",
    "resume",
    "priority",
    "extend",
    "stop_first_response",
    "stop_arrival",
    "stop_resolution",
    "restart_resolution",
    "terminal",
    "policy",
]


_LASTING = frozenset({"pause", "resume", "priority", "extend", "policy"})
"""What happens to a stopped clock too, should it be restarted."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A fact that clocks depend on. ``why`` is for the record; ``value`` depends on ``what``:

    - ``open``, ``priority``: the priority from here on;
    - ``pause``: the reason code (``why`` stands in when there is none);
    - ``resume``: the reason that has passed, or None for all of them;
    - ``extend``: whole minutes of the clock's calendar, more than zero; ``clock`` says whose,
      None means every clock still running;
    - ``policy``: the name of the revision from here on;
    - the rest: nothing.
    """

    at: datetime
    what: MarkKind
    value: str | int | None = None
    why: str = ""
    clock: ClockName | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a clock's life: [start, end), whether it counted and why (``working``,
    ``pause:<reason>``, ``lunch_or_off_hours``, ``weekend``, ``holiday:<name>``).
    """

    start: datetime
    end: datetime
    counted: bool
    why: str
    priority: str


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Time between two marks; ``calendar`` is None and ``why`` set when the clock stood still."""

    start: datetime
    end: datetime
    priority: str
    calendar: WorkCalendar | None
    counted: timedelta
    why: str

    def pieces(self) -> Iterator[tuple[datetime, datetime, str]]:
        if self.calendar is None:
            return iter([(self.start, self.end, self.why)])
        return self.calendar.explain(self.start, self.end)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """One clock as it stands.

    ``intervals`` tile the time from ``started`` to now, or to ``stopped``, without gap or overlap;
    those that counted sum to ``counted``; ``remaining`` is ``target + extensions - counted``.

    ``deadline`` is None while paused: then ``deadline_if_resumed_now`` tells what it would be.
    ``breached_at`` is the deadline once it has come and the clock still ran, or was stopped later;
    a clock stopped at its very deadline was kept. More time granted afterwards takes it back.
    ``missing_years`` are years the holiday table did not know; they were counted by weekday.
    """

    name: ClockName
    started: datetime
    stopped: datetime | None
    target: timedelta
    deadline: datetime | None
    deadline_if_resumed_now: datetime | None
    counted: timedelta
    remaining: timedelta
    breached_at: datetime | None
    paused: bool
    extensions: timedelta
    _stretches: tuple[_Stretch, ...] = field(repr=False)
    """The life so far, and the stretch still ahead up to the deadline."""

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The account of this clock: stretches cut where priority or reason changes."""
        found: list[Interval] = []
        for stretch in self._stretches[:-1]:
            for start, end, why in stretch.pieces():
                begins = start
                if found and (found[-1].why, found[-1].priority) == (why, stretch.priority):
                    begins = found.pop().start
                found.append(Interval(begins, end, why == WORKING, why, stretch.priority))
        return tuple(found)

    @property
    def missing_years(self) -> tuple[int, ...]:
        """Years up to the deadline that the holiday table did not know."""
        years: set[int] = set()
        for stretch in self._stretches:
            if stretch.calendar is not None:
                years.update(stretch.calendar.missing_years(stretch.start, stretch.end))
        return tuple(sorted(years))


def read(
    name: ClockName,
    marks: Sequence[Mark],
    policy: ClockPolicy,
    calendars: Mapping[str, WorkCalendar],
    now: datetime,
) -> ClockReading:
    """One clock as of ``now``; marks after ``now`` have not happened yet.

    Marks may come in any order; those of one instant keep theirs. ``calendars`` has ``work`` and
    ``always``. Raises InvalidInput without an ``open`` mark, InvalidPolicy for a priority,
    calendar or revision that is not there.
    """
    replay = _Replay(name, marks, policy, calendars, now)
    ran_out = replay.ran_out
    projected = (
        ran_out
        if ran_out is not None
        else replay.calendar.add(replay.at, replay.allowance - replay.counted)
    )
    halted = bool(replay.pauses)
    return ClockReading(
        name=name,
        started=replay.started,
        stopped=replay.stopped,
        target=replay.target,
        deadline=None if halted else projected,
        deadline_if_resumed_now=projected,
        counted=replay.counted,
        remaining=replay.allowance - replay.counted,
        breached_at=ran_out if replay.is_breached() else None,
        paused=halted and replay.stopped is None,
        extensions=replay.extensions,
        _stretches=(*replay.stretches, replay.ahead(projected)),
    )


def due(
    name: ClockName,
    marks: Sequence[Mark],
    policy: ClockPolicy,
    calendars: Mapping[str, WorkCalendar],
    after: timedelta,
    now: datetime,
) -> datetime | None:
    """When this clock has counted ``after``, given the marks up to ``now``.

    In the past when it already has; None while the clock is paused or stopped. Raises like
    :func:`read`.
    """
    replay = _Replay(name, marks, policy, calendars, now)
    if replay.pauses or replay.stopped is not None:
        return None
    left = after
    for stretch in replay.stretches:
        if stretch.calendar is None:
            continue
        if left <= stretch.counted:
            return stretch.calendar.add(stretch.start, left)
        left -= stretch.counted
    return replay.calendar.add(replay.at, left)


class _Replay:
    """One clock, taken from its opening through its marks to ``now`` or to where it stopped.

    ``at`` is how far it got; ``ran_out`` the instant at which the allowance was used up, if it is.
    """

    def __init__(
        self,
        name: ClockName,
        marks: Sequence[Mark],
        policy: ClockPolicy,
        calendars: Mapping[str, WorkCalendar],
        now: datetime,
    ) -> None:
        opened = next((mark for mark in marks if mark.what == "open"), None)
        if opened is None:
            raise InvalidInput(field="marks", found="no open mark", allowed="one open mark")
        self.name = name
        self.policy = self.rules = policy
        self.calendars = calendars
        self.started = self.at = self.last_ran = in_utc(opened.at)
        self.stopped: datetime | None = None
        self.priority = _text(opened)
        self.pauses: list[str] = []
        self.extensions = self.counted = _ZERO
        self.ran_out: datetime | None = None
        self.stretches: list[_Stretch] = []
        self._retarget()
        now = in_utc(now)
        self._run([mark for mark in marks if mark is not opened and in_utc(mark.at) <= now])
        if self.stopped is None:
            self._advance(now)

    @property
    def allowance(self) -> timedelta:
        return self.target + self.extensions

    def is_breached(self) -> bool:
        """Whether the clock ran on past, or was still running at, the end of its allowance."""
        if self.ran_out is None:
            return False
        running = self.stopped is None and not self.pauses
        return running or self.counted > self.allowance or self.last_ran > self.ran_out

    def ahead(self, deadline: datetime) -> _Stretch:
        """What is still to be counted, were nothing else to happen."""
        return _Stretch(self.at, deadline, self.priority, self.calendar, _ZERO, WORKING)

    def _run(self, marks: list[Mark]) -> None:
        while_stopped: list[Mark] = []
        for mark in sorted(marks, key=lambda mark: in_utc(mark.at)):
            if self.stopped is None:
                if self._concerns(mark):
                    self._advance(in_utc(mark.at))
                    self._apply(mark)
            elif mark.what == "restart_resolution" and self.name == "resolution":
                self._restart(in_utc(mark.at), while_stopped)
                while_stopped = []
            elif mark.what in _LASTING and self._concerns(mark):
                while_stopped.append(mark)
            if mark.what == "terminal":
                return

    def _concerns(self, mark: Mark) -> bool:
        if mark.what == "extend":
            return mark.clock in {None, self.name}
        return mark.what in _LASTING or mark.what in {"terminal", f"stop_{self.name}"}

    def _advance(self, to: datetime) -> None:
        if to <= self.at:
            return
        if self.pauses:
            self._stand_still(to, PAUSE + self.pauses[-1])
            return
        counted = self.calendar.counted(self.at, to)
        left = self.allowance - self.counted
        if self.ran_out is None and left <= counted:
            self.ran_out = self.calendar.add(self.at, left)
        self.stretches.append(_Stretch(self.at, to, self.priority, self.calendar, counted, WORKING))
        self.counted += counted
        self.at = self.last_ran = to

    def _stand_still(self, to: datetime, why: str) -> None:
        self.stretches.append(_Stretch(self.at, to, self.priority, None, _ZERO, why))
        self.at = to

    def _restart(self, at: datetime, while_stopped: list[Mark]) -> None:
        if at > self.at:
            self._stand_still(at, AWAITING_ACCEPTANCE)
        self.stopped = None
        for mark in while_stopped:
            self._apply(mark)

    def _apply(self, mark: Mark) -> None:
        match mark.what:
            case "pause":
                reason = str(mark.value or mark.why)
                self.pauses = [*(p for p in self.pauses if p != reason), reason]
            case "resume":
                self.pauses = [p for p in self.pauses if mark.value not in {None, p}]
            case "priority":
                self.priority = _text(mark)
                self._retarget()
            case "extend":
                self.extensions += _minutes(mark)
                self._review()
            case "policy":
                self._revise(_text(mark))
            case _:  # a stop of this clock: no other mark concerns it
                self.stopped = self.at

    def _revise(self, version: str) -> None:
        if version not in self.policy.revisions:
            known = ", ".join(sorted(self.policy.revisions))
            raise InvalidPolicy(where="clocks.revisions", found=version, allowed=known)
        self.rules = self.policy.revisions[version]
        self._retarget()

    def _retarget(self) -> None:
        target = self.rules.target(self.name, self.priority)
        if target.calendar not in self.calendars:
            raise InvalidPolicy(
                where=f"clocks.{self.name}.{self.priority}.calendar",
                found=target.calendar,
                allowed=", ".join(sorted(self.calendars)),
            )
        self.calendar = self.calendars[target.calendar]
        self.target = (
            target.amount
            if target.amount is not None
            else self.calendar.counted(
                self.started, self.calendar.end_of_next_working_day(self.started)
            )
        )
        self._review()

    def _review(self) -> None:
        """After a change of the allowance: is it used up by now, or is there time again?"""
        if self.counted < self.allowance:
            self.ran_out = None
        elif self.ran_out is None:
            self.ran_out = self.at


def _text(mark: Mark) -> str:
    if not isinstance(mark.value, str):
        raise InvalidInput(field=f"mark.{mark.what}", found=str(mark.value), allowed="a name")
    return mark.value


def _minutes(mark: Mark) -> timedelta:
    if not isinstance(mark.value, int) or mark.value <= 0:
        raise InvalidInput(field="mark.extend", found=str(mark.value), allowed="minutes above zero")
    return timedelta(minutes=mark.value)
