"""The record of sending: what became of each notice, and who has to hear that it reached nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bots.channel import Barred
from notifier.deadletters import dead_letters
from notifier.mailbox import Parcel
from notifier.troubles import trouble
from notifier.wording import Words
from workflow.errors import Unavailable
from workflow.kept import Queued
from workflow.ports import Clock, Engine, Store, UnitOfWork
from workflow.records import ChatRef, Receipt

log = structlog.get_logger(__name__)

UNRECORDED = 0.5
"""Seconds until a record that the database did not take is offered to it again."""
UNKNOWN = "unknown"


class Durable(Store, Engine, Protocol):
    """Both doors of storage."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now. ``counted`` says that it was the notice's own failure, ``spacing`` how far apart
    those behind it may follow.
    """

    at: datetime
    why: str
    counted: bool = False
    spacing: timedelta = timedelta(0)
    barred: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """It is there."""

    to: ChatRef
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Dead:
    """It will never be."""

    why: str


Outcome = Later | Sent | Dead


class Record:
    """Writes down what became of messages.

    Args:
        store: Where.
        clock: The tenants' time.
        words: The wording for a tenant.
        count: Counts what became of each notice, by channel.
    """

    def __init__(
        self,
        store: Durable,
        clock: Clock,
        words: Callable[[str], Words],
        count: Callable[[str, str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._words = words
        self._count = count
        self._failures: dict[int, int] = {}
        self.closing = False
        """Whether nobody waits any more for a database that is away."""

    def tries(self, parcel: Parcel) -> int:
        """How often a message has failed of itself."""
        return max(self._failures.get(queued.id, 0) for queued in parcel.notices)

    async def settle(self, tenant: str, parcel: Parcel, outcome: Outcome) -> None:
        """Write down what became of a message, for every notice in it."""
        now = self._clock.now(tenant)
        for n, queued in enumerate(parcel.notices):
            self._count(queued.notice.to.channel, named(outcome))
            if isinstance(outcome, Sent):
                await self._sent(queued, outcome, now, joined=n > 0)
            elif isinstance(outcome, Later):
                if outcome.counted:
                    self._failures[queued.id] = self._failures.get(queued.id, 0) + 1
                await self._keep(
                    queued, at=now, error=self._said(queued, outcome), retry_at=outcome.at
                )
            else:
                self._failures.pop(queued.id, None)
                await self._keep(queued, at=now, error=outcome.why)
        if isinstance(outcome, Dead):
            await self._bury(tenant, parcel, outcome.why)

    async def _sent(self, queued: Queued, sent: Sent, now: datetime, *, joined: bool) -> None:
        self._failures.pop(queued.id, None)
        notice, receipt = queued.notice, sent.receipt
        if joined:
            told = ("sent together with other news", receipt.degraded)
            receipt = replace(receipt, degraded="; ".join(text for text in told if text))
        there = replace(queued, notice=replace(notice, to=sent.to))
        await self._keep(there, at=now, receipt=receipt)
        log.info(
            "notice sent",
            tenant=queued.tenant,
            notice=queued.id,
            kind=notice.kind,
            channel=sent.to.channel,
            receipt=receipt.message_id,
            trace=notice.cause,
        )

    async def _keep(
        self,
        queued: Queued,
        *,
        at: datetime,
        receipt: Receipt | None = None,
        error: str = "",
        retry_at: datetime | None = None,
    ) -> None:
        """Until the database takes it: nothing is sent again because nobody knew that it was."""
        while True:
            try:
                return await self._store.settle_notice(
                    queued, at=at, receipt=receipt, error=error, retry_at=retry_at
                )
            except Unavailable as why:
                if self.closing:
                    raise
                log.warning("a send is not on record yet", notice=queued.id, why=str(why))
            await asyncio.sleep(UNRECORDED)

    @staticmethod
    def _said(queued: Queued, later: Later) -> str:
        """The reason to record; a doubt whether it arrived stays until it is resolved."""
        doubt = queued.error.startswith(UNKNOWN) and not later.why.startswith(UNKNOWN)
        return f"{UNKNOWN}; {later.why}" if doubt else later.why

    async def _bury(self, tenant: str, parcel: Parcel, why: str) -> None:
        """Tell the supervisors, once, of what nobody will hear."""
        log.warning(
            "notice is dead",
            tenant=tenant,
            notices=[queued.id for queued in parcel.notices],
            channel=parcel.lead.to.channel,
            why=why,
        )
        words = self._words(tenant)

        def write(uow: UnitOfWork) -> None:
            for queued in parcel.notices:
                for notice in dead_letters(queued, why, uow.company, words):
                    uow.outbox.add(notice)

        await self._store.transact(tenant, write)

    async def tell_barred(self, tenant: str, no: Barred) -> None:
        """Tell the supervisors, once a day, of an account or a chat that is refused for all."""
        log.warning("refused", tenant=tenant, channel=no.channel, chat=no.chat, why=no.why)
        code = "delivery.barred_chat" if no.chat else "delivery.barred"
        text = self._words(tenant).say(code, channel=no.channel, chat=no.chat, why=no.why)
        facts = (no.chat,) if no.chat else ()
        now = self._clock.now(tenant)

        def write(uow: UnitOfWork) -> None:
            for notice in trouble(no.channel, "barred", facts, text, uow.company, now):
                uow.outbox.add(notice)

        await self._store.transact(tenant, write)


def named(outcome: Outcome) -> str:
    """One word for the count of notices."""
    if isinstance(outcome, Sent):
        return "sent"
    if isinstance(outcome, Dead):
        return "dead"
    return "unclear" if outcome.why.startswith(UNKNOWN) else "put_off"
