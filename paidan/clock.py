"""Two clocks: the store's (real time plus a persisted offset) and a frozen one for replay."""

from __future__ import annotations

from datetime import UTC, datetime

from storage import SqlStore


class StoreClock:
    """The tenant's time as the store keeps it; moving it forward is remembered."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def now(self, tenant: str) -> datetime:
        """Real time plus the tenant's offset."""
        return self._store.now(tenant)

    async def move(self, tenant: str, to: datetime) -> None:
        """Wind forward to an instant; never back."""
        ahead = to - self._store.now(tenant)
        if ahead.total_seconds() > 0:
            await self._store.wind(tenant, ahead)


class FrozenClock:
    """Stands still until it is moved: the same transcript gives the same story, to the byte."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def __call__(self, _tenant: str) -> datetime:
        return self._at

    def now(self, _tenant: str) -> datetime:
        """The instant it stands at."""
        return self._at

    async def move(self, _tenant: str, to: datetime) -> None:
        """Jump forward to an instant; never back."""
        self._at = max(self._at, to.astimezone(UTC))
