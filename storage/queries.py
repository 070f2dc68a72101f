"""What pages ask: read models on read connections, each a few short ranges of an index.

Every question names its tenant and is answered from one snapshot.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Table, bindparam, case, func, literal_column, or_, select

from storage import conversations, orders, outbox, people, timers
from storage.codec import instant, key_of, maybe_instant, micros
from storage.database import Session, Sql
from storage.figures import (
    Backlog,
    Cell,
    Column,
    Day,
    Filters,
    OrderPage,
    Overview,
    Page,
    Ratings,
    StaffHome,
    Story,
)
from storage.rows import decode_order, event_of
from storage.schema import NEVER, assets, cases, customers, events, inbox, order_docs, work_orders
from storage.schema import outbox as outbox_table
from storage.schema import timers as timers_table
from storage.unit import Shared, SqlUnitOfWork
from workflow.company import Asset, Customer
from workflow.events import Event
from workflow.ports import Admitted, Case, Post, Queued
from workflow.states import OPEN, State, Sub
from workflow.work_order import WorkOrder

T = TypeVar("T")
Look = Callable[[Callable[[Session], T]], Awaitable[T]]

PAGE = 50
_COUNTED = 1000
_BURNING = 20
_QUARTER = 900_000_000
_TAIL_DIGITS = 5
_PHONE_DIGITS = 11
_DAY = timedelta(days=1)

_o = work_orders.c
_TENANT = _o.tenant == bindparam("tenant")
_OPEN = _o.ended == literal_column(str(NEVER))
_IN_TIME = func.sum(case((_o.first_responded_at <= _o.first_due_at, 1), else_=0))


def _span(column: Any) -> tuple[Any, Any]:
    return column >= bindparam("since"), column < bindparam("until")


_BY_STATE = Sql(
    select(_o.state, _o.priority, func.count())
    .where(_TENANT, _OPEN)
    .group_by(_o.state, _o.priority)
)
_OVERDUE = Sql(select(func.count()).where(_TENANT, _OPEN, _o.deadline_at < bindparam("now")))
_STALLED = Sql(select(func.count()).where(_TENANT, _OPEN, _o.stalled == literal_column("1")))
_DOC = select(order_docs.c.doc).select_from(orders.WHOLE)
_BURN = Sql(_DOC.where(_TENANT, _OPEN).order_by(_o.deadline_at, _o.id).limit(bindparam("limit")))
_OPENED = Sql(
    select(_o.opened_at, _o.first_responded_at, _o.first_due_at).where(
        _TENANT, *_span(_o.opened_at)
    )
)
_CLOSED = Sql(select(func.count()).where(_TENANT, *_span(_o.ended)))
_RATED = Sql(
    select(func.count(), func.sum(_o.rating)).where(
        _TENANT, *_span(_o.ended), _o.rating > literal_column("0")
    )
)
_HEAT = Sql(
    select(
        _o.opened_at / literal_column(str(_QUARTER)),
        _o.channel,
        _o.fault_type,
        func.count(),
        _IN_TIME,
    )
    .where(_TENANT, *_span(_o.opened_at))
    .group_by(literal_column("1"), literal_column("2"), literal_column("3"))
)
_CLAIMABLE = Sql(
    _DOC.where(
        _TENANT,
        _OPEN,
        _o.state == literal_column(f"'{State.DISPATCHED}'"),
        _o.sub == literal_column(f"'{Sub.OPEN_CLAIM}'"),
    ).order_by(_o.priority, _o.id)
)
_CLOSED_BY = Sql(
    select(func.count()).where(_TENANT, _o.assignee == bindparam("staff"), *_span(_o.ended))
)
_MESSAGE = Sql(
    select(*conversations.ADMITTED).where(
        inbox.c.tenant == bindparam("tenant"), inbox.c.dedupe_key == bindparam("key")
    )
)
_MESSAGES_AFTER = Sql(
    select(*conversations.ADMITTED)
    .where(inbox.c.tenant == bindparam("tenant"), inbox.c.id > bindparam("after"))
    .order_by(inbox.c.id)
)
_ALL_ORDERS = Sql(_DOC.where(_TENANT).order_by(_o.id))
_ALL_EVENTS = Sql(
    select(*events.c)
    .where(events.c.tenant == bindparam("tenant"))
    .order_by(events.c.order_id, events.c.seq)
)


def _backlog(table: Any, condition: str, column: Any, *more: Any) -> Sql:
    return Sql(
        select(func.count(), func.min(column)).where(
            table.c.tenant == bindparam("tenant"), literal_column(condition), *more
        )
    )


_WAITING = _backlog(inbox, "state = 'waiting'", inbox.c.received_at)
_PARKED = _backlog(inbox, "state = 'parked'", inbox.c.received_at)
_LATE = _backlog(
    timers_table, "state = 'open'", timers_table.c.due, timers_table.c.due <= bindparam("now")
)
_UNSENT = _backlog(
    outbox_table,
    "state = 'pending'",
    outbox_table.c.next_at,
    outbox_table.c.next_at <= bindparam("now"),
)
_DEAD = _backlog(outbox_table, "state = 'dead'", outbox_table.c.created_at)
_CASES_OPEN = _backlog(cases, "state = 'open'", cases.c.at)
_CASES = Sql(
    select(cases.c.doc)
    .where(cases.c.tenant == bindparam("tenant"))
    .order_by(cases.c.at.desc(), cases.c.id.desc())
    .limit(bindparam("limit"))
)


class Queries:
    """The questions pages ask. ``look`` runs a query on a read connection."""

    def __init__(self, look: Look[Any], shared: Shared) -> None:
        self._look = look
        self._shared = shared

    # --- figures --------------------------------------------------------------------------------

    async def overview(self, tenant: str, now: datetime, day_start: datetime) -> Overview:
        """The first page's figures; ``day_start`` is the tenant's local midnight."""

        def query(session: Session) -> Overview:
            by_state: defaultdict[str, dict[str, int]] = defaultdict(dict)
            for state, priority, count in session.rows(_BY_STATE, tenant=tenant):
                by_state[state][priority] = count
            burning = session.rows(_BURN, tenant=tenant, limit=_BURNING)
            week = 7 * _DAY
            return Overview(
                open=dict(by_state),
                today=_day(session, tenant, day_start, now),
                yesterday=_day(session, tenant, day_start - _DAY, now - _DAY),
                week=_ratings(session, tenant, now - week, now),
                week_before=_ratings(session, tenant, now - 2 * week, now - week),
                overdue=_count(session, _OVERDUE, tenant=tenant, now=micros(now)),
                stalled=_count(session, _STALLED, tenant=tenant),
                burning=tuple(decode_order(row[0]) for row in burning),
            )

        return await self._ask(query)

    async def heat(
        self, tenant: str, since: datetime, until: datetime, tz: str
    ) -> tuple[Cell, ...]:
        """Reports by local hour and channel, opened in [since, until); cells sum to their number.

        Zones shifted by quarters of an hour are right too.
        """
        zone = ZoneInfo(tz)
        span = {"since": micros(since), "until": micros(until)}
        rows = await self._ask(lambda s: s.rows(_HEAT, tenant=tenant, **span))
        causes: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
        in_time: Counter[tuple[int, str]] = Counter()
        for quarter, channel, fault_type, count, prompt in rows:
            hour = instant(int(quarter) * _QUARTER).astimezone(zone).hour
            causes[hour, channel][fault_type] += count
            in_time[hour, channel] += int(prompt)
        return tuple(
            Cell(
                hour,
                channel,
                counted.total(),
                in_time[hour, channel],
                tuple(sorted(counted.items(), key=lambda c: (-c[1], c[0]))[:3]),
            )
            for (hour, channel), counted in sorted(causes.items())
        )

    async def backlog(self, tenant: str, now: datetime) -> Backlog:
        """What waits for the loops."""

        def query(session: Session) -> Backlog:
            at = micros(now)
            waiting, oldest = session.first(_WAITING, tenant=tenant) or (0, None)
            late, oldest_timer = session.first(_LATE, tenant=tenant, now=at) or (0, None)
            due, oldest_notice = session.first(_UNSENT, tenant=tenant, now=at) or (0, None)
            return Backlog(
                waiting_messages=waiting,
                oldest_message=maybe_instant(oldest),
                parked_messages=_count(session, _PARKED, tenant=tenant),
                overdue_timers=late,
                oldest_timer=maybe_instant(oldest_timer),
                due_notices=due,
                oldest_notice=maybe_instant(oldest_notice),
                dead_notices=_count(session, _DEAD, tenant=tenant),
                open_cases=_count(session, _CASES_OPEN, tenant=tenant),
            )

        return await self._ask(query)

    # --- lists ----------------------------------------------------------------------------------

    async def board(self, tenant: str, filters: Filters | None = None) -> tuple[Column, ...]:
        """The open states in their order, each with its first work orders."""
        chosen = filters or Filters()

        def query(session: Session) -> tuple[Column, ...]:
            return tuple(_column(session, tenant, state, chosen) for state in OPEN)

        return await self._ask(query)

    async def search(
        self, tenant: str, text: str = "", filters: Filters | None = None, page: int = 0
    ) -> Page:
        """Work orders by number, phone, person, place or words, newest first; without a text all
        that fit the filters.
        """
        conditions = _conditions(filters or Filters())
        words = text.strip()

        def query(session: Session) -> Page:
            exact = _by_number(session, tenant, words) if words else None
            if exact is not None and page == 0:
                return Page((exact,), 1, more=False)
            wanted = [*conditions, *([_says(words)] if words else [])]
            return _page(session, tenant, wanted, page)

        return await self._ask(query)

    async def order_page(self, tenant: str, ref: str) -> OrderPage | None:
        """Everything about one work order, by id, number or the number's tail."""

        def query(session: Session) -> OrderPage | None:
            order = SqlUnitOfWork(tenant, session, self._shared).orders.find(ref)
            return None if order is None else _order_page(session, tenant, order)

        return await self._ask(query)

    async def staff_home(
        self, tenant: str, staff_id: str, now: datetime, day_start: datetime
    ) -> StaffHome:
        """One engineer's page."""

        def query(session: Session) -> StaffHome:
            claims = [decode_order(r[0]) for r in session.rows(_CLAIMABLE, tenant=tenant)]
            span = {"since": micros(day_start), "until": micros(now)}
            unit = SqlUnitOfWork(tenant, session, self._shared)
            return StaffHome(
                jobs=tuple(unit.orders.open_for_staff(staff_id)),
                claimable=tuple(o for o in claims if staff_id in o.candidates),
                closed_today=_count(session, _CLOSED_BY, tenant=tenant, staff=staff_id, **span),
            )

        return await self._ask(query)

    async def orders_of_asset(
        self, tenant: str, asset_id: str, limit: int = 3
    ) -> tuple[WorkOrder, ...]:
        """The open work orders of an asset, then the last closed ones."""
        return await self._ask(
            lambda s: tuple(SqlUnitOfWork(tenant, s, self._shared).orders.of_asset(asset_id, limit))
        )

    async def dead_letters(self, tenant: str, limit: int = PAGE) -> tuple[Queued, ...]:
        """Notices given up on, newest first."""
        rows = await self._ask(lambda s: s.rows(outbox.DEAD, tenant=tenant, limit=limit))
        return tuple(outbox.queued_of(row) for row in rows)

    async def cases(self, tenant: str, limit: int = PAGE) -> tuple[Case, ...]:
        """The open cases, oldest first, then decided ones, newest first."""

        def query(session: Session) -> tuple[Case, ...]:
            waiting = SqlUnitOfWork(tenant, session, self._shared).cases.open()
            rows = session.rows(_CASES, tenant=tenant, limit=limit)
            recent = [conversations.decode_case(row[0]) for row in rows]
            return (*waiting, *(c for c in recent if c.state == "decided"))

        return await self._ask(query)

    async def audit_rows(
        self,
        tenant: str,
        *,
        since: datetime,
        until: datetime,
        kind: str = "",
        actor: str = "",
        limit: int = PAGE,
    ) -> tuple[Event, ...]:
        """Who changed what in [since, until), newest first."""
        e = events.c
        sql = (
            select(*e)
            .where(e.tenant == tenant, e.at >= micros(since), e.at < micros(until))
            .order_by(e.at.desc(), e.order_id.desc(), e.seq.desc())
            .limit(limit)
        )
        if kind:
            sql = sql.where(e.kind == kind)
        if actor:
            sql = sql.where(e.actor_id == actor)
        rows = await self._ask(lambda s: s.rows(Sql(sql)))
        return tuple(event_of(row) for row in rows)

    # --- people and messages --------------------------------------------------------------------

    async def customers(
        self, tenant: str, text: str = "", limit: int = 500
    ) -> tuple[Customer, ...]:
        """Customers by name, phone or place, in the order of their ids."""
        docs = await self._docs(customers, tenant, text, limit)
        return tuple(people.decode_customer(doc) for doc in docs)

    async def assets(self, tenant: str, text: str = "", limit: int = 500) -> tuple[Asset, ...]:
        """Assets by name, serial, model or place, in the order of their ids."""
        docs = await self._docs(assets, tenant, text, limit)
        return tuple(people.decode_asset(doc) for doc in docs)

    async def _docs(self, table: Table, tenant: str, text: str, limit: int) -> list[str]:
        sql = select(table.c.doc).where(table.c.tenant == tenant)
        if text.strip():
            sql = sql.where(table.c.haystack.contains(key_of(text), autoescape=True))
        query = Sql(sql.order_by(table.c.id).limit(limit))
        rows = await self._ask(lambda s: s.rows(query))
        return [row[0] for row in rows]

    async def messages(self, tenant: str, keys: Sequence[str]) -> Mapping[str, Admitted]:
        """Admitted messages by their dedupe keys; unknown keys are absent."""

        def query(session: Session) -> dict[str, Admitted]:
            found = {key: session.first(_MESSAGE, tenant=tenant, key=key) for key in set(keys)}
            return {key: conversations.admitted_of(row) for key, row in found.items() if row}

        return await self._ask(query)

    async def story(self, tenant: str) -> Story:
        """Everything of a (small) tenant in a fixed order."""

        def query(session: Session) -> Story:
            planned = session.rows(outbox.AFTER, tenant=tenant, after=0, limit=NEVER)
            messages = session.rows(_MESSAGES_AFTER, tenant=tenant, after=0)
            return Story(
                orders=tuple(decode_order(r[0]) for r in session.rows(_ALL_ORDERS, tenant=tenant)),
                events=tuple(event_of(r) for r in session.rows(_ALL_EVENTS, tenant=tenant)),
                notices=tuple(outbox.queued_of(row) for row in planned),
                messages=tuple(conversations.admitted_of(row) for row in messages),
            )

        return await self._ask(query)

    async def _ask(self, query: Callable[[Session], T]) -> T:
        answer: T = await self._look(query)
        return answer


