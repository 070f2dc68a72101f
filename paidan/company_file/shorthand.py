"""How durations, spans, weeks, targets and chats are written in one word, and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from typing import Final

from paidan.company_file.reading import Unreadable
from workflow.calendar import Span
from workflow.clocks import Target
from workflow.records import ChatKind, ChatRef

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DURATION: Final = r"(?:\d+(?:\.\d+)?[smhd])+"
SPAN: Final = r"\d{1,2}:\d{2}-\d{1,2}:\d{2}"
_OPEN_TIME: Final = r"(?:\d+(?:\.\d+)?[smh])+"
TARGET: Final = rf"(?:next_working_day|\d+wd|{_OPEN_TIME} work|{DURATION} always)"
CHAT: Final = r"([a-z][a-z0-9_]*)/(\S+)(?: \((direct|group)\))?"

_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LONGEST: Final = timedelta(days=3_660)


def duration(text: str) -> timedelta:
    """``90s``, ``15m``, ``4h``, ``3d`` or several in a row (``1h30m``)."""
    if not re.fullmatch(DURATION, text):
        raise Unreadable("duration")
    parts = re.findall(r"([\d.]+)([smhd])", text)
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    if seconds > _LONGEST.total_seconds():
        raise Unreadable("duration")
    return timedelta(seconds=seconds)


def show_duration(amount: timedelta, longest: str = "d") -> str:
    """The same duration in the largest unit, up to ``longest``, that leaves no fraction."""
    seconds = amount.total_seconds()
    units = list(_UNITS)[list(_UNITS).index(longest) :]
    unit = next((unit for unit in units if seconds and seconds % _UNITS[unit] == 0), "s")
    return f"{seconds / _UNITS[unit]:.10g}{unit}"


def wall_time(text: str) -> time:
    """``08:30``; ``24:00`` is midnight at the end of the day."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if not found or not (int(found[1]) <= 24 and int(found[2]) < 60):  # noqa: PLR2004 - a clock
        raise Unreadable("wall_time")
    if int(found[1]) == 24:  # noqa: PLR2004 - the 24 of 24:00
        if int(found[2]):
            raise Unreadable("wall_time")
        return time(0)
    return time(int(found[1]), int(found[2]))


def span(text: str) -> Span:
    """``08:30-12:00``; an end at or before the start runs past midnight."""
    ends = text.replace(" ", "").replace("–", "-").split("-")
    if len(ends) != 2:  # noqa: PLR2004 - from, to
        raise Unreadable("span")
    try:
        return Span(wall_time(ends[0]), wall_time(ends[1]))
    except Unreadable as why:
        raise Unreadable("span") from why


def show_span(value: Span) -> str:
    """``20:00-08:00``; the whole day is ``00:00-24:00``."""
    end = "24:00" if value.end == time(0) else f"{value.end:%H:%M}"
    return f"{value.start:%H:%M}-{end}"


def week(days: Mapping[str, tuple[Span, ...]]) -> tuple[tuple[Span, ...], ...]:
    """Seven days, Monday first, from ``{"mon-fri": […], "sat": […]}``; the rest are closed.

    Raises:
        Unreadable: a key is no day, or a day is named twice.
    """
    found: dict[str, tuple[Span, ...]] = {}
    for key, spans in days.items():
        first, _, last = key.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise Unreadable("week")
        named = DAYS[DAYS.index(first) : DAYS.index(last or first) + 1]
        if not named or found.keys() & set(named):
            raise Unreadable("week")
        found |= dict.fromkeys(named, spans)
    return tuple(found.get(day, ()) for day in DAYS)


def show_week(days: Sequence[tuple[Span, ...]]) -> dict[str, list[str]]:
    """The shortest way to write a week: equal neighbours as a range, closed days left out."""
    shown: dict[str, list[str]] = {}
    first = 0
    for day in range(len(DAYS)):
        if day + 1 < len(DAYS) and days[day + 1] == days[first]:
            continue
        if days[first]:
            key = DAYS[first] if first == day else f"{DAYS[first]}-{DAYS[day]}"
            shown[key] = [show_span(s) for s in days[first]]
        first = day + 1
    return shown


def target(text: str, working_day: timedelta) -> Target:
    """``5m always``, ``8h work``, ``3wd`` (working days of ``working_day``), or
    ``next_working_day``. Days of 24 hours on the work calendar (``3d work``) are refused, since
    nobody means them.
    """
    if not re.fullmatch(TARGET, text):
        raise Unreadable("target")
    if text == "next_working_day":
        return Target(None, "work", next_working_day=True)
    if text.endswith("wd"):
        amount, calendar = int(text[:-2]) * working_day, "work"
    else:
        said, _, calendar = text.partition(" ")
        amount = duration(said)
    if not timedelta() < amount <= _LONGEST:
        raise Unreadable("target")
    return Target(amount, "work" if calendar == "work" else "always")


def show_target(value: Target) -> str:
    """A target as :func:`target` reads it; working days come out as hours."""
    if value.amount is None:
        return "next_working_day"
    longest = "h" if value.calendar == "work" else "d"
    return f"{show_duration(value.amount, longest)} {value.calendar}"


def chat(text: str, usual: ChatKind) -> ChatRef:
    """``channel/chat``, of the ``usual`` kind unless ``(group)`` or ``(direct)`` is added."""
    found = re.fullmatch(CHAT, text)
    if not found:
        raise Unreadable("chat")
    kind: ChatKind = usual if found[3] is None else "group" if found[3] == "group" else "direct"
    return ChatRef(found[1], found[2], kind)


def show_chat(value: ChatRef, usual: ChatKind) -> str:
    """A chat as :func:`chat` reads it."""
    said = f"{value.channel}/{value.chat}"
    return said if value.kind == usual else f"{said} ({value.kind})"
