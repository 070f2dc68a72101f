"""What waits for one writer: the house's own work, and what comes in at its doors.

A batch takes from both lanes, the house's first: however many people write at once, a due step or
a notice waits for no more than the batch under way, and however much the house has to do, half of
each batch is for the doors. Only the doors are told that it takes too long; what the house has
under way at once is limited already.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workflow.tracing import CAUSE

if TYPE_CHECKING:
    from storage.unit import SqlUnitOfWork

_RECENT = 8
"""Batches that say the pace together, and none before so many are through: a process's first costs
many times what those after it do. The pace is that of batches, for a small one takes hardly less
time than a full one, above all where others keep the processor busy; whoever reckoned by units
would send people away from a door that lets in dozens at a time.
"""


@dataclass(slots=True, eq=False)
class Job:
    """One unit on its way, and what became of it. ``door`` says that it came in at one."""

    tenant: str
    work: Callable[[SqlUnitOfWork], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    lock: str = ""
    door: bool = False
    cause: str = field(default_factory=CAUSE.get)
    result: Any = None
    error: BaseException | None = None
    topics: set[str] = field(default_factory=set)

    def settle(self) -> None:
        """Answer whoever waits, on their loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Lanes:
    """Filled by the loop, emptied by the writer's thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._house: deque[Job] = deque()
        self._door: deque[Job] = deque()
        self._some = threading.Condition()
        self._closed = False
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._most = 1
        self._begun: float | None = None

    def put(self, job: Job) -> None:
        """Queue a unit."""
        with self._some:
            (self._door if job.door else self._house).append(job)
            self._some.notify()

    def close(self) -> None:
        """Nothing more will come."""
        with self._some:
            self._closed = True
            self._some.notify()

    def take(self, most: int) -> list[Job]:
        """The next batch, in the order of each lane, without what nobody waits for any more; waits
        for one. Empty when all is done and nothing more will come.
        """
        batch: list[Job] = []
        with self._some:
            self._begun, self._most = None, most
            while not batch:
                while not (self._house or self._door or self._closed):
                    self._some.wait()
                if not (self._house or self._door):
                    return []
                share = max(most - len(self._door), most // 2)
                house = [self._house.popleft() for _ in range(min(share, len(self._house)))]
                rest = min(most - len(house), len(self._door))
                both = house + [self._door.popleft() for _ in range(rest)]
                batch = [job for job in both if not job.future.done()]
            self._begun = self._clock()
        return batch

    def done(self) -> None:
        """A batch is through; how long it took says how long those after it will."""
        with self._some:
            if self._begun is not None:
                self._recent.append(self._clock() - self._begun)
            self._begun = None

    def ahead(self) -> float:
        """About how many seconds a unit that came in at a door now would wait. Before the pace is
        known, as long as the batch under way has taken already.
        """
        with self._some:
            doors = len(self._door)
            queued = doors + min(len(self._house), doors)
            under_way = 0.0 if self._begun is None else self._clock() - self._begun
            return under_way + queued / self._most * self._pace()

    def _pace(self) -> float:
        """Seconds a batch took lately; 0.0 as long as nobody knows."""
        return sum(self._recent) / _RECENT if len(self._recent) == _RECENT else 0.0
