"""Lists of work orders: filters, search and the board, within one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, literal_column, or_, select

from storage import orders
from storage.codec import key_of, micros
from storage.counts import count
from storage.database import Session, Sql
from storage.figures import Column, Filters, Page
from storage.rows import decode_order
from storage.schema import NEVER, order_docs, work_orders
from workflow.states import OPEN, State
from workflow.work_order import WorkOrder

PAGE = 50
_COUNTED = 1000
_TAIL_DIGITS = 5
_PHONE_DIGITS = 11

_o = work_orders.c
_d = order_docs.c
_OPEN = _o.ended == literal_column(str(NEVER))
_NEWEST = (_o.id.desc(),)
_CLOSED = and_(*(_o.state != literal_column(f"'{state}'") for state in OPEN))
"""Said by state, which the index of lists has: nearly all are closed, and the newest are wanted
first.
"""
_DOC = select(_d.doc).select_from(orders.WHOLE)


def search(session: Session, tenant: str, text: str, filters: Filters, page: int) -> Page:
    """Work orders in which ``text`` stands and that fit the filters."""
    words = text.strip()
    exact = _by_number(session, tenant, words) if words else None
    if exact is not None and page == 0:
        return Page((exact,), 1, more=False)
    wanted, order = [_o.tenant == tenant, *_conditions(filters)], _NEWEST
    if words:
        said, order = _says(words, session.dialect)
        wanted.append(said)
    return _page(session, tenant, wanted, order, page)


def board(session: Session, tenant: str, filters: Filters) -> tuple[Column, ...]:
    """The open states in their order, each with its first work orders."""
    return tuple(_column(session, tenant, state, filters) for state in OPEN)


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
        "parent": filters.parent,
        "stalled": int(filters.stalled),
    }
    found: list[Any] = [_o[name] == value for name, value in equal.items() if value]
    if filters.open is not None:
        found.append(_OPEN if filters.open else _CLOSED)
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


def _says(words: str, dialect: str) -> tuple[Any, tuple[Any, ...]]:
    """The work orders in which these words stand somewhere a person would look, and in which
    order an index gives them. A short number is the tail of a work order's number, a long one
    somebody's phone; those come open ones first.
    """
    if words.isascii() and words.isdigit():
        open_first = (_o.ended.desc(), _o.id.desc())
        if len(words) <= _TAIL_DIGITS:
            return _o.tail == int(words), open_first
        if len(words) == _PHONE_DIGITS:
            return _o.phone == words, open_first
    if dialect == "sqlite":  # its LIKE folds every letter once more
        return func.instr(_o.haystack, key_of(words)) > 0, _NEWEST
    return _o.haystack.contains(key_of(words), autoescape=True), _NEWEST


def _by_number(session: Session, tenant: str, words: str) -> WorkOrder | None:
    number = Sql(_DOC.where(_o.tenant == tenant, _o.number == words.upper()))
    row = session.first(number)
    return None if row is None else decode_order(row[0])


def _page(
    session: Session, tenant: str, wanted: Sequence[Any], order: Sequence[Any], page: int
) -> Page:
    """The ids come from one index; only the records of this page are read."""
    first, most = page * PAGE, max(_COUNTED + 1, (page + 1) * PAGE + 1)
    found = session.rows(Sql(select(_o.id).where(*wanted).order_by(*order).limit(most)))
    shown = [row[0] for row in found[first : first + PAGE]]
    total = min(len(found), _COUNTED + 1)
    return Page(_read(session, tenant, shown), total, more=len(found) > first + PAGE)


def _read(session: Session, tenant: str, ids: Sequence[str]) -> tuple[WorkOrder, ...]:
    if not ids:
        return ()
    mine = or_(*(_d.order_id == order_id for order_id in ids))
    docs = session.rows(Sql(select(_d.order_id, _d.doc).where(_d.tenant == tenant, mine)))
    by_id = {row[0]: row[1] for row in docs}
    return tuple(decode_order(by_id[i]) for i in ids)


def _total(session: Session, wanted: Sequence[Any]) -> int:
    """How many there are, counted no further than makes a difference."""
    some = select(_o.id).where(*wanted).limit(_COUNTED + 1).subquery()
    return count(session, Sql(select(func.count()).select_from(some)))


def _column(session: Session, tenant: str, state: State, filters: Filters) -> Column:
    wanted = (_o.tenant == tenant, _OPEN, _o.state == str(state), *_conditions(filters))
    listed = _DOC.where(*wanted).order_by(_o.deadline_at, _o.id).limit(PAGE)
    rows = session.rows(Sql(listed))
    total = len(rows) if len(rows) < PAGE else _total(session, wanted)
    return Column(str(state), total, tuple(decode_order(row[0]) for row in rows))
