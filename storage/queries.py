"""What pages ask: read models on read connections, each a few short ranges of an index.

Every question names its tenant and is answered from one snapshot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Table, bindparam, func, literal_column, select

from storage import (
    conversations,
    counts,
    learning,
    lists,
    orders,
    outbox,
    people,
    surges,
    timers,
)
from storage.codec import key_of, micros
from storage.database import Session, Sql
from storage.figures import (
    Backlog,
    Cell,
    Column,
    Filters,
    OrderPage,
    Overview,
    Page,
    StaffHome,
    Story,
)
from storage.rows import decode_order, event_of
from storage.schema import NEVER, assets, cases, customers, events, inbox, order_docs, work_orders
from storage.unit import Shared, SqlUnitOfWork
from workflow.company import Asset, Customer
from workflow.events import Event
from workflow.kept import Admitted, Case, Post, Queued
from workflow.learning import Day, Reading
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

T = TypeVar("T")
Look = Callable[[Callable[[Session], T]], Awaitable[T]]

PAGE = lists.PAGE

_o = work_orders.c
_TENANT = _o.tenant == bindparam("tenant")
_OPEN = _o.ended == literal_column(str(NEVER))


_DOC = select(order_docs.c.doc).select_from(orders.WHOLE)
_CLAIMABLE = Sql(
    _DOC.where(
        _TENANT,
        _OPEN,
        _o.state == literal_column(f"'{State.DISPATCHED}'"),
        _o.sub == literal_column(f"'{Sub.OPEN_CLAIM}'"),
    ).order_by(_o.priority, _o.id)
)
_CLOSED_BY = Sql(
    select(func.count()).where(_TENANT, _o.assignee == bindparam("staff"), *counts.within(_o.ended))
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
        return await self._ask(lambda s: counts.overview(s, tenant, now, day_start))

    async def heat(
        self, tenant: str, since: datetime, until: datetime, tz: str
    ) -> tuple[Cell, ...]:
        """Reports by local hour and channel, opened in [since, until); cells sum to their number.

        Zones shifted by quarters of an hour are right too.
        """
        return await self._ask(lambda s: counts.heat(s, tenant, since, until, tz))

    async def backlog(self, tenant: str, now: datetime) -> Backlog:
        """What waits for the loops."""
        return await self._ask(lambda s: counts.backlog(s, tenant, now))

    # --- lists ----------------------------------------------------------------------------------

    async def board(self, tenant: str, filters: Filters | None = None) -> tuple[Column, ...]:
        """The open states in their order, each with its first work orders."""
        return await self._ask(lambda s: lists.board(s, tenant, filters or Filters()))

    async def search(
        self, tenant: str, text: str = "", filters: Filters | None = None, page: int = 0
    ) -> Page:
        """Work orders by number, phone, person, place or words, newest first; without a text all
        that fit the filters.
        """
        return await self._ask(lambda s: lists.search(s, tenant, text, filters or Filters(), page))

    async def surging(self, tenant: str) -> tuple[WorkOrder, ...]:
        """The parents of the surges that go on, the latest first."""
        rows = await self._ask(lambda s: s.rows(surges.SURGING, tenant=tenant))
        return tuple(decode_order(row[0]) for row in rows)

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
                closed_today=counts.count(
                    session, _CLOSED_BY, tenant=tenant, staff=staff_id, **span
                ),
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

    async def reading_days(self, tenant: str, since: datetime, tz: str) -> tuple[Day, ...]:
        """What was understood since then, counted by local day."""
        return await self._ask(lambda s: tuple(learning.days(s, tenant, since, tz)))

    async def suspects(
        self, tenant: str, labels: Iterable[tuple[str, str]], since: datetime, limit: int
    ) -> tuple[Reading, ...]:
        """Unsure readings with one of these (head, label) that nobody has looked at, oldest
        first.
        """
        wanted = tuple(labels)
        return await self._ask(lambda s: learning.suspects(s, tenant, wanted, since, limit))

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
