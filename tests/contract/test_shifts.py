"""Several processes on one database: what one has in hand the others leave alone, until it is gone.

Each store stands for a process; what becomes of real ones is asked in ``tests/faults``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import SqlStore, open_store
from storage.shift import Beating, Locking
from tests.contract.test_storage import MINUTE, NOON, a_message, a_notice
from tests.waiting import wait_until
from workflow.kept import Admitted, Queued
from workflow.records import ChatRef, Receipt


@pytest.fixture
async def other(store: SqlStore, database_url: str, tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A second process on the same database."""
    async with open_store(database_url, tmp_path / "blobs") as other:
        yield other


async def say(store: SqlStore, tenant: str, *keys: str) -> None:
    """Messages of one conversation for each first letter."""
    for key in keys:
        message = a_message(tenant, key, chat=key[0])
        await store.transact(tenant, lambda uow, m=message: uow.inbox.admit(m))


async def plan(store: SqlStore, tenant: str, **chats: str) -> None:
    for key, chat in chats.items():
        notice = a_notice(key, to=ChatRef("sandbox", chat))
        await store.transact(tenant, lambda uow, n=notice: uow.outbox.add(n))


async def notices(store: SqlStore, tenant: str, limit: int = 9) -> Sequence[Queued]:
    return await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, limit)


def keys(found: Sequence[Queued] | Sequence[Admitted]) -> list[str]:
    return [q.notice.key if isinstance(q, Queued) else q.inbound.dedupe_key for q in found]


async def test_a_message_in_hand_is_not_claimed_again_before_it_is_let_go(
    store: SqlStore, tenant: str
) -> None:
    await say(store, tenant, "a1", "a2", "b1")
    first, _ = found = await store.claim_messages(tenant, 9)
    assert keys(found) == ["a1", "b1"]
    assert await store.claim_messages(tenant, 9) == []
    store.let_go("inbox", [first.id])
    assert keys(await store.claim_messages(tenant, 9)) == ["a1"]
    await store.transact(tenant, lambda uow: uow.inbox.done(first.id, {}, "opened"))
    assert keys(await store.claim_messages(tenant, 9)) == ["a2"]


async def test_one_process_at_a_time_speaks_into_a_chat(
    store: SqlStore, other: SqlStore, tenant: str
) -> None:
    await plan(store, tenant, first="a", second="a", third="b")
    (mine,) = await notices(store, tenant, 1)
    assert keys([mine]) == ["first"]
    assert keys(await notices(other, tenant)) == ["third"]
    await store.settle_notice(mine, at=NOON, receipt=Receipt("m1", NOON))
    assert keys(await notices(other, tenant)) == ["second"]


async def test_nothing_comes_for_a_channel_that_speaks_elsewhere(
    store: SqlStore, tenant: str
) -> None:
    await plan(store, tenant, n="a")
    now = datetime.now(UTC) + MINUTE
    assert await store.claim_notices(tenant, now, 9, ["sandbox"]) == []
    assert len(await store.claim_notices(tenant, now, 9, ["web"])) == 1


async def test_what_others_said_into_a_chat_is_known(
    store: SqlStore, other: SqlStore, tenant: str
) -> None:
    await plan(store, tenant, news="a", card="a", later="a", old="a", there="b")
    for queued in await notices(other, tenant):
        key = queued.notice.key
        at = NOON - MINUTE if key == "old" else NOON + MINUTE * (key == "later") / 4
        message = "together" if key in {"news", "card"} else key
        await other.settle_notice(queued, at=at, receipt=Receipt(message, at))
    chat = ChatRef("sandbox", "a")
    assert sorted(await store.said_elsewhere(tenant, chat, NOON - MINUTE)) == [
        NOON,
        NOON + MINUTE / 4,
    ]
    assert await other.said_elsewhere(tenant, chat, NOON - MINUTE) == []


async def test_who_leaves_lets_go_of_everything(
    store: SqlStore, tenant: str, database_url: str, tmp_path: Path
) -> None:
    await plan(store, tenant, n="a")
    async with open_store(database_url, tmp_path / "blobs") as leaving:
        assert keys(await notices(leaving, tenant)) == ["n"]
        assert await notices(store, tenant) == []
    (again,) = await notices(store, tenant)
    assert (again.notice.key, again.state, again.attempts) == ("n", "unknown", 2)


async def test_nobody_is_on_shift_before_taking_something(store: SqlStore, tenant: str) -> None:
    assert not store.on_shift()
    await notices(store, tenant)
    assert store.on_shift()


