"""Platforms send what they sent before: up to five times, to any process, in any order, at once.

Two houses on one PostgreSQL. Whatever is delivered how often, a report is one message on one work
order, a press happens once, and nobody is told anything twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bots.web import parse
from nlp import Understander
from paidan.audit import prove
from paidan.clock import FrozenClock
from paidan.compose import Parts, assemble, seed
from paidan.demo import demo_company
from tests.scenario.conftest import TUESDAY
from workflow.events import Kind
from workflow.records import Inbound

T = TypeVar("T")
TENANT = demo_company().company.tenant
FAULTS = ("空调不制冷", "水管漏水", "走廊灯不亮", "门锁打不开")
MOST = 5
"""Deliveries of one message at most."""

pytestmark = pytest.mark.timeout(300)


class Platform(RuleBasedStateMachine):
    """One platform, two doors, and people who write and press."""

    url: ClassVar[str]
    folder: ClassVar[Path]
    understander: ClassVar[Understander]

    @initialize()
    def begin(self) -> None:
        """Two houses in a company of their own."""
        self._loop = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        self.clock = FrozenClock(TUESDAY)
        self.sent: list[Inbound] = []
        self.times: Counter[str] = Counter()
        self.reports = 0
        self.numbers = itertools.count(1)
        self.houses: list[Parts] = [self._run(self._open()) for _ in range(2)]
        self._run(self._empty())

    async def _open(self) -> Parts:
        parts = assemble(self.url, self.folder, self.understander, clock=self.clock)
        return await self._stack.enter_async_context(parts)

    async def _empty(self) -> None:
        await self.houses[0].store.erase(TENANT)
        for parts in self.houses:
            parts.knowing.forget(TENANT)
        await seed(self.houses[0].store, demo_company())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(work)

    # --- what happens -------------------------------------------------------------------------

    @rule(to=st.lists(st.integers(0, 1), min_size=1, max_size=MOST), fault=st.sampled_from(FAULTS))
    def somebody_reports(self, to: list[int], fault: str) -> None:
        """A customer writes; the platform delivers it here and there, all at once."""
        self.reports += 1
        who = f"c{self.reports}x"
        text = f"{self.reports}栋{self.reports % 5 + 1}单元{self.reports + 100}室{fault}"
        self._deliver(self._inbound(who, f"customer:{who}", text=text), to)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), to=st.lists(st.integers(0, 1), min_size=1, max_size=MOST))
    def the_platform_sends_again(self, data: st.DataObject, to: list[int]) -> None:
        """Anything that was ever sent, as it was."""
        self._deliver(data.draw(st.sampled_from(self.sent)), to)

    @precondition(lambda self: self.reports)
    @rule(
        do=st.sampled_from(("accept", "arrive", "complete")),
        to=st.lists(st.integers(0, 1), min_size=1, max_size=MOST),
        which=st.integers(0, 99),
    )
    def somebody_presses(self, do: str, to: list[int], which: int) -> None:
        """The handler presses a button of the card as it is now."""
        orders = self._run(self._orders())
        if not orders:
            return
        order = orders[which % len(orders)]
        staff = order.assignee or next(iter(order.candidates), "")
        if not staff:
            return
        action = {
            "do": do, "order": order.id, "expect": str(order.state),
            "generation": order.generation, "args": {"text": "修好了"} if do == "complete" else {},
        }  # fmt: skip
        self._deliver(self._inbound(staff, f"staff:{staff}", action=action), to)

    @rule(which=st.integers(0, 1))
    def a_house_works(self, which: int) -> None:
        """One of them does everything that is due."""
        self._run(self.houses[which].house.drain(TENANT))

    @rule()
    def both_work_at_once(self) -> None:
        self._run(self._both())

    async def _both(self) -> None:
        await asyncio.gather(*(parts.house.drain(TENANT) for parts in self.houses))

    def _inbound(self, sender: str, chat: str, **more: Any) -> Inbound:
        payload = {
            "id": f"m{next(self.numbers)}", "chat": chat, "chat_kind": "direct",
            "sender": sender, "sender_name": sender, **more,
        }  # fmt: skip
        now: datetime = self.clock.now(TENANT)
        inbound = parse(payload, tenant=TENANT, channel="sandbox", now=now)
        self.sent.append(inbound)
        return inbound

    def _deliver(self, inbound: Inbound, to: list[int]) -> None:
        left = MOST - self.times[inbound.dedupe_key]
        self.times[inbound.dedupe_key] += len(to[:left])

        async def at_once() -> None:
            doors = (self.houses[which].front_desk for which in to[:left])
            await asyncio.gather(*(door.admit(inbound) for door in doors))

        self._run(at_once())

    async def _orders(self) -> list[Any]:
        story = await self.houses[0].store.queries.story(TENANT)
        return [order for order in story.orders if order.open and order.surge is None]

    # --- what came of it ----------------------------------------------------------------------

    def teardown(self) -> None:
        """Everything once."""
        try:
            self._run(self._both())
            self._run(self._both())
            self._run(self._judge())
        finally:
            self._run(self._stack.aclose())
            self._loop.close()

    async def _judge(self) -> None:
        store = self.houses[0].store
        story, report = await store.queries.story(TENANT), await prove(store, TENANT)
        assert report.ok, str(report)
        keys = Counter(admitted.inbound.dedupe_key for admitted in story.messages)
        assert keys == Counter({inbound.dedupe_key: 1 for inbound in self.sent})
        assert {admitted.state for admitted in story.messages} <= {"done"}
        reported = [r.message for o in story.orders if o.surge is None for r in o.reporters]
        assert len(reported) == len(set(reported)) == self.reports
        happened = Counter((e.order_id, e.kind) for e in story.events)
        once = (Kind.REPORTED, Kind.COMPLETED)
        assert not [what for what, n in happened.items() if n > 1 and what[1] in once]
        told = Counter(queued.notice.key for queued in story.notices)
        assert set(told.values()) <= {1}
        assert {queued.state for queued in story.notices} <= {"sent", "superseded", "pending"}
        assert not [q for q in story.notices if q.state == "sent" and q.attempts > 1]


def test_whatever_is_delivered_how_often_counts_once(
    understander: Understander, tmp_path: Path, new_postgres: Callable[[], str]
) -> None:
    Platform.understander, Platform.url, Platform.folder = understander, new_postgres(), tmp_path
    run_state_machine_as_test(
        Platform,
        settings=settings(
            max_examples=6,
            stateful_step_count=12,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
