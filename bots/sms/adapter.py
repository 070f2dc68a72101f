"""Short messages out by a template, pushes of texts and reports in; the service is a Provider."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bots.channel import Barred, Capabilities, ChannelError, Refused
from bots.degrade import template_facts
from bots.gateway.adapter import Answer, Callback, Fetched, Finding, Switchboard
from bots.sms.provider import CAPABILITIES, CHANNEL, NO_NUMBER, Provider, Pushed, Texted, normalised
from workflow.records import Inbound, Media, Outgoing, Receipt

_HEARD: Final = 2000
_REFUSAL: Final = "refusal"
_REMEMBERED: Final = timedelta(days=1)

_log = logging.getLogger(__name__)


class ShortMessages:
    """The channel of one account.

    Args:
        board: What every adapter is given.
        provider: The account.
    """

    name = CHANNEL

    def __init__(self, board: Switchboard, provider: Provider) -> None:
        self._board = board
        self._provider = provider
        self._well = False
        """Whether this process knows that no refusal is remembered."""

    @property
    def capabilities(self) -> Capabilities:
        """Words, one to one."""
        return CAPABILITIES

    async def receive(self, callback: Callback) -> Answer:
        """A batch of what people texted, or of reports; kept side by side, for the caller does not
        wait long.

        Raises:
            Forged, Malformed: it is refused.
        """
        pushed = self._provider.read(callback)
        said = [one for one in pushed.texted if one.text.strip()]
        await asyncio.gather(*(self._board.admit(self._inbound(one)) for one in said))
        self._count(pushed)
        return self._provider.taken

    def _count(self, pushed: Pushed) -> None:
        for event, times in (("ignored", pushed.ignored), ("malformed", pushed.broken)):
            for _ in range(times):
                self._board.count(CHANNEL, event)
        for one in pushed.lost:
            self._board.count(CHANNEL, "undelivered")
            _log.warning("a short message to %s did not arrive: %s", one.number, one.code)

    def _inbound(self, said: Texted) -> Inbound:
        return Inbound(
            tenant=self._board.tenant,
            channel=CHANNEL,
            chat=said.number,
            chat_kind="direct",
            sender=said.number,
            dedupe_key=f"{CHANNEL}:{said.id}",
            sent_at=said.at,
            text=said.text[:_HEARD],
        )

    async def run(self) -> None:
        """The service calls us."""

    async def close(self) -> None:
        """Nothing is open."""

    async def fetch(self, media: Media) -> Fetched:
        """Short messages carry no attachments."""
        raise Refused(CHANNEL, f"no attachments here: {media.kind}")

    async def send(self, outgoing: Outgoing) -> Receipt:
        """By the template; a number that is none is refused before any call."""
        number = normalised(outgoing.to.chat)
        if not number:
            raise Refused(CHANNEL, NO_NUMBER)
        try:
            sent = await self._provider.send(number, template_facts(outgoing), outgoing.key)
        except Barred as refusal:
            await self._board.notes.put(_REFUSAL, refusal.why, _REMEMBERED)
            self._well = False
            raise
        if not self._well:
            await self._board.notes.drop(_REFUSAL)
            self._well = True
        return Receipt(sent, self._board.now(), "as a short message")

    async def check(self) -> Sequence[Finding]:
        """Whether the account can send, by what the service says of it and by how the last sending
        ended: whether it owes money is told to senders only.
        """
        found = list(await self._provider.check())
        why = await self._board.notes.get(_REFUSAL)
        if why and all(finding.level != "fail" for finding in found):
            last = self.explain(Barred(CHANNEL, why))
            found += [replace(last, level="warn"), Finding("warn", "sms_try_again")]
        return found

    def explain(self, refusal: ChannelError) -> Finding:
        """What to click after a refusal."""
        return self._provider.explain(refusal)
