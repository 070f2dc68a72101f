"""A company with a million work orders behind it, in minutes instead of years.

A few work orders are lived through on the real path: reported in words, dispatched, accepted, done,
signed and rated, on a clock of their own. Their rows are then cast again and again under new
numbers, names, phones, rooms and times, the oldest first. What is cast reads like the real thing;
only the hash chains of its events are those of the moulds, so it is not for the auditor.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from as_served import warm_reader
from main_job import FAULTS, report
from sqlalchemy import Table, func, inspect, select, text

from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import Parts, assemble, seed
from paidan.demo import demo_company
from storage.database import Database
from storage.rows import decode_order
from storage.schema import (
    NEVER,
    counters,
    customers,
    dialogues,
    events,
    identities,
    inbox,
    living_cards,
    lookalikes,
    order_chats,
    order_docs,
    outbox,
    posts,
    readings,
    surge_reports,
    timers,
    work_orders,
)
from workflow import commands as c
from workflow.events import Actor
from workflow.joining.keys import lookalike_keys
from workflow.work_order import WorkOrder

TENANT = demo_company().company.tenant
DAYS = 365
MOULDS = 2 * len(FAULTS)
FIRST = 90_000_000
"""The numbers of the moulds, eight digits like those of all the others."""
APART = timedelta(minutes=47)
LATER = timedelta(days=3)
"""Within which the steps and deadlines of the open ones lie ahead."""
REGULARS = 3
"""Work orders of one customer."""
BATCH = 2_000
KEPT = 20_000
"""Work orders, the last ones, that come with their notices, posts, cards and steps. A company that
size keeps those for a while (``retention``); all others come with everything else.
"""
SQUAD = 20
"""Open work orders that share the people of a mould; the next get others."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EARLIEST = 10**15
"""An integer above it is an instant in microseconds."""
_SEP = "\x1f"
_PASSING = frozenset({outbox, posts, living_cards, timers, surge_reports})
_OF_ORDER = {
    work_orders: "id",
    order_docs: "order_id",
    order_chats: "order_id",
    events: "order_id",
    outbox: "order_id",
    living_cards: "order_id",
    inbox: "order_id",
    readings: "order_id",
    surge_reports: "order_id",
    timers: "subject",
    posts: "chat",
    dialogues: "chat",
    customers: "id",
    identities: "user",
}


@dataclass(frozen=True)
class Line:
    """A row of a mould: the values that are not words in their places, the words in one string."""

    table: Table
    values: tuple[Any, ...]
    words: str
    worded: tuple[int, ...]


@dataclass(frozen=True)
class Mould:
    """One work order that was lived through, as rows."""

    order: WorkOrder
    lines: tuple[Line, ...]


@asynccontextmanager
async def company(
    url: str, folder: Path, *, many: int, still_open: int, days: int = DAYS
) -> AsyncIterator[Parts]:
    """The demo company with so many work orders, on the real clock, ready to be asked. A database
    that has them already is taken as it is.

    Args:
        url: A database, empty or of an earlier run.
        folder: For attachments.
        many: Work orders in all.
        still_open: How many of them are open, the last ones.
        days: Over which they were reported.
    """
    reader = warm_reader()
    if count(url, work_orders) < many:
        await _fill(url, folder, reader, many, still_open, days)
    async with assemble(url, folder / "blobs", reader) as parts:
        yield parts


def count(url: str, table: Table) -> int:
    """Rows of a table; none of one that is not there yet."""
    with closing(Database(url)) as database, database.engine.connect() as db:
        if not inspect(db).has_table(table.name):
            return 0
        return int(db.execute(select(func.count()).select_from(table)).scalar_one())


def sample(url: str, many: int, chance: random.Random) -> list[WorkOrder]:
    """Some of its work orders, from all over the time."""
    now, found = datetime.now(UTC), []
    o = order_docs.c
    with closing(Database(url)) as database, database.engine.connect() as db:
        for _ in range(many):
            since = _ulid(now - timedelta(days=chance.random() * DAYS), 0)
            asked = select(o.doc).where(o.tenant == TENANT, o.order_id >= since)
            row = db.execute(asked.order_by(o.order_id).limit(1)).first()
            found += [decode_order(row[0])] if row else []
    return found


async def _fill(
    url: str, folder: Path, reader: Understander, many: int, still_open: int, days: int
) -> None:
    now = datetime.now(UTC)
    begun = now - timedelta(days=days + 7)
    async with assemble(url, folder / "blobs", reader, clock=FrozenClock(begun)) as parts:
        await seed(parts.store, demo_company())
        told = [await _live(parts, number) for number in range(MOULDS)]
        lived = [order for order in told if order is not None]
    database = Database(url)
    try:
        moulds = [_mould(database, order) for order in lived]
        database.engine.dispose()  # SQLite changes its journal only for whoever is alone
        casts = _casts(moulds, many, still_open, now, days)
        await asyncio.to_thread(_pour, database, casts)
    finally:
        database.close()


