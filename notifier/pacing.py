"""How fast, how often, and when not: windows, breakers and backoff. No clock of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

FAILURES_TO_OPEN = 5
OPEN_FOR = timedelta(seconds=30)
BARRED_FOR = timedelta(minutes=10)
"""How long an account that its platform refuses is left alone: a person has to mend it."""
_MINUTE = timedelta(minutes=1)
_FIRST = timedelta(seconds=5)
_LONGEST = timedelta(minutes=10)
_FACTOR = 3


@dataclass
class Window:
    """What one chat takes in any minute, by what was sent into it in the last one. A tenth, at
    least one, is kept for what is urgent.

    ``per_minute`` 0 means no limit. ``elsewhere`` is what other processes sent, or this one before
    it was started.
    """

    per_minute: int
    sent: deque[datetime] = field(default_factory=deque)
    elsewhere: Sequence[datetime] = ()

    @property
    def reserve(self) -> int:
        """Messages that only urgent ones may be."""
        return max(1, self.per_minute // 10) if self.per_minute > 1 else 0

    def left(self, now: datetime) -> float:
        """How many calm messages may leave now."""
        if not self.per_minute:
            return float("inf")
        return self.per_minute - self.reserve - len(self._lately(now))

    def take(self, now: datetime, *, urgent: bool) -> datetime | None:
        """Take a place; None when there was one, else when there will be."""
        if not self.per_minute:
            return None
        lately = self._lately(now)
        over = len(lately) - self.per_minute + (0 if urgent else self.reserve)
        if over < 0:
            self.sent.append(now)
            return None
        return lately[over] + _MINUTE

    def idle(self, now: datetime) -> bool:
        """Nothing was sent lately: the window is as good as new."""
        return not self._lately(now)

    def spacing(self) -> timedelta:
        """How far apart messages leave once the window is used up."""
        return _MINUTE / self.per_minute if self.per_minute else timedelta(0)

    def _lately(self, now: datetime) -> list[datetime]:
        since = now - _MINUTE
        while self.sent and self.sent[0] <= since:
            self.sent.popleft()
        return sorted([*self.sent, *(at for at in self.elsewhere if at > since)])


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
