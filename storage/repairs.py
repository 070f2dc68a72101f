"""Past repairs: closed work orders with what was done, read for searching and nothing else."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from sqlalchemy import and_, bindparam, literal_column, or_, select

from storage.codec import decoder, facts, instant
from storage.database import Row, Session, Sql
from storage.orders import WHOLE
from storage.schema import NEVER, events, order_docs, work_orders
from workflow.events import Kind
from workflow.knowledge import Repair

_PAGE = 500
_MINUTE = 60_000_000
_KINDS = (Kind.COMPLETED, Kind.PART_REPLACED, Kind.RETURNED)
_o, _e = work_orders.c, events.c


class _Told(msgspec.Struct):
    """What a repair needs of a work order's record."""

    text: str = ""
    device: str = ""
    error_code: str = ""


_told = decoder(_Told)


class Mark(NamedTuple):
    """How far was read: time of closing and id. What closed later comes after."""

    ended: int
    id: str


BEGINNING = Mark(0, "")
_ROW = (_o.id, _o.number, _o.ended, _o.fault_type, _o.asset_id, _o.arrived_at, _o.completed_at)
_CLOSED = (
    _o.tenant == bindparam("tenant"),
    _o.ended >= bindparam("ended"),
    _o.ended < literal_column(str(NEVER)),
    _o.outcome == literal_column("'completed'"),
)
_PAGED = Sql(
    select(*_ROW, order_docs.c.doc)
    .select_from(WHOLE)
    .where(*_CLOSED, (_o.ended > bindparam("ended")) | (_o.id > bindparam("id")))
    .order_by(_o.ended, _o.id)
    .limit(bindparam("limit"))
)
_DONE = Sql(
    select(_e.order_id, _e.kind, _e.data)
    .select_from(
        work_orders.join(events, and_(_e.tenant == _o.tenant, _e.order_id == _o.id)),
    )
    .where(
        _o.tenant == bindparam("tenant"),
        _o.ended >= bindparam("first"),
        _o.ended <= bindparam("last"),
        _o.outcome == literal_column("'completed'"),
        or_(*(_e.kind == literal_column(f"'{kind}'") for kind in _KINDS)),
    )
    .order_by(_o.ended, _o.id, _e.seq)
)


_NTH_NEWEST = Sql(
    select(_o.ended)
    .where(_o.tenant == bindparam("tenant"), _o.ended < literal_column(str(NEVER)))
    .order_by(_o.ended.desc())
    .limit(literal_column("1"))
    .offset(bindparam("most"))
)


def before_newest(session: Session, tenant: str, most: int) -> Mark:
    """Where to begin so that no more than the newest ``most`` are read, however many there are."""
    row = session.first(_NTH_NEWEST, tenant=tenant, most=most)
    return Mark(row[0] + 1, "") if row else BEGINNING


def closed_after(session: Session, tenant: str, mark: Mark) -> tuple[list[Repair], Mark | None]:
    """The next repairs closed after ``mark``, oldest first, and where to go on; None at the end.

    Only work that says what was done, or which part was put in, is a repair.
    """
    rows = session.rows(_PAGED, tenant=tenant, ended=mark.ended, id=mark.id, limit=_PAGE)
    if not rows:
        return [], None
    done = _done(session, tenant, rows[0][2], rows[-1][2])
    found = [_repair(row, *done.get(row[0], ("", {}))) for row in rows]
    return [r for r in found if r.resolution or r.parts], Mark(rows[-1][2], rows[-1][0])


def _done(
    session: Session, tenant: str, first: int, last: int
) -> dict[str, tuple[str, dict[str, int]]]:
    """By work order: what was done at last, and the parts put in."""
    found: dict[str, tuple[str, dict[str, int]]] = {}
    for order_id, kind, text in session.rows(_DONE, tenant=tenant, first=first, last=last):
        data = facts(text)
        words, parts = found.setdefault(order_id, ("", {}))
        if kind == Kind.PART_REPLACED:
            name = str(data.get("part", ""))
            parts[name] = parts.get(name, 0) + int(data.get("quantity", 1))
        else:  # what came back was not fixed by what was done then
            words = str(data.get("text") or "") if kind == Kind.COMPLETED else ""
        found[order_id] = words.strip(), parts
    return found


def _repair(row: Row, resolution: str, parts: dict[str, int]) -> Repair:
    order_id, number, ended, fault_type, asset_id, arrived, completed, doc = row
    told = _told(doc)
    minutes = (completed - arrived) / _MINUTE if arrived and completed else None
    return Repair(
        id=order_id,
        number=number,
        text=told.text,
        at=instant(ended),
        resolution=resolution,
        parts=tuple(parts.items()),
        fault_type=fault_type,
        asset_id=asset_id,
        device=told.device,
        error_code=told.error_code,
        minutes=minutes,
    )
