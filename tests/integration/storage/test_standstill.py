"""A database that stands still keeps nobody waiting for ever, and what comes in at the doors is
refused while there is time to say so.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from storage import SqlStore, database, open_store
from storage.lanes import Job, Lanes
from storage.unit import SqlUnitOfWork
from tests.faults.proxy import Wire, wire
from tests.waiting import wait_until
from workflow.errors import Unavailable
from workflow.ports import UnitOfWork

T = "t"


@pytest.fixture
async def cable(postgres_url: str) -> AsyncIterator[Wire]:
    there = make_url(postgres_url)
    async with wire(there.host or "127.0.0.1", there.port or 5432) as made:
        yield made


@pytest.fixture
async def far(
    postgres_url: str, cable: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SqlStore]:
    """A store at the end of a wire, with little patience."""
    monkeypatch.setattr(database, "WRITE_WITHIN", 1)
    monkeypatch.setattr(database, "READ_WITHIN", 1)
    url = make_url(postgres_url).set(host="127.0.0.1", port=cable.port)
    through = url.update_query_dict({"connect_timeout": "2"})
    async with open_store(through.render_as_string(hide_password=False), tmp_path) as store:
        await store.erase(T)
        yield store


def note(key: str) -> Callable[[UnitOfWork], bool]:
    return lambda uow: uow.ledger(key)


async def seen(store: SqlStore, key: str) -> bool:
    row = "SELECT 1 FROM ledger WHERE tenant = %(t)s AND key = %(k)s"
    return bool(await store.look(lambda s: s._cursor.execute(row, {"t": T, "k": key}).fetchone()))


async def test_a_server_that_stands_still_is_left_and_found_again(
    far: SqlStore, cable: Wire
) -> None:
    await far.transact(T, note("before"))
    assert await seen(far, "before")
    cable.clog()
    writes = [far.transact(T, note(f"during{n}")) for n in range(20)]
    asked = asyncio.gather(
        *(far.look(lambda s: s.command("SELECT 1")) for _ in range(2)), return_exceptions=True
    )
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert {type(r) for r in results} == {Unavailable}
    assert {type(r) for r in await asked} == {Unavailable}
    cable.clear()
    assert await far.transact(T, note("after"))
    assert await seen(far, "after")


async def test_at_the_doors_a_standstill_is_said_in_time(far: SqlStore, cable: Wire) -> None:
    await far.transact(T, note("before"))
    cable.clog()
    held_up = asyncio.create_task(far.transact(T, note("house")))
    with pytest.raises(Unavailable, match="not written within"):
        await far.transact(T, note("first"), within=0.2)
    with pytest.raises(Unavailable, match="too much waits"):
        await far.transact(T, note("second"), within=0.2)
    with pytest.raises(Unavailable):
        await held_up
    cable.clear()
    assert await far.transact(T, note("after"), within=20)
    assert not await seen(far, "first"), "nobody waited for it any more"


async def test_locks_of_a_process_that_is_lost_are_freed(far: SqlStore, postgres_url: str) -> None:
    """Its machine is gone: no word of it ever comes, and the server would believe it is there."""
    held = asyncio.Event()
    here, over = asyncio.get_running_loop(), threading.Event()

    def hang(uow: UnitOfWork) -> None:
        del uow
        here.call_soon_threadsafe(held.set)
        over.wait()

    lost = asyncio.create_task(far.transact(T, hang, lock="open-or-join"))
    await held.wait()
    try:
        async with open_store(postgres_url, Path()) as other:
            assert await _in_the_end(other, note("other"))
    finally:
        over.set()
    with pytest.raises(Unavailable):
        await lost


async def _in_the_end(store: SqlStore, work: Callable[[UnitOfWork], bool]) -> bool:
    async def done() -> bool:
        try:
            return await store.transact(T, work, lock="open-or-join")
        except Unavailable:
            return False

    return await wait_until(done)


async def test_long_work_on_the_tables_is_given_its_time(far: SqlStore) -> None:
    def rebuild() -> None:
        with far._database.engine.connect() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(1.5)")

    await asyncio.to_thread(rebuild)


async def test_a_unit_that_takes_too_long_hurts_no_neighbour(far: SqlStore) -> None:
    def endless(uow: SqlUnitOfWork) -> None:
        uow.scope.session.command("SELECT pg_sleep(60)")

    results = await asyncio.gather(
        far.transact(T, note("one")),
        far.transact(T, endless),
        far.transact(T, note("two")),
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [bool, Unavailable, bool]


async def test_what_the_address_says_about_the_wire_counts(postgres_url: str) -> None:
    url = make_url(postgres_url).update_query_dict({"keepalives_idle": "77"})
    made = database.Database(url.render_as_string(hide_password=False))
    connection, _ = made.writer()
    given = connection.driver_connection.info.get_parameters()
    assert given["keepalives_idle"] == "77"
    assert given["tcp_user_timeout"] == "8000"
    with psycopg.connect(postgres_url) as plain:
        assert "tcp_user_timeout" not in plain.info.get_parameters()
    connection.close()
    made.close()


# --- the two lanes --------------------------------------------------------------------------------


def job(*, door: bool) -> Job:
    loop = asyncio.get_running_loop()
    return Job(T, lambda _: None, loop, loop.create_future(), door=door)


class Hand:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_the_doors_and_the_house_share_a_batch_and_the_house_goes_first() -> None:
    lanes = Lanes()
    door = [job(door=True) for _ in range(10)]
    for one in door:
        lanes.put(one)
    step = job(door=False)
    lanes.put(step)
    assert lanes.take(4) == [step, *door[:3]]
    house = [job(door=False) for _ in range(10)]
    for one in house:
        lanes.put(one)
    assert lanes.take(4) == [*house[:2], *door[3:5]]


async def test_what_nobody_waits_for_any_more_is_not_done() -> None:
    lanes = Lanes()
    given_up, wanted = job(door=True), job(door=True)
    lanes.put(given_up)
    lanes.put(wanted)
    given_up.future.cancel()
    assert lanes.take(4) == [wanted]
    lanes.close()
    assert lanes.take(4) == []


async def test_the_wait_ahead_follows_from_the_pace_and_from_what_is_under_way() -> None:
    clock = Hand()
    lanes = Lanes(clock)
    work(lanes, clock, units=2, seconds=1.0, times=8, most=2)
    for _ in range(4):
        lanes.put(job(door=True))
    lanes.take(2)
    clock.now += 3.0
    assert lanes.ahead() == pytest.approx(3.0 + 2 * 0.5), "the batch under way may never end"
    lanes.put(job(door=False))
    assert lanes.ahead() == pytest.approx(3.0 + 3 * 0.5), "the house's own goes before"


def work(
    lanes: Lanes, clock: Hand, *, units: int, seconds: float, times: int = 1, most: int = 64
) -> None:
    """Let so many batches through."""
    for _ in range(times):
        for _ in range(units):
            lanes.put(job(door=True))
        assert len(lanes.take(most)) == units
        clock.now += seconds
        lanes.done()


async def test_a_cold_process_sends_nobody_away_for_its_first_batches() -> None:
    clock = Hand()
    lanes = Lanes(clock)
    work(lanes, clock, units=1, seconds=2.0)
    for _ in range(64):
        lanes.put(job(door=True))
    assert lanes.ahead() == 0.0, "nobody knows the pace yet"
    lanes.take(64)
    clock.now += 5.0
    assert lanes.ahead() == pytest.approx(5.0), "what stands still is seen from the first"


async def test_a_time_of_trouble_is_forgotten_as_soon_as_it_is_over() -> None:
    clock = Hand()
    lanes = Lanes(clock)
    work(lanes, clock, units=1, seconds=8.0, times=20)
    for _ in range(64):
        lanes.put(job(door=True))
    assert lanes.ahead() == pytest.approx(8.0)
    assert len(lanes.take(64)) == 64
    work(lanes, clock, units=64, seconds=0.1, times=8)
    for _ in range(640):
        lanes.put(job(door=True))
    assert lanes.ahead() == pytest.approx(1.0)


async def test_small_batches_do_not_make_a_crowd_of_a_few_dozen() -> None:
    clock = Hand()
    lanes = Lanes(clock)
    work(lanes, clock, units=1, seconds=0.5, times=20)
    for _ in range(32):
        lanes.put(job(door=True))
    assert lanes.ahead() == pytest.approx(0.25), "they go together"
