"""A process that lives through a day of the demo company, and can be killed at any moment.

All it knows afterwards is on the disk: the database, a journal of what people sent and what was
acknowledged, where the clock stood, and one line for each message that left the house.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog
from typing_extensions import override

import paidan.house
from bots.web import WebChannel, parse
from paidan.clock import FrozenClock
from paidan.compose import Parts, assemble, own_channels, seed
from paidan.demo import demo_company
from tests.scenario.conftest import TUESDAY
from workflow.records import Outgoing, Receipt
from workflow.work_order import WorkOrder

TENANT = "demo"


# --- the day --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Customer:
    """A customer writes."""

    sender: str
    text: str


@dataclass(frozen=True)
class Engineer:
    """Whoever has this work order (the first candidate, when it may be claimed) types a command."""

    tail: int
    command: str


@dataclass(frozen=True)
class Until:
    """Time passes up to so long after the beginning."""

    minutes: int


Act = Customer | Engineer | Until

DAY: tuple[Act, ...] = (
    Customer("c01", "3 栋 2 单元电梯困人了，快来人"),
    Customer("c02", "我家空调不制冷，一直吹热风"),
    Customer("c06", "大厅墙面瓷砖脱落了一块，请来修一下"),
    Until(2),
    Engineer(2, "接单 2"),
    Customer("c03", "3 栋 2 单元的电梯困人了，业主都打到前台来了"),
    Until(5),
    Customer("c02", "催一下"),
    Engineer(3, "抢单 3"),
    Until(14),
    Engineer(1, "接单 1"),
    Engineer(1, "到场 1"),
    Engineer(2, "出发 2"),
    Until(32),
    Engineer(2, "到场 2"),
    Engineer(2, "诊断 2 缺氟"),
    Engineer(2, "换件 2 电容 x2"),
    Engineer(2, "完成 2 已加氟"),
    Customer("c02", "修好了"),
    Customer("c02", "评分 5 很专业"),
    Engineer(3, "挂起 3 等客户"),
    Customer("c11", "教室空调不制冷，一直吹热风"),
    Until(70),
    Engineer(1, "完成 1 人已救出"),
    Customer("c01", "修好了"),
    Customer("c11", "取消报修"),
    Customer("c11", "确认取消"),
    Engineer(3, "恢复 3"),
    Until(150),
    Engineer(3, "到场 3"),
    Engineer(3, "完成 3 已补贴"),
    Until(52 * 60),
    Until(74 * 60),
)


# --- what outlives it -----------------------------------------------------------------------------


class Diary:
    """Lines that are on the disk before anybody is told they are."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, line: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> Iterator[dict[str, Any]]:
        """Whole lines; one that was cut short was never written."""
        if self._path.exists():
            for line in self._path.read_text("utf-8").splitlines(keepends=True):
                if line.endswith("\n"):
                    yield json.loads(line)


class KeptClock(FrozenClock):
    """Stands still until it is moved, and is found where it stood."""

    def __init__(self, diary: Diary) -> None:
        stood = [datetime.fromisoformat(line["at"]) for line in diary.lines()]
        super().__init__(stood[-1] if stood else TUESDAY)
        self._diary = diary

    @override
    async def move(self, tenant: str, to: datetime) -> None:
        if to > self.now(tenant):
            self._diary.write({"at": to.isoformat()})
        await super().move(tenant, to)


@dataclass(frozen=True)
class Recorded(WebChannel):
    """The sandbox's channel; each message is on record before it is out."""

    diary: Diary = field(default_factory=lambda: Diary(Path(os.devnull)))
    sign: Callable[[], None] = lambda: None

    @override
    async def send(self, outgoing: Outgoing) -> Receipt:
        self.diary.write({"key": outgoing.key, "to": outgoing.to.chat})
        self.sign()
        return await super().send(outgoing)


# --- living ---------------------------------------------------------------------------------------


