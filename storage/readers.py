"""Questions: threads that only read, each on a connection of its own, each in one snapshot.

A trip to a thread and back costs many times what a single row costs. So small questions that are
asked while others are under way wait for those, and then go together.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from storage.database import Database, Session, is_lost
from workflow.errors import Unavailable

T = TypeVar("T")

_THREADS = 4


@dataclass(frozen=True, slots=True)
class _Asked:
    query: Callable[[Session], Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Answer:
    found: Any = None
    error: Exception | None = None


class Readers:
    """The threads and their connections; :meth:`close` ends both."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="paidan-reader")
        self._local = threading.local()
        self._connections: list[Any] = []
        self._asked: list[_Asked] = []
        self._trip: asyncio.Future[list[_Answer]] | None = None

    async def look(self, query: Callable[[Session], T]) -> T:
        """What a query finds.

        Raises:
            Unavailable: the database is away.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.now, query)

    async def glance(self, query: Callable[[Session], T]) -> T:
        """The same for a question that a few rows answer: it may travel with others.

        Raises:
            Unavailable: the database is away.
        """
        asked = _Asked(query, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        self._set_out()
        answer: T = await asked.future
        return answer

    def now(self, query: Callable[[Session], T]) -> T:
        """What a query finds; blocking, in whatever thread asks.

        Raises:
            Unavailable: the database is away.
        """
        for last in (False, True):
            try:
                session = self._session()
                session.command(self._database.begin_read)
                try:
                    return query(session)
                finally:
                    session.forget()
                    session.command("ROLLBACK")
            except (self._database.errors.Error, DBAPIError) as error:
                self._drop()
                if not is_lost(self._database.errors, error):
                    raise
                if last:
                    raise Unavailable(why=str(error)) from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the threads, and give back their connections."""
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()

    # --- travelling together --------------------------------------------------------------------

    def _set_out(self) -> None:
        if self._trip is not None:
            return
        asked, self._asked = [one for one in self._asked if not one.future.done()], []
        if not asked:
            return
        try:
            loop = asyncio.get_running_loop()
            self._trip = loop.run_in_executor(self._threads, self._answers, asked)
        except RuntimeError as error:  # the threads have ended
            for one in asked:
                one.future.set_exception(Unavailable(why=str(error)))
        else:
            self._trip.add_done_callback(lambda trip: self._come_back(asked, trip))

    def _come_back(self, asked: Sequence[_Asked], trip: asyncio.Future[list[_Answer]]) -> None:
        self._trip = None
        for one, answer in zip(asked, trip.result(), strict=True):
            if one.future.done():
                continue
            if answer.error is not None:
                one.future.set_exception(answer.error)
            else:
                one.future.set_result(answer.found)
        self._set_out()

    def _answers(self, asked: Sequence[_Asked]) -> list[_Answer]:
        """In a reader's thread: all in one snapshot; where one of them fails, each by itself."""
        try:
            return self.now(lambda session: [_Answer(one.query(session)) for one in asked])
        except Unavailable as away:
            return [_Answer(error=away) for _ in asked]
        except Exception:  # noqa: BLE001 - whose it is will be seen
            return [self._by_itself(one) for one in asked]

    def _by_itself(self, one: _Asked) -> _Answer:
        try:
            return _Answer(self.now(one.query))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            return _Answer(error=error)

    # --- connections ----------------------------------------------------------------------------

    def _session(self) -> Session:
        session: Session | None = getattr(self._local, "session", None)
        if session is None:
            self._local.connection, session = self._database.reader()
            self._connections.append(self._local.connection)
            self._local.session = session
        return session

    def _drop(self) -> None:
        """After an error the next question gets a fresh connection."""
        if getattr(self._local, "session", None) is not None:
            self._local.session = None
            self._connections.remove(self._local.connection)
            with contextlib.suppress(Exception):
                self._local.connection.invalidate()
