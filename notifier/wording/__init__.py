"""What people read, as data: one YAML file of templates per language, equally complete.

A template names its facts, ``{number}``. A piece in square brackets is left out when a fact in it
is empty: ``工单 {number}[,最晚 {deadline} 前到场]``. Facts are put in as they are; nothing in them
is read as a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import yaml

LOCALES = ("zh_CN", "en")
DEFAULT = LOCALES[0]

_PIECE = re.compile(r"\[([^\[\]]*)\]")
_FACT = re.compile(r"\{(\w+)\}")
_HOUR = 60
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a template, with ``%s`` where its facts go, and whether it may be left out."""

    text: str
    names: tuple[str, ...]
    optional: bool


@lru_cache(maxsize=len(LOCALES))
def templates(locale: str) -> Mapping[str, str]:
    """All templates of a language by their dotted names."""
    text = files(__name__).joinpath(f"{locale}.yaml").read_text(encoding="utf-8")
    return dict(_flat("", yaml.safe_load(text)))


@lru_cache(maxsize=len(LOCALES))
def _cut(locale: str) -> Mapping[str, tuple[_Piece, ...]]:
    """The templates cut into pieces, ready to be filled."""
    return {code: tuple(_pieces(text)) for code, text in templates(locale).items()}


def _pieces(template: str) -> Iterator[_Piece]:
    # The pattern's group makes split() give what stands outside and inside of brackets in turn.
    for place, text in enumerate(_PIECE.split(template)):
        if text:
            names = tuple(_FACT.findall(text))
            ready = _FACT.sub("%s", text.replace("%", "%%")) if names else text
            yield _Piece(ready, names, place % 2 == 1)


@lru_cache(maxsize=256)
def known(locale: str) -> str:
    """The language to write in for a wish: the same, its relative (``zh-TW`` → ``zh_CN``), or
    Chinese.
    """
    wish = locale.replace("-", "_")
    if wish in LOCALES:
        return wish
    language = wish.partition("_")[0].lower()
    return next((name for name in LOCALES if name.partition("_")[0] == language), DEFAULT)


def facts_of(template: str) -> frozenset[str]:
    """The names of the facts a template uses."""
    return frozenset(_FACT.findall(template))


@dataclass(frozen=True)
class Words:
    """A reader's language and time: says things as of ``now``, in the zone ``tz``."""

    locale: str
    tz: str
    now: datetime

    def say(self, code: str, /, **facts: object) -> str:
        """The words for a code. Times read as the reader's wall clock, durations in minutes,
        lists with the language's comma. Raises KeyError for a code without words.
        """
        told: list[str] = []
        for piece in _cut(known(self.locale))[code]:
            if not piece.names:
                told.append(piece.text)
                continue
            shown = tuple([self._shown(facts.get(name)) for name in piece.names])
            if not piece.optional or all(shown):
                told.append(piece.text % shown)
        return "".join(told).strip()

    def maybe(self, code: str, /, **facts: object) -> str:
        """The words for a code, or nothing when there are none."""
        return self.say(code, **facts) if code in _cut(known(self.locale)) else ""

    def label(self, group: str, key: object) -> str:
        """The name of a key of a group, such as ``state.closed``; the key itself if it has none."""
        return self.maybe(f"{group}.{key}") or str(key)

    def time(self, at: datetime) -> str:
        """A wall-clock time, with the day when it is not today."""
        here = at.astimezone(self._zone)
        days = (here.date() - self._today).days
        code = {0: "time.today", 1: "time.tomorrow", -1: "time.yesterday"}.get(days, "time.date")
        clock = f"{here:%H:%M}"
        return self.say(code, clock=clock, month=str(here.month), day=str(here.day))

    def heard(self, said: str) -> str:
        """A time a person named: an ISO instant or ``start/end`` on the reader's clock, whole
        days without hours; words that name no time as they are.
        """
        try:
            start, *ends = (datetime.fromisoformat(edge) for edge in said.split("/"))
        except ValueError:
            return said
        if start.tzinfo is None:
            return said
        if not ends:
            return self.time(start)
        first, last = (edge.astimezone(self._zone) for edge in (start, ends[0]))
        if not any((first.hour, first.minute, last.hour, last.minute)):
            before = last - timedelta(days=1)
            until = self.day(before) if before.date() > first.date() else ""
            return self.say("time.stretch", start=self.day(first), end=until)
        end = last - timedelta(minutes=1) if not (last.hour or last.minute) else last
        same = end.date() == first.date()
        clock = "24:00" if same and end is not last else f"{last:%H:%M}"
        return self.say(
            "time.stretch", start=self.time(first), end=clock if same else self.time(last)
        )

    def day(self, at: datetime) -> str:
        """A day by its name when it is near, else by its date."""
        here = at.astimezone(self._zone)
        days = (here.date() - self._today).days
        code = {0: "day.today", 1: "day.tomorrow", -1: "day.yesterday"}.get(days, "day.date")
        return self.say(code, month=str(here.month), day=str(here.day))

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.tz)

    @cached_property
    def _today(self) -> date:
        return self.now.astimezone(self._zone).date()

    def length(self, span: timedelta) -> str:
        """A duration in whole minutes, hours and days; never a second less than a minute."""
        minutes = max(1, round(abs(span).total_seconds() / 60))
        if minutes < _HOUR:
            return self.say("time.minutes", n=minutes)
        days, rest = divmod(minutes, _DAY)
        hours, left = divmod(rest, _HOUR)
        if not days:
            return self.say("time.hours", n=hours, minutes=left or "")
        return self.say("time.days", n=days, hours=hours or "")

    def _shown(self, fact: object) -> str:
        if isinstance(fact, str):
            return fact
        for kind, told in _TOLD:
            if isinstance(fact, kind):
                return told(self, fact)
        return "" if fact is None else str(fact)


def _listed(words: Words, items: Sequence[object]) -> str:
    return words.say("list.comma").join(str(item) for item in items)


_TOLD: tuple[tuple[type | tuple[type, ...], Callable[[Words, Any], str]], ...] = (
    (datetime, Words.time),
    (timedelta, Words.length),
    (float, lambda _words, number: f"{number:.1f}".removesuffix(".0")),
    ((list, tuple), _listed),
)


def _flat(prefix: str, tree: Mapping[str, object]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            pairs += _flat(f"{name}.", value)
        else:
            pairs.append((name, str(value)))
    return pairs
