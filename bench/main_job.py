"""How fast one sentence becomes a durable, dispatched work order.

    python bench/main_job.py [--messages 2000] [--open-loop 20] [--json]

Closed loop: 64 customers write one report each, again and again, through the real front desk:
admission (durable), understanding, dispatch, events, timers, notices, commit. Open loop: messages
arrive at a fixed rate and each is timed from its arrival to its planned card. Beside them, in the
same run and the same folder, the ceilings: bare inserts of one row with one commit each, and with
64 to a commit. Figures of a shared machine: trust the ratios. Results go to bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from as_served import run, warm_reader
from results import write

from paidan.clock import StoreClock
from paidan.compose import Parts, assemble, seed
from paidan.demo import demo_company
from workflow.errors import Unavailable
from workflow.records import Inbound

BESIDE = 64
WARM = 64
"""Messages before the first that is timed."""
AGAIN = 0.5
"""Seconds after which a refused message comes again."""
FAULTS = (
    "空调不制冷，一直吹热风", "马桶堵了，水漫出来了", "插座冒火花", "走廊灯不亮", "门禁刷不开",
    "电梯平层不准", "网断了，光猫红灯", "水龙头关不紧一直滴水", "电脑开不了机", "热水器不出热水",
)  # fmt: skip


def report(tenant: str, number: int) -> Inbound:
    """One of endlessly many different reports: another customer, another room."""
    room = f"{number % 40 + 1}栋{number // 40 % 6 + 1}单元{number // 240 + 101}室"
    return Inbound(
        tenant=tenant,
        channel="sandbox",
        chat=f"customer:bench{number}",
        chat_kind="direct",
        sender=f"bench{number}",
        sender_name=f"客户{number}",
        dedupe_key=f"bench:{number}",
        sent_at=datetime.now(UTC),
        text=f"{room}{FAULTS[number % len(FAULTS)]}，电话138{number:08d}",
    )


async def one(parts: Parts, tenant: str, number: int) -> float:
    """Admit and settle one report; seconds from its arrival to its committed card. What is refused
    is sent again, as a platform does.
    """
    begun = time.perf_counter()
    while True:
        try:
            admitted = await parts.front_desk.admit(report(tenant, number))
        except Unavailable:
            await asyncio.sleep(AGAIN)
        else:
            break
    assert admitted is not None, "kept although it was refused"
    await parts.front_desk.settle(tenant, admitted)
    return time.perf_counter() - begun


async def closed_loop(
    parts: Parts, tenant: str, messages: int, first: int = 0, beside: int = BESIDE
) -> dict[str, float]:
    numbers = iter(range(first, first + messages))
    took: list[float] = []

    async def customer() -> None:
        for number in numbers:
            took.append(await one(parts, tenant, number))  # noqa: PERF401  # one after the other

    begun = time.perf_counter()
    await asyncio.gather(*(customer() for _ in range(beside)))
    return {"per_second": messages / (time.perf_counter() - begun), **spread(took)}


async def open_loop(parts: Parts, tenant: str, rate: float, seconds: float) -> dict[str, float]:
    chance = random.Random(1)
    begun, due, number = time.perf_counter(), 0.0, 10_000_000
    tasks: list[asyncio.Task[float]] = []
    while due < seconds:
        due += chance.expovariate(rate)
        wait = begun + due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        lag = time.perf_counter() - (begun + due)
        number += 1
        tasks.append(asyncio.create_task(_late(lag, one(parts, tenant, number))))
    return {"rate": rate, **spread(await asyncio.gather(*tasks))}


async def _late(lag: float, done: Any) -> float:
    return float(lag + await done)


def spread(took: list[float]) -> dict[str, float]:
    ordered = sorted(took)
    return {
        "p50_ms": statistics.median(ordered) * 1000,
        "p99_ms": ordered[int(len(ordered) * 0.99) - 1] * 1000,
    }


def ceiling(folder: Path, per_commit: int, rows: int) -> float:
    """Rows a second of bare inserts, durable (WAL, synchronous=FULL)."""
    db = sqlite3.connect(folder / f"ceiling{per_commit}.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
    body = "x" * 600
    begun = time.perf_counter()
    for _ in range(rows // per_commit):
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO t (body) VALUES (?)", [(body,)] * per_commit)
        db.execute("COMMIT")
    took = time.perf_counter() - begun
    db.close()
    return rows / took


async def measure(messages: int, rate: float) -> dict[str, Any]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    reader = warm_reader()
    loaded = demo_company()
    tenant = loaded.company.tenant
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        single, grouped = ceiling(folder, 1, 2000), ceiling(folder, BESIDE, 64_000)
        async with assemble(f"sqlite:///{folder / 'bench.db'}", folder / "blobs", reader) as parts:
            await seed(parts.store, loaded)
            assert isinstance(parts.clock, StoreClock)
            for number in range(WARM):
                await one(parts, tenant, 20_000_000 + number)
            loop = await closed_loop(parts, tenant, messages)
            steady = await open_loop(parts, tenant, rate, 10)
    return {
        "messages": messages,
        "closed_loop": loop,
        "open_loop": steady,
        "ceiling_one_row_one_commit_per_second": single,
        "ceiling_64_rows_a_commit_per_second": grouped,
        "share_of_one_commit_ceiling": loop["per_second"] / single,
        "share_of_group_commit_ceiling": loop["per_second"] / grouped,
    }


def table(figures: dict[str, Any]) -> str:
    loop, steady = figures["closed_loop"], figures["open_loop"]
    return f"""## 主流程：一句话到可靠落库、派好、通知排好的工单（内嵌 SQLite，单进程）

`python bench/main_job.py`，{datetime.now(UTC):%Y-%m-%d}，两核共享机器，请看比例。

| 项目 | 数值 |
|---|---|
| 闭环 64 并发，{figures["messages"]} 条报修 | {loop["per_second"]:.0f} 条/秒，p50 {loop["p50_ms"]:.0f} ms，p99 {loop["p99_ms"]:.0f} ms |
| 开环 {steady["rate"]:.0f} 条/秒，从到达到卡片排好 | p50 {steady["p50_ms"]:.1f} ms，p99 {steady["p99_ms"]:.1f} ms |
| 上限：裸插入，一行一提交 | {figures["ceiling_one_row_one_commit_per_second"]:.0f} 行/秒（达到其 {figures["share_of_one_commit_ceiling"]:.0%}） |
| 上限：裸插入，64 行一提交 | {figures["ceiling_64_rows_a_commit_per_second"]:.0f} 行/秒（达到其 {figures["share_of_group_commit_ceiling"]:.2%}） |
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--open-loop", type=float, default=20)
    parser.add_argument("--json", action="store_true", help="only print, touch no file")
    asked = parser.parse_args()
    figures = run(measure(asked.messages, asked.open_loop))
    if asked.json:
        print(json.dumps(figures, indent=2))
        return
    section = table(figures)
    write(section)
    print(section, file=sys.stderr)


if __name__ == "__main__":
    main()
