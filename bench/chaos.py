"""Minutes of everything going wrong at once, and a count at the end.

    python bench/chaos.py [--on sqlite|postgres] [--minutes 5] [--seed 1] [--processes 4] [--dry]

Real processes behind Telegram's webhook. Customers keep reporting, ask after their work orders, and
every message may be delivered again, as Telegram does. Meanwhile, by the seed: processes are killed
and suspended, Telegram answers 500 and 429, not at all, or hangs up after it has taken a message;
on a PostgreSQL of our own (doors and workers by turns, four processes unless told otherwise) its
connections are cut, clogged and ended by the server, it crashes and recovers, and a Redis is wiped
and killed. Then everything is mended, and when nothing is left to do the record is read: every
acknowledged message in the story of one work order, one work order for each report, every event
told or accounted for, every send that came twice explained. The exit status is 1 if any of it does
not hold. Results go to bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from typing_extensions import override

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
from aiohttp import web
from results import recorded
from sqlalchemy import func, make_url, select

from paidan.audit import Report
from storage import open_store
from storage.database import Sql
from storage.figures import Story
from storage.schema import outbox
from tests.faults.houses import TENANT, Street, hasty_company, street
from tests.faults.own_postgres import OwnPostgres, own_postgres
from tests.faults.own_redis import OwnRedis
from tests.faults.proxy import Wire, wire
from tests.vendors.telegram import FakeTelegram
from workflow.automation import LATE
from workflow.events import Kind

FAULTS = ("空调不制冷", "水管漏水", "灯不亮了", "门锁打不开", "马桶堵了", "热水器不出热水")
CUSTOMERS = 4
PAUSE = 1.0
"""Seconds between two messages of a customer, on average."""
AGAIN = 0.2
"""How often an acknowledged message is delivered again, and then up to four times."""
ASKS = 0.15
"""How often a customer asks after the work order instead of reporting something new."""
BETWEEN = 3.0
"""Seconds between two faults, on average."""
QUIET = 900.0
"""Seconds the house has to finish what is left."""
SOON = timedelta(minutes=2)
FASTER = 30
"""How many times faster than the demo company's this company's clocks run."""
MOODS = ("500", "429", "silent", "hangs up")


_OUT = Sql(select(func.count()).where(outbox.c.state == "sending"))


class MoodyTelegram(FakeTelegram):
    """Telegram, that may fail in every way it is known to."""

    def __init__(self) -> None:
        super().__init__()
        self.mood = ""
        self.lost_answers: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[str] = Counter()

    @override
    async def _call(self, request: web.Request) -> web.Response:
        if not self.mood or request.match_info["method"] == "getMe":
            return await super()._call(request)
        mood = self.mood
        self.refused[mood] += 1
        if mood == "silent":
            await asyncio.sleep(30)
        if mood == "hangs up":
            form = dict(await request.post())
            await super()._call(request)
            self.lost_answers[str(form.get("chat_id")), str(form.get("text"))] += 1
        if mood in {"silent", "hangs up"}:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        told: dict[str, Any] = {"ok": False, "error_code": int(mood), "description": "chaos"}
        if mood == "429":
            told["parameters"] = {"retry_after": 2}
        return web.json_response(told, status=int(mood))


@dataclass
class Chaos:
    """One run: who talks, what goes wrong, and how often it did."""

    on: Street
    telegram: MoodyTelegram
    chance: random.Random
    cable: Wire | None = None
    redis: OwnRedis | None = None
    server: OwnPostgres | None = None
    done: Counter[str] = field(default_factory=Counter)
    reports: set[str] = field(default_factory=set)
    again: int = 0
    over: bool = False
    _people: int = 100

    # --- people ---------------------------------------------------------------------------------

    async def customer(self) -> None:
        """Somebody new every time, who may ask once how it goes."""
        while not self.over:
            await asyncio.sleep(self.chance.expovariate(1 / PAUSE))
            self._people += 1
            who = self._people
            where = f"{self.chance.randint(1, 40)}栋{self.chance.randint(1, 6)}单元{who}室"
            self.reports.add(await self._said(who, where + self.chance.choice(FAULTS)))
            if self.chance.random() < ASKS:
                await self._said(who, "师傅什么时候到")

    async def _said(self, who: int, words: str) -> str:
        body = self.on.update(who, words)
        while not await self.on.post(body):  # noqa: ASYNC110 - nobody else knows when it is taken
            await asyncio.sleep(AGAIN)
        key = f"telegram:{body['update_id']}"
        self.on.acknowledged.add(key)
        if self.chance.random() < AGAIN:
            for _ in range(self.chance.randint(1, 4)):
                self.again += 1
                await self.on.post(body)
        return key

    # --- faults ---------------------------------------------------------------------------------

    def faults(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """What may go wrong here."""
        always = {"进程被杀": self.kill, "进程被挂起": self.suspend, "平台出错": self.vendor}
        if self.cable is None:
            return always
        return {
            **always,
            "数据库连接被切断": self.cut,
            "数据库僵住": self.clog,
            "数据库踢掉所有连接": self.terminate,
            "数据库崩溃": self.crash,
            "Redis 清空": self.flush,
            "Redis 被杀": self.kill_redis,
        }

    async def trouble(self) -> None:
        """One fault after the other; some overlap."""
        under_way: set[asyncio.Task[None]] = set()
        while not self.over:
            await asyncio.sleep(self.chance.expovariate(1 / BETWEEN))
            name = self.chance.choice(list(self.faults()))
            if any(task.get_name() == name for task in under_way):
                continue
            self.done[name] += 1
            task = asyncio.create_task(self.faults()[name](), name=name)
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    async def kill(self) -> None:
        house = self.chance.choice(self.on.living())
        await house.kill()
        self.on.houses.remove(house)
        await self._open(house.role)

    async def _open(self, role: str) -> None:
        """A new process, as whoever keeps it running does it; one that finds no database ends and
        is started again.
        """
        while True:
            with contextlib.suppress(AssertionError):
                await self.on.open(role)
                return
            for house in [h for h in self.on.houses if not h.alive]:
                self.on.houses.remove(house)
            await asyncio.sleep(AGAIN)

    async def suspend(self) -> None:
        house = self.chance.choice(self.on.living())
        house.suspend()
        await asyncio.sleep(self.chance.uniform(0.5, 15))
        if house.alive:
            house.resume()

    async def vendor(self) -> None:
        self.telegram.mood = self.chance.choice(MOODS)
        await asyncio.sleep(self.chance.uniform(1, 10))
        self.telegram.mood = ""

    async def cut(self) -> None:
        assert self.cable
        await self.cable.cut()
        await asyncio.sleep(self.chance.uniform(0.2, 8))
        await self.cable.lay()

    async def clog(self) -> None:
        assert self.cable
        self.cable.clog()
        await asyncio.sleep(self.chance.uniform(0.5, 12))
        self.cable.clear()

    async def crash(self) -> None:
        assert self.server
        await self.server.crash()
        await asyncio.sleep(self.chance.uniform(0.2, 8))
        await self.server.start()

    async def terminate(self) -> None:
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self.on.database, autocommit=True) as admin,
        ):
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    async def flush(self) -> None:
        assert self.redis
        with contextlib.suppress(Exception):  # it may be dead just now
            self.redis.client.flushall()

    async def kill_redis(self) -> None:
        assert self.redis
        await self.redis.kill()
        await asyncio.sleep(self.chance.uniform(0.2, 8))
        await self.redis.start()

    # --- the run --------------------------------------------------------------------------------

    async def live(self, minutes: float) -> float:
        """All of it; seconds until nothing was left to do after the last fault."""
        customers = [asyncio.create_task(self.customer()) for _ in range(CUSTOMERS)]
        trouble = asyncio.create_task(self.trouble())
        await asyncio.sleep(minutes * 60)
        self.over = True
        await trouble
        mended = time.monotonic()
        await asyncio.gather(*customers)
        while not await self._finished():
            assert time.monotonic() - mended < QUIET, self.on.logs()
            await asyncio.sleep(AGAIN)
        return time.monotonic() - mended

    async def _finished(self) -> bool:
        """Nothing is due, and no notice waits to be tried again."""
        async with open_store(self.on.database, self.on.folder / "blobs") as store:
            now = store.now(TENANT)
            left = await store.queries.backlog(TENANT, now)
            soon = await store.queries.backlog(TENANT, now + SOON)
            out = await store.look(lambda session: session.first(_OUT))
        assert out
        return not (left.waiting_messages or left.overdue_timers or soon.due_notices or out[0])


@dataclass(frozen=True)
class Verdict:
    """What the record says."""

    lost: int
    unsettled: int
    extra_orders: int
    missing_orders: int
    twice: int
    unexplained: int
    audit: str

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing doubled, everything told."""
        return not self.audit and not any(
            (self.lost, self.unsettled, self.extra_orders, self.missing_orders, self.unexplained)
        )


