"""Whatever people and clocks do to a work order, in any order: its record stays whole.

A random crowd presses every button, right and wrong, and time passes. After every move the audit
must find nothing: the chain holds, replaying the events gives the same work order, the next step
is armed exactly when there is one, and a closed work order has no clock left.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from paidan.clock import FrozenClock
from paidan.demo import demo_company
from storage import open_store
from workflow import automation
from workflow import commands as c
from workflow.audit import Finding, examine
from workflow.errors import InvalidInput, PaidanError
from workflow.events import Actor
from workflow.ports import Change, UnitOfWork
from workflow.records import ChatRef, Notice, Urgency
from workflow.service import Handled, Service
from workflow.states import State

DEMO = demo_company()
TENANT = DEMO.company.tenant
CUSTOMER = DEMO.customers[0]
STAFF = sorted(DEMO.company.staff)
ACTORS = [
    Actor(CUSTOMER.id, "customer", CUSTOMER.name),
    *(Actor(s, DEMO.company.staff[s].role, DEMO.company.staff[s].name) for s in STAFF),
]
PLACE = ChatRef("sandbox", f"customer:{CUSTOMER.id}")


def one_notice(change: Change) -> list[Notice]:
    first, order = change.events[0], change.order
    return [
        Notice(
            key=f"{order.id}:{first.seq}",
            kind="card",
            to=PLACE,
            urgency=Urgency.INFO,
            text=order.number,
            why="test",
            order_id=order.id,
            event_seq=first.seq,
        )
    ]


def command_for(name: str, base: dict[str, Any], staff: str, number: int) -> c.OnOrder:
    words = "因为如此"
    makers: dict[str, Any] = {
        "accept": lambda: c.Accept(**base),
        "decline": lambda: c.Decline(**base, reason=words),
        "reassign": lambda: c.Reassign(**base, to=staff, reason=words),
        "take_over": lambda: c.TakeOver(**base),
        "depart": lambda: c.Depart(**base),
        "arrive": lambda: c.Arrive(**base, geo=(31.2, 121.5)),
        "diagnose": lambda: c.Diagnose(**base, text=words),
        "await_parts": lambda: c.AwaitParts(**base, part="压缩机"),
        "replace_part": lambda: c.ReplacePart(**base, part="压缩机", quantity=number),
        "hold": lambda: c.Hold(**base, reason=["waiting_parts", "waiting_third_party"][number % 2]),
        "resume": lambda: c.Resume(**base),
        "complete": lambda: c.Complete(**base, text="修好了"),
        "sign": lambda: c.Sign(**base),
        "return_work": lambda: c.ReturnWork(**base, reason="又坏了"),
        "rate": lambda: c.Rate(**base, score=number),
        "cancel": lambda: c.Cancel(**base, reason=words),
        "nudge": lambda: c.Nudge(**base),
        "note": lambda: c.Note(**base, text=words, internal=bool(number % 2)),
        "priority": lambda: c.ChangePriority(**base, priority=f"P{number % 3}", reason=words),
        "correct": lambda: c.Correct(
            **base, facts={"fault_type": ["hvac", "network", "elevator"][number % 3]}
        ),
        "extend": lambda: c.ExtendDeadline(**base, clock="arrival", minutes=number, reason=words),
        "join": lambda: c.Join(**base, details=c.Details("还有我", priority="P0"), reason="same"),
        "undo_join": lambda: c.UndoJoin(**base, reporter=f"m{number}"),
        "add_info": lambda: c.AddInfo(**base, slots={"phone": "13800000000"}, missing=()),
        "triage": lambda: c.Triage(**base, confirm=bool(number % 2), priority="P1"),
    }
    return makers[name]()


COMMANDS = [
    "accept", "decline", "reassign", "take_over", "depart", "arrive", "diagnose", "await_parts",
    "replace_part", "hold", "resume", "complete", "sign", "return_work", "rate", "cancel", "nudge",
    "note", "priority", "correct", "extend", "join", "undo_join", "add_info", "triage",
]  # fmt: skip


class Life(RuleBasedStateMachine):
    """One work order, everybody, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FrozenClock(datetime(2026, 9, 30, 8, 50, tzinfo=UTC))
        self.service = Service(one_notice)
        self.store = open_store("sqlite:///:memory:", Path(self.folder.name), clock=self.clock)
        self.messages = 0
        self.order = ""
        self.run(self.store.__aenter__())
        self.transact(self._seed)

    def run(self, awaitable: Any) -> Any:
        async def wrapped() -> Any:
            return await awaitable

        return self.runner.run(wrapped())

    def transact(self, work: Any) -> Any:
        return self.run(self.store.transact(TENANT, work))

    @staticmethod
    def _seed(uow: UnitOfWork) -> None:
        uow.put_company(DEMO.company)
        uow.people.put_customer(CUSTOMER)

    @initialize(
        priority=st.sampled_from(["P0", "P1", "P2"]),
        missing=st.sampled_from([(), ("phone",)]),
        triage=st.booleans(),
        fault=st.sampled_from(["elevator", "hvac", "network", "electrical"]),
    )
    def report(self, priority: str, missing: tuple[str, ...], triage: bool, fault: str) -> None:
        details = c.Details("坏了", fault_type=fault, priority=priority, customer_id=CUSTOMER.id)
        report = c.Report(ACTORS[0], self.origin(), details, missing, triage)
        self.order = self.handle(report).order.id

    def origin(self) -> c.Origin:
        self.messages += 1
        now = self.clock.now(TENANT)
        return c.Origin(PLACE, CUSTOMER.id, CUSTOMER.name, f"m{self.messages}", now)

    def handle(self, command: c.Command) -> Handled:
        now = self.clock.now(TENANT)
        result: Handled = self.transact(lambda uow: self.service.handle(command, uow, now))
        return result

    @rule(
        name=st.sampled_from(COMMANDS),
        actor=st.one_of(st.just(None), st.sampled_from(ACTORS)),
        staff=st.sampled_from(STAFF),
        number=st.integers(1, 5),
        stale=st.integers(0, 9),
    )
    def press(self, name: str, actor: Actor | None, staff: str, number: int, stale: int) -> None:
        order = self.run(self.store.read(TENANT, lambda uow: uow.orders.get(self.order)))
        who = actor or self._rightful(order.assignee or next(iter(order.candidates), ""))
        base = {
            "by": who,
            "origin": self.origin(),
            "order_id": self.order,
            "expect": str(State.CLOSED) if stale == 0 else None,
            "generation": order.generation - 1 if stale == 1 else None,
        }
        before = order.version
        try:
            self.handle(command_for(name, base, staff, number))
        except PaidanError:
            after = self.run(self.store.read(TENANT, lambda uow: uow.orders.get(self.order)))
            assert after.version == before, "a refusal changed something"
        self.time_passes(0)

    @staticmethod
    def _rightful(staff_id: str) -> Actor:
        staff = DEMO.company.staff.get(staff_id)
        return Actor(staff.id, staff.role, staff.name) if staff else ACTORS[0]

    @rule(minutes=st.sampled_from([1, 3, 16, 70, 400]))
    def pass_time(self, minutes: int) -> None:
        self.time_passes(minutes)

    def time_passes(self, minutes: int) -> None:
        target = self.clock.now(TENANT) + timedelta(minutes=minutes)
        for _ in range(2000):
            due = self.run(self.store.due_timers(TENANT, target, 1))
            if not due:
                break
            self.run(self.clock.move(TENANT, due[0].due))
            now = self.clock.now(TENANT)
            self.transact(lambda uow, timer=due[0], now=now: self.service.fire(timer, uow, now))
        self.run(self.clock.move(TENANT, target))

    @invariant()
    def nothing_is_wrong(self) -> None:
        if not self.order:
            return

        def look(uow: UnitOfWork) -> list[Finding]:
            order = uow.orders.get(self.order)
            history = uow.orders.history(order.id)
            timer = uow.timers.open(f"order:{order.id}")
            told = {event.seq for event in history}
            known = automation.calendars(uow.company)
            policy = uow.policy(order.policy_version)
            return examine(order, history, timer, told, policy, known, self.clock.now(TENANT))

        assert self.run(self.store.read(TENANT, look)) == []

    def teardown(self) -> None:
        self.run(self.store.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()


def test_the_report_that_opened_it_cannot_be_taken_out() -> None:
    life = Life()
    try:
        life.report(priority="P1", missing=(), triage=False, fault="hvac")
        life.press(name="join", actor=None, staff="", number=1, stale=9)
        order = life.run(life.store.read(TENANT, lambda uow: uow.orders.get(life.order)))
        assert [r.message for r in order.reporters] == ["m1", "m2"]
        base = {"by": ACTORS[0], "origin": life.origin(), "order_id": life.order}
        with pytest.raises(InvalidInput):
            life.handle(c.UndoJoin(**base, reporter="m1"))
        assert life.handle(c.UndoJoin(**base, reporter="m2")).order.id != life.order
    finally:
        life.teardown()


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
