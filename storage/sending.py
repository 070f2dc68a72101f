"""Sending: giving notices to whoever delivers them, and recording what the channel answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, literal_column, null, or_, select, text, update

from storage.codec import instant, maybe_micros, micros
from storage.database import Insert, Row, Session, Sql, lock_number
from storage.outbox import (
    PENDING,
    QUEUED,
    SAME_PLACE,
    SENDING,
    TENANT,
    WITH_CARD,
    WITHDRAW,
    queued_of,
)
from storage.schema import NEVER, living_cards, outbox, work_orders
from workflow.kept import Queued
from workflow.records import ChatRef, Receipt

_LEASE = timedelta(seconds=60)
"""What programs that know of no holders go by; they may be at work beside us for a while."""

_n = outbox.c
_spoken_to = outbox.alias("spoken_to")

_WAITING = Sql(
    select(*QUEUED, _n.topic, _n.channel, _n.chat, _n.urgency)
    .select_from(WITH_CARD)
    .where(
        TENANT,
        PENDING,
        _n.next_at <= bindparam("now"),
        ~select(_spoken_to.c.id)
        .where(
            _spoken_to.c.tenant == _n.tenant,
            _spoken_to.c.state == literal_column("'sending'"),
            _spoken_to.c.channel == _n.channel,
            _spoken_to.c.chat == _n.chat,
            _spoken_to.c.holder != bindparam("me"),
        )
        .exists(),
    )
    .order_by(_n.urgency, _n.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, of=outbox)
)
_TURN = Sql(text("SELECT pg_try_advisory_xact_lock(:number)"))
_OUT = Sql(
    select(*QUEUED, _n.topic, _n.channel, _n.chat, _n.urgency, _n.holder, _n.lease_until)
    .select_from(WITH_CARD)
    .where(TENANT, SENDING)
    .order_by(_n.urgency, _n.id)
)
_TAKE = Sql(
    update(outbox)
    .where(
        TENANT,
        _n.id == bindparam("its_id"),
        _n.attempts == bindparam("tries"),
        or_(PENDING, SENDING),
    )
    .values(
        state=literal_column("'sending'"),
        attempts=_n.attempts + literal_column("1"),
        lease_until=bindparam("until"),
        holder=bindparam("me"),
    )
)
_NEWER = Sql(
    select(_n.key)
    .where(TENANT, *SAME_PLACE, PENDING, _n.id > bindparam("its_id"))
    .order_by(_n.id.desc())
    .limit(literal_column("1"))
)
_WITHDRAWN = Sql(select(_n.superseded_by).where(TENANT, _n.id == bindparam("its_id")))
_SENT = Sql(
    update(outbox)
    .where(TENANT, _n.id == bindparam("its_id"), _n.state != literal_column("'sent'"))
    .values(
        state=literal_column("'sent'"),
        tried_at=bindparam("at"),
        sent_at=bindparam("received"),
        message_id=bindparam("message"),
        degraded=bindparam("poorer"),
        channel=bindparam("to_channel"),
        chat=bindparam("to_chat"),
        lease_until=null(),
        error=literal_column("''"),
        superseded_by=literal_column("''"),
    )
)
_UNSENT = Sql(
    update(outbox)
    .where(TENANT, _n.id == bindparam("its_id"), _n.attempts == bindparam("tries"), SENDING)
    .values(
        state=bindparam("becomes"),
        tried_at=bindparam("at"),
        error=bindparam("why"),
        next_at=bindparam("again"),
        superseded_by=bindparam("by"),
        lease_until=null(),
    )
)


_SAID = Sql(
    select(_n.sent_at)
    .where(
        TENANT,
        _n.channel == bindparam("channel"),
        _n.chat == bindparam("chat"),
        _n.state == literal_column("'sent'"),
        _n.sent_at > bindparam("since"),
        _n.holder != bindparam("me"),
    )
    .group_by(_n.message_id, _n.sent_at)
)


def _remember(insert: Insert) -> Any:
    row = insert(living_cards).values(
        tenant=bindparam("tenant"),
        topic=bindparam("topic"),
        channel=bindparam("channel"),
        chat=bindparam("chat"),
        order_id=bindparam("order_id"),
        message_id=bindparam("message_id"),
        at=bindparam("at"),
        ended=bindparam("ended"),
    )
    return row.on_conflict_do_update(
        index_elements=["tenant", "topic", "channel", "chat"],
        set_={"message_id": row.excluded.message_id, "at": row.excluded.at},
    )


_CARD_SENT = Sql(_remember)
_ENDED = Sql(
    select(work_orders.c.ended).where(
        work_orders.c.tenant == bindparam("tenant"), work_orders.c.id == bindparam("order_id")
    )
)


def said_elsewhere(
    session: Session, tenant: str, to: ChatRef, since: datetime, me: str
) -> list[datetime]:
    """When others sent into a chat; notices that went out together are one message."""
    place = {"channel": to.channel, "chat": to.chat}
    rows = session.rows(_SAID, tenant=tenant, **place, since=micros(since), me=me)
    return [instant(row[0]) for row in rows]


@dataclass(frozen=True, slots=True)
class Crew:
    """Who sends: this process, what it has in hands, and who else may be at work."""

    me: str
    hands: frozenset[int]
    others: Callable[[Session], Sequence[str]]


class Sending:
    """Giving notices to senders and recording what they answered, within one unit."""

    def __init__(self, session: Session, tenant: str) -> None:
        self._sql = session
        self._tenant = tenant

    def claim(
        self, now: datetime, limit: int, crew: Crew, without: Collection[str] = ()
    ) -> Sequence[Queued]:
        """Take what is due: most urgent first, one at a time of a topic in a chat, and nothing of
        a chat that another process speaks into. What a process that is gone had in hands comes
        back as ``unknown``. Processes take turns; nothing comes when it is another's.
        """
        if not self._our_turn():
            return []
        busy, taken = self._left_behind(crew)
        found = self._sql.rows(
            _WAITING, tenant=self._tenant, now=micros(now), limit=4 * limit, me=crew.me
        )
        taken += [(row, "sending") for row in found]
        taken.sort(key=lambda t: (t[0][16], t[0][0]))
        until = micros(datetime.now(UTC) + _LEASE)
        claimed: list[Queued] = []
        for row, state in taken:
            place = row[13:16]
            if len(claimed) == limit:
                break
            if (place[0] and place in busy) or place[1] in without:
                continue
            busy.add(place)
            its = {"tenant": self._tenant, "its_id": row[0], "tries": row[5]}
            if self._sql.change(_TAKE, **its, until=until, me=crew.me):
                claimed.append(queued_of((*row[:4], state, row[5] + 1, *row[6:13])))
        return claimed

    def _our_turn(self) -> bool:
        if self._sql.dialect != "postgresql":
            return True
        row = self._sql.first(_TURN, number=lock_number(self._tenant, "outbox"))
        return bool(row and row[0])

    def _left_behind(self, crew: Crew) -> tuple[set[Row], list[tuple[Row, str]]]:
        """The topics and chats that are being spoken into, and the notices that nobody holds any
        more although they were given out.
        """
        busy: set[Row] = set()
        taken: list[tuple[Row, str]] = []
        out = self._sql.rows(_OUT, tenant=self._tenant)
        others = set(crew.others(self._sql)) if any(row[17] != crew.me for row in out) else set()
        now = micros(datetime.now(UTC))
        for row in out:
            place, holder, lease_until = row[13:16], row[17], row[18]
            held = row[0] in crew.hands if holder == crew.me else holder in others
            if held or (not holder and (lease_until or 0) > now):
                busy.add(place)
            elif not self._replaced(row[0], place):
                taken.append((row, "unknown"))
        return busy, taken

    def _replaced(self, number: int, place: Row) -> bool:
        """Let a notice whose outcome is unknown go, if it is not wanted any more."""
        by = self._unwanted(number, place)
        if by:
            told = f"{by} (its outcome is unknown)"
            self._sql.change(WITHDRAW, tenant=self._tenant, its_id=number, by=told)
        return bool(by)

    def _unwanted(self, number: int, place: Row) -> str:
        """Why a notice in somebody's hands need not be tried again: it was withdrawn meanwhile,
        or there is a newer one of its topic and chat.
        """
        row = self._sql.first(_WITHDRAWN, tenant=self._tenant, its_id=number)
        if row is not None and row[0]:
            return str(row[0])
        topic, channel, chat = place
        if not topic:
            return ""
        row = self._sql.first(
            _NEWER,
            tenant=self._tenant,
            its_id=number,
            its_topic=topic,
            its_channel=channel,
            its_chat=chat,
        )
        return row[0] if row else ""

    def sent(self, queued: Queued, receipt: Receipt, at: datetime) -> bool:
        """Record a receipt, however late it comes, and remember the living card."""
        notice = queued.notice
        changed = self._sql.change(
            _SENT,
            tenant=self._tenant,
            its_id=queued.id,
            at=micros(at),
            received=micros(receipt.at),
            message=receipt.message_id,
            poorer=receipt.degraded,
            to_channel=notice.to.channel,
            to_chat=notice.to.chat,
        )
        if changed and notice.topic and notice.card is not None:
            order_id = notice.order_id or ""
            row = self._sql.first(_ENDED, tenant=self._tenant, order_id=order_id)
            self._sql.change(
                _CARD_SENT,
                tenant=self._tenant,
                topic=notice.topic,
                channel=notice.to.channel,
                chat=notice.to.chat,
                order_id=order_id,
                message_id=receipt.message_id,
                at=micros(receipt.at),
                ended=row[0] if row else NEVER,
            )
        return changed == 1

    def failed(self, queued: Queued, error: str, retry_at: datetime | None, at: datetime) -> bool:
        """Back to waiting, or dead; unless it has passed to somebody else."""
        place = (queued.notice.topic, queued.notice.to.channel, queued.notice.to.chat)
        unwanted = self._unwanted(queued.id, place)
        becomes = "superseded" if unwanted else "dead" if retry_at is None else "pending"
        changed = self._sql.change(
            _UNSENT,
            tenant=self._tenant,
            its_id=queued.id,
            tries=queued.attempts,
            becomes=becomes,
            at=micros(at),
            why=error,
            again=maybe_micros(retry_at) or 0,
            by=unwanted,
        )
        return changed == 1
