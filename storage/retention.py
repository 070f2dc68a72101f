"""Letting go of what has been kept long enough, a bounded batch at a time.

Nothing of an open work order, an open case or an unsent notice is touched. A work order goes whole,
with its chain, or not at all; of notices only their words go, so that who was told when stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from storage.codec import encode
from storage.database import Row, Session, Sql
from storage.outbox import decode_notice
from storage.schema import (
    NEVER,
    articles,
    blobs,
    cases,
    corrections,
    events,
    inbox,
    ledger,
    living_cards,
    lookalikes,
    order_chats,
    order_docs,
    outbox,
    posts,
    readings,
    surge_reports,
    timers,
    work_orders,
)

MESSAGES: Final = 500
"""Messages looked at in one unit."""
ORDERS: Final = 20
"""Work orders taken up in one unit."""

_BLOB: Final = re.compile(r"[0-9a-f]{64}")
_o, _i, _n, _p, _r, _c = work_orders.c, inbox.c, outbox.c, posts.c, readings.c, cases.c
_DAY = 86_400_000_000
_SETTLED = ("sent", "superseded", "dead")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch did: how many things went, where the next begins, whether there is one now."""

    gone: int
    after: str
    more: bool


def _words(column: Any, words: Iterable[str]) -> Any:
    return column.in_([literal_column(f"'{word}'") for word in words])


def _of(table: Table, *more: Any) -> Any:
    """Rows of a tenant's work order."""
    return (table.c.tenant == bindparam("tenant"), table.c.order_id == bindparam("order_id"), *more)


# --- messages -------------------------------------------------------------------------------------

_SEEN = Sql(
    select(_i.id, _i.dedupe_key, _i.conversation, _i.received_at, _i.state, _i.order_id, _i.outcome)
    .where(_i.tenant == bindparam("tenant"), _i.id > bindparam("after"))
    .order_by(_i.id)
    .limit(bindparam("limit"))
)
_NEWEST = Sql(select(func.max(_i.id)))
"""SQLite gives the number of a newest row that went to the next that comes."""
_DROP_MESSAGE = Sql(
    delete(inbox).where(_i.tenant == bindparam("tenant"), _i.id == bindparam("its_id"))
)
_UNCORRECTED = not_(
    select(corrections.c.id)
    .where(corrections.c.tenant == _r.tenant, corrections.c.message == _r.message)
    .exists()
)
_DROP_READING = Sql(
    delete(readings).where(
        _r.tenant == bindparam("tenant"), _r.message == bindparam("message"), _UNCORRECTED
    )
)
_chats = order_chats.alias("spoken_in")
_HERE = (
    _chats.c.tenant == _p.tenant,
    _chats.c.channel == _p.channel,
    _chats.c.chat == _p.chat,
)
_IN_PLACE = (
    _p.tenant == bindparam("tenant"),
    _p.channel == bindparam("its_channel"),
    _p.chat == bindparam("its_chat"),
    _p.at < bindparam("before"),
)
_DROP_STRAY_POSTS = Sql(
    delete(posts).where(*_IN_PLACE, not_(select(_chats.c.order_id).where(*_HERE).exists()))
)
_DROP_POSTS = Sql(
    delete(posts).where(
        *_IN_PLACE,
        not_(
            select(_chats.c.order_id)
            .where(*_HERE, _chats.c.ended == literal_column(str(NEVER)))
            .exists()
        ),
    )
)
_STRAY_NOTICES = Sql(
    select(_n.id)
    .where(
        _n.tenant == bindparam("tenant"),
        _n.order_id == literal_column("''"),
        _n.created_at < bindparam("before"),
        _words(_n.state, ("sent", "superseded")),
    )
    .order_by(_n.id)
    .limit(bindparam("limit"))
)
_DROP_NOTICE = Sql(
    delete(outbox).where(_n.tenant == bindparam("tenant"), _n.id == bindparam("its_id"))
)
_OLDEST_CASE = Sql(
    select(func.min(_c.at)).where(
        _c.tenant == bindparam("tenant"), _c.state == literal_column("'open'")
    )
)
_DROP_CASES = Sql(
    delete(cases).where(
        _c.tenant == bindparam("tenant"),
        _c.at < bindparam("before"),
        _c.order_id == literal_column("''"),
        _c.state != literal_column("'open'"),
    )
)


def chatter(session: Session, tenant: str, before: int, after: str) -> Batch:
    """Settled messages that led to no work order and to no case, and what was answered to them."""
    return _stray(session, tenant, before, after, cases_too=False)


