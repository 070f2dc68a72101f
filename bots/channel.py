"""What a chat channel can do, how to speak into it, and how that fails.

ChannelError
├── Retry        not now: try again after ``after``
├── Refused      never like this: blocked, no such chat, not allowed to speak there
│   └── Barred   nobody is reached: the account, or the one way into a chat, is refused
├── Unsupported  this channel cannot show such a thing at all
└── Anomalous    an answer we do not understand; whether it arrived is unknown

A channel that raises none of these and returns no receipt has a bug.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from workflow.records import Outgoing, Receipt


class ChannelError(Exception):
    """A send that did not go through; ``channel`` and ``why`` are for the record, not for chat."""

    def __init__(self, channel: str, why: str) -> None:
        self.channel = channel
        self.why = why
        super().__init__(f"{channel}: {why}")


class Retry(ChannelError):
    """The channel is busy or throttled; the same send may succeed ``after`` this long."""

    def __init__(self, channel: str, why: str, after: timedelta = timedelta(seconds=5)) -> None:
        super().__init__(channel, why)
        self.after = after


class Refused(ChannelError):
    """Permanent for this chat: another channel has to carry the message."""


class Barred(Refused):
    """The platform refuses the account: a wrong secret, a foreign IP, a frozen application. It
    stays so for everybody until a person mends it there. With a ``chat`` it is only the way into
    that one: its webhook was taken out of the group, or switched off.
    """

    def __init__(self, channel: str, why: str, chat: str = "") -> None:
        self.chat = chat
        super().__init__(channel, why)


class Unsupported(ChannelError):
    """This channel cannot show such a thing; send something plainer."""


class Anomalous(ChannelError):
    """The answer made no sense; the message may or may not have arrived."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel hears and shows; whoever speaks degrades by it.

    ``edit`` says that a sent card can be repainted in place. ``max_text_bytes`` is the UTF-8 size
    of one message, ``per_minute`` the messages one chat takes in a minute (0: no limit).
    ``idempotent`` says that a repeated key is shown once, so a send of unknown outcome may be
    repeated without harm. ``elsewhere`` says that right now another process of ours holds the one
    connection the platform allows, and only that one can speak.
    """

    groups: bool = False
    buttons: bool = False
    cards: bool = False
    edit: bool = False
    mentions: bool = False
    pictures: bool = False
    voice: bool = False
    max_text_bytes: int = 2048
    max_buttons: int = 6
    per_minute: int = 20
    idempotent: bool = False
    elsewhere: bool = False


class Channel(Protocol):
    """One way out. ``name`` is what ``ChatRef.channel`` says."""

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Say it, or repaint ``outgoing.previous`` where the channel can.

        Raises:
            ChannelError: one of the four above.
        """
        ...
