"""Counting what the first page and the health check show, within one snapshot."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, case, func, literal_column, select

from storage import orders
from storage.codec import QUARTER, instant, maybe_instant, micros
from storage.database import Session, Sql
from storage.figures import Backlog, Cell, Day, Overview, Ratings
from storage.rows import decode_order
from storage.schema import NEVER, cases, inbox, order_docs, outbox, timers, work_orders
from workflow.states import Sub

_BURNING = 20
_CAUSES = 3
_DAY = timedelta(days=1)

_o = work_orders.c
_TENANT = _o.tenant == bindparam("tenant")
_OPEN = _o.ended == literal_column(str(NEVER))
_IN_TIME = func.sum(case((_o.first_responded_at <= _o.first_due_at, 1), else_=0))


def within(column: Any) -> tuple[Any, Any]:
    """[since, until)"""
    return column >= bindparam("since"), column < bindparam("until")


_BY_STATE = Sql(
    select(_o.state, _o.priority, func.count())
    .where(_TENANT, _OPEN)
    .group_by(_o.state, _o.priority)
)
_OVERDUE = Sql(select(func.count()).where(_TENANT, _OPEN, _o.deadline_at < bindparam("now")))
_STALLED = Sql(select(func.count()).where(_TENANT, _OPEN, _o.stalled == literal_column("1")))
_BURN = Sql(
    select(order_docs.c.doc)
    .select_from(orders.WHOLE)
    .where(_TENANT, _OPEN, _o.sub != literal_column(f"'{Sub.WITH_PARENT}'"))
    .order_by(_o.deadline_at, _o.id)
    .limit(bindparam("limit"))
)
_OPENED = Sql(
    select(_o.opened_at, _o.first_responded_at, _o.first_due_at).where(
        _TENANT, *within(_o.opened_at)
    )
)
_CLOSED = Sql(select(func.count()).where(_TENANT, *within(_o.ended)))
_RATED = Sql(
    select(func.count(), func.sum(_o.rating)).where(
        _TENANT, *within(_o.ended), _o.rating > literal_column("0")
    )
)
_HEAT = Sql(
    select(
        _o.opened_at / literal_column(str(QUARTER)),
        _o.channel,
        _o.fault_type,
        func.count(),
        _IN_TIME,
    )
    .where(_TENANT, *within(_o.opened_at))
    .group_by(literal_column("1"), literal_column("2"), literal_column("3"))
)


def _backlog(table: Any, condition: str, column: Any, *more: Any) -> Sql:
    return Sql(
        select(func.count(), func.min(column)).where(
            table.c.tenant == bindparam("tenant"), literal_column(condition), *more
        )
    )


_WAITING = _backlog(inbox, "state = 'waiting'", inbox.c.received_at)
_LATE = _backlog(timers, "state = 'open'", timers.c.due, timers.c.due <= bindparam("now"))
_UNSENT = _backlog(
    outbox,
    "state = 'pending'",
    outbox.c.next_at,
    outbox.c.next_at <= bindparam("now"),
)
_DEAD = _backlog(outbox, "state = 'dead'", outbox.c.created_at)
_CASES_OPEN = _backlog(cases, "state = 'open'", cases.c.at)
_PARKED = _backlog(cases, "state = 'open'", cases.c.at, cases.c.kind == literal_column("'parked'"))
"""Asked of the cases that a person has to settle, for the inbox has no index of parked ones."""


def count(session: Session, sql: Sql, **params: Any) -> int:
    """The number a counting query gives."""
    row = session.first(sql, **params)
    return int(row[0]) if row else 0


def overview(session: Session, tenant: str, now: datetime, day_start: datetime) -> Overview:
    """The first page's figures."""
    by_state: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for state, priority, number in session.rows(_BY_STATE, tenant=tenant):
        by_state[state][priority] = number
    burning = session.rows(_BURN, tenant=tenant, limit=_BURNING)
    week = 7 * _DAY
    return Overview(
        open=dict(by_state),
        today=_day(session, tenant, day_start, now),
        yesterday=_day(session, tenant, day_start - _DAY, now - _DAY),
        week=_ratings(session, tenant, now - week, now),
        week_before=_ratings(session, tenant, now - 2 * week, now - week),
        overdue=count(session, _OVERDUE, tenant=tenant, now=micros(now)),
        stalled=count(session, _STALLED, tenant=tenant),
        burning=tuple(decode_order(row[0]) for row in burning),
    )


def _day(session: Session, tenant: str, since: datetime, until: datetime) -> Day:
    span = {"since": micros(since), "until": micros(until)}
    rows = session.rows(_OPENED, tenant=tenant, **span)
    waits = [answered - opened for opened, answered, _ in rows if answered is not None]
    by = micros(until)
    return Day(
        opened=len(rows),
        closed=count(session, _CLOSED, tenant=tenant, **span),
        answered=len(waits),
        in_time=sum(a is not None and d is not None and a <= d for _, a, d in rows),
        late=sum(d is not None and d < by and (a is None or a > d) for _, a, d in rows),
        median_first_response=timedelta(microseconds=median(waits)) if waits else None,
    )


def _ratings(session: Session, tenant: str, since: datetime, until: datetime) -> Ratings:
    row = session.first(_RATED, tenant=tenant, since=micros(since), until=micros(until))
    number, total = row or (0, None)
    return Ratings(number, float(total) / number if number else None)


def heat(
    session: Session, tenant: str, since: datetime, until: datetime, tz: str
) -> tuple[Cell, ...]:
    """Reports by local hour and channel."""
    zone = ZoneInfo(tz)
    rows = session.rows(_HEAT, tenant=tenant, since=micros(since), until=micros(until))
    causes: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    in_time: Counter[tuple[int, str]] = Counter()
    for quarter, channel, fault_type, number, prompt in rows:
        hour = instant(int(quarter) * QUARTER).astimezone(zone).hour
        causes[hour, channel][fault_type] += number
        in_time[hour, channel] += int(prompt)
    return tuple(
        Cell(hour, channel, counted.total(), in_time[hour, channel], _commonest(counted))
        for (hour, channel), counted in sorted(causes.items())
    )


def _commonest(counted: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counted.items(), key=lambda c: (-c[1], c[0]))[:_CAUSES])


def backlog(session: Session, tenant: str, now: datetime) -> Backlog:
    """What waits for the loops."""
    at = micros(now)
    waiting, oldest = session.first(_WAITING, tenant=tenant) or (0, None)
    late, oldest_timer = session.first(_LATE, tenant=tenant, now=at) or (0, None)
    due, oldest_notice = session.first(_UNSENT, tenant=tenant, now=at) or (0, None)
    return Backlog(
        waiting_messages=waiting,
        oldest_message=maybe_instant(oldest),
        parked_messages=count(session, _PARKED, tenant=tenant),
        overdue_timers=late,
        oldest_timer=maybe_instant(oldest_timer),
        due_notices=due,
        oldest_notice=maybe_instant(oldest_notice),
        dead_notices=count(session, _DEAD, tenant=tenant),
        open_cases=count(session, _CASES_OPEN, tenant=tenant),
    )
