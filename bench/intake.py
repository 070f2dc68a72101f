"""How fast messages are taken in: acknowledged because durable, and made into work orders.

    python bench/intake.py [--messages 5000] [--rates 200,500] [--peers DIR] [--dry]

*Acknowledged*: Telegram's callbacks at the product's own route, in a process of its own: checked,
read, committed (SQLite, synchronous=FULL), answered. Closed loop of 32 callers; then an open loop,
where callbacks come at random at a fixed rate and each is timed from when it was to be sent; then,
three times, ten times the lower rate for three seconds. *Work orders*: the whole path of
bench/main_job.py. Beside them, in the same run: bare one-row commits and a bare aiohttp handler.
``--peers`` names a folder with ``peers.sh`` (and ``ENGINE_ROOT`` its environments): others that
make a row or a ticket of a message, under wrk. Figures of a shared machine: trust the ratios.
Results go to bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from aiohttp import ClientSession, TCPConnector
from as_served import run, warm_reader
from channels import Reached, call, served
from main_job import WARM, closed_loop, one
from results import recorded
from scale import bare

from bots.gateway.adapter import Callback
from paidan.compose import assemble, seed
from paidan.demo import demo_company

CHANNEL = "telegram"
BESIDE = 32
OPEN_FOR = 5.0
"""Seconds of each open loop."""
BURST, BURST_FOR, BURSTS = 10, 3.0, 3
"""How many times the lower rate, for how many seconds, and how often."""
PEERS = ("helpdesk sqlite 1 8", "helpdesk sqlite 2 4", "nonebot", "baisi")


async def arriving(port: int, told: Iterator[Callback], rate: float, seconds: float) -> Reached:
    """Callbacks at random, so many a second, each timed from when it was to be sent."""
    chance, took, refused = random.Random(1), list[float](), 0

    async def sent(http: ClientSession, callback: Callback, due: float) -> None:
        nonlocal refused
        async with http.post(
            f"http://127.0.0.1:{port}/hooks/{CHANNEL}",
            params=dict(callback.query),
            headers=dict(callback.headers),
            data=callback.body,
        ) as answer:
            await answer.read()
        took.append(time.perf_counter() - due)
        refused += answer.status != 200

    async with ClientSession(connector=TCPConnector(limit=0)) as http, asyncio.TaskGroup() as all_:
        begun = due = time.perf_counter()
        while due < begun + seconds:
            due += chance.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            all_.create_task(sent(http, next(told), due))
    took.sort()
    last = took[int(len(took) * 0.99) - 1]
    return Reached(len(took) / seconds, statistics.median(took) * 1e3, last * 1e3, refused)


@dataclass(frozen=True)
class Taken:
    """What one server did, closed loop first."""

    closed: Reached
    rates: dict[str, Reached]


def under_load(
    messages: int, rates: Sequence[int], *, bare_handler: bool
) -> tuple[Taken, int, int]:
    """All the loads, one after the other; also how many were sent and are held."""
    burst = rates[0] * BURST
    whole = BESIDE + messages + int(1.3 * (sum(rates) * OPEN_FOR + burst * BURST_FOR * BURSTS))

    def load(port: int, told: list[Callback]) -> tuple[Taken, int]:
        asyncio.run(call(port, CHANNEL, told[:BESIDE], BESIDE))
        closed = asyncio.run(call(port, CHANNEL, told[BESIDE : BESIDE + messages], BESIDE))
        rest = iter(told[BESIDE + messages :])
        found = {f"{r}/秒": asyncio.run(arriving(port, rest, r, OPEN_FOR)) for r in rates}
        for number in range(1, BURSTS + 1):
            burst_name = f"突发 {burst}/秒，第 {number} 次"
            found[burst_name] = asyncio.run(arriving(port, rest, burst, BURST_FOR))
        return Taken(closed, found), whole - len(list(rest))

    (taken, sent), held = served(CHANNEL, whole, load, bare=bare_handler)
    return taken, sent, held


async def work_orders(messages: int) -> float:
    """Work orders a second, from admission to the committed card."""
    loaded = demo_company()
    with tempfile.TemporaryDirectory() as name:
        url, blobs = f"sqlite:///{name}/bench.db", Path(name) / "blobs"
        async with assemble(url, blobs, warm_reader()) as parts:
            await seed(parts.store, loaded)
            for number in range(WARM):
                await one(parts, loaded.company.tenant, 20_000_000 + number)
            loop = await closed_loop(parts, loaded.company.tenant, messages)
    return loop["per_second"]


def peers(folder: Path) -> Iterator[dict[str, Any]]:
    """What others reach under the same script, one after the other."""
    for what in PEERS:
        told = subprocess.run(
            ["bash", str(folder / "peers.sh")],
            env={**os.environ, "ONLY": what},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in told.stdout.splitlines() if line.startswith("{")]
        yield from (json.loads(line) for line in lines if '"res":null' not in line)


def line(name: str, reached: Reached) -> str:
    return (
        f"{name:<26}{reached.per_second:>9.0f}{reached.p50:>9.1f}{reached.p99:>9.1f}"
        f"{reached.refused:>8}"
    )


def measure(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        commits = bare(f"sqlite:///{name}/bare.db")
    empty, _, _ = under_load(given.messages, given.rates, bare_handler=True)
    ours, sent, held = under_load(given.messages, given.rates, bare_handler=False)
    print(f"{'':<26}{'条/秒':>7}{'p50 ms':>9}{'p99 ms':>9}{'没收':>6}")
    print(line("收下并落库，32 并发", ours.closed))
    for name, reached in ours.rates.items():
        print(line(f"  开环 {name}", reached))
    print(line("空的 aiohttp，32 并发", empty.closed))
    print(f"发出 {sent:,} 条，库里 {held:,} 条")
    assert sent == held, "what was acknowledged is not what is kept"
    made = run(work_orders(given.messages // 5))
    print(
        f"\n裸的一行一提交 {commits:.0f} 次/秒：收下是它的 {ours.closed.per_second / commits:.2f} 倍"
    )
    print(f"空的 aiohttp {empty.closed.per_second:.0f} 次/秒：收下是它的 "
          f"{ours.closed.per_second / empty.closed.per_second:.2f} 倍")  # fmt: skip
    print(f"从消息到派好、通知排好的工单 {made:.0f} 张/秒，是裸提交的 {made / commits:.1%}")
    for peer in peers(given.peers) if given.peers else ():
        rate = peer["rows"].get("durable_per_s") if isinstance(peer["rows"], dict) else None
        rate = rate or peer["res"]["rps"]
        print(
            f"\n{peer['peer']}\n  {rate:.0f}/秒，p50 {peer['res']['p50_ms']:.0f} ms，"
            f"p99 {peer['res']['p99_ms']:.0f} ms；我们收下是它的 "
            f"{ours.closed.per_second / rate:.1f} 倍，开成工单是它的 {made / rate:.2f} 倍"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument(
        "--rates", type=lambda t: [int(r) for r in t.split(",")], default=[200, 500]
    )
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--dry", action="store_true", help="only print, touch no file")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with recorded(
        "接入：收下和开单有多快", "python bench/intake.py --peers DIR", wanted=not given.dry
    ):
        measure(given)


if __name__ == "__main__":
    main()
