"""The only room that knows everybody: puts the parts of one running Paidan together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

from bots.channel import Channel
from bots.front_desk import FrontDesk, SignIn
from bots.gateway.adapter import Adapter, Admit
from bots.gateway.luggage import Luggage
from bots.invites import Invites
from bots.web import WebChannel
from notifier.cases import plan_case
from notifier.delivery import PATIENCE, Delivery, Photos
from notifier.plan import plan
from notifier.replies import word
from paidan.clock import StoreClock
from paidan.company_file import Loaded
from paidan.house import House, MovableClock
from paidan.importing import store_company
from paidan.knowing import Knowing
from paidan.learning.following import LiveReader, Understands
from paidan.voice.dictation import Dictation
from paidan.voice.stenographer import Stenographer
from paidan.watch.meters import Meters
from paidan.watch.seams import MeteredDesk, MeteredWays
from storage import SqlStore, open_store
from workflow.kept import Admitted
from workflow.ports import Clock
from workflow.records import Inbound
from workflow.service import Service

log = structlog.get_logger(__name__)

FAREWELL = 2.0
"""Seconds that requests under way and open streams get when the process is told to stop."""
UNHURRIED = 60.0
"""Seconds a round of delivery waits for its chats when time stands still anyway."""

OWN_CHANNELS = ("sandbox", "web", "console")


Plugged = Callable[[SqlStore, ClientSession, Admit], Mapping[str, Adapter]]
"""Makes the adapters of chat platforms from the store, a client session and the way in."""


@dataclass(frozen=True)
class Parts:
    """One running Paidan without its pages."""

    store: SqlStore
    clock: MovableClock
    service: Service
    front_desk: FrontDesk
    channels: Mapping[str, Channel]
    adapters: Mapping[str, Adapter]
    house: House
    knowing: Knowing
    reader: LiveReader
    delivery: Delivery
    meters: Meters


def own_channels(store: SqlStore, clock: Clock) -> dict[str, Channel]:
    """The channels whose pages are ours."""
    return {name: WebChannel(name, store, clock) for name in OWN_CHANNELS}


@asynccontextmanager
async def assemble(
    url: str,
    blobs: Path,
    understander: Understands,
    *,
    clock: Callable[[str], datetime] | None = None,
    ids: Callable[[], str] | None = None,
    channels: Callable[[SqlStore, Clock], Mapping[str, Channel]] = own_channels,
    sign_in: SignIn | None = None,
    invites: Invites | None = None,
    plugged: Plugged | None = None,
    stenographer: Stenographer | None = None,
    meters: Meters | None = None,
    photos: Photos | None = None,
) -> AsyncIterator[Parts]:
    """Open the store, migrate it, and put everything on it.

    Args:
        url: The database.
        blobs: The folder for attachments.
        understander: Reads sentences.
        clock: A movable clock instead of real time (replay, tests); it is also the store's.
        ids: Gives the next id, for runs that must be repeatable.
        channels: Makes the channels delivery speaks through.
        sign_in: Makes the link that 「登录」 is answered with.
        invites: Knows the invites that 「绑定」 brings.
        plugged: Makes the adapters of chat platforms.
        stenographer: Puts voice into words that its platform did not; it is closed at the end.
        meters: Count what happens; None makes new ones.
        photos: Gives the address of a page with a work order's pictures; None: there are none.
    """
    async with open_store(url, blobs, ids=ids, clock=clock) as store, client() as http:
        movable: MovableClock = clock if _movable(clock) else StoreClock(store)  # type: ignore[assignment]  # narrowed by hand

        async def admit(inbound: Inbound) -> Admitted | None:
            return await desk.admit(inbound)

        meters = meters or Meters()
        store.on_timed(meters.committed)
        adapters = plugged(store, http, admit) if plugged else {}
        own = channels(store, movable)
        ways = {**own, **adapters} if adapters else own
        service = Service(plan)
        knowing = Knowing(store)
        reader = LiveReader(understander)
        dictation = Dictation(store, stenographer) if stenographer else None
        desk = MeteredDesk(
            store,
            movable,
            reader,
            service,
            word,
            plan_case,
            sign_in,
            knows=knowing,
            judge=understander.same_incident,
            fetch=Luggage(adapters, store.blobs, dictation).fetch,
            invites=invites,
        )
        patience = PATIENCE if clock is None else UNHURRIED
        desk.meters = meters
        timed = MeteredWays(ways, meters)
        delivery = Delivery(
            store, movable, timed, patience=patience, count=meters.notice, photos=photos
        )
        house = House(store, movable, desk, service, delivery, meters.step)
        store.on_commit(house.wake)
        try:
            yield Parts(
                store, movable, service, desk, ways, adapters, house, knowing, reader,
                delivery, meters,
            )  # fmt: skip
        finally:
            await knowing.close()
            await delivery.close()
            for adapter in adapters.values():
                await adapter.close()
            if stenographer is not None:
                await stenographer.close()


def client() -> ClientSession:
    """The session that chat platforms are called with; it keeps no cookies."""
    return ClientSession(cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=60))


def _movable(clock: object) -> bool:
    return hasattr(clock, "move") and hasattr(clock, "now")


async def seed(store: SqlStore, loaded: Loaded) -> None:
    """Store a company with its customers, assets and identities; again does no harm."""
    await store_company(store, loaded.company.tenant, loaded)
