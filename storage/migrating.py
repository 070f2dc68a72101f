"""Bringing a database to the present schema.

An empty database gets the tables at once and is marked with the newest revision; an older one is
moved up revision by revision with Alembic. A test holds both ways to the same result.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from storage.database import Database
from storage.schema import metadata
from workflow.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0011"
"""The newest revision in ``migrations/versions``."""

_LOCK = 7_261_401
"""PostgreSQL's advisory lock for creating and migrating: two processes may start at once."""


def _begin(connection: Connection, database: Database) -> None:
    connection.exec_driver_sql(database.begin_write)
    if database.dialect == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - only an old database pays for Alembic

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection, since: str | None) -> list[str]:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = _config(connection)
    scripts = ScriptDirectory.from_config(config)
    known = [s.revision for s in scripts.walk_revisions()]
    if since is not None and since not in known:
        raise Unavailable(why=f"revision {since} is newer than this program knows ({HEAD})")
    command.upgrade(config, "head")
    return list(reversed(known[: known.index(since)] if since else known))


def known_revisions() -> list[str]:
    """Every revision there ever was, newest first."""
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def prepare(database: Database) -> list[str]:
    """Create or migrate as needed; returns the revisions that were applied.

    Raises:
        Unavailable: the database cannot be reached, or a newer program has written it.
    """
    try:
        with database.engine.connect() as connection:
            _begin(connection, database)
            revision = _revision(connection)
            if revision == HEAD:
                applied = []
            elif revision is None and not inspect(connection).get_table_names():
                _create(connection)
                applied = [HEAD]
            else:
                applied = _upgrade(connection, revision)
            connection.exec_driver_sql("COMMIT")
    except (database.errors.Error, DBAPIError) as error:
        raise Unavailable(why=str(error)) from error
    return applied


def migrate(url: str) -> list[str]:
    """Bring the database at ``url`` up to date; returns the revisions applied, oldest first."""
    database = Database(url)
    try:
        return prepare(database)
    finally:
        database.close()


def revision(url: str) -> str | None:
    """The revision the database at ``url`` is at; None when it is empty."""
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            return _revision(connection)
    finally:
        database.close()
