"""What is due next on a work order: the ladder, offers, reminders, breaches; and whom they reach.

:func:`upcoming` is the one stepper: production arms its timers with it, an audit replays it and a
simulation tries a policy on old work orders with it. It keeps nothing: steps follow from the
work order (its marks and the ids of the steps already taken) and the policy it started with.

A step's id is ``rung``, then ``:episode`` where it may come again under new circumstances (which
assignment, which standstill, which deadline), then ``#n`` for the n-th repetition. Of a repeated
step only the next one is listed; several missed ones are due once, the latest standing for all.
A step is listed until it is taken, stops being needed, or its clock stands still.

========================  =======================================  =============================
rung                      while                                    due
========================  =======================================  =============================
the policy's ladder       the rung's ``until`` has not come        ``after`` or ``percent``
``accept_timeout:<g>``    offer ``g`` waits for an answer          ``accept_within``
``remind_info``           the reporter owes us facts               ``remind_info_after``
``dispatch_anyway``       the same; at once for P0                 ``dispatch_anyway_after``
``self_service_over``     the customer tries an article           ``self_service_wait``
``triage_reminder#n``     a person must look at it                 3 × 10 min, then hourly
``retry_dispatch:<g>#n``  nobody could be found                    12 × 5 min, 30 min, 2 h
``auto_close``            the customer has not signed              ``auto_close_after``
``breach:<clock>``        the clock runs                           its deadline
========================  =======================================  =============================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from workflow import clocks
from workflow.calendar import WorkCalendar
from workflow.clocks import CLOCKS, ClockName, ClockReading
from workflow.company import Company
from workflow.errors import InvalidPolicy
from workflow.escalation.chain import reached
from workflow.policy import Policy, Rung, Until
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_MOST_REPEATS = 20
_LONGEST_OFFER = 30 * _MINUTE

Cadence = tuple[tuple[int, timedelta], ...]
"""So many repetitions at such a distance, then the next row."""

TRIAGE_CADENCE: Cadence = ((3, 10 * _MINUTE), (240, _HOUR))
RETRY_CADENCE: Cadence = ((12, 5 * _MINUTE), (46, 30 * _MINUTE), (336, 2 * _HOUR))


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do at ``due``. ``act`` is a rung's act or ``offer_expired``, ``remind_info``,
    ``dispatch_anyway``, ``self_service_over``, ``triage_reminder``, ``retry_dispatch``,
    ``auto_close``, ``breach``.

    ``n`` counts repetitions from 1; ``why`` is the rule that made it, for the record.
    """

    id: str
    rung: str
    act: str
    due: datetime
    n: int
    why: str
    loud: bool


# --- the stepper ------------------------------------------------------------------------------


def upcoming(
    order: WorkOrder, policy: Policy, calendars: Mapping[str, WorkCalendar], now: datetime
) -> tuple[Step, ...]:
    """All steps not yet taken whose due instant is known, ascending; overdue ones included.

    ``calendars`` has ``work`` and ``always``. A closed work order has none, nor has one that waits
    with its parent: the parent's steps are taken for all of them.
    """
    if not order.open or order.opened_at is None or order.sub == Sub.WITH_PARENT:
        return ()
    case = _Case(order, policy, calendars, now, order.opened_at)
    listed = chain(
        _offer(case),
        _missing_facts(case),
        _tried(case),
        _triage(case),
        _queued(case),
        _signature(case),
        _ladder(case),
        _breaches(case),
    )
    return tuple(sorted(listed, key=lambda step: (step.due, step.id)))


def next_step(
    order: WorkOrder, policy: Policy, calendars: Mapping[str, WorkCalendar], now: datetime
) -> Step | None:
    """The earliest of :func:`upcoming`, for the timer."""
    return next(iter(upcoming(order, policy, calendars, now)), None)


def targets(step: Step, order: WorkOrder, company: Company) -> tuple[str, ...]:
    """The staff ids a step speaks to, most responsible first, nobody twice.

    An empty level falls back upwards; the answer is empty only if the company has nobody active.
    """
    return reached(step.act, order, company)


