"""What a fake of a chat platform offers the contract suite, and the demo company moved onto it.

A fake is the platform as its documentation has it: it refuses what the platform refuses, and what
it answers is checked against code nobody here wrote (see each fake).
"""

from __future__ import annotations

import asyncio
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

import paidan.demo
from bots.gateway.adapter import Adapter, Admit
from paidan.channels import Channels
from paidan.channels.running import keep_running, plug
from paidan.channels.section import ChannelSection
from paidan.clock import FrozenClock
from paidan.company_file import Loaded, parse_company
from paidan.compose import Parts, Understands, assemble, seed
from paidan.console.app import build
from paidan.console.services import Services
from paidan.voice.stenographer import Stenographer
from storage import SqlStore
from tests.waiting import wait_until
from workflow.kept import Post
from workflow.records import Card, ChatRef, Inbound
from workflow.work_order import WorkOrder

TENANT = "demo"
SECRET_KEY = b"a secret of the tests, 32 bytes!"
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
_TEAM = ChatRef("sandbox", "group:home", "group")
_COMPANY = Path(paidan.demo.__file__).parent / "company.yaml"


@dataclass
class Shown:
    """A message as it stands in a chat now."""

    id: str
    chat: str
    text: str
    buttons: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    edits: int = 0
    raw: dict[str, Any] = field(default_factory=dict)


class Platform(ABC):
    """A chat platform on loopback. ``hook`` is our door, once it is open."""

    name: ClassVar[str]
    groups: ClassVar[bool] = True
    """Whether staff groups can live here; else colleagues live in the sandbox."""
    direct: ClassVar[bool] = False
    """Whether colleagues live here one to one, each with cards of their own, without groups."""

    def __init__(self) -> None:
        self.hook = ""
        self.http: ClientSession

    @abstractmethod
    async def start(self) -> None:
        """Open the platform's API."""

    @abstractmethod
    async def stop(self) -> None:
        """Close it."""

    @abstractmethod
    def section(self) -> ChannelSection:
        """Our account there, as the settings would have it."""

    @abstractmethod
    def user(self, who: str) -> str:
        """The platform's id of a person, by a name of ours."""

    @abstractmethod
    def chat(self, name: str) -> str:
        """The platform's id of a chat: ``group:home``, ``staff:chenwei``, ``customer:c01``."""

    @abstractmethod
    async def says(
        self, who: str, text: str, chat: str, *, key: str = "", times: int = 1
    ) -> list[int]:
        """Somebody writes in a chat; the platform tells us, several times if asked (redelivery of
        the same message). In groups the bot is called by name. Returns what we answered.
        """

    @abstractmethod
    async def presses(self, who: str, shown: Shown, label: str) -> list[int]:
        """Somebody presses a button of a message; returns what we answered."""

    @abstractmethod
    def shown(self, chat: str) -> list[Shown]:
        """What stands in a chat (by our name), oldest first; only what we said."""

    @abstractmethod
    def busy(self) -> None:
        """The next call of ours that says something is refused as one too many."""

    @abstractmethod
    def broken(self) -> None:
        """The next call of ours that says something gets a server error."""


def company_on(platform: Platform) -> Loaded:
    """安居联修 with every chat and every person on this platform."""
    text = _COMPANY.read_text("utf-8")
    if not platform.groups:
        return parse_company(text, "company.yaml")
    if platform.direct:
        text = re.sub(r"\bgroups: \[sandbox/group:.*\]", "groups: []", text)
    text = re.sub(
        r"sandbox/([a-z]+:[\w-]+)", lambda found: f"{platform.name}/{platform.chat(found[1])}", text
    )
    text = re.sub(
        r"\{sandbox: ([\w-]+)\}",
        lambda found: f'{{{platform.name}: "{platform.user(found[1])}"}}',
        text,
    )
    return parse_company(text, "company.yaml")


