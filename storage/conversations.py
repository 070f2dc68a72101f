"""What was said: admitted messages, dialogues, cases for a person, and our own chats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, insert, literal_column, select, update

from storage.codec import clean, decoder, encode, facts, micros
from storage.database import Insert, Row, Session, Sql, none_of
from storage.people import PUT_DIALOGUE, doc_where, put_doc
from storage.schema import cases, dialogues, inbox, posts
from storage.scope import Scope
from workflow.kept import Admitted, Case, Post
from workflow.records import ChatRef, Dialogue, Facts, Inbound

decode_inbound = decoder(Inbound)
decode_dialogue = decoder(Dialogue)
decode_case = decoder(Case)
decode_post = decoder(Post)

_i = inbox.c
_p = posts.c
_WAITING = _i.state == literal_column("'waiting'")
ADMITTED = (
    _i.id,
    _i.doc,
    _i.conversation,
    _i.state,
    _i.attempts,
    _i.error,
    _i.understanding,
    _i.outcome,
    _i.order_id,
)


def _admit(insert: Insert) -> Any:
    names = ("tenant", "dedupe_key", "conversation", "sender", "sent_at", "received_at", "doc")
    return (
        insert(inbox)
        .values(
            {name: bindparam(name) for name in names},
        )
        .values(state=literal_column("'waiting'"), understanding=literal_column("'{}'"))
        .on_conflict_do_nothing(index_elements=["tenant", "dedupe_key"])
        .returning(inbox.c.id)
    )


_ADMIT = Sql(_admit)
_earlier = inbox.alias("earlier")
_IS_HEAD = (
    _i.tenant == bindparam("tenant"),
    _WAITING,
    ~select(_earlier.c.id)
    .where(
        _earlier.c.tenant == _i.tenant,
        _earlier.c.conversation == _i.conversation,
        _earlier.c.state == literal_column("'waiting'"),
        _earlier.c.id < _i.id,
    )
    .exists(),
)
_HEADS = Sql(select(*ADMITTED).where(*_IS_HEAD).order_by(_i.id).limit(bindparam("limit")))
_free = (  # apart, so that PostgreSQL picks them once and not again for each row
    select(_i.id)
    .where(*_IS_HEAD, none_of(_i.holder, "others"), none_of(_i.id, "hands"))
    .order_by(_i.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    .cte("free")
)
_TAKE_HEADS = Sql(
    update(inbox)
    .where(_i.id.in_(select(_free.c.id)), _WAITING)
    .values(holder=bindparam("me"))
    .returning(*ADMITTED)
)
_ONE = Sql(select(*ADMITTED).where(_i.tenant == bindparam("tenant"), _i.id == bindparam("id")))
_DONE = Sql(
    update(inbox)
    .where(_i.tenant == bindparam("tenant"), _i.id == bindparam("its_id"), _WAITING)
    .values(
        state=literal_column("'done'"),
        understanding=bindparam("meaning"),
        outcome=bindparam("became"),
        order_id=bindparam("its_order"),
        error=literal_column("''"),
    )
)
_FAILED = Sql(
    update(inbox)
    .where(_i.tenant == bindparam("tenant"), _i.id == bindparam("its_id"), _WAITING)
    .values(
        state=bindparam("becomes"),
        attempts=_i.attempts + literal_column("1"),
        error=bindparam("why"),
    )
)
INBOX_OF_ORDER = Sql(
    select(*ADMITTED)
    .where(_i.tenant == bindparam("tenant"), _i.order_id == bindparam("order_id"))
    .order_by(_i.id)
)

_PLACE = (
    _p.tenant == bindparam("tenant"),
    _p.channel == bindparam("channel"),
    _p.chat == bindparam("chat"),
)
_SAID = Sql(
    insert(posts)
    .values(
        {n: bindparam(n) for n in ("tenant", "channel", "chat", "message", "at", "doc")},
    )
    .returning(_p.id)
)
FIND_POST = Sql(
    select(_p.id, _p.doc).where(
        *_PLACE, _p.message == bindparam("message"), _p.message != literal_column("''")
    )
)
_REPAINT = Sql(
    update(posts)
    .where(_p.tenant == bindparam("tenant"), _p.id == bindparam("its_id"))
    .values(doc=bindparam("painted"))
)
_LAST_LINES = Sql(
    select(_p.id, _p.doc).where(*_PLACE).order_by(_p.id.desc()).limit(bindparam("limit"))
)
_LINES_AFTER = Sql(
    select(_p.id, _p.doc)
    .where(*_PLACE, _p.id > bindparam("after"))
    .order_by(_p.id)
    .limit(bindparam("limit"))
)

_DIALOGUE = doc_where(dialogues, "channel", "chat", "sender")
_CASE = doc_where(cases, "id")
_PUT_CASE = put_doc(cases)
_OPEN_CASES = Sql(
    select(cases.c.doc)
    .where(cases.c.tenant == bindparam("tenant"), cases.c.state == literal_column("'open'"))
    .order_by(cases.c.at, cases.c.id)
)


def admitted_of(row: Row) -> Admitted:
    """An admitted message from its row."""
    number, doc, conversation, state, attempts, error, understanding, outcome, order_id = row
    return Admitted(
        id=number,
        inbound=decode_inbound(doc),
        conversation=conversation,
        state=state,
        attempts=attempts,
        error=error,
        understanding=facts(understanding),
        outcome=outcome,
        order_id=order_id,
    )


def heads(session: Session, tenant: str, limit: int) -> list[Admitted]:
    """The oldest waiting message of each conversation."""
    return [admitted_of(row) for row in session.rows(_HEADS, tenant=tenant, limit=limit)]


def take_heads(
    session: Session, tenant: str, limit: int, me: str, others: Sequence[str], hands: Iterable[int]
) -> list[Admitted]:
    """The same on PostgreSQL, taken in hand: what no other process has and we do not have yet."""
    taken = session.rows(
        _TAKE_HEADS, tenant=tenant, limit=limit, me=me, others=list(others), hands=list(hands)
    )
    return [admitted_of(row) for row in sorted(taken)]


def post_of(row: Row) -> Post:
    """A chat line from its row."""
    return replace(decode_post(row[1]), id=row[0])


def _legible(inbound: Inbound) -> Inbound:
    """The message without characters that no database holds."""
    media = tuple(
        replace(
            one,
            name=clean(one.name),
            ref=clean(one.ref),
            mime=clean(one.mime),
            transcript=None if one.transcript is None else clean(one.transcript),
        )
        for one in inbound.media
    )
    return replace(
        inbound,
        media=media,
        mentions=tuple(clean(who) for who in inbound.mentions),
        asset=None if inbound.asset is None else clean(inbound.asset),
        text=clean(inbound.text),
        sender=clean(inbound.sender),
        sender_name=clean(inbound.sender_name),
        chat=clean(inbound.chat),
        dedupe_key=clean(inbound.dedupe_key),
    )


class SqlInbox:
    """Implements ``workflow.ports.Inbox``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def admit(self, inbound: Inbound) -> Admitted | None:
        inbound = _legible(inbound)
        conversation = f"{inbound.channel}/{inbound.chat}"
        row = self._sql.first(
            _ADMIT,
            tenant=self._scope.tenant,
            dedupe_key=inbound.dedupe_key,
            conversation=conversation,
            sender=inbound.sender,
            sent_at=micros(inbound.sent_at),
            received_at=micros(self._scope.now()),
            doc=encode(inbound),
        )
        if row is None:
            return None
        self._scope.touch("inbox")
        return Admitted(row[0], inbound, conversation)

    def heads(self, limit: int) -> Sequence[Admitted]:
        return heads(self._sql, self._scope.tenant, limit)

    def get(self, admitted_id: int) -> Admitted | None:
        row = self._sql.first(_ONE, tenant=self._scope.tenant, id=admitted_id)
        return None if row is None else admitted_of(row)

    def done(
        self, admitted_id: int, understanding: Facts, outcome: str, order_id: str = ""
    ) -> bool:
        self._scope.touch("inbox")
        changed = self._sql.change(
            _DONE,
            tenant=self._scope.tenant,
            its_id=admitted_id,
            meaning=encode(understanding),
            became=outcome,
            its_order=order_id,
        )
        return changed == 1

    def failed(self, admitted_id: int, error: str, park: bool) -> None:
        self._scope.touch("inbox")
        self._sql.change(
            _FAILED,
            tenant=self._scope.tenant,
            its_id=admitted_id,
            becomes="parked" if park else "waiting",
            why=error,
        )


