"""One connection, one door to SQL.

Statements are written once with SQLAlchemy Core and compiled once per database; running one hands
its text straight to the driver, since building and compiling cost more than the query itself.
Appends wait in the session and go out together, before anything else touches their table.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Engine, all_, bindparam, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool
from sqlalchemy.sql import ClauseElement, TableClause
from sqlalchemy.sql.visitors import iterate

from workflow.errors import InvalidInput

Row = tuple[Any, ...]

WRITE_WITHIN = 10
"""Seconds PostgreSQL has for a statement of a writer; its units take milliseconds."""
READ_WITHIN = 30
"""Seconds it has for a question; the longest are reports."""


class Insert(Protocol):
    """The ``insert`` of one dialect, which is where ON CONFLICT lives."""

    def __call__(self, table: Any) -> Any: ...


_DIALECTS = {
    "sqlite": (sqlite.dialect(paramstyle="named"), sqlite.insert),
    "postgresql": (psycopg.dialect(), postgresql.insert),  # type: ignore[no-untyped-call]  # theirs
}


def _tables(statement: ClauseElement) -> frozenset[str]:
    """The names of the tables a statement speaks of."""
    named = {part.name for part in iterate(statement) if isinstance(part, TableClause)}
    written = getattr(statement, "table", None)
    return frozenset(named | {written.name} if isinstance(written, TableClause) else named)


class Sql:
    """A statement with named parameters, compiled on first use for each database.

    Give a Core construct, or a function of the dialect's ``insert`` where ON CONFLICT is needed.
    """

    def __init__(self, statement: ClauseElement | Callable[[Insert], Any]) -> None:
        self._statement = statement
        self._texts: dict[str, tuple[str, dict[str, Any]]] = {}
        self.tables = _tables(
            statement if isinstance(statement, ClauseElement) else statement(sqlite.insert)
        )

    def text(self, dialect: str) -> tuple[str, dict[str, Any]]:
        """The SQL text, and the values of the parameters that are fixed."""
        if dialect not in self._texts:
            target, insert = _DIALECTS[dialect]
            statement = self._statement
            built = statement if isinstance(statement, ClauseElement) else statement(insert)
            compiled = built.compile(dialect=target)
            fixed = {k: v for k, v in compiled.params.items() if v is not None}
            self._texts[dialect] = (str(compiled), fixed)
        return self._texts[dialect]


def none_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """That a column is none of those in the list parameter ``name`` (PostgreSQL)."""
    return column != all_(bindparam(name, type_=postgresql.ARRAY(column.type)))


def lock_number(*names: str) -> int:
    """The number of PostgreSQL's advisory lock for these names."""
    digest = hashlib.blake2b("\x1f".join(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class Session:
    """A driver connection in autocommit mode, with transactions begun and ended by hand."""

    def __init__(self, connection: Any, dialect: str) -> None:
        self._connection = connection
        self.dialect = dialect
        self._cursor = connection.cursor()
        self._waiting: dict[Sql, list[dict[str, Any]]] = {}
        self._tables: set[str] = set()

    def command(self, text: str) -> None:
        """BEGIN, COMMIT and their like."""
        self._cursor.execute(text)

    def _execute(self, sql: Sql, params: dict[str, Any]) -> Any:
        if self._tables and not self._tables.isdisjoint(sql.tables):
            self.flush()
        text, fixed = sql.text(self.dialect)
        return self._cursor.execute(text, {**fixed, **params} if fixed else params)

    def rows(self, sql: Sql, **params: Any) -> list[Row]:
        """All rows of a query."""
        rows: list[Row] = self._execute(sql, params).fetchall()
        return rows

    def first(self, sql: Sql, **params: Any) -> Row | None:
        """The first row, if any; also the returned row of a write."""
        cursor = self._execute(sql, params)
        row: Row | None = cursor.fetchone()
        if row is not None and self.dialect == "sqlite":
            cursor.fetchall()  # a RETURNING left unread keeps its statement open
        return row

    def peek(self, sql: Sql, **params: Any) -> Row | None:
        """The first row as the database has it: waiting appends stay where they are, so whoever
        asks must know what it has appended itself.
        """
        text, fixed = sql.text(self.dialect)
        row: Row | None = self._cursor.execute(text, {**fixed, **params}).fetchone()
        return row

    def change(self, sql: Sql, **params: Any) -> int:
        """How many rows a write changed."""
        count: int = self._execute(sql, params).rowcount
        return count

    def append(self, sql: Sql, row: dict[str, Any]) -> None:
        """A write that may wait for its fellows and whose outcome does not matter."""
        self._waiting.setdefault(sql, []).append(row)
        self._tables |= sql.tables

    def flush(self) -> None:
        """Send the waiting appends, each statement once for all its rows; PostgreSQL gets all of
        them in one breath.
        """
        waiting, self._waiting, self._tables = self._waiting, {}, set()
        if len(waiting) > 1 and self.dialect == "postgresql":
            with self._connection.pipeline():
                self._send(waiting)
        else:
            self._send(waiting)

    def _send(self, waiting: dict[Sql, list[dict[str, Any]]]) -> None:
        for sql, rows in waiting.items():
            text, fixed = sql.text(self.dialect)
            filled = [{**fixed, **row} for row in rows] if fixed else rows
            if len(filled) == 1:
                self._cursor.execute(text, filled[0])
            else:
                self._cursor.executemany(text, filled)

    def forget(self) -> None:
        """Drop the waiting appends of a unit that failed."""
        self._waiting, self._tables = {}, set()


class Database:
    """Where the connections come from: one address, writers and readers."""

    def __init__(self, url: str) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.url = self._resolved(url)
        self.dialect = self.url.get_backend_name()
        self._make_private()
        self._writers = self._engine(readonly=False)
        self._readers = self._engine(readonly=True)
        self._builders = self._writers
        if self.dialect == "postgresql":
            self._builders = self._on_postgres(None, poolclass=NullPool)
        self.errors: Any = self._writers.dialect.loaded_dbapi

    def _resolved(self, url: str) -> URL:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        if backend != "sqlite":
            raise InvalidInput(
                field="database.url", found=backend, allowed="sqlite:///…, postgresql://…"
            )
        if parsed.database in {None, "", ":memory:"}:
            self._folder = tempfile.TemporaryDirectory(prefix="paidan-")
            return parsed.set(database=str(Path(self._folder.name) / "paidan.db"))
        return parsed

    def _make_private(self) -> None:
        """A database file holds names and phone numbers: nobody else on the machine reads it."""
        if self.dialect == "sqlite" and self.url.database:
            with contextlib.suppress(OSError):  # opening it will say what is wrong
                Path(self.url.database).touch(mode=0o600)

    @property
    def passing(self) -> bool:
        """Whether the data may vanish with the process (``:memory:``)."""
        return self._folder is not None

    def _engine(self, *, readonly: bool) -> Engine:
        if self.dialect == "postgresql":
            within = READ_WITHIN if readonly else WRITE_WITHIN
            return self._on_postgres(within, pool_size=8, pool_pre_ping=readonly)
        engine = create_engine(
            self.url,
            isolation_level="AUTOCOMMIT",
            poolclass=QueuePool,
            pool_size=8,
            connect_args={"check_same_thread": False, "timeout": 10, "cached_statements": 512},
        )
        pragmas = ["foreign_keys=ON", "temp_store=MEMORY", "mmap_size=268435456"]
        if readonly:
            pragmas.append("query_only=ON")
        else:
            durable = "OFF" if self.passing else "FULL"
            pragmas += ["journal_mode=WAL", f"synchronous={durable}", "cache_size=-65536"]

        @event.listens_for(engine, "connect")
        def _(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        return engine

    def _on_postgres(self, within: int | None, **pool: Any) -> Engine:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT", **pool)
        from storage.postgres import connect  # noqa: PLC0415 - only who has PostgreSQL has psycopg

        @event.listens_for(engine, "do_connect")
        def _(_dialect: Any, _record: Any, args: Any, kwargs: Any) -> Any:
            return connect(within, *args, **kwargs)

        return engine

    @property
    def engine(self) -> Engine:
        """For what needs SQLAlchemy itself and takes its time: creating, migrating and copying
        tables.
        """
        return self._builders

    def writer(self) -> tuple[Any, Session]:
        """A connection that may write (give it back with ``close()``), and its session."""
        connection = self._writers.raw_connection()
        return connection, Session(connection.driver_connection, self.dialect)

    def reader(self) -> tuple[Any, Session]:
        """A connection that only reads, and its session."""
        connection = self._readers.raw_connection()
        return connection, Session(connection.driver_connection, self.dialect)

    @property
    def begin_write(self) -> str:
        """How a writing transaction starts."""
        return "BEGIN IMMEDIATE" if self.dialect == "sqlite" else "BEGIN"

    @property
    def begin_read(self) -> str:
        """How a reading transaction starts: one snapshot for all its queries."""
        if self.dialect == "sqlite":
            return "BEGIN"
        return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def close(self) -> None:
        """Give everything back; a passing database is gone afterwards."""
        for engine in (self._writers, self._readers, self._builders):
            engine.dispose()
        if self._folder is not None:
            self._folder.cleanup()


def is_conflict(errors: Any, error: BaseException) -> bool:
    """Whether somebody else was first: running the unit again, alone, may well succeed."""
    if isinstance(error, errors.IntegrityError):
        return True
    return getattr(error, "sqlstate", None) in {"40001", "40P01"}


def is_lost(errors: Any, error: BaseException) -> bool:
    """Whether the database itself is in trouble: disk full, read-only, connection gone, locked for
    long.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, errors.OperationalError | errors.InterfaceError) or is_closed(cause)


def is_closed(error: BaseException | None) -> bool:
    """Whether PostgreSQL takes no writes now: a standby, or one made read-only. A connection may
    stay so after the database no longer is.
    """
    return getattr(error, "sqlstate", None) == "25006"
