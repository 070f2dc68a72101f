"""Serving: one process of a Paidan, with pages, with loops, or with both.

Roles: ``web`` shows the pages and takes the platforms' calls; ``worker`` runs the loops and keeps
the channels' connections; ``all`` does everything. Several of each share PostgreSQL, and Redis
where there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

import uvloop
from aiohttp import ClientSession, web

from bots.front_desk import SignIn
from bots.gateway.adapter import Adapter, Admit
from bots.invites import Invites
from nlp import Understander
from notifier.delivery import Photos
from paidan.bell import Bell
from paidan.channels.running import keep_running, plug
from paidan.compose import Parts, assemble, seed
from paidan.console.app import build
from paidan.console.services import Services
from paidan.demo import demo_company
from paidan.demo.history import seed_history
from paidan.lasting import for_good
from paidan.learning.desk import LearningDesk
from paidan.learning.following import Follower
from paidan.learning.nightly import Nightly, in_own_process
from paidan.learning.registry import Registry
from paidan.retention import tidy
from paidan.settings import Settings
from paidan.signing import LOGIN_FOR, login_path, photos_path
from paidan.voice.stenographer import hired
from paidan.watch.meters import Meters
from paidan.watch.pages import own_door
from paidan.watch.seams import watchman
from paidan.watch.spans import spans_to
from storage import SqlStore
from storage.notes import RedisNotes
from workflow.company import Staff
from workflow.errors import InvalidInput
from workflow.ports import Notes
from workflow.records import Facts

if TYPE_CHECKING:
    from redis.asyncio import Redis

Role = Literal["all", "web", "worker"]

FAREWELL = 2.0
"""Seconds that requests under way and open streams get when the process is told to stop."""
IDLE = 10.0
"""Seconds a connection may say nothing, or only half of a request's head; then it is closed."""
UNREAD = 20.0
"""Seconds for which somebody may take nothing of an answer; then the connection is closed."""
KNOCKING = 4096
"""Connections that may wait to be let in, as far as the system allows; the next one's first packet
is dropped, and its caller tries again after a whole second.
"""
CONNECTIONS = 65_536
"""Files and connections this process may have open, if the machine allows it that many."""


@dataclass(frozen=True)
class Duty:
    """What this process is there for. ``demo`` opens the sandbox."""

    role: Role = "all"
    demo: bool = False

    @property
    def pages(self) -> bool:
        """Whether it shows the pages."""
        return self.role != "worker"

    @property
    def works(self) -> bool:
        """Whether it runs the loops."""
        return self.role != "web"