class SqlDialogues:
    """Implements ``workflow.ports.Dialogues``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def get(self, channel: str, chat: str, sender: str) -> Dialogue | None:
        row = self._sql.first(
            _DIALOGUE, tenant=self._scope.tenant, channel=channel, chat=chat, sender=sender
        )
        return None if row is None else decode_dialogue(row[0])

    def put(self, dialogue: Dialogue) -> None:
        self._sql.change(
            PUT_DIALOGUE,
            tenant=self._scope.tenant,
            channel=dialogue.channel,
            chat=dialogue.chat,
            sender=dialogue.sender,
            doc=encode(dialogue),
        )


class SqlCases:
    """Implements ``workflow.ports.Cases``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def get(self, case_id: str) -> Case | None:
        row = self._sql.first(_CASE, tenant=self._scope.tenant, id=case_id)
        return None if row is None else decode_case(row[0])

    def put(self, case: Case) -> None:
        self._sql.change(
            _PUT_CASE,
            tenant=self._scope.tenant,
            id=case.id,
            kind=case.kind,
            state=case.state,
            at=micros(case.at),
            order_id=case.order_id,
            doc=encode(case),
        )
        self._scope.touch("cases")

    def open(self) -> Sequence[Case]:
        rows = self._sql.rows(_OPEN_CASES, tenant=self._scope.tenant)
        return [decode_case(row[0]) for row in rows]


class SqlChatLog:
    """Implements ``workflow.ports.ChatLog``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def append(self, post: Post) -> int:
        place = {
            "tenant": self._scope.tenant,
            "channel": post.place.channel,
            "chat": post.place.chat,
        }
        self._scope.touch(f"posts:{post.place.channel}/{post.place.chat}")
        if post.message:
            row = self._sql.first(FIND_POST, **place, message=post.message)
            if row is not None:
                return self._repaint(post_of(row), post)
        at = micros(post.at)
        row = self._sql.first(
            _SAID, **place, message=post.message, at=at, doc=encode(replace(post, id=0))
        )
        number: int = row[0] if row else 0
        return number

    def _repaint(self, before: Post, after: Post) -> int:
        painted = replace(after, id=0, at=before.at, edited_at=after.edited_at or after.at)
        self._sql.change(
            _REPAINT, tenant=self._scope.tenant, its_id=before.id, painted=encode(painted)
        )
        return before.id

    def lines(self, place: ChatRef, after: int = 0, limit: int = 200) -> Sequence[Post]:
        where = {"tenant": self._scope.tenant, "channel": place.channel, "chat": place.chat}
        if after:
            rows = self._sql.rows(_LINES_AFTER, **where, after=after, limit=limit)
        else:
            rows = self._sql.rows(_LAST_LINES, **where, limit=limit)[::-1]
        return [post_of(row) for row in rows]
