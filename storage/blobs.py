"""Attachments in a folder, named by the SHA-256 of their content."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from workflow.errors import NoRoom

_EVER = 2**63 - 1
_NAME = re.compile(r"[0-9a-f]{64}")


class FolderBlobs:
    """Implements ``workflow.ports.Blobs``: ``<folder>/ab/cdef…``; the MIME type is in SQL."""

    def __init__(
        self,
        folder: Path,
        remember: Callable[[str, str, int], Awaitable[None]],
        recall: Callable[[str], Awaitable[str | None]],
        forget: Callable[[str, int], Awaitable[bool]],
    ) -> None:
        self._folder = folder
        self._remember = remember
        self._recall = recall
        self._forget = forget

    def _path(self, blob: str) -> Path:
        return self._folder / blob[:2] / blob[2:]

    def _write(self, data: bytes) -> str:
        blob = hashlib.sha256(data).hexdigest()
        path = self._path(blob)
        if not path.exists():
            with self._draft(path.parent, data) as draft:
                draft.replace(path)
        return blob

    @staticmethod
    @contextlib.contextmanager
    def _draft(folder: Path, data: bytes) -> Iterator[Path]:
        """A file that is on the disk, for as long as the block runs or until it has a name."""
        draft = folder / f".{uuid.uuid4().hex}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with draft.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                yield draft
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise NoRoom(why=error.strerror or str(error)) from error

    async def probe(self) -> None:
        """Put a little down and take it away again.

        Raises:
            NoRoom: the disk takes nothing now.
        """

        def write() -> None:
            with self._draft(self._folder, bytes(4096)):
                pass

        await asyncio.to_thread(write)

    async def put(self, data: bytes, mime: str) -> str:
        blob = await asyncio.to_thread(self._write, data)
        await self._remember(blob, mime, len(data))
        await asyncio.to_thread(self._write, data)  # it may have been let go in between
        return blob

    async def drop(self, blob: str) -> None:
        """Remove what nobody needs any more; nothing there does no harm."""
        if _NAME.fullmatch(blob):
            await self.let_go(blob, _EVER)

    async def let_go(self, blob: str, before: int) -> bool:
        """Remove it unless it was put again since ``before`` (microseconds since 1970). Whoever
        puts it while it goes finds its file gone, and writes it anew.
        """
        path = self._path(blob)
        aside = path.with_name(f".{uuid.uuid4().hex}")
        with contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(path.rename, aside)
        gone = await self._forget(blob, before)
        if gone:
            await asyncio.to_thread(aside.unlink, missing_ok=True)
        elif await asyncio.to_thread(aside.exists):
            await asyncio.to_thread(aside.replace, path)
        return gone

    async def get(self, blob: str) -> tuple[bytes, str] | None:
        mime = await self._recall(blob) if _NAME.fullmatch(blob) else None
        if mime is None:
            return None
        path = self._path(blob)
        return await asyncio.to_thread(path.read_bytes), mime
