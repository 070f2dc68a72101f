"""Callers that mean no good: a real process on a real socket gives up on each of them by itself,
keeps nothing of theirs, and meanwhile serves an honest customer.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import resource
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from nlp import Understander
from tests.faults.houses import OTHER_DOORS, House, Street, street
from tests.vendors.telegram import SECRET
from tests.waiting import wait_until

HALF_OPEN = 2000
FEW = 1024
"""Files that most systems let a process open, unless it asks for more."""
GROWTH = 60 * 1024
"""Kilobytes a siege may cost; one bomb of these would take hundreds of thousands."""
HOOK = "POST /hooks/telegram HTTP/1.1\r\nHost: paidan\r\n"
SECRETLY = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n"
CHAT = "POST /chat/say HTTP/1.1\r\nHost: paidan\r\n"
PICTURE = "POST /upload HTTP/1.1\r\nHost: paidan\r\n"
DINGTALK = "POST /hooks/dingtalk HTTP/1.1\r\nHost: paidan\r\n"
MULTIPART = "Content-Type: multipart/form-data; boundary=x\r\n"
JSON = "Content-Type: application/json\r\n"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def here(understander: Understander, tmp_path: Path) -> AsyncIterator[Street]:
    del understander  # trained by now
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * HALF_OPEN), hard))
    async with street(tmp_path / "street", f"sqlite:///{tmp_path / 'paidan.db'}") as made:
        yield made
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Caller:
    """One connection, with bytes instead of requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *parts: str | bytes) -> None:
        """Write it all, or as much as the other side still takes."""
        try:
            for part in parts:
                self._writer.write(part.encode() if isinstance(part, str) else part)
                await self._writer.drain()
        except ConnectionError:
            pass

    async def answer(self) -> int:
        """The status of what comes back; 0 when the connection is just closed."""
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return 0
        return int(line.split()[1]) if line else 0

    async def closed(self) -> None:
        """Wait until the other side hangs up."""
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionError:
            pass

    def hang_up(self) -> None:
        self._writer.close()


@asynccontextmanager
async def calling(house: House, many: int = 1) -> AsyncIterator[Sequence[Caller]]:
    callers = [Caller(*await asyncio.open_connection("127.0.0.1", house.port)) for _ in range(many)]
    try:
        yield callers
    finally:
        for caller in callers:
            caller.hang_up()


async def told(house: House, *parts: str | bytes) -> int:
    """What one connection is answered."""
    async with calling(house) as (caller,):
        await caller.send(*parts)
        return await caller.answer()


@contextmanager
def deaf(house: House) -> Iterator[socket.socket]:
    """A connection whose owner reads nothing."""
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.connect(("127.0.0.1", house.port))
        made.setblocking(False)
        yield made


async def cut_off(connection: socket.socket) -> None:
    """Wait until whatever is sent there is answered by the system alone."""

    async def gone() -> bool:
        try:
            connection.send(b" ")
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False

    await wait_until(gone)


def log_of(here: Street, house: House) -> str:
    """All that a process has written."""
    return (here.folder / f"{house.role}-{house.port}.log").read_text()


def memory(house: House) -> int:
    """Kilobytes that a process has in use."""
    status = Path(f"/proc/{house.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def honest(text: str) -> str:
    return f"锦绣苑3栋2单元501{text}，电话13712345678"


def messages(story: Any) -> list[str]:
    return [admitted.inbound.text for admitted in story.messages]


async def test_connections_that_say_nothing_or_half_are_closed(here: Street) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))  # as most systems begin a process
    house = await here.open("all")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    halves: Iterable[str] = ("", "GET / HTTP/1.1\r\nHost: pai", HOOK + SECRETLY, "\r\n")
    async with calling(house, HALF_OPEN) as callers:
        for caller, half in zip(callers, [*halves] * HALF_OPEN, strict=False):
            await caller.send(half)
        await here.say(1, honest("空调不制冷"))
        await asyncio.gather(*(caller.closed() for caller in callers))
    assert "out of system resource" not in log_of(here, house), "the door was shut to all"
    await here.settle()
    story, report = await here.record()
    assert report.ok, str(report)
    assert messages(story) == [honest("空调不制冷")]


async def test_who_reads_nothing_is_not_waited_for(here: Street) -> None:
    house = await here.open("all")
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(deaf(house)) for _ in range(50)]
        for caller in callers:
            with contextlib.suppress(BlockingIOError):
                caller.send(b"GET /login HTTP/1.1\r\nHost: p\r\n\r\n" * 5000)
        await here.say(1, honest("灯不亮"))
        await asyncio.gather(*(cut_off(caller) for caller in callers))
    await here.settle()
    story, _ = await here.record()
    assert messages(story) == [honest("灯不亮")]


async def test_bodies_that_never_end_are_given_up(here: Street) -> None:
    house = await here.open("all")
    form = "Content-Type: application/x-www-form-urlencoded\r\n"
    slow = {
        "a length that does not come": HOOK + SECRETLY + JSON + 'Content-Length: 900\r\n\r\n{"up',
        "pieces that do not come": HOOK + SECRETLY + "Transfer-Encoding: chunked\r\n\r\n2\r\n{",
        "a form": f"POST /chat/say HTTP/1.1\r\nHost: p\r\n{form}Content-Length: 90\r\n\r\ntext=a",
        "an alarm": "POST /api/alarms HTTP/1.1\r\nHost: p\r\nContent-Length: 90\r\n\r\n{",
    }
    answers = await asyncio.gather(*(told(house, words) for words in slow.values()))
    said = dict(zip(slow, answers, strict=True))
    assert said.pop("an alarm") in {401, 408}, "no token: it is not even read"
    assert set(said.values()) == {408}, said
    await here.say(1, honest("灯不亮"))
    await here.settle()
    story, _ = await here.record()
    assert messages(story) == [honest("灯不亮")]


