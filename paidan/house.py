"""The running house: three loops on the SQL wheel, woken by commits and by the next due time.

What they do is durable before they do it: a message is admitted, a timer armed, a notice planned
in the database; the loops only carry it out. Stopping them anywhere loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from paidan.resting import Resting
from workflow.errors import Unavailable
from workflow.kept import Admitted, Timer
from workflow.ports import Clock, Engine, Store
from workflow.service import Service
from workflow.tracing import cause_of, caused_by

log = structlog.get_logger(__name__)

BATCH = 64
LONGEST_NAP = 5.0
"""Seconds after which a loop looks again even if nobody woke it."""
SHARED_NAP = 1.0
"""The same where other processes write into the database too, and may die with work in hand."""
PATIENCE = 0.5
"""Seconds the inbox loop waits for slow messages (a clip being put into words, a photo that does
not come) before it lets other conversations go on."""
MOST_SETTLING = 2 * BATCH
"""Messages being settled at once, the slow ones in the background included."""
_WHY = 300
"""Characters kept of what hindered a step."""


Step = Callable[[Timer, datetime, float, bool], None]
"""Told of a due step: at what time of the company, when really, and whether it was still due."""


class FrontDeskPort(Protocol):
    """What the inbox loop needs of the front desk."""

    async def settle(self, tenant: str, admitted: Admitted) -> str: ...


class DeliveryPort(Protocol):
    """What the outbox loop needs of delivery."""

    async def run_once(self, tenant: str) -> int: ...


class MovableClock(Clock, Protocol):
    """A clock whose tenant time can be set (by the sandbox, and by replay)."""

    async def move(self, tenant: str, to: datetime) -> None:
        """Let the tenant's time be ``to`` now; it goes on from there."""
        ...


class Durable(Store, Engine, Protocol):
    """Both doors of storage."""


