"""The contract of a chat platform's adapter, and the records it meets the house with.

CallbackError
├── Forged      the signature, the secret or the time does not hold: answered 403, nothing is kept
└── Malformed   it is genuine or unsigned, but not what the platform documents: answered 400

Whatever is genuine and merely of no use to us is answered as if it had been (200): platforms
disable doors that complain.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, Protocol, runtime_checkable

from bots.channel import Channel, ChannelError
from workflow.kept import Admitted
from workflow.records import ChatRef, Inbound, Media

if TYPE_CHECKING:
    import aiohttp

    from bots.gateway.tokens import Tokens
    from workflow.ports import Notes


class CallbackError(Exception):
    """A call to our door that is refused; ``why`` goes to the log, never back."""

    status = 400

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Forged(CallbackError):
    """Not from the platform, or too old."""

    status = 403


class Malformed(CallbackError):
    """Not what the platform documents."""


@contextmanager
def reading() -> Iterator[None]:
    """Whatever the pure reading of a payload stumbles over in this block, the payload is not what
    the platform documents: another type, a number no clock has, a text that is no address.

    Raises:
        Malformed: it stumbled.
    """
    try:
        yield
    except CallbackError:
        raise
    except Exception as error:  # noqa: BLE001 - libraries raise whatever comes of odd fields
        raise Malformed(f"cannot be read: {type(error).__name__}") from None


@dataclass(frozen=True, slots=True)
class Callback:
    """One HTTP call of a platform. Header names are lower case; the body is at most 1 MB. ``came``
    is when, by the monotonic clock: what its platform waits for is counted from there.
    """

    method: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    came: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform is answered."""

    body: bytes = b""
    content_type: str = "text/plain"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``paidan doctor <channel>``: what was looked at, how it is, and how to mend it.

    ``code`` names the words (the channel's section of the settings has them, in both languages),
    ``facts`` fill them in by position.
    """

    level: Literal["ok", "warn", "fail"]
    code: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """An attachment's bytes with what the platform calls them; the true type is sniffed."""

    data: bytes
    name: str = ""


Admit = Callable[[Inbound], Awaitable[Admitted | None]]
LONGEST_ID: Final = 512
"""Bytes; platforms' own ids have less than a hundred, and no index takes thousands."""


def fitting(admit: Admit) -> Admit:
    """The same, for messages whose ids are as short as any platform's.

    Raises:
        Malformed: from what is returned, for one whose are not.
    """

    async def admitted(inbound: Inbound) -> Admitted | None:
        for one in (inbound.chat, inbound.sender, inbound.dedupe_key):
            if len(one.encode(errors="replace")) > LONGEST_ID:
                raise Malformed("an id is longer than any of the platform's")
        return await admit(inbound)

    return admitted


Link = Callable[[ChatRef, str, str], str]
"""Makes the address of a button's page, from the chat, the button's label and its string."""


async def _chinese(_user: str) -> str:
    return "zh_CN"


async def _nowhere(_data: bytes, _mime: str) -> str:
    """No store for attachments."""
    return ""


async def _nothing(_blob: str) -> bytes | None:
    """No pictures to show."""
    return None


async def _unknown(_number: str, _message_id: str, _why: str) -> bool:
    """No record to mark."""
    return False


async def _nobody(_code: str, _facts: Sequence[str]) -> None:
    """Nobody to tell."""


@dataclass(frozen=True)
class Switchboard:
    """What every adapter is given.

    ``admit`` makes a message durably ours (None for a redelivery): acknowledge only afterwards.
    ``http`` is the shared client session. ``notes`` are the adapter's own small durable facts
    (cursors, windows, response codes), apart from other adapters'. ``tokens`` are shared by all
    processes. ``hook`` is the public address of this channel's door, empty where nobody outside
    can reach us. ``link`` gives the address of a page that presses the button behind a string of
    :class:`~bots.gateway.presses.Presses` for a reader of a chat, None where there are no such
    pages. ``locale`` gives the language of a user of this channel, the company's for one nobody
    knows. ``count`` counts what happens, by channel and event, for the metrics. ``now`` is real
    time: platforms know no other.
    ``keep`` stores an attachment that came along, by its MIME type, and gives the blob's name.
    ``picture`` gives the bytes of a kept picture by its blob's name, without what the camera wrote
    into it; None where there is none.
    ``came_back`` marks that a message was not delivered after all: the work order's number, what
    we called the message, and why.
    ``tell`` tells the supervisors, at most once a day, of what a person has to mend: the code of a
    finding's words and the facts in them.
    ``answers`` says that what is said to a message may be said by this very process, so that a call
    of the platform is worth holding open for it.
    """

    tenant: str
    admit: Admit
    http: aiohttp.ClientSession
    notes: Notes
    tokens: Tokens
    now: Callable[[], datetime]
    hook: str = ""
    link: Link | None = None
    locale: Callable[[str], Awaitable[str]] = _chinese
    count: Callable[[str, str], None] = lambda _channel, _event: None
    keep: Callable[[bytes, str], Awaitable[str]] = _nowhere
    came_back: Callable[[str, str, str], Awaitable[bool]] = _unknown
    picture: Callable[[str], Awaitable[bytes | None]] = _nothing
    tell: Callable[[str, Sequence[str]], Awaitable[None]] = _nobody
    answers: bool = True


class Adapter(Channel, Protocol):
    """A chat platform, both ways."""

    async def receive(self, callback: Callback) -> Answer:
        """One call to ``/hooks/<name>``: verify, parse, admit, and only then answer.

        Raises:
            CallbackError: it is refused.
        """
        ...

    async def run(self) -> None:
        """Keep what connection of our own the platform wants, until cancelled. Returns at once
        where the platform calls us. A lost connection is opened again by this, not by the caller.
        """
        ...

    async def fetch(self, media: Media) -> Fetched:
        """The bytes behind ``media.ref``.

        Raises:
            ChannelError: ``Retry`` where it may come later, ``Refused`` where it will not.
        """
        ...

    async def close(self) -> None:
        """Give back what the adapter opened for itself; the shared session is not its own."""
        ...

    async def check(self) -> Sequence[Finding]:
        """Try the credentials and whatever else can be wrong; never raises for what it finds."""
        ...


FIVE_SECONDS: Final = 4.5
"""What is left of the five seconds that 企业微信 and 公众号 wait, once the way there and back is
taken off.
"""


@runtime_checkable
class Holding(Protocol):
    """An adapter whose platform, told no, calls again at once and only a few times: a moment
    without a database would use them up. So a call is held, and what it brings tried again, for
    ``hold_for`` seconds from its coming; only then it is refused.
    """

    hold_for: float


@runtime_checkable
class Gathering(Protocol):
    """An adapter that can open a group of its own and speak into it."""

    async def gather(self, name: str, members: Sequence[str], owner: str, number: str) -> str:
        """Open a group of these members and greet it, so that it shows; its id.

        Args:
            name: What it is called.
            members: The platform's ids of its members.
            owner: Who owns it; empty: the platform chooses.
            number: The id it shall have; empty: the platform gives one.

        Raises:
            InvalidInput: the platform has no such groups; ``field`` says what is wrong.
            ChannelError: it refuses.
        """
        ...


@runtime_checkable
class Explaining(Protocol):
    """An adapter that knows what a person has to mend after a refusal of its own."""

    def explain(self, refusal: ChannelError) -> Finding:
        """The same as a line of ``paidan doctor``."""
        ...
