"""Whether this process can serve: the database and the attachments' folder take a write, and the
loops come round.

The write is tried at most once in a few seconds however often somebody asks, so that asking is
cheap and a trouble that has passed is seen to have passed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from paidan.watch.meters import lag, waiting
from storage import SqlStore
from storage.figures import Backlog
from workflow.errors import NoRoom, Unavailable

log = structlog.get_logger(__name__)

FRESH_FOR: Final = 3.0
"""Seconds one look serves everybody who asks."""
ANSWER_WITHIN: Final = 4.0
"""Seconds the database has to take a write: many probes give up after five."""
HEARTBEAT: Final = 15.0
"""Seconds without a round of some loop after which the process says it is not ready."""

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "full": (
        "磁盘满了，数据库写不进去；腾出空间就会自己恢复",
        "the disk is full and the database takes no writes; make room and it goes on by itself",
    ),
    "readonly": (
        "数据库是只读的，写不进去；恢复可写就会自己好",
        "the database is read-only; it goes on by itself once it can be written to",
    ),
    "slow": (
        "数据库迟迟不应；看它的负载和锁",
        "the database does not answer in time; look at its load and its locks",
    ),
    "away": ("数据库连不上；看它在不在", "the database cannot be reached; see whether it runs"),
    "attachments": (
        "附件存不下：磁盘满了，或附件文件夹不可写；腾出空间就会自己恢复",
        "attachments cannot be kept: the disk is full or their folder is read-only; make room and "
        "it goes on by itself",
    ),
    "loops": (
        "后台循环停了：消息、到期步骤或通知没有人处理；重启进程",
        "the loops have stopped: messages, due steps or notices are not handled; restart",
    ),
}
_SIGNS: Final = (
    ("full", ("full", "no space", "disk i/o")),
    ("readonly", ("readonly", "read-only")),
)


@dataclass(frozen=True, slots=True)
class State:
    """What one look found. ``why`` names what is wrong by the words of :func:`words`."""

    checks: Mapping[str, bool]
    why: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    backlog: Backlog | None = None

    @property
    def ready(self) -> bool:
        """Everything is in order."""
        return all(self.checks.values())


def words(code: str, locale: str) -> str:
    """A reason in plain words."""
    zh, en = _WORDS[code]
    return en if locale == "en" else zh


class Readiness:
    """Looks whether all is well.

    Args:
        store: Whose database is tried.
        tenant: Whose backlog is read.
        beats: When each loop last came round, by the tenant's clock; None where none run.
        clock: A monotonic clock in seconds, for how long a look is fresh.
    """

    def __init__(
        self,
        store: SqlStore,
        tenant: str,
        beats: Callable[[], Mapping[str, datetime]] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._beats = beats
        self._clock = clock
        self._looking = asyncio.Lock()
        self._last: tuple[float, State] | None = None

    async def look(self) -> State:
        """The state of things, a few seconds old at most."""
        async with self._looking:
            if self._last is None or self._clock() - self._last[0] >= FRESH_FOR:
                self._last = self._clock(), await self._look()
            return self._last[1]

    async def _look(self) -> State:
        trouble = await self._trouble()
        now = self._store.now(self._tenant)
        checks, why = {"database": not trouble}, [trouble] if trouble else []
        checks["attachments"] = await self._room()
        if not checks["attachments"]:
            why.append("attachments")
        if self._beats is not None:
            beats = self._beats().values()
            fresh = all((now - beat).total_seconds() < HEARTBEAT for beat in beats)
            checks["loops"] = bool(beats) and fresh
            if not checks["loops"] and not trouble:
                why.append("loops")
        backlog = await self._backlog(now)
        return State(checks, tuple(why), _figures(backlog, now), backlog)

    async def _trouble(self) -> str:
        """What keeps the database from taking a write; empty when it took one."""
        notes = self._store.notes(self._tenant, "readiness")
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await notes.put("probe", "", timedelta(minutes=1))
        except TimeoutError:
            log.warning("the database does not answer in time")
            return "slow"
        except Unavailable as error:
            log.warning("the database takes no write", why=str(error))
            said = str(error).lower()
            return next((code for code, signs in _SIGNS if any(s in said for s in signs)), "away")
        except Exception:  # whatever it is, we are not ready
            log.exception("the database takes no write")
            return "away"
        return ""

    async def _room(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._store.blobs.probe()
        except (NoRoom, TimeoutError) as error:
            log.warning("attachments cannot be kept", why=str(error))
            return False
        return True

    async def _backlog(self, now: datetime) -> Backlog | None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await self._store.queries.backlog(self._tenant, now)
        except Exception as error:  # noqa: BLE001 - the checks say what is wrong
            log.warning("the backlog cannot be read", why=str(error))
            return None


def _figures(backlog: Backlog | None, now: datetime) -> dict[str, float]:
    if backlog is None:
        return {}
    figures: dict[str, float] = {}
    for what, (number, oldest) in waiting(backlog).items():
        figures[what] = number
        if what in {"messages", "steps", "notices"}:
            figures[f"{what}_lag_seconds"] = round(lag(oldest, now), 3)
    return figures
