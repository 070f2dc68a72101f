"""No question that is asked for every message or page passes over all that a company ever kept.

SQLite itself says how it goes about each statement that was sent while a work order was lived
through and looked at. What is bounded by the tenant alone grows with the company; on a small one
nobody would notice.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from paidan.compose import Parts
from paidan.demo import demo_company
from storage.schema import metadata
from tests.integration.console.conftest import TENANT, Browser
from workflow import commands as c
from workflow.events import Actor
from workflow.records import Inbound

SMALL = frozenset(
    {
        *("companies", "policies", "articles", "presence", "models", "model_moves", "workers"),
        *("clock_offsets", "channel_notes", "surges", "counters", "blobs"),
    }
)
_STEP = re.compile(r"^(SCAN|SEARCH) (\w+)\b(.*)$")
_VALUE = re.compile(r"'[^']*'|\b\d+\b")
_LISTED = "ix_work_orders_list"
"""Walked from its newest end until a page is full."""
_NEWEST = re.compile(r"WHERE \w+\.tenant = '\w+' ORDER BY [^()]+ DESC\s+LIMIT \d+ OFFSET 0$")
"""So many of the newest, whatever they are."""
_UNFINISHED = frozenset(
    str(index.name)
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
)
"""Indexes of what waits, is armed or has failed: they are as long as there is to do."""


@pytest.fixture(autouse=True)
def sent() -> Iterator[set[str]]:
    """Every statement that reaches SQLite, with its values."""
    seen: set[str] = set()

    def listen(connection: Any, _record: Any) -> None:
        connection.set_trace_callback(seen.add)

    event.listen(Engine, "connect", listen)
    yield seen
    event.remove(Engine, "connect", listen)


def unbounded(file: Path, statements: set[str]) -> list[str]:
    """The statements that pass over a growing table with nothing but the tenant to hold them."""
    found = set()
    with sqlite3.connect(file) as db:
        for text in sorted(statements):
            asks = text.lstrip("( ").startswith(("SELECT", "UPDATE", "DELETE", "WITH"))
            if not asks or _NEWEST.search(text):
                continue
            for *_, detail in db.execute(f"EXPLAIN QUERY PLAN {text}"):
                step = _STEP.match(detail)
                if step is None or step[2] in SMALL or step[2].startswith("anon_"):
                    continue
                listed = _LISTED in detail and "ORDER BY work_orders.id DESC" in text
                if listed or not _UNFINISHED.isdisjoint(detail.split()):
                    continue
                if step[1] == "SCAN" or step[3].endswith("(tenant=?)"):
                    found.add(f"{detail}: {_VALUE.sub('?', text)}")
    return sorted(found)


def assert_bounded(file: Path, statements: set[str]) -> None:
    assert any("FROM work_orders" in text for text in statements), "nothing was listened to"
    found = unbounded(file, statements)
    assert not found, "\n".join(found)


async def live_through(parts: Parts, number: int) -> str:
    """A report in words, and everything up to the stars; its work order's number."""
    told = Inbound(
        tenant=TENANT,
        channel="sandbox",
        chat=f"customer:c{number}",
        chat_kind="direct",
        sender=f"c{number}",
        sender_name=f"客户{number}",
        dedupe_key=f"m{number}",
        sent_at=parts.clock.now(TENANT),
        text=f"{number}栋2单元301室空调不制冷，一直吹热风，电话1380000{number:04d}",
    )
    admitted = await parts.front_desk.admit(told)
    assert admitted
    await parts.house.drain(TENANT)
    settled = await parts.store.read(TENANT, lambda uow: uow.inbox.get(admitted.id))
    assert settled
    assert settled.order_id
    order_id, customer = settled.order_id, Actor(told.sender, "customer")
    for make in (
        lambda by: c.Accept(by, c.Origin(), order_id),
        lambda by: c.Arrive(by, c.Origin(), order_id),
        lambda by: c.ReplacePart(by, c.Origin(), order_id, part="电容"),
        lambda by: c.Complete(by, c.Origin(), order_id, text="换了电容"),
        lambda _: c.Sign(customer, c.Origin(), order_id),
        lambda _: c.Rate(customer, c.Origin(), order_id, score=5),
    ):

        def work(uow: Any, make: Callable[[Actor], c.Command] = make) -> None:
            order = uow.orders.get(order_id)
            who = demo_company().company.staff[order.assignee or next(iter(order.candidates))]
            by = Actor(who.id, who.role, who.name)
            parts.service.handle(make(by), uow, parts.clock.now(TENANT))

        await parts.store.transact(TENANT, work)
        await parts.house.wind(TENANT, timedelta(minutes=4))
    order = await parts.store.read(TENANT, lambda uow: uow.orders.get(order_id))
    return order.number


async def test_a_work_order_costs_the_same_however_many_there_were(
    parts: Parts, sent: set[str], tmp_path: Path
) -> None:
    sent.clear()
    await live_through(parts, 1)
    await live_through(parts, 2)
    assert_bounded(tmp_path / "console.db", sent)


async def test_pages_pass_over_no_more_than_they_show(
    parts: Parts, sent: set[str], chief: Browser, tmp_path: Path
) -> None:
    number = await live_through(parts, 1)
    sent.clear()
    for path in (
        *("/", "/board", "/me", f"/orders/{number}", f"/orders?q={number}"),
        *("/orders?q=13800000001", "/orders?open=1", "/orders?open=0&fault_type=hvac", "/orders"),
    ):
        await chief.see(path)
    assert_bounded(tmp_path / "console.db", sent)