@dataclass
class Town:
    """One running Paidan whose company lives on a platform."""

    platform: Platform
    parts: Parts

    async def orders(self) -> list[WorkOrder]:
        """Every work order there is."""
        store = self.parts.store
        return await asyncio.to_thread(lambda: [order for order, _ in store.audit(TENANT)])

    async def until_order(self, wanted: Callable[[WorkOrder], bool] = lambda _: True) -> WorkOrder:
        """The first work order that is as wanted."""

        async def look() -> WorkOrder | None:
            return next((order for order in await self.orders() if wanted(order)), None)

        return await wait_until(look)

    async def until_shown(self, chat: str, wanted: Callable[[Shown], bool]) -> Shown:
        """The newest message of a chat that is as wanted, once there is one."""

        async def look() -> Shown | None:
            return next((s for s in reversed(self.platform.shown(chat)) if wanted(s)), None)

        return await wait_until(look, lambda: f"{chat}: {self.platform.shown(chat)}")

    # --- colleagues, who live in the sandbox where the platform has no groups ---------------------

    def staff_user(self, who: str) -> str:
        """Whom a mention of this colleague names."""
        return self.platform.user(who) if self.platform.groups else who

    def calls(self, shown: Shown, who: str) -> bool:
        """Whether a message reaches this colleague: by name in a group, or in a chat of theirs."""
        if self.platform.direct:
            return shown.chat == self.platform.chat(f"staff:{who}")
        return self.staff_user(who) in shown.mentions

    async def told(self) -> list[Shown]:
        """What stands in the team's group, or before each colleague."""
        if self.platform.direct:
            company = await self.parts.store.read(TENANT, lambda uow: uow.company)
            theirs = [self.platform.shown(f"staff:{who}") for who in company.staff]
            return [shown for chat in theirs for shown in chat]
        if self.platform.groups:
            return self.platform.shown("group:home")
        lines = await self.parts.store.read(TENANT, lambda uow: uow.chat_log.lines(_TEAM))
        return [_line(post) for post in lines if post.direction == "out"]

    async def until_told(self, wanted: Callable[[Shown], bool]) -> Shown:
        """The newest message in the team's group that is as wanted."""

        async def look() -> Shown | None:
            return next((s for s in reversed(await self.told()) if wanted(s)), None)

        return await wait_until(look)

    async def until_card(self, button: str) -> Shown:
        """The team's card, once it has this button."""
        return await self.until_told(lambda shown: button in shown.buttons)

    async def staff_presses(self, who: str, shown: Shown, label: str) -> None:
        """A colleague presses a button of a card in the team's group, or of their own copy."""
        if self.platform.direct:
            shown = await self.until_shown(f"staff:{who}", lambda s: label in s.buttons)
        if self.platform.groups:
            await self.platform.presses(who, shown, label)
            return
        card: Card = shown.raw["card"]
        action = next(button.action for button in card.buttons if button.label == label)
        await self.parts.front_desk.admit(_from_staff(who, f"{shown.id}:{label}", action=action))

    async def staff_says(self, who: str, text: str, chat: str) -> None:
        """A colleague writes in the team's group, or to us alone."""
        if self.platform.direct:
            chat = f"staff:{who}"
        if self.platform.groups:
            await self.platform.says(who, text, chat)
        else:
            await self.parts.front_desk.admit(_from_staff(who, text, text=text))

    async def confirms(self, who: str, label: str) -> None:
        """A customer does what a button says: presses it, or writes the words beside it."""
        chat = f"customer:{who}"
        shown = await self.until_shown(
            chat, lambda s: label in s.buttons or f"」：{label}" in s.text
        )
        if label in shown.buttons:
            await self.platform.presses(who, shown, label)
        else:
            command = re.search(rf"「([^」]+)」：{label}", shown.text)
            assert command is not None
            await self.platform.says(who, command[1], chat)


def _from_staff(who: str, key: str, **more: Any) -> Inbound:
    return Inbound(TENANT, _TEAM.channel, _TEAM.chat, "group", who, f"{who}:{key}", MONDAY, **more)


def _line(post: Post) -> Shown:
    card = post.card
    text = (
        f"{post.text}\n{card.title} {card.subtitle} {card.fields} {card.body}"
        if card
        else post.text
    )
    labels = tuple(button.label for button in card.buttons) if card else ()
    return Shown(str(post.id), _TEAM.chat, text, labels, post.mentions, raw={"card": card})


@asynccontextmanager
async def town(
    platform: Platform,
    understander: Understands,
    folder: Path,
    stenographer: Stenographer | None = None,
) -> AsyncIterator[Town]:
    """Paidan, its doors and loops running, its company on the platform."""
    await platform.start()
    listening = socket.create_server(("127.0.0.1", 0))
    door = f"http://127.0.0.1:{listening.getsockname()[1]}"
    channels = Channels(**{platform.name: platform.section()})

    def plugged(store: SqlStore, http: ClientSession, admit: Admit) -> Mapping[str, Adapter]:
        return plug(channels, TENANT, store, http, admit, public_url=door, secret=SECRET_KEY)

    url, clock = f"sqlite:///{folder / 'town.db'}", FrozenClock(MONDAY)
    try:
        async with (
            ClientSession() as platform.http,
            assemble(
                url,
                folder / "blobs",
                understander,
                clock=clock,
                plugged=plugged,
                stenographer=stenographer,
            ) as parts,
        ):
            await seed(parts.store, company_on(platform))
            async with _open(parts, listening):
                platform.hook = f"{door}/hooks/{platform.name}"
                yield Town(platform, parts)
    finally:
        listening.close()
        await platform.stop()


@asynccontextmanager
async def _open(parts: Parts, listening: socket.socket) -> AsyncIterator[None]:
    services = Services(
        store=parts.store,
        tenant=TENANT,
        receive=parts.front_desk.admit,
        secret=SECRET_KEY,
        hooks=parts.adapters,
    )
    server = TestServer(build(services), socket_factory=lambda *_: listening)
    await server.start_server()
    running = [
        asyncio.create_task(keep_running(parts.adapters)),
        asyncio.create_task(parts.house.run()),
    ]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.close()
