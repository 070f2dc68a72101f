"""The store: everything the product keeps, behind the doors of ``workflow.ports``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import bindparam, delete, select

from storage import misfits, outbox, sending, timers
from storage.blobs import FolderBlobs
from storage.codec import instant, micros
from storage.conversations import heads, take_heads
from storage.database import Database, Insert, Row, Session, Sql
from storage.identifiers import Ulids
from storage.lanes import Job
from storage.migrating import prepare
from storage.misfits import Misfit
from storage.notes import SqlNotes
from storage.orders import AUDIT_ORDERS
from storage.proofs import Proof, proof_of
from storage.queries import Queries
from storage.readers import Readers
from storage.schema import blobs, clock_offsets, companies, metadata
from storage.shift import shift_on
from storage.unit import Shared, SqlUnitOfWork
from storage.writer import Clocked, OnCommit, Writer
from workflow.errors import Unavailable
from workflow.events import Event
from workflow.kept import Admitted, Queued, Timer
from workflow.ports import Held, UnitOfWork
from workflow.records import ChatRef, Receipt
from workflow.work_order import WorkOrder

T = TypeVar("T")

_PAGE = 500
_WRITERS = {"sqlite": 1, "postgresql": 2}


def _put_offset(insert: Insert) -> Any:
    row = insert(clock_offsets).values(tenant=bindparam("tenant"), micros=bindparam("micros"))
    return row.on_conflict_do_update(
        index_elements=["tenant"],
        set_={"micros": clock_offsets.c.micros + row.excluded.micros},
    ).returning(clock_offsets.c.micros)


def _put_blob(insert: Insert) -> Any:
    row = insert(blobs).values({c.name: bindparam(c.name) for c in blobs.columns})
    return row.on_conflict_do_update(index_elements=["blob"], set_={"at": row.excluded.at})


_TENANTS = Sql(select(companies.c.tenant).distinct().order_by(companies.c.tenant))
_OFFSETS = Sql(select(clock_offsets.c.tenant, clock_offsets.c.micros))
_WIND = Sql(_put_offset)
_PUT_BLOB = Sql(_put_blob)
_DROP_BLOB = Sql(
    delete(blobs).where(blobs.c.blob == bindparam("its_blob"), blobs.c.at < bindparam("before"))
)
_MIME = Sql(select(blobs.c.mime).where(blobs.c.blob == bindparam("blob")))
_ERASE = [
    Sql(delete(table).where(table.c.tenant == bindparam("tenant")))
    for table in metadata.sorted_tables
    if "tenant" in table.c
]


class SqlStore:
    """Implements ``workflow.ports`` Store, Engine and Clock; ``blobs`` and ``queries`` are its
    other doors. Open it with ``async with``.
    """

    def __init__(
        self,
        url: str,
        blob_folder: Path,
        *,
        ids: Callable[[], str] | None = None,
        clock: Callable[[str], datetime] | None = None,
    ) -> None:
        self._url = url
        self._offsets: dict[str, timedelta] = {}
        self._clock = clock
        self._shared = Shared(now=self.now, new_id=ids or Ulids())
        self._listeners: list[OnCommit] = []
        self._clocked: list[Clocked] = []
        self._writers: list[Writer] = []
        self._hands: dict[Held, set[int]] = {"inbox": set(), "timers": set(), "outbox": set()}
        self._claiming = {"inbox": asyncio.Lock(), "outbox": asyncio.Lock()}
        self._open = self._working = False
        self.queries = Queries(self.look, self._shared)
        self.blobs = FolderBlobs(
            blob_folder, self._remember_blob, self._recall_blob, self._forget_blob
        )

    # --- opening and closing --------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._start)
        return self

    def _start(self) -> None:
        self._database = Database(self._url)
        try:
            prepare(self._database)
        except BaseException:
            self._database.close()
            raise
        self._readers = Readers(self._database)
        self._writers = [
            Writer(self._database, self._shared, self._announce, self._timed, f"paidan-writer-{n}")
            for n in range(_WRITERS[self._database.dialect])
        ]
        self._shift = shift_on(self._database)
        self._readers.now(self._load_offsets)
        self._open = True

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._open = self._working = False
        for writer in self._writers:
            writer.close()
        self._shift.end()
        self._readers.close()
        self._database.close()

    # --- the store ------------------------------------------------------------------------------

    def on_commit(self, callback: OnCommit) -> None:
        """Have ``callback(tenant, topics)`` called on the loop after each commit. Topics:
        ``inbox``, ``outbox``, ``timers``, ``orders``, ``order:<id>``, ``cases``, ``people``,
        ``readings``, ``models``, ``posts:<channel>/<chat>``.
        """
        self._listeners.append(callback)

    def on_timed(self, callback: Clocked) -> None:
        """Have ``callback(units, seconds, held)`` called in the writer's thread at each commit."""
        self._clocked.append(callback)

    def _timed(self, units: int, seconds: float, held: bool) -> None:
        for told in self._clocked:
            told(units, seconds, held)

    def echo(self, tenant: str, topics: frozenset[str]) -> None:
        """Tell the listeners of what another process committed."""
        self._announce(tenant, topics)

    def others_at_work(self) -> list[str]:
        """The names of other processes that have taken work from this database; blocking."""
        self._shift.begin()
        return self._readers.now(self._shift.others)

    def _announce(self, tenant: str, topics: frozenset[str]) -> None:
        for listener in self._listeners:
            listener(tenant, topics)

    async def transact(
        self,
        tenant: str,
        work: Callable[[UnitOfWork], T],
        *,
        key: str = "",  # noqa: ARG002 - a tenant has one writer, so every key keeps its order
        lock: str = "",
        within: float | None = None,
    ) -> T:
        """See ``workflow.ports.Store``. All units of a tenant go to the same writer of this
        process, whatever their ``key``: they would only wait for each other's rows otherwise.
        """
        return await self._submit(tenant, work, lock, within)

    async def _submit(
        self,
        tenant: str,
        work: Callable[[SqlUnitOfWork], T],
        lock: str = "",
        within: float | None = None,
    ) -> T:
        if not self._open:
            raise Unavailable(why="the store is closed")
        loop = asyncio.get_running_loop()
        writer = self._writers[sum(tenant.encode()) % len(self._writers)]
        if within is not None and writer.ahead() > within:
            raise Unavailable(why="too much waits to be written")
        job = Job(tenant, work, loop, loop.create_future(), lock, door=within is not None)
        writer.submit(job)
        try:
            async with asyncio.timeout(within) as patience:
                result: T = await job.future
        except TimeoutError:
            if not patience.expired():
                raise
            raise Unavailable(why=f"not written within {within} s") from None
        return result

    async def read(self, tenant: str, query: Callable[[UnitOfWork], T]) -> T:
        """See ``workflow.ports.Store``."""
        return await self.look(lambda s: query(SqlUnitOfWork(tenant, s, self._shared)))

    async def look(self, query: Callable[[Session], T]) -> T:
        """Run a query on a read connection, in one snapshot."""
        if not self._open:
            raise Unavailable(why="the store is closed")
        return await self._readers.look(query)

    async def glance(self, query: Callable[[Session], T]) -> T:
        """The same for a question that a few rows answer; those asked at once travel together."""
        if not self._open:
            raise Unavailable(why="the store is closed")
        return await self._readers.glance(query)

    async def erase(self, tenant: str) -> None:
        """Remove everything of one tenant (the sandbox's reset). Attachments stay."""

        def work(uow: SqlUnitOfWork) -> None:
            for sql in _ERASE:
                uow.scope.session.change(sql, tenant=tenant)
            uow.scope.touch("orders", "inbox", "outbox", "timers", "cases", "people")
            uow.scope.touch("readings", "models")

        await self._submit(tenant, work)
        self._offsets.pop(tenant, None)

    # --- the clock ------------------------------------------------------------------------------

    def now(self, tenant: str) -> datetime:
        """The tenant's time: real time plus its offset, or the injected clock."""
        if self._clock is not None:
            return self._clock(tenant)
        return datetime.now(UTC) + self._offsets.get(tenant, timedelta())

    async def wind(self, tenant: str, by: timedelta) -> datetime:
        """Move the tenant's clock (only the sandbox does) and return its new time."""

        def work(uow: SqlUnitOfWork) -> int:
            step = by // timedelta(microseconds=1)
            row = uow.scope.session.first(_WIND, tenant=tenant, micros=step)
            uow.scope.touch("timers", "outbox")
            return row[0] if row else 0

        offset = await self._submit(tenant, work)
        self._offsets[tenant] = timedelta(microseconds=offset)
        return self.now(tenant)

    def _load_offsets(self, session: Session) -> None:
        self._offsets = {t: timedelta(microseconds=m) for t, m in session.rows(_OFFSETS)}

    @property
    def shared(self) -> bool:
        """See ``workflow.ports.Engine``."""
        return self._database.dialect == "postgresql"

    # --- the engine -----------------------------------------------------------------------------

    async def tenants(self) -> Sequence[str]:
        """See ``workflow.ports.Engine``; also notices when another process moved a clock."""

        def query(session: Session) -> list[str]:
            self._load_offsets(session)
            return [row[0] for row in session.rows(_TENANTS)]

        return await self.look(query)

    async def due_timers(self, tenant: str, now: datetime, limit: int) -> Sequence[Timer]:
        """See ``workflow.ports.Engine``."""
        at = micros(now)
        rows = await self.look(lambda s: s.rows(timers.DUE, tenant=tenant, now=at, limit=limit))
        return [timers.timer_of(row) for row in rows]

    async def next_due(self, tenant: str) -> datetime | None:
        """See ``workflow.ports.Engine``."""

        def query(session: Session) -> list[int]:
            both = (timers.NEXT_DUE, outbox.NEXT_NOTICE)
            firsts = [session.first(sql, tenant=tenant) for sql in both]
            return [row[0] for row in firsts if row is not None and row[0] is not None]

        due = await self.look(query)
        return instant(min(due)) if due else None

    async def waiting_messages(self, tenant: str, limit: int) -> Sequence[Admitted]:
        """See ``workflow.ports.Engine``."""
        return await self.look(lambda s: heads(s, tenant, limit))

    async def claim_messages(self, tenant: str, limit: int) -> Sequence[Admitted]:
        """See ``workflow.ports.Engine``. SQLite has one writer and one process that works, so that
        what is in our hands says it all; of two processes at once, one would find it done.
        """
        async with self._claiming["inbox"]:
            hands = self._hands["inbox"]
            waiting = await self.waiting_messages(tenant, limit + len(hands))
            fresh = [message for message in waiting if message.id not in hands][:limit]
            if fresh and self.shared:
                fresh = await self._take_messages(tenant, limit)
            hands.update(message.id for message in fresh)
            return fresh

    async def _take_messages(self, tenant: str, limit: int) -> list[Admitted]:
        crew = await self._crew("inbox")

        def take(uow: SqlUnitOfWork) -> list[Admitted]:
            session = uow.scope.session
            return take_heads(session, tenant, limit, crew.me, crew.others(session), crew.hands)

        return await self._submit(tenant, take)

    async def claim_timers(self, tenant: str, now: datetime, limit: int) -> Sequence[Timer]:
        """See ``workflow.ports.Engine``; on SQLite a look is enough."""
        due = await self.due_timers(tenant, now, limit)
        if not due or not self.shared:
            return due
        crew = await self._crew("timers")

        def take(uow: SqlUnitOfWork) -> Sequence[Timer]:
            session = uow.scope.session
            return timers.take_due(session, tenant, now, limit, crew.me, crew.others(session))

        return await self._submit(tenant, take)

    async def claim_notices(
        self, tenant: str, now: datetime, limit: int, without: Collection[str] = ()
    ) -> Sequence[Queued]:
        """See ``workflow.ports.Engine``. A notice whose sender is gone comes back with the state
        ``unknown``. ``attempts`` counts this one too.
        """
        async with self._claiming["outbox"]:
            crew = await self._crew("outbox")

            def take(uow: SqlUnitOfWork) -> Sequence[Queued]:
                return sending.Sending(uow.scope.session, tenant).claim(now, limit, crew, without)

            claimed = await self._submit(tenant, take)
            self._hands["outbox"].update(queued.id for queued in claimed)
            return claimed

    async def said_elsewhere(self, tenant: str, to: ChatRef, since: datetime) -> Sequence[datetime]:
        """See ``workflow.ports.Engine``."""
        me = self._shift.name
        return await self.look(lambda s: sending.said_elsewhere(s, tenant, to, since, me))

    async def _crew(self, kind: Held) -> sending.Crew:
        if not self._working:
            await asyncio.to_thread(self._shift.begin)
            self._working = True
        return sending.Crew(self._shift.name, frozenset(self._hands[kind]), self._shift.others)

    def let_go(self, kind: Held, ids: Iterable[int]) -> None:
        """See ``workflow.ports.Engine``."""
        self._hands[kind].difference_update(ids)

    def on_shift(self) -> bool:
        """See ``workflow.ports.Engine``."""
        return self._shift.sure()

    async def settle_notice(
        self,
        queued: Queued,
        *,
        at: datetime,
        receipt: Receipt | None = None,
        error: str = "",
        retry_at: datetime | None = None,
    ) -> None:
        """See ``workflow.ports.Engine``. A receipt counts however late it comes; an error only
        while the notice is still this sender's.
        """

        def work(uow: SqlUnitOfWork) -> None:
            sender = sending.Sending(uow.scope.session, uow.tenant)
            if receipt is not None:
                sender.sent(queued, receipt, at)
            else:
                sender.failed(queued, error, retry_at, at)
            uow.scope.touch("outbox")

        await self._submit(queued.tenant, work)

    # --- small facts of channels ----------------------------------------------------------------

    def notes(self, tenant: str, area: str) -> SqlNotes:
        """See ``workflow.ports.Notes``; ``area`` keeps one channel's notes from another's."""
        return SqlNotes(self, tenant, area)

    async def write(self, tenant: str, work: Callable[[Session], T]) -> T:
        """Run statements of this room in the writer, committed with whatever else waits."""
        return await self._submit(tenant, lambda uow: work(uow.scope.session))

    # --- attachments ----------------------------------------------------------------------------

    async def _remember_blob(self, blob: str, mime: str, size: int) -> None:
        at = micros(datetime.now(UTC))
        row = {"blob": blob, "mime": mime, "size": size, "at": at}
        await self._submit("", lambda uow: uow.scope.session.append(_PUT_BLOB, row))

    async def _recall_blob(self, blob: str) -> str | None:
        row = await self.look(lambda s: s.first(_MIME, blob=blob))
        return None if row is None else row[0]

    async def _forget_blob(self, blob: str, before: int) -> bool:
        its = {"its_blob": blob, "before": before}
        changed = await self._submit("", lambda uow: uow.scope.session.change(_DROP_BLOB, **its))
        return changed > 0

    # --- audits ---------------------------------------------------------------------------------

    def audit(self, tenant: str) -> Iterator[tuple[WorkOrder, Sequence[Event]]]:
        """Every work order with its history, oldest first; for command lines, not for the loop."""
        for proof in self.proofs(tenant):
            yield proof.order, proof.history

    def proofs(self, tenant: str) -> Iterator[Proof]:
        """The same with what must follow from it, each work order as of one instant: others may be
        at work meanwhile.
        """
        for order_id, _ in self._pages(AUDIT_ORDERS, tenant, ""):
            proof = self._readers.now(partial(proof_of, tenant=tenant, order_id=order_id))
            if proof is not None:
                yield proof

    def misfits(self, tenant: str) -> Iterator[Misfit]:
        """Work orders of which the lists say something else than their own record."""
        pages = (self._pages(sql, tenant, "") for sql in (misfits.LISTED, misfits.UNLISTED))
        return misfits.misfits(*pages)

    def timers_audit(self, tenant: str) -> Iterator[Timer]:
        """Every timer there ever was, in the order of arming."""
        for row in self._pages(timers.AFTER, tenant, 0):
            yield timers.timer_of(row)

    def outbox_audit(self, tenant: str) -> Iterator[Queued]:
        """Every notice there ever was, in the order of planning."""
        for row in self._pages(outbox.AFTER, tenant, 0):
            yield outbox.queued_of(row)

    def _pages(self, sql: Sql, tenant: str, after: Any) -> Iterator[Row]:
        while True:
            page = partial(Session.rows, sql=sql, tenant=tenant, after=after, limit=_PAGE)
            rows = self._readers.now(page)
            if not rows:
                return
            yield from rows
            after = rows[-1][0]
