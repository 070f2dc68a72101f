"""Letting go, at night, of what the settings say has been kept long enough."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from paidan.settings import Retention
from storage import SqlStore, retention
from storage.codec import micros
from storage.database import Session
from storage.retention import Batch

log = structlog.get_logger(__name__)

BREATH: Final = 0.05
"""Seconds between two batches, in which whoever waits for the writer has their turn."""


class Work(Protocol):
    """One kind of batch, as ``storage.retention`` has them."""

    def __call__(self, session: Session, tenant: str, before: int, after: str) -> Batch: ...


async def tidy(
    store: SqlStore,
    tenant: str,
    rules: Retention,
    now: datetime | None = None,
    real_now: datetime | None = None,
) -> Counter[str]:
    """Let go of everything that is due; how many of each went.

    Args:
        store: Where from.
        tenant: Whose; attachments are nobody's alone, and go when nobody needs them.
        rules: How long things stay.
        now: The company's time; by default its present.
        real_now: What attachments go by, for they came in real time.
    """
    now = now or store.now(tenant)
    gone: Counter[str] = Counter()
    retire = partial(retention.orders, now=micros(now))
    works: tuple[tuple[str, int, Work, bool], ...] = (
        ("orders", rules.orders, retire, False),
        ("messages", rules.messages, retention.messages, True),
        ("messages", rules.messages, retention.case_messages, False),
        ("notices", rules.notices, retention.notices, True),
        ("chatter", rules.chatter, retention.chatter, True),
        ("chatter", rules.chatter, retention.stray_notices, False),
    )
    for name, days, work, goes_on in works:
        if days:
            before = micros(now - timedelta(days=days))
            gone[name] += await _in_batches(store, tenant, work, before, name if goes_on else "")
    if rules.media:
        kept_since = (real_now or datetime.now(UTC)) - timedelta(days=rules.media)
        gone["media"] = await _media(store, micros(kept_since))
    log.info("kept long enough", tenant=tenant, **gone)
    return gone


async def _in_batches(
    store: SqlStore, tenant: str, work: Work, before: int, remembered: str
) -> int:
    """Batch after batch. Where what is looked at once never changes again, the next night goes on
    from there.
    """
    notes, gone = store.notes(tenant, "retention"), 0
    after = (await notes.get(remembered) or "") if remembered else ""
    while True:
        batch = await store.write(tenant, partial(work, tenant=tenant, before=before, after=after))
        gone += batch.gone
        if remembered and batch.after != after:
            await notes.put(remembered, batch.after)
        if not batch.more:
            return gone
        after = batch.after
        await asyncio.sleep(BREATH)


async def _media(store: SqlStore, before: int) -> int:
    gone, after = 0, ""
    needed = await store.look(retention.needed)
    while True:
        page = await store.look(partial(retention.old_media, before=before, after=after))
        for blob, sent in page:
            if sent and blob not in needed:
                gone += await store.blobs.let_go(blob, before)
        if len(page) < retention.MESSAGES:
            return gone
        after = page[-1][0]
        await asyncio.sleep(BREATH)
