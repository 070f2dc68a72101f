"""Read models: what the console shows, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflow.events import Event
from workflow.kept import Admitted, Post, Queued, Timer
from workflow.work_order import WorkOrder


@dataclass(frozen=True, slots=True)
class Day:
    """One day (or the part of it that has passed). ``answered`` are those of the opened that a
    person has answered, ``in_time`` those answered before their first response was due; ``late``
    those due by now that were answered late or not at all.
    """

    opened: int = 0
    closed: int = 0
    answered: int = 0
    in_time: int = 0
    late: int = 0
    median_first_response: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Ratings:
    """What customers gave on closing: how many, and the average (1–5)."""

    count: int = 0
    average: float | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page. ``open`` counts open work orders by state and priority; ``yesterday`` is
    cut at the same time of day as today; ``burning`` has the nearest deadlines first, without what
    waits with its parent.
    """

    open: Mapping[str, Mapping[str, int]]
    today: Day
    yesterday: Day
    week: Ratings
    week_before: Ratings
    overdue: int
    stalled: int
    burning: tuple[WorkOrder, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Reports of one local hour (0–23) through one channel, and their commonest fault types."""

    hour: int
    channel: str
    count: int
    in_time: int
    causes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """Which work orders to list; what is left empty does not matter. ``open`` None is both."""

    open: bool | None = None
    states: tuple[str, ...] = ()
    priority: str = ""
    team: str = ""
    assignee: str = ""
    fault_type: str = ""
    channel: str = ""
    customer: str = ""
    asset: str = ""
    stalled: bool = False
    due_before: datetime | None = None
    opened_since: datetime | None = None
    opened_until: datetime | None = None
    closed_since: datetime | None = None
    closed_until: datetime | None = None
    rating: int = 0
    parent: str = ""
    """The number of a surge's parent: its children."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some work orders of a list. ``total`` is exact up to 1,000 and 1,001 beyond."""

    orders: tuple[WorkOrder, ...]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class Column:
    """One state of the board: how many there are and the first of them, nearest deadline first."""

    state: str
    total: int
    orders: tuple[WorkOrder, ...]


@dataclass(frozen=True, slots=True)
class OrderPage:
    """All there is about one work order. ``messages`` are what came in for it, ``posts`` the
    lines of our own chats that belong to it, ``timers`` every step armed for it.
    """

    order: WorkOrder
    events: tuple[Event, ...]
    messages: tuple[Admitted, ...]
    posts: tuple[Post, ...]
    notices: tuple[Queued, ...]
    timers: tuple[Timer, ...]


@dataclass(frozen=True, slots=True)
class StaffHome:
    """One engineer's own page: jobs most urgent first, jobs to claim, and today's harvest."""

    jobs: tuple[WorkOrder, ...]
    claimable: tuple[WorkOrder, ...]
    closed_today: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be done by the loops, for health checks and metrics."""

    waiting_messages: int = 0
    oldest_message: datetime | None = None
    parked_messages: int = 0
    overdue_timers: int = 0
    oldest_timer: datetime | None = None
    due_notices: int = 0
    oldest_notice: datetime | None = None
    dead_notices: int = 0
    open_cases: int = 0


@dataclass(frozen=True, slots=True)
class Story:
    """Everything of one tenant in a fixed order, for comparing runs."""

    orders: tuple[WorkOrder, ...] = ()
    events: tuple[Event, ...] = ()
    notices: tuple[Queued, ...] = ()
    messages: tuple[Admitted, ...] = field(default=())
