"""How late due steps are taken, so many a second, and when a process is killed meanwhile.

    python bench/lateness.py [--on sqlite|postgres] [--rates 25,50,100,200] [--seconds 10]
                             [--open 1000000] [--dry]

Work orders are reported and dispatched on a clock that stands still, a little apart, so that their
first reminders (three minutes later: a notice, cards, the next step armed) fall due at the rate
wanted, among a million other open steps. Then the house runs on real time, delivery beside it, and
each step is timed from its due time to its commit. *Killed*: real processes (PostgreSQL: two
workers and a Redis), one of them ended by SIGKILL in the middle and started again at once; late is
what the record says. Beside it: bare guarded updates of one timer and one row of notice, each in a
commit of its own. Results go to bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from typing_extensions import override

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from as_served import run, warm_reader
from main_job import report
from multitude import TENANT
from results import recorded
from scale import bare, database
from sqlalchemy import func, select, text

from nlp import Understander
from paidan.clock import FrozenClock
from paidan.company_file import Loaded
from paidan.compose import Parts, assemble, seed
from paidan.demo import demo_company
from paidan.watch.meters import Meters
from storage.database import Database
from storage.schema import timers
from tests.faults.houses import street
from workflow.kept import Timer

REMINDER = timedelta(minutes=3)
FIRST = "reach_phone"
"""The step that is timed; what else falls due meanwhile is taken beside it."""
LEAD = timedelta(seconds=4)
"""From the start of the house to the first due time."""
BESIDE = 16
FAR = timedelta(days=60)
WITHIN = 300.0


def quiet_company() -> Loaded:
    """The demo company without surges: so many reports at once would all be one."""
    loaded = demo_company()
    policy = loaded.company.policy
    calm = replace(policy, surge=replace(policy.surge, enabled=False))
    return replace(loaded, company=replace(loaded.company, policy=calm))


def start() -> datetime:
    """Ten in the morning of a Tuesday to come: the tenant's time may only go forward."""
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    tuesday = now + timedelta(days=(1 - now.weekday()) % 7 or 7)
    return tuesday.replace(hour=10, minute=0, second=0, microsecond=0).astimezone(UTC)


