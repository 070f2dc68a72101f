"""Open work orders by what their words say: an inverted index, a few keys for each.

A look-up reads the newest entries of each key of a report and counts who shares most; its cost is
bounded by the number of keys, however many work orders are open. Only open ones are in it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, literal_column, select, union_all

from storage.database import Session, Sql
from storage.schema import lookalikes, order_docs
from workflow.joining.keys import MOST, lookalike_keys
from workflow.work_order import WorkOrder

DEEP = 60
"""Entries read of one key, the newest."""
FOUND = 20
"""Work orders returned, those that share most keys first."""

_l = lookalikes.c
_PUT = Sql(
    insert(lookalikes).values(
        {name: bindparam(name) for name in ("tenant", "key", "at", "order_id")}
    )
)
_DROP = Sql(
    delete(lookalikes).where(_l.tenant == bindparam("tenant"), _l.order_id == bindparam("order_id"))
)


def _newest(key: str) -> Any:
    rows = (
        select(_l.order_id)
        .where(_l.tenant == bindparam("tenant"), _l.key == bindparam(key))
        .order_by(_l.at.desc(), _l.order_id.desc())
        .limit(literal_column(str(DEEP)))
        .subquery()
    )
    return select(rows.c.order_id)


def _sharing() -> Any:
    entries = union_all(*(_newest(f"key{n}") for n in range(MOST))).subquery()
    shared = func.count().label("shared")
    return (
        select(entries.c.order_id, shared)
        .group_by(entries.c.order_id)
        .order_by(shared.desc(), entries.c.order_id.desc())
        .limit(literal_column(str(FOUND)))
        .subquery()
    )


_BEST = _sharing()
_FIND = Sql(
    select(order_docs.c.doc, _BEST.c.order_id, _BEST.c.shared)
    .select_from(
        _BEST.join(
            order_docs,
            and_(
                order_docs.c.tenant == bindparam("tenant"),
                order_docs.c.order_id == _BEST.c.order_id,
            ),
        )
    )
    .order_by(_BEST.c.shared.desc(), _BEST.c.order_id.desc())
)


def words_of(order: WorkOrder) -> str:
    """What a work order is found by."""
    slots = (order.place, order.serial, order.device)
    return " ".join((order.text, *(slot for slot in slots if slot and slot not in order.text)))


def put(session: Session, order: WorkOrder, at: int) -> None:
    """Enter an open work order, opened ``at`` (microseconds)."""
    for key in lookalike_keys(words_of(order)):
        entry = {"tenant": order.tenant, "key": key, "at": at, "order_id": order.id}
        session.append(_PUT, entry)


def drop(session: Session, tenant: str, order_id: str) -> None:
    """Take a work order out: it has ended, or its words have changed."""
    session.change(_DROP, tenant=tenant, order_id=order_id)


def find(session: Session, tenant: str, words: str) -> list[tuple[str, str]]:
    """Documents and ids of those that share most keys with these words, most first."""
    keys = lookalike_keys(words)
    if not keys:
        return []
    given = {f"key{n}": keys[n] if n < len(keys) else "" for n in range(MOST)}
    return [(doc, order_id) for doc, order_id, _ in session.rows(_FIND, tenant=tenant, **given)]
