"""The channels of a running house: plugged in, their connections kept, unplugged at the end."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from bots.gateway.adapter import Adapter, Admit, Link, Switchboard, fitting
from bots.gateway.tokens import Tokens
from paidan.bare import bare
from paidan.channels import Channels
from paidan.channels.returns import came_back
from paidan.channels.troubles import tell_supervisors
from paidan.signing import press_path
from workflow.errors import PaidanError
from workflow.records import ChatRef

if TYPE_CHECKING:
    import aiohttp

    from storage import SqlStore
    from workflow.ports import Notes, UnitOfWork

log = structlog.get_logger(__name__)

RUNG: Final = frozenset({"wecom_kf"})
"""Channels whose platform only rings: whoever is rung fetches."""
OWN_LEASE: Final = frozenset({"wecom_bot"})
"""Channels that agree on a keeper by themselves, because only the keeper can speak."""
LEASE: Final = timedelta(seconds=8)
"""How long a process that died keeps a connection from the others."""
RESTART_AFTER: Final = 5.0
"""Seconds before a connection whose keeper failed is tried again."""


def plug(
    channels: Channels,
    tenant: str,
    store: SqlStore,
    http: aiohttp.ClientSession,
    admit: Admit,
    *,
    public_url: str = "",
    secret: bytes = b"",
    shared: Callable[[str], Notes] | None = None,
    answers: bool = True,
    count: Callable[[str, str], None] = lambda _channel, _event: None,
) -> dict[str, Adapter]:
    """The adapters of all channels with credentials.

    Args:
        channels: Their accounts.
        tenant: Whose they are.
        store: Keeps their notes.
        http: The client session they share.
        admit: What makes a message ours.
        public_url: What the platforms reach us by; empty: they cannot.
        secret: Signs links to buttons; empty: there are none.
        shared: Notes that may be lost, faster than SQL: tokens live there.
        answers: Whether this process also speaks, so that a call may be held open for what it says.
        count: Counts what happens, by channel and event.
    """
    adapters: dict[str, Adapter] = {}
    for name, section in channels.opened():
        passing = shared(f"tokens:{name}") if shared else store.notes(tenant, f"tokens:{name}")
        board = Switchboard(
            tenant=tenant,
            admit=fitting(admit),
            http=http,
            notes=store.notes(tenant, name),
            tokens=Tokens(passing),
            now=lambda: datetime.now(UTC),
            hook=f"{public_url.rstrip('/')}/hooks/{name}" if public_url else "",
            link=_links(public_url, secret, tenant) if public_url and secret else None,
            locale=partial(_locale, store, tenant, name),
            count=count,
            keep=store.blobs.put,
            came_back=partial(came_back, store, tenant, name),
            picture=partial(_picture, store),
            answers=answers,
            tell=partial(tell_supervisors, store, tenant, name, section.words),
        )
        adapters[name] = section.open(board)
    return adapters


async def _picture(store: SqlStore, blob: str) -> bytes | None:
    """A picture as it may leave the house."""
    found = await store.blobs.get(blob)
    return bare(found[0]) if found is not None and found[1].startswith("image/") else None


async def _locale(store: SqlStore, tenant: str, channel: str, user: str) -> str:
    """The language of a customer we know, else the company's."""

    def read(uow: UnitOfWork) -> str:
        known = uow.people.identity(channel, user) if user else None
        customer = (
            uow.people.customer(known.person_id) if known and known.role == "customer" else None
        )
        return (customer.locale if customer else "") or uow.company.locale

    try:
        return await store.read(tenant, read)
    except PaidanError:
        return "zh_CN"


def _links(public_url: str, secret: bytes, tenant: str) -> Link:
    def link(place: ChatRef, label: str, key: str) -> str:
        path = press_path(secret, tenant, place, (label, key), datetime.now(UTC))
        return public_url.rstrip("/") + path

    return link


async def keep_running(
    adapters: Mapping[str, Adapter], leases: Notes | None = None, *, rung_only: bool = False
) -> None:
    """Keep every channel's own connection until cancelled; one that fails hurts no other.

    Args:
        adapters: By name.
        leases: Where several processes agree on who keeps a connection; None where there is one.
        rung_only: Only what must be kept by whoever takes the platform's calls.
    """
    me = secrets.token_hex(8)
    async with asyncio.TaskGroup() as group:
        for name, adapter in adapters.items():
            if name in RUNG:
                work: Coroutine[None, None, None] = _keep(name, adapter)
            elif rung_only:
                continue
            elif leases is None or name in OWN_LEASE:
                work = _keep(name, adapter)
            else:
                work = _in_turn(name, adapter, leases, me)
            group.create_task(work, name=f"channel:{name}")


async def _in_turn(name: str, adapter: Adapter, leases: Notes, me: str) -> None:
    """Keep it while the lease is ours; wait for it while another process has it."""
    while True:
        try:
            if await leases.swap(name, None, me, LEASE):
                await _while_ours(name, adapter, leases, me)
        except Exception:  # the database is away: so is the lease
            log.exception("who keeps a channel's connection cannot be agreed on", channel=name)
        await asyncio.sleep(LEASE.total_seconds() / 4)


async def _while_ours(name: str, adapter: Adapter, leases: Notes, me: str) -> None:
    keeping = asyncio.create_task(_keep(name, adapter), name=f"channel:{name}:kept")
    try:
        ours = True
        while ours:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            ours = await leases.swap(name, me, me, LEASE)
        log.warning("another process keeps the connection now", channel=name)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        with contextlib.suppress(PaidanError):
            await leases.drop(name, me)


async def _keep(name: str, adapter: Adapter) -> None:
    while True:
        try:
            await adapter.run()
        except Exception:  # the connection's keeper has a bug; the channel is tried again
            log.exception("a channel's connection failed", channel=name)
        else:
            return
        await asyncio.sleep(RESTART_AFTER)
