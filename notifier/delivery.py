"""Getting notices delivered: each chat's mailbox in order, side by side with the others.

What is claimed is sent, put back with a time, or declared dead where a supervisor sees it. A send
whose answer never came is tried again; where the platform does not know our keys, its receipt
says that it may have arrived twice. Nothing here raises out of the loop.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from bots.channel import Anomalous, Barred, Channel, ChannelError, Refused, Retry, Unsupported
from notifier.mailbox import (
    Parcel,
    digest,
    fit,
    mergeable,
    nothing_to_show,
    parcels,
    retired,
)
from notifier.pacing import OPEN_FOR, Breaker, Window, backoff
from notifier.recording import UNKNOWN, Dead, Durable, Later, Outcome, Record, Sent
from notifier.wording import DEFAULT, Words
from workflow.kept import Queued
from workflow.ports import Clock
from workflow.records import ChatRef, Outgoing, Receipt, Urgency
from workflow.tracing import caused_by

log = structlog.get_logger(__name__)

BATCH = 64
MOST_ATTEMPTS = 8
ANSWER_WITHIN = 10.0
"""Seconds a channel has to answer; later its answer is unknown."""
PATIENCE = 2.0
"""Seconds :meth:`Delivery.run_once` waits for slow chats before it lets the others go on."""
GIVE_UP_AFTER = timedelta(hours=24)
"""How long a channel may put a notice off before it is dead."""
OUTLASTS = timedelta(minutes=90)
"""How long a notice waits for a channel that fails whatever it is given, however often it was
tried.
"""
Photos = Callable[[str, ChatRef, str], str]
"""Of this tenant, for this chat, of this work order."""
_REMEMBERED = 10_000


@dataclass
class _Chat:
    """What one chat takes, and who is speaking into it."""

    window: Window
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Delivery:
    """Sends what is due. One per process; several processes share the outbox, chat by chat.

    Args:
        store: Where notices are claimed and settled.
        clock: The tenants' time.
        channels: The ways out by name.
        chance: Gives random numbers from 0 to 1, to spread retries.
        locale: The language of digests and of a card's text form.
        answer_within: Seconds a channel has to answer.
        patience: Seconds one round waits for slow chats.
        count: Counts what became of each notice, by channel.
        photos: Gives the address of a page with a work order's pictures, for whoever reads a chat;
            None where there are no such pages.
    """

    def __init__(
        self,
        store: Durable,
        clock: Clock,
        channels: Mapping[str, Channel],
        *,
        chance: Callable[[], float] = random.random,
        locale: str = DEFAULT,
        answer_within: float = ANSWER_WITHIN,
        patience: float = PATIENCE,
        count: Callable[[str, str], None] = lambda _channel, _outcome: None,
        photos: Photos | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._channels = channels
        self._chance = chance
        self._locale = locale
        self._answer_within = answer_within
        self._patience = patience
        self._record = Record(store, clock, self._words, count)
        self._photos = photos
        self._chats: dict[tuple[str, str, str], _Chat] = {}
        self._breakers: dict[tuple[str, str], Breaker] = defaultdict(Breaker)
        self._routes: dict[tuple[str, str, str], Breaker] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def run_once(self, tenant: str) -> int:
        """Claim what is due and send it; how many notices were claimed.

        Chats that answer slowly go on in the background and keep nobody else waiting.
        """
        now = self._clock.now(tenant)
        without = [n for n, channel in self._channels.items() if channel.capabilities.elsewhere]
        claimed = await self._store.claim_notices(tenant, now, BATCH, without)
        self._forget_idle(now)
        boxes: dict[tuple[str, str], list[Queued]] = {}
        for queued in claimed:
            to = queued.notice.to
            boxes.setdefault((to.channel, to.chat), []).append(queued)
        tasks = [asyncio.create_task(self._empty(tenant, box)) for box in boxes.values()]
        self._running.update(tasks)
        for task in tasks:
            task.add_done_callback(self._running.discard)
        if tasks:
            await asyncio.wait(tasks, timeout=self._patience)
        return len(claimed)

    async def close(self) -> None:
        """Wait for what is being sent; nothing new is begun by this."""
        self._record.closing = True
        while self._running:
            await asyncio.wait(self._running)

    # --- one mailbox --------------------------------------------------------------------------

    async def _empty(self, tenant: str, box: Sequence[Queued]) -> None:
        chat = self._chat(tenant, box[0].notice.to)
        chat.waiting += 1
        try:
            async with chat.lock:
                await self._look_elsewhere(tenant, chat, box[0].notice.to)
                await self._send_all(tenant, box)
        except Exception:  # what was not settled is claimed again
            log.exception("mailbox failed", tenant=tenant, channel=box[0].notice.to.channel)
        finally:
            chat.waiting -= 1
            self._store.let_go("outbox", [queued.id for queued in box])

    async def _look_elsewhere(self, tenant: str, chat: _Chat, to: ChatRef) -> None:
        """What other processes said in the last minute counts too, and what we said before a
        restart.
        """
        if chat.window.per_minute:
            since = self._clock.now(tenant) - timedelta(minutes=1)
            chat.window.elsewhere = await self._store.said_elsewhere(tenant, to, since)

    async def _send_all(self, tenant: str, box: Sequence[Queued]) -> None:
        """Everything of one chat in order. After one that has to wait, the rest waits: as long
        where the chat takes nothing, a little where that one failed.
        """
        waiting = self._parcels(tenant, box)
        for n, parcel in enumerate(waiting):
            if not self._store.on_shift():
                log.warning("no longer ours to send", tenant=tenant, chat=parcel.lead.to.chat)
                return
            with caused_by(parcel.lead.cause):
                outcome = await self._deliver(tenant, parcel)
                await self._record.settle(tenant, parcel, outcome)
            if isinstance(outcome, Later) and not outcome.barred:
                soon = outcome.at
                if outcome.counted:
                    soon = min(soon, self._clock.now(tenant) + OPEN_FOR)
                for place, behind in enumerate(waiting[n + 1 :], 1):
                    at = soon + place * outcome.spacing
                    await self._record.settle(tenant, behind, Later(at, "behind another notice"))
                return

    def _parcels(self, tenant: str, box: Sequence[Queued]) -> list[Parcel]:
        """The messages to send; reminders become one digest when the chat's window is short, or
        when they were put off: a chat that was just throttled takes no burst.
        """
        to = box[0].notice.to
        channel = self._channels.get(to.channel)
        if channel is None:
            return [Parcel((queued,), queued.notice.text, key=queued.notice.key) for queued in box]
        left = self._chat(tenant, to).window.left(self._clock.now(tenant))
        ready = parcels(box, channel.capabilities, sparing=left < len(box))
        calm = [parcel for parcel in ready if mergeable(parcel) and not self._doubtful(parcel)]
        put_off = any(queued.error for parcel in calm for queued in parcel.notices)
        if (len(ready) <= left and not put_off) or len(calm) < 2:  # noqa: PLR2004  # one needs none
            return ready
        merged = digest(calm, self._words(tenant))
        return [*(parcel for parcel in ready if parcel not in calm), merged]

    # --- one message --------------------------------------------------------------------------

    async def _deliver(self, tenant: str, parcel: Parcel) -> Outcome:
        """Try the chat it is for, then its fallbacks.

        The next one is tried when a chat or the account is refused for good; for an emergency, or
        when this was the last attempt, also when it merely fails.
        """
        tries = self._record.tries(parcel) + 1
        last, old = tries >= MOST_ATTEMPTS, self._is_old(tenant, parcel)
        eager = last or old or parcel.lead.urgency == Urgency.RED
        later: Later | None = None
        whys: list[str] = []
        for to in (parcel.lead.to, *parcel.lead.fallbacks):
            outcome = await self._try(tenant, parcel, to, tries)
            if isinstance(outcome, Sent):
                return outcome
            whys.append(f"{to.channel}: {outcome.why}")
            if isinstance(outcome, Later):
                later = later or outcome
                if not eager and not outcome.barred:
                    return later
        spent = last and later is not None and later.counted and not self._is_away(tenant, parcel)
        if later is None or old or spent:
            return Dead("; ".join(whys))
        return later

    async def _try(self, tenant: str, parcel: Parcel, to: ChatRef, tries: int) -> Outcome:
        """One chat: unless it cannot be, need not be, or must not be now, speak."""
        channel = self._channels.get(to.channel)
        if channel is None:
            return Dead("no such channel")
        can, now = channel.capabilities, self._clock.now(tenant)
        if to.kind == "group" and not can.groups:
            return Dead("no groups")
        unneeded = nothing_to_show(parcel, can) if to == parcel.lead.to else ""
        if unneeded:
            return Sent(to, Receipt(parcel.previous, now, unneeded))
        return self._wait(tenant, parcel, to) or await self._speak(
            channel, tenant, parcel, to, tries
        )

    def _wait(self, tenant: str, parcel: Parcel, to: ChatRef) -> Later | None:
        """Until when the channel rests or the chat's window is full."""
        now = self._clock.now(tenant)
        breaker = self._breakers[tenant, to.channel]
        resting = breaker.blocked(now)
        if resting is not None:
            why = "the account is refused" if breaker.barred else "the channel rests after failures"
            return Later(resting, why, barred=breaker.barred)
        route = self._routes.get((tenant, to.channel, to.chat))
        shut = route.blocked(now) if route is not None else None
        if shut is not None:
            return Later(shut, "the way into this chat is refused", barred=True)
        window = self._chat(tenant, to).window
        full = window.take(now, urgent=parcel.urgent)
        if full is not None:
            return Later(full, "all the chat takes in a minute", spacing=window.spacing())
        return None

    async def _speak(
        self, channel: Channel, tenant: str, parcel: Parcel, to: ChatRef, tries: int
    ) -> Outcome:
        now, breaker = self._clock.now(tenant), self._breakers[tenant, to.channel]
        breaker.trying(now)
        try:
            receipt = await self._say(channel, tenant, parcel, to)
        except Retry as busy:
            return Later(now + max(busy.after, timedelta(seconds=1)), busy.why)
        except Barred as no:
            await self._record.tell_barred(tenant, no)
            return Later(self._bar(tenant, no, now), no.why, barred=True)
        except (Refused, Unsupported) as no:
            breaker.succeeded()
            return Dead(no.why)
        except (TimeoutError, Anomalous) as silence:
            breaker.failed(now)
            why = silence.why if isinstance(silence, Anomalous) else "no answer"
            return self._again(now, f"{UNKNOWN}: {why}", tries)
        except Exception as error:  # a channel's bug must not stop the others
            breaker.failed(now)
            log.exception("channel failed", tenant=tenant, channel=to.channel)
            return self._again(now, type(error).__name__, tries)
        breaker.succeeded()
        self._routes.pop((tenant, to.channel, to.chat), None)
        return Sent(to, receipt)

    def _bar(self, tenant: str, no: Barred, now: datetime) -> datetime:
        """Close the account's way, or that into one chat; when to try it again."""
        account = self._breakers[tenant, no.channel]
        if not no.chat:
            return account.bar(now)
        account.succeeded()
        return self._routes.setdefault((tenant, no.channel, no.chat), Breaker()).bar(now)

    def _again(self, now: datetime, why: str, tries: int) -> Later:
        return Later(now + backoff(tries, self._chance()), why, counted=True)

    async def _say(self, channel: Channel, tenant: str, parcel: Parcel, to: ChatRef) -> Receipt:
        """Send it as the channel can show it; plainer, or as a new message, where it must be."""
        can, words = channel.capabilities, self._words(tenant)
        whole = self._with_photos(parcel.outgoing(tenant, to), parcel, words)
        outgoing, lost = fit(whole, can, words, brief=parcel.brief)
        try:
            receipt = await self._answered(channel.send(outgoing))
        except Unsupported:
            plainer = replace(can, cards=False, mentions=False)
            outgoing, lost = fit(whole, plainer, words, brief=parcel.brief)
            receipt = await self._answered(channel.send(outgoing))
        except Refused as no:
            if isinstance(no, Barred) or not outgoing.previous:
                raise
            fresh = replace(outgoing, previous="", key=f"{outgoing.key}:fresh")
            receipt, lost = await self._answered(channel.send(fresh)), "the older card was gone"
        if parcel.retires:
            await self._retire(channel, tenant, parcel)
        doubtful = self._doubtful(parcel) and not can.idempotent
        told = [receipt.degraded, lost, "may have arrived twice" if doubtful else ""]
        return replace(receipt, degraded="; ".join(text for text in told if text))

    def _with_photos(self, whole: Outgoing, parcel: Parcel, words: Words) -> Outgoing:
        """With the address of a page that shows the card's pictures to its reader."""
        card, order_id = whole.card, parcel.notices[-1].notice.order_id
        many = sum(m.kind == "image" and bool(m.blob) for m in card.media) if card else 0
        if card is None or not many or not order_id or self._photos is None:
            return whole
        link = (
            words.say("delivery.photos", n=many),
            self._photos(whole.tenant, whole.to, order_id),
        )
        return replace(whole, card=replace(card, links=(link,)))

    async def _answered(self, sending: Awaitable[Receipt]) -> Receipt:
        async with asyncio.timeout(self._answer_within):
            return await sending

    async def _retire(self, channel: Channel, tenant: str, parcel: Parcel) -> None:
        """Take the buttons off the older copy; a stale one is refused anyway."""
        try:
            await self._answered(channel.send(retired(parcel, tenant, self._words(tenant))))
        except (ChannelError, TimeoutError) as why:
            log.info("older card stays", tenant=tenant, channel=channel.name, why=str(why))

    # --- what it remembers --------------------------------------------------------------------

    def _chat(self, tenant: str, to: ChatRef) -> _Chat:
        key = (tenant, to.channel, to.chat)
        if key not in self._chats:
            channel = self._channels.get(to.channel)
            per_minute = channel.capabilities.per_minute if channel else 0
            self._chats[key] = _Chat(Window(per_minute))
        return self._chats[key]

    def _forget_idle(self, now: datetime) -> None:
        """Chats that nobody speaks into need not be remembered."""
        if len(self._chats) > _REMEMBERED:
            idle = [k for k, c in self._chats.items() if not c.waiting and c.window.idle(now)]
            for key in idle:
                del self._chats[key]

    def _is_old(self, tenant: str, parcel: Parcel) -> bool:
        return self._age(tenant, parcel) > GIVE_UP_AFTER

    def _is_away(self, tenant: str, parcel: Parcel) -> bool:
        """Whether it is the channel that fails, and has not done so for all too long."""
        breaker = self._breakers[tenant, parcel.lead.to.channel]
        return breaker.until is not None and self._age(tenant, parcel) < OUTLASTS

    def _age(self, tenant: str, parcel: Parcel) -> timedelta:
        since = [max(q.created_at, q.notice.not_before or q.created_at) for q in parcel.notices]
        return self._clock.now(tenant) - min(since)

    @staticmethod
    def _doubtful(parcel: Parcel) -> bool:
        return any(q.state == UNKNOWN or q.error.startswith(UNKNOWN) for q in parcel.notices)

    def _words(self, tenant: str) -> Words:
        return Words(self._locale, "UTC", self._clock.now(tenant))

    def resting(self) -> Iterator[tuple[str, str]]:
        """The tenants and channels left alone right now after repeated failures."""
        for (tenant, channel), breaker in self._breakers.items():
            if breaker.until is not None:
                yield tenant, channel

    def barred(self) -> Iterator[tuple[str, str]]:
        """Those of them whose platform refuses the account."""
        for (tenant, channel), breaker in self._breakers.items():
            if breaker.barred:
                yield tenant, channel
