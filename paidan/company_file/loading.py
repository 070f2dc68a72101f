"""From a file to a company: read, check, assemble."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import msgspec
import yaml

from paidan.company_file import checks
from paidan.company_file.reading import Reader, compose
from paidan.company_file.shape import CalendarEntry, CompanyFile, shape
from paidan.holidays import holiday_table
from paidan.problems import InvalidFile, Problem
from workflow.calendar import WorkCalendar
from workflow.company import Asset, Company, Customer
from workflow.errors import InvalidInput
from workflow.knowledge import Article
from workflow.policy import Policy

_VERSION_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a company file holds, and what is unwise about it."""

    company: Company
    customers: tuple[Customer, ...] = ()
    assets: tuple[Asset, ...] = ()
    warnings: tuple[Problem, ...] = ()
    articles: tuple[Article, ...] = ()


def load_company(path: Path | str) -> Loaded:
    """Read ``path`` (UTF-8 YAML).

    Raises:
        InvalidFile: it cannot be read or used; ``problems`` holds every reason with its line.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InvalidFile([Problem(str(path), 0, "", "", "file", (str(said),))]) from error
    return parse_company(text, str(path))


def parse_company(text: str, file: str = "company.yaml") -> Loaded:
    """The same from text; ``file`` is the name problems are reported under."""
    node = compose(text, file)
    reader = Reader(file, shape(_calendar_first(node).working_day))
    found = reader.read(node, CompanyFile)
    reader.finish()
    document = cast("CompanyFile", found)
    checks.check(document, reader)
    company = _assemble(document, reader)
    warnings = checks.warn(document, reader)
    reader.finish()
    return Loaded(company, document.customers, document.assets, tuple(warnings), document.knowledge)


def policy_version(policy: Policy) -> str:
    """The content's name: equal rules have equal versions, whatever the file looks like."""
    content = msgspec.json.encode(replace(policy, version=""), order="deterministic")
    return hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH]


def work_calendar(entry: CalendarEntry, tz: str) -> WorkCalendar:
    """The calendar of an entry: the bundled table with the company's own days laid over it."""
    table = holiday_table(entry.holidays)
    return WorkCalendar(
        tz=tz,
        week=entry.week,
        holidays={
            day: name
            for day, name in {**table.holidays, **entry.extra_holidays}.items()
            if day not in entry.extra_workdays
        },
        makeup={
            day: name
            for day, name in {**table.makeup, **entry.extra_workdays}.items()
            if day not in entry.extra_holidays
        },
        covered_years=table.covered_years,
        always=entry.always,
        makeup_week=entry.makeup_week,
    )


def _assemble(document: CompanyFile, reader: Reader) -> Company:
    try:
        calendar = work_calendar(document.calendar, document.tz)
    except InvalidInput as refusal:
        zone = refusal.data.get("field") == "tz"
        key, rule = ("tz", "zone") if zone else ("calendar.week", "open_time")
        reader.complain(key, str(refusal.data.get("found", "")), rule)
        reader.finish()
        raise
    reader.finish()
    return Company(
        tenant=document.tenant,
        name=document.name,
        tz=document.tz,
        calendar=calendar,
        staff={s.id: s for s in document.staff},
        teams={t.id: t for t in document.teams},
        shifts={s.id: s for s in document.shifts},
        queues=document.queues,
        policy=replace(document.policy, version=policy_version(document.policy)),
        supervisor_groups=document.supervisor_groups,
        locale=document.locale,
        preset_replies=document.preset_replies,
        vocabulary=document.vocabulary,
        taxonomy=document.taxonomy,
    )


def _calendar_first(node: yaml.Node) -> CalendarEntry:
    """The calendar read ahead of the rest, since working days in targets are as long as it says."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == "calendar":
                found = Reader("", shape()).read(value, CalendarEntry)
                if isinstance(found, CalendarEntry):
                    return found
    return CalendarEntry()
