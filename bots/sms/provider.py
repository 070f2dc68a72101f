"""What a short message service has to offer; another one is one more module with this shape.

The channel (:mod:`bots.sms.adapter`) knows no vendor. A new service needs a class that does what
:class:`Provider` says, its keys in ``paidan/channels/sms.py``, and a fake in ``tests/vendors``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from bots.channel import Capabilities, ChannelError
from bots.gateway.adapter import Answer, Callback, Finding

CHANNEL: Final = "sms"
CAPABILITIES: Final = Capabilities(max_text_bytes=2048, per_minute=6)
"""An approved template with a few variables, to one number. What comes faster waits and is merged:
services take about fifty notices a day to a number.
"""
NO_NUMBER: Final = "not a mobile number"
_HOME: Final = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")
_ABROAD: Final = re.compile(r"\+(?!86)([1-9][0-9]{6,14})")


@dataclass(frozen=True, slots=True)
class Texted:
    """What somebody texted: from which number, what, when, and its id at the service."""

    number: str
    text: str
    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A message that did not arrive: the number, masked, and the carrier's code."""

    number: str
    code: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """One push: what was texted, what was lost, and how many entries were of no use or broken."""

    texted: Sequence[Texted] = ()
    lost: Sequence[Lost] = ()
    ignored: int = 0
    broken: int = 0


class Provider(Protocol):
    """One account at one short message service."""

    async def send(self, number: str, facts: Mapping[str, str], key: str) -> str:
        """Send one message by the approved template; its id at the service.

        Args:
            number: As :func:`normalised` writes it.
            facts: What the template's variables can say (:func:`bots.degrade.template_facts`).
            key: Of our message, for the service's records.

        Raises:
            Retry: the number or the account is throttled; nothing was sent.
            Refused: this number or these words never.
            Barred: the account, until a person mends it.
            Anomalous: it may have been sent.
        """
        ...

    def read(self, callback: Callback) -> Pushed:
        """What a push says.

        Raises:
            Forged: it is not from the service.
            Malformed: nothing in it is what the service documents.
        """
        ...

    @property
    def taken(self) -> Answer:
        """What the service wants to hear once a push is ours."""
        ...

    async def check(self) -> Sequence[Finding]:
        """Try the account without sending anything; never raises for what it finds."""
        ...

    def explain(self, refusal: ChannelError) -> Finding:
        """What a person has to mend after a refusal of :meth:`send`."""
        ...


def normalised(number: str) -> str:
    """11 digits of the mainland or ``+`` and the digits of elsewhere; empty for anything else."""
    bare = re.sub(r"[ -]", "", number)
    if home := _HOME.fullmatch(bare):
        return home[1]
    return bare if _ABROAD.fullmatch(bare) else ""


def masked(number: str) -> str:
    """For the log."""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 11 else "****"  # noqa: PLR2004