class House:
    """The loops of one process.

    ``wake`` is called with the topics of each commit. ``drain`` does everything due now and is
    what the loops, the sandbox clock and replay share.
    """

    def __init__(
        self,
        store: Durable,
        clock: MovableClock,
        front_desk: FrontDeskPort,
        service: Service,
        delivery: DeliveryPort,
        step: Step = lambda _timer, _now, _begun, _taken: None,
    ) -> None:
        self.store = store
        self.clock = clock
        self._front_desk = front_desk
        self._service = service
        self._delivery = delivery
        self._step = step
        self._works: dict[str, Callable[[str], Awaitable[int]]] = {
            "inbox": self.settle_messages,
            "timers": self.fire_timers,
            "outbox": self.deliver,
        }
        self._awake = {name: asyncio.Event() for name in self._works}
        self._gates = {name: asyncio.Lock() for name in self._works}
        self._settling: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._resting: defaultdict[str, Resting] = defaultdict(Resting)
        self.beats: dict[str, datetime] = {}
        """When each loop last came round, for the readiness check."""

    def wake(self, _tenant: str, topics: frozenset[str]) -> None:
        """Let the loops these topics concern come round at once."""
        for topic in topics:
            event = self._awake.get(topic)
            if event is not None:
                event.set()

    # --- the three works --------------------------------------------------------------------

    async def settle_messages(self, tenant: str, patience: float | None = None) -> int:
        """Handle the oldest waiting message of each conversation, conversations side by side.

        Args:
            tenant: Whose.
            patience: Seconds after which slow ones go on in the background; None waits for all,
                those in the background too.
        """
        room = min(BATCH, MOST_SETTLING - len(self._settling))
        heads = await self.store.claim_messages(tenant, room) if room else ()
        begun = [self._begin(tenant, head) for head in heads]
        awaited = begun if patience is not None else list(self._settling.values())
        if awaited:
            done, slow = await asyncio.wait(awaited, timeout=patience)
            for task in slow:
                task.add_done_callback(_tell)
            for task in done:
                task.result()
        return len(awaited)

    def _begin(self, tenant: str, head: Admitted) -> asyncio.Task[None]:
        """Settle it in a task; the loop comes round again when it is done, for the conversation's
        next message.
        """
        key = (tenant, head.id)
        task = asyncio.create_task(self._settle(tenant, head), name=f"settle:{head.id}")
        self._settling[key] = task

        def done(ended: asyncio.Task[None]) -> None:
            self._settling.pop(key, None)
            self.store.let_go("inbox", (head.id,))
            if not ended.cancelled() and ended.exception() is None:
                self._awake["inbox"].set()

        task.add_done_callback(done)
        return task

    async def fire_timers(self, tenant: str, *, again: bool = True) -> int:
        """Take every due step, the earliest first, each at the tenant's present time. They go to
        the writer together and in this order, and one that fails keeps none of the others waiting.

        Args:
            tenant: Whose.
            again: Try what has failed before, and raise when none could be taken, so that whoever
                winds the time does not wind on; without it what has failed is left alone for a
                while.
        """
        now, resting = self.clock.now(tenant), self._resting[tenant]
        most = BATCH + len(resting)
        claimed = await self.store.claim_timers(tenant, now, most)
        if len(claimed) < most:  # it is all there is
            resting.forget_but({_named(timer) for timer in claimed})
        due = [timer for timer in claimed if again or not resting.rests(_named(timer))]
        ended = await asyncio.gather(*map(self._fire, due), return_exceptions=True)
        failed = [
            (timer, error)
            for timer, error in zip(due, ended, strict=True)
            if isinstance(error, BaseException)
        ]
        if failed and len(failed) == len(due) and again:
            raise failed[0][1]
        for timer, error in failed:
            if isinstance(error, Unavailable):  # not the step's fault: they all wait
                raise error
            await self._hindered(timer, error)
        return len(due) - len(failed)

    async def _hindered(self, timer: Timer, error: BaseException) -> None:
        """Leave a step alone for a while, say so, and keep why for whoever audits."""
        failed = self._resting[timer.tenant].failed(_named(timer))
        log.error(
            "a step cannot be taken; trying again",
            tenant=timer.tenant,
            subject=timer.subject,
            step=timer.step,
            times=failed.times,
            again_in_s=failed.rests,
            error=f"{type(error).__name__}: {error}",
            exc_info=error if failed.times == 1 else None,
        )
        if failed.times == 1:
            why = f"{type(error).__name__}: {error}"[:_WHY]
            with contextlib.suppress(Unavailable):
                await self.store.transact(
                    timer.tenant,
                    lambda uow: uow.timers.hinder(timer.subject, timer.generation, why),
                )

    async def deliver(self, tenant: str) -> int:
        """Send the notices whose time has come."""
        return await self._delivery.run_once(tenant)

    async def drain(self, tenant: str) -> None:
        """Do everything that is due now, and what follows from it, until nothing is left."""
        while True:
            done = [await work(tenant) for work in self._works.values()]
            if not any(done):
                return

    async def wind(self, tenant: str, by: timedelta) -> datetime:
        """Let time pass: every step on the way fires at its own due time, in order."""
        return await self.wind_to(tenant, self.clock.now(tenant) + by)

    async def wind_to(self, tenant: str, target: datetime) -> datetime:
        """Let time pass up to an instant of the tenant's time."""
        async with contextlib.AsyncExitStack() as stack:
            for gate in self._gates.values():
                await stack.enter_async_context(gate)
            await self.drain(tenant)
            while (due := await self._next_by(tenant, target)) is not None:
                if due > self.clock.now(tenant):
                    await self.clock.move(tenant, due)
                await self.drain(tenant)
            if target > self.clock.now(tenant):
                await self.clock.move(tenant, target)
            await self.drain(tenant)
        return target

    async def _next_by(self, tenant: str, target: datetime) -> datetime | None:
        """When something is due next, at ``target`` at the latest. A notice that is due already is
        one its channel does not take right now: it is asked again in real time and keeps no step
        from its own time.
        """
        due = await self.store.next_due(tenant)
        if due is None or due > target:
            return None
        if due > self.clock.now(tenant):
            return due
        steps = await self.store.due_timers(tenant, target, 1)
        return steps[0].due if steps else None

    async def _settle(self, tenant: str, admitted: Admitted) -> None:
        with caused_by(cause_of(tenant, admitted.inbound.dedupe_key)):
            outcome = await self._front_desk.settle(tenant, admitted)
            log.info(
                "message settled",
                tenant=tenant,
                channel=admitted.inbound.channel,
                message=admitted.inbound.dedupe_key,
                outcome=outcome,
            )

    async def _fire(self, timer: Timer) -> None:
        with caused_by(cause_of(timer.tenant, f"{timer.subject}#{timer.generation}")):
            await self._take(timer)

    async def _take(self, timer: Timer) -> None:
        now = self.clock.now(timer.tenant)
        key, begun = timer.subject.partition(":")[2], time.time()
        handled = await self.store.transact(
            timer.tenant, lambda uow: self._service.fire(timer, uow, now), key=key
        )
        self._resting[timer.tenant].forget(_named(timer))
        self._step(timer, now, begun, handled is not None)
        late = (now - timer.due).total_seconds()
        log.info(
            "step taken" if handled else "step was no longer due",
            tenant=timer.tenant,
            subject=timer.subject,
            step=timer.step,
            late_s=round(late, 3),
        )

    # --- the loops --------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until cancelled; what was being settled is begun again by the next run."""
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._works:
                    group.create_task(self._loop(name), name=f"loop:{name}")
        finally:
            under_way = list(self._settling.values())
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _loop(self, name: str) -> None:
        work, awake, gate = self._works[name], self._awake[name], self._gates[name]
        if name == "inbox":
            work = partial(self.settle_messages, patience=PATIENCE)
        if name == "timers":
            work = partial(self.fire_timers, again=False)
        while True:
            awake.clear()
            busy = False
            for tenant in await self._tenants():
                async with gate:
                    busy |= await self._guarded(name, work, tenant) > 0
                self.beats[name] = self.clock.now(tenant)
            if not busy:
                await self._nap(awake)

    async def _tenants(self) -> Sequence[str]:
        try:
            return await self.store.tenants()
        except Exception:  # the database may be away for a while; the loop is not
            log.exception("cannot read the tenants; trying again")
            return ()

    async def _guarded(self, name: str, work: Callable[[str], Awaitable[int]], tenant: str) -> int:
        """A failure is logged and tried again after a nap; it never ends the loop."""
        try:
            return await work(tenant)
        except Exception:  # the loop is the last line of defence
            log.exception("loop failed; trying again", loop=name, tenant=tenant)
            return 0

    async def _nap(self, awake: asyncio.Event) -> None:
        """Sleep until woken or until the next due time, at most ``LONGEST_NAP``."""
        seconds = SHARED_NAP if self.store.shared else LONGEST_NAP
        for tenant in await self._tenants():
            with contextlib.suppress(Exception):
                due = await self.store.next_due(tenant)
                if due is not None:
                    left = (due - self.clock.now(tenant)).total_seconds()
                    seconds = min(seconds, max(left, 0.5 if self._resting[tenant] else 0.05))
        # Not wait_for: woken and cancelled at once, it forgets that it was cancelled (3.11).
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await awake.wait()


def _named(timer: Timer) -> tuple[str, int]:
    return timer.subject, timer.generation


def _tell(ended: asyncio.Task[None]) -> None:
    """A failure in the background has nobody else to say so; the message comes again."""
    if not ended.cancelled() and ended.exception() is not None:
        log.error("a slow message was not settled; trying again", exc_info=ended.exception())
