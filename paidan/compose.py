"""The only room that knows everybody: puts the parts of one running Paidan together."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, web

from bots.channel import Channel
from bots.front_desk import FrontDesk, SignIn
from bots.gateway.adapter import Adapter, Admit
from bots.gateway.luggage import Luggage
from bots.invites import Invites
from bots.web import WebChannel
from nlp import Understander
from notifier.cases import plan_case
from notifier.delivery import PATIENCE, Delivery
from notifier.plan import plan
from notifier.replies import word
from paidan.channels.running import keep_running, plug
from paidan.clock import StoreClock
from paidan.company_file import Loaded
from paidan.console.app import build
from paidan.console.services import Services
from paidan.demo import demo_company
from paidan.demo.history import seed_history
from paidan.house import House, MovableClock
from paidan.importing import store_company
from paidan.knowing import Knowing
from paidan.learning.desk import LearningDesk
from paidan.learning.following import Follower, LiveReader, Understands
from paidan.learning.nightly import Nightly, in_own_process
from paidan.learning.registry import Registry
from paidan.retention import tidy
from paidan.settings import Settings
from paidan.signing import LOGIN_FOR, login_path
from paidan.voice.dictation import Dictation
from paidan.voice.stenographer import Stenographer, hired
from paidan.watch.meters import Meters
from paidan.watch.pages import own_door
from paidan.watch.seams import MeteredDesk, MeteredWays, watchman
from paidan.watch.spans import spans_to
from storage import SqlStore, open_store
from storage.notes import RedisNotes
from workflow.company import Staff
from workflow.errors import InvalidInput
from workflow.kept import Admitted
from workflow.ports import Clock, Notes
from workflow.records import Facts, Inbound
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
        delivery = Delivery(store, movable, timed, patience=patience, count=meters.notice)
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


# --- serving --------------------------------------------------------------------------------------


def serve(settings: Settings, *, demo: bool = False, say: Callable[[str], None] = print) -> None:
    """Serve until SIGTERM or SIGINT, then stop within three seconds.

    Args:
        settings: Where everything is.
        demo: Put the demo company in if the database is empty, and open the sandbox.
        say: Tells the person who started it how far it is, and the address.

    Raises:
        InvalidInput: the tenant has no company yet.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.secret()
    understander = Understander.load(settings.model_dir, say)
    asyncio.run(_serve(settings, understander, demo, say))


