"""A whole database as one file, taken while it is in use, and put back.

SQLite is copied by its online backup; PostgreSQL by its own ``pg_dump`` and ``pg_restore``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import bindparam, func, inspect, select, text
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import DBAPIError

from storage.database import Database, Sql
from storage.migrating import HEAD, known_revisions
from storage.schema import blobs, metadata
from storage.shift import at_work
from workflow.errors import InvalidInput, Unavailable

_BLOBS = Sql(
    select(blobs.c.blob)
    .where(blobs.c.blob > bindparam("after"))
    .order_by(blobs.c.blob)
    .limit(bindparam("limit"))
)
_PAGE = 1000
_PASSING = frozenset({"alembic_version", "workers"})
"""Tables whose rows are no data."""


class Copying:
    """The database at ``url``, as a whole.

    Raises:
        Unavailable: it cannot be reached, or a tool of PostgreSQL is missing or refuses.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.dialect = self._database.dialect

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    @property
    def exists(self) -> bool:
        """Whether there is a database at all; PostgreSQL's always is."""
        path = self._path
        return path is None or (path.exists() and path.stat().st_size > 0)

    @property
    def _path(self) -> Path | None:
        url = self._database.url
        return Path(url.database) if self.dialect == "sqlite" and url.database else None

    # --- taking -----------------------------------------------------------------------------

    def take(self, to: Path) -> None:
        """Write one consistent state of everything to ``to``, whoever is writing meanwhile."""
        if self.dialect == "postgresql":
            aside = f"--exclude-schema={_ASIDE}*"
            _run("pg_dump", ["--format=custom", *_PLAIN, aside], to, self._url)
            return
        try:
            address = _readable(self._path or Path())
            with (
                contextlib.closing(sqlite3.connect(address, uri=True)) as source,
                contextlib.closing(sqlite3.connect(to)) as target,
            ):
                source.backup(target, pages=-1)  # one step: a writer cannot make it begin again
                target.execute("PRAGMA journal_mode=DELETE")
                _prove_whole(target)
        except sqlite3.Error as error:
            raise Unavailable(why=str(error)) from error

    @property
    def _url(self) -> URL:
        return self._database.url

    def blobs(self) -> Iterator[str]:
        """The names of all attachments."""
        connection, session = self._database.reader()
        try:
            after = ""
            while rows := session.rows(_BLOBS, after=after, limit=_PAGE):
                yield from (row[0] for row in rows)
                after = rows[-1][0]
        finally:
            connection.close()

    # --- putting back -------------------------------------------------------------------------

    def busy(self) -> Sequence[str]:
        """The processes at work on it."""
        return at_work(self._database) if self.exists and "workers" in self._tables() else ()

    def empty(self) -> bool:
        """Whether it holds nothing of anybody's."""
        if not self.exists:
            return True
        names = set(self._tables())
        foreign = names - set(metadata.tables) - _PASSING
        if foreign:
            return False
        with self._database.engine.connect() as connection:
            return not any(
                connection.execute(select(func.count()).select_from(table)).scalar()
                for name, table in metadata.tables.items()
                if name in names - _PASSING
            )

    def _tables(self) -> list[str]:
        try:
            with self._database.engine.connect() as connection:
                return inspect(connection).get_table_names()
        except (self._database.errors.Error, DBAPIError) as error:
            raise Unavailable(why=str(error)) from error

    def put(self, file: Path, now: datetime) -> str:
        """Let the database be what ``file`` holds. What it held before lies aside afterwards, as
        the file or the schema this names; when it fails, nothing has changed.
        """
        if self.dialect == "postgresql":
            return self._put_dump(file, now)
        path = self._path
        assert path is not None  # noqa: S101 - SQLite has a file
        self._database.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.restored")
        shutil.move(file, fresh)
        fresh.chmod(0o600)
        aside = _set_aside(path, now)
        fresh.replace(path)
        return str(aside or "")

    def _put_dump(self, file: Path, now: datetime) -> str:
        tables = self._tables()
        aside = f"{_ASIDE}{now:%Y%m%d_%H%M%S}" if tables else ""
        self._move(tables, f'CREATE SCHEMA "{aside}"', "public", aside)
        try:
            _run("pg_restore", [*_AT_ONCE, *_PLAIN], file, self._url)
        except BaseException:
            self._move(tables, "", aside, "public")
            raise
        return aside

    def _move(self, tables: Sequence[str], first: str, since: str, to: str) -> None:
        if not tables:
            return
        with self._database.engine.connect() as connection:
            connection.execute(text("BEGIN"))
            if first:
                connection.execute(text(first))
            for name in tables:
                connection.execute(text(f'ALTER TABLE "{since}"."{name}" SET SCHEMA "{to}"'))
            if not first:
                connection.execute(text(f'DROP SCHEMA "{since}"'))
            connection.execute(text("COMMIT"))


_ASIDE = "before_"
_AT_ONCE = ("--exit-on-error", "--single-transaction")
_PLAIN = ("--no-owner", "--no-privileges")


def revision_in(file: Path, dialect: str) -> str | None:
    """The revision of a SQLite copy; None where only putting it back will tell.

    Raises:
        InvalidInput: it is damaged.
    """
    if dialect != "sqlite":
        return None
    try:
        with contextlib.closing(sqlite3.connect(_readable(file), uri=True)) as db:
            _prove_whole(db)
            row = db.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0])
    except (sqlite3.Error, Unavailable, TypeError) as error:
        raise InvalidInput("backup_damaged", found=file.name, why=str(error)) from error


def _readable(file: Path) -> str:
    return f"{file.absolute().as_uri()}?mode=ro"


def knows(revision: str) -> bool:
    """Whether this program can bring a database of that revision up to date."""
    return revision == HEAD or revision in known_revisions()


def _set_aside(path: Path, now: datetime) -> Path | None:
    """Keep what was there; a journal left behind would be taken for the new file's."""
    if not path.exists():
        return None
    aside = path.with_name(f"{path.name}.before-{now:%Y%m%d-%H%M%S}")
    for tail in ("-wal", "-shm", ""):
        part = path.with_name(path.name + tail)
        if part.exists():
            part.rename(aside.with_name(aside.name + tail))
    return aside


def _prove_whole(db: sqlite3.Connection) -> None:
    said = [row[0] for row in db.execute("PRAGMA quick_check(3)")]
    if said != ["ok"]:
        raise Unavailable(why="; ".join(said))


def _run(tool: str, options: Sequence[str], file: Path, url: URL) -> None:
    """A tool of PostgreSQL; the password goes by its environment, where nobody else sees it."""
    program = shutil.which(tool)
    if program is None:
        raise InvalidInput("tool_missing", found=tool)
    password = str(url.password or "")
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    how = ["--file", str(file)] if tool == "pg_dump" else [str(file)]
    environment = {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": password} if password else {})}
    done = subprocess.run(  # noqa: S603 - a tool found by name, with arguments of ours
        [program, *options, "--dbname", plain, *how],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(why=f"{tool}: {(done.stderr or done.stdout).strip()[-500:]}")
