"""The outbox: notices planned by a unit of work, written with what caused them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import and_, bindparam, func, insert, literal_column, null, or_, select, update

from storage.codec import decoder, encode, instant, maybe_instant, maybe_micros, micros
from storage.database import Row, Sql
from storage.schema import living_cards, outbox
from storage.scope import Scope
from workflow.kept import Queued
from workflow.records import Notice, NoticeState, Receipt, Urgency
from workflow.tracing import CAUSE

decode_notice = decoder(Notice)

_n = outbox.c
TENANT = _n.tenant == bindparam("tenant")
_IS = {state: _n.state == literal_column(f"'{state}'") for state in NoticeState}
PENDING, SENDING = _IS[NoticeState.PENDING], _IS[NoticeState.SENDING]
SAME_PLACE = (
    _n.topic == bindparam("its_topic"),
    _n.channel == bindparam("its_channel"),
    _n.chat == bindparam("its_chat"),
)

_KNOWN = Sql(select(_n.id).where(TENANT, _n.key == bindparam("key")))
_ADD = Sql(
    insert(outbox).values(
        {
            name: bindparam(name)
            for name in (
                *("tenant", "key", "kind", "channel", "chat", "urgency", "order_id"),
                *("person", "role", "topic", "state", "created_at", "next_at", "doc"),
            )
        }
    )
)
_SUPERSEDE = Sql(
    update(outbox)
    .where(TENANT, *SAME_PLACE, PENDING, _n.key != bindparam("by"))
    .values(state=literal_column("'superseded'"), superseded_by=bindparam("by"))
)
_UNSENT_OF = Sql(
    select(_n.id, _n.kind).where(
        TENANT, _n.order_id == bindparam("order_id"), or_(PENDING, SENDING)
    )
)
_TAKE_BACK = Sql(
    update(outbox)
    .where(TENANT, _n.id == bindparam("its_id"), PENDING)
    .values(state=literal_column("'superseded'"), superseded_by=bindparam("by"))
)
_LAST_TRY = Sql(
    update(outbox)
    .where(TENANT, _n.id == bindparam("its_id"), SENDING)
    .values(superseded_by=bindparam("by"))
)
WITHDRAW = Sql(
    update(outbox)
    .where(TENANT, _n.id == bindparam("its_id"), or_(PENDING, SENDING))
    .values(
        state=literal_column("'superseded'"),
        superseded_by=bindparam("by"),
        lease_until=null(),
    )
)
_SENT_TO = Sql(
    select(func.count()).where(
        TENANT,
        _n.person == bindparam("person"),
        _n.created_at >= bindparam("since"),
        _n.urgency.not_in([literal_column(str(int(u))) for u in (Urgency.REPLY, Urgency.CARD)]),
        _n.state.not_in([literal_column("'superseded'"), literal_column("'dead'")]),
    )
)
_CONFIRMED = Sql(
    select(_n.id)
    .where(
        TENANT,
        _n.order_id == bindparam("order_id"),
        _n.role == bindparam("role"),
        _IS[NoticeState.SENT],
    )
    .limit(literal_column("1"))
)
_CAME_BACK = Sql(
    update(outbox)
    .where(TENANT, _n.id == bindparam("its_id"), _IS[NoticeState.SENT])
    .values(state=literal_column("'dead'"), error=bindparam("why"))
)
_RETRY = Sql(
    update(outbox)
    .where(TENANT, _n.id == bindparam("its_id"), _IS[NoticeState.DEAD])
    .values(
        state=literal_column("'pending'"),
        attempts=literal_column("0"),
        next_at=bindparam("at"),
        error=literal_column("''"),
    )
)

_COLUMNS = (
    _n.id,
    _n.tenant,
    _n.doc,
    _n.created_at,
    _n.state,
    _n.attempts,
    _n.next_at,
    _n.error,
    _n.message_id,
    _n.sent_at,
    _n.degraded,
    _n.superseded_by,
)
QUEUED = (*_COLUMNS, living_cards.c.message_id.label("previous"))
WITH_CARD = outbox.outerjoin(
    living_cards,
    and_(
        living_cards.c.tenant == _n.tenant,
        living_cards.c.topic == _n.topic,
        living_cards.c.channel == _n.channel,
        living_cards.c.chat == _n.chat,
    ),
)
NEXT_NOTICE = Sql(select(func.min(_n.next_at)).where(TENANT, PENDING))
DEAD = Sql(
    select(*QUEUED)
    .select_from(WITH_CARD)
    .where(TENANT, _IS[NoticeState.DEAD])
    .order_by(_n.id.desc())
    .limit(bindparam("limit"))
)
OF_ORDER = Sql(
    select(*QUEUED)
    .select_from(WITH_CARD)
    .where(TENANT, _n.order_id == bindparam("order_id"))
    .order_by(_n.id)
)
AFTER = Sql(
    select(*QUEUED)
    .select_from(WITH_CARD)
    .where(TENANT, _n.id > bindparam("after"))
    .order_by(_n.id)
    .limit(bindparam("limit"))
)


def queued_of(row: Row) -> Queued:
    """A queued notice from its row."""
    number, tenant, doc, created, state, attempts, next_at, error = row[:8]
    message, sent_at, degraded, superseded_by, previous = row[8:13]
    receipt = Receipt(message, instant(sent_at), degraded) if sent_at is not None else None
    return Queued(
        id=number,
        tenant=tenant,
        notice=decode_notice(doc),
        created_at=instant(created),
        state=state,
        attempts=attempts,
        next_at=maybe_instant(next_at),
        error=error,
        receipt=receipt,
        superseded_by=superseded_by,
        previous=previous or "",
    )


class SqlOutbox:
    """Implements ``workflow.ports.Outbox``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session
        self._keys: set[str] = set()
        self._topics: set[tuple[str, str, str]] = set()

    def add(self, notice: Notice) -> bool:
        tenant, key, cause = self._scope.tenant, notice.key, CAUSE.get()
        if key in self._keys or self._sql.peek(_KNOWN, tenant=tenant, key=key) is not None:
            return False
        self._keys.add(key)
        if cause and not notice.cause:
            notice = replace(notice, cause=cause)
        self._supersede(notice)
        now = micros(self._scope.now())
        row = {
            "tenant": tenant,
            "key": notice.key,
            "kind": notice.kind,
            "channel": notice.to.channel,
            "chat": notice.to.chat,
            "urgency": int(notice.urgency),
            "order_id": notice.order_id or "",
            "person": notice.person or "",
            "role": notice.role,
            "topic": notice.topic or "",
            "state": "pending",
            "created_at": now,
            "next_at": maybe_micros(notice.not_before) or now,
            "doc": encode(notice),
        }
        self._sql.append(_ADD, row)
        self._scope.touch("outbox")
        return True

    def _supersede(self, notice: Notice) -> None:
        """The waiting notice of the same topic and chat gives way, also one of this unit."""
        if not notice.topic:
            return
        place = (notice.topic, notice.to.channel, notice.to.chat)
        if place in self._topics:
            self._sql.flush()
        self._topics.add(place)
        topic, channel, chat = place
        self._sql.append(
            _SUPERSEDE,
            {
                "tenant": self._scope.tenant,
                "its_topic": topic,
                "its_channel": channel,
                "its_chat": chat,
                "by": notice.key,
            },
        )

    def cancel(self, order_id: str, reason: str, keep: Iterable[str] = ()) -> int:
        kept = frozenset(keep)
        unsent = self._sql.rows(_UNSENT_OF, tenant=self._scope.tenant, order_id=order_id)
        doomed = [number for number, kind in unsent if kind not in kept]
        changed = 0
        for number in doomed:
            its = {"tenant": self._scope.tenant, "its_id": number, "by": reason}
            changed += self._sql.change(_TAKE_BACK, **its)
            self._sql.change(_LAST_TRY, **its)
        return changed

    def sent_to(self, person: str, since: datetime) -> int:
        row = self._sql.first(
            _SENT_TO, tenant=self._scope.tenant, person=person, since=micros(since)
        )
        return row[0] if row else 0

    def confirmed(self, order_id: str, role: str) -> bool:
        row = self._sql.first(_CONFIRMED, tenant=self._scope.tenant, order_id=order_id, role=role)
        return row is not None

    def came_back(self, order_id: str, message_id: str, why: str) -> Sequence[Queued]:
        rows = self._sql.rows(OF_ORDER, tenant=self._scope.tenant, order_id=order_id)
        sent = [queued_of(row) for row in rows if row[4] == NoticeState.SENT]
        lost = [one for one in sent if one.receipt and one.receipt.message_id == message_id]
        for one in lost:
            self._sql.change(_CAME_BACK, tenant=self._scope.tenant, its_id=one.id, why=why)
        return [replace(one, state=NoticeState.DEAD, error=why) for one in lost]

    def retry(self, notice_id: int) -> None:
        at = micros(self._scope.now())
        if self._sql.change(_RETRY, tenant=self._scope.tenant, its_id=notice_id, at=at):
            self._scope.touch("outbox")