async def _serve(
    settings: Settings, understander: Understander, demo: bool, say: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    door, meters = _sign_in(settings), Meters(spans_to(settings.tracing.endpoint))
    async with (
        _redis(settings) as shared,
        assemble(
            settings.database_url,
            settings.blobs,
            understander,
            sign_in=door,
            invites=Invites(settings.secret()),
            plugged=partial(_plugged, settings, shared, meters),
            stenographer=hired(settings.voice),
            meters=meters,
        ) as parts,
    ):
        if demo:
            await _seed_once(parts.store, settings.tenant)
        company = await parts.store.read(settings.tenant, lambda uow: uow.company)
        registry = Registry(parts.store, settings.tenant, understander, settings.model_dir)
        running = asyncio.create_task(_run(settings, parts, registry), name="house")
        warming = asyncio.create_task(asyncio.to_thread(understander.warm), name="warm")
        try:
            async with _door(settings, parts, registry, demo=demo) as address:
                say(_welcome(settings, address, company.staff, demo=demo))
                waiting = asyncio.create_task(stop.wait())
                await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
        finally:
            warming.cancel()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def _run(settings: Settings, parts: Parts, registry: Registry) -> None:
    """The loops of the house, its channels, the model it reads with, and the nightly lesson."""
    follower = Follower(registry, parts.reader)
    parts.store.on_commit(follower.wake)
    at = settings.learning.retrain_at
    nightly = Nightly(parts.store, settings.tenant, at, lambda: in_own_process(settings))
    async with asyncio.TaskGroup() as group:
        group.create_task(parts.house.run(), name="loops")
        group.create_task(keep_running(parts.adapters), name="channels")
        group.create_task(follower.run(), name="model")
        group.create_task(nightly.run(), name="nightly")
        group.create_task(_tidying(settings, parts.store).run(), name="tidying")


def _tidying(settings: Settings, store: SqlStore) -> Nightly:
    """What has been kept long enough goes, once a night."""
    tenant, rules = settings.tenant, settings.retention

    async def go() -> int:
        return (await tidy(store, tenant, rules)).total()

    return Nightly(store, tenant, rules.at, go, what="retention")


def _plugged(
    settings: Settings,
    shared: Callable[[str], Notes] | None,
    meters: Meters,
    store: SqlStore,
    http: ClientSession,
    admit: Admit,
) -> Mapping[str, Adapter]:
    public_url = settings.http.public_url
    return plug(
        settings.channels,
        settings.tenant,
        store,
        http,
        admit,
        public_url=public_url,
        secret=settings.secret(),
        shared=shared,
        count=meters.channel_event,
    )


@asynccontextmanager
async def _redis(settings: Settings) -> AsyncIterator[Callable[[str], Notes] | None]:
    """Notes in Redis, if there is one; what is kept there may be lost."""
    if not settings.redis.url:
        yield None
        return
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - only who has one pays for its client
    except ImportError:
        wanted = "pip install 'paidan[redis]'"
        raise InvalidInput(field="redis.url", found="redis://…", allowed=wanted) from None
    async with Redis.from_url(settings.redis.url, socket_timeout=2) as redis:
        yield lambda area: RedisNotes(redis, settings.tenant, area)


@asynccontextmanager
async def _door(
    settings: Settings, parts: Parts, registry: Registry, *, demo: bool
) -> AsyncIterator[str]:
    """The pages, open for as long as the block runs; gives the address."""
    given = services(settings, parts, registry, demo=demo)
    metrics = settings.metrics
    async with contextlib.AsyncExitStack() as doors:
        if metrics.port and given.watchman is not None:
            side = own_door(given.watchman)
            await doors.enter_async_context(_open(side, metrics.host, metrics.port))
        main = _open(build(given), settings.http.host, settings.http.port)
        port = await doors.enter_async_context(main)
        base = settings.http.public_url or f"http://{settings.http.near}:{port}"
        yield base.rstrip("/")


@asynccontextmanager
async def _open(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """One door; gives its port."""
    runner = web.AppRunner(app, shutdown_timeout=FAREWELL, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def services(settings: Settings, parts: Parts, registry: Registry, *, demo: bool) -> Services:
    """What the console is given of the rest of the house."""

    async def reset() -> None:
        await parts.store.erase(settings.tenant)
        parts.knowing.forget(settings.tenant)
        await _seed_once(parts.store, settings.tenant)

    async def wind(tenant: str, by: timedelta) -> object:
        return await parts.house.wind(tenant, by)

    offered: Callable[[], Awaitable[object]] | None = reset if demo else None
    return Services(
        store=parts.store,
        tenant=settings.tenant,
        receive=parts.front_desk.admit,
        secret=settings.secret(),
        mode=settings.mode,
        sandbox=demo,
        wind=wind if demo else None,
        reset_demo=offered,
        watchman=watchman(
            settings, parts.store, parts.house, parts.delivery, list(parts.channels), parts.meters
        ),
        learning=LearningDesk(registry, lambda: parts.clock.now(settings.tenant)),
        public_url=settings.http.public_url,
        knows=parts.knowing,
        hooks=parts.adapters,
        count=parts.meters.channel_event,
    )


def _sign_in(settings: Settings) -> SignIn:
    """Links real time decides on: winding the sandbox's clock neither spends nor spares them."""

    def link(tenant: str, staff_id: str) -> Facts:
        path = login_path(settings.secret(), tenant, staff_id, datetime.now(UTC))
        return {"url": settings.public_url + path, "minutes": LOGIN_FOR // timedelta(minutes=1)}

    return link


async def _seed_once(store: SqlStore, tenant: str) -> None:
    if tenant in await store.tenants():
        return
    loaded = demo_company()
    await seed(store, replace(loaded, company=replace(loaded.company, tenant=tenant)))
    await seed_history(store, tenant, store.now(tenant))


def _welcome(settings: Settings, address: str, staff: Mapping[str, Staff], *, demo: bool) -> str:
    if demo:
        return f"派单已就绪：{address}/sandbox"
    admin = next((s.id for s in staff.values() if s.role == "admin"), None)
    chief = admin or next((s.id for s in staff.values() if s.role == "supervisor"), None)
    if chief is None:
        return f"派单已就绪：{address}"
    path = login_path(settings.secret(), settings.tenant, chief, datetime.now(UTC))
    return f"派单已就绪：{address}\n管理员一次性登录链接（15 分钟内有效）：{address}{path}"
