"""The read models: every figure counts what it says, every list holds what its filter says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage import SqlStore, open_store
from storage.figures import Filters, Ratings
from workflow.company import Asset, Customer, Site
from workflow.events import GENESIS, SYSTEM, Actor, Event, Kind, seal
from workflow.kept import Case, Post
from workflow.ports import UnitOfWork
from workflow.records import Card, ChatRef, Inbound, Notice, Receipt, Urgency
from workflow.states import State, Sub
from workflow.work_order import Reporter, WorkOrder

T = "t"
MIDNIGHT = datetime(2026, 11, 19, 16, tzinfo=UTC)  # 00:00 on the 20th in Shanghai
NOW = MIDNIGHT + timedelta(hours=12)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CHAT = ChatRef("sandbox", "customer:c1")


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = "sqlite:///:memory:"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    async with open_store(url, tmp_path, clock=lambda _tenant: NOW) as store:
        await store.erase(T)
        yield store


def save(uow: UnitOfWork, **changes: Any) -> WorkOrder:
    facts: dict[str, Any] = {
        "id": uow.new_id(),
        "tenant": T,
        "number": uow.orders.next_number("WO-20261120"),
        "version": 1,
        "seq": 1,
        "fault_type": "elevator",
        "opened_at": NOW - HOUR,
        "reporters": (Reporter(CHAT, "c1", message="m1"),),
    }
    order = WorkOrder(**{**facts, **changes})
    actor = Actor(order.assignee or SYSTEM.id, "engineer")
    event = seal(Event(T, order.id, 1, Kind.REPORTED, order.opened_at or NOW, actor), GENESIS)
    order = replace(order, head=event.hash)
    uow.orders.save(order, [event], 0)
    return order


async def many(store: SqlStore, *changes: dict[str, Any]) -> list[WorkOrder]:
    return await store.transact(T, lambda u: [save(u, **c) for c in changes])


def closed(at: datetime, **facts: Any) -> dict[str, Any]:
    return {"state": State.CLOSED, "sub": Sub.NONE, "closed_at": at, **facts}


async def test_the_overview_counts(store: SqlStore) -> None:
    due = {"deadline_clock": "first_response"}
    await many(
        store,
        {"priority": "P0", "deadline_at": NOW + MINUTE, **due},
        {"priority": "P1", "deadline_at": NOW - MINUTE, **due},
        {"priority": "P1", "state": State.IN_PROGRESS, "stalled": True},
        {"opened_at": NOW - 36 * HOUR, "deadline_at": NOW - 36 * HOUR + MINUTE, **due},
        closed(NOW - HOUR, rating=5),
        closed(NOW - 24 * HOUR - MINUTE, opened_at=NOW - 50 * HOUR, rating=4),
        closed(NOW - 9 * 24 * HOUR, opened_at=NOW - 240 * HOUR, rating=1),
    )

    def answer(uow: UnitOfWork) -> None:
        order = uow.orders.find("1")
        assert order
        answered = NOW - HOUR + 4 * MINUTE
        after = replace(
            order, version=2, first_responded_at=answered, deadline_clock="", deadline_at=None
        )
        uow.orders.save(after, [], 1)

    await store.transact(T, answer)
    seen = await store.queries.overview(T, NOW, MIDNIGHT)
    assert seen.open == {"new": {"P0": 1, "P1": 2}, "in_progress": {"P1": 1}}
    assert (seen.today.opened, seen.today.closed, seen.today.answered) == (4, 1, 1)
    assert (seen.today.in_time, seen.today.late) == (1, 1)
    assert seen.today.median_first_response == 4 * MINUTE
    assert (seen.yesterday.opened, seen.yesterday.closed, seen.yesterday.late) == (1, 1, 1)
    assert (seen.week, seen.week_before) == (Ratings(2, 4.5), Ratings(1, 1.0))
    assert (seen.overdue, seen.stalled) == (2, 1)
    assert [o.number[-1] for o in seen.burning] == ["4", "2", "1", "3"]


async def test_an_empty_tenant_has_an_empty_overview(store: SqlStore) -> None:
    seen = await store.queries.overview(T, NOW, MIDNIGHT)
    assert (seen.open, seen.burning, seen.week, seen.overdue) == ({}, (), Ratings(), 0)
    assert await store.queries.heat(T, MIDNIGHT, NOW, "Asia/Shanghai") == ()


async def test_heat_cells_sum_to_the_reports(store: SqlStore) -> None:
    web = (Reporter(ChatRef("web", "v1"), "v1"),)
    in_time = {"deadline_at": NOW, "deadline_clock": "first_response", "first_responded_at": NOW}
    await many(
        store,
        {"opened_at": MIDNIGHT},
        {"opened_at": MIDNIGHT + 59 * MINUTE, "fault_type": "plumbing"},
        {"opened_at": MIDNIGHT + 30 * MINUTE, **in_time},
        {"opened_at": MIDNIGHT + 11 * HOUR, "reporters": web},
        {"opened_at": MIDNIGHT - MINUTE},
    )
    cells = await store.queries.heat(T, MIDNIGHT, NOW, "Asia/Shanghai")
    assert [(c.hour, c.channel, c.count, c.in_time) for c in cells] == [
        (0, "sandbox", 3, 1),
        (11, "web", 1, 0),
    ]
    assert cells[0].causes == (("elevator", 2), ("plumbing", 1))
    kathmandu = await store.queries.heat(T, MIDNIGHT, NOW, "Asia/Kathmandu")  # UTC+05:45
    assert [(c.hour, c.count) for c in kathmandu] == [(8, 1), (21, 1), (22, 2)]


async def test_the_board_has_a_column_for_each_open_state(store: SqlStore) -> None:
    late, soon, other, _ = await many(
        store,
        {"deadline_at": NOW + HOUR, "team_id": "t1"},
        {"deadline_at": NOW, "team_id": "t1"},
        {"state": State.ON_HOLD, "team_id": "t2"},
        closed(NOW),
    )
    board = await store.queries.board(T)
    assert [(c.state, c.total) for c in board] == [
        ("new", 2),
        ("dispatched", 0),
        ("in_progress", 0),
        ("on_hold", 1),
        ("awaiting_acceptance", 0),
    ]
    assert [o.id for o in board[0].orders] == [soon.id, late.id]
    assert board[3].orders == (other,)
    ours = await store.queries.board(T, Filters(team="t1"))
    assert [c.total for c in ours] == [2, 0, 0, 0, 0]


FOUND = [
    ("WO-20261120-0001", [1]),
    ("wo-20261120-0002", [2]),
    ("3", [3]),
    ("13800005678", [1]),
    ("王女士", [1]),
    ("3号楼 2单元", [2]),
    ("３号楼2单元", [2]),
    ("异响", [3]),
    ("dt-0099", [3]),
    ("100%", []),
    ("不存在", []),
]


@pytest.mark.parametrize(("text", "tails"), FOUND)
async def test_search(store: SqlStore, text: str, tails: list[int]) -> None:
    await many(
        store,
        {"contact": "王女士", "phone": "13800005678"},
        {"place": "3号楼2单元"},
        {"text": "电梯异响", "serial": "DT-0099"},
    )
    page = await store.queries.search(T, text)
    assert [int(o.number[-4:]) for o in page.orders] == tails
    assert page.total == len(tails)


async def test_lists_come_in_pages(store: SqlStore) -> None:
    await many(store, *({} for _ in range(120)))
    pages = [await store.queries.search(T, page=n) for n in range(3)]
    assert [len(p.orders) for p in pages] == [50, 50, 20]
    assert [p.more for p in pages] == [True, True, False]
    assert {p.total for p in pages} == {120}
    numbers = [o.number for p in pages for o in p.orders]
    assert numbers == sorted(numbers, reverse=True)


FILTERS = [
    (Filters(open=True), {1, 2, 3}),
    (Filters(open=False), {4, 5}),
    (Filters(states=("new", "closed"), priority="P0"), {1, 4}),
    (Filters(team="t1"), {2}),
    (Filters(assignee="e1"), {3, 4}),
    (Filters(fault_type="plumbing"), {2}),
    (Filters(channel="web"), {3}),
    (Filters(customer="c1"), {1}),
    (Filters(asset="a1"), {2}),
    (Filters(stalled=True), {3}),
    (Filters(due_before=NOW), {2}),
    (Filters(opened_since=NOW - 2 * HOUR, opened_until=NOW), {1, 2, 3, 4}),
    (Filters(closed_since=NOW - HOUR, closed_until=NOW + HOUR), {4}),
    (Filters(rating=5), {5}),
]


@pytest.mark.parametrize(("filters", "tails"), FILTERS)
async def test_filters(store: SqlStore, filters: Filters, tails: set[int]) -> None:
    web = (Reporter(ChatRef("web", "v1"), "v1"),)
    await many(
        store,
        {"priority": "P0", "customer_id": "c1"},
        {
            "team_id": "t1",
            "fault_type": "plumbing",
            "asset_id": "a1",
            "deadline_at": NOW - MINUTE,
        },
        {"state": State.IN_PROGRESS, "assignee": "e1", "reporters": web, "stalled": True},
        closed(NOW, assignee="e1", priority="P0"),
        closed(NOW - 3 * HOUR, opened_at=NOW - 5 * HOUR, rating=5),
    )
    page = await store.queries.search(T, filters=filters)
    assert {int(o.number[-4:]) for o in page.orders} == tails


async def test_the_order_page_holds_all_of_one_order_and_nothing_else(store: SqlStore) -> None:
    mine, other = await many(store, {}, {})

    def write(uow: UnitOfWork) -> None:
        for order in (mine, other):
            message = Inbound(T, "sandbox", CHAT.chat, "direct", "c1", order.id, NOW, "坏了")
            admitted = uow.inbox.admit(message)
            assert admitted
            uow.inbox.done(admitted.id, {"intent": "report"}, order.number, order.id)
            uow.timers.arm(f"order:{order.id}", "warn", NOW)
            uow.timers.arm(f"order:{order.id}", "nag", NOW)
            uow.outbox.add(
                Notice(
                    f"n{order.id}", "card", CHAT, Urgency.CARD, "单", "", order.id, topic=order.id
                )
            )
            for n in (order.id, f"sent {order.id}"):
                uow.chat_log.append(Post(0, CHAT, NOW, "c1", "", "in", n, message=n))

    await store.transact(T, write)
    for queued in await store.claim_notices(T, NOW, 9):
        receipt = Receipt(f"sent {queued.notice.order_id}", NOW)
        await store.settle_notice(queued, at=NOW, receipt=receipt)
    for ref in (mine.id, mine.number, "1"):
        page = await store.queries.order_page(T, ref)
        assert page
        assert page.order == mine
        assert [e.kind for e in page.events] == [Kind.REPORTED]
        assert [m.inbound.dedupe_key for m in page.messages] == [mine.id]
        assert [p.text for p in page.posts] == [mine.id, f"sent {mine.id}"]
        assert [(q.notice.key, q.state) for q in page.notices] == [(f"n{mine.id}", "sent")]
        assert [(t.step, t.state) for t in page.timers] == [("warn", "cancelled"), ("nag", "open")]
    assert await store.queries.order_page(T, "99") is None
    assert await store.queries.order_page("other", mine.id) is None


async def test_an_engineers_home(store: SqlStore) -> None:
    claim = {"state": State.DISPATCHED, "sub": Sub.OPEN_CLAIM}
    second, first, mine, _, _, _ = await many(
        store,
        {"assignee": "e1", "priority": "P1"},
        {"assignee": "e1", "priority": "P0"},
        {**claim, "candidates": ("e1", "e2")},
        {**claim, "candidates": ("e2",)},
        closed(NOW - HOUR, assignee="e1"),
        closed(MIDNIGHT - HOUR, assignee="e1"),
    )
    home = await store.queries.staff_home(T, "e1", NOW, MIDNIGHT)
    assert (home.jobs, home.claimable, home.closed_today) == ((first, second), (mine,), 1)


async def test_dead_letters_cases_and_the_backlog(store: SqlStore) -> None:
    def write(uow: UnitOfWork) -> None:
        for key in ("dead", "waiting"):
            uow.outbox.add(Notice(key, "card", CHAT, Urgency.REPLY, "x", "", card=Card("k", "t")))
        uow.timers.arm("order:1", "warn", NOW - MINUTE)
        uow.timers.arm("order:2", "warn", NOW + MINUTE)
        uow.inbox.admit(Inbound(T, "web", "v", "direct", "v", "m1", NOW))
        parked = uow.inbox.admit(Inbound(T, "web", "w", "direct", "w", "m2", NOW))
        assert parked
        uow.inbox.failed(parked.id, "boom", park=True)
        for n, kind in enumerate(("triage", "triage", "parked")):
            uow.cases.put(Case(f"k{n}", kind, NOW + n * MINUTE, CHAT, "c1", "?"))
        uow.cases.put(Case("k0", "triage", NOW, CHAT, "c1", "?", state="decided"))

    await store.transact(T, write)
    (dead,) = await store.claim_notices(T, NOW, 1)
    await store.settle_notice(dead, at=NOW, error="refused")
    assert [(q.id, q.error) for q in await store.queries.dead_letters(T)] == [(dead.id, "refused")]
    assert [c.id for c in await store.queries.cases(T)] == ["k1", "k2", "k0"]
    backlog = await store.queries.backlog(T, NOW)
    assert (backlog.waiting_messages, backlog.oldest_message) == (1, NOW)
    assert (backlog.overdue_timers, backlog.oldest_timer) == (1, NOW - MINUTE)
    assert (backlog.due_notices, backlog.dead_notices) == (1, 1)
    assert (backlog.parked_messages, backlog.open_cases) == (1, 2)


async def test_the_audit_trail_by_time_kind_and_actor(store: SqlStore) -> None:
    await many(store, {"assignee": "e1"}, {"assignee": "e2", "opened_at": NOW - 3 * HOUR})
    span = {"since": NOW - 2 * HOUR, "until": NOW}
    rows = await store.queries.audit_rows(T, **span)
    assert [(e.actor.id, e.number) for e in rows] == [("e1", "")]
    wide = {"since": NOW - 4 * HOUR, "until": NOW}
    assert [e.actor.id for e in await store.queries.audit_rows(T, **wide)] == ["e1", "e2"]
    assert [e.actor.id for e in await store.queries.audit_rows(T, **wide, actor="e2")] == ["e2"]
    assert await store.queries.audit_rows(T, **wide, kind="closed") == ()


async def test_people_lists_and_messages(store: SqlStore) -> None:
    def write(uow: UnitOfWork) -> None:
        uow.people.put_customer(Customer("c2", "李先生", "13900001111"))
        uow.people.put_customer(Customer("c1", "王女士", "13800005678"))
        uow.people.put_asset(Asset("a1", "客梯", "DT-0099", site=Site("3号楼 2单元")))
        uow.inbox.admit(Inbound(T, "web", "v", "direct", "v", "m1", NOW))

    await store.transact(T, write)
    assert [c.id for c in await store.queries.customers(T)] == ["c1", "c2"]
    assert [c.id for c in await store.queries.customers(T, "先生")] == ["c2"]
    assert [c.id for c in await store.queries.customers(T, "5678")] == ["c1"]
    for text in ("客梯", "dt-00", "３号楼2单元"):
        assert [a.id for a in await store.queries.assets(T, text)] == ["a1"]
    assert (await store.queries.messages(T, ["m1", "m2"])).keys() == {"m1"}


async def test_the_assets_last_orders(store: SqlStore) -> None:
    orders = await many(store, *({"asset_id": "a1"} for _ in range(4)))
    found = await store.queries.orders_of_asset(T, "a1")
    assert [o.id for o in found] == [o.id for o in orders[:0:-1]]


async def test_the_story_of_a_tenant_is_whole_and_ordered(store: SqlStore) -> None:
    orders = await many(store, {}, {})
    story = await store.queries.story(T)
    assert list(story.orders) == orders
    assert [e.order_id for e in story.events] == [o.id for o in orders]
    assert [o.id for o, _ in store.audit(T)] == [o.id for o in orders]
