"""Work orders and their histories.

Every lookup is a short range of one index, whatever the number of work orders: the facts a report
may match are asked for one by one, and how busy people are is counted as work orders are saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from storage import lookalikes, schema
from storage.codec import (
    encode,
    key_of,
    micros,
    neighbourhood,
)
from storage.database import Insert, Session, Sql
from storage.people import put_doc
from storage.rows import decode_order, event_of, event_row, order_of, order_row
from storage.schema import (
    NEVER,
    events,
    living_cards,
    order_chats,
    order_docs,
    work_orders,
    workload,
)
from storage.scope import Scope
from workflow.errors import Conflict, UnknownTicket
from workflow.events import Event
from workflow.kept import Load, Match
from workflow.records import ChatRef
from workflow.work_order import WorkOrder

_LATELY = timedelta(days=7)
_MANY = 20
_SHOWN = 50
_NEWEST = 50
_ANSWERS = 2000

_o = work_orders.c
_TENANT = _o.tenant == bindparam("tenant")
_d = order_docs.c
WHOLE = work_orders.join(order_docs, and_(_d.tenant == _o.tenant, _d.order_id == _o.id))
_DOC = select(_d.doc).select_from(WHOLE)
_OPEN = _o.ended == literal_column(str(NEVER))


def values_of(table: Table, leave_out: Iterable[str] = ()) -> dict[str, Any]:
    """A parameter for every column of a table."""
    return {c.name: bindparam(c.name) for c in table.columns if c.name not in set(leave_out)}


GET_ORDER = Sql(_DOC.where(_TENANT, _o.id == bindparam("id")))
_BY_NUMBER = Sql(_DOC.where(_TENANT, _o.number == bindparam("number")))
_BY_TAIL = Sql(
    _DOC.where(_TENANT, _o.tail == bindparam("tail"))
    .order_by(_o.ended.desc(), _o.id.desc())
    .limit(literal_column("1"))
)
_HISTORY = Sql(
    select(*events.c)
    .where(events.c.tenant == bindparam("tenant"), events.c.order_id == bindparam("id"))
    .order_by(events.c.seq)
)
AUDIT_ORDERS = Sql(
    select(_o.id, _d.doc)
    .select_from(WHOLE)
    .where(_TENANT, _o.id > bindparam("after"))
    .order_by(_o.id)
    .limit(bindparam("limit"))
)
_INSERT = Sql(insert(work_orders).values(values_of(work_orders)))
_BEFORE = Sql(
    select(*(_o.version, _o.assignee, _o.ended, _o.reporters, _o.first_due_at, _o.haystack)).where(
        _TENANT, _o.id == bindparam("id")
    )
)
_UPDATE = Sql(
    update(work_orders)
    .where(
        _o.tenant == bindparam("its_tenant"),
        _o.id == bindparam("its_id"),
        _o.version == bindparam("expected"),
    )
    .values(values_of(work_orders, ("tenant", "id", "number", "tail")))
)
_PUT_DOC = put_doc(order_docs)
_ADD_EVENT = Sql(insert(events).values(values_of(events)))
_ADD_CHAT = Sql(insert(order_chats).values(values_of(order_chats)))
_DROP_CHATS = Sql(
    delete(order_chats).where(
        order_chats.c.tenant == bindparam("tenant"), order_chats.c.order_id == bindparam("id")
    )
)
_END_CHATS, _END_CARDS = (
    Sql(
        update(table)
        .where(table.c.tenant == bindparam("its_tenant"), table.c.order_id == bindparam("id"))
        .values(ended=bindparam("ended"))
    )
    for table in (order_chats, living_cards)
)


def _lately(fact: str, *, closed_too: bool) -> Sql:
    """Open work orders with this fact, then those closed since, newest first."""
    span = _o.ended >= bindparam("since") if closed_too else _OPEN
    return Sql(
        _DOC.add_columns(_o.id, _o.ended)
        .where(
            _TENANT,
            work_orders.c[fact] == bindparam("fact"),
            span,
            or_(
                _o.fault_type == bindparam("fault_type"),
                _o.fault_type == literal_column("'other'"),
                bindparam("fault_type") == literal_column("'other'"),
            ),
        )
        .order_by(_o.ended.desc(), _o.id.desc())
        .limit(bindparam("limit"))
    )


_candidate = lru_cache(maxsize=4096)(decode_order)
"""One report after another is compared with the same work orders."""

_MATCHING = {
    "customer_id": _lately("customer_id", closed_too=True),
    "asset_id": _lately("asset_id", closed_too=True),
    "phone": _lately("phone", closed_too=True),
    "serial": _lately("serial", closed_too=False),
    "near": _lately("near", closed_too=False),
}
_RECENT = Sql(
    _DOC.add_columns(_o.id, _o.ended)
    .where(_TENANT, _OPEN, _o.opened_at >= bindparam("recent"))
    .order_by(_o.opened_at.desc(), _o.id.desc())
    .limit(literal_column(str(_NEWEST)))
)
_OF_CUSTOMER = Sql(
    _DOC.where(_TENANT, _o.customer_id == bindparam("customer_id"), _OPEN)
    .order_by(_o.id.desc())
    .limit(literal_column(str(_SHOWN)))
)
_OF_ASSET = Sql(
    _DOC.where(_TENANT, _o.asset_id == bindparam("asset_id"))
    .order_by(_o.ended.desc(), _o.id.desc())
    .limit(bindparam("limit"))
)
_FOR_STAFF = Sql(
    _DOC.where(_TENANT, _o.assignee == bindparam("staff_id"), _OPEN).order_by(
        _o.priority, _o.deadline_at, _o.id
    )
)


def _in_place(table: Table, *, since: bool, sender: bool, limit: int) -> Sql:
    """Work orders reported in (or shown in) one chat, open ones first."""
    conditions = [
        table.c.tenant == bindparam("tenant"),
        table.c.channel == bindparam("channel"),
        table.c.chat == bindparam("chat"),
        table.c.ended >= bindparam("since")
        if since
        else table.c.ended == literal_column(str(NEVER)),
    ]
    if sender:
        conditions.append(table.c.sender == bindparam("sender"))
    found = (
        select(table.c.order_id, table.c.ended)
        .where(*conditions)
        .distinct()
        .order_by(table.c.ended.desc(), table.c.order_id.desc())
        .limit(literal_column(str(limit)))
        .subquery()
    )
    return Sql(
        select(_d.doc)
        .select_from(found)
        .join(order_docs, and_(_d.tenant == bindparam("tenant"), _d.order_id == found.c.order_id))
        .order_by(_d.order_id.desc())
    )


_OF_CHAT = _in_place(order_chats, since=True, sender=False, limit=_MANY)
_OF_SENDER = _in_place(order_chats, since=True, sender=True, limit=_MANY)
_SHOWN_IN = _in_place(living_cards, since=False, sender=False, limit=_SHOWN)

_w = workload.c


def _jobs(scope: str, ref: object) -> Any:
    return select(literal_column(f"'{scope}'"), _w.staff_id, _w.jobs).where(
        _w.tenant == bindparam("tenant"), _w.scope == literal_column(f"'{scope}'"), _w.ref == ref
    )


_LOADS = Sql(
    _jobs("open", literal_column("''")).union_all(
        _jobs("customer", bindparam("customer")), _jobs("asset", bindparam("asset"))
    )
)


_ANSWERED = (
    select(_o.assignee, (_o.first_responded_at - _o.opened_at).label("taken"))
    .where(
        _TENANT,
        _o.opened_at >= bindparam("since"),
        _o.first_responded_at.is_not(None),
        _o.assignee != literal_column("''"),
    )
    .order_by(_o.opened_at.desc())
    .limit(literal_column(str(_ANSWERS)))
    .subquery()
)
_ANSWERS_IN = Sql(
    select(_ANSWERED.c.assignee, func.avg(_ANSWERED.c.taken)).group_by(_ANSWERED.c.assignee)
)


def _counting(insert: Insert) -> Any:
    row = insert(workload).values(values_of(workload))
    return row.on_conflict_do_update(
        index_elements=["tenant", "scope", "ref", "staff_id"],
        set_={"jobs": workload.c.jobs + row.excluded.jobs},
    )


def _numbering(insert: Insert) -> Any:
    counters = schema.counters
    row = insert(counters).values(
        tenant=bindparam("tenant"), name=bindparam("name"), value=literal_column("1")
    )
    return row.on_conflict_do_update(
        index_elements=["tenant", "name"], set_={"value": counters.c.value + literal_column("1")}
    ).returning(counters.c.value)


_COUNT = Sql(_counting)
_NUMBER = Sql(_numbering)


def events_of(session: Session, tenant: str, order_id: str) -> list[Event]:
    """The history of one work order."""
    return [event_of(row) for row in session.rows(_HISTORY, tenant=tenant, id=order_id)]


class SqlOrders:
    """Implements ``workflow.ports.Orders``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def _orders(self, sql: Sql, **params: object) -> list[WorkOrder]:
        return [order_of(r) for r in self._sql.rows(sql, tenant=self._scope.tenant, **params)]

    def _one(self, sql: Sql, **params: object) -> WorkOrder | None:
        row = self._sql.first(sql, tenant=self._scope.tenant, **params)
        return None if row is None else order_of(row)

    def get(self, order_id: str) -> WorkOrder:
        order = self._one(GET_ORDER, id=order_id)
        if order is None:
            raise UnknownTicket(order=order_id)
        return order

    def find(self, ref: str) -> WorkOrder | None:
        ref = ref.strip().lstrip("#")
        tail = int(ref) if ref.isascii() and ref.isdigit() and len(ref) <= 9 else 0  # noqa: PLR2004 - longer is no tail
        if tail:
            return self._one(_BY_TAIL, tail=tail)
        return self._one(_BY_NUMBER, number=ref.upper()) or self._one(GET_ORDER, id=ref)

    def history(self, order_id: str) -> Sequence[Event]:
        return events_of(self._sql, self._scope.tenant, order_id)

    def next_number(self, prefix: str) -> str:
        row = self._sql.first(_NUMBER, tenant=self._scope.tenant, name=prefix)
        assert row is not None  # noqa: S101 - an upsert that returns always returns
        return f"{prefix}-{row[0]:04d}"

    def save(self, order: WorkOrder, events: Sequence[Event], expected_version: int) -> None:
        if order.tenant != self._scope.tenant:
            raise UnknownTicket(order=order.id)
        if order.version <= expected_version:
            order = replace(order, version=expected_version + 1)
        row = order_row(order)
        if expected_version == 0:
            self._sql.change(_INSERT, **row)
            self._after_insert(order, row)
        else:
            self._update(order, row, expected_version)
        doc = {"tenant": order.tenant, "order_id": order.id, "doc": encode(order)}
        self._sql.append(_PUT_DOC, doc)
        for event in events:
            self._sql.append(_ADD_EVENT, event_row(event))
        self._scope.touch("orders", f"order:{order.id}")

    def _after_insert(self, order: WorkOrder, row: dict[str, Any]) -> None:
        self._write_chats(order, row["ended"])
        self._recount(order, "", 0, order.assignee, row["ended"])
        if order.open:
            lookalikes.put(self._sql, order, row["opened_at"])

    def _update(self, order: WorkOrder, row: dict[str, Any], expected: int) -> None:
        before = self._sql.first(_BEFORE, tenant=order.tenant, id=order.id)
        if before is None:
            raise UnknownTicket(order=order.id)
        version, assignee, ended, reporters, first_due, said = before
        if version != expected:
            raise Conflict(order=order.id, expected=expected, found=version)
        row["first_due_at"] = row["first_due_at"] or first_due
        key = {"its_tenant": row.pop("tenant"), "its_id": row.pop("id"), "expected": expected}
        del row["number"], row["tail"]
        if self._sql.change(_UPDATE, **row, **key) != 1:
            raise Conflict(order=order.id, expected=expected)
        if len(order.reporters) != reporters:
            self._sql.change(_DROP_CHATS, tenant=order.tenant, id=order.id)
            self._write_chats(order, row["ended"])
        elif row["ended"] != ended:
            self._sql.change(_END_CHATS, its_tenant=order.tenant, id=order.id, ended=row["ended"])
        if row["ended"] != ended:
            self._sql.change(_END_CARDS, its_tenant=order.tenant, id=order.id, ended=row["ended"])
        self._recount(order, assignee, ended, order.assignee, row["ended"])
        if row["ended"] != ended or row["haystack"] != said:
            lookalikes.drop(self._sql, order.tenant, order.id)
            if order.open:
                lookalikes.put(self._sql, order, row["opened_at"])

    def _write_chats(self, order: WorkOrder, ended: int) -> None:
        for channel, chat, sender in dict.fromkeys(
            (r.place.channel, r.place.chat, r.sender) for r in order.reporters
        ):
            self._sql.append(
                _ADD_CHAT,
                {
                    "tenant": order.tenant,
                    "order_id": order.id,
                    "channel": channel,
                    "chat": chat,
                    "sender": sender,
                    "ended": ended,
                },
            )

    def _recount(
        self, order: WorkOrder, was: str, was_ended: int, now: str, now_ended: int
    ) -> None:
        """Keep the counts of open and past jobs in step with this change."""
        carried = was if was_ended == NEVER else ""
        carries = now if now_ended == NEVER else ""
        if carried != carries:
            self._count(order, "open", "", carried, -1)
            self._count(order, "open", "", carries, +1)
        if was_ended == NEVER and now_ended != NEVER:
            self._count(order, "customer", order.customer_id, now, +1)
            self._count(order, "asset", order.asset_id, now, +1)

    def _count(self, order: WorkOrder, scope: str, ref: str, staff_id: str, by: int) -> None:
        if not staff_id or (scope != "open" and not ref):
            return
        row = {"tenant": order.tenant, "scope": scope, "ref": ref, "staff_id": staff_id}
        self._sql.append(_COUNT, {**row, "jobs": by})

    def matching(self, match: Match) -> Sequence[WorkOrder]:
        given = {
            "customer_id": match.customer_id,
            "asset_id": match.asset_id,
            "phone": match.phone,
            "serial": key_of(match.serial),
            "near": neighbourhood(match.place) if match.place else "",
        }
        since = NEVER if match.since is None else micros(match.since)
        found: dict[str, tuple[int, str]] = {}
        for name, fact in given.items():
            if not fact:
                continue
            params = {"fact": fact, "fault_type": match.fault_type, "limit": _MANY}
            if name in {"customer_id", "asset_id", "phone"}:
                params["since"] = since
            for doc, order_id, ended in self._sql.rows(
                _MATCHING[name], tenant=self._scope.tenant, **params
            ):
                found[order_id] = (ended, doc)
        newest = sorted(found.items(), key=lambda f: (f[1][0], f[0]), reverse=True)[:_MANY]
        docs = {order_id: doc for order_id, (_, doc) in newest}
        alike = lookalikes.find(self._sql, self._scope.tenant, match.words)
        docs = {**docs, **{order_id: doc for doc, order_id in alike}}
        if match.recent is not None:
            rows = self._sql.rows(_RECENT, tenant=self._scope.tenant, recent=micros(match.recent))
            docs = {**docs, **{order_id: doc for doc, order_id, _ in rows}}
        return [_candidate(doc) for doc in docs.values()]

    def open_of_customer(self, customer_id: str) -> Sequence[WorkOrder]:
        return self._orders(_OF_CUSTOMER, customer_id=customer_id) if customer_id else []

    def of_chat(self, place: ChatRef, sender: str = "") -> Sequence[WorkOrder]:
        since = micros(self._scope.now() - _LATELY)
        where = {"channel": place.channel, "chat": place.chat, "since": since}
        if sender:
            return self._orders(_OF_SENDER, **where, sender=sender)
        return self._orders(_OF_CHAT, **where)

    def open_for_staff(self, staff_id: str) -> Sequence[WorkOrder]:
        return self._orders(_FOR_STAFF, staff_id=staff_id) if staff_id else []

    def shown_in(self, place: ChatRef) -> Sequence[WorkOrder]:
        return self._orders(_SHOWN_IN, channel=place.channel, chat=place.chat)

    def loads(self, customer_id: str, asset_id: str) -> Mapping[str, Load]:
        named = {"open": "open", "customer": "for_customer", "asset": "for_asset"}
        counts: dict[str, dict[str, int]] = {}
        for scope, staff_id, jobs in self._sql.rows(
            _LOADS, tenant=self._scope.tenant, customer=customer_id, asset=asset_id
        ):
            counts.setdefault(staff_id, {})[named[scope]] = jobs
        return {staff_id: Load(**jobs) for staff_id, jobs in counts.items()}

    def answers_in(self, since: datetime) -> Mapping[str, timedelta]:
        rows = self._sql.rows(_ANSWERS_IN, tenant=self._scope.tenant, since=micros(since))
        return {staff_id: timedelta(microseconds=float(mean)) for staff_id, mean in rows}

    def of_asset(self, asset_id: str, limit: int) -> Sequence[WorkOrder]:
        return self._orders(_OF_ASSET, asset_id=asset_id, limit=limit) if asset_id else []
