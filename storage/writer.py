"""Group commit: units of work run one after another in the writer's thread and share a commit.

Each unit has its own savepoint, so one that fails is undone alone. A unit that somebody else
overtook is run again by itself. Nobody is answered before the commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy.exc import DBAPIError

from storage.database import Database, Session, is_closed, is_conflict, is_lost
from storage.lanes import Job, Lanes
from storage.unit import Shared, SqlUnitOfWork
from workflow.errors import Conflict, Unavailable
from workflow.tracing import caused_by

BATCH = 64
_TRIES = 3
_PAUSE = 0.05
"""Seconds before a unit is tried again after a deadlock or a lost connection."""

_YOUNG = (200, 2_000, 20_000)
"""Units after which PostgreSQL is told to look at its tables. It does so by itself only once a
minute, and until it has, it may read a whole table through the wrong index.
"""

OnCommit = Callable[[str, frozenset[str]], None]
Clocked = Callable[[int, float, bool], None]
"""Told of a commit: how many units shared it, its seconds, whether it held."""


class Writer:
    """One thread, one connection, two lanes into it."""

    def __init__(
        self,
        database: Database,
        shared: Shared,
        announce: OnCommit,
        clocked: Clocked,
        name: str,
    ) -> None:
        self._database = database
        self._clocked = clocked
        self._shared = shared
        self._announce = announce
        self._lanes = Lanes()
        self._connection: Any = None
        self._session: Session | None = None
        self._units = 0
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Put a unit in its lane."""
        self._lanes.put(job)

    def ahead(self) -> float:
        """About how many seconds a unit that came in at a door now would wait."""
        return self._lanes.ahead()

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        self._lanes.close()
        self._thread.join()

    def _serve(self) -> None:
        while batch := self._lanes.take(BATCH):
            try:
                self._process(batch)
            except Exception as error:  # noqa: BLE001 - the writer must outlive any surprise
                self._drop_connection()
                for job in batch:
                    job.error = job.error or Unavailable(why=str(error))
                self._answer(batch)
            self._lanes.done()
        self._drop_connection()

    def _process(self, batch: Sequence[Job]) -> None:
        alone = list(batch) if len(batch) == 1 else self._together(batch)
        away: Unavailable | None = None
        for job in alone:
            if job.future.done():
                continue
            if away is None:
                self._by_itself(job)
                away = self._away(job.error)
            else:
                job.error = away
                self._answer([job])
        if self._database.dialect == "postgresql" and away is None:
            self._look_round(len(batch))

    def _away(self, error: BaseException | None) -> Unavailable | None:
        """Whether the server, lost by one unit, cannot be reached by the next either: the rest of a
        batch must not wait for it one after another.
        """
        if self._database.dialect != "postgresql" or not isinstance(error, Unavailable):
            return None
        try:
            self._open()
        except (self._database.errors.Error, DBAPIError) as away:
            return Unavailable(why=str(away))
        return None

    def _look_round(self, units: int) -> None:
        before, self._units = self._units, self._units + units
        if any(before < mark <= self._units for mark in _YOUNG) and self._session is not None:
            self._session.command("ANALYZE work_orders, order_chats, events, timers, outbox, inbox")

    # --- one transaction ----------------------------------------------------------------------

    def _open(self) -> Session:
        if self._session is None:
            self._connection, self._session = self._database.writer()
        return self._session

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.invalidate()
        self._connection = self._session = None

    def _begin(self, session: Session, jobs: Iterable[Job]) -> None:
        """Locks come first and in one order: whoever waits for one holds no rows."""
        session.command(self._database.begin_write)
        for tenant, lock in sorted({(job.tenant, job.lock) for job in jobs if job.lock}):
            SqlUnitOfWork(tenant, session, self._shared).lock(lock)

    def _run(self, job: Job, session: Session) -> None:
        unit = SqlUnitOfWork(job.tenant, session, self._shared)
        job.result = job.error = None
        with caused_by(job.cause):
            job.result = job.work(unit)
        session.flush()
        job.topics = unit.scope.topics

    def _roll_back(self, session: Session) -> None:
        session.forget()
        try:
            session.command("ROLLBACK")
        except Exception:  # noqa: BLE001 - the transaction or the connection is gone already
            self._drop_connection()

    def _together(self, batch: Sequence[Job]) -> list[Job]:
        """Run a batch in one transaction; the jobs returned must be run by themselves."""
        errors = self._database.errors
        alone: list[Job] = []
        try:
            session = self._open()
            self._begin(session, batch)
            for job in batch:
                session.command("SAVEPOINT unit")
                try:
                    self._run(job, session)
                except BaseException as error:
                    if is_lost(errors, error):
                        raise
                    session.forget()
                    session.command("ROLLBACK TO SAVEPOINT unit")
                    job.error, job.topics = error, set()
                    if isinstance(error, Conflict) or is_conflict(errors, error):
                        alone.append(job)
                session.command("RELEASE SAVEPOINT unit")
        except (errors.Error, DBAPIError):
            self._abandon()
            return list(batch)
        if not self._commit(session, batch):
            return []
        done = [job for job in batch if job not in alone]
        self._answer(done)
        return alone

    def _abandon(self) -> None:
        if self._session is not None:
            self._roll_back(self._session)

    def _commit(self, session: Session, jobs: Sequence[Job]) -> bool:
        """Commit; when that fails nobody can say what was kept, so everybody is told so."""
        begun = time.perf_counter()
        try:
            session.command("COMMIT")
        except self._database.errors.Error as error:
            self._clocked(len(jobs), time.perf_counter() - begun, False)
            self._roll_back(session)
            for job in jobs:
                job.error = job.error or Unavailable(why=str(error))
            self._answer(jobs)
            return False
        self._clocked(len(jobs), time.perf_counter() - begun, True)
        return True

    def _by_itself(self, job: Job) -> None:
        errors = self._database.errors
        for attempt in range(_TRIES):
            try:
                session = self._open()
                self._begin(session, [job])
                self._run(job, session)
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
                self._abandon()
                job.error, job.topics = error, set()
                if isinstance(error, Conflict | errors.IntegrityError):
                    continue
                if not (is_conflict(errors, error) or is_lost(errors, error)):
                    break
                self._drop_connection()
                if self._database.dialect == "sqlite" or is_closed(error):
                    break
                if attempt and is_lost(errors, error):
                    break
                time.sleep(_PAUSE * 2**attempt)
            else:
                if self._commit(session, [job]):
                    self._answer([job])
                return
        job.error = self._worded(job.error)
        self._answer([job])

    def _worded(self, error: BaseException | None) -> BaseException:
        """A driver's error as one of ours."""
        if error is not None and is_conflict(self._database.errors, error):
            return Conflict(why=str(error))
        if error is not None and is_lost(self._database.errors, error):
            return Unavailable(why=str(error))
        if isinstance(error, StopIteration):
            return RuntimeError(str(error))
        return error or Unavailable(why="unknown")

    # --- after it -----------------------------------------------------------------------------

    def _answer(self, jobs: Iterable[Job]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
        for job in jobs:
            if job.error is not None:
                job.error = self._worded(job.error)
            by_loop.setdefault(job.loop, []).append(job)
        for loop, theirs in by_loop.items():
            with contextlib.suppress(RuntimeError):  # that loop has closed: nobody waits
                loop.call_soon_threadsafe(self._tell, theirs)

    def _tell(self, jobs: Sequence[Job]) -> None:
        touched: dict[str, set[str]] = {}
        for job in jobs:
            job.settle()
            if job.topics and job.error is None:
                touched.setdefault(job.tenant, set()).update(job.topics)
        for tenant, topics in touched.items():
            self._announce(tenant, frozenset(topics))
