"""``paidan replay``: a transcript through the real intake, on a clock that stands where it says.

Nothing leaves the machine: whatever would be sent is only recorded. The same transcript gives
the same bytes.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from typing_extensions import override

from bots.channel import Capabilities, Channel
from bots.web import EVERYTHING
from paidan import transcript
from paidan.audit import prove
from paidan.clock import FrozenClock
from paidan.company_file import Loaded
from paidan.compose import Parts, assemble, seed
from paidan.learning.following import Understands
from storage import SqlStore
from workflow.kept import Admitted, Queued
from workflow.ports import Clock, UnitOfWork
from workflow.records import Action, ChatRef, Inbound, Outgoing, Receipt
from workflow.work_order import WorkOrder


class Recorder:
    """A channel that takes everything and sends nothing; the receipt names the notice."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self._clock = clock

    @property
    def capabilities(self) -> Capabilities:
        """Like our own pages."""
        return EVERYTHING

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Say that it arrived."""
        return Receipt(outgoing.previous or outgoing.key, self._clock.now(outgoing.tenant))


class _Every(Mapping[str, Channel]):
    """A recorder for whatever channel a transcript speaks of."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Channel] = {}

    @override
    def __getitem__(self, name: str) -> Channel:
        return self._known.setdefault(name, Recorder(name, self._clock))

    @override
    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    @override
    def __iter__(self) -> Any:
        return iter(self._known)

    @override
    def __len__(self) -> int:
        return len(self._known)


def counted_ids() -> Callable[[], str]:
    """Ids that are the same on every run."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):026d}"


def replay(
    source: Iterable[str],
    loaded: Loaded,
    understander: Understands,
    *,
    db: str | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Feed a transcript through intake and tell what came of it.

    Args:
        source: JSONL lines (``docs/reference/transcript.schema.json``).
        loaded: The company that serves them.
        understander: Reads sentences.
        db: A database to keep; by default a temporary one.
        until: How far to let time pass after the last line; by default it stops there.

    Raises:
        InvalidInput: a line is wrong; nothing was fed.
    """
    lines = list(transcript.read(source))
    with tempfile.TemporaryDirectory(prefix="paidan-replay-") as folder:
        url = db or f"sqlite:///{folder}/replay.db"
        return asyncio.run(_replay(lines, loaded, understander, url, Path(folder), db, until))


async def _replay(
    lines: list[transcript.Line],
    loaded: Loaded,
    understander: Understands,
    url: str,
    folder: Path,
    db: str | None,
    until: datetime | None,
) -> dict[str, Any]:
    tenant = loaded.company.tenant
    first = lines[0].at if lines else until or datetime(2000, 1, 1, tzinfo=UTC)
    clock = FrozenClock(first)
    ids = None if db else counted_ids()
    async with assemble(
        url,
        folder / "blobs",
        understander,
        clock=clock,
        ids=ids,
        channels=lambda _store, at: _Every(at),
    ) as parts:
        await seed(parts.store, loaded)
        fed = [await _say(parts, tenant, line) for line in lines]
        if until is not None:
            await parts.house.wind_to(tenant, until)
        report = await prove(parts.store, tenant)
        findings = [msgspec.to_builtins(finding) for finding in report.findings]
        return {"messages": fed, **story(parts.store, tenant), "findings": findings}


async def _say(parts: Parts, tenant: str, line: transcript.Line) -> dict[str, Any]:
    """Let time pass to the line, say it, and tell what became of it."""
    await parts.house.wind_to(tenant, line.at)
    admitted = await feed(parts, tenant, line)
    await parts.house.drain(tenant)
    told: dict[str, Any] = {"line": line.number, "message_id": line.message_id}
    if admitted is None:
        return {**told, "outcome": "duplicate"}
    settled = await parts.store.read(tenant, lambda uow: uow.inbox.get(admitted.id))
    if settled is None:
        return told
    told["outcome"] = settled.outcome or settled.error
    if settled.order_id:
        order = await parts.store.read(tenant, lambda uow: uow.orders.get(settled.order_id))
        told["work_order"] = order.number
    if settled.understanding:
        heads = ("intent", "fault_type", "priority", "emotion", "abstained")
        told["understood"] = {k: settled.understanding[k] for k in heads}
    return told


async def feed(parts: Parts, tenant: str, line: transcript.Line) -> Admitted | None:
    """One line through admission; settling is the house's work. None: it was known already."""
    action = None
    if line.press is not None:
        press = line.press
        action = await parts.store.read(tenant, lambda uow: _pressed(uow, line.place, press))
    inbound = Inbound(
        tenant=tenant,
        channel=line.place.channel,
        chat=line.place.chat,
        chat_kind=line.place.kind,
        sender=line.sender,
        sender_name=line.sender_name,
        dedupe_key=f"{line.place.channel}:{line.message_id}",
        sent_at=line.at,
        text=line.text,
        media=line.media,
        mentions=line.mentions,
        addressed=line.place.kind == "direct" or bool(line.mentions),
        action=action,
        asset=line.asset or None,
    )
    return await parts.front_desk.admit(inbound)


def _pressed(uow: UnitOfWork, place: ChatRef, press: transcript.Press) -> Action:
    """The button as the newest card shows it: with the present state and assignment."""
    order: WorkOrder | None
    if press.last:
        seen = [*uow.orders.shown_in(place), *uow.orders.of_chat(place)]
        order = max(seen, key=lambda o: o.id, default=None)
    else:
        order = uow.orders.find(press.order)
    if order is None:
        return Action(press.do, press.order or "last", args=press.args)
    expect = str(press.args.get("expect", order.state))
    generation = int(press.args.get("generation", order.generation))
    args = {k: v for k, v in press.args.items() if k not in {"expect", "generation"}}
    return Action(press.do, order.id, expect, generation, args)


def story(store: SqlStore, tenant: str) -> dict[str, Any]:
    """Work orders, events and notices as plain data, in a fixed order."""
    orders, events = [], []
    for order, history in store.audit(tenant):
        orders.append(msgspec.to_builtins(order))
        events += [msgspec.to_builtins(event) for event in history]
    return {
        "work_orders": orders,
        "events": events,
        "notices": [_told(queued) for queued in store.outbox_audit(tenant)],
    }


def _told(queued: Queued) -> dict[str, Any]:
    """A notice: who, what, when, why, and how it went."""
    notice = queued.notice
    return {
        "at": queued.created_at.isoformat(),
        "kind": notice.kind,
        "work_order": notice.order_id,
        "event": notice.event_seq,
        "to": msgspec.to_builtins(notice.to),
        "person": notice.person,
        "role": notice.role,
        "mentions": list(notice.mentions),
        "urgency": notice.urgency.name.lower(),
        "text": notice.text,
        "card": notice.card.title if notice.card else None,
        "buttons": [b.action.do for b in notice.card.buttons] if notice.card else [],
        "why": notice.why,
        "not_before": notice.not_before.isoformat() if notice.not_before else None,
        "state": queued.state,
        "sent_at": queued.receipt.at.isoformat() if queued.receipt else None,
        "superseded_by": queued.superseded_by or None,
    }