# --- moulds -----------------------------------------------------------------------------------


async def _live(parts: Parts, number: int) -> WorkOrder | None:
    """One report and what follows, up to its rating or somewhere on the way; None if it opened
    nothing of its own.
    """
    tenant, clock, done = TENANT, parts.clock, number // len(FAULTS) == 0
    told = replace(report(tenant, FIRST + number), sent_at=clock.now(tenant))
    admitted = await parts.front_desk.admit(told)
    assert admitted is not None
    await parts.front_desk.settle(tenant, admitted)
    settled = await parts.store.read(tenant, lambda uow: uow.inbox.get(admitted.id))
    order_id = settled.order_id
    if settled.outcome != "opened":
        return None
    customer = Actor(told.sender, "customer", told.sender_name)
    steps: list[Callable[[Actor], c.Command]] = [
        lambda by: c.Accept(by, c.Origin(), order_id),
        lambda by: c.Depart(by, c.Origin(), order_id),
        lambda by: c.Arrive(by, c.Origin(), order_id),
        lambda by: c.Diagnose(by, c.Origin(), order_id, text="密封圈老化，接口松动"),
        lambda by: c.ReplacePart(by, c.Origin(), order_id, part="密封圈", quantity=1),
        lambda by: c.Complete(by, c.Origin(), order_id, text="已更换密封圈，试运行正常"),
        lambda _: c.Sign(customer, c.Origin(), order_id),
        lambda _: c.Rate(customer, c.Origin(), order_id, score=5 - number % 3),
    ]
    for step in steps if done else steps[: number % 6]:

        def work(uow: Any, step: Callable[[Actor], c.Command] = step) -> None:
            parts.service.handle(step(_handler(uow, order_id)), uow, clock.now(tenant))

        await parts.store.transact(tenant, work)
        await parts.house.wind(tenant, timedelta(minutes=3))
    await parts.house.wind(tenant, APART if done else timedelta(minutes=1))
    return await parts.store.read(tenant, lambda uow: uow.orders.get(order_id))


def _handler(uow: Any, order_id: str) -> Actor:
    """Whoever has the work order now, or may take it."""
    order = uow.orders.get(order_id)
    who = demo_company().company.staff[order.assignee or next(iter(order.candidates))]
    return Actor(who.id, who.role, who.name)


def _columns(table: Table) -> list[str]:
    """Those that are written: a number given by the database is not."""
    return [
        column.name
        for column in table.columns
        if not (column.primary_key and len(table.primary_key.columns) == 1 and column.name == "id")
        or table in (work_orders, customers)
    ]


def _mould(database: Database, order: WorkOrder) -> Mould:
    sender = order.reporters[0].sender
    asked = {
        "id": order.customer_id, "user": sender, "chat": f"customer:{sender}",
        "subject": f"order:{order.id}", "order_id": order.id,
    }  # fmt: skip
    lines = []
    with database.engine.connect() as db:
        for table, column in _OF_ORDER.items():
            names = _columns(table)
            key = order.id if table is work_orders else asked[column]
            quoted = ", ".join(f'"{name}"' for name in names)
            found = db.execute(
                text(f'SELECT {quoted} FROM {table.name} WHERE tenant = :t AND "{column}" = :key'),
                {"t": TENANT, "key": key},
            )
            lines += [_line(table, tuple(row)) for row in found]
    return Mould(order, tuple(lines))


def _line(table: Table, row: tuple[Any, ...]) -> Line:
    worded = tuple(place for place, value in enumerate(row) if isinstance(value, str) and value)
    words = _SEP.join(row[place] for place in worded)
    return Line(table, row, words, worded)


# --- casts ------------------------------------------------------------------------------------


def _casts(
    moulds: Sequence[Mould], many: int, still_open: int, now: datetime, days: int
) -> Iterator[tuple[Table, tuple[Any, ...]]]:
    """Rows of all casts, the oldest work order first, then how many numbers each day has given."""
    ended = itertools.cycle([m for m in moulds if m.order.state == "closed"])
    going = itertools.cycle([m for m in moulds if m.order.state != "closed"])
    lasting = {m.order.id: _lasting(m) for m in moulds}
    span = timedelta(days=days)
    first = FIRST - many
    given: Counter[str] = Counter()
    for n in range(many):
        opened = now - span * ((many - n) / many)
        day = f"WO-{opened:%Y%m%d}"
        given[day] += 1
        alive = n >= many - still_open
        mould = next(going if alive else ended)
        if n < many - max(KEPT, still_open):
            mould = lasting[mould.order.id]
        yield from _cast(mould, first + n, n, f"{day}-{given[day]:04d}", opened, now)
    for day, numbers in given.items():
        yield counters, (TENANT, day, numbers)


def _lasting(mould: Mould) -> Mould:
    """What is left of it when what passes is gone."""
    return Mould(mould.order, tuple(x for x in mould.lines if x.table not in _PASSING))


