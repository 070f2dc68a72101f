"""What the console and the command line ask of the learning loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from nlp import Understander
from paidan.learning.drift import MONTH, Drift, Promise, compare, promised
from paidan.learning.registry import SHIPPED, Registry, Standing
from paidan.learning.retraining import Outcome, retrain
from paidan.settings import Settings
from storage import open_store
from workflow.learning import Correction, Day, ModelMove
from workflow.ports import UnitOfWork

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lookback:
    """The readings of the last 28 days with what they say, as of ``now``."""

    days: tuple[Day, ...]
    drift: Drift
    now: datetime


class LearningDesk:
    """One company's models and figures. ``now`` is the company's time: what the sandbox winds."""

    def __init__(self, registry: Registry, now: Callable[[], datetime]) -> None:
        self.registry = registry
        self._now = now
        self._promises: dict[str, Promise] = {}
        self._measuring = asyncio.Lock()

    async def standing(self) -> Standing:
        """The versions and the journal."""
        return await self.registry.standing()

    async def promise(self) -> Promise:
        """What the model that reads was when it was made; measured once a process."""
        name = await self.registry.current()
        async with self._measuring:
            if name not in self._promises:
                reader = await self.registry.reader(name)
                self._promises = {name: await asyncio.to_thread(promised, reader)}
            return self._promises[name]

    async def look_back(self) -> Lookback:
        """The last 28 days beside the promise."""
        store, tenant, now = self.registry.store, self.registry.tenant, self._now()
        company = await store.read(tenant, lambda uow: uow.company)
        since = now - timedelta(days=MONTH)
        days = await store.queries.reading_days(tenant, since, company.tz)
        today = now.astimezone(ZoneInfo(company.tz)).date()
        return Lookback(days, compare(days, today, await self.promise()), now)

    async def corrections(self, since: datetime | None = None) -> tuple[Correction, ...]:
        """What people said, oldest first."""

        def query(uow: UnitOfWork) -> tuple[Correction, ...]:
            return tuple(uow.readings.corrections(since))

        return await self.registry.store.read(self.registry.tenant, query)

    async def promote(self, name: str, by: str, why: str = "") -> ModelMove:
        """See :meth:`Registry.promote`."""
        return await self.registry.promote(name, by, self._now(), why)

    async def roll_back(self, by: str, why: str = "") -> ModelMove:
        """See :meth:`Registry.roll_back`."""
        return await self.registry.roll_back(by, self._now(), why)

    async def retrain(self, say: Callable[[str], None], keep: int, by: str) -> Outcome:
        """See :func:`paidan.learning.retraining.retrain`."""
        return await retrain(self.registry, self._now(), say, keep=keep, by=by)


def at_desk(
    settings: Settings, say: Callable[[str], None], work: Callable[[LearningDesk], Awaitable[T]]
) -> T:
    """Do something at the desk of the company served, running or not."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    shipped = Understander.load(settings.model_dir, say)

    async def run() -> T:
        async with open_store(settings.database_url, settings.blobs) as store:
            registry = Registry(store, settings.tenant, shipped, settings.model_dir)
            await store.read(settings.tenant, lambda uow: uow.company)
            return await work(LearningDesk(registry, lambda: store.now(settings.tenant)))

    return asyncio.run(run())


__all__ = ["SHIPPED", "LearningDesk", "Lookback", "at_desk"]
