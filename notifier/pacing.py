"""How fast, how often, and when not: token buckets, breakers and backoff. No clock of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES_TO_OPEN = 5
OPEN_FOR = timedelta(seconds=30)
BARRED_FOR = timedelta(minutes=10)
"""How long an account that its platform refuses is left alone: a person has to mend it."""
_FIRST = timedelta(seconds=5)
_LONGEST = timedelta(minutes=10)
_FACTOR = 3


@dataclass
class Bucket:
    """What one chat takes in a minute. A tenth, at least one, is kept for what is urgent.

    ``per_minute`` 0 means no limit.
    """

    per_minute: int
    tokens: float = 0.0
    at: datetime | None = None

    @property
    def reserve(self) -> int:
        """Tokens that only urgent messages may use."""
        return max(1, self.per_minute // 10) if self.per_minute > 1 else 0

    def left(self, now: datetime) -> float:
        """How many calm messages may leave now."""
        self._refill(now)
        return self.tokens - self.reserve if self.per_minute else float("inf")

    def take(self, now: datetime, *, urgent: bool) -> datetime | None:
        """Take a token; None when there was one, else when there will be."""
        if not self.per_minute:
            return None
        self._refill(now)
        missing = 1.0 + (0 if urgent else self.reserve) - self.tokens
        if missing <= 0:
            self.tokens -= 1
            return None
        return now + timedelta(seconds=missing * 60 / self.per_minute)

    def full(self, now: datetime) -> bool:
        """Nothing was sent lately: the bucket is as good as new."""
        self._refill(now)
        return self.tokens >= self.per_minute

    def spacing(self) -> timedelta:
        """How far apart messages leave once the window is used up."""
        return timedelta(seconds=60 / self.per_minute) if self.per_minute else timedelta(0)

    def _refill(self, now: datetime) -> None:
        if self.at is None:
            self.tokens = float(self.per_minute)
        else:
            passed = max(0.0, (now - self.at).total_seconds())
            self.tokens = min(float(self.per_minute), self.tokens + passed * self.per_minute / 60)
        self.at = now


@dataclass
class Breaker:
    """Leaves a channel alone after several failures in a row, then tries it with one message."""

    failures: int = 0
    until: datetime | None = None
    barred: bool = False

    def blocked(self, now: datetime) -> datetime | None:
        """When to come back; None lets one message through."""
        return self.until if self.until is not None and now < self.until else None

    def trying(self, now: datetime) -> None:
        """One message goes out; after failures the others wait for what becomes of it."""
        if self.until is not None:
            self.until = now + OPEN_FOR

    def succeeded(self) -> None:
        """The channel answered."""
        self.failures, self.until, self.barred = 0, None, False

    def bar(self, now: datetime) -> datetime:
        """The platform refuses the account; when to ask it again."""
        self.until, self.barred = now + BARRED_FOR, True
        return self.until

    def failed(self, now: datetime) -> None:
        """The channel did not answer, or nonsense."""
        self.failures += 1
        if self.failures >= FAILURES_TO_OPEN:
            self.until = now + OPEN_FOR


def backoff(failures: int, chance: float) -> timedelta:
    """How long to wait after so many failures: 5 s, 15 s, 45 s … 10 min, spread by half.

    ``chance`` is a random number from 0 to 1.
    """
    factor: int = _FACTOR ** min(failures - 1, 10)
    return min(_FIRST * factor, _LONGEST) * (0.5 + chance)
