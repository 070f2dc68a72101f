"""What ``company.yaml`` looks like: the business's own dataclasses, a few of them in short form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import partial
from typing import Any, Final, Literal, NewType

from paidan.company_file import shorthand
from paidan.company_file.reading import Field, Hint, Shape, Unreadable
from workflow.calendar import Span
from workflow.clocks import ClockPolicy, Target
from workflow.company import Asset, Customer, Queue, Shift, Staff, Team
from workflow.escalation import DEFAULT_CLOCKS, DEFAULT_LADDER, default_policy
from workflow.knowledge import Article
from workflow.policy import IntakePolicy, Policy, QuietHours
from workflow.records import ChatRef
from workflow.vocabulary import Taxonomy, Term

WORKING_DAY: Final = timedelta(hours=8)
"""What ``1wd`` means when the calendar does not say: eight hours."""

Contact = NewType("Contact", ChatRef)
Group = NewType("Group", ChatRef)
WallTime = NewType("WallTime", str)
Pattern = NewType("Pattern", str)
Week = Mapping[str, tuple[Span, ...]]


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """The company's working hours, public holidays and its own days off and on.

    ``holidays`` names the bundled table (``cn``) or ``none``. ``makeup_week`` is how a 调休上班日
    is worked, like a Monday when left out. ``always`` is round the clock.
    """

    week: tuple[tuple[Span, ...], ...] = ((),) * 7
    holidays: Literal["cn", "none"] = "cn"
    extra_holidays: Mapping[date, str] = field(default_factory=dict)
    extra_workdays: Mapping[date, str] = field(default_factory=dict)
    makeup_week: tuple[Span, ...] | None = None
    always: bool = False

    @property
    def working_day(self) -> timedelta:
        """How long the first working day of the week is."""
        spans = next((day for day in self.week if day), ())
        return sum((_length(s) for s in spans), timedelta()) or WORKING_DAY


@dataclass(frozen=True, slots=True)
class CompanyFile:
    """A whole ``company.yaml``: one company with its rules, customers and assets."""

    tenant: str
    name: str
    calendar: CalendarEntry
    shifts: tuple[Shift, ...]
    teams: tuple[Team, ...]
    staff: tuple[Staff, ...]
    queues: tuple[Queue, ...]
    policy: Policy
    tz: str = "Asia/Shanghai"
    locale: Literal["zh_CN", "en"] = "zh_CN"
    supervisor_groups: tuple[ChatRef, ...] = ()
    preset_replies: Mapping[str, str] = field(default_factory=dict)
    vocabulary: tuple[Term, ...] = ()
    taxonomy: Taxonomy = field(default_factory=Taxonomy)
    customers: tuple[Customer, ...] = ()
    assets: tuple[Asset, ...] = ()
    knowledge: tuple[Article, ...] = ()


def shape(working_day: timedelta = WORKING_DAY) -> Shape:
    """How the file differs from the dataclasses; ``working_day`` is what ``1wd`` means."""
    return Shape(
        parse={
            timedelta: shorthand.duration,
            time: shorthand.wall_time,
            Span: shorthand.span,
            Target: partial(shorthand.target, working_day=working_day),
            Contact: partial(shorthand.chat, usual="direct"),
            Group: partial(shorthand.chat, usual="group"),
            WallTime: _checked(shorthand.wall_time),
            Pattern: _pattern,
        },
        hidden=frozenset(
            {
                *((Policy, "version"), (ClockPolicy, "revisions"), (Article, "version")),
                *((Customer, "phone_told"), (Customer, "was"), (Customer, "now")),
            }
        ),
        defaults={
            (Policy, "version"): str,
            (Policy, "clocks"): lambda: DEFAULT_CLOCKS,
            (Policy, "ladder"): lambda: DEFAULT_LADDER,
            (CompanyFile, "policy"): default_policy,
        },
        written=_WRITTEN,
    )


def _length(span: Span) -> timedelta:
    minutes = (span.end.hour - span.start.hour) * 60 + span.end.minute - span.start.minute
    return timedelta(minutes=minutes if minutes > 0 else minutes + 24 * 60)


def _checked(parse: Callable[[str], object]) -> Callable[[str], str]:
    """Text that ``parse`` accepts, kept as text."""

    def checked(text: str) -> str:
        parse(text)
        return text

    return checked


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as why:
        raise Unreadable("pattern", str(why)) from why
    return text


def _same(value: object) -> object:
    return value


_WRITTEN: Final[Mapping[Field, tuple[Hint, Callable[[Any], object]]]] = {
    (CalendarEntry, "week"): (Week, shorthand.week),
    (Shift, "week"): (Week, shorthand.week),
    (CompanyFile, "supervisor_groups"): (tuple[Group, ...], _same),
    (Team, "groups"): (tuple[Group, ...], _same),
    (Staff, "contacts"): (tuple[Contact, ...], _same),
    (Customer, "contacts"): (tuple[Contact, ...], _same),
    (QuietHours, "start"): (WallTime, _same),
    (QuietHours, "end"): (WallTime, _same),
    (IntakePolicy, "serial_pattern"): (Pattern, _same),
    (IntakePolicy, "phone_pattern"): (Pattern, _same),
}
