"""The records that travel between rooms: what came in, what it means, what we say back.

Vendor payloads never get this far; beyond ``bots`` there are only these. All datetimes are aware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Literal, NamedTuple

ChatKind = Literal["direct", "group"]
Role = Literal["customer", "engineer", "supervisor", "admin", "system"]
Facts = Mapping[str, object]
"""JSON-able facts: str, int, float, bool, None, and lists or mappings of them."""
ALARM = "alarm"
"""The channel of devices: they speak, nobody reads there."""
HOUSE = "house"
"""Where work orders come from that the house opens by itself."""


# --- what came in -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChatRef:
    """A place to speak: one chat on one channel.

    A chat may be one thread of somebody's, as in mail: ``anna@example.com#3f2a``. What is said in
    a thread is about what it began with.
    """

    channel: str
    chat: str
    kind: ChatKind = "direct"

    @property
    def threaded(self) -> bool:
        """Whether it is one thread of a chat."""
        return "#" in self.chat

    @property
    def home(self) -> ChatRef:
        """The chat that a thread is one of: where somebody is spoken to first."""
        return ChatRef(self.channel, self.chat.partition("#")[0], self.kind)


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, voice clip or file. ``blob`` is its content hash once we hold the bytes; before,
    ``ref`` is what its channel fetches it by. ``lost`` says in plain words why we never got it.
    """

    kind: Literal["image", "voice", "video", "file"]
    blob: str | None = None
    mime: str = "application/octet-stream"
    name: str = ""
    size: int = 0
    transcript: str | None = None
    ref: str = ""
    lost: str = ""


def media_of(rows: object) -> tuple[Media, ...]:
    """Media back from an event's data."""
    if not isinstance(rows, list | tuple):
        return ()
    return tuple(row if isinstance(row, Media) else Media(**row) for row in rows)


@dataclass(frozen=True, slots=True)
class Action:
    """One press of a card button: what, on which work order, and what the presser saw.

    ``expect`` is the state and ``generation`` the assignment the card showed; a card that no
    longer matches is refused and its presser told who was first. ``args`` carries what the
    button asked for (reason, rating, staff id, minutes, …).
    """

    do: str
    order: str
    expect: str | None = None
    generation: int | None = None
    args: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message or button press from a chat, normalised.

    ``dedupe_key`` is unique per tenant: a redelivery has the same key. ``addressed`` is true
    when the bot is meant (direct chat, @-mention, reply to the bot). ``asset`` is the asset a QR
    page was opened for. ``own_phone`` is a number that the platform itself vouches to be the
    sender's (digits), ``union`` an id of theirs that is the same on several channels (「unionid」);
    both are empty where nobody vouches.
    """

    tenant: str
    channel: str
    chat: str
    chat_kind: ChatKind
    sender: str
    dedupe_key: str
    sent_at: datetime
    text: str = ""
    sender_name: str = ""
    media: tuple[Media, ...] = ()
    mentions: tuple[str, ...] = ()
    addressed: bool = True
    action: Action | None = None
    asset: str | None = None
    raw_ref: str | None = None
    own_phone: str = ""
    union: str = ""

    @property
    def place(self) -> ChatRef:
        """Where an answer goes."""
        return ChatRef(self.channel, self.chat, self.chat_kind)


# --- what it means ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Guess:
    """One head's answer: a label, how sure (0–1, calibrated), and the words that decided it."""

    label: str
    confidence: float
    evidence: tuple[str, ...] = ()
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """An exact substring ``text == message[start:end]`` and its normalised value, if it has one."""

    kind: Literal["phone", "serial", "location", "device", "error_code", "time", "name"]
    text: str
    start: int
    end: int
    confidence: float
    normalized: str | None = None


@dataclass(frozen=True, slots=True)
class FaultPart:
    """One of several faults named in a message: the words about it and its type."""

    text: str
    fault_type: str


class Correction(NamedTuple):
    """Misheard or mistyped words: ``message[start:end]`` stands for ``meant``, of equal length."""

    start: int
    end: int
    meant: str