@dataclass(frozen=True, slots=True)
class _Case:
    """A work order at an instant, with the rules and calendars it runs on."""

    order: WorkOrder
    policy: Policy
    calendars: Mapping[str, WorkCalendar]
    now: datetime
    opened_at: datetime
    _readings: dict[ClockName, ClockReading] = field(default_factory=dict)

    @property
    def red(self) -> bool:
        return self.order.priority == "P0"

    def reading(self, clock: ClockName) -> ClockReading:
        if clock not in self._readings:
            self._readings[clock] = self.read(clock, self.now)
        return self._readings[clock]

    def read(self, clock: ClockName, at: datetime) -> ClockReading:
        return clocks.read(clock, self.order.marks, self.policy.clocks, self.calendars, at)

    def due(self, clock: ClockName, after: timedelta) -> datetime | None:
        """When the clock has counted ``after``; None while it stands still."""
        reading = self.reading(clock)
        if reading.paused or reading.stopped is not None:
            return None
        ahead = after - reading.counted
        if ahead > timedelta(0):  # counting on from now is cheaper than replaying
            return self.calendar(clock).add(max(self.now, self.opened_at), ahead)
        return clocks.due(
            clock, self.order.marks, self.policy.clocks, self.calendars, after, self.now
        )

    def calendar(self, clock: ClockName) -> WorkCalendar:
        """The calendar the clock counts on now."""
        rules = self.policy.clocks
        for mark in self.order.marks:
            if mark.what == "policy":
                rules = self.policy.clocks.revisions[str(mark.value)]
        return self.calendars[rules.target(clock, self.order.priority).calendar]

    def step(
        self,
        rung: str,
        act: str,
        due: datetime | None,
        why: str,
        episode: object = "",
        loud: bool = False,
    ) -> Iterator[Step]:
        """A step that comes once an episode; none when it was taken or is not to be foreseen."""
        key = _key(rung, episode)
        if due is not None and key not in self.order.steps:
            yield Step(key, rung, act, due, 1, why, loud)

    def series(
        self,
        rung: str,
        act: str,
        due: Callable[[int], datetime | None],
        most: int,
        why: str,
        episode: object = "",
        loud: bool = False,
    ) -> Iterator[Step]:
        """The next of a repeated step; ``due`` says when its n-th time is."""
        key = _key(rung, episode)
        n = 1 + max((_repetition(taken, key) for taken in self.order.steps), default=0)
        instant = due(n) if n <= most else None
        if instant is None:
            return
        while n < most and (later := due(n + 1)) is not None and later <= self.now:
            n, instant = n + 1, later
        yield Step(key if n == 1 else f"{key}#{n}", rung, act, instant, n, why, loud)


def _key(rung: str, episode: object) -> str:
    return f"{rung}:{episode}" if episode else rung


def _repetition(taken: str, key: str) -> int:
    """Which repetition of ``key`` a taken step was; 0 when it was another step."""
    if taken == key:
        return 1
    name, mark, number = taken.rpartition("#")
    return int(number) if mark and name == key and number.isdecimal() else 0


# --- what does not come from the ladder -------------------------------------------------------


def _offer(case: _Case) -> Iterator[Step]:
    """An offer nobody answers goes to the next person; for P0 that is the red lane.

    Each time everybody has let it pass, the next round asks half as often: by then the ladder has
    called the supervisors, and asking the same people every minute helps nobody.
    """
    order = case.order
    patience = case.policy.dispatch.accept_within.get(order.priority)
    if order.state is State.DISPATCHED and order.offered_at is not None and patience is not None:
        patience = max(patience, min(patience * 2 ** min(order.rounds, 10), _LONGEST_OFFER))
        due = case.calendar("first_response").add(order.offered_at, patience)
        why = f"accept_within {_short(patience)}"
        yield from case.step(
            "accept_timeout", "offer_expired", due, why, episode=order.generation, loud=case.red
        )


def _missing_facts(case: _Case) -> Iterator[Step]:
    """The reporter is asked once more; then we go with what we have. P0 never waits."""
    order, rules = case.order, case.policy.intake
    if (order.state, order.sub) != (State.NEW, Sub.AWAITING_INFO):
        return
    if case.red:
        yield from case.step("dispatch_anyway", "dispatch_anyway", case.opened_at, "P0 never waits")
        return
    asked = order.updated_at or case.opened_at
    yield from case.step(
        "remind_info",
        "remind_info",
        asked + rules.remind_info_after,
        f"remind_info_after {_short(rules.remind_info_after)}",
    )
    yield from case.step(
        "dispatch_anyway",
        "dispatch_anyway",
        case.opened_at + rules.dispatch_anyway_after,
        f"dispatch_anyway_after {_short(rules.dispatch_anyway_after)}",
    )


def _tried(case: _Case) -> Iterator[Step]:
    """The customer had their time to try; from here on it goes as usual."""
    order, wait = case.order, case.policy.self_service_wait
    if order.sub is Sub.SELF_SERVICE and order.self_service is not None:
        due, why = order.self_service.at + wait, f"self_service_wait {_short(wait)}"
        yield from case.step("self_service_over", "self_service_over", due, why)


def _triage(case: _Case) -> Iterator[Step]:
    """A doubtful report is held up before a person again and again until one decides."""
    if (case.order.state, case.order.sub) == (State.NEW, Sub.TRIAGE):
        yield from case.series(
            "triage_reminder",
            "triage_reminder",
            lambda n: case.opened_at + _after(TRIAGE_CADENCE, n),
            _times(TRIAGE_CADENCE),
            "in triage",
            loud=case.red,
        )


