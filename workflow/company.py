"""The company a unit of work serves: people, teams, shifts, queues, rules.

A :class:`Company` is an immutable snapshot of one tenant, small enough to hold in memory
(hundreds of staff); customers and assets are many and are looked up through the ports.
Everything here is data: the same shapes are read from ``company.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from workflow.calendar import Span, WorkCalendar
from workflow.policy import Policy
from workflow.records import ChatRef, Role
from workflow.vocabulary import Taxonomy, Term

CONTACTS_KEPT = 5
"""Chats of a customer that are remembered."""
QueueMode = Literal["automatic", "ordered", "nearest", "claim"]


@dataclass(frozen=True, slots=True)
class Site:
    """Where somebody or something is: a region name and, if known, coordinates (WGS-84)."""

    name: str = ""
    region: str = ""
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """When a group of people works: seven days, Monday first; a night span runs past midnight."""

    id: str
    name: str
    week: tuple[tuple[Span, ...], ...]
    keeps_holidays: bool = False
    """True: nobody of this shift works on public holidays."""


@dataclass(frozen=True, slots=True)
class Staff:
    """One person of the company. ``skills`` maps fault type to level 1–5.

    ``contacts`` are the direct chats they read, best first; ``handles`` maps channel to the user
    id they are @-mentioned by in groups. ``ratings`` are the latest first, 1–5.
    """

    id: str
    name: str
    role: Role = "engineer"
    team: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    shift: str = ""
    site: Site = field(default_factory=Site)
    phone: str = ""
    supervisor: str | None = None
    ratings: tuple[float, ...] = ()
    contacts: tuple[ChatRef, ...] = ()
    handles: Mapping[str, str] = field(default_factory=dict)
    active: bool = True


@dataclass(frozen=True, slots=True)
class Team:
    """People who share a group chat, a supervisor and a backup responder (首响兜底人)."""

    id: str
    name: str
    supervisor: str
    backup: str
    groups: tuple[ChatRef, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """Which team takes which faults where, and how the engineer is picked.

    ``order`` is the fixed sequence of staff ids for the ``ordered`` mode. The first queue whose
    fault types and regions fit a work order takes it; empty tuples fit everything.
    """

    id: str
    name: str
    team: str
    mode: QueueMode = "automatic"
    fault_types: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who reports faults. ``contacts`` are the chats they were last seen in.

    ``phone_told`` says that the number is only what somebody wrote in a chat: it can be called, but
    proves nothing. ``was`` are the customers that turned out to be the same person, ``now`` is the
    one that this customer turned out to be.
    """

    id: str
    name: str
    phone: str = ""
    vip: bool = False
    site: Site = field(default_factory=Site)
    locale: str = "zh_CN"
    contacts: tuple[ChatRef, ...] = ()
    phone_told: bool = False
    was: tuple[str, ...] = ()
    now: str = ""

    def seen_in(self, place: ChatRef) -> Customer:
        """With this chat among those they were last seen in, the newest first."""
        place = place.home
        if place in self.contacts:
            return self
        return replace(self, contacts=(place, *self.contacts)[:CONTACTS_KEPT])

    def with_all_of(self, other: Customer) -> Customer:
        """This customer, who turned out to be ``other`` too: with their chats, and the number that
        they had where this one has none.
        """
        known = (*self.was, other.id, *other.was)
        contacts = (*self.contacts, *(c for c in other.contacts if c not in self.contacts))
        phone, told = self.phone, self.phone_told
        if other.phone and (not phone or (told and not other.phone_told)):
            phone, told = other.phone, other.phone_told
        return replace(
            self,
            phone=phone,
            phone_told=told,
            contacts=contacts[:CONTACTS_KEPT],
            was=tuple(dict.fromkeys(one for one in known if one != self.id)),
        )


@dataclass(frozen=True, slots=True)
class Asset:
    """A thing that breaks. ``token`` opens its public page (random, not derived from the id)."""

    id: str
    name: str
    serial: str = ""
    fault_type: str = ""
    model: str = ""
    customer_id: str | None = None
    site: Site = field(default_factory=Site)
    token: str = ""
    installed_on: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """What a person last said about themselves with 上班/下班; it outranks the shift plan for
    twelve hours, so that a forgotten 上班 does not keep somebody on duty for ever.
    """

    staff_id: str
    on: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a platform user is to us. ``was`` are the other customers that they were taken for."""

    channel: str
    user: str
    role: Role
    person_id: str
    name: str = ""
    was: tuple[str, ...] = ()


@dataclass(frozen=True)
class Company:
    """One tenant's snapshot. ``supervisor_group`` hears escalations, triage and complaints."""

    tenant: str
    name: str
    tz: str
    calendar: WorkCalendar
    staff: Mapping[str, Staff]
    teams: Mapping[str, Team]
    shifts: Mapping[str, Shift]
    queues: tuple[Queue, ...]
    policy: Policy
    supervisor_groups: tuple[ChatRef, ...] = ()
    locale: str = "zh_CN"
    preset_replies: Mapping[str, str] = field(default_factory=dict)
    """Answers to customers by a short name; ``{number}`` and ``{engineer}`` stand in them."""
    vocabulary: tuple[Term, ...] = ()
    taxonomy: Taxonomy = field(default_factory=Taxonomy)

    @property
    def supervisor_chats(self) -> tuple[ChatRef, ...]:
        """Where supervisors hear what a person must look at: in their groups, else each directly.
        Some platforms have no groups that an application may speak cards into.
        """
        return self.supervisor_groups or tuple(
            staff.contacts[0]
            for staff in self.staff.values()
            if staff.active and staff.contacts and staff.role in {"admin", "supervisor"}
        )

    def with_staff(self, changed: Staff) -> Company:
        """The company with this person as they are now."""
        return replace(self, staff={**self.staff, changed.id: changed})

    def queue_for(self, fault_type: str, region: str) -> Queue:
        """The first queue that fits; the last one takes what fits none."""
        for queue in self.queues:
            fits_type = not queue.fault_types or fault_type in queue.fault_types
            fits_region = not queue.regions or not region or region in queue.regions
            if fits_type and fits_region:
                return queue
        return self.queues[-1]

    def queue(self, queue_id: str) -> Queue:
        """A queue by id; an id that has gone gives the last queue."""
        return next((q for q in self.queues if q.id == queue_id), self.queues[-1])

    def members(self, team_id: str) -> tuple[Staff, ...]:
        """The active people of a team, in the order of their ids."""
        return tuple(s for _, s in sorted(self.staff.items()) if s.team == team_id and s.active)
