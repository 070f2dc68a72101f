"""From a company back to a file that reads equal: what is stored can always be taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

import yaml

from paidan.company_file import shorthand
from paidan.company_file.shape import CalendarEntry, CompanyFile, shape
from paidan.holidays import holiday_table
from workflow.calendar import Span, WorkCalendar
from workflow.clocks import Target
from workflow.company import Asset, Company, Customer, Shift, Staff, Team
from workflow.knowledge import Article
from workflow.records import ChatRef

SCHEMA_LINE: Final = "# yaml-language-server: $schema=company.schema.json\n"

_contact = partial(shorthand.show_chat, usual="direct")
_group = partial(shorthand.show_chat, usual="group")

_WORDS: Final[Mapping[type, Callable[[Any], object]]] = {
    timedelta: shorthand.show_duration,
    Span: shorthand.show_span,
    Target: shorthand.show_target,
    date: date.isoformat,
}


def _chats(show: Callable[[ChatRef], str]) -> Callable[[Any], object]:
    return lambda chats: [show(chat) for chat in chats]


_FIELDS: Final[Mapping[tuple[type, str], Callable[[Any], object]]] = {
    (CalendarEntry, "week"): shorthand.show_week,
    (Shift, "week"): shorthand.show_week,
    (CompanyFile, "supervisor_groups"): _chats(_group),
    (Team, "groups"): _chats(_group),
    (Staff, "contacts"): _chats(_contact),
    (Customer, "contacts"): _chats(_contact),
}


def dump_company(
    company: Company,
    customers: Iterable[Customer] = (),
    assets: Iterable[Asset] = (),
    articles: Iterable[Article] = (),
) -> str:
    """The company as ``company.yaml`` text; what stands at its default is left out."""
    document = document_of(company, customers, assets, articles)
    text = yaml.safe_dump(
        _plain(document), allow_unicode=True, sort_keys=False, width=100, default_flow_style=None
    )
    return SCHEMA_LINE + text


def document_of(
    company: Company,
    customers: Iterable[Customer] = (),
    assets: Iterable[Asset] = (),
    articles: Iterable[Article] = (),
) -> CompanyFile:
    """A company in the shape of its file."""
    return CompanyFile(
        tenant=company.tenant,
        name=company.name,
        tz=company.tz,
        locale="en" if company.locale == "en" else "zh_CN",
        calendar=_calendar_entry(company.calendar),
        shifts=tuple(company.shifts.values()),
        teams=tuple(company.teams.values()),
        staff=tuple(company.staff.values()),
        queues=company.queues,
        policy=company.policy,
        supervisor_groups=company.supervisor_groups,
        preset_replies=company.preset_replies,
        vocabulary=company.vocabulary,
        taxonomy=company.taxonomy,
        customers=tuple(customers),
        assets=tuple(assets),
        knowledge=tuple(articles),
    )


def _calendar_entry(calendar: WorkCalendar) -> CalendarEntry:
    """The calendar with the bundled table taken out again, so that next year's still comes in."""
    table = holiday_table("cn")
    bundled = bool(table.holidays.items() & calendar.holidays.items())
    usual = table if bundled else holiday_table("none")
    return CalendarEntry(
        week=calendar.week,
        holidays="cn" if bundled else "none",
        extra_holidays=_own(calendar.holidays, usual.holidays),
        extra_workdays=_own(calendar.makeup, usual.makeup),
        makeup_week=calendar.makeup_week,
        always=calendar.always,
    )


def _own(days: Mapping[date, str], table: Mapping[date, str]) -> dict[date, str]:
    return {day: name for day, name in days.items() if table.get(day) != name}


def _plain(value: Any) -> Any:
    """What YAML can hold, defaults left out."""
    if type(value) in _WORDS:
        return _WORDS[type(value)](value)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _written(value, f) for f in fields(value) if _worth_writing(value, f)}
    if isinstance(value, Mapping):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [_plain(item) for item in value]
    return value


def _written(owner: Any, field: Field[Any]) -> Any:
    value = getattr(owner, field.name)
    show = _FIELDS.get((type(owner), field.name))
    return show(value) if show else _plain(value)


def _worth_writing(owner: Any, field: Field[Any]) -> bool:
    if not field.init or (type(owner), field.name) in shape().hidden:
        return False
    default = field.default
    if default is MISSING and field.default_factory is not MISSING:
        default = field.default_factory()
    return bool(getattr(owner, field.name) != default)
