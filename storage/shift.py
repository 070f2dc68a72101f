"""Who works on this database. A process that takes work does so under a name of its own; what a
process that is gone had in hands is free for the others.

On PostgreSQL a process says that it is there every :data:`BEAT` seconds, by the server's clock and
from a thread of its own, so that neither a busy loop nor a slow commit makes it look dead. On
SQLite, where all processes are on one machine, it holds a lock that the kernel takes away with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy import BigInteger, bindparam, cast, delete, extract, func, select
from sqlalchemy.exc import DBAPIError

from storage.database import Database, Insert, Session, Sql
from storage.schema import workers
from workflow.errors import Unavailable

log = structlog.get_logger(__name__)

BEAT = 1.5
"""Seconds between two signs of life."""
GONE_AFTER = 6.0
"""Seconds without a sign of life after which a process is taken for dead."""
_FORGOTTEN = 86_400.0
_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that also runs while the machine sleeps, and that nobody sets."""

_NOW = cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)


def _beat(insert: Insert) -> Any:
    row = insert(workers).values(name=bindparam("name"), since=_NOW, beat=_NOW)
    return row.on_conflict_do_update(index_elements=["name"], set_={"beat": row.excluded.beat})


_BEAT = Sql(_beat)
_SEEN = Sql(select(workers.c.name, _NOW - workers.c.beat))
_LEAVE = Sql(delete(workers).where(workers.c.name == bindparam("name")))
_FORGET = Sql(delete(workers).where(workers.c.beat < _NOW - int(_FORGOTTEN * 1_000_000)))


class Shift(Protocol):
    """One process at work on a database."""

    name: str

    def begin(self) -> None:
        """Be at work from now on; again does no harm.

        Raises:
            Unavailable: the database does not let itself be written.
        """
        ...

    def end(self) -> None:
        """Leave: what is still in hands is free at once."""
        ...

    def sure(self) -> bool:
        """Whether what was taken is certainly still this process's."""
        ...

    def others(self, session: Session) -> list[str]:
        """The names of all other processes that may be at work."""
        ...


def shift_on(database: Database) -> Shift:
    """A shift that has not begun yet."""
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    if database.dialect == "postgresql":
        return Beating(name, database)
    return Locking(name, Path(f"{database.url.database}-workers"))


def at_work(database: Database) -> list[str]:
    """The processes at work on this database, as one that is not sees them."""
    if database.dialect != "postgresql":
        return Locking("", Path(f"{database.url.database}-workers")).alive()
    connection, session = database.reader()
    try:
        longest = GONE_AFTER * 1_000_000
        return sorted(name for name, age in session.rows(_SEEN) if -longest <= age < longest)
    finally:
        connection.close()


class Beating:
    """Signs of life in the database."""

    def __init__(self, name: str, database: Database) -> None:
        self.name = name
        self._database = database
        self._connection: Any = None
        self._session: Session | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._last = self._steady = float("-inf")
        self._gate = threading.Lock()

    def begin(self) -> None:
        """See :class:`Shift`."""
        with self._gate:
            if self._thread is not None:
                return
            try:
                self._beat()
                self._say(_FORGET)
            except (self._database.errors.Error, DBAPIError) as error:
                self._hang_up()
                raise Unavailable(why=str(error)) from error
            self._thread = threading.Thread(target=self._go_on, name="paidan-shift", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """See :class:`Shift`."""
        with self._gate:
            if self._thread is None:
                return
            self._over.set()
            self._thread.join()
            with contextlib.suppress(Exception):  # the others will find out by themselves
                self._say(_LEAVE, name=self.name)
            self._hang_up()

    def sure(self) -> bool:
        """See :class:`Shift`. A process that was suspended finds out here that it was."""
        return time.clock_gettime(_UPTIME) - self._last < GONE_AFTER - BEAT

    def others(self, session: Session) -> list[str]:
        """See :class:`Shift`. Who has itself been away from the database a moment ago cannot tell
        the dead from those who were away like it, and takes nobody for dead; nor does it when the
        server's clock was set.
        """
        longest = GONE_AFTER * 1_000_000
        ages: dict[str, int] = {row[0]: row[1] for row in session.rows(_SEEN)}
        fresh = {name for name, age in ages.items() if -longest <= age < longest}
        steady = time.clock_gettime(_UPTIME) - self._steady >= GONE_AFTER
        alive = fresh if steady and self.name in fresh else set(ages)
        return sorted(alive - {self.name})

    def _go_on(self) -> None:
        while not self._over.wait(BEAT):
            try:
                self._beat()
            except Exception as error:  # noqa: BLE001 - it beats again when it can
                self._steady = float("inf")
                self._hang_up()
                log.warning("no sign of life could be given", name=self.name, why=str(error))

    def _beat(self) -> None:
        now = time.clock_gettime(_UPTIME)
        if now - self._last > 2 * BEAT or self._steady > now:
            self._steady = now
        self._say(_BEAT, name=self.name)
        self._last = now

    def _say(self, sql: Sql, **params: Any) -> None:
        if self._session is None:
            self._connection, self._session = self._database.writer()
            self._session.command(f"SET statement_timeout = {int(GONE_AFTER * 500)}")
        self._session.change(sql, **params)

    def _hang_up(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.invalidate()
        self._connection = self._session = None


class Locking:
    """A locked file beside the database for each process at work."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._file: int | None = None

    def begin(self) -> None:
        """See :class:`Shift`. The file is locked before it can be seen under its name."""
        if self._file is not None:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            hidden = self._folder / f".{self.name}"
            file = os.open(hidden, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            hidden.rename(self._folder / self.name)
        except OSError as error:
            raise Unavailable(why=str(error)) from error
        self._file = file

    def end(self) -> None:
        """See :class:`Shift`."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            (self._folder / self.name).unlink()
        os.close(self._file)
        self._file = None
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def sure(self) -> bool:
        """See :class:`Shift`. A lock is not lost by being slow."""
        return self._file is not None

    def others(self, _session: Session) -> list[str]:
        """See :class:`Shift`."""
        return self.alive()

    def alive(self) -> list[str]:
        """The processes whose files are locked, but for this one."""
        if not self._folder.is_dir():
            return []
        return sorted(self._locked(f for f in self._folder.iterdir() if f.name != self.name))

    @staticmethod
    def _locked(files: Iterable[Path]) -> Iterable[str]:
        for path in files:
            if path.name.startswith("."):
                continue
            with contextlib.suppress(FileNotFoundError):
                file = os.open(path, os.O_RDWR)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    yield path.name
                else:
                    path.unlink()
                finally:
                    os.close(file)
