"""unionid: one person's id over all of a company's WeChat accounts, asked for once a person.

Sources: https://developers.weixin.qq.com/doc/offiaccount/User_Management/
Get_users_basic_information_UnionID.html and
https://developer.work.weixin.qq.com/document/path/95159. Both give it only to accounts bound to one
Open Platform account.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from bots.channel import ChannelError
from workflow.ports import Notes

WITHIN: Final = 1.0
"""Seconds the answer may take: a message waits for it, and its platform for us."""
_KEPT: Final = timedelta(days=180)
_NONE_FOR: Final = timedelta(days=1)
_FAILED_FOR: Final = timedelta(minutes=10)
_NONE: Final = "-"

_log = logging.getLogger(__name__)


class Unions:
    """Knows the unionids of one channel's people.

    Args:
        notes: Where they are remembered.
        ask: Asks the platform, by its id of a person; empty: it has none.
        on: Whether to ask at all.
    """

    def __init__(self, notes: Notes, ask: Callable[[str], Awaitable[str]], *, on: bool) -> None:
        self._notes = notes
        self._ask = ask
        self._on = on

    async def of(self, who: str) -> str:
        """Their unionid; empty where there is none, or none came in time. Never raises."""
        if not self._on:
            return ""
        key = f"union:{who}"
        kept = await self._notes.get(key)
        if kept is None:
            kept, life = await self._asked(who)
            await self._notes.put(key, kept, life)
        return "" if kept == _NONE else kept

    async def _asked(self, who: str) -> tuple[str, timedelta]:
        try:
            async with asyncio.timeout(WITHIN):
                found = await self._ask(who)
        except (ChannelError, TimeoutError) as why:
            _log.warning("a unionid did not come: %s", why)
            return _NONE, _FAILED_FOR
        return (found, _KEPT) if found else (_NONE, _NONE_FOR)
