"""A message's attachments on their way home: fetched from their channel, kept, and put into words.

They are fetched after the message is ours and before it is understood: a platform's links live for
minutes. What cannot be had is said on the message; the message itself never waits for it long.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bots.channel import ChannelError, Refused
from bots.gateway.adapter import Adapter
from bots.gateway.media import LARGEST, sniff
from workflow.errors import NoRoom
from workflow.ports import Blobs
from workflow.records import Inbound, Media

TRIES: Final = 3
_PAUSE: Final = 1.0
WITHIN: Final = 45.0
"""Seconds one attachment may take in all."""
HELD: Final = timedelta(minutes=2)
"""How long a message waits for room on the disk before it goes on without what came with it."""

Transcribe = Callable[[bytes, Inbound], Awaitable[str | None]]
"""The words of a voice clip that came with this message; None where there are none to be had. It
bounds its own time.
"""

_log = logging.getLogger(__name__)


class Luggage:
    """Fetches for every channel.

    Args:
        adapters: By channel name; others bring their attachments along.
        blobs: Where bytes are kept, by content.
        transcribe: Puts voice into words; None where nothing is installed for it.
    """

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        blobs: Blobs,
        transcribe: Transcribe | None = None,
    ) -> None:
        self._adapters = adapters
        self._blobs = blobs
        self._transcribe = transcribe

    async def fetch(self, inbound: Inbound) -> Inbound:
        """The message with its attachments kept; a failed one says why in ``lost``.

        Raises:
            NoRoom: the disk takes nothing now; there will be room, or the message gets too old.
        """
        if not any(self._to_do(media) for media in inbound.media):
            return inbound
        adapter = self._adapters.get(inbound.channel)
        if adapter is None:
            return inbound
        kept = [await self._one(adapter, media, inbound) for media in inbound.media]
        return replace(inbound, media=tuple(kept))

    async def _one(self, adapter: Adapter, media: Media, inbound: Inbound) -> Media:
        """One of them; what is kept stays kept, whatever comes of putting it into words."""
        if not self._to_do(media):
            return media
        if media.blob is not None:
            return await self._heard(media, media.blob, inbound)
        try:
            async with asyncio.timeout(WITHIN):
                home, data = await self._kept(adapter, media)
        except (ChannelError, TimeoutError) as error:
            why = error.why if isinstance(error, ChannelError) else "no answer in time"
            _log.warning("an attachment of %s did not come: %s", adapter.name, why)
            return replace(media, lost=why)
        except NoRoom as error:
            if datetime.now(UTC) - inbound.sent_at < HELD:
                raise
            _log.warning("an attachment of %s found no room: %s", adapter.name, error)
            return replace(media, lost="no room on the disk")
        if home.kind == "voice" and not home.transcript and self._transcribe is not None:
            return replace(home, transcript=await self._words(self._transcribe, data, inbound))
        return home

    def _to_do(self, media: Media) -> bool:
        """Whether it has to be fetched, or came with its message and has to be heard."""
        if media.blob is None:
            return bool(media.ref)
        return media.kind == "voice" and not media.transcript and self._transcribe is not None

    async def _heard(self, media: Media, blob: str, inbound: Inbound) -> Media:
        """A clip that came with its message, put into words."""
        found = await self._blobs.get(blob)
        if found is None or self._transcribe is None:
            return media
        return replace(media, transcript=await self._words(self._transcribe, found[0], inbound))

    async def _kept(self, adapter: Adapter, media: Media) -> tuple[Media, bytes]:
        for left in range(TRIES - 1, -1, -1):
            try:
                fetched = await adapter.fetch(media)
                break
            except Refused:
                raise
            except ChannelError:
                if not left:
                    raise
                await asyncio.sleep(_PAUSE)
        if len(fetched.data) > LARGEST:
            raise Refused(adapter.name, f"an attachment of more than {LARGEST} bytes")
        mime = sniff(fetched.data)
        blob = await self._blobs.put(fetched.data, mime)
        name = media.name or fetched.name
        home = replace(media, blob=blob, mime=mime, name=name, size=len(fetched.data))
        return home, fetched.data

    @staticmethod
    async def _words(transcribe: Transcribe, data: bytes, inbound: Inbound) -> str | None:
        """Silence, noise and failure are all no words; a person listens then."""
        try:
            said = await transcribe(data, inbound)
        except Exception:  # noqa: BLE001 - a clip nobody can decode is a clip a person hears
            _log.exception("a voice clip could not be put into words")
            return None
        return said or None
