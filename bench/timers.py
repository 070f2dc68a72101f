"""What a million open steps cost: arming, the empty poll, memory.

    python bench/timers.py [--open 1000000] [--arm 10000] [--dry]

SQLite, the store's own doors. Most of the open steps are put in by one bulk insert, and only what
is said to be armed goes through ``uow.timers.arm``, 64 to a unit of work. Beside it, in the same
run and into the same tables: bare inserts of the same rows, 64 to a commit. Results go to
bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from results import recorded

from storage import SqlStore, open_store
from storage.codec import micros

TENANT = "bench"
BATCH = 64
POLLS = 2000
FAR = timedelta(days=30)
BARE = (
    "INSERT INTO timers (tenant, subject, step, due, generation, state) "
    "VALUES (?, ?, 'remind', ?, 1, 'open')"
)


def rows(name: str, many: int) -> Iterator[tuple[str, str, int]]:
    """So many steps, all far away, each of another subject."""
    start = micros(datetime.now(UTC) + FAR)
    return ((TENANT, f"{name}:{n}", start + n) for n in range(many))


def bulk(file: Path, many: int) -> float:
    """Put them in at once; seconds."""
    begun = time.perf_counter()
    with closing(sqlite3.connect(file)) as db, db:
        db.executemany(BARE, rows("bulk", many))
    return time.perf_counter() - begun


def bare(file: Path, many: int) -> float:
    """Rows a second, durable, so many to a commit as the store was asked to take."""
    ready = list(rows(f"bare{time.monotonic_ns()}", many))
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=FULL")
        begun = time.perf_counter()
        for at in range(0, many, BATCH):
            db.execute("BEGIN IMMEDIATE")
            db.executemany(BARE, ready[at : at + BATCH])
            db.execute("COMMIT")
        return many / (time.perf_counter() - begun)


async def arm(store: SqlStore, many: int) -> float:
    """Steps a second through ``uow.timers.arm``."""
    name, due = f"armed{time.monotonic_ns()}", datetime.now(UTC) + FAR

    def unit(first: int) -> Callable[[Any], None]:
        def work(uow: Any) -> None:
            for number in range(first, min(first + BATCH, many)):
                uow.timers.arm(f"{name}:{number}", "remind", due)

        return work

    begun = time.perf_counter()
    for first in range(0, many, BATCH):
        await store.transact(TENANT, unit(first))
    return many / (time.perf_counter() - begun)


async def polled(store: SqlStore) -> list[float]:
    """Milliseconds of each look for due steps when there are none."""
    took = []
    for _ in range(POLLS):
        begun = time.perf_counter()
        due = await store.claim_timers(TENANT, datetime.now(UTC), BATCH)
        took.append((time.perf_counter() - begun) * 1000)
        assert not due
    return sorted(took)


async def measure(many: int, armed: int) -> None:
    """All of it, printed."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "bench.db"
        async with open_store(f"sqlite:///{file}", Path(name) / "blobs") as store:
            for size in (0, many):
                if size:
                    seconds = bulk(file, size)
                    print(f"一次批量写入 {size:,} 个未到期的步骤：{seconds:.1f} 秒（不经存储层）")
                pairs = [(await arm(store, armed), bare(file, armed)) for _ in range(3)]
                ours, ceiling = (statistics.median(column) for column in zip(*pairs, strict=True))
                took = await polled(store)
                print(
                    f"库里另有 {size:>9,} 个：上闹钟 {ours:>6.0f} 个/秒，裸插入 {ceiling:>6.0f} 行/秒"
                    f"（达到其 {ours / ceiling:.0%}）；空轮询 p50 {statistics.median(took):.3f} ms，"
                    f"p99 {took[int(POLLS * 0.99) - 1]:.3f} ms"
                )
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"本进程内存最高 {most:.0f} MB；库文件 {file.stat().st_size / 2**20:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--arm", type=int, default=10_000)
    parser.add_argument("--dry", action="store_true", help="only print, touch no file")
    asked = parser.parse_args()
    with recorded("闹钟：一百万个未到期的步骤", "python bench/timers.py", wanted=not asked.dry):
        asyncio.run(measure(asked.open, asked.arm))


if __name__ == "__main__":
    main()
