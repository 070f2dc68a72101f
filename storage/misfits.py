"""Rows that contradict each other: what the lists say of a work order against its own record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, func, select

from storage.database import Row, Sql
from storage.rows import decode_order, order_row
from storage.schema import events, order_docs, work_orders

_o, _d, _e = work_orders.c, order_docs.c, events.c
_SEARCH_KEYS = frozenset({"tail", "serial", "near", "haystack", "first_due_at"})
"""Worked out for looking things up, and differently from version to version: no facts."""
_FACTS = tuple(column.name for column in work_orders.columns if column.name not in _SEARCH_KEYS)

LISTED = Sql(
    select(_o.id, *(_o[name] for name in _FACTS), _d.doc)
    .select_from(
        work_orders.outerjoin(order_docs, and_(_d.tenant == _o.tenant, _d.order_id == _o.id))
    )
    .where(_o.tenant == bindparam("tenant"), _o.id > bindparam("after"))
    .order_by(_o.id)
    .limit(bindparam("limit"))
)
UNLISTED = Sql(
    select(_e.order_id, func.max(_e.number))
    .select_from(events.outerjoin(work_orders, and_(_o.tenant == _e.tenant, _o.id == _e.order_id)))
    .where(_e.tenant == bindparam("tenant"), _o.id.is_(None), _e.order_id > bindparam("after"))
    .group_by(_e.order_id)
    .order_by(_e.order_id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Misfit:
    """A work order whose rows do not agree. ``columns`` are those in which the lists differ from
    the record; ``record`` or ``row`` when that is missing altogether.
    """

    order_id: str
    number: str
    columns: tuple[str, ...]


def misfits(listed: Iterable[Row], unlisted: Iterable[Row]) -> Iterator[Misfit]:
    """The misfits among the rows of :data:`LISTED`, and all of :data:`UNLISTED`."""
    for row in listed:
        facts = dict(zip(_FACTS, row[1:-1], strict=True))
        differs = _differing(facts, row[-1])
        if differs:
            yield Misfit(row[0], facts["number"], differs)
    for order_id, number in unlisted:
        yield Misfit(order_id, number, ("row",))


def _differing(facts: dict[str, object], doc: str | None) -> tuple[str, ...]:
    if doc is None:
        return ("record",)
    record = order_row(decode_order(doc))
    return tuple(name for name, value in facts.items() if record[name] != value)
