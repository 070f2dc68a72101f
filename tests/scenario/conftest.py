"""A town to play in: the demo company, everything real, through the sandbox channel's public door.

What a test does is what a person does: write in a chat, press a button of the newest card there,
let time pass. What it checks is what a person sees: the lines and cards of the chats, and the
record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bots.invites import Invites
from bots.web import parse
from nlp import Understander
from paidan.audit import Report, prove
from paidan.clock import FrozenClock
from paidan.company_file import Loaded
from paidan.compose import Parts, assemble, seed
from paidan.demo import demo_company
from storage.orders import AUDIT_ORDERS
from storage.rows import decode_order
from storage.schema import NEVER
from workflow.events import Event, Kind
from workflow.kept import Case, Post, Queued
from workflow.policy import Policy
from workflow.ports import UnitOfWork
from workflow.records import Button, Card, ChatRef
from workflow.work_order import WorkOrder

SHANGHAI = ZoneInfo("Asia/Shanghai")
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=SHANGHAI)
"""An ordinary working morning."""
SUPERVISORS = ChatRef("sandbox", "group:supervisors", "group")
CHIEF = "zhoulan"
SECRET = b"scenario"
INVITES = Invites(SECRET)


def customer_chat(customer: str) -> ChatRef:
    return ChatRef("sandbox", f"customer:{customer}")


def team_group(team: str) -> ChatRef:
    return ChatRef("sandbox", f"group:{team}", "group")


def staff_chat(staff: str) -> ChatRef:
    return ChatRef("sandbox", f"staff:{staff}")


decoded = lru_cache(1000)(decode_order)
"""Tests ask for all work orders again and again; most are as they were."""


class Town:
    """One company, its chats and its clock."""

    def __init__(self, parts: Parts, loaded: Loaded, clock: FrozenClock) -> None:
        self.parts = parts
        self.loaded = loaded
        self.company = loaded.company
        self.tenant = loaded.company.tenant
        self.clock = clock
        self._messages = 0

    # --- what people do -----------------------------------------------------------------------

    async def say(
        self,
        sender: str,
        text: str = "",
        *,
        chat: ChatRef | None = None,
        settle: bool = True,
        **more: Any,
    ) -> None:
        """Somebody writes: a customer in their own chat unless ``chat`` says otherwise."""
        place = chat or (
            staff_chat(sender) if sender in self.company.staff else customer_chat(sender)
        )
        self._messages += 1
        payload = {
            "id": more.pop("id", f"m{self._messages}"),
            "chat": place.chat,
            "chat_kind": place.kind,
            "sender": sender,
            "sender_name": more.pop("sender_name", sender),
            "text": text,
            **more,
        }
        now = self.clock.now(self.tenant)
        inbound = parse(payload, tenant=self.tenant, channel=place.channel, now=now)
        await self.parts.front_desk.admit(inbound)
        if settle:
            await self.parts.house.drain(self.tenant)

    async def press(
        self, sender: str, do: str, *, chat: ChatRef, card: Card | None = None, **args: Any
    ) -> None:
        """Somebody presses a button of the newest card in that chat that has it (or of ``card``,
        however old)."""
        action = (await self.button(chat, do, card)).action
        await self.say(
            sender,
            chat=chat,
            action={
                "do": action.do,
                "order": action.order,
                "expect": action.expect,
                "generation": action.generation,
                "args": {**action.args, **args},
            },
        )

    async def button(self, chat: ChatRef, do: str, card: Card | None = None) -> Button:
        cards = [card] if card else [line.card for line in reversed(await self.lines(chat))]
        found = [b for shown in cards if shown for b in shown.buttons if b.action.do == do]
        assert found, f"no button {do!r} in {chat.chat}"
        return found[0]

    async def wait(self, **time: float) -> None:
        """Let time pass; every due step fires at its own time on the way."""
        await self.parts.house.wind(self.tenant, timedelta(**time))

    # --- what people see ----------------------------------------------------------------------

    async def lines(self, chat: ChatRef) -> Sequence[Post]:
        return await self.read(lambda uow: uow.chat_log.lines(chat, limit=500))

    async def heard(self, chat: ChatRef) -> list[str]:
        """What the house said in this chat, oldest first."""
        return [line.text for line in await self.lines(chat) if line.direction == "out"]

    async def last(self, chat: ChatRef) -> str:
        said = await self.heard(chat)
        return said[-1] if said else ""

    async def card(self, chat: ChatRef, number: str = "") -> Card:
        """The newest card in this chat (of this work order)."""
        lines = reversed(await self.lines(chat))
        cards = [ln.card for ln in lines if ln.card and number in ln.card.title + ln.card.subtitle]
        assert cards, f"no card in {chat.chat}"
        return cards[0]

    # --- what is on the record ----------------------------------------------------------------

    async def read(self, query: Callable[[UnitOfWork], Any]) -> Any:
        return await self.parts.store.read(self.tenant, query)

    async def orders(self) -> list[WorkOrder]:
        """All work orders, in the order of their numbers."""
        store, every = self.parts.store, {"tenant": self.tenant, "after": "", "limit": NEVER}
        rows = await store.look(lambda session: session.rows(AUDIT_ORDERS, **every))
        return sorted((decoded(doc) for _, doc in rows), key=lambda order: order.number)

    async def order(self) -> WorkOrder:
        """The newest work order."""
        return (await self.orders())[-1]

    async def history(self, order: WorkOrder) -> Sequence[Event]:
        found: Sequence[Event] = await self.read(lambda uow: uow.orders.history(order.id))
        return found

    async def kinds(self, order: WorkOrder) -> list[Kind]:
        return [event.kind for event in await self.history(order)]

    async def steps(self, order: WorkOrder) -> list[str]:
        """The rungs taken, in order."""
        history = await self.history(order)
        return [str(e.data["rung"]) for e in history if e.kind == Kind.STEP_TAKEN]

    async def cases(self) -> Sequence[Case]:
        found: Sequence[Case] = await self.read(lambda uow: uow.cases.open())
        return found

    async def notices(self) -> list[Queued]:
        return list(self.parts.store.outbox_audit(self.tenant))

    async def audit(self) -> Report:
        return await prove(self.parts.store, self.tenant)

    # --- changing the town --------------------------------------------------------------------

    async def rule(self, **changes: Any) -> None:
        """New rules from here on; running work orders keep theirs."""
        policy: Policy = replace(self.company.policy, version=f"v{self._messages}+", **changes)
        self.company = replace(self.company, policy=policy)
        company = self.company
        await self.parts.store.transact(self.tenant, lambda uow: uow.put_company(company))


async def review(town: Town, do: str, message: str, **args: Any) -> None:
    """A press on the review page, as a supervisor."""
    action = {"do": do, "order": message, "expect": None, "generation": None, "args": args}
    await town.say(CHIEF, chat=staff_chat(CHIEF), action=action)


@pytest.fixture
async def town(understander: Understander, tmp_path: Path) -> AsyncIterator[Town]:
    loaded = demo_company()
    clock = FrozenClock(TUESDAY)
    url = f"sqlite:///{tmp_path / 'town.db'}"
    reader, blobs = understander, tmp_path / "blobs"
    async with assemble(url, blobs, reader, clock=clock, invites=INVITES) as parts:
        await seed(parts.store, loaded)
        yield Town(parts, loaded, clock)
