"""The bundled tables of public holidays and 调休 workdays, one YAML file a country."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class HolidayTable:
    """Days off and makeup workdays by date, with the festival each belongs to.

    ``covered_years`` are the years the table knows; others fall back to plain weekdays.
    """

    holidays: Mapping[date, str]
    makeup: Mapping[date, str]
    covered_years: frozenset[int]


@cache
def holiday_table(country: str = "cn") -> HolidayTable:
    """The table of a country; ``none`` knows no holiday and misses no year it could know."""
    if country == "none":
        return HolidayTable({}, {}, frozenset(range(1970, 2200)))
    text = files(__package__).joinpath(f"{country}.yaml").read_text("utf-8")
    years: dict[int, dict[str, Any]] = yaml.safe_load(text)["years"]
    return HolidayTable(
        holidays={d: n for year in years.values() for d, n in _dated(year.get("holidays"))},
        makeup={d: n for year in years.values() for d, n in _dated(year.get("makeup"))},
        covered_years=frozenset(years),
    )


def _dated(days: Mapping[object, str] | None) -> list[tuple[date, str]]:
    return [(date.fromisoformat(str(day)), name) for day, name in (days or {}).items()]