def _queued(case: _Case) -> Iterator[Step]:
    """Whoever rests in the queue was found nobody for: try again."""
    order = case.order
    if (order.state, order.sub) != (State.NEW, Sub.QUEUED):
        return
    since = max(filter(None, (case.opened_at, order.moved_at)))
    queued = max(since, order.offered_at or since)  # the last offer ended when it came to rest
    yield from case.series(
        "retry_dispatch",
        "retry_dispatch",
        lambda n: max(since + _after(RETRY_CADENCE, n), queued),
        _times(RETRY_CADENCE),
        "nobody available",
        episode=order.generation,
    )


def _signature(case: _Case) -> Iterator[Step]:
    """Silence is consent, after a while; not in a surge, where nobody has looked at this one."""
    order, wait = case.order, case.policy.closing.auto_close_after
    if order.parent or order.surge is not None:
        return
    if order.state is State.AWAITING_ACCEPTANCE and order.completed_at is not None:
        due, why = order.completed_at + wait, f"auto_close_after {_short(wait)}"
        yield from case.step("auto_close", "auto_close", due, why)


def _breaches(case: _Case) -> Iterator[Step]:
    """The deadline of each running clock; a changed allowance is a new deadline."""
    for clock in CLOCKS:
        reading = case.reading(clock)
        if reading.stopped is None:
            yield from case.step(
                f"breach:{clock}",
                "breach",
                reading.deadline,
                f"{clock} = {_short(reading.target + reading.extensions)}",
                episode=_deadline(case, clock),
                loud=case.red,
            )


# --- the ladder -------------------------------------------------------------------------------

_COME: dict[Until, Callable[[WorkOrder], bool]] = {
    "first_responded": lambda order: order.first_responded_at is not None,
    "accepted": lambda order: (
        order.accepted_at is not None or order.state not in {State.NEW, State.DISPATCHED}
    ),
    "arrived": lambda order: order.arrived_at is not None,
    "completed": lambda order: order.state is State.AWAITING_ACCEPTANCE,
    "moved": lambda _order: False,
}
"""What makes a rung unnecessary. A movement does not: it begins a new wait."""


def _ladder(case: _Case) -> Iterator[Step]:
    for rung in case.policy.ladder:
        if case.order.priority in rung.priorities and not _COME[rung.until](case.order):
            yield from _rung(case, rung)


def _rung(case: _Case, rung: Rung) -> Iterator[Step]:
    """One rung: counted from the opening, or from the last movement."""
    clock, repeat = rung.clock, rung.repeat
    amount = rung.after if rung.after is not None else _share(case, rung)
    why, episode = _reason(rung), "" if rung.percent is None else _deadline(case, clock)
    if rung.until == "moved":
        moved = case.order.moved_at or case.opened_at
        amount += case.read(clock, moved).counted
        episode = str(int(moved.timestamp()))
    if repeat is None:
        yield from case.step(
            rung.id, rung.act, case.due(clock, amount), why, episode=episode, loud=rung.loud
        )
        return
    yield from case.series(
        rung.id,
        rung.act,
        lambda n: case.due(clock, amount + (n - 1) * repeat),
        _MOST_REPEATS,
        why,
        episode=episode,
        loud=rung.loud,
    )


def _share(case: _Case, rung: Rung) -> timedelta:
    """The rung's percentage of what its clock allows."""
    if rung.percent is None:
        raise InvalidPolicy(where=f"ladder.{rung.id}", found="nothing", allowed="after or percent")
    reading = case.reading(rung.clock)
    return (reading.target + reading.extensions) * rung.percent / 100


def _deadline(case: _Case, clock: ClockName) -> str:
    """Which deadline of the clock this is: empty for the first, then 2, 3, … for each change."""
    changes = sum(
        mark.what in {"priority", "policy"}
        or (mark.what == "extend" and mark.clock in {None, clock})
        for mark in case.order.marks
        if mark.at <= case.now
    )
    return str(changes + 1) if changes else ""


def _reason(rung: Rung) -> str:
    limit = f"+ {_short(rung.after)}" if rung.after is not None else f"at {rung.percent} %"
    return f"{rung.clock} {limit} until {rung.until}"


# --- spans of time ----------------------------------------------------------------------------


def _after(cadence: Cadence, n: int) -> timedelta:
    """How long after the beginning the n-th repetition comes."""
    waited = timedelta(0)
    for times, distance in cadence:
        here = min(n, times)
        waited += here * distance
        n -= here
    return waited


def _times(cadence: Cadence) -> int:
    return sum(times for times, _ in cadence)


def _short(span: timedelta) -> str:
    """``90s``, ``15m``, ``4h``: the way policies write it."""
    seconds = int(span.total_seconds())
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