def judge(chaos: Chaos, story: Story, report: Report) -> Verdict:
    """Hold the record against what was acknowledged and what Telegram was given."""
    messages = {admitted.inbound.dedupe_key: admitted for admitted in story.messages}
    acknowledged = chaos.on.acknowledged
    unsettled = [key for key in acknowledged & set(messages) if messages[key].state != "done"]
    reported = Counter(
        reporter.message for o in story.orders if o.surge is None for reporter in o.reporters
    )
    twice = {said: n for said, n in chaos.on.heard().items() if n > 1}
    tried = [q.notice.text for q in story.notices if q.attempts > 1 or q.state == "dead"]
    tried += [q.notice.text for q in story.notices if q.receipt and q.receipt.degraded]
    unexplained = [
        said
        for said, n in twice.items()
        if not any(text[:10] in said[1] for text in tried)
        and chaos.telegram.lost_answers[said] < n - 1
    ]
    return Verdict(
        lost=len(acknowledged - set(messages)),
        unsettled=len(unsettled),
        extra_orders=sum(n - 1 for n in reported.values()),
        missing_orders=len(chaos.reports - set(reported)),
        twice=sum(n - 1 for n in twice.values()),
        unexplained=len(unexplained),
        audit="" if report.ok else str(report),
    )


def roles(processes: int) -> list[str]:
    """One process does everything; several are doors and workers by turns."""
    return ["all"] if processes == 1 else [("web", "worker")[n % 2] for n in range(processes)]


