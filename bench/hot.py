"""Where the time goes on the three hottest paths.

    pip install py-spy
    python bench/hot.py [--messages 600] [--dry]

*Messages*: reports from admission to the committed work order, 64 beside each other. *Steps*: their
first reminders, all due at once. *Notices*: what both planned, delivered into our own chats. Each
is a phase of one process, which py-spy looks at from outside, 200 times a second (it needs root, or
``kernel.yama.ptrace_scope = 0``); only threads that run are counted. Each look counts for the
innermost place in our own code, by room, and for every function of ours on the way there. Results
go to bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from as_served import run, warm_reader
from lateness import REMINDER, quiet_company, start
from main_job import report
from multitude import TENANT
from results import recorded

from paidan.clock import FrozenClock
from paidan.compose import Parts, assemble, seed

ROOMS = ("bots", "nlp", "workflow", "notifier", "storage", "paidan")
PLACE = re.compile(rf"^(\S+) \(({'|'.join(ROOMS)})/([^:]+):\d+\)$")
BESIDE = 64
SHOWN = 12
LEAST, MOST = 0.06, 0.9
"""The share of looks a function is shown from, and up to: above are the loops themselves."""


def summarised(raw: str) -> None:
    """Print the stacks of py-spy, one a line with its number, by room and by function."""
    rooms, functions = Counter[str](), Counter[str]()
    for line in raw.splitlines():
        stack, _, times = line.rpartition(" ")
        ours = [found for frame in stack.split(";") if (found := PLACE.match(frame))]
        if ours:
            inner = ours[-1]
            part = inner[3].partition("/")[0].removesuffix(".py")
            rooms[f"{inner[2]}/{part}"] += int(times)
            functions.update({f"{m[2]}/{m[3]}:{m[1]}": int(times) for m in ours})
    seen = rooms.total() or 1
    print("  停在哪间：" + "，".join(f"{r} {n / seen:.0%}" for r, n in rooms.most_common(SHOWN)))
    print("  经过谁：")
    for function, n in functions.most_common():
        if LEAST <= n / seen < MOST:
            print(f"    {n / seen:5.0%} {function}")
    print()


def looked_at(process: int, until: Callable[[], str]) -> tuple[str, str]:
    """What ``until`` gives, and the stacks py-spy saw of a process meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        raw = Path(name) / "stacks"
        words = ["--pid", str(process), "--rate", "200", "--format", "raw", "--output", str(raw)]
        spy = subprocess.Popen(
            ["py-spy", "record", "--nonblocking", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(1)
        given = until()
        spy.send_signal(signal.SIGINT)
        spy.wait(60)
        return given, raw.read_text()


def phases(messages: int) -> None:
    """Start the process, and look at each of its phases."""
    child = subprocess.Popen(
        [sys.executable, __file__, "--child", "--messages", str(messages)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin
    assert child.stdout

    def say(word: str) -> None:
        child.stdin.write(f"{word}\n")
        child.stdin.flush()

    def through() -> str:
        say("go")
        return child.stdout.readline().strip()

    while name := child.stdout.readline().strip():
        figures, stacks = looked_at(child.pid, through)
        say("on")
        print(f"{name}：{figures}")
        summarised(stacks)
    child.wait(30)


# --- the process that is looked at ----------------------------------------------------------------


async def phase(name: str, many: int, work: Awaitable[object]) -> None:
    """One path, begun and ended at the word of whoever looks."""
    print(name, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    spent = time.process_time()
    await work
    spent = time.process_time() - spent
    print(f"{many} 件，每件 CPU {spent / many * 1000:.1f} ms", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def messages(parts: Parts, first: int, many: int) -> None:
    numbers = iter(range(first, first + many))

    async def customer() -> None:
        for number in numbers:
            told = replace(report(TENANT, number), sent_at=parts.clock.now(TENANT))
            admitted = await parts.front_desk.admit(told)
            assert admitted is not None
            await parts.front_desk.settle(TENANT, admitted)

    await asyncio.gather(*(customer() for _ in range(BESIDE)))


async def all_of(work: object, tenant: str) -> int:
    """Until it finds nothing more to do; how much it did."""
    done = 0
    while more := await work(tenant):  # type: ignore[operator]
        done += more
    return done


async def measure(many: int) -> None:
    reader = warm_reader()
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), FrozenClock(start())
        url = f"sqlite:///{folder / 'bench.db'}"
        async with assemble(url, folder / "blobs", reader, clock=clock) as parts:
            await seed(parts.store, quiet_company())
            await messages(parts, 10_000_000, BESIDE)
            await phase("消息到工单", many, messages(parts, 20_000_000, many))
            await all_of(parts.house.deliver, TENANT)
            await clock.move(TENANT, start() + REMINDER + timedelta(seconds=1))
            await phase("到期的步骤", many, all_of(parts.house.fire_timers, TENANT))
            left = (await parts.store.queries.backlog(TENANT, clock.now(TENANT))).due_notices
            await phase("送出的通知", left, all_of(parts.house.deliver, TENANT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=600)
    parser.add_argument("--dry", action="store_true", help="only print, touch no file")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    if given.child:
        run(measure(given.messages))
        return
    with recorded("最热的三条路：时间花在哪里", "python bench/hot.py", wanted=not given.dry):
        phases(given.messages)


if __name__ == "__main__":
    main()
