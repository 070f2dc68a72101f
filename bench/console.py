"""How long the console's pages take in a company with a million work orders.

    python bench/console.py [--orders 1000000] [--open 20000] [--asked 60] [--at DIR] [--dry]

The company of bench/multitude.py on SQLite, its console behind a real socket, one supervisor
asking page after page, each time for something else. Beside it, in the same run, the same pages of
a company with a hundredth of the work orders, and the bare page of signing in: what the web costs
before anything is asked. ``--at`` keeps the large company in a folder, or takes it from there.
Results go to bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer
from as_served import run, warm_reader
from multitude import TENANT, company, count, sample
from results import recorded

from paidan.compose import Parts
from paidan.console.app import build
from paidan.console.services import Services
from paidan.learning.desk import LearningDesk
from paidan.learning.registry import Registry
from storage.schema import events
from workflow.work_order import WorkOrder

SECRET = b"a secret of the bench, 32 bytes!"
SUPERVISOR = "zhoulan"
SMALL = 100
"""How many times fewer work orders the company beside has."""
SAMPLE = 300
WARM = 3
LATE = 0.95
_CSRF = re.compile(r'name="csrf" content="([^"]+)"')

Pick = Callable[[], WorkOrder]
Page = Callable[[Pick], str]


def _search(words: Callable[[WorkOrder], str]) -> Page:
    return lambda pick: f"/orders?q={quote(words(pick()))}"


PAGES: dict[str, Page] = {
    "登录页（不问数据库）": lambda _: "/login",
    "首页": lambda _: "/",
    "看板": lambda _: "/board",
    "看板，一个班组的一种故障": lambda pick: (
        f"/board?team={(o := pick()).team_id}&fault_type={o.fault_type}"
    ),
    "工单列表": lambda _: "/orders",
    "工单列表，第 19 页": lambda _: "/orders?page=19",
    "已关闭的，一种故障": lambda pick: f"/orders?open=0&fault_type={pick().fault_type}",
    "搜单号": _search(lambda o: o.number),
    "搜单号后几位": _search(lambda o: o.number[-4:]),
    "搜电话": _search(lambda o: o.phone),
    "搜常见的词": _search(lambda o: o.place.partition("栋")[0] + "栋"),
    "搜门牌（全库只有几张）": _search(lambda o: o.place),
    "搜库里没有的词": lambda pick: f"/orders?q={quote('没有这回事' + pick().number[-3:])}",
    "工单详情": lambda pick: f"/orders/{pick().number}",
    "我的": lambda _: "/me",
    "客户": lambda _: "/people/customers",
    "搜客户": lambda pick: f"/people/customers?q={quote(pick().contact)}",
    "理解": lambda _: "/understanding",
}


async def asked(
    parts: Parts, folder: Path, some: list[WorkOrder], times: int
) -> dict[str, list[float]]:
    """Milliseconds of every answer, by page."""
    services = Services(
        store=parts.store,
        tenant=TENANT,
        receive=parts.front_desk.admit,
        secret=SECRET,
        knows=parts.knowing,
        learning=LearningDesk(
            Registry(parts.store, TENANT, warm_reader(), folder),
            lambda: parts.clock.now(TENANT),
        ),
    )
    chance = random.Random(1)

    def pick() -> WorkOrder:
        return chance.choice(some)

    took: dict[str, list[float]] = {}
    async with TestClient(TestServer(build(services)), cookie_jar=CookieJar(unsafe=True)) as client:
        await _sign_in(client)
        for name, path in PAGES.items():
            took[name] = [await _once(client, path(pick)) for _ in range(WARM + times)][WARM:]
    return took


async def _sign_in(client: TestClient[Any, Any]) -> None:
    found = _CSRF.search(await (await client.get("/login")).text())
    assert found
    form = {"csrf": found[1], "once": "bench", "staff": SUPERVISOR}
    async with client.post("/sandbox/sign-in", data=form, allow_redirects=False) as answer:
        assert answer.status == 303, answer.status


async def _once(client: TestClient[Any, Any], path: str) -> float:
    begun = time.perf_counter()
    async with client.get(path) as answer:
        text = await answer.text()
    assert answer.status == 200, (path, answer.status, text[:300])
    return (time.perf_counter() - begun) * 1000


async def measure(many: int, still_open: int, times: int, at: Path | None) -> None:
    results = {}
    async with AsyncExitStack() as stack:
        for size, open_now, folder in (
            (many // SMALL, still_open // SMALL, None),
            (many, still_open, at),
        ):
            where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            where.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{where / 'bench.db'}"
            begun = time.perf_counter()
            async with company(url, where, many=size, still_open=open_now) as parts:
                print(
                    f"{size:>9,} 张工单（{open_now:,} 张未结），{count(url, events):,} 条事件："
                    f"{time.perf_counter() - begun:.0f} 秒备好"
                )
                some = sample(url, SAMPLE, random.Random(2))
                results[size] = await asked(parts, where, some, times)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"本进程内存最高 {most:.0f} MB（含造数据）；每页问 {times} 次，单位毫秒\n")
    small, large = results[many // SMALL], results[many]
    print(f"{'':24}{'p50':>8}{'p95':>8}   小公司 p50 / p95")
    for name in PAGES:
        print(
            f"{name:24}{statistics.median(large[name]):8.1f}{_late(large[name]):8.1f}"
            f"   {statistics.median(small[name]):.1f} / {_late(small[name]):.1f}"
        )


def _late(took: list[float]) -> float:
    return sorted(took)[int(len(took) * LATE) - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=20_000)
    parser.add_argument("--asked", type=int, default=60)
    parser.add_argument("--at", type=Path)
    parser.add_argument("--dry", action="store_true", help="only print, touch no file")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with recorded(
        "控制台：一百万张工单时每一页要多久", "python bench/console.py", wanted=not given.dry
    ):
        run(measure(given.orders, given.open, given.asked, given.at))


if __name__ == "__main__":
    main()
