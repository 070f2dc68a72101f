"""What fails again and again is left alone for a while, twice as long each time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field

FIRST = 1.0
"""Seconds after the first failure."""
LONGEST = 300.0
"""Seconds at most."""


@dataclass(frozen=True, slots=True)
class Failed:
    """How often something has failed, and for how many seconds it rests now."""

    times: int
    rests: float


@dataclass
class Resting:
    """What this process has failed at. ``now`` counts seconds and never goes back."""

    now: Callable[[], float] = time.monotonic
    _until: dict[Hashable, tuple[int, float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._until)

    def rests(self, what: Hashable) -> bool:
        """Whether it is to be left alone."""
        return what in self._until and self.now() < self._until[what][1]

    def failed(self, what: Hashable) -> Failed:
        """It has failed once more."""
        times = self._until.get(what, (0, 0.0))[0] + 1
        rests = min(LONGEST, FIRST * 2.0 ** (times - 1))
        self._until[what] = times, self.now() + rests
        return Failed(times, rests)

    def forget(self, what: Hashable) -> None:
        """It was done, or is no longer wanted."""
        self._until.pop(what, None)

    def forget_but(self, still: Collection[Hashable]) -> None:
        """Nothing else is waiting any more: somebody took it, or it was called off."""
        self._until = {what: failed for what, failed in self._until.items() if what in still}
