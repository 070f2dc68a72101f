"""The channels of a running house: plugged in, their connections kept, unplugged at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from bots.gateway.adapter import Adapter, Admit, Link, Switchboard
from bots.gateway.tokens import Tokens
from paidan.channels import Channels
from paidan.channels.troubles import tell_supervisors
from paidan.signing import press_path
from workflow.errors import PaidanError
from workflow.records import ChatRef

if TYPE_CHECKING:
    import aiohttp

    from storage import SqlStore
    from workflow.ports import Notes, UnitOfWork

log = structlog.get_logger(__name__)

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
        count: Counts what happens, by channel and event.
    """
    adapters: dict[str, Adapter] = {}
    for name, section in channels.opened():
        passing = shared(f"tokens:{name}") if shared else store.notes(tenant, f"tokens:{name}")
        board = Switchboard(
            tenant=tenant,
            admit=admit,
            http=http,
            notes=store.notes(tenant, name),
            tokens=Tokens(passing),
            now=lambda: datetime.now(UTC),
            hook=f"{public_url.rstrip('/')}/hooks/{name}" if public_url else "",
            link=_links(public_url, secret, tenant) if public_url and secret else None,
            locale=partial(_locale, store, tenant, name),
            count=count,
            keep=store.blobs.put,
            tell=partial(tell_supervisors, store, tenant, name, section.words),
        )
        adapters[name] = section.open(board)
    return adapters


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


async def keep_running(adapters: Mapping[str, Adapter]) -> None:
    """Keep every channel's own connection until cancelled; one that fails hurts no other."""
    async with asyncio.TaskGroup() as group:
        for name, adapter in adapters.items():
            group.create_task(_keep(name, adapter), name=f"channel:{name}")


async def _keep(name: str, adapter: Adapter) -> None:
    while True:
        try:
            await adapter.run()
        except Exception:  # the connection's keeper has a bug; the channel is tried again
            log.exception("a channel's connection failed", channel=name)
        else:
            return
        await asyncio.sleep(RESTART_AFTER)