def case_messages(session: Session, tenant: str, before: int, after: str) -> Batch:
    """Those that led to a case, with the cases; none younger than a case that is still open."""
    row = session.first(_OLDEST_CASE, tenant=tenant)
    if row is not None and row[0] is not None:
        before = min(before, row[0] - _DAY)
    return _stray(session, tenant, before, after, cases_too=True)


def _stray(session: Session, tenant: str, before: int, after: str, *, cases_too: bool) -> Batch:
    rows = session.rows(_SEEN, tenant=tenant, after=int(after or 0), limit=MESSAGES)
    due = [row for row in rows if row[3] < before]
    gone = 0
    for number, key, conversation, _, state, order_id, outcome in due:
        if state != "done" or order_id or outcome.startswith("case") != cases_too:
            continue
        gone += session.change(_DROP_MESSAGE, tenant=tenant, its_id=number)
        session.change(_DROP_READING, tenant=tenant, message=key)
        channel, _, chat = conversation.partition("/")
        place = {"its_channel": channel, "its_chat": chat}
        session.change(_DROP_STRAY_POSTS, tenant=tenant, before=before, **place)
    more = len(due) == MESSAGES
    if cases_too and not more:
        gone += session.change(_DROP_CASES, tenant=tenant, before=before)
    newest = session.first(_NEWEST)
    last = min(due[-1][0] if due else int(after or 0), newest[0] or 0 if newest else 0)
    return Batch(gone, str(last), more)


def stray_notices(session: Session, tenant: str, before: int, after: str) -> Batch:
    """Sent answers that belong to no work order."""
    rows = session.rows(_STRAY_NOTICES, tenant=tenant, before=before, limit=MESSAGES)
    for (number,) in rows:
        session.change(_DROP_NOTICE, tenant=tenant, its_id=number)
    return Batch(len(rows), after, len(rows) == MESSAGES)


# --- closed work orders ---------------------------------------------------------------------------

_NEVER: Any = literal_column(str(NEVER))
_ONE: Any = literal_column("1")
_family = work_orders.alias("family")
_CLOSED = Sql(
    select(_o.id, _o.ended, _o.number, _o.head)
    .where(
        _o.tenant == bindparam("tenant"),
        _o.ended < bindparam("before"),
        or_(
            _o.ended > bindparam("since"),
            and_(_o.ended == bindparam("since"), _o.id > bindparam("its_id")),
        ),
    )
    .order_by(_o.ended, _o.id)
    .limit(bindparam("limit"))
)
_BOUND = tuple(
    Sql(
        select(_family.c.id)
        .where(_family.c.tenant == bindparam("tenant"), _family.c.ended == _NEVER, kin)
        .limit(_ONE)
    )
    for kin in (
        and_(_family.c.parent == bindparam("its_number"), _family.c.parent != literal_column("''")),
        _family.c.number
        == select(_o.parent)
        .where(_o.tenant == bindparam("tenant"), _o.number == bindparam("its_number"))
        .scalar_subquery(),
    )
)
"""Open children, and an open parent: families name each other by their numbers."""
_UNDECIDED = Sql(select(_c.id).where(*_of(cases, _c.state == literal_column("'open'"))).limit(_ONE))
_UNSENT = Sql(
    select(_n.id).where(*_of(outbox, _words(_n.state, ("pending", "sending")))).limit(_ONE)
)
_UNSETTLED = Sql(select(_i.id).where(*_of(inbox, _i.state != literal_column("'done'"))).limit(_ONE))
_PLACES = Sql(select(order_chats.c.channel, order_chats.c.chat).where(*_of(order_chats)).distinct())
_DROP_ITS_MESSAGES = Sql(delete(inbox).where(*_of(inbox, _i.state == literal_column("'done'"))))
_DROP_ITS_READINGS = Sql(delete(readings).where(*_of(readings, _UNCORRECTED)))
_ITS_NOTICES = Sql(select(_n.id, _n.doc).where(*_of(outbox, _words(_n.state, _SETTLED))))
_STRIP = Sql(
    update(outbox)
    .where(_n.tenant == bindparam("tenant"), _n.id == bindparam("its_id"))
    .values(doc=bindparam("its_doc"))
)
_DROP_TIMERS = Sql(
    delete(timers).where(
        timers.c.tenant == bindparam("tenant"), timers.c.subject == bindparam("subject")
    )
)
_DROP_ORDER = Sql(
    delete(work_orders).where(_o.tenant == bindparam("tenant"), _o.id == bindparam("order_id"))
)
_WITH_IT = (
    *(events, order_docs, lookalikes, surge_reports, living_cards, outbox, inbox, cases),
    order_chats,
)
_WHOLE = (*(Sql(delete(table).where(*_of(table))) for table in _WITH_IT), _DROP_ITS_READINGS)
_RETIRED = Sql(insert(ledger).values({name: bindparam(name) for name in ("tenant", "key", "at")}))