# --- within one snapshot ----------------------------------------------------------------------


def _count(session: Session, sql: Sql, **params: Any) -> int:
    row = session.first(sql, **params)
    return int(row[0]) if row else 0


def _day(session: Session, tenant: str, since: datetime, until: datetime) -> Day:
    span = {"since": micros(since), "until": micros(until)}
    rows = session.rows(_OPENED, tenant=tenant, **span)
    waits = [answered - opened for opened, answered, _ in rows if answered is not None]
    by = micros(until)
    return Day(
        opened=len(rows),
        closed=_count(session, _CLOSED, tenant=tenant, **span),
        answered=len(waits),
        in_time=sum(a is not None and d is not None and a <= d for _, a, d in rows),
        late=sum(d is not None and d < by and (a is None or a > d) for _, a, d in rows),
        median_first_response=timedelta(microseconds=median(waits)) if waits else None,
    )


def _ratings(session: Session, tenant: str, since: datetime, until: datetime) -> Ratings:
    row = session.first(_RATED, tenant=tenant, since=micros(since), until=micros(until))
    count, total = row or (0, None)
    return Ratings(count, float(total) / count if count else None)


def _conditions(filters: Filters) -> list[Any]:
    """The filters as SQL; only those that are set."""
    equal = {
        "priority": filters.priority,
        "team_id": filters.team,
        "assignee": filters.assignee,
        "fault_type": filters.fault_type,
        "channel": filters.channel,
        "customer_id": filters.customer,
        "asset_id": filters.asset,
        "rating": filters.rating,
        "stalled": int(filters.stalled),
    }
    found: list[Any] = [_o[name] == value for name, value in equal.items() if value]
    if filters.open is not None:
        found.append(_OPEN if filters.open else _o.ended < literal_column(str(NEVER)))
    if filters.states:
        found.append(or_(*(_o.state == state for state in filters.states)))
    for column, since, until in (
        (_o.opened_at, filters.opened_since, filters.opened_until),
        (_o.ended, filters.closed_since, filters.closed_until),
        (_o.deadline_at, None, filters.due_before),
    ):
        if since is not None:
            found.append(column >= micros(since))
        if until is not None:
            found.append(column < micros(until))
    return found


