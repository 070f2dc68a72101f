"""Run as a program: writes work orders as fast as it can and says which were acknowledged."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from storage import SqlStore, open_store
from workflow.events import GENESIS, SYSTEM, Event, Kind, seal
from workflow.ports import UnitOfWork
from workflow.records import ChatRef, Inbound, Notice, Urgency
from workflow.work_order import Reporter, WorkOrder

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
CHAT = ChatRef("web", "v1")


def report(uow: UnitOfWork, key: str) -> str:
    """Admission, work order, event, timer and notice, all in one unit."""
    if uow.inbox.admit(Inbound(uow.tenant, "web", "v1", "direct", "v1", key, NOW)) is None:
        return ""
    order = WorkOrder(
        id=uow.new_id(),
        tenant=uow.tenant,
        number=uow.orders.next_number("WO-20261120"),
        version=1,
        seq=1,
        opened_at=NOW,
        reporters=(Reporter(CHAT, "v1", message=key),),
    )
    event = seal(Event(uow.tenant, order.id, 1, Kind.REPORTED, NOW, SYSTEM), GENESIS)
    uow.orders.save(order, [event], 0)
    uow.timers.arm(f"order:{order.id}", "warn", NOW)
    uow.outbox.add(Notice(key, "reported", CHAT, Urgency.REPLY, order.number, "", order.id))
    return order.number


async def write(store: SqlStore, lane: int) -> None:
    """Write for ever; a line is printed only after the commit."""
    for n in range(1_000_000):
        key = f"m{lane}-{n}"
        number = await store.transact("t", lambda u, k=key: report(u, k))
        sys.stdout.write(f"{key} {number or None}\n")
        sys.stdout.flush()


async def main(url: str, blobs: Path) -> None:
    """Sixteen writers at once."""
    async with open_store(url, blobs) as store:
        await asyncio.gather(*(write(store, lane) for lane in range(16)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
