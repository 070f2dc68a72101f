"""Access tokens: kept where every process sees them, and fetched by one of them at a time.

A platform's token lives for hours and may die early. Whoever finds it dead asks for a new one;
all others who found the same one dead get that new one. The lease on fetching runs out by itself,
so a process that dies while it fetches holds up the others for seconds only.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from bots.channel import Retry
from workflow.ports import Notes

LEASE: Final = timedelta(seconds=15)
"""How long one process may take to fetch; longer than any of our calls."""
_LOOK_AGAIN: Final = 0.1
_GIVE_UP: Final = 100
"""Looks at a token that somebody else is fetching: ten seconds."""
_EARLY: Final = 10
"""A token is given up when a tenth of its life is left."""

Fetch = Callable[[], Awaitable[tuple[str, timedelta]]]
"""Asks the platform for a token; gives it with how long it lives."""


class Tokens:
    """The tokens of one tenant's channels."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._gates: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, name: str, fetch: Fetch) -> str:
        """The token of this name, fetched if there is none.

        Raises:
            ChannelError: it could not be fetched.
        """
        return await self._kept(name) or await self.renew(name, "", fetch)

    async def renew(self, name: str, dead: str, fetch: Fetch) -> str:
        """A token other than the ``dead`` one.

        Raises:
            ChannelError: it could not be fetched.
        """
        async with self._gates[name]:
            for _ in range(_GIVE_UP):
                kept = await self._kept(name)
                if kept and kept != dead:
                    return kept
                holder = secrets.token_hex(8)
                if await self._notes.swap(f"lease:{name}", None, holder, LEASE):
                    return await self._fetched(name, dead, holder, fetch)
                await asyncio.sleep(_LOOK_AGAIN)
        raise Retry(name, "another process is fetching the token and has not finished")

    async def forget(self, name: str) -> None:
        """Drop what is kept; the next one who needs it fetches."""
        await self._notes.drop(f"token:{name}")

    async def _fetched(self, name: str, dead: str, holder: str, fetch: Fetch) -> str:
        try:
            kept = await self._kept(name)
            if kept and kept != dead:
                return kept
            token, life = await fetch()
            kept_for = life - life / _EARLY
            await self._notes.put(f"token:{name}", json.dumps({"token": token}), kept_for)
            return token
        finally:
            await self._notes.drop(f"lease:{name}", holder)

    async def _kept(self, name: str) -> str:
        found = await self._notes.get(f"token:{name}")
        return str(json.loads(found)["token"]) if found else ""