@dataclass(frozen=True, slots=True)
class Understanding:
    """What ``nlp.understand`` says of a message. Labels are always given; ``abstained`` names the
    heads (``intent``, ``fault_type``, ``priority``, ``emotion``) a person should look at.

    ``emotion.label`` is "1".."5". ``parts`` has two or more items when the message names more than
    one fault. ``complete`` is false when the text has no recognisable symptom.
    """

    text: str
    intent: Guess
    fault_type: Guess
    priority: Guess
    emotion: Guess
    entities: tuple[Entity, ...] = ()
    abstained: frozenset[str] = frozenset()
    parts: tuple[FaultPart, ...] = ()
    model: str = ""
    corrections: tuple[Correction, ...] = ()
    familiarity: float = 1.0
    """The share of the text's pairs of characters that training has seen, 0 to 1."""

    def meant(self, start: int = 0, end: int | None = None) -> str:
        """The words of the message there, with what was misheard put right."""
        stop = len(self.text) if end is None else end
        text = self.text
        for first, last, meant in self.corrections:
            text = text[:first] + meant + text[last:]
        return text[start:stop]

    def first(self, kind: str) -> Entity | None:
        """The first entity of a kind, if any."""
        return next((e for e in self.entities if e.kind == kind), None)

    def values(self, kind: str) -> tuple[str, ...]:
        """The surface texts of a kind, in order."""
        return tuple(e.text for e in self.entities if e.kind == kind)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What we were talking about with one sender in one chat.

    ``asking`` is what we last asked for and still wait for: a slot (``phone``, ``serial``,
    ``symptom``, ``place``, ``screenshot``) or a decision (``cancel``, ``split``, ``which``).
    ``context`` holds what that question is about (work order ids, offered parts, …).
    """

    tenant: str
    channel: str
    chat: str
    sender: str
    asking: str | None = None
    order_id: str | None = None
    context: Facts = field(default_factory=dict)
    updated_at: datetime | None = None


# --- what we say ------------------------------------------------------------------------------


class Urgency(IntEnum):
    """Which notice leaves first when a channel is throttled; smaller is sooner."""

    RED = 0
    ESCALATION = 1
    REPLY = 2
    CARD = 3
    REMINDER = 4
    INFO = 5


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a card. ``ask`` names one thing the presser must add before it is sent
    (``reason``, ``staff``, ``minutes``, ``rating``, ``text``, ``child``), with ``choices`` to tap.
    """

    label: str
    action: Action
    style: Literal["primary", "default", "danger"] = "default"
    ask: str | None = None
    choices: tuple[tuple[str, str], ...] = ()
    command: str = ""
    """The text command that does the same where a channel has no buttons, e.g. 「接单 7」."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card as every channel can show it, richer or poorer.

    ``steps`` is the progress line: (label, state) with state ``done``, ``now`` or ``next``.
    ``deadline`` is the instant the shown countdown runs to; ``tone`` colours the header.
    ``key`` names the living card (work order and audience); the same key in the same chat
    repaints instead of repeating. ``links`` are labels with the addresses behind them, which
    whoever reads the card may open.
    """

    key: str
    title: str
    subtitle: str = ""
    tone: Literal["neutral", "info", "warn", "danger", "done"] = "neutral"
    fields: tuple[tuple[str, str], ...] = ()
    steps: tuple[tuple[str, str], ...] = ()
    deadline: datetime | None = None
    deadline_label: str = ""
    body: str = ""
    buttons: tuple[Button, ...] = ()
    media: tuple[Media, ...] = ()
    footer: str = ""
    links: tuple[tuple[str, str], ...] = ()


class NoticeState(StrEnum):
    """The life of a notice in the outbox."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one chat; a row of the outbox, written in the unit that caused it.

    ``key`` is unique per tenant, derived from event and recipient, so that the same event never
    plans the same notice twice. ``supersedes`` is a prefix-free topic: a newer pending notice of
    the same topic and chat replaces an older one (living cards, countdowns). ``not_before`` holds
    quiet hours. ``person`` is the staff or customer id it is meant for, if it is for one person;
    ``mentions`` are platform user ids to @. ``why`` says which rule made it, for the record.
    """

    key: str
    kind: str
    to: ChatRef
    urgency: Urgency
    text: str
    why: str
    order_id: str | None = None
    event_seq: int | None = None
    person: str | None = None
    role: Role = "system"
    mentions: tuple[str, ...] = ()
    card: Card | None = None
    topic: str | None = None
    not_before: datetime | None = None
    fallbacks: tuple[ChatRef, ...] = ()
    cause: str = ""
    """What it goes back to, by ``workflow.tracing``; given as it is put into the outbox."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that belongs to no change of a work order: a code and its facts.

    ``bots`` decides what to answer, ``notifier`` words it in the reader's language.
    """

    to: ChatRef
    code: str
    data: Facts = field(default_factory=dict)
    order_id: str | None = None
    person: str | None = None
    role: Role = "customer"
    mentions: tuple[str, ...] = ()
    locale: str = "zh_CN"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What delivery hands a channel. ``previous`` is the message id of the living card to repaint;
    ``key`` is the idempotency token where the platform has one.
    """

    tenant: str
    to: ChatRef
    text: str
    key: str
    card: Card | None = None
    mentions: tuple[str, ...] = ()
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel answered. ``message_id`` is what a later repaint addresses."""

    message_id: str
    at: datetime
    degraded: str = ""
    """Plain words for what this channel could not show, if anything."""