def _closed(session: Session, tenant: str, before: int, after: str) -> tuple[list[Row], str]:
    """Work orders closed before then, from a place on; and where the next begin."""
    since, _, number = after.partition(":")
    rows = session.rows(
        _CLOSED,
        tenant=tenant,
        before=before,
        since=int(since or -1),
        its_id=number,
        limit=ORDERS,
    )
    return rows, f"{rows[-1][1]}:{rows[-1][0]}" if rows else after


def messages(session: Session, tenant: str, before: int, after: str) -> Batch:
    """What was said about closed work orders, and what was understood of it."""
    rows, last = _closed(session, tenant, before, after)
    gone = 0
    for order_id, ended, *_ in rows:
        its = {"tenant": tenant, "order_id": order_id}
        gone += session.change(_DROP_ITS_MESSAGES, **its)
        session.change(_DROP_ITS_READINGS, **its)
        for channel, chat in session.rows(_PLACES, **its):
            place = {"its_channel": channel, "its_chat": chat}
            gone += session.change(_DROP_POSTS, tenant=tenant, before=ended + 1, **place)
    return Batch(gone, last, len(rows) == ORDERS)


def notices(session: Session, tenant: str, before: int, after: str) -> Batch:
    """The words of what was told about closed work orders."""
    rows, last = _closed(session, tenant, before, after)
    gone = 0
    for order_id, *_ in rows:
        for number, doc in session.rows(_ITS_NOTICES, tenant=tenant, order_id=order_id):
            notice = decode_notice(doc)
            bare = replace(notice, text="", card=None, mentions=())
            if bare != notice:
                gone += session.change(_STRIP, tenant=tenant, its_id=number, its_doc=encode(bare))
    return Batch(gone, last, len(rows) == ORDERS)


def orders(session: Session, tenant: str, before: int, after: str, now: int) -> Batch:
    """Closed work orders with everything of theirs, except those whose family is still open, who
    have a case to decide or a notice to send. The ledger keeps number and last hash.
    """
    rows, last = _closed(session, tenant, before, after)
    gone = 0
    for order_id, _, number, head in rows:
        its = {"tenant": tenant, "order_id": order_id}
        kin = {"tenant": tenant, "its_number": number}
        if any(session.first(sql, **kin) for sql in _BOUND):
            continue
        if any(session.first(sql, **its) for sql in (_UNDECIDED, _UNSENT, _UNSETTLED)):
            continue
        for sql in _WHOLE:
            session.change(sql, **its)
        session.change(_DROP_TIMERS, tenant=tenant, subject=f"order:{order_id}")
        session.change(_DROP_ORDER, **its)
        session.change(_RETIRED, tenant=tenant, key=f"retired:{number}:{head}", at=now)
        gone += 1
    return Batch(gone, last, len(rows) == ORDERS)


# --- attachments ----------------------------------------------------------------------------------

_NEEDED = (
    Sql(
        select(events.c.data)
        .select_from(
            events.join(
                work_orders,
                and_(_o.tenant == events.c.tenant, _o.id == events.c.order_id),
            )
        )
        .where(_o.ended == _NEVER)
    ),
    Sql(
        select(_i.doc)
        .select_from(inbox.join(work_orders, and_(_o.tenant == _i.tenant, _o.id == _i.order_id)))
        .where(_o.ended == _NEVER)
    ),
    Sql(select(_i.doc).where(_i.state == literal_column("'waiting'"))),
    Sql(select(_c.doc).where(_c.state == literal_column("'open'"))),
    Sql(select(_n.doc).where(_words(_n.state, ("pending", "sending")))),
    Sql(select(articles.c.doc)),
)
_OLD = Sql(
    select(blobs.c.blob, blobs.c.mime)
    .where(blobs.c.blob > bindparam("after"), blobs.c.at < bindparam("before"))
    .order_by(blobs.c.blob)
    .limit(bindparam("limit"))
)


def needed(session: Session) -> frozenset[str]:
    """The attachments of whatever is not over, of all companies: a file may serve several."""
    found: set[str] = set()
    for sql in _NEEDED:
        for (said,) in session.rows(sql):
            found.update(_BLOB.findall(said))
    return frozenset(found)


def old_media(session: Session, before: int, after: str) -> list[tuple[str, bool]]:
    """Attachments that came before then, from one on, and whether somebody sent them: the house's
    own (models) stay.
    """
    rows = session.rows(_OLD, after=after, before=before, limit=MESSAGES)
    return [(blob, not mime.startswith("application/x-paidan")) for blob, mime in rows]
