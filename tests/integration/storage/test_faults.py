"""What breaks under the store is said plainly, hurts nobody else, and heals by itself."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from storage import SqlStore, Unavailable, open_store
from storage.database import Session
from workflow.company import Customer
from workflow.ports import UnitOfWork
from workflow.records import Inbound

T = "t"
NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)


def admit(uow: UnitOfWork, key: str, text: str = "") -> str:
    admitted = uow.inbox.admit(Inbound(T, "web", key, "direct", "v1", key, NOW, text))
    assert admitted is not None
    return admitted.inbound.dedupe_key


async def kept(store: SqlStore) -> list[str]:
    return sorted(m.inbound.dedupe_key for m in await store.waiting_messages(T, 99))


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A SQLite store in a file."""
    async with open_store(f"sqlite:///{tmp_path / 'paidan.db'}", tmp_path) as store:
        yield store


@pytest.fixture
async def served(postgres_url: str, tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A PostgreSQL store without anything of our tenant."""
    async with open_store(postgres_url, tmp_path) as store:
        await store.erase(T)
        yield store


@pytest.fixture(params=["small", "served"])
def store(request: pytest.FixtureRequest) -> SqlStore:
    found: SqlStore = request.getfixturevalue(request.param)
    return found


class Disk:
    """How many pages of the database the disk has room for."""

    def __init__(self, store: SqlStore) -> None:
        self.pages = 1_000_000
        event.listen(store._database.engine, "connect", self._limit)

    def _limit(self, connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={self.pages}")

    async def resize(self, store: SqlStore, pages: int) -> None:
        self.pages = pages
        await store.transact(T, lambda u: self._limit(u.scope.session._connection, None))


async def test_a_full_disk_is_said_and_heals(small: SqlStore) -> None:
    disk = Disk(small)
    await small.transact(T, lambda u: admit(u, "before"))
    await disk.resize(small, 1)  # SQLite takes the present size as the least
    results = await asyncio.gather(
        *(small.transact(T, lambda u, n=n: admit(u, f"big{n}", "x" * 100_000)) for n in range(5)),
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [Unavailable] * 5
    assert await kept(small) == ["before"]
    await disk.resize(small, 1_000_000)
    assert await small.transact(T, lambda u: admit(u, "big0", "x" * 100_000)) == "big0"
    assert await kept(small) == ["before", "big0"]


def hang_up(url: str) -> None:
    """End every connection to this database but ours."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_lost_connections_are_made_again(served: SqlStore, postgres_url: str) -> None:
    await served.transact(T, lambda u: admit(u, "1"))
    assert await kept(served) == ["1"]
    hang_up(postgres_url)
    results = await asyncio.gather(
        *(served.transact(T, lambda u, n=n: admit(u, f"{n}")) for n in range(2, 9))
    )
    assert results == [str(n) for n in range(2, 9)]
    hang_up(postgres_url)
    assert await kept(served) == [str(n) for n in range(1, 9)]


async def test_a_connection_lost_within_a_unit(served: SqlStore, postgres_url: str) -> None:
    runs: list[int] = []

    def work(uow: UnitOfWork) -> str:
        runs.append(1)
        key = admit(uow, "1")
        if len(runs) == 1:
            hang_up(postgres_url)
        uow.people.put_customer(Customer("c1", "王女士"))
        return key

    assert await served.transact(T, work) == "1"
    assert len(runs) == 2
    assert await kept(served) == ["1"]


async def test_a_commit_that_fails_is_nobodys_success(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Session.command
    error = sqlite_or_postgres_error(store)

    def fails(self: Session, text: str) -> None:
        if text == "COMMIT":
            raise error
        command(self, text)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "command", fails)
        results = await asyncio.gather(
            *(store.transact(T, lambda u, n=n: admit(u, f"{n}")) for n in range(5)),
            return_exceptions=True,
        )
    assert [type(r) for r in results] == [Unavailable] * 5
    assert await kept(store) == []
    assert await store.transact(T, lambda u: admit(u, "0")) == "0"


def sqlite_or_postgres_error(store: SqlStore) -> Exception:
    error: Exception = store._database.errors.OperationalError("disk I/O error")
    return error


@pytest.mark.parametrize("surprise", [KeyboardInterrupt, StopIteration, SystemExit, MemoryError])
async def test_no_surprise_ends_the_writer(store: SqlStore, surprise: type[BaseException]) -> None:
    def work(uow: UnitOfWork) -> None:
        admit(uow, "poisoned")
        raise surprise

    waiting = [store.transact(T, lambda u, n=n: admit(u, f"{n}")) for n in range(3)]
    results = await asyncio.gather(
        waiting[0], quiet(store, work), *waiting[1:], return_exceptions=True
    )
    assert isinstance(results[1], surprise | RuntimeError)
    assert await kept(store) == ["0", "1", "2"]


async def quiet(store: SqlStore, work: Any) -> BaseException | None:
    """An exit must not end the test run."""
    try:
        await store.transact(T, work)
    except BaseException as error:  # noqa: BLE001 - that is the question
        return error
    return None


async def test_whoever_gives_up_waiting_disturbs_nobody(store: SqlStore) -> None:
    tasks = [
        asyncio.create_task(store.transact(T, lambda u, n=n: admit(u, f"{n}"))) for n in range(10)
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[1::2] == ["1", "3", "5", "7", "9"]
    assert set(await kept(store)) >= {"1", "3", "5", "7", "9"}


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    async with open_store("sqlite:///:memory:", tmp_path) as store:
        pass
    with pytest.raises(Unavailable):
        await store.transact(T, lambda u: admit(u, "1"))
    with pytest.raises(Unavailable):
        await store.waiting_messages(T, 1)


async def test_nobody_else_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "paidan.db"
    async with open_store(f"sqlite:///{path}", tmp_path) as store:
        await store.transact(T, lambda u: admit(u, "1"))
        files = [path, path.with_name("paidan.db-wal")]
        assert [oct(f.stat().st_mode & 0o777) for f in files] == ["0o600", "0o600"]


async def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'paidan.db'}"
    async with open_store(url, tmp_path) as store:
        tasks = [
            asyncio.create_task(store.transact(T, lambda u, n=n: admit(u, f"{n:03d}")))
            for n in range(200)
        ]
        await asyncio.sleep(0)
    assert await asyncio.gather(*tasks) == [f"{n:03d}" for n in range(200)]
    async with open_store(url, tmp_path) as store:
        assert len(await store.waiting_messages(T, 999)) == 200
    gc.collect()


async def test_a_small_question_that_fails_hurts_none_of_those_it_travels_with(
    store: SqlStore,
) -> None:
    notes = store.notes(T, "hall")
    await notes.put("door", "open")

    def nonsense(_session: Session) -> str:
        raise KeyError("no such thing")

    def broken(session: Session) -> str:
        session.command("SELECT nothing FROM nowhere")
        return "unreachable"

    asked = [notes.get("door"), store.glance(nonsense), store.glance(broken), notes.get("window")]
    first, second, third, last = await asyncio.gather(*asked, return_exceptions=True)

    assert first == "open"
    assert isinstance(second, KeyError)
    assert isinstance(third, Exception)
    assert last is None
    assert await notes.get("door") == "open"


async def test_who_no_longer_waits_for_a_small_question_keeps_nobody_waiting(
    store: SqlStore,
) -> None:
    notes = store.notes(T, "hall")
    await notes.put("door", "open")
    asked = [asyncio.create_task(notes.get("door")) for _ in range(9)]
    await asyncio.sleep(0)
    for gone in asked[::2]:
        gone.cancel()

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert answers[1::2] == ["open"] * 4
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
