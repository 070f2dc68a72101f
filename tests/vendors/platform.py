"""What a fake of a chat platform offers the contract suite, and the demo company moved onto it, or
onto several of them at once.

A fake is the platform as its documentation has it: it refuses what the platform refuses, and what
it answers is checked against code nobody here wrote (see each fake).
"""

from __future__ import annotations

import asyncio
import re
import socket
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

import paidan.demo
from bots.gateway.adapter import Adapter, Admit
from bots.invites import Invites
from paidan.channels import Channels
from paidan.channels.running import keep_running, plug
from paidan.channels.section import ChannelSection
from paidan.clock import FrozenClock
from paidan.company_file import Loaded, parse_company
from paidan.compose import Parts, Understands, assemble, seed
from paidan.console.app import build
from paidan.console.services import Services
from paidan.signing import photos_path
from paidan.voice.stenographer import Stenographer
from storage import SqlStore
from tests.waiting import wait_until
from workflow.kept import Post
from workflow.records import Card, ChatRef, Inbound
from workflow.work_order import WorkOrder

TENANT = "demo"
SECRET_KEY = b"a secret of the tests, 32 bytes!"
INVITES = Invites(SECRET_KEY)
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
_COMPANY = Path(paidan.demo.__file__).parent / "company.yaml"


Hang = Literal["", "silent", "begun"]
"""How calls of ours hang: not at all, without a word, or after the first words of an answer."""


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


@dataclass(frozen=True)
class Clip:
    """A voice message: what is said in it, and how it is recorded, by the form of the file."""

    said: str
    record: Callable[[str], bytes]