def _says(words: str) -> Any:
    """The work orders in which these words stand somewhere a person would look. A short number
    is the tail of a work order's number, a long one somebody's phone.
    """
    if words.isascii() and words.isdigit():
        if len(words) <= _TAIL_DIGITS:
            return _o.tail == int(words)
        if len(words) == _PHONE_DIGITS:
            return _o.phone == words
    return _o.haystack.contains(key_of(words), autoescape=True)


def _by_number(session: Session, tenant: str, words: str) -> WorkOrder | None:
    number = Sql(_DOC.where(_o.tenant == tenant, _o.number == words.upper()))
    row = session.first(number)
    return None if row is None else decode_order(row[0])


def _page(session: Session, tenant: str, conditions: Sequence[Any], page: int) -> Page:
    wanted = (_o.tenant == tenant, *conditions)
    listed = _DOC.where(*wanted).order_by(_o.id.desc()).limit(PAGE + 1).offset(page * PAGE)
    rows = session.rows(Sql(listed))
    found = tuple(decode_order(row[0]) for row in rows[:PAGE])
    more = len(rows) > PAGE
    total = _total(session, wanted) if more else page * PAGE + len(found)
    return Page(found, total, more)


def _total(session: Session, wanted: Sequence[Any]) -> int:
    """How many there are, counted no further than makes a difference."""
    some = select(_o.id).where(*wanted).limit(_COUNTED + 1).subquery()
    return _count(session, Sql(select(func.count()).select_from(some)))