def serve(
    settings: Settings,
    *,
    role: Role = "all",
    demo: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until SIGTERM or SIGINT, then stop within three seconds.

    Args:
        settings: Where everything is.
        role: What this process is there for.
        demo: Put the demo company in if the database is empty, and open the sandbox.
        say: Tells the person who started it how far it is, and the address.

    Raises:
        InvalidInput: the tenant has no company yet, or the database cannot be shared like that.
    """
    if role != "all" and not settings.database_url.startswith("postgresql"):
        raise InvalidInput(
            field="role", found=f"{role} on SQLite", allowed="all; web and worker need PostgreSQL"
        )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.secret()
    _allow_many_connections()
    understander = for_good(lambda: Understander.load(settings.model_dir, say))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, understander, Duty(role, demo), say))


def _allow_many_connections() -> None:
    """Most systems start a process with room for 1,024, which idle connections of strangers would
    fill up within seconds: then nobody gets in, and the database file cannot be opened either.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, CONNECTIONS)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def _serve(
    settings: Settings, understander: Understander, duty: Duty, say: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    meters = Meters(spans_to(settings.tracing.endpoint))
    async with (
        _redis(settings) as redis,
        assemble(
            settings.database_url,
            settings.blobs,
            understander,
            sign_in=_sign_in(settings),
            invites=Invites(settings.secret()),
            plugged=partial(_plugged, settings, redis, meters, duty),
            stenographer=hired(settings.voice) if duty.works else None,
            meters=meters,
            photos=_photos(settings),
        ) as parts,
    ):
        await _alone_where_it_must_be(parts.store)
        if duty.demo:
            await _seed_once(parts.store, settings.tenant)
        company = await parts.store.read(settings.tenant, lambda uow: uow.company)
        registry = Registry(parts.store, settings.tenant, understander, settings.model_dir)
        bell = Bell(redis, settings.tenant, parts.store.echo) if redis is not None else None
        running = asyncio.create_task(_run(settings, parts, registry, duty, bell), name="house")
        warming = asyncio.create_task(asyncio.to_thread(for_good, understander.warm), name="warm")
        try:
            async with _doors(settings, parts, registry, duty) as address:
                say(_welcome(settings, address, company.staff, duty))
                waiting = asyncio.create_task(stop.wait())
                await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
        finally:
            warming.cancel()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def _alone_where_it_must_be(store: SqlStore) -> None:
    """SQLite is one process's."""
    if store.shared:
        return
    others = await asyncio.to_thread(store.others_at_work)
    if others:
        raise InvalidInput(
            field="database.url",
            found=f"SQLite, already served by {', '.join(others)}",
            allowed="one process; several need postgresql://…",
        )


async def _run(
    settings: Settings, parts: Parts, registry: Registry, duty: Duty, bell: Bell | None
) -> None:
    """The loops of the house, its channels, the model it reads with, and the nightly lesson."""
    follower = Follower(registry, parts.reader)
    parts.store.on_commit(follower.wake)
    at = settings.learning.retrain_at
    retrain = partial(in_own_process, settings, "model", "retrain", "--gently")
    nightly = Nightly(parts.store, settings.tenant, at, retrain)
    leases = parts.store.notes(settings.tenant, "connections") if parts.store.shared else None
    async with asyncio.TaskGroup() as group:
        group.create_task(follower.run(), name="model")
        channels = keep_running(parts.adapters, leases, rung_only=not duty.works)
        group.create_task(channels, name="channels")
        if duty.works:
            group.create_task(parts.house.run(), name="loops")
            group.create_task(nightly.run(), name="nightly")
            group.create_task(_tidying(settings, parts.store).run(), name="tidying")
            group.create_task(_auditing(settings, parts.store).run(), name="auditing")
        if bell is not None:
            parts.store.on_commit(bell.hear)
            group.create_task(bell.run(), name="bell")


def _tidying(settings: Settings, store: SqlStore) -> Nightly:
    """What has been kept long enough goes, once a night."""
    tenant, rules = settings.tenant, settings.retention

    async def go() -> int:
        return (await tidy(store, tenant, rules)).total()

    return Nightly(store, tenant, rules.at, go, what="retention")


def _photos(settings: Settings) -> Photos | None:
    """Where a card's pictures can be seen, if we can be reached."""
    address = settings.http.public_url.rstrip("/")
    if not address:
        return None
    secret = settings.secret()
    return lambda tenant, to, order_id: address + photos_path(secret, tenant, to, order_id)


def _auditing(settings: Settings, store: SqlStore) -> Nightly:
    """The books are gone through, once a night; what does not hold is told."""

    async def go() -> int:
        return await in_own_process(settings, "audit", "--tell")

    return Nightly(store, settings.tenant, settings.audit.at, go, what="audit")


def _plugged(
    settings: Settings,
    redis: Redis | None,
    meters: Meters,
    duty: Duty,
    store: SqlStore,
    http: ClientSession,
    admit: Admit,
) -> Mapping[str, Adapter]:
    def shared(area: str) -> Notes:
        """What may be lost at any time, faster than SQL."""
        assert redis is not None  # noqa: S101 - else it is not given
        return RedisNotes(redis, settings.tenant, area)

    return plug(
        settings.channels,
        settings.tenant,
        store,
        http,
        admit,
        public_url=settings.http.public_url,
        secret=settings.secret(),
        shared=shared if redis is not None else None,
        answers=duty.works,
        count=meters.channel_event,
    )


@asynccontextmanager
async def _redis(settings: Settings) -> AsyncIterator[Redis | None]:
    """Redis, if there is one; what is kept there may be lost."""
    if not settings.redis.url:
        yield None
        return
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - only who has one pays for its client
    except ImportError:
        wanted = "pip install 'paidan[redis]'"
        raise InvalidInput(field="redis.url", found="redis://…", allowed=wanted) from None
    async with Redis.from_url(
        settings.redis.url, socket_timeout=2, socket_connect_timeout=2, health_check_interval=10
    ) as redis:
        yield redis


@asynccontextmanager
async def _doors(
    settings: Settings, parts: Parts, registry: Registry, duty: Duty
) -> AsyncIterator[str]:
    """The pages, and a door for those who watch, open for as long as the block runs; gives the
    address of the pages, empty where there are none.
    """
    given = services(settings, parts, registry, duty)
    metrics = settings.metrics
    async with contextlib.AsyncExitStack() as doors:
        if metrics.port and given.watchman is not None:
            side = own_door(given.watchman)
            await doors.enter_async_context(_open(side, metrics.host, metrics.port))
        address = ""
        if duty.pages:
            main = _open(build(given), settings.http.host, settings.http.port)
            port = await doors.enter_async_context(main)
            address = settings.http.public_url or f"http://{settings.http.near}:{port}"
        yield address.rstrip("/")


@asynccontextmanager
async def _open(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """One door; gives its port. Bodies are taken as they are sent: what is packed is not unpacked
    before anybody has asked how large it becomes.
    """
    app.on_response_prepare.append(_leave_who_does_not_read)
    runner = web.AppRunner(
        app,
        shutdown_timeout=FAREWELL,
        access_log=None,
        keepalive_timeout=IDLE,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=KNOCKING).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _leave_who_does_not_read(request: web.Request, _answer: web.StreamResponse) -> None:
    """Nothing in aiohttp ends an answer that nobody takes; the system does, where it can."""
    found = request.transport and request.transport.get_extra_info("socket")
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if found and option is not None:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.IPPROTO_TCP, option, int(UNREAD * 1000))


def services(settings: Settings, parts: Parts, registry: Registry, duty: Duty) -> Services:
    """What the console is given of the rest of the house."""

    async def reset() -> None:
        await parts.store.erase(settings.tenant)
        parts.knowing.forget(settings.tenant)
        await _seed_once(parts.store, settings.tenant)

    async def wind(tenant: str, by: timedelta) -> object:
        return await parts.house.wind(tenant, by)

    offered: Callable[[], Awaitable[object]] | None = reset if duty.demo else None
    return Services(
        store=parts.store,
        tenant=settings.tenant,
        receive=parts.front_desk.admit,
        secret=settings.secret(),
        mode=settings.mode,
        sandbox=duty.demo,
        wind=wind if duty.demo else None,
        reset_demo=offered,
        watchman=watchman(
            settings,
            parts.store,
            parts.house if duty.works else None,
            parts.delivery,
            list(parts.channels),
            parts.meters,
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


def _welcome(settings: Settings, address: str, staff: Mapping[str, Staff], duty: Duty) -> str:
    if not duty.pages:
        return "派单已就绪：后台进程，没有页面"
    if duty.demo:
        return f"派单已就绪：{address}/sandbox"
    admin = next((s.id for s in staff.values() if s.role == "admin"), None)
    chief = admin or next((s.id for s in staff.values() if s.role == "supervisor"), None)
    if chief is None:
        return f"派单已就绪：{address}"
    path = login_path(settings.secret(), settings.tenant, chief, datetime.now(UTC))
    return f"派单已就绪：{address}\n管理员一次性登录链接（15 分钟内有效）：{address}{path}"
