"""What is kept beside work orders: due steps, messages, notices, cases, lines of our own chats.

These are the records that the ports (:mod:`workflow.ports`) take and give.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from workflow.records import Card, ChatRef, Facts, Inbound, Media, Notice, Receipt


@dataclass(frozen=True, slots=True)
class Timer:
    """The next due step of one subject; a subject has at most one open timer.

    ``subject`` is ``order:<id>`` (dies with the work order), ``follow_up:<id>`` (outlives it) or
    ``surge:<id>`` (a report to be weighed, or a parent with children to be reached).
    ``step`` names what to do; ``generation`` rises each time the subject is re-armed.
    """

    id: int
    tenant: str
    subject: str
    step: str
    due: datetime
    generation: int
    state: Literal["open", "fired", "cancelled"] = "open"
    reason: str = ""
    fired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """A message that is durably ours. ``conversation`` is ``channel/chat``; its messages are
    handled one after another in the order of ``id``.
    """

    id: int
    inbound: Inbound
    conversation: str
    state: Literal["waiting", "done", "parked"] = "waiting"
    attempts: int = 0
    error: str = ""
    understanding: Facts = field(default_factory=dict)
    outcome: str = ""
    """In plain words, what became of it: the order's number, 'ignored: chatter', …"""
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Queued:
    """A notice in the outbox with its delivery record."""

    id: int
    tenant: str
    notice: Notice
    created_at: datetime
    state: str = "pending"
    attempts: int = 0
    next_at: datetime | None = None
    error: str = ""
    receipt: Receipt | None = None
    superseded_by: str = ""
    previous: str = ""
    """Message id of the living card of the same topic in the same chat, if one was sent."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something a person decides: a doubtful message (``triage``), a ``complaint``, or a message
    that could not be handled (``parked``). ``order_id`` is set when a work order exists already.
    """

    id: str
    kind: Literal["triage", "complaint", "parked"]
    at: datetime
    place: ChatRef
    sender: str
    text: str
    customer_id: str = ""
    sender_name: str = ""
    order_id: str = ""
    understanding: Facts = field(default_factory=dict)
    inbound: Facts = field(default_factory=dict)
    state: Literal["open", "decided"] = "open"
    decision: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    reminded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What dispatch wants to know of one engineer: open jobs, and past jobs for this customer
    and this asset.
    """

    open: int = 0
    for_customer: int = 0
    for_asset: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One report as surges are counted: when, by whom (``who`` is the same for two reports of one
    person), in which words, under which keys.
    """

    order_id: str
    at: datetime
    who: str
    text: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownSurge:
    """A surge under a key; with ``words``, only of reports that say the same. It takes reports
    while ``quiet_until`` is None, and is not called again before that.
    """

    key: str
    order_id: str
    words: str
    last_at: datetime
    quiet_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """One line of a chat of our own channels (sandbox, web chat), in or out."""

    id: int
    place: ChatRef
    at: datetime
    author: str
    author_name: str
    direction: Literal["in", "out"]
    text: str = ""
    card: Card | None = None
    media: tuple[Media, ...] = ()
    mentions: tuple[str, ...] = ()
    message: str = ""
    """Dedupe key of an inbound, or the receipt's message id of an outbound."""
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Which open work orders a report might belong to; any of the given facts may match.

    ``recent`` adds whatever was opened since then, whether or not it shares a fact: strangers
    name one place in ways that no key foresees. ``words`` adds those that say most of the same:
    places, numbers, devices where they stand, rare words.
    """

    fault_type: str
    customer_id: str = ""
    asset_id: str = ""
    serial: str = ""
    place: str = ""
    phone: str = ""
    since: datetime | None = None
    recent: datetime | None = None
    words: str = ""