def _cast(
    mould: Mould, token: int, n: int, number: str, opened: datetime, now: datetime
) -> Iterator[tuple[Table, tuple[Any, ...]]]:
    order = mould.order
    order_id = _ulid(opened, n)
    room = f"{token % 40 + 1}栋{token // 40 % 6 + 1}单元{token // 240 + 101}室"
    old = order.reporters[0].sender.removeprefix("bench")
    regular = n // REGULARS
    swaps = [
        (order.id, order_id),
        (order.number, number),
        (order.number.lower(), number.lower()),
        (order.place, room),
        (old, str(token)),
        (order.customer_id, f"C{regular:025d}"),
    ]
    if order.state != "closed" and order.assignee:
        swaps.append((f"{order.assignee}", f"{order.assignee}{n // SQUAD}"))
    later = LATER * (n % 97 / 97) if order.state != "closed" else timedelta()
    shift = (opened - order.opened_at) // timedelta(microseconds=1)
    far = (now + later - order.opened_at) // timedelta(microseconds=1)
    for line in mould.lines:
        if line.table in (customers, identities) and n % REGULARS:
            continue
        yield line.table, _row(line, swaps, far if line.table is timers else shift)
    if order.state != "closed":
        at = _micros(opened)
        said = order.text.replace(order.place, room).replace(old, str(token))
        for key in lookalike_keys(said):
            yield lookalikes, (TENANT, key, at, order_id)


def _row(line: Line, swaps: Iterable[tuple[str, str]], shift: int) -> tuple[Any, ...]:
    words = line.words
    for was, becomes in swaps:
        words = words.replace(was, becomes)
    row = [v + shift if isinstance(v, int) and _EARLIEST < v < NEVER else v for v in line.values]
    for place, said in zip(line.worded, words.split(_SEP), strict=True):
        row[place] = said
    if line.table is work_orders:
        _retail(row)
    return tuple(row)


_PLACED = {name: place for place, name in enumerate(_columns(work_orders))}


def _retail(row: list[Any]) -> None:
    """What a work order is found by follows its number and its place."""
    row[_PLACED["tail"]] = int(row[_PLACED["number"]].rpartition("-")[2])
    row[_PLACED["near"]] = f"building:{row[_PLACED['place']].partition('栋')[0]}"


def _micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _ulid(at: datetime, n: int) -> str:
    fresh, digits = _micros(at) // 1000, []
    for _ in range(10):
        fresh, digit = divmod(fresh, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits)) + f"{n:016d}"


# --- pouring ----------------------------------------------------------------------------------


def _pour(database: Database, casts: Iterable[tuple[Table, tuple[Any, ...]]]) -> None:
    """Write them, a few thousand at a time, and let the database take stock."""
    put = _sqlite if database.dialect == "sqlite" else _postgres
    waiting: dict[Table, list[tuple[Any, ...]]] = {}
    with put(database) as take:
        for table, row in casts:
            rows = waiting.setdefault(table, [])
            rows.append(row)
            if len(rows) >= BATCH:
                take(table, rows)
                rows.clear()
        for table, rows in waiting.items():
            take(table, rows)


class _sqlite:  # noqa: N801 - a door, used like a function
    """One connection that does not wait for the disk until all is in."""

    def __init__(self, database: Database) -> None:
        self._db = sqlite3.connect(str(database.url.database), isolation_level=None)

    def __enter__(self) -> Callable[[Table, list[tuple[Any, ...]]], None]:
        for pragma in ("synchronous=OFF", "journal_mode=MEMORY", "cache_size=-2000000"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("BEGIN")
        return self._take

    def _take(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        names = _columns(table)
        holes = ", ".join("?" * len(names))
        quoted = ", ".join(f'"{name}"' for name in names)
        how = "INSERT OR REPLACE" if table is counters else "INSERT"
        self._db.executemany(f"{how} INTO {table.name} ({quoted}) VALUES ({holes})", rows)

    def __exit__(self, *_: object) -> None:
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA optimize=0x10002")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.close()


class _postgres:  # noqa: N801 - a door, used like a function
    """COPY, table by table."""

    def __init__(self, database: Database) -> None:
        self._raw = database.engine.raw_connection()
        self._db: Any = self._raw.driver_connection

    def __enter__(self) -> Callable[[Table, list[tuple[Any, ...]]], None]:
        self._cursor = self._db.cursor()
        self._cursor.execute("BEGIN")
        self._cursor.execute(f"DELETE FROM counters WHERE tenant = '{TENANT}'")
        return self._take

    def _take(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        quoted = ", ".join(f'"{name}"' for name in _columns(table))
        with self._cursor.copy(f"COPY {table.name} ({quoted}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def __exit__(self, *_: object) -> None:
        self._cursor.execute("COMMIT")
        self._cursor.execute("VACUUM ANALYZE")
        self._raw.close()
