"""A wire between processes and a server, that can be cut, or clogged, and mended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wire:
    """Forwards connections from a port of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0
        self.cuts = 0

    async def lay(self) -> None:
        """Take connections, on the same port as before."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break what is open and take nothing new, until it is laid again."""
        self.cuts += 1
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        for task in list(self._carrying):
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def clog(self) -> None:
        """Take everything and let nothing through, as a server does that stands still."""
        self._flows.clear()

    def clear(self) -> None:
        """Let go on what was held up."""
        self._flows.set()

    async def _take(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(near, back))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self._open.add(back)
        try:
            await self._flows.wait()
            far, there = await asyncio.open_connection(*self._there)
        except OSError:
            self._open.discard(back)
            back.transport.abort()
            return
        self._open.add(there)
        try:
            await asyncio.gather(self._pour(near, there), self._pour(far, back))
        finally:
            for writer in (back, there):
                self._open.discard(writer)
                writer.transport.abort()

    async def _pour(self, source: asyncio.StreamReader, drain: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._flows.wait()
                drain.write(data)
                await drain.drain()
        with contextlib.suppress(OSError):
            drain.write_eof()


@asynccontextmanager
async def wire(host: str, port: int) -> AsyncIterator[Wire]:
    """A wire that is laid."""
    made = Wire(host, port)
    await made.lay()
    try:
        yield made
    finally:
        made.clear()
        await made.cut()
