"""What a message costs as work orders and processes add up.

    python bench/scale.py --on sqlite|postgres [--sizes 10000,100000,1000000] [--messages 400]
                          [--workers 1,2,4] [--at DIR] [--dry]

*Size*: the company of bench/multitude.py with more and more work orders, one in fifty open (from
ten thousand on: at least a thousand); into each the same closed loop of reports as in
bench/main_job.py. *Workers* (PostgreSQL and Redis): messages are admitted as fast as they are taken
while so many real worker processes settle them; processor time is that of the workers. Beside it,
in the same run: bare one-row commits into the same database. Figures of a shared machine with two
cores: trust ratios, and processor time more than the clock. Results go to bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from as_served import run, warm_reader
from main_job import closed_loop, report
from multitude import TENANT, company
from results import recorded
from sqlalchemy import make_url

from paidan.compose import Parts, assemble
from storage.database import Database
from tests.faults.houses import House, Street, street

SERVER = "postgresql://127.0.0.1:5432/postgres"
OPEN_SHARE = 50
WARM = 64
BESIDE = 16
BARE = 1000
LOOK = 0.05
CALM, IDLE = 1.0, 0.3
"""Seconds looked at, and the processor time of all workers in one of them that counts as none."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What one message took: of the clock, and of our processors (milliseconds)."""

    per_second: float
    cpu_ms: float
    p50_ms: float = 0.0


@contextlib.contextmanager
def database(kind: str, folder: Path, name: str = "") -> Iterator[str]:
    """An address of an empty database; with a name one that stays."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'bench.db'}"
        return
    import psycopg  # noqa: PLC0415 - only who has PostgreSQL has psycopg

    called = name or f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(SERVER, autocommit=True) as admin:
        there = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (called,)).fetchone()
        if not there:
            admin.execute(f"CREATE DATABASE \"{called}\" TEMPLATE template0 ENCODING 'UTF8'")
        try:
            yield make_url(SERVER).set(database=called).render_as_string(hide_password=False)
        finally:
            if not name:
                admin.execute(f'DROP DATABASE "{called}" WITH (FORCE)')


def bare(url: str) -> float:
    """One-row commits a second, one after the other."""
    with contextlib.closing(Database(url)) as opened:
        connection, session = opened.writer()
        session.command("CREATE TABLE IF NOT EXISTS bare (body TEXT)")
        begun = time.perf_counter()
        for _ in range(BARE):
            session.command(opened.begin_write)
            session.command(f"INSERT INTO bare VALUES ('{'x' * 600}')")
            session.command("COMMIT")
        took = time.perf_counter() - begun
        session.command("DROP TABLE bare")
        connection.close()
    return BARE / took


async def _history_read() -> None:
    """Past repairs are read behind the first messages' back; that is not a message's cost."""
    reading = [t for t in asyncio.all_tasks() if t.get_name().startswith("history:")]
    await asyncio.gather(*reading)


async def grown(url: str, folder: Path, size: int, messages: int) -> Cost:
    """The closed loop in a company of this size."""
    still_open = max(size // OPEN_SHARE, min(size, 1000))
    async with company(url, folder, many=size, still_open=still_open) as parts:
        number = random.randrange(10_000_000, 80_000_000)
        await closed_loop(parts, TENANT, WARM, number, BESIDE)
        await _history_read()
        spent = time.process_time()
        loop = await closed_loop(parts, TENANT, messages, number + WARM, BESIDE)
        spent = time.process_time() - spent
    return Cost(loop["per_second"], spent / messages * 1000, loop["p50_ms"])


# --- workers --------------------------------------------------------------------------------------


def processor_seconds(house: House) -> float:
    """User and system time of a process, from ``/proc``."""
    fields = Path(f"/proc/{house.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def _settled(parts: Parts) -> bool:
    backlog = await parts.store.queries.backlog(TENANT, parts.clock.now(TENANT))
    return not backlog.waiting_messages


async def drained(on: Street, messages: int, number: int) -> Cost:
    """Admit so many and wait until the workers have settled them all."""
    workers = on.living("worker")
    reader = warm_reader()
    async with assemble(on.database, on.folder / "blobs", reader) as parts:
        numbers = iter(range(messages))

        async def customer() -> None:
            for n in numbers:
                await parts.front_desk.admit(report(TENANT, number + n))

        spent = sum(map(processor_seconds, workers))
        begun = time.perf_counter()
        await asyncio.gather(*(customer() for _ in range(BESIDE)))
        while not await _settled(parts):  # noqa: ASYNC110 - another process brings it about
            await asyncio.sleep(LOOK)
        took = time.perf_counter() - begun
        spent = sum(map(processor_seconds, workers)) - spent
    return Cost(messages / took, spent / messages * 1000)


async def calm(on: Street) -> None:
    """Wait until the workers are done with what a start costs: models warm, past repairs read."""
    while True:
        before = sum(map(processor_seconds, on.living("worker")))
        await asyncio.sleep(CALM)
        if sum(map(processor_seconds, on.living("worker"))) - before < CALM * IDLE:
            return


async def with_workers(count: int, folder: Path, redis: str, messages: int) -> Cost:
    """So many worker processes on a database of their own."""
    with database("postgres", folder) as url:
        async with street(folder, url, redis) as opened:
            for _ in range(count):
                await opened.open("worker")
            await drained(opened, WARM * count, 30_000_000)
            await calm(opened)
            return await drained(opened, messages, 40_000_000)


# --- the run --------------------------------------------------------------------------------------


async def measure(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        with database(given.on, Path(name)) as url:
            print(f"裸的一行一提交：{bare(url):.0f} 次/秒\n")
        await _sizes(given, Path(name))
        if given.on == "postgres":
            await _workers(given, Path(name))


async def _sizes(given: argparse.Namespace, folder: Path) -> None:
    print(f"{'工单':>10}{'条/秒':>8}{'CPU ms/条':>12}{'p50 ms':>9}   CPU 与第一行之比")
    first = 0.0
    for size in given.sizes:
        keep = given.at / str(size) if given.at else folder / str(size)
        keep.mkdir(parents=True, exist_ok=True)
        with database(given.on, keep, f"multitude_{size}" if given.at else "") as url:
            cost = await grown(url, keep, size, given.messages)
        first = first or cost.cpu_ms
        print(
            f"{size:>10,}{cost.per_second:8.0f}{cost.cpu_ms:12.1f}{cost.p50_ms:9.0f}"
            f"   {cost.cpu_ms / first:.2f}"
        )


async def _workers(given: argparse.Namespace, folder: Path) -> None:
    print(f"\n{'工人进程':>8}{'条/秒':>8}{'CPU ms/条':>12}   与第一行之比")
    first = 0.0
    for count in given.workers:
        cost = await with_workers(count, folder / f"w{count}", given.redis, given.messages)
        first = first or cost.cpu_ms
        print(f"{count:>10}{cost.per_second:8.0f}{cost.cpu_ms:12.1f}   {cost.cpu_ms / first:.2f}")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--sizes", type=_numbers, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--messages", type=int, default=400)
    parser.add_argument("--workers", type=_numbers, default=[1, 2, 4])
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/9")
    parser.add_argument("--at", type=Path, help="keep the companies here, or take them from here")
    parser.add_argument("--dry", action="store_true", help="only print, touch no file")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    title = f"规模：一条消息的代价随工单和进程怎样变（{given.on}）"
    with recorded(title, f"python bench/scale.py --on {given.on}", wanted=not given.dry):
        run(measure(given))


if __name__ == "__main__":
    main()
