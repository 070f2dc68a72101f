"""The work order: what holds now, folded from what happened.

:func:`evolve` is the only way a work order changes; replaying its events from nothing gives the
same record again (the audit does exactly that).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflow.clocks import Mark
from workflow.records import ChatRef, Facts, Media
from workflow.states import OPEN, State, Sub


@dataclass(frozen=True, slots=True)
class Reporter:
    """Somebody who reported this incident and is told how it goes.

    ``customer_id`` may be empty for an unknown sender. ``message`` is the dedupe key of the report.
    """

    place: ChatRef
    sender: str
    name: str = ""
    customer_id: str = ""
    message: str = ""
    text: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """Minutes a supervisor added to a clock."""

    clock: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Child:
    """A work order of a surge, as its parent knows it. ``told`` it has the prepared answer,
    ``offered`` the resolution, ``freed`` it goes on by itself because there was no surge.
    """

    id: str
    number: str
    at: datetime
    place: str = ""
    product: str = ""
    channel: str = ""
    outcome: str = ""
    """How it closed; empty while it is open."""
    told: bool = False
    offered: bool = False
    freed: bool = False


@dataclass(frozen=True, slots=True)
class Surge:
    """What makes a work order a parent: many reports of one ``key`` where few are usual.

    ``count`` people in ``window`` seconds where ``usual`` reports are expected, found by ``rule``
    (``tail`` or ``cluster``) with ``probability``. ``script`` is the prepared answer; it is sent
    once somebody approved it.
    """

    key: str
    rule: str
    count: int
    usual: float
    window: float
    probability: float
    script: str = ""
    approved_by: str = ""
    approved_name: str = ""
    approved_at: datetime | None = None
    resolution: str = ""
    dismissed: bool = False


@dataclass(frozen=True, slots=True)
class SelfService:
    """An article the reporter was given to try, and their ``answer``: ``solved``, ``unsolved``, or
    empty while they have not said.
    """

    article: str
    version: int
    title: str
    steps: str
    at: datetime
    answer: str = ""


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One incident. ``version`` guards the row; ``generation`` counts assignments.

    ``head`` and ``seq`` are the end of the hash chain. ``opened_at`` is the instant of the
    reporter's message, from which first response is measured. ``moved_at`` is the last change of
    state or sub-status by a person. ``steps`` are the ladder steps already taken.
    """

    id: str
    tenant: str
    number: str
    version: int = 0
    seq: int = 0
    head: str = ""
    state: State = State.NEW
    sub: Sub = Sub.QUEUED
    outcome: str = ""

    text: str = ""
    fault_type: str = "other"
    subtype: str = ""
    """The company's own finer kind, by its id in the taxonomy."""
    priority: str = "P1"
    emotion: int = 2
    place: str = ""
    region: str = ""
    device: str = ""
    serial: str = ""
    error_code: str = ""
    phone: str = ""
    contact: str = ""
    when: str = ""
    asset_id: str = ""
    customer_id: str = ""
    media: tuple[Media, ...] = ()
    missing: tuple[str, ...] = ()

    policy_version: str = ""
    queue_id: str = ""
    team_id: str = ""
    assignee: str = ""
    generation: int = 0
    offered: tuple[str, ...] = ()
    """Staff who had this offer and let it pass, since the last time somebody took it."""
    why: tuple[Facts, ...] = ()
    """The score terms that chose the assignee; empty when a person chose."""
    rounds: int = 0
    """How often everybody has let it pass since somebody last took it."""
    candidates: tuple[str, ...] = ()
    """Who may claim it, in claim mode."""
    held_from: tuple[State, Sub] | None = None
    hold_reason: str = ""

    alarms: int = 0
    """How often the device itself raised the alarm."""
    by_device: bool = False
    """A device opened it, not a report of anybody's."""
    reporters: tuple[Reporter, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    opened_at: datetime | None = None
    first_responded_at: datetime | None = None
    accepted_at: datetime | None = None
    arrived_at: datetime | None = None
    completed_at: datetime | None = None
    closed_at: datetime | None = None
    moved_at: datetime | None = None
    offered_at: datetime | None = None
    updated_at: datetime | None = None
    nudged_at: datetime | None = None
    stalled: bool = False
    supervised_at: datetime | None = None
    """When it was put under supervision (督办)."""
    supervised_for: str = ""
    """Why: ``mood``, ``complaint`` or ``asked``."""
    escalation: int = 0
    """0 none, 1 direct supervisor, 2 backup responder, 3 next level."""
    extensions: tuple[Extension, ...] = ()
    steps: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    """What the clocks need of the history (see ``workflow.clocks``), folded from the events."""
    rating: int = 0
    comment: str = ""

    parent: str = ""
    """Of a surge's child: the parent's id."""
    parent_number: str = ""
    script: str = ""
    """The answer its reporters were given with the parent's."""
    surge: Surge | None = None
    """Of a surge's parent; its children stand in the order of their coming."""
    children: tuple[Child, ...] = ()

    self_service: SelfService | None = None
    repairs: tuple[Facts, ...] = ()
    """Like ones that were closed, with what fixed them, as they were known when it was opened."""

    deadline_at: datetime | None = None
    deadline_clock: str = ""
    """The nearest running clock, for lists; worked out after each change, not part of history."""

    @property
    def open(self) -> bool:
        """Not closed."""
        return self.state in OPEN

    @property
    def tried(self) -> SelfService | None:
        """What its customer may still try and say how it went, in a P2 alone."""
        pending = self.self_service is not None and not self.self_service.answer
        return self.self_service if pending and self.priority == "P2" and self.open else None

    @property
    def opener(self) -> Reporter | None:
        """Whose report opened it; the other reporters joined. None when a device did."""
        return self.reporters[0] if self.reporters and not self.by_device else None

    def reporter(self, message: str) -> Reporter | None:
        """The reporter whose report was this message."""
        return next((r for r in self.reporters if r.message == message), None)