# --- PostgreSQL: signs of life --------------------------------------------------------------------


@pytest.fixture
def beating(database_url: str, monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """Signs of life come fast enough for a test; returns how long the dead are waited for."""
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has locks instead")
    monkeypatch.setattr("storage.shift.BEAT", 0.1)
    monkeypatch.setattr("storage.shift.GONE_AFTER", 1.2)
    return timedelta(seconds=1.2)


async def test_two_processes_share_the_messages(
    beating: timedelta, store: SqlStore, other: SqlStore, tenant: str
) -> None:
    await say(store, tenant, *(f"{chat}{n}" for chat in "abcdefgh" for n in "12"))
    mine, theirs = await store.claim_messages(tenant, 3), await other.claim_messages(tenant, 9)
    assert keys(mine) == ["a1", "b1", "c1"]
    assert keys(theirs) == ["d1", "e1", "f1", "g1", "h1"]
    assert await store.claim_messages(tenant, 9) == []


async def test_two_processes_share_the_steps(
    beating: timedelta, store: SqlStore, other: SqlStore, tenant: str
) -> None:
    for n in range(6):
        await store.transact(tenant, lambda uow, n=n: uow.timers.arm(f"order:{n}", "remind", NOON))
    mine = await store.claim_timers(tenant, NOON, 4)
    theirs = await other.claim_timers(tenant, NOON, 4)
    assert [t.subject for t in mine] == [f"order:{n}" for n in range(4)]
    assert [t.subject for t in theirs] == ["order:4", "order:5"]
    assert [t.id for t in await store.claim_timers(tenant, NOON, 9)] == [t.id for t in mine]


async def test_what_the_dead_had_in_hand_passes_to_the_living(
    beating: timedelta, store: SqlStore, tenant: str, database_url: str, tmp_path: Path
) -> None:
    await say(store, tenant, "a1")
    await plan(store, tenant, n="a")
    await store.transact(tenant, lambda uow: uow.timers.arm("order:1", "remind", NOON))
    await notices(store, tenant, 0)
    async with open_store(database_url, tmp_path / "blobs") as dying:
        assert keys(await dying.claim_messages(tenant, 9)) == ["a1"]
        assert len(await dying.claim_timers(tenant, NOON, 9)) == 1
        assert keys(await notices(dying, tenant)) == ["n"]
        shift = dying._shift
        assert isinstance(shift, Beating)
        shift._over.set()  # as if it had been killed: no sign of life any more
        assert await store.claim_messages(tenant, 9) == []
        assert await store.claim_timers(tenant, NOON, 9) == []
        found: list[str] = []

        async def taken() -> bool:
            found.extend(keys(await store.claim_messages(tenant, 9)))
            found.extend(t.subject for t in await store.claim_timers(tenant, NOON, 9))
            found.extend(q.state for q in await notices(store, tenant))
            return {"a1", "order:1", "unknown"} <= set(found)

        await wait_until(taken)
        assert not dying.on_shift()


async def test_who_was_cut_off_takes_nobody_for_dead_at_first(
    beating: timedelta, store: SqlStore, other: SqlStore, tenant: str
) -> None:
    """After an outage every sign of life is old; those who are back first must not rob the rest."""
    await say(store, tenant, "a1")
    assert keys(await other.claim_messages(tenant, 9)) == ["a1"]
    await notices(store, tenant)
    mine, theirs = store._shift, other._shift
    assert isinstance(mine, Beating)
    assert isinstance(theirs, Beating)
    theirs._over.set()
    mine._over.set()

    async def silent() -> bool:
        return not store.on_shift()

    await wait_until(silent)
    mine._beat()  # it is back, the other is not yet
    assert store.on_shift()
    assert await store.claim_messages(tenant, 9) == []


# --- SQLite: locks --------------------------------------------------------------------------------


async def test_a_lock_that_nobody_holds_is_a_process_that_is_gone(
    store: SqlStore, other: SqlStore, tenant: str, database_url: str
) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("PostgreSQL has signs of life instead")
    await plan(store, tenant, n="a")
    assert keys(await notices(other, tenant)) == ["n"]
    assert await notices(store, tenant) == []
    lost = other._shift
    assert isinstance(lost, Locking)
    assert lost._file is not None
    os.close(lost._file)  # what the kernel does when a process is killed
    lost._file = None
    assert [q.state for q in await notices(store, tenant)] == ["unknown"]