@asynccontextmanager
async def everything(
    kind: str, folder: Path, chance: random.Random, processes: int
) -> AsyncIterator[Chaos]:
    telegram, company = MoodyTelegram(), hasty_company(FASTER)
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'bench.db'}"
        async with street(folder / "street", url, "", telegram, company) as made:
            await made.open("all")
            yield Chaos(made, telegram, chance)
        return
    redis = OwnRedis(folder)
    await redis.start()
    async with (
        own_postgres() as server,
        wire("127.0.0.1", server.port) as cable,
        street(folder / "street", server.url, redis.url, telegram, company) as made,
    ):
        through = make_url(server.url).set(port=cable.port)
        made.served = through.render_as_string(hide_password=False)
        for role in roles(processes):
            await made.open(role)
        yield Chaos(made, telegram, chance, cable, redis, server)
    await redis.kill()


async def run(given: argparse.Namespace) -> bool:
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        async with everything(given.on, Path(name), chance, given.processes) as chaos:
            took = await chaos.live(given.minutes)
            story, report = await chaos.on.record()
            verdict = judge(chaos, story, report)
            tell(chaos, story, report, verdict, took)
            if not verdict.holds:
                print(chaos.on.logs(), file=sys.stderr)
    return verdict.holds


def tell(chaos: Chaos, story: Story, report: Report, verdict: Verdict, took: float) -> None:
    answers = "，".join(f"{status}: {n}" for status, n in sorted(chaos.on.answers.items()))
    steps = "，".join(f"{state} {n}" for state, n in sorted(report.steps.items()))
    late = [e.data["late_s"] for e in story.events if e.kind == Kind.STEP_TAKEN]
    states = "，".join(f"{state} {n}" for state, n in sorted(report.notices.items()))
    print("出的事：" + "，".join(f"{what} {n} 次" for what, n in chaos.done.most_common()))
    print("平台没好好答的：" + "，".join(f"{m} {n}" for m, n in chaos.telegram.refused.items()))
    print(
        f"答复过收到的消息 {len(chaos.on.acknowledged)} 条（其中报修 {len(chaos.reports)}），"
        f"重复投递 {chaos.again} 次；门口的答复 {answers}"
    )
    print(
        f"工单 {len(story.orders)} 张，事件 {len(story.events)} 个，步骤 {steps}，通知 {states}；"
        f"最后一次出事后 {took:.0f} 秒没有剩下的活"
    )
    if late:
        print(
            f"走了的步骤 {len(late)} 步，晚过 {LATE.seconds} 秒的 {sum(map(bool, late))} 步"
            f"（都记在单上），最晚 {max(late):.1f} 秒"
        )
    print(
        f"丢 {verdict.lost}，没办完 {verdict.unsettled}，重复开单 {verdict.extra_orders}，"
        f"没开单的报修 {verdict.missing_orders}；发出两次的 {verdict.twice} 条"
        f"（说不清的 {verdict.unexplained}）"
    )
    print(verdict.audit or "核对：没有丢，没有漏，没有改")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, help="on PostgreSQL; SQLite has one")
    parser.add_argument("--dry", action="store_true", help="only print, touch no file")
    given = parser.parse_args()
    given.processes = given.processes or (1 if given.on == "sqlite" else 4)
    if given.processes < 1 or (given.on == "sqlite" and given.processes > 1):
        parser.error("at least one process, and on SQLite no more")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    command = (
        f"python bench/chaos.py --on {given.on} --minutes {given.minutes:g} --seed {given.seed}"
        f" --processes {given.processes}"
    )
    with recorded(f"混乱：什么都出错（{given.on}）", command, wanted=not given.dry):
        held = asyncio.run(run(given))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
