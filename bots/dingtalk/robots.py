"""Groups' own robots (自定义机器人): they can call people in their group, and only speak.

Source: https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bots.channel import Refused
from bots.dingtalk.calls import Calls
from bots.dingtalk.writing import Spoken
from bots.gateway.adapter import Finding, Switchboard

GONE: Final = frozenset({"300001", "310000", "400013", "400101", "400102", "400106"})
"""It will not speak until a person mends it: no such token (two codes), its keywords, signature or
addresses refuse us, its group was dissolved, it is switched off, it is not in the group.
"""
RESTS: Final = timedelta(minutes=10)
"""How long one that is refused is left alone."""


@dataclass(frozen=True, slots=True)
class Robot:
    """Its token, and the secret it signs with."""

    token: str
    secret: str = ""


class Robots:
    """Those of several groups, by conversation id; the trouble of one is no other's."""

    def __init__(self, board: Switchboard, calls: Calls, robots: Mapping[str, Robot]) -> None:
        self._board = board
        self._calls = calls
        self._robots = robots

    async def speak(self, chat: str, key: str, said: Spoken) -> bool:
        """Whether this group's robot took the message; a refused one is told of, and left alone
        for a while.

        Raises:
            ChannelError: ``Retry`` or ``Refused``, for a reason that is the message's own.
        """
        own = self._robots.get(chat)
        if own is None or await self._refused(chat):
            return False
        address = self._calls.group_robot(own.token, own.secret, self._board.now())
        again = json.dumps(dict(said.param), sort_keys=True)
        uuid = hashlib.sha256(f"{key}{again}".encode()).hexdigest()[:32]
        try:
            await self._calls.to_webhook(address, {**said.web, "msgUuid": uuid})
        except Refused as no:
            if no.why.split()[0] not in GONE:
                raise
            await self._board.notes.put(f"robot:{chat}", no.why, RESTS)
            await self._board.tell("dingtalk_robot_gone", (chat, no.why))
            return False
        return True

    async def check(self) -> list[Finding]:
        """That there are some, and which were refused lately: only speaking tries them."""
        if not self._robots:
            return [Finding("warn", "dingtalk_no_robots")]
        refused = [(chat, await self._refused(chat)) for chat in self._robots]
        return [Finding("fail", "dingtalk_robot_gone", (chat, why)) for chat, why in refused if why]

    async def _refused(self, chat: str) -> str:
        return await self._board.notes.get(f"robot:{chat}") or ""