class Platform(ABC):
    """A chat platform on loopback. ``hook`` is our door, once it is open."""

    name: ClassVar[str]
    groups: ClassVar[bool] = True
    """Whether staff groups can live here; else colleagues live in the sandbox."""
    direct: ClassVar[bool] = False
    """Whether colleagues live here one to one, each with cards of their own, without groups."""
    spoken: ClassVar[Literal["", "written", "bytes"]] = ""
    """What comes with a voice message: the platform's own transcript, its bytes, or none comes."""
    whole: ClassVar[bool] = True
    """Whether a long text arrives whole; else only a template's few words do."""
    called: ClassVar[bool] = True
    """Whether it calls our door; else what it sends is not answered with a status."""
    press_within: ClassVar[float] = 5.0
    """Seconds it waits for the answer to a press; for that to a message, always five."""
    dead_tokens: ClassVar[tuple[int | str, ...]] = ()
    """What it calls a token that is dead; nothing where there are none."""
    deliveries: ClassVar[int] = 1
    """How often it brings what is not taken; where nobody says so it brings nothing again."""
    rests: ClassVar[float] = 0.0
    """Seconds it waits before that, shorter than in life."""
    markup: ClassVar[str] = ""
    """Its own ways to call people, link and mark up, as somebody would try to slip them in."""

    def __init__(self) -> None:
        self.hook = ""
        self.http: ClientSession
        self.fetched = 0
        self.dead: int | str = next(iter(self.dead_tokens), "")
        self.hung: Hang = ""
        self._speaks_again = asyncio.Event()

    async def brought(self, bring: Callable[[], Awaitable[int]], times: int) -> list[int]:
        """What we answered to each of several deliveries, each brought again as the platform does
        as long as it is not taken.
        """
        answered = []
        for _ in range(times):
            for _ in range(self.deliveries):
                answered.append(await bring())
                if answered[-1] < HTTPStatus.INTERNAL_SERVER_ERROR:
                    break
                await asyncio.sleep(self.rests)
        return answered

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

    async def speaks(self, who: str, clip: Clip, chat: str) -> list[int]:
        """Somebody sends a voice message; returns what we answered."""
        raise NotImplementedError(f"nobody speaks on {self.name}: {who}, {clip.said}, {chat}")

    async def sends_unknown(self) -> list[int]:
        """A genuine event that nobody has heard of; returns what we answered."""
        raise NotImplementedError(self.name)

    async def sends_nonsense(self) -> list[int]:
        """A genuine call that lacks what it must have; returns what we answered."""
        raise NotImplementedError(self.name)

    def kills_token(self) -> None:
        """The access token is dead before its time."""
        raise NotImplementedError(self.name)

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

    def hangs(self, how: Hang) -> None:
        """From now on no call of ours is answered, or again each one; who waits then is hung up."""
        self.hung = how
        if how:
            self._speaks_again = asyncio.Event()
        else:
            self._speaks_again.set()

    @web.middleware
    async def hanging(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Takes the call and says nothing, or no more than that an answer begins."""
        if not self.hung:
            return await handler(request)
        if self.hung == "begun":
            begun = web.StreamResponse(headers={"Content-Length": "64"})
            await begun.prepare(request)
        await self._speaks_again.wait()
        raise ConnectionResetError("hung up")


@dataclass(frozen=True)
class Homes:
    """Which platform people live on. ``team`` has the engineers and their groups, ``chiefs`` the
    supervisors and theirs; None is the sandbox.
    """

    customers: Platform
    team: Platform | None
    chiefs: Platform | None

    @classmethod
    def all_on(cls, platform: Platform) -> Homes:
        """Everybody on one platform, as far as it has room for colleagues."""
        colleagues = platform if platform.groups else None
        return cls(platform, colleagues, colleagues)

    def everywhere(self) -> list[Platform]:
        """Each platform once."""
        found = (self.customers, self.team, self.chiefs)
        return list(dict.fromkeys(home for home in found if home is not None))

    def of(self, chat: str) -> Platform | None:
        """Whose a chat is, by our name for it."""
        kind, _, who = chat.partition(":")
        if kind == "customer":
            return self.customers
        high = who == "supervisors" if kind == "group" else who in CHIEFS
        return self.chiefs if high else self.team


CHIEFS = frozenset(
    staff.id
    for staff in paidan.demo.demo_company().company.staff.values()
    if staff.role in {"supervisor", "admin"}
)


def company_on(home: Platform | Homes) -> Loaded:
    """安居联修 with every chat and every person where they live."""
    homes = home if isinstance(home, Homes) else Homes.all_on(home)
    text = _COMPANY.read_text("utf-8")

    def place(found: re.Match[str]) -> str:
        home = homes.of(found[1])
        return found[0] if home is None else f"{home.name}/{home.chat(found[1])}"

    def handle(found: re.Match[str]) -> str:
        home = homes.of(f"staff:{found[1]}")
        return found[0] if home is None else f'{{{home.name}: "{home.user(found[1])}"}}'

    if homes.team is not None and homes.team.direct:
        text = re.sub(r"groups: \[sandbox/group:.*\]", "groups: []", text)
    text = re.sub(r"sandbox/([a-z]+:[\w-]+)", place, text)
    text = re.sub(r"\{sandbox: ([\w-]+)\}", handle, text)
    return parse_company(text, "company.yaml")


@dataclass
class Town:
    """One running Paidan whose company lives on one platform, or on several."""

    homes: Homes
    parts: Parts
    counts: Counter[tuple[str, str]]

    @property
    def platform(self) -> Platform:
        """Where the customers live; in a town of one platform, that one."""
        return self.homes.customers

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
            seen[:] = await self.said(chat)
            return next((s for s in reversed(seen) if wanted(s)), None)

        seen: list[Shown] = []
        return await wait_until(look, lambda: f"{chat}: {_texts(seen)}")

    async def said(self, chat: str) -> list[Shown]:
        """What we said in a chat, wherever it is."""
        home = self.homes.of(chat)
        if home is not None:
            return home.shown(chat)
        lines = await self.parts.store.read(TENANT, lambda uow: uow.chat_log.lines(_own(chat)))
        return [_line(post) for post in lines if post.direction == "out"]

    # --- colleagues, who live in the sandbox where the platform has no groups ---------------------

    def calls(self, shown: Shown, who: str) -> bool:
        """Whether a message reaches this colleague: by name in a group, or in a chat of theirs."""
        home = self.homes.of(f"staff:{who}")
        if home is not None and home.direct:
            return shown.chat == home.chat(f"staff:{who}")
        return (home.user(who) if home is not None else who) in shown.mentions

    async def told(self, group: str = "group:home") -> list[Shown]:
        """What stands in a group of colleagues, or before each of them where there are none."""
        home = self.homes.of(group)
        if home is None or not home.direct:
            return await self.said(group)
        company = await self.parts.store.read(TENANT, lambda uow: uow.company)
        chiefs = group == "group:supervisors"
        theirs = [s for s in company.staff if not chiefs or s in CHIEFS]
        return [shown for who in theirs for shown in home.shown(f"staff:{who}")]

    async def until_told(self, wanted: Callable[[Shown], bool], group: str = "group:home") -> Shown:
        """The newest message in a group of colleagues that is as wanted."""

        async def look() -> Shown | None:
            seen[:] = await self.told(group)
            return next((s for s in reversed(seen) if wanted(s)), None)

        seen: list[Shown] = []
        return await wait_until(look, lambda: f"{group}: {_texts(seen)}")

    async def until_card(self, button: str) -> Shown:
        """The team's card, once it has this button."""
        return await self.until_told(lambda shown: button in shown.buttons)

    async def own_copy(self, who: str, shown: Shown, label: str) -> Shown:
        """A card as a colleague has it: their own where the platform shows it to each alone."""
        home = self.homes.of(f"staff:{who}")
        if home is None or not home.direct:
            return shown
        return await self.until_shown(f"staff:{who}", lambda s: label in s.buttons)

    async def staff_presses(self, who: str, shown: Shown, label: str) -> None:
        """A colleague presses a button of a card in the team's group, or of their own copy."""
        await self.press_own(who, await self.own_copy(who, shown, label), label)

    async def press_own(self, who: str, shown: Shown, label: str) -> None:
        """They press a card that lies before them, whatever has become of it meanwhile."""
        home = self.homes.of(f"staff:{who}")
        if home is not None:
            await home.presses(who, shown, label)
            return
        card: Card = shown.raw["card"]
        action = next(button.action for button in card.buttons if button.label == label)
        await self.parts.front_desk.admit(_from_staff(who, f"{shown.id}:{label}", action=action))

    async def staff_says(self, who: str, text: str, chat: str) -> None:
        """A colleague writes in the team's group, or to us alone."""
        home = self.homes.of(f"staff:{who}")
        if home is None:
            await self.parts.front_desk.admit(_from_staff(who, text, text=text))
        else:
            await home.says(who, text, f"staff:{who}" if home.direct else chat)

    async def confirms(self, who: str, label: str) -> None:
        """A customer does what a button says: presses it, or writes the words beside it."""
        chat = f"customer:{who}"
        shown = await self.until_shown(
            chat, lambda s: label in s.buttons or re.search(rf"[」”]：{label}", s.text) is not None
        )
        if label in shown.buttons:
            await self.platform.presses(who, shown, label)
        else:
            command = re.search(rf"[「“]([^」”]+)[」”]：{label}", shown.text)
            assert command is not None
            await self.platform.says(who, command[1], chat)


def _texts(shown: Sequence[Shown]) -> str:
    """For a test that waited in vain."""
    return "\n".join(f"{one.text} {one.buttons} {one.mentions}" for one in shown)


def _own(chat: str) -> ChatRef:
    return ChatRef("sandbox", chat, "group" if chat.startswith("group:") else "direct")


def _from_staff(who: str, key: str, **more: Any) -> Inbound:
    return Inbound(TENANT, "sandbox", "group:home", "group", who, f"{who}:{key}", MONDAY, **more)


def _line(post: Post) -> Shown:
    card = post.card
    text = (
        f"{post.text}\n{card.title} {card.subtitle} {card.fields} {card.body}"
        if card
        else post.text
    )
    labels = tuple(button.label for button in card.buttons) if card else ()
    return Shown(str(post.id), post.place.chat, text, labels, post.mentions, raw={"card": card})


@asynccontextmanager
async def town(
    home: Platform | Homes,
    understander: Understands,
    folder: Path,
    stenographer: Stenographer | None = None,
    *,
    url: str = "",
    also: Sequence[Platform] = (),
) -> AsyncIterator[Town]:
    """Paidan, its doors and loops running, its company on the platform, or on several.

    Args:
        home: Where everybody lives.
        understander: Reads sentences.
        folder: For attachments, and the database unless ``url`` names another.
        stenographer: Puts voice into words that its platform did not.
        url: The database.
        also: Platforms that customers write on besides.
    """
    homes = home if isinstance(home, Homes) else Homes.all_on(home)
    platforms = [*homes.everywhere(), *also]
    for platform in platforms:
        await platform.start()
    listening = socket.create_server(("127.0.0.1", 0))
    door = f"http://127.0.0.1:{listening.getsockname()[1]}"
    channels = Channels(**{platform.name: platform.section() for platform in platforms})

    counts: Counter[tuple[str, str]] = Counter()

    def count(channel: str, event: str) -> None:
        counts[channel, event] += 1

    def plugged(store: SqlStore, http: ClientSession, admit: Admit) -> Mapping[str, Adapter]:
        return plug(
            channels,
            TENANT,
            store,
            http,
            admit,
            public_url=door,
            secret=SECRET_KEY,
            count=count,
        )

    try:
        async with (
            ClientSession() as http,
            assemble(
                url or f"sqlite:///{folder / 'town.db'}",
                folder / "blobs",
                understander,
                clock=FrozenClock(MONDAY),
                plugged=plugged,
                stenographer=stenographer,
                invites=INVITES,
                photos=lambda *of: door + photos_path(SECRET_KEY, *of),
            ) as parts,
        ):
            await seed(parts.store, company_on(homes))
            async with _open(parts, listening, count):
                for platform in platforms:
                    platform.http, platform.hook = http, f"{door}/hooks/{platform.name}"
                yield Town(homes, parts, counts)
    finally:
        listening.close()
        for platform in platforms:
            await platform.stop()


@asynccontextmanager
async def _open(
    parts: Parts, listening: socket.socket, count: Callable[[str, str], None]
) -> AsyncIterator[None]:
    services = Services(
        store=parts.store,
        tenant=TENANT,
        receive=parts.front_desk.admit,
        secret=SECRET_KEY,
        hooks=parts.adapters,
        count=count,
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
