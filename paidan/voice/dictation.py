"""Voice clips of a company's chats, written down with the names in mind that may occur in them."""

from __future__ import annotations

import time

import structlog

from bots.vocabulary import names
from paidan.voice.stenographer import Stenographer
from workflow.ports import Store
from workflow.records import Inbound

log = structlog.get_logger(__name__)


class Dictation:
    """What brings attachments home asks this for the words of a clip."""

    def __init__(self, store: Store, stenographer: Stenographer) -> None:
        self._store = store
        self._stenographer = stenographer

    async def __call__(self, clip: bytes, inbound: Inbound) -> str | None:
        """The words; None leaves the clip to a person."""
        told = await self._store.read(inbound.tenant, lambda uow: names(uow, inbound))
        since = time.monotonic()
        heard = await self._stenographer.write_down(clip, told)
        log.info(
            "a voice clip was put into words" if heard.words else "a voice clip has no words",
            tenant=inbound.tenant,
            channel=inbound.channel,
            message=inbound.dedupe_key,
            why=heard.why,
            seconds=heard.seconds,
            took_s=round(time.monotonic() - since, 2),
        )
        return heard.words or None
