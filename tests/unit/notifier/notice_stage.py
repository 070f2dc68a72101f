"""A small company and the changes of its work orders, made by the real service on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import storage
from notifier import plan
from workflow import commands as c
from workflow.calendar import Span, WorkCalendar
from workflow.company import Company, Customer, Queue, Shift, Site, Staff, Team
from workflow.escalation import default_policy
from workflow.events import Actor
from workflow.policy import Policy
from workflow.ports import Change, UnitOfWork
from workflow.records import ChatRef, Notice
from workflow.service import Handled, Service

TENANT = "demo"
MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Monday 10:00 in Shanghai."""
PHONE = "13812345678"

_DAY = (Span(time(8, 30), time(12, 0)), Span(time(13, 0), time(18, 0)))
_ALWAYS = (Span(time(0, 0), time(0, 0)),)


def chat(name: str, kind: str = "direct", channel: str = "sandbox") -> ChatRef:
    """A sandbox chat."""
    return ChatRef(channel, name, "group" if kind == "group" else "direct")


def engineer(key: str, name: str, **more: Any) -> Staff:
    """Somebody of the lift team, always on shift."""
    facts: dict[str, Any] = {
        "team": "lift",
        "shift": "always",
        "skills": {"elevator": 4, "hvac": 3},
        "supervisor": "chief",
        "contacts": (chat(f"staff:{key}"),),
        "handles": {"sandbox": key},
        "phone": "13900001111",
        "ratings": (5.0, 4.9, 5.0),
    }
    return Staff(id=key, name=name, **{**facts, **more})


CHIEF = engineer("chief", "陈主管", role="supervisor", supervisor="boss", skills={})
BOSS = engineer("boss", "林经理", role="supervisor", supervisor=None, skills={})
BACKUP = engineer("backup", "周班长", role="engineer", skills={})
WANG = engineer("wang", "王建国")
LI = engineer("li", "李明", skills={"elevator": 3, "hvac": 2})


def company(policy: Policy | None = None, mode: str = "automatic", **more: Any) -> Company:
    """The company; ``mode`` is how its one queue dispatches."""
    people = {s.id: s for s in (CHIEF, BOSS, BACKUP, WANG, LI)}
    facts: dict[str, Any] = {
        "tenant": TENANT,
        "name": "安居",
        "tz": "Asia/Shanghai",
        "calendar": WorkCalendar(
            "Asia/Shanghai", (_DAY,) * 5 + ((), ()), {}, {}, frozenset({2026})
        ),
        "staff": people,
        "teams": {
            "lift": Team("lift", "电梯组", "chief", "backup", (chat("group:lift", "group"),)),
        },
        "shifts": {"always": Shift("always", "全天", (_ALWAYS,) * 7)},
        "queues": (Queue("all", "全部", "lift", mode),),  # type: ignore[arg-type]  # a test's own word
        "policy": policy or default_policy(),
        "supervisor_groups": (chat("group:supervisors", "group"),),
    }
    return Company(**{**facts, **more})


CUSTOMER = Customer(
    "cust", "赵女士", PHONE, vip=True, site=Site("3 号楼"), contacts=(chat("customer:cust"),)
)


@dataclass
class Stage:
    """A tenant in a fresh database; each command's changes and notices are kept."""

    store: storage.SqlStore
    company: Company
    now: datetime = MORNING
    changes: list[Change] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    interruptions: Callable[[str], int] = lambda _person: 0

    async def open(self) -> None:
        """Store the company and its customer."""

        def seed(uow: UnitOfWork) -> None:
            uow.put_company(self.company)
            uow.people.put_customer(CUSTOMER)

        await self.store.transact(TENANT, seed)

    def _plan(self, change: Change) -> Sequence[Notice]:
        change = replace(change, interruptions=self.interruptions)
        notices = plan(change)
        self.changes.append(change)
        self.notices = [*self.notices, *notices]
        return notices

    async def do(self, command: c.Command) -> list[Notice]:
        """Carry a command out; the notices it made."""
        before = len(self.notices)
        self.handled: Handled = await self.store.transact(
            TENANT, lambda uow: Service(self._plan).handle(command, uow, self.now)
        )
        return self.notices[before:]

    async def report(self, text: str = "3 号楼电梯停了", **more: Any) -> list[Notice]:
        """A customer's report; ``more`` goes into its details."""
        facts: dict[str, Any] = {
            "fault_type": "elevator",
            "place": "3 号楼 2 单元",
            "phone": PHONE,
            "contact": "赵女士",
            "customer_id": "cust",
        }
        missing = more.pop("missing", ())
        triage = more.pop("triage", False)
        link = more.pop("link", None)
        article = more.pop("article", None)
        details = c.Details(text=text, **{**facts, **more})
        return await self.do(
            c.Report(
                CUST,
                origin(),
                details,
                missing=missing,
                triage=triage,
                link=link,
                article=article,
            )
        )

    async def act(self, kind: Callable[..., c.Command], who: str, **more: Any) -> list[Notice]:
        """A command on the last work order."""
        place = origin() if who == "cust" else origin(f"staff:{who}", who)
        return await self.do(
            kind(by=actor(who, self.company), origin=place, order_id=self.handled.order.id, **more)
        )

    async def wait(self, minutes: float) -> list[Notice]:
        """Let time pass; every due step on the way fires at its own time."""
        before = len(self.notices)
        target = self.now + timedelta(minutes=minutes)
        service = Service(self._plan)
        while True:
            due = await self.store.due_timers(TENANT, target, 1)
            if not due:
                break
            timer = due[0]
            self.now = max(self.now, timer.due)
            await self.store.transact(
                TENANT, lambda uow, timer=timer: service.fire(timer, uow, self.now)
            )
        self.now = target
        return self.notices[before:]


CUST = Actor("cust", "customer", "赵女士")


def actor(who: str, house: Company) -> Actor:
    """A person as an event's actor."""
    if who == "cust":
        return CUST
    staff = house.staff[who]
    return Actor(staff.id, staff.role, staff.name)


_messages = iter(range(1, 10_000_000))


def origin(place: str = "customer:cust", sender: str = "cust") -> c.Origin:
    """Where a message came from, with a dedupe key of its own."""
    return c.Origin(chat(place), sender, "", f"stage:{next(_messages)}")
