"""Open work orders by what their words say: an inverted index, a few keys for each.

A look-up reads the newest entries of each key of a report and adds up who shares most, a rare key
counting for more than a common one; its cost is bounded by the number of keys, however many work
orders are open. Only open ones are in it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, insert, literal_column, select, union_all

from storage.database import Session, Sql
from storage.schema import lookalikes, order_docs
from workflow.joining.keys import MOST, lookalike_keys
from workflow.work_order import WorkOrder

DEEP = 60
"""Entries read of one key, the newest."""
FOUND = 20
"""Work orders returned, those that share most first."""

_l = lookalikes.c
_PUT = Sql(
    insert(lookalikes).values(
        {name: bindparam(name) for name in ("tenant", "key", "at", "order_id")}
    )
)
_DROP = Sql(
    delete(lookalikes).where(_l.tenant == bindparam("tenant"), _l.order_id == bindparam("order_id"))
)


def _newest(number: int) -> Any:
    rows = (
        select(literal_column(str(number)).label("key"), _l.order_id)
        .where(_l.tenant == bindparam("tenant"), _l.key == bindparam(f"key{number}"))
        .order_by(_l.at.desc(), _l.order_id.desc())
        .limit(literal_column(str(DEEP)))
        .subquery()
    )
    return select(rows.c.key, rows.c.order_id)


_ENTRIES = [Sql(union_all(*map(_newest, range(keys + 1)))) for keys in range(MOST)]
"""The newest entries under one key, under two keys, …; adding up here costs less than in SQL."""
_DOCS = Sql(
    select(order_docs.c.order_id, order_docs.c.doc).where(
        order_docs.c.tenant == bindparam("tenant"),
        order_docs.c.order_id.in_([bindparam(f"id{n}") for n in range(FOUND)]),
    )
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
    """Documents and ids of those that share most with these words, most first."""
    keys = lookalike_keys(words)
    if not keys:
        return []
    given = {f"key{number}": key for number, key in enumerate(keys)}
    holders: dict[int, list[str]] = {}
    for key, order_id in session.rows(_ENTRIES[len(keys) - 1], tenant=tenant, **given):
        holders.setdefault(key, []).append(order_id)
    shared: dict[str, float] = {}
    for ids in holders.values():
        for order_id in ids:
            shared[order_id] = shared.get(order_id, 0.0) + 1 / len(ids)
    best = sorted(shared, key=lambda order_id: (shared[order_id], order_id), reverse=True)[:FOUND]
    wanted = {f"id{n}": best[n] if n < len(best) else "" for n in range(FOUND)}
    docs: dict[str, str] = dict(session.rows(_DOCS, tenant=tenant, **wanted)) if best else {}
    return [(docs[order_id], order_id) for order_id in best if order_id in docs]
