"""What honest customers notice of people who mean no good.

    python bench/siege.py [--seconds 15] [--rounds 2] [--rate 20] [--half 1000] [--seed 7] [--dry]

One real process on SQLite. Customers report by Telegram's webhook at a fixed rate, each timed from
the moment it should have been sent to its answer; first alone, then beside a siege from a process
of its own, in turns: connections that say nothing or half a head, heads and bodies that come byte
by byte, bodies of 3 MB with and without a length, packed bombs, deep JSON, huge numbers, XML bombs
and floods of header lines. Figures of a shared machine with two cores: trust the ratio. Results
go to bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from main_job import FAULTS, spread
from results import recorded

from tests.faults.houses import OTHER_DOORS, House, Street, street
from tests.vendors.telegram import SECRET

HOOK = "POST /hooks/telegram HTTP/1.1\r\nHost: paidan\r\n"
OURS = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\nContent-Type: application/json\r\n"
WECHAT = "POST /hooks/wechat?msg_signature=a&timestamp=1&nonce=1 HTTP/1.1\r\nHost: paidan\r\n"
DRIP = 1.0
"""Seconds between the bytes of whoever is slow on purpose."""
EVERY = 0.5
"""Seconds after which the same is thrown again."""
LOOK = 0.2
WARM = 64
GIVEN_UP = 60.0
"""Seconds after which a slow one hangs up itself; the house should long have done so."""


# --- those who mean no good ---------------------------------------------------------------------


def sized(body: bytes, more: str = OURS, to: str = HOOK) -> bytes:
    """A whole request."""
    return f"{to}{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def missiles() -> dict[str, bytes]:
    """What is thrown whole, by what it is called."""
    laughs = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    lines = "".join(f"X-Flood-{n}: {'y' * 50}\r\n" for n in range(5000))
    piece = b"20000\r\n" + b" " * 0x20000 + b"\r\n"
    packed = gzip.compress(b"0" * 100_000_000, 9)
    return {
        "3 MB": sized(b" " * 3_000_000),
        "3 MB 不说长度": f"{HOOK}{OURS}Transfer-Encoding: chunked\r\n\r\n".encode() + piece * 24,
        "gzip 炸弹": sized(packed, f"{OURS}Content-Encoding: gzip\r\n"),
        "深 JSON": sized(b"[" * 100_000 + b"]" * 100_000),
        "大数": sized(b'{"update_id":' + b"9" * 200_000 + b"}"),
        "XML 炸弹": sized(f"<!DOCTYPE x [{laughs}]><x>&a9;</x>".encode(), "", WECHAT),
        "宽 XML": sized(b"<xml>" + b"<a/>" * 200_000 + b"</xml>", "", WECHAT),
        "头太多": f"GET / HTTP/1.1\r\nHost: p\r\n{lines}\r\n".encode(),
    }


def slowly() -> dict[str, tuple[bytes, bytes]]:
    """How the slow ones begin, and what they go on with byte by byte; nothing: they are silent."""
    return {
        "不说话": (b"", b""),
        "半个头": (HOOK.encode(), b""),
        "头一点点来": (HOOK.encode(), b"X-A: b\r\n"),
        "正文一点点来": (f"{HOOK}{OURS}Content-Length: 900\r\n\r\n".encode(), b"{"),
        "正文不来": (f"{HOOK}{OURS}Content-Length: 900\r\n\r\n{{".encode(), b""),
    }


@asynccontextmanager
async def line(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer(reader: asyncio.StreamReader) -> str:
    """The status; what it is when the line is just closed."""
    head = await reader.readline()
    return head.split()[1].decode() if head else "关掉"


async def linger(port: int, begin: bytes, drip: bytes) -> str:
    """Be slow until the other side has enough; how it said so."""
    async with line(port) as (reader, writer):
        writer.write(begin)
        told = asyncio.create_task(answer(reader))
        try:
            async with asyncio.timeout(GIVEN_UP):
                while drip and not told.done():
                    await asyncio.wait({told}, timeout=DRIP)
                    writer.write(drip)
                return await told
        except TimeoutError:
            return "赖住了"


async def throw(port: int, missile: bytes) -> str:
    """All of it at once, as far as it is taken."""
    async with line(port) as (reader, writer):
        with contextlib.suppress(ConnectionError):
            writer.write(missile)
            await writer.drain()
        return await answer(reader)


async def besiege(port: int, seconds: float, half: int, seed: int) -> Counter[str]:
    """All of them, again and again; how often each was told what."""
    chance, told = random.Random(seed), Counter[str]()

    async def again(name: str, act: Callable[[], Awaitable[str]], pause: float) -> None:
        await asyncio.sleep(chance.random())
        while True:
            try:
                said = await act()
            except OSError:
                said = "断开"
            told[f"{name}：{said}"] += 1
            await asyncio.sleep(pause)

    slow, whole = list(slowly().items()), missiles().items()
    acts = [(name, partial(linger, port, *how), DRIP) for name, how in slow * (half // len(slow))]
    acts += [(name, partial(throw, port, missile), EVERY) for name, missile in whole]
    async with asyncio.TaskGroup() as group:
        under_way = [group.create_task(again(*act)) for act in acts]
        await asyncio.sleep(seconds)
        for task in under_way:
            task.cancel()
    return told


# --- the honest ---------------------------------------------------------------------------------


@dataclass
class Side:
    """What one side of the comparison saw."""

    took: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    memory: float = 0.0


def memory(house: House) -> float:
    """Megabytes in use."""
    status = Path(f"/proc/{house.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def reports() -> Iterator[tuple[int, str]]:
    """Endlessly many customers, each with another fault in another room."""
    for n in count():
        room = f"{n % 40 + 1}栋{n // 40 % 6 + 1}单元{n // 240 + 101}室"
        yield n, f"{room}{FAULTS[n % len(FAULTS)]}，电话138{n:08d}"


async def one(on: Street, side: Side, due: float, who: int, words: str) -> None:
    """Send it, again until it is taken; the time counts from when it was due."""
    body = on.update(who, words)
    while not await on.post(body):
        side.statuses["again"] += 1
        await asyncio.sleep(LOOK)
    on.acknowledged.add(f"telegram:{body['update_id']}")
    side.took.append(time.perf_counter() - due)


async def honestly(
    on: Street, side: Side, people: Iterator[tuple[int, str]], given: argparse.Namespace
) -> None:
    """Reports at a fixed rate, at random moments; memory is looked at meanwhile."""
    chance, house = random.Random(given.seed), on.houses[0]
    begun, due = time.perf_counter(), 0.0
    async with asyncio.TaskGroup() as group:
        while due < given.seconds:
            due += chance.expovariate(given.rate)
            await asyncio.sleep(max(0.0, begun + due - time.perf_counter()))
            group.create_task(one(on, side, begun + due, *next(people)))
            side.memory = max(side.memory, memory(house))


@asynccontextmanager
async def besieged(house: House, side: Side, given: argparse.Namespace) -> AsyncIterator[None]:
    """For as long as the block runs there are enemies, in a process of theirs."""
    asked = ("--besiege", str(house.port), "--half", str(given.half), "--seed", str(given.seed))
    seconds = ("--seconds", str(given.seconds))
    enemies = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, *asked, *seconds), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield
    finally:
        said, _ = await enemies.communicate()
        side.told.update(json.loads(said))


async def measure(given: argparse.Namespace) -> None:
    """In turns, and what came of it, printed."""
    calm, siege, people = Side(), Side(), reports()
    busy, cores = os.getloadavg()[0], os.cpu_count()
    print(f"开跑前一分钟，这台机器 {cores} 个核上平均有 {busy:.1f} 个进程在抢")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with street(folder / "street", f"sqlite:///{folder / 'bench.db'}") as on:
            house = await on.open("all", **OTHER_DOORS)
            for who, words in islice(people, WARM):
                await on.say(who, words)
            for _ in range(given.rounds):
                await on.settle()
                await honestly(on, calm, people, given)
                await on.settle()
                async with besieged(house, siege, given):
                    await honestly(on, siege, people, given)
            await on.settle()
            story, report = await on.record()
            kept = Counter(admitted.inbound.dedupe_key for admitted in story.messages)
            _print(given, calm, siege)
            print("  老实人得到的答复 " + "，".join(f"{s}：{n} 次" for s, n in on.answers.items()))
            lost = len(on.acknowledged - set(kept))
            print(
                f"老实人的报修答复过收到 {len(on.acknowledged)} 条，丢 {lost}，"
                f"多出来的消息 {len(set(kept) - on.acknowledged)}；"
                f"核对{'没有问题' if report.ok else f'：{report}'}；进程{'没有重启' if house.alive else '死了'}"
            )


def _print(given: argparse.Namespace, calm: Side, siege: Side) -> None:
    print(
        f"老实人每秒 {given.rate:.0f} 条报修（从该发的时刻算到答复），平静和围攻各 {given.rounds} 轮，"
        f"每轮 {given.seconds:.0f} 秒；围攻：{given.half} 条赖着的连接，八种整包的轮着扔"
    )
    (p50, p99), (under50, under99) = (tuple(spread(side.took).values()) for side in (calm, siege))
    print("          p50 ms   p99 ms   被拒再来   内存最高 MB")
    for name, side, half, most in (("平静", calm, p50, p99), ("围攻", siege, under50, under99)):
        print(f"{name}    {half:9.1f}{most:9.1f}{side.statuses['again']:11d}{side.memory:14.0f}")
    print(f"围攻比平静：p50 {under50 / p50:.2f} 倍，p99 {under99 / p99:.2f} 倍")
    for what, times in sorted(siege.told.items()):
        print(f"  {what}  {times} 次")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--half", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--besiege", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--dry", action="store_true", help="leave bench/RESULTS.md alone")
    given = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * given.half)), hard))
    if given.besiege:
        told = asyncio.run(besiege(given.besiege, given.seconds, given.half, given.seed))
        print(json.dumps(told))
        return
    with recorded("围攻：有人捣乱时老实人等多久", "python bench/siege.py", wanted=not given.dry):
        asyncio.run(measure(given))


if __name__ == "__main__":
    main()
