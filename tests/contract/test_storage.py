"""What every storage must keep, asked of SQLite and PostgreSQL alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage import SqlStore, open_store
from workflow.calendar import Span, WorkCalendar
from workflow.clocks import ClockPolicy, Mark, Target
from workflow.company import Asset, Company, Customer, Identity, Presence, Queue, Site, Staff, Team
from workflow.errors import Conflict, InvalidInput, UnknownTicket
from workflow.events import GENESIS, SYSTEM, Event, Kind, seal, verify
from workflow.kept import Case, Match, Post, Seen
from workflow.policy import Policy
from workflow.ports import UnitOfWork
from workflow.records import (
    Card,
    ChatRef,
    Dialogue,
    Inbound,
    Media,
    Notice,
    Receipt,
    Urgency,
)
from workflow.states import State, Sub
from workflow.work_order import Extension, Reporter, WorkOrder

NOON = datetime(2026, 11, 20, 4, 0, 0, 123456, tzinfo=UTC)
CHAT = ChatRef("sandbox", "customer:c1")
GROUP = ChatRef("sandbox", "group:t1", "group")
MINUTE = timedelta(minutes=1)


def an_order(uow: UnitOfWork, **changes: Any) -> WorkOrder:
    facts: dict[str, Any] = {
        "id": uow.new_id(),
        "tenant": uow.tenant,
        "number": uow.orders.next_number("WO-20261120"),
        "version": 1,
        "fault_type": "elevator",
        "opened_at": NOON,
        "reporters": (Reporter(CHAT, "c1", "王女士", "c1", "m1", "电梯不动了", NOON),),
    }
    return WorkOrder(**{**facts, **changes})


def an_event(order: WorkOrder, kind: Kind = Kind.REPORTED, **changes: Any) -> Event:
    facts: dict[str, Any] = {
        "tenant": order.tenant,
        "order_id": order.id,
        "seq": order.seq + 1,
        "kind": kind,
        "at": NOON,
        "actor": SYSTEM,
        "data": {"words": "电梯不动了", "score": 0.1 + 0.2, "deep": [{"a": [1, None, True]}]},
        "geo": (31.2304, 121.4737),
        "since_previous": 12.345678,
    }
    return seal(Event(**{**facts, **changes}), order.head or GENESIS)


def opened(uow: UnitOfWork, **changes: Any) -> WorkOrder:
    order = an_order(uow, **changes)
    event = an_event(order)
    order = replace(order, seq=1, head=event.hash)
    uow.orders.save(order, [event], 0)
    return order


def changed(uow: UnitOfWork, order: WorkOrder, **changes: Any) -> WorkOrder:
    event = an_event(order, Kind.NOTED)
    after = replace(order, version=order.version + 1, seq=event.seq, head=event.hash, **changes)
    uow.orders.save(after, [event], order.version)
    return after


def a_notice(key: str, **changes: Any) -> Notice:
    facts: dict[str, Any] = {
        "key": key,
        "kind": "dispatched",
        "to": GROUP,
        "urgency": Urgency.REPLY,
        "text": "新工单",
        "why": "test",
    }
    return Notice(**{**facts, **changes})


def a_card(key: str, topic: str = "card:o1:team", **changes: Any) -> Notice:
    changes = {"urgency": Urgency.CARD, **changes}
    return a_notice(key, topic=topic, card=Card(topic, "工单"), **changes)


def a_message(tenant: str, key: str, **changes: Any) -> Inbound:
    facts: dict[str, Any] = {
        "tenant": tenant,
        "channel": "sandbox",
        "chat": "customer:c1",
        "chat_kind": "direct",
        "sender": "c1",
        "dedupe_key": key,
        "sent_at": NOON,
        "text": "电梯不动了",
    }
    return Inbound(**{**facts, **changes})


def a_company(tenant: str, name: str = "安居", policy_version: str = "p1") -> Company:
    week = tuple((Span(NOON.time().replace(tzinfo=None), NOON.time()),) for _ in range(7))
    targets = {p: Target(timedelta(minutes=5), "always") for p in ("P0", "P1", "P2")}
    return Company(
        tenant=tenant,
        name=name,
        tz="Asia/Shanghai",
        calendar=WorkCalendar("Asia/Shanghai", week, holidays={NOON.date(): "店庆"}),
        staff={"e1": Staff("e1", "王工", skills={"elevator": 3}, contacts=(CHAT,))},
        teams={"t1": Team("t1", "电梯组", "s1", "b1", (GROUP,))},
        shifts={},
        queues=(Queue("q1", "电梯", "t1"),),
        policy=Policy(policy_version, ClockPolicy(targets, targets, targets), ()),
    )


async def gather(*units: Any) -> list[Any]:
    return list(await asyncio.gather(*units, return_exceptions=True))


# --- work orders ------------------------------------------------------------------------------


async def test_a_work_order_reads_back_equal(store: SqlStore, tenant: str) -> None:
    rich = {
        "media": (Media("image", "ab" * 32, "image/png", "图.png", 12),),
        "marks": (Mark(NOON, "open", "P1"), Mark(NOON, "extend", 30, "等件", "arrival")),
        "held_from": (State.IN_PROGRESS, Sub.ARRIVED),
        "extensions": (Extension("arrival", 30),),
        "links": (("recurrence", "o0"),),
        "deadline_at": NOON + MINUTE,
        "deadline_clock": "first_response",
    }
    order = await store.transact(tenant, lambda u: opened(u, **rich))
    assert await store.read(tenant, lambda u: u.orders.get(order.id)) == order


async def test_the_hash_chain_survives_the_database(store: SqlStore, tenant: str) -> None:
    order = await store.transact(tenant, opened)
    for _ in range(3):
        order = await store.transact(tenant, lambda u, o=order: changed(u, o))
    history = await store.read(tenant, lambda u: u.orders.history(order.id))
    assert [e.seq for e in history] == [1, 2, 3, 4]
    assert verify(history, order.head) is None


async def test_a_version_conflict_undoes_the_unit(store: SqlStore, tenant: str) -> None:
    order = await store.transact(tenant, opened)
    await store.transact(tenant, lambda u: changed(u, order, place="一楼"))

    def late(uow: UnitOfWork) -> None:
        uow.outbox.add(a_notice("late"))
        changed(uow, order, place="二楼")

    with pytest.raises(Conflict):
        await store.transact(tenant, late)
    assert (await store.read(tenant, lambda u: u.orders.get(order.id))).place == "一楼"
    assert len(await store.read(tenant, lambda u: u.orders.history(order.id))) == 2
    assert await store.claim_notices(tenant, datetime.now(UTC), 10) == []


async def test_one_of_many_concurrent_changes_wins(store: SqlStore, tenant: str) -> None:
    order = await store.transact(tenant, opened)
    results = await gather(
        *(
            store.transact(tenant, lambda u, n=n: changed(u, order, assignee=f"e{n}"))
            for n in range(20)
        )
    )
    winners = [r for r in results if isinstance(r, WorkOrder)]
    assert len(winners) == 1
    assert all(isinstance(r, Conflict) for r in results if not isinstance(r, WorkOrder))
    assert (await store.read(tenant, lambda u: u.orders.get(order.id))) == winners[0]


async def test_a_conflict_is_run_again_and_sees_the_newer_row(store: SqlStore, tenant: str) -> None:
    order = await store.transact(tenant, opened)

    def work(uow: UnitOfWork) -> WorkOrder:
        now = uow.orders.get(order.id)
        return changed(uow, now, escalation=now.escalation + 1)

    results = await gather(*(store.transact(tenant, work) for _ in range(20)))
    assert sorted(r.escalation for r in results) == list(range(1, 21))


async def test_numbers_are_unique_across_stores(
    store: SqlStore, tenant: str, database_url: str, tmp_path: Path
) -> None:
    async with open_store(database_url, tmp_path / "blobs") as other:
        numbers = await gather(
            *(
                s.transact(tenant, lambda u: u.orders.next_number("WO-20261120"))
                for _ in range(40)
                for s in (store, other)
            )
        )
    assert sorted(numbers) == [f"WO-20261120-{n:04d}" for n in range(1, 81)]


async def test_finding_by_number_tail_and_id(store: SqlStore, tenant: str) -> None:
    def several(uow: UnitOfWork) -> list[WorkOrder]:
        old = opened(uow, number="WO-20261119-0007")
        new = opened(uow, number="WO-20261120-0007")
        return [old, new, opened(uow, number="WO-20261121-0007", state=State.CLOSED)]

    old, new, closed = await store.transact(tenant, several)

    async def find(ref: str) -> str | None:
        found = await store.read(tenant, lambda u: u.orders.find(ref))
        return found.id if found else None

    assert await find("7") == await find("0007") == await find("#7") == new.id
    assert await find("wo-20261119-0007") == old.id
    assert await find(closed.id) == closed.id
    assert await find("8") is None
    assert await find("") is None
    with pytest.raises(UnknownTicket):
        await store.read(tenant, lambda u: u.orders.get("nobody"))


FACTS = [
    {"customer_id": "c9"},
    {"asset_id": "a9"},
    {"serial": "DT-0099"},
    {"place": "3号楼 2单元"},
    {"phone": "13800005678"},
]


@pytest.mark.parametrize("fact", FACTS)
async def test_matching_by_each_fact(store: SqlStore, tenant: str, fact: dict[str, str]) -> None:
    def several(uow: UnitOfWork) -> list[WorkOrder]:
        opened(uow, fault_type="plumbing", **fact)
        opened(uow, state=State.CLOSED, closed_at=NOON - 3 * MINUTE, **fact)
        return [
            opened(uow, state=State.CLOSED, closed_at=NOON, **fact),
            opened(uow, **fact),
            opened(uow, fault_type="other", **fact),
        ]

    closed, same, other = await store.transact(tenant, several)
    match = Match("elevator", **fact, since=NOON - MINUTE)
    found = [o.id for o in await store.read(tenant, lambda u: u.orders.matching(match))]
    assert found[:2] == [other.id, same.id]
    recurs = fact.keys() & {"customer_id", "asset_id", "phone"}
    assert found[2:] == ([closed.id] if recurs else [])
    open_only = replace(match, since=None)
    found = [o.id for o in await store.read(tenant, lambda u: u.orders.matching(open_only))]
    assert found == [other.id, same.id]


async def test_whatever_was_opened_lately_may_match_after_what_shares_a_fact(
    store: SqlStore, tenant: str
) -> None:
    def several(uow: UnitOfWork) -> tuple[WorkOrder, list[WorkOrder]]:
        known = opened(uow, phone="13800005678", opened_at=NOON - 9 * MINUTE)
        opened(uow, opened_at=NOON - 9 * MINUTE)
        opened(uow, state=State.CLOSED, closed_at=NOON)
        return known, [
            opened(uow, fault_type="plumbing", opened_at=NOON + MINUTE * n) for n in range(51)
        ]

    known, newest = await store.transact(tenant, several)
    match = Match("elevator", phone="13800005678", recent=NOON)
    found = [o.id for o in await store.read(tenant, lambda u: u.orders.matching(match))]
    assert found == [known.id, *(o.id for o in reversed(newest[1:]))]
    only = replace(match, recent=None)
    found = [o.id for o in await store.read(tenant, lambda u: u.orders.matching(only))]
    assert found == [known.id]
    none = Match("elevator", recent=NOON + 60 * MINUTE)
    assert await store.read(tenant, lambda u: u.orders.matching(none)) == []


async def test_who_says_the_same_place_is_found_among_many(store: SqlStore, tenant: str) -> None:
    def many(uow: UnitOfWork) -> WorkOrder:
        wanted = opened(uow, text="C座2号梯困人", place="", opened_at=NOON)
        for n in range(120):
            opened(uow, text=f"{n % 9 + 1}栋{n + 101}室水管漏水", place="", opened_at=NOON + MINUTE)
        return wanted

    async def first(words: str) -> str:
        match = Match("other", words=words)
        found = await store.read(tenant, lambda u: u.orders.matching(match))
        return found[0].id if found else ""

    wanted = await store.transact(tenant, many)
    assert await first("C座二号电梯里有个孕妇出不来") == wanted.id
    assert await first("冷库升温") == ""
    renamed = await store.transact(tenant, lambda u: changed(u, wanted, text="D座3号梯困人"))
    assert await first("D座三号电梯停了") == wanted.id
    end = {"state": State.CLOSED, "closed_at": NOON}
    await store.transact(tenant, lambda u: changed(u, renamed, **end))
    assert await first("D座三号电梯停了") == ""


async def test_a_place_is_found_however_it_is_written(store: SqlStore, tenant: str) -> None:
    order = await store.transact(tenant, lambda u: opened(u, place="3号楼"))
    await store.transact(tenant, lambda u: opened(u, place="4号楼"))
    for place in ("三栋二单元", "3-2-501", "金桂苑3幢大堂"):
        match = Match("elevator", place=place)
        found = await store.read(tenant, lambda u, m=match: u.orders.matching(m))
        assert [o.id for o in found] == [order.id]


async def test_matching_ignores_width_case_and_blanks(store: SqlStore, tenant: str) -> None:
    order = await store.transact(tenant, lambda u: opened(u, serial="dt-0099", place="3号楼2单元"))
    for match in (Match("elevator", serial="ＤＴ－0099"), Match("elevator", place="３号楼 2单元")):
        found = await store.read(tenant, lambda u, m=match: u.orders.matching(m))
        assert [o.id for o in found] == [order.id]


async def test_work_orders_of_a_chat(store: SqlStore, tenant: str) -> None:
    now = store.now(tenant)
    neighbour = Reporter(CHAT, "c2", "李先生")

    def several(uow: UnitOfWork) -> list[WorkOrder]:
        opened(uow, state=State.CLOSED, closed_at=now - timedelta(days=8))
        return [
            opened(uow, state=State.CLOSED, closed_at=now - timedelta(days=6)),
            opened(uow),
            opened(uow, reporters=(neighbour,)),
        ]

    recent, mine, theirs = await store.transact(tenant, several)
    both = await store.read(tenant, lambda u: u.orders.of_chat(CHAT))
    assert [o.id for o in both] == [theirs.id, mine.id, recent.id]
    hers = await store.read(tenant, lambda u: u.orders.of_chat(CHAT, "c1"))
    assert [o.id for o in hers] == [mine.id, recent.id]


async def test_a_joined_reporter_comes_and_goes(store: SqlStore, tenant: str) -> None:
    place = ChatRef("web", "visitor:1")
    order = await store.transact(tenant, opened)
    joined = (*order.reporters, Reporter(place, "v1"))
    both = await store.transact(tenant, lambda u: changed(u, order, reporters=joined))
    assert [o.id for o in await store.read(tenant, lambda u: u.orders.of_chat(place))] == [order.id]
    await store.transact(tenant, lambda u: changed(u, both, reporters=order.reporters))
    assert await store.read(tenant, lambda u: u.orders.of_chat(place)) == []
    assert len(await store.read(tenant, lambda u: u.orders.of_chat(CHAT))) == 1


async def test_open_jobs_of_a_person_most_urgent_first(store: SqlStore, tenant: str) -> None:
    def several(uow: UnitOfWork) -> list[str]:
        late = opened(uow, assignee="e1", priority="P1", deadline_at=NOON + MINUTE)
        soon = opened(uow, assignee="e1", priority="P1", deadline_at=NOON)
        first = opened(uow, assignee="e1", priority="P0")
        opened(uow, assignee="e2")
        opened(uow, assignee="e1", state=State.CLOSED)
        return [first.id, soon.id, late.id]

    expected = await store.transact(tenant, several)
    jobs = await store.read(tenant, lambda u: u.orders.open_for_staff("e1"))
    assert [o.id for o in jobs] == expected


async def test_loads_follow_every_change(store: SqlStore, tenant: str) -> None:
    facts = {"customer_id": "c1", "asset_id": "a1", "assignee": "e1"}
    first = await store.transact(tenant, lambda u: opened(u, **facts))
    second = await store.transact(tenant, lambda u: opened(u, **facts))
    await store.transact(tenant, lambda u: changed(u, second, assignee="e2"))
    loads = await store.read(tenant, lambda u: u.orders.loads("c1", "a1"))
    assert (loads["e1"].open, loads["e2"].open, loads["e1"].for_customer) == (1, 1, 0)
    await store.transact(tenant, lambda u: changed(u, first, state=State.CLOSED, closed_at=NOON))
    loads = await store.read(tenant, lambda u: u.orders.loads("c1", "a1"))
    assert (loads["e1"].open, loads["e1"].for_customer, loads["e1"].for_asset) == (0, 1, 1)
    other = await store.read(tenant, lambda u: u.orders.loads("c2", ""))
    assert (other["e2"].open, other["e2"].for_customer) == (1, 0)


async def test_how_fast_people_answer(store: SqlStore, tenant: str) -> None:
    def answered(uow: UnitOfWork, staff: str, minutes: int) -> None:
        at = NOON + timedelta(minutes=minutes)
        opened(uow, assignee=staff, opened_at=NOON, first_responded_at=at)

    for staff, minutes in (("e1", 2), ("e1", 4), ("e2", 10)):
        await store.transact(tenant, lambda u, s=staff, m=minutes: answered(u, s, m))
    await store.transact(tenant, lambda u: opened(u, assignee="e3", opened_at=NOON))
    found = await store.read(tenant, lambda u: u.orders.answers_in(NOON))
    assert found == {"e1": timedelta(minutes=3), "e2": timedelta(minutes=10)}
    later = NOON + timedelta(seconds=1)
    assert await store.read(tenant, lambda u: u.orders.answers_in(later)) == {}


async def test_work_orders_of_an_asset(store: SqlStore, tenant: str) -> None:
    orders = [await store.transact(tenant, lambda u: opened(u, asset_id="a1")) for _ in range(4)]
    found = await store.read(tenant, lambda u: u.orders.of_asset("a1", 3))
    assert [o.id for o in found] == [o.id for o in reversed(orders[1:])]


# --- the writer -------------------------------------------------------------------------------


async def test_a_poisoned_unit_fails_alone(store: SqlStore, tenant: str) -> None:
    def poisoned(uow: UnitOfWork) -> None:
        uow.inbox.admit(a_message(tenant, "poisoned"))
        uow.outbox.add(a_notice("poisoned"))
        raise InvalidInput(field="text")

    def good(uow: UnitOfWork, n: int) -> int:
        uow.inbox.admit(a_message(tenant, f"good {n}"))
        return n

    units = [
        store.transact(tenant, poisoned if n % 3 == 0 else lambda u, n=n: good(u, n))
        for n in range(60)
    ]
    results = await gather(*units)
    assert [r for r in results if isinstance(r, int)] == [n for n in range(60) if n % 3]
    assert sum(isinstance(r, InvalidInput) for r in results) == 20
    kept = await store.read(tenant, lambda u: [u.inbox.get(a.id) for a in u.inbox.heads(99)])
    assert len(kept) == 1
    assert kept[0] is not None
    assert kept[0].inbound.dedupe_key == "good 1"
    assert await store.claim_notices(tenant, datetime.now(UTC), 10) == []


async def test_a_broken_statement_fails_alone(store: SqlStore, tenant: str) -> None:
    def twice_the_same(uow: UnitOfWork) -> None:
        opened(uow, number="WO-1")
        opened(uow, number="WO-1")

    results = await gather(
        store.transact(tenant, lambda u: opened(u).number),
        store.transact(tenant, twice_the_same),
        store.transact(tenant, lambda u: opened(u).number),
    )
    assert isinstance(results[1], Conflict)
    assert [results[0], results[2]] == ["WO-20261120-0001", "WO-20261120-0002"]


async def test_a_unit_reads_what_it_and_its_batch_wrote(store: SqlStore, tenant: str) -> None:
    def write(uow: UnitOfWork) -> tuple[str, int]:
        order = opened(uow)
        uow.timers.arm(f"order:{order.id}", "warn", NOON)
        uow.outbox.add(a_notice(order.id, order_id=order.id))
        assert not uow.outbox.add(a_notice(order.id))
        assert uow.timers.open(f"order:{order.id}") is not None
        assert len(uow.orders.history(order.id)) == 1
        assert uow.orders.of_chat(CHAT)[0].id == order.id
        return order.id, len(uow.orders.of_chat(CHAT))

    results = await gather(*(store.transact(tenant, write) for _ in range(10)))
    assert [seen for _, seen in results] == list(range(1, 11))


async def test_under_a_lock_one_incident_opens_one_work_order(
    store: SqlStore, tenant: str, database_url: str, tmp_path: Path
) -> None:
    def open_or_join(uow: Any) -> str:
        found = uow.orders.matching(Match("elevator", place="3号楼"))
        return found[0].number if found else opened(uow, place="3栋").number

    async with open_store(database_url, tmp_path / "blobs") as other:
        numbers = await gather(
            *(
                s.transact(tenant, open_or_join, lock="open-or-join")
                for _ in range(15)
                for s in (store, other)
            )
        )
    assert set(numbers) == {"WO-20261120-0001"}


async def test_an_instant_without_a_zone_is_refused(store: SqlStore, tenant: str) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(InvalidInput, match="time zone"):
        await store.transact(tenant, lambda u: u.timers.arm("order:1", "warn", naive))


async def test_nothing_of_another_tenant_is_stored(store: SqlStore, tenant: str) -> None:
    foreign = a_company(f"{tenant}-other")
    with pytest.raises(UnknownTicket):
        await store.transact(tenant, lambda u: u.put_company(foreign))
    with pytest.raises(UnknownTicket):
        await store.transact(tenant, lambda u: opened(u, tenant=f"{tenant}-other"))


async def test_commits_announce_what_they_touched(store: SqlStore, tenant: str) -> None:
    heard: list[tuple[str, frozenset[str]]] = []
    store.on_commit(lambda t, topics: heard.append((t, topics)))

    def work(uow: UnitOfWork) -> str:
        order = opened(uow)
        uow.timers.arm(f"order:{order.id}", "warn", NOON)
        uow.outbox.add(a_notice("n"))
        uow.inbox.admit(a_message(tenant, "m"))
        uow.chat_log.append(Post(0, CHAT, NOON, "c1", "王女士", "in", "在吗"))
        uow.cases.put(Case("k1", "triage", NOON, CHAT, "c1", "?"))
        uow.people.put_customer(Customer("c1", "王女士"))
        return order.id

    order_id = await store.transact(tenant, work)
    posts = f"posts:{CHAT.channel}/{CHAT.chat}"
    topics = {"orders", f"order:{order_id}", "timers", "outbox", "inbox", posts, "cases", "people"}
    assert heard == [(tenant, frozenset(topics))]
    heard.clear()
    with pytest.raises(ZeroDivisionError):
        await store.transact(tenant, lambda u: (work(u), 1 / 0))
    await store.read(tenant, lambda u: u.presence if False else u.people.presence())
    assert heard == []


async def test_reading_cannot_write(store: SqlStore, tenant: str) -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only"):
        await store.read(tenant, lambda u: u.ledger("x"))
    assert await store.transact(tenant, lambda u: u.ledger("x"))


# --- timers -----------------------------------------------------------------------------------


async def test_timers_rearm_cancel_and_keep(store: SqlStore, tenant: str) -> None:
    def arm(step: str, due: datetime) -> Callable[[UnitOfWork], None]:
        return lambda u: u.timers.arm("order:1", step, due)

    await store.transact(tenant, arm("warn", NOON))
    first = await store.read(tenant, lambda u: u.timers.open("order:1"))
    await store.transact(tenant, arm("warn", NOON))
    assert await store.read(tenant, lambda u: u.timers.open("order:1")) == first
    await store.transact(tenant, arm("warn", NOON + MINUTE))
    second = await store.read(tenant, lambda u: u.timers.open("order:1"))
    assert first
    assert second
    assert (second.due, second.generation) == (NOON + MINUTE, first.generation + 1)
    assert await store.due_timers(tenant, NOON, 10) == []
    assert [t.id for t in await store.due_timers(tenant, NOON + MINUTE, 10)] == [second.id]
    assert await store.next_due(tenant) == NOON + MINUTE
    await store.transact(tenant, lambda u: u.timers.cancel("order:1", "closed"))
    assert await store.next_due(tenant) is None
    await store.transact(tenant, arm("again", NOON))
    third = await store.read(tenant, lambda u: u.timers.open("order:1"))
    assert third
    assert third.generation == second.generation + 1


async def test_a_timer_fires_once_however_many_try(
    store: SqlStore, tenant: str, database_url: str, tmp_path: Path
) -> None:
    await store.transact(tenant, lambda u: u.timers.arm("order:1", "warn", NOON))

    def fire(uow: UnitOfWork) -> bool:
        fired = uow.timers.fire("order:1", "warn", 1, NOON)
        if fired:
            uow.outbox.add(a_notice("warned"))
        return fired

    assert not await store.transact(
        tenant, lambda u: u.timers.fire("order:1", "warn", 1, NOON - MINUTE)
    )
    assert not await store.transact(tenant, lambda u: u.timers.fire("order:1", "other", 1, NOON))
    assert not await store.transact(tenant, lambda u: u.timers.fire("order:1", "warn", 2, NOON))
    async with open_store(database_url, tmp_path / "blobs") as other:
        fired = await gather(*(s.transact(tenant, fire) for _ in range(20) for s in (store, other)))
    assert sorted(fired) == [False] * 39 + [True]
    assert len(await store.claim_notices(tenant, datetime.now(UTC), 10)) == 1


# --- the outbox -------------------------------------------------------------------------------


async def add(store: SqlStore, tenant: str, *notices: Notice) -> list[bool]:
    return await store.transact(tenant, lambda u: [u.outbox.add(n) for n in notices])


async def claimed(store: SqlStore, tenant: str, limit: int = 10) -> list[str]:
    found = await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, limit)
    return [q.notice.key for q in found]


async def test_urgent_notices_leave_first(store: SqlStore, tenant: str) -> None:
    soon = datetime.now(UTC) + 2 * MINUTE
    await add(
        store,
        tenant,
        a_notice("info", urgency=Urgency.INFO),
        a_notice("reply 1"),
        a_notice("reply 2"),
        a_notice("red", urgency=Urgency.RED),
        a_notice("later", urgency=Urgency.RED, not_before=soon),
    )
    assert await claimed(store, tenant, 3) == ["red", "reply 1", "reply 2"]
    assert await claimed(store, tenant, 3) == ["info"]
    assert await claimed(store, tenant) == []
    assert [q.notice.key for q in await store.claim_notices(tenant, soon, 9)] == ["later"]


async def test_a_notice_reads_back_equal_and_comes_once(store: SqlStore, tenant: str) -> None:
    notice = a_card("k", mentions=("u1",), fallbacks=(CHAT,), person="e1", order_id="o1")
    assert await add(store, tenant, notice, notice) == [True, False]
    assert await add(store, tenant, replace(notice, text="again")) == [False]
    (queued,) = await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, 10)
    assert queued.notice == notice
    assert (queued.state, queued.attempts, queued.previous) == ("sending", 1, "")


async def test_a_newer_card_supersedes_the_waiting_one(store: SqlStore, tenant: str) -> None:
    await add(store, tenant, a_card("v0"))
    plain = a_notice("plain", urgency=Urgency.RED)
    await add(store, tenant, plain, a_card("v1"), a_card("elsewhere", to=CHAT), a_card("v2"))
    assert await claimed(store, tenant) == ["plain", "elsewhere", "v2"]
    rows = {q.notice.key: q for q in store.outbox_audit(tenant)}
    assert (rows["v0"].state, rows["v0"].superseded_by) == ("superseded", "v1")
    assert (rows["v1"].state, rows["v1"].superseded_by) == ("superseded", "v2")


async def test_one_card_of_a_topic_is_out_at_a_time(store: SqlStore, tenant: str) -> None:
    await add(store, tenant, a_card("v1"))
    (first,) = await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, 10)
    await add(store, tenant, a_card("v2"))
    assert await claimed(store, tenant) == []
    await store.settle_notice(first, at=NOON, receipt=Receipt("message 1", NOON))
    (second,) = await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, 10)
    assert (second.notice.key, second.previous) == ("v2", "message 1")


async def test_a_failed_card_gives_way_to_a_newer_one(store: SqlStore, tenant: str) -> None:
    await add(store, tenant, a_card("v1"))
    (first,) = await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, 10)
    await add(store, tenant, a_card("v2"))
    await store.settle_notice(first, at=NOON, error="timeout", retry_at=NOON)
    assert await claimed(store, tenant) == ["v2"]


async def test_settling(store: SqlStore, tenant: str) -> None:
    again = datetime.now(UTC) + 5 * MINUTE
    await add(store, tenant, a_notice("sent", order_id="o1", role="engineer"))
    await add(store, tenant, a_notice("retried"), a_notice("dead"))
    sent, retried, dead = await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, 10)
    await store.settle_notice(sent, at=NOON, receipt=Receipt("m1", NOON, "no buttons"))
    await store.settle_notice(retried, at=NOON, error="429", retry_at=again)
    await store.settle_notice(dead, at=NOON, error="refused")
    assert await store.read(tenant, lambda u: u.outbox.confirmed("o1", "engineer"))
    assert not await store.read(tenant, lambda u: u.outbox.confirmed("o1", "customer"))
    assert await store.next_due(tenant) == again
    (back,) = await store.claim_notices(tenant, again, 10)
    assert (back.notice.key, back.attempts, back.error) == ("retried", 2, "429")
    rows = {q.notice.key: q for q in store.outbox_audit(tenant)}
    assert rows["sent"].receipt == Receipt("m1", NOON, "no buttons")
    assert (rows["dead"].state, rows["dead"].error) == ("dead", "refused")
    await store.transact(tenant, lambda u: u.outbox.retry(dead.id))
    assert await claimed(store, tenant) == ["dead"]


async def test_a_lost_sender_gives_its_notice_back(store: SqlStore, tenant: str) -> None:
    await add(store, tenant, a_notice("n"))
    (first,) = await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, 10)
    assert await claimed(store, tenant) == []
    store.let_go("outbox", [first.id])
    (second,) = await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, 10)
    assert (second.id, second.state, second.attempts) == (first.id, "unknown", 2)
    await store.settle_notice(first, at=NOON, error="too late to say so", retry_at=NOON)
    (row,) = store.outbox_audit(tenant)
    assert (row.state, row.error) == ("sending", "")
    await store.settle_notice(first, at=NOON, receipt=Receipt("m1", NOON))
    await store.settle_notice(second, at=NOON, error="refused")
    (row,) = store.outbox_audit(tenant)
    assert (row.state, row.receipt) == ("sent", Receipt("m1", NOON))


async def test_two_senders_never_take_the_same_notice(
    store: SqlStore, tenant: str, database_url: str, tmp_path: Path
) -> None:
    chats = [ChatRef("sandbox", f"customer:{n}") for n in range(40)]
    await add(store, tenant, *(a_notice(f"n{n}", to=chat) for n, chat in enumerate(chats)))
    async with open_store(database_url, tmp_path / "blobs") as other:
        taken = await gather(
            *(
                s.claim_notices(tenant, datetime.now(UTC) + MINUTE, 3)
                for _ in range(10)
                for s in (store, other)
            )
        )
        while rest := await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, 3):
            taken.append(rest)
    keys = [q.notice.key for batch in taken for q in batch]
    assert sorted(keys) == sorted(f"n{n}" for n in range(40))


async def test_a_closed_work_order_withdraws_its_notices(store: SqlStore, tenant: str) -> None:
    await add(
        store,
        tenant,
        a_notice("warn", order_id="o1"),
        a_notice("goodbye", order_id="o1", kind="closed"),
        a_notice("other", order_id="o2"),
    )
    gone = await store.transact(tenant, lambda u: u.outbox.cancel("o1", "closed", ["closed"]))
    assert gone == 1
    assert await claimed(store, tenant) == ["goodbye", "other"]


async def test_what_is_in_the_post_when_it_is_withdrawn_is_not_tried_again(
    store: SqlStore, tenant: str
) -> None:
    await add(store, tenant, *(a_notice(k, order_id="o1") for k in ("sent", "failed", "lost")))
    now = datetime.now(UTC) + MINUTE
    sent, failed = await store.claim_notices(tenant, now, 2)
    (lost,) = await store.claim_notices(tenant, now, 1)
    store.let_go("outbox", [lost.id])
    assert await store.transact(tenant, lambda u: u.outbox.cancel("o1", "closed")) == 0
    await store.settle_notice(sent, at=NOON, receipt=Receipt("m1", NOON))
    await store.settle_notice(failed, at=NOON, error="timeout", retry_at=NOON)
    assert await claimed(store, tenant) == []
    rows = {q.notice.key: (q.state, q.superseded_by) for q in store.outbox_audit(tenant)}
    assert rows == {
        "sent": ("sent", ""),
        "failed": ("superseded", "closed"),
        "lost": ("superseded", "closed (its outcome is unknown)"),
    }
    assert lost.notice.key == "lost"


async def test_only_interruptions_are_counted(store: SqlStore, tenant: str) -> None:
    since = datetime.now(UTC) - MINUTE
    await add(
        store,
        tenant,
        a_notice("1", person="e1", urgency=Urgency.RED),
        a_notice("2", person="e1", urgency=Urgency.REMINDER),
        a_notice("3", person="e1", urgency=Urgency.REPLY),
        a_card("4", person="e1"),
        a_notice("5", person="e2", urgency=Urgency.RED),
    )
    assert await store.read(tenant, lambda u: u.outbox.sent_to("e1", since)) == 2
    later = datetime.now(UTC) + MINUTE
    assert await store.read(tenant, lambda u: u.outbox.sent_to("e1", later)) == 0


async def test_cards_shown_in_a_chat(store: SqlStore, tenant: str) -> None:
    order = await store.transact(tenant, opened)
    other = await store.transact(tenant, opened)
    for o in (order, other):
        await add(store, tenant, a_card(f"k{o.id}", f"card:{o.id}:team", order_id=o.id))
    for queued in await store.claim_notices(tenant, datetime.now(UTC) + MINUTE, 10):
        await store.settle_notice(queued, at=NOON, receipt=Receipt(queued.notice.key, NOON))
    shown = await store.read(tenant, lambda u: u.orders.shown_in(GROUP))
    assert [o.id for o in shown] == [other.id, order.id]
    await store.transact(tenant, lambda u: changed(u, order, state=State.CLOSED))
    shown = await store.read(tenant, lambda u: u.orders.shown_in(GROUP))
    assert [o.id for o in shown] == [other.id]


# --- messages, chats, cases -------------------------------------------------------------------


async def test_a_redelivered_message_is_admitted_once(
    store: SqlStore, tenant: str, database_url: str, tmp_path: Path
) -> None:
    message = a_message(tenant, "m1", media=(Media("image", "ab" * 32),), sender_name="王女士")
    async with open_store(database_url, tmp_path / "blobs") as other:
        results = await gather(
            *(
                s.transact(tenant, lambda u: u.inbox.admit(message))
                for _ in range(8)
                for s in (store, other)
            )
        )
    (admitted,) = [r for r in results if r is not None]
    assert (await store.waiting_messages(tenant, 10)) == [admitted]
    assert admitted.inbound == message
    assert admitted.conversation == "sandbox/customer:c1"


async def test_messages_of_a_conversation_come_one_by_one(store: SqlStore, tenant: str) -> None:
    for n in range(3):
        for chat in ("a", "b"):
            await store.transact(
                tenant,
                lambda u, n=n, c=chat: u.inbox.admit(a_message(tenant, f"{c}{n}", chat=c)),
            )
    order: list[str] = []
    while waiting := await store.waiting_messages(tenant, 10):
        assert len({w.conversation for w in waiting}) == len(waiting)
        first = waiting[0]
        order.append(first.inbound.dedupe_key)
        done = await store.transact(
            tenant, lambda u, a=first: u.inbox.done(a.id, {"intent": "report"}, "WO-1", "o1")
        )
        again = await store.transact(tenant, lambda u, a=first: u.inbox.done(a.id, {}, "twice"))
        assert (done, again) == (True, False)
    assert [k for k in order if k[0] == "a"] == ["a0", "a1", "a2"]
    assert [k for k in order if k[0] == "b"] == ["b0", "b1", "b2"]


async def test_what_became_of_a_message(store: SqlStore, tenant: str) -> None:
    admitted = await store.transact(tenant, lambda u: u.inbox.admit(a_message(tenant, "m1")))
    assert admitted
    await store.transact(tenant, lambda u: u.inbox.failed(admitted.id, "boom", park=False))
    (waiting,) = await store.waiting_messages(tenant, 10)
    assert (waiting.attempts, waiting.error, waiting.state) == (1, "boom", "waiting")
    await store.transact(tenant, lambda u: u.inbox.failed(admitted.id, "boom", park=True))
    assert await store.waiting_messages(tenant, 10) == []
    parked = await store.read(tenant, lambda u: u.inbox.get(admitted.id))
    assert parked
    assert (parked.state, parked.attempts) == ("parked", 2)


async def test_text_that_no_database_holds_is_mended(store: SqlStore, tenant: str) -> None:
    message = a_message(tenant, "m\x001", text="灯\x00坏了\ud83d 😀", sender_name="\udc00")
    admitted = await store.transact(tenant, lambda u: u.inbox.admit(message))
    assert admitted
    (waiting,) = await store.waiting_messages(tenant, 10)
    assert waiting.inbound.text == "灯坏了? 😀"
    assert await store.transact(tenant, lambda u: u.inbox.admit(message)) is None


async def test_dialogues(store: SqlStore, tenant: str) -> None:
    first = Dialogue(tenant, "web", "v1", "v1", "phone", "o1", {"parts": ["a"]}, NOON)
    second = replace(first, asking=None, context={})
    for dialogue in (first, second):
        await store.transact(tenant, lambda u, d=dialogue: u.dialogues.put(d))
        kept = await store.read(tenant, lambda u: u.dialogues.get("web", "v1", "v1"))
        assert kept == dialogue
    assert await store.read(tenant, lambda u: u.dialogues.get("web", "v1", "v2")) is None


async def test_cases_wait_until_decided(store: SqlStore, tenant: str) -> None:
    first = Case("k1", "triage", NOON, CHAT, "c1", "?", understanding={"intent": "report"})
    second = Case("k2", "complaint", NOON + MINUTE, CHAT, "c1", "太慢了")
    await store.transact(tenant, lambda u: (u.cases.put(second), u.cases.put(first)))
    assert await store.read(tenant, lambda u: u.cases.open()) == [first, second]
    decided = replace(first, state="decided", decision="confirm", decided_by="s1", decided_at=NOON)
    await store.transact(tenant, lambda u: u.cases.put(decided))
    assert await store.read(tenant, lambda u: u.cases.open()) == [second]
    assert await store.read(tenant, lambda u: u.cases.get("k1")) == decided


async def test_chat_lines_are_appended_and_repainted(store: SqlStore, tenant: str) -> None:
    def say(text: str, message: str = "") -> Post:
        return Post(0, CHAT, NOON, "c1", "王女士", "out", text, Card("k", text), message=message)

    first = await store.transact(tenant, lambda u: u.chat_log.append(say("1", "card")))
    await store.transact(tenant, lambda u: u.chat_log.append(say("2")))
    await store.transact(tenant, lambda u: u.chat_log.append(say("3")))
    later = replace(say("1b", "card"), at=NOON + MINUTE)
    assert await store.transact(tenant, lambda u: u.chat_log.append(later)) == first
    lines = await store.read(tenant, lambda u: u.chat_log.lines(CHAT))
    assert [line.text for line in lines] == ["1b", "2", "3"]
    assert (lines[0].at, lines[0].edited_at) == (NOON, NOON + MINUTE)
    newest = await store.read(tenant, lambda u: u.chat_log.lines(CHAT, limit=2))
    assert [line.text for line in newest] == ["2", "3"]
    after = await store.read(tenant, lambda u: u.chat_log.lines(CHAT, after=first, limit=1))
    assert [line.text for line in after] == ["2"]


# --- people and the company -------------------------------------------------------------------


async def test_people_and_things(store: SqlStore, tenant: str) -> None:
    customer = Customer("c1", "王女士", "13800005678", True, Site("3号楼", "浦东", 31.2, 121.5))
    asset = Asset(
        "a1", "客梯", "DT-0099", "elevator", "X", "c1", Site("3号楼 2单元"), "tok", "2020"
    )
    identity = Identity("web", "v1", "customer", "c1", "王女士")
    here = Presence("e1", True, NOON)

    def write(uow: UnitOfWork) -> None:
        uow.people.put_customer(replace(customer, name="?"))
        uow.people.put_customer(customer)
        uow.people.put_asset(asset)
        uow.people.put_identity(identity)
        uow.people.put_presence(replace(here, on=False))
        uow.people.put_presence(here)

    await store.transact(tenant, write)

    def check(uow: UnitOfWork) -> None:
        people = uow.people
        assert people.customer("c1") == people.customer_by_phone("13800005678") == customer
        assert people.asset("a1") == people.asset_by_serial("dt-0099") == asset
        assert people.asset_by_token("tok") == asset
        assert people.assets_at("三栋二单元") == [asset]
        assert people.identity("web", "v1") == identity
        assert people.presence() == {"e1": here}
        assert people.customer_by_phone("") is None
        assert people.asset_by_token("") is None
        assert people.assets_at("") == []

    await store.read(tenant, check)


async def test_the_company_and_its_policies(store: SqlStore, tenant: str) -> None:
    with pytest.raises(InvalidInput):
        await store.read(tenant, lambda u: u.company)
    first, second = a_company(tenant), a_company(tenant, "安居联修", "p2")
    await store.transact(tenant, lambda u: u.put_company(first))
    assert await store.read(tenant, lambda u: u.company) == first

    def fails(uow: UnitOfWork) -> None:
        assert uow.company == first
        uow.put_company(a_company(tenant, "never"))
        assert uow.company.name == "never"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.transact(tenant, fails)
    await store.transact(tenant, lambda u: u.put_company(second))
    assert await store.read(tenant, lambda u: u.company) == second
    assert await store.read(tenant, lambda u: u.policy("p1")) == first.policy
    assert await store.read(tenant, lambda u: u.policy("gone")) == second.policy
    await store.transact(tenant, lambda u: u.put_company(first))
    assert await store.read(tenant, lambda u: u.company) == first
    assert tenant in await store.tenants()


async def test_the_ledger_says_yes_once(store: SqlStore, tenant: str) -> None:
    seen = await gather(*(store.transact(tenant, lambda u: u.ledger("k")) for _ in range(10)))
    assert sorted(seen) == [False] * 9 + [True]


# --- surges -----------------------------------------------------------------------------------


def a_report(order_id: str, at: datetime = NOON, key: str = "code:hvac|E7") -> Seen:
    return Seen(order_id, at, f"sandbox/{order_id}", "报错 E7", (key, "type:hvac"))


async def test_reports_are_counted_by_key_and_hour(store: SqlStore, tenant: str) -> None:
    def write(uow: UnitOfWork) -> None:
        for n in range(3):
            uow.surges.remember(a_report(f"o{n}", NOON + n * 20 * MINUTE), counted=True)
        uow.surges.remember(a_report("o9", NOON, "code:hvac|E9"), counted=False)

    def counted(uow: UnitOfWork) -> list[dict[datetime, int]]:
        keys = ("code:hvac|E7", "type:hvac", "code:hvac|E9", "")
        return [dict(uow.surges.hours(key, NOON - 60 * MINUTE)) for key in keys]

    await store.transact(tenant, write)
    hour = NOON.replace(minute=0, second=0, microsecond=0)
    assert await store.read(tenant, counted) == [{hour: 3}, {hour: 3}, {}, {hour: 4}]
    found = await store.read(
        tenant,
        lambda u: u.surges.reports("code:hvac|E7", NOON, NOON + 20 * MINUTE),
    )
    assert [(r.order_id, r.at, r.who, r.text) for r in found] == [
        ("o1", NOON + 20 * MINUTE, "sandbox/o1", "报错 E7")
    ]
    before = await store.read(tenant, lambda u: u.surges.before("type:hvac", NOON + 30 * MINUTE, 1))
    assert [r.order_id for r in before] == ["o1"]
    assert await store.read(tenant, lambda u: u.surges.seen("o0")) == a_report("o0")
    assert await store.read(tenant, lambda u: u.surges.watched_since()) == hour
    assert await store.read(tenant, lambda u: u.surges.seen("o7")) is None

    def people(most: int) -> Callable[[UnitOfWork], int]:
        return lambda u: u.surges.people("type:hvac", NOON - MINUTE, NOON + 60 * MINUTE, most)

    assert [await store.read(tenant, people(most)) for most in (2, 9)] == [2, 3]
    await store.transact(tenant, lambda u: u.surges.forget(["type:hvac"], NOON + 30 * MINUTE))
    assert await store.read(tenant, people(9)) == 1
    left = await store.read(tenant, lambda u: u.surges.hours("type:hvac", NOON - 60 * MINUTE))
    assert left == {}


async def test_what_belongs_to_a_surge_is_not_counted_until_it_is_taken_back(
    store: SqlStore, tenant: str
) -> None:
    def count(uow: UnitOfWork) -> tuple[int, int]:
        hours = uow.surges.hours("code:hvac|E7", NOON - 60 * MINUTE)
        lately = uow.surges.reports("code:hvac|E7", NOON - MINUTE, NOON)
        return sum(hours.values()), len(lately)

    def aside(uow: UnitOfWork) -> None:
        uow.surges.set_aside("o1")
        uow.surges.set_aside("o1")

    await store.transact(tenant, lambda u: u.surges.remember(a_report("o1"), counted=True))
    assert await store.read(tenant, count) == (1, 1)
    await store.transact(tenant, aside)
    assert await store.read(tenant, count) == (0, 0)
    await store.transact(tenant, lambda u: u.surges.take_back("o1"))
    assert await store.read(tenant, count) == (1, 1)


async def test_a_key_has_one_surge_at_a_time(store: SqlStore, tenant: str) -> None:
    def begin(order_id: str, words: str = "") -> Callable[[UnitOfWork], bool]:
        return lambda u: u.surges.begin("code:hvac|E7", order_id, words, NOON)

    def known(at: datetime) -> Callable[[UnitOfWork], list[tuple[str, str, datetime | None]]]:
        return lambda u: sorted(
            (k.order_id, k.words, k.quiet_until) for k in u.surges.known("code:hvac|E7", at)
        )

    assert await store.transact(tenant, begin("p1"))
    assert await store.transact(tenant, begin("p2", "风扇不转"))
    assert await store.read(tenant, known(NOON)) == [("p1", "", None), ("p2", "风扇不转", None)]
    await store.transact(tenant, lambda u: u.surges.goes_on("p1", NOON + 5 * MINUTE))
    (first, _) = await store.read(
        tenant,
        lambda u: sorted(u.surges.known("code:hvac|E7", NOON), key=lambda k: k.order_id),
    )
    assert first.last_at == NOON + 5 * MINUTE
    quiet = NOON + 60 * MINUTE
    await store.transact(tenant, lambda u: u.surges.end("p1", quiet))
    assert await store.read(tenant, known(NOON)) == [("p1", "", quiet), ("p2", "风扇不转", None)]
    assert await store.read(tenant, known(quiet)) == [("p2", "风扇不转", None)]
    assert await store.transact(tenant, begin("p3"))
    assert (await store.read(tenant, known(NOON)))[1:] == [("p3", "", None)]


# --- isolation, time, attachments -------------------------------------------------------------


async def test_another_tenant_sees_nothing(store: SqlStore, tenant: str) -> None:
    facts = {"customer_id": "c1", "asset_id": "a1", "assignee": "e1", "phone": "13800005678"}
    number = "WO-20261120-0001"

    def write(uow: UnitOfWork) -> WorkOrder:
        uow.put_company(a_company(tenant))
        uow.people.put_customer(Customer("c1", "王女士", "13800005678"))
        uow.people.put_asset(Asset("a1", "客梯", "DT-1", site=Site("3号楼"), token="tok"))
        uow.people.put_identity(Identity("web", "v1", "customer", "c1"))
        uow.people.put_presence(Presence("e1", True, NOON))
        uow.dialogues.put(Dialogue(tenant, "web", "v1", "v1"))
        uow.cases.put(Case("k1", "triage", NOON, CHAT, "c1", "?"))
        uow.inbox.admit(a_message(tenant, "m1"))
        uow.chat_log.append(Post(0, CHAT, NOON, "c1", "", "in", "x"))
        uow.outbox.add(a_notice("n", order_id="o1", person="e1", urgency=Urgency.RED))
        uow.ledger("once")
        uow.surges.remember(a_report("o1"), counted=True)
        uow.surges.begin("code:hvac|E7", "o1", "", NOON)
        order = opened(uow, **facts)
        uow.timers.arm(f"order:{order.id}", "warn", NOON)
        return order

    order = await store.transact(tenant, write)
    message = (await store.waiting_messages(tenant, 1))[0].id

    def spy(uow: UnitOfWork) -> None:
        with pytest.raises(UnknownTicket):
            uow.orders.get(order.id)
        with pytest.raises(UnknownTicket):
            uow.orders.save(order, [], 1)
        with pytest.raises(UnknownTicket):
            uow.orders.save(replace(order, tenant=uow.tenant, version=2), [], 1)
        orders, people = uow.orders, uow.people
        nothing: list[Any] = [
            uow.surges.seen("o1"),
            uow.surges.known("code:hvac|E7", NOON),
            uow.surges.reports("code:hvac|E7", NOON - MINUTE, NOON),
            uow.surges.hours("code:hvac|E7", NOON - 60 * MINUTE),
            orders.find(number),
            orders.find("1"),
            orders.find(order.id),
            orders.history(order.id),
            orders.matching(
                Match("elevator", "c1", "a1", phone="13800005678", since=NOON, recent=NOON)
            ),
            orders.open_of_customer("c1"),
            orders.of_chat(CHAT),
            orders.open_for_staff("e1"),
            orders.shown_in(GROUP),
            orders.loads("c1", "a1"),
            orders.of_asset("a1", 3),
            orders.answers_in(NOON - timedelta(days=365)),
            uow.timers.open(f"order:{order.id}"),
            uow.timers.fire(f"order:{order.id}", "warn", 1, NOON),
            uow.outbox.cancel("o1", "x"),
            uow.outbox.sent_to("e1", NOON - timedelta(days=365)),
            people.customer("c1"),
            people.customer_by_phone("13800005678"),
            people.asset("a1"),
            people.asset_by_serial("DT-1"),
            people.asset_by_token("tok"),
            people.assets_at("3号楼"),
            people.identity("web", "v1"),
            people.presence(),
            uow.dialogues.get("web", "v1", "v1"),
            uow.cases.get("k1"),
            uow.cases.open(),
            uow.inbox.get(message),
            uow.inbox.heads(9),
            uow.inbox.done(message, {}, "x"),
            uow.chat_log.lines(CHAT),
        ]
        assert not any(nothing)
        assert orders.next_number("WO-20261120") == number
        assert uow.ledger("once")
        uow.timers.cancel(f"order:{order.id}", "spite")
        uow.inbox.failed(message, "spite", park=True)

    await store.transact(f"{tenant}-other", spy)
    other = f"{tenant}-other"
    assert await store.due_timers(other, NOON, 9) == []
    assert await store.claim_notices(other, datetime.now(UTC) + MINUTE, 9) == []
    assert await store.waiting_messages(other, 9) == []
    assert len(await store.due_timers(tenant, NOON, 9)) == 1
    assert len(await store.waiting_messages(tenant, 9)) == 1


async def test_the_clock_is_wound_for_one_tenant_and_stays_so(
    store: SqlStore, tenant: str, database_url: str, tmp_path: Path
) -> None:
    day = timedelta(days=1)
    assert store.now(tenant) - datetime.now(UTC) < MINUTE
    await store.wind(tenant, day)
    assert await store.wind(tenant, day) - datetime.now(UTC) > 2 * day - MINUTE
    assert store.now(f"{tenant}-other") - datetime.now(UTC) < MINUTE
    async with open_store(database_url, tmp_path / "blobs") as again:
        assert again.now(tenant) - datetime.now(UTC) > 2 * day - MINUTE


async def test_erasing_a_tenant_leaves_the_others(store: SqlStore, tenant: str) -> None:
    other = f"{tenant}-other"
    for name in (tenant, other):
        await store.transact(name, opened)
        await store.wind(name, timedelta(days=1))
    await store.erase(tenant)
    assert await store.read(tenant, lambda u: u.orders.find("1")) is None
    assert await store.read(other, lambda u: u.orders.find("1")) is not None
    assert store.now(tenant) < store.now(other)
    assert (await store.transact(tenant, opened)).number == "WO-20261120-0001"


async def test_attachments(store: SqlStore) -> None:
    blob = await store.blobs.put("图".encode(), "image/png")
    assert await store.blobs.put("图".encode(), "image/png") == blob
    assert await store.blobs.get(blob) == ("图".encode(), "image/png")
    assert await store.blobs.get("0" * 64) is None
    assert await store.blobs.get("../../etc/passwd") is None


def test_ids_sort_and_never_repeat(tmp_path: Path) -> None:
    from storage.identifiers import Ulids  # noqa: PLC0415

    new_id = Ulids()
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(set(ids))
    assert {len(i) for i in ids} == {26}


async def test_injected_ids_and_clock_make_runs_repeatable(tmp_path: Path) -> None:
    counter = iter(range(100))
    async with open_store(
        "sqlite:///:memory:",
        tmp_path / "blobs",
        ids=lambda: f"id{next(counter):024d}",
        clock=lambda _tenant: NOON,
    ) as store:
        order = await store.transact("t", opened)
        assert order.id == "id" + "0" * 24
        assert store.now("t") == NOON
