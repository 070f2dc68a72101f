"""How due steps wake a worker: rows claimed in SQL and a bell, beside a task engine on Redis.

    python bench/wakeups.py [--steps 2000] [--postgres URL] [--redis URL] [--json]

Two stores stand for two processes on one PostgreSQL: one arms steps, the other fires them, each by
the same guarded update in a unit of its own. Either way the step itself stands in SQL; what differs
is how the second process comes to know: ``claim_timers`` woken by the next due time and
``paidan.bell``, or one task a step in pydocket (``pip install pydocket``; without it only ours is
measured). *Backlog*: all due at once. *Spread*: due one after another over ten seconds. *Wiped*: the
same, with Redis emptied halfway, and nobody looking after what the engine forgot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from redis.asyncio import Redis
from results import recorded

from paidan.bell import Bell
from storage import SqlStore, open_store

try:
    from docket import Docket, Worker
except ImportError:
    Docket = None

TENANT = "bench"
OVER = timedelta(seconds=10)
PATIENCE = 20.0
"""Seconds after the last due time that are waited for stragglers."""


@dataclass
class Run:
    """One measured phase."""

    steps: int
    late: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0

    def line(self, name: str) -> str:
        """One line of the table."""
        if not self.late:
            return f"{name:<22} {self.steps:>6} {'0':>6}"
        p50, p99 = (statistics.quantiles(self.late, n=100)[at] for at in (49, 98))
        rate, cpu = len(self.late) / self.seconds, self.cpu / len(self.late) * 1000
        numbers = f"{p50:>9.3f} {p99:>9.3f} {rate:>9.0f} {cpu:>9.2f}"
        return f"{name:<22} {self.steps:>6} {self.steps - len(self.late):>6} {numbers}"


@dataclass
class Bench:
    """The two processes, and what they share."""

    arming: SqlStore
    firing: SqlStore
    redis: Redis
    run: Run = field(default_factory=lambda: Run(0))

    async def arm(self, name: str, spread: timedelta, steps: int) -> list[tuple[str, datetime]]:
        """Arm steps, committed in batches as the writer likes it."""
        start = datetime.now(UTC) + timedelta(seconds=3)
        plan = [(f"{name}:{n}", start + spread * (n / steps)) for n in range(steps)]
        for at in range(0, steps, 64):
            some = plan[at : at + 64]

            def work(uow: Any, some: list[tuple[str, datetime]] = some) -> None:
                for subject, due in some:
                    uow.timers.arm(subject, "remind", due)

            await self.arming.transact(TENANT, work)
        return plan

    async def fire(self, subject: str, due: datetime) -> None:
        """The guarded update, as the house does it."""
        now = datetime.now(UTC)
        fired = await self.firing.transact(
            TENANT, lambda uow: uow.timers.fire(subject, "remind", 1, now)
        )
        if fired:
            self.run.late.append((datetime.now(UTC) - due).total_seconds())

    # --- ours -----------------------------------------------------------------------------------

    async def ours(self, plan: list[tuple[str, datetime]]) -> None:
        """Claim what is due; nap until the next due time, or a bell."""
        del plan
        awake = asyncio.Event()
        self.firing.on_commit(lambda _tenant, _topics: awake.set())
        bells = [Bell(self.redis, TENANT, store.echo) for store in (self.arming, self.firing)]
        for store, bell in zip((self.arming, self.firing), bells, strict=True):
            store.on_commit(bell.hear)
        async with asyncio.TaskGroup() as group:
            ringing = [group.create_task(bell.run()) for bell in bells]
            try:
                while True:
                    awake.clear()
                    now = datetime.now(UTC)
                    due = await self.firing.claim_timers(TENANT, now, 64)
                    await asyncio.gather(*(self.fire(t.subject, t.due) for t in due))
                    if due:
                        continue
                    following = await self.firing.next_due(TENANT)
                    left = (following - now).total_seconds() if following else 1.0
                    try:
                        async with asyncio.timeout(min(max(left, 0.002), 1.0)):
                            await awake.wait()
                    except TimeoutError:
                        pass
            finally:
                for task in ringing:
                    task.cancel()

    # --- theirs ---------------------------------------------------------------------------------

    async def theirs(self, plan: list[tuple[str, datetime]], address: str) -> None:
        """One task a step, tuned as its documentation says for short tasks."""
        name = f"bench-{uuid.uuid4().hex[:8]}"
        async with Docket(name=name, url=f"{address}?max_connections=200") as engine:

            async def step(subject: str, due: str) -> None:
                await self.fire(subject, datetime.fromisoformat(due))

            engine.register(step)
            fine = timedelta(milliseconds=20)
            async with Worker(
                engine,
                concurrency=64,
                minimum_check_interval=fine,
                scheduling_resolution=fine,
                redelivery_timeout=timedelta(seconds=5),
            ) as worker:
                working = asyncio.create_task(worker.run_forever())
                try:
                    for subject, due in plan:
                        await engine.add(step, when=due, key=subject)(subject, due.isoformat())
                    await asyncio.Event().wait()
                finally:
                    working.cancel()
                    await asyncio.gather(working, return_exceptions=True)

    # --- one phase ------------------------------------------------------------------------------

    async def phase(
        self,
        engine: Callable[[list[tuple[str, datetime]]], Awaitable[None]],
        name: str,
        spread: timedelta,
        steps: int,
        *,
        wiped: bool = False,
    ) -> Run:
        """Arm, let the engine work until everything fired or patience is over, and count."""
        self.run = Run(steps)
        cpu, plan = time.process_time(), await self.arm(name, spread, steps)
        working = asyncio.create_task(engine(plan))
        first, last = plan[0][1], plan[-1][1]
        ends = last + timedelta(seconds=PATIENCE)
        while len(self.run.late) < steps and (now := datetime.now(UTC)) < ends:
            assert not working.done(), working.exception()
            if wiped and now > first + spread / 2:
                await self.redis.flushdb()
                wiped = False
            await asyncio.sleep(0.05)
        done = datetime.now(UTC)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        self.run.seconds = (done - first).total_seconds()
        self.run.cpu = time.process_time() - cpu
        await self.arming.erase(TENANT)
        return self.run


async def measure(postgres: str, redis: str, steps: int) -> dict[str, Run]:
    """All phases, ours and theirs in turn."""
    runs: dict[str, Run] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_store(postgres, Path(folder)) as arming,
            open_store(postgres, Path(folder)) as firing,
            Redis.from_url(redis) as client,
        ):
            bench = Bench(arming, firing, client)
            for kind, spread, wiped in (
                ("backlog", timedelta(0), False),
                ("spread", OVER, False),
                ("wiped", OVER, True),
            ):
                runs[f"{kind}, ours"] = await bench.phase(
                    bench.ours, f"o-{kind}", spread, steps, wiped=wiped
                )
                if Docket is not None:
                    runs[f"{kind}, pydocket"] = await bench.phase(
                        lambda plan: bench.theirs(plan, redis),
                        f"d-{kind}",
                        spread,
                        steps,
                        wiped=wiped,
                    )
    return runs


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]  # it is above
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--postgres", default="postgresql://127.0.0.1:5432/postgres")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/9", help="it is emptied!")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    name = f"paidan_bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(args.postgres, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            own = f"{args.postgres.rpartition('/')[0]}/{name}"
            runs = asyncio.run(measure(own, args.redis, args.steps))
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    if args.json:
        shown = {k: {"lost": r.steps - len(r.late), "late": r.late} for k, r in runs.items()}
        print(json.dumps(shown))
        return
    with recorded("到期的步骤怎样叫醒另一个进程", "python bench/wakeups.py", wanted=True):
        print(
            f"{'':<22} {'steps':>6} {'lost':>6} {'p50 s':>9} {'p99 s':>9} {'per s':>9} {'CPU ms':>9}"
        )
        for kind, run in runs.items():
            print(run.line(kind))
        if Docket is None:
            print("pydocket is not installed: only ours was measured")


if __name__ == "__main__":
    main()
