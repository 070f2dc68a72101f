"""What people read, as data: one YAML file of templates per language, equally complete.

A template names its facts, ``{number}``. A piece in square brackets is left out when a fact in it
is empty: ``工单 {number}[,最晚 {deadline} 前到场]``. Facts are put in as they are; nothing in them
is read as a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import yaml

LOCALES = ("zh_CN", "en")
DEFAULT = LOCALES[0]

_PIECE = re.compile(r"\[([^\[\]]*)\]")
_FACT = re.compile(r"\{(\w+)\}")
_HOUR = 60
_DAY = 24 * _HOUR


@lru_cache(maxsize=len(LOCALES))
def templates(locale: str) -> Mapping[str, str]:
    """All templates of a language by their dotted names."""
    text = files(__name__).joinpath(f"{locale}.yaml").read_text(encoding="utf-8")
    return dict(_flat("", yaml.safe_load(text)))


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
        return self._filled(templates(known(self.locale))[code], facts)

    def maybe(self, code: str, /, **facts: object) -> str:
        """The words for a code, or nothing when there are none."""
        return self.say(code, **facts) if code in templates(known(self.locale)) else ""

    def label(self, group: str, key: object) -> str:
        """The name of a key of a group, such as ``state.closed``; the key itself if it has none."""
        return self.maybe(f"{group}.{key}") or str(key)

    def time(self, at: datetime) -> str:
        """A wall-clock time, with the day when it is not today."""
        here = at.astimezone(ZoneInfo(self.tz))
        days = (here.date() - self.now.astimezone(ZoneInfo(self.tz)).date()).days
        code = {0: "time.today", 1: "time.tomorrow", -1: "time.yesterday"}.get(days, "time.date")
        clock = f"{here:%H:%M}"
        return self.say(code, clock=clock, month=str(here.month), day=str(here.day))

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

    def _filled(self, template: str, facts: Mapping[str, object]) -> str:
        shown = {name: self._shown(fact) for name, fact in facts.items()}

        def piece(found: re.Match[str]) -> str:
            names = facts_of(found[1])
            return found[1] if all(shown.get(name) for name in names) else ""

        kept = _PIECE.sub(piece, template)
        return _FACT.sub(lambda found: shown.get(found[1], ""), kept).strip()

    def _shown(self, fact: object) -> str:
        if fact is None:
            return ""
        if isinstance(fact, datetime):
            return self.time(fact)
        if isinstance(fact, timedelta):
            return self.length(fact)
        if isinstance(fact, float):
            return f"{fact:.1f}".removesuffix(".0")
        if isinstance(fact, list | tuple):
            return self.say("list.comma").join(self._shown(item) for item in fact)
        return str(fact)


def _flat(prefix: str, tree: Mapping[str, object]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            pairs += _flat(f"{name}.", value)
        else:
            pairs.append((name, str(value)))
    return pairs