def live(folder: Path, signs: Connection) -> None:
    """Go on with the day from where it was left; a byte on ``signs`` for each commit and send."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    paidan.house.LONGEST_NAP = 0.2
    asyncio.run(_live(folder, lambda: signs.send_bytes(b".")))
    signs.send_bytes(b"!")


async def _live(folder: Path, sign: Callable[[], None]) -> None:
    from tests.faults.reader import READER  # noqa: PLC0415 - not where tests are only collected

    clock = KeptClock(Diary(folder / "clock.jsonl"))
    sends = Diary(folder / "sends.jsonl")
    async with assemble(
        f"sqlite:///{folder / 'town.db'}",
        folder / "blobs",
        READER,
        clock=clock,
        channels=lambda store, time: {
            **own_channels(store, time),
            "sandbox": Recorded("sandbox", store, time, sends, sign),
        },
    ) as parts:
        changed = asyncio.Event()

        def committed(_tenant: str, _topics: frozenset[str]) -> None:
            changed.set()
            sign()

        parts.store.on_commit(committed)
        if TENANT not in await parts.store.tenants():
            await seed(parts.store, demo_company())
        running = asyncio.create_task(parts.house.run())
        await _Townsfolk(parts, Diary(folder / "journal.jsonl"), changed).go_on()
        running.cancel()
        await asyncio.wait([running])


@dataclass(frozen=True)
class _Townsfolk:
    """Everybody outside: they send again what was not acknowledged, and then go on."""

    parts: Parts
    journal: Diary
    changed: asyncio.Event

    async def go_on(self) -> None:
        sent = {line["act"]: line["payload"] for line in self.journal.lines() if "payload" in line}
        done = {line["act"] for line in self.journal.lines() if "payload" not in line}
        if sent:
            # What the platform may not have heard us acknowledge, it delivers again.
            await self._deliver(max(sent), sent[max(sent)])
        for number, act in enumerate(DAY):
            if number in done:
                continue
            await self._until(self._settled)
            if isinstance(act, Until):
                await self.parts.house.wind_to(TENANT, TUESDAY + timedelta(minutes=act.minutes))
                self.journal.write({"act": number})
            elif number not in sent:
                await self._deliver(number, await self._payload(number, act))
        await self._until(self._settled)
        await self._until(self._told)

    async def _deliver(self, number: int, payload: dict[str, Any]) -> None:
        now = self.parts.clock.now(TENANT)
        self.journal.write({"act": number, "payload": payload})
        inbound = parse(payload, tenant=TENANT, channel="sandbox", now=now)
        await self.parts.front_desk.admit(inbound)
        self.journal.write({"act": number})

    async def _payload(self, number: int, act: Customer | Engineer) -> dict[str, Any]:
        if isinstance(act, Customer):
            sender, chat, kind, text = act.sender, f"customer:{act.sender}", "direct", act.text
        else:
            order = await self._order(act.tail)
            sender = order.assignee or order.candidates[0]
            chat, kind, text = f"group:{order.team_id}", "group", act.command
        return {
            "id": f"act-{number}",
            "chat": chat,
            "chat_kind": kind,
            "sender": sender,
            "text": text,
        }

    async def _order(self, tail: int) -> WorkOrder:
        found = await self.parts.store.read(TENANT, lambda uow: uow.orders.find(str(tail)))
        assert found is not None, tail
        return found

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something holds, looking again after each commit."""
        while True:
            self.changed.clear()
            if await holds():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await self.changed.wait()

    async def _settled(self) -> bool:
        """Every message was dealt with and every due step taken."""
        now = self.parts.clock.now(TENANT)
        waiting = await self.parts.store.waiting_messages(TENANT, 1)
        return not waiting and not await self.parts.store.due_timers(TENANT, now, 1)

    async def _told(self) -> bool:
        """Every notice whose time has come is out."""
        now = self.parts.clock.now(TENANT)
        return not any(
            q.state == "sending" or (q.state == "pending" and (q.next_at or now) <= now)
            for q in self.parts.store.outbox_audit(TENANT)
        )