async def test_bombs_and_floods_are_refused_and_cost_no_memory(here: Street) -> None:
    house = await here.open("all", **OTHER_DOORS)
    await here.say(1, honest("水管漏水"))
    await here.settle()
    before = memory(house)
    packed = gzip.compress(b"0" * 300_000_000, 9)
    assert len(packed) < 1_000_000
    deep = "[" * 100_000 + "]" * 100_000
    huge = '{"update_id":' + "9" * 200_000 + "}"
    lines = "".join(f"X-Flood-{n}: {'y' * 50}\r\n" for n in range(5000))
    laughs = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(
        f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)
    ) + "]><xml><ToUserName>&a9;</ToUserName></xml>"  # fmt: skip
    thieves = (
        "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><xml><Encrypt>&e;</Encrypt></xml>"
    )

    nested = (
        b'--x\r\nContent-Disposition: form-data; name="picture"\r\n'
        b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n\r\n--y--\r\n--x--\r\n"
    )

    def sized(body: str | bytes, more: str = "", to: str = HOOK + SECRETLY + JSON) -> list[Any]:
        data = body.encode() if isinstance(body, str) else body
        return [f"{to}{more}Content-Length: {len(data)}\r\n\r\n", data]

    sealed = "POST /hooks/wechat?msg_signature=a&timestamp=1&nonce=1 HTTP/1.1\r\nHost: paidan\r\n"
    attacks: dict[str, tuple[set[int], list[Any]]] = {
        "packed": ({415}, sized(packed, "Content-Encoding: gzip\r\n")),
        "packed twice": ({415}, sized(packed, "Content-Encoding: gzip, deflate\r\n")),
        "deep JSON": ({400, 422}, sized(deep)),
        "a huge number": ({400, 422, 200}, sized(huge)),
        "not JSON": ({400, 422}, sized(b"\xff\xfe\x00" * 1000)),
        "larger than it may be": ({413}, sized(b" " * 3_000_000)),
        "no length, larger than it may be": (
            {413},
            [
                HOOK + SECRETLY + "Transfer-Encoding: chunked\r\n\r\n",
                *[b"20000\r\n" + b" " * 0x20000 + b"\r\n"] * 24,
                b"0\r\n\r\n",
            ],
        ),
        "a lie about the length": ({400}, [HOOK + "Content-Length: -5\r\n\r\n"]),
        "two lengths": ({400}, [HOOK + "Content-Length: 5\r\nContent-Length: 9\r\n\r\n{}"]),
        "5,000 lines of head": ({400, 431}, [f"GET / HTTP/1.1\r\nHost: p\r\n{lines}\r\n"]),
        "one line of 1 MB": ({400, 431}, [f"GET / HTTP/1.1\r\nX: {'y' * 1_000_000}\r\n\r\n"]),
        "an address of 1 MB": ({400, 414}, [f"GET /{'y' * 1_000_000} HTTP/1.1\r\n\r\n"]),
        "no HTTP at all": ({400}, [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 99]),
        "a form in a form": ({415}, sized(nested, to=CHAT + MULTIPART)),
        "parts that never begin": ({415}, sized(b"z\r\n" * 80_000, to=CHAT + MULTIPART)),
        "pieces that are none": (
            {400},
            [HOOK + SECRETLY + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n"],
        ),
        "laughs": ({400}, sized(laughs, to=sealed)),
        "thieves": ({400}, sized(thieves, to=sealed)),
        "wide XML": ({400}, sized("<xml>" + "<a/>" * 200_000 + "</xml>", to=sealed)),
        "deep XML": ({400}, sized("<a>" * 140_000 + "</a>" * 140_000, to=sealed)),
        "deep JSON unsigned": ({400}, sized(deep, to=DINGTALK)),
        "a huge number unsigned": ({400, 403}, sized(huge, to=DINGTALK)),
    }
    for name, (allowed, parts) in attacks.items():
        said = await told(house, *parts)
        assert said in allowed | {0}, (name, said)
        assert house.alive, (name, here.logs())
    for broken in (HOOK + SECRETLY + JSON, CHAT + "Content-Type: text/plain\r\n", PICTURE):
        async with calling(house) as (caller,):
            await caller.send(f"{broken}Content-Length: 50\r\n\r\n{{")
    assert memory(house) - before < GROWTH
    await here.say(2, honest("门锁打不开"))
    await here.settle()
    story, report = await here.record()
    assert report.ok, str(report)
    assert messages(story) == [honest("水管漏水"), honest("门锁打不开")]
    assert "Traceback" not in log_of(here, house), "strangers do not fill the log"


async def test_a_pile_of_bombs_at_once_costs_no_memory(here: Street) -> None:
    house = await here.open("all")
    await here.say(1, honest("空调不制冷"))
    await here.settle()
    before = memory(house)
    packed = gzip.compress(b"0" * 300_000_000, 9)
    head = f"{HOOK}{SECRETLY}{JSON}Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    body = json.dumps({"update_id": 1, "message": {"text": "坏" * 300_000}})
    large = f"{HOOK}{JSON}Content-Length: {len(body.encode())}\r\n\r\n{body}"
    await asyncio.gather(
        *(told(house, head, packed) for _ in range(20)), *(told(house, large) for _ in range(20))
    )
    assert memory(house) - before < GROWTH
    await here.say(2, honest("灯不亮"))
    await here.settle()
    story, _ = await here.record()
    assert messages(story) == [honest("空调不制冷"), honest("灯不亮")]
