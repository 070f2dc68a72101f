"""How often one visitor may do one thing: a token bucket per key, bounded in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta

_REMEMBERED = 10_000


class Throttle:
    """``burst`` at once, then one more each ``every``; the longest idle keys are forgotten first.

    Forgetting a key fills its bucket, so ``_REMEMBERED`` busy strangers can at most lift a limit
    for each other, never lock anybody out.
    """

    def __init__(self, burst: int, every: timedelta) -> None:
        self._burst = burst
        self._every = every
        self._buckets: OrderedDict[Hashable, tuple[float, datetime]] = OrderedDict()

    def wait(self, key: Hashable, now: datetime) -> timedelta:
        """Take one; zero when there was one left, else how long until there is (nothing taken)."""
        left, since = self._buckets.pop(key, (float(self._burst), now))
        left = min(float(self._burst), left + max((now - since) / self._every, 0.0))
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return timedelta(0) if allowed else self._every * (1 - left)