class Stopwatch(Meters):
    """Notes how late each step was committed (seconds), by the tenant's time."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self.now: Any = None

    @override
    def step(self, timer: Timer, now: datetime, begun: float, taken: bool) -> None:
        super().step(timer, now, begun, taken)
        if timer.step == FIRST:
            self.late.append((self.now(timer.tenant) - timer.due).total_seconds())


# --- before ---------------------------------------------------------------------------------------


async def prepare(url: str, folder: Path, reader: Understander, steps: int, rate: float) -> None:
    """So many work orders, reported that much apart; nothing of them left to be told."""
    clock, tenant, begun = FrozenClock(start()), TENANT, start()
    async with assemble(url, folder / "blobs", reader, clock=clock) as parts:
        await seed(parts.store, quiet_company())
        for first in range(0, steps, BESIDE):
            await clock.move(tenant, begun + timedelta(seconds=first / rate))
            some = range(first, min(first + BESIDE, steps))
            await asyncio.gather(*(_reported(parts, 10_000_000 + n) for n in some))
        await parts.house.drain(tenant)


async def _reported(parts: Parts, number: int) -> None:
    told = replace(report(TENANT, number), sent_at=parts.clock.now(TENANT))
    admitted = await parts.front_desk.admit(told)
    assert admitted is not None
    await parts.front_desk.settle(TENANT, admitted)


def fill(url: str, many: int) -> None:
    """Open steps of others, all far away."""
    due = int((start() + FAR).timestamp() * 1_000_000)
    with contextlib.closing(Database(url)) as opened, opened.engine.connect() as db:
        series = (
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :many)"
            if opened.dialect == "sqlite"
            else "WITH s(n) AS (SELECT generate_series(1, :many))"
        )
        db.execute(
            text(
                f"INSERT INTO timers (tenant, subject, step, due, generation, state) {series} "
                "SELECT :tenant, 'far:' || n, 'remind', :due + n, 1, 'open' FROM s"
            ),
            {"many": many, "tenant": TENANT, "due": due},
        )


# --- on real time ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lateness:
    """Seconds, of so many steps."""

    taken: int
    p50: float
    p99: float
    most: float
    within: float
    """The share taken within a second."""

    @classmethod
    def of(cls, late: Sequence[float]) -> Lateness:
        ordered = sorted(late)
        return cls(
            len(ordered),
            ordered[len(ordered) // 2],
            ordered[int(len(ordered) * 0.99) - 1],
            ordered[-1],
            sum(one <= 1.0 for one in ordered) / len(ordered),
        )


async def in_house(url: str, folder: Path, reader: Understander) -> Lateness:
    """One process, everything in it."""
    watch = Stopwatch()
    async with assemble(url, folder / "blobs", reader, meters=watch) as parts:
        watch.now = parts.clock.now
        await parts.clock.move(TENANT, start() + REMINDER - LEAD)
        running = asyncio.create_task(parts.house.run())
        async with asyncio.timeout(WITHIN):
            while waiting(url):  # noqa: ASYNC110 - the house has nobody to tell
                await asyncio.sleep(0.5)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    return Lateness.of(watch.late)


def waiting(url: str) -> int:
    """Work orders whose first reminder is still to come."""
    with contextlib.closing(Database(url)) as opened, opened.engine.connect() as db:
        asked = select(func.count()).where(
            timers.c.tenant == TENANT, timers.c.state == "open", timers.c.step == FIRST
        )
        return int(db.execute(asked).scalar_one())


def recorded_lateness(url: str) -> list[float]:
    """How late the first reminders were, as the record has it."""
    with contextlib.closing(Database(url)) as opened, opened.engine.connect() as db:
        asked = select((timers.c.fired_at - timers.c.due) / 1e6).where(
            timers.c.tenant == TENANT, timers.c.state == "fired", timers.c.step == FIRST
        )
        return [float(row[0]) for row in db.execute(asked)]


async def killed(kind: str, url: str, folder: Path, redis: str, seconds: float) -> Lateness:
    """Real processes, one of them killed in the middle of it."""
    begin = start() + REMINDER - 3 * LEAD
    reader = warm_reader()
    async with assemble(url, folder / "blobs", reader) as parts:
        await parts.clock.move(TENANT, begin)
    shared = kind == "postgres"
    async with street(
        folder / "street", url, redis if shared else "", loaded=quiet_company()
    ) as on:
        opened = [await on.open("worker" if shared else "all") for _ in range(1 + shared)]
        async with assemble(url, folder / "blobs", reader) as parts:
            left = (start() + REMINDER - parts.clock.now(TENANT)).total_seconds()
        await asyncio.sleep(max(0.0, left) + seconds / 2)
        await opened[0].kill()
        await on.open(opened[0].role)
        async with asyncio.timeout(WITHIN):
            while waiting(url):  # noqa: ASYNC110 - other processes bring it about
                await asyncio.sleep(0.2)
        return Lateness.of(recorded_lateness(url))


# --- the run --------------------------------------------------------------------------------------


async def measure(given: argparse.Namespace) -> None:
    reader = warm_reader()
    with tempfile.TemporaryDirectory() as name, database(given.on, Path(name)) as url:
        print(f"裸的一行一提交：{bare(url):.0f} 次/秒；另有 {given.open:,} 个没到期的步骤\n")
    print(f"{'每秒到期':>8}{'步数':>8}{'p50 s':>9}{'p99 s':>9}{'最晚 s':>9}{'一秒内':>9}")
    for rate in given.rates:
        with tempfile.TemporaryDirectory() as name, database(given.on, Path(name)) as url:
            await prepare(url, Path(name), reader, int(rate * given.seconds), rate)
            fill(url, given.open)
            row(rate, await in_house(url, Path(name), reader))
    rate = given.rates[0]
    with tempfile.TemporaryDirectory() as name, database(given.on, Path(name)) as url:
        await prepare(url, Path(name), reader, int(rate * given.seconds), rate)
        fill(url, given.open)
        late = await killed(given.on, url, Path(name), given.redis, given.seconds)
        print(f"\n每秒 {rate} 步，走到一半 kill -9 一个进程，马上再起：")
        row(rate, late)


def row(rate: float, late: Lateness) -> None:
    print(
        f"{rate:>10}{late.taken:>10}{late.p50:>9.2f}{late.p99:>9.2f}{late.most:>9.2f}"
        f"{late.within:>11.1%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument(
        "--rates", type=lambda t: [int(r) for r in t.split(",")], default=[25, 50, 100, 200]
    )
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/9")
    parser.add_argument("--dry", action="store_true", help="only print, touch no file")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    title = f"到期的步骤晚多久（{given.on}）"
    rates = ",".join(map(str, given.rates))
    command = f"python bench/lateness.py --on {given.on} --rates {rates}"
    with recorded(title, command, wanted=not given.dry):
        run(measure(given))


if __name__ == "__main__":
    main()