def _column(session: Session, tenant: str, state: State, filters: Filters) -> Column:
    wanted = (_o.tenant == tenant, _OPEN, _o.state == str(state), *_conditions(filters))
    listed = _DOC.where(*wanted).order_by(_o.deadline_at, _o.id).limit(PAGE)
    rows = session.rows(Sql(listed))
    total = len(rows) if len(rows) < PAGE else _total(session, wanted)
    return Column(str(state), total, tuple(decode_order(row[0]) for row in rows))


def _order_page(session: Session, tenant: str, order: WorkOrder) -> OrderPage:
    mine = {"tenant": tenant, "order_id": order.id}
    notices = [outbox.queued_of(r) for r in session.rows(outbox.OF_ORDER, **mine)]
    heard = session.rows(conversations.INBOX_OF_ORDER, **mine)
    messages = [conversations.admitted_of(row) for row in heard]
    armed = session.rows(timers.OF_SUBJECT, tenant=tenant, subject=f"order:{order.id}")
    return OrderPage(
        order=order,
        events=tuple(orders.events_of(session, tenant, order.id)),
        messages=tuple(messages),
        posts=tuple(_posts(session, tenant, messages, notices)),
        notices=tuple(notices),
        timers=tuple(timers.timer_of(row) for row in armed),
    )


def _posts(
    session: Session, tenant: str, messages: Iterable[Admitted], notices: Iterable[Queued]
) -> list[Post]:
    """The chat lines of these messages and of what was sent."""
    said = {(m.inbound.channel, m.inbound.chat, m.inbound.dedupe_key) for m in messages}
    said |= {
        (q.notice.to.channel, q.notice.to.chat, q.receipt.message_id) for q in notices if q.receipt
    }
    found = [
        session.first(
            conversations.FIND_POST, tenant=tenant, channel=channel, chat=chat, message=message
        )
        for channel, chat, message in said
    ]
    return sorted((conversations.post_of(row) for row in found if row), key=lambda p: p.id)
