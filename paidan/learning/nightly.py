"""What is done once a night for the whole company: the retraining, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from paidan.settings import Settings
from storage import SqlStore
from workflow.ports import UnitOfWork

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 60.0
LATE_BY: Final = timedelta(hours=4)
"""A house that was away at the time still does it this much later, not in the middle of a day."""


def _real_now() -> datetime:
    return datetime.now(UTC)


class Nightly:
    """Starts something when its time has come. It goes by real time: winding the sandbox's clock
    starts nothing. ``what`` tells it from what else is done nightly.
    """

    def __init__(
        self,
        store: SqlStore,
        tenant: str,
        at: str,
        run: Callable[[], Awaitable[int]],
        now: Callable[[], datetime] = _real_now,
        what: str = "retrain",
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._at = time.fromisoformat(at) if at else None
        self._run = run
        self._now = now
        self._what = what

    async def look(self) -> bool:
        """Do it if it is time and nobody else of the company does; whether it was."""
        if self._at is None:
            return False
        company = await self._store.read(self._tenant, lambda uow: uow.company)
        local = self._now().astimezone(ZoneInfo(company.tz))
        due = datetime.combine(local.date(), self._at, local.tzinfo)
        if not due <= local < due + LATE_BY:
            return False
        key = f"{self._what}:{local.date().isoformat()}"

        def claim(uow: UnitOfWork) -> bool:
            return uow.ledger(key)

        if not await self._store.transact(self._tenant, claim):
            return False
        code = await self._run()
        log.info("nightly work ended", tenant=self._tenant, what=self._what, code=code)
        return True

    async def run(self) -> None:
        """Look once a minute until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:  # the loop is the last line of defence
                log.exception("nightly work could not be started; trying again", what=self._what)
            await asyncio.sleep(LOOK_EVERY)


async def in_own_process(settings: Settings, *command: str) -> int:
    """A command of ours beside us; its exit code. It ends with us."""
    config = ["--config", str(settings.config_file)] if settings.config_file else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "paidan.cli", *command, *config),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
