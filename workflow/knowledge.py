"""What the house knows: articles that answer, and repairs that helped before.

Finding is for whoever implements :class:`Knows`; here are the records, and what past repairs
advise for the next one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Protocol

from workflow.records import Facts
from workflow.work_order import WorkOrder

_AMOUNT = re.compile(r"(?<![\d.])(\d{1,6}(?:\.\d{1,2})?)\s*(?:元|块钱?|rmb)(?!件)", re.IGNORECASE)
_MOST_PARTS, _MOST_WORDINGS = 5, 3


@dataclass(frozen=True, slots=True)
class Article:
    """One thing the house can explain. ``asks`` are ways in which people put it, ``codes`` the
    error codes it is about. ``fault_types`` bounds whom it is offered to (empty: everybody);
    ``self_service`` says that customers may be given it without anybody looking.
    """

    id: str
    title: str
    steps: str
    asks: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    fault_types: tuple[str, ...] = ()
    self_service: bool = True
    active: bool = True
    version: int = 0

    def facts(self) -> Facts:
        """For an event's data or an answer."""
        return {
            "article": self.id,
            "version": self.version,
            "title": self.title,
            "steps": self.steps,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """An article that answers; ``sure`` says that it fits well enough to be offered unasked."""

    article: Article
    alike: float
    sure: bool


@dataclass(frozen=True, slots=True)
class Repair:
    """A closed work order with what fixed it. ``minutes`` is the time on site."""

    id: str
    number: str
    text: str
    at: datetime
    resolution: str = ""
    parts: tuple[tuple[str, int], ...] = ()
    fault_type: str = ""
    asset_id: str = ""
    device: str = ""
    error_code: str = ""
    minutes: float | None = None

    def facts(self) -> Facts:
        """For an event's data or an answer."""
        return {
            "number": self.number,
            "text": self.text[:200],
            "resolution": self.resolution[:500],
            "parts": [list(part) for part in self.parts],
            "at": self.at.isoformat(),
            "minutes": None if self.minutes is None else round(self.minutes),
        }


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for: words without names and numbers, and what is known besides."""

    text: str
    fault_type: str = ""
    codes: tuple[str, ...] = ()
    asset_id: str = ""
    besides: str = ""
    """The work order that asks, which is no answer to itself."""


def question_about(order: WorkOrder) -> Question:
    """What a work order asks of the past."""
    return Question(
        text=f"{order.device} {order.text} {order.error_code}".strip(),
        fault_type=order.fault_type,
        codes=(order.error_code,) if order.error_code else (),
        asset_id=order.asset_id,
        besides=order.id,
    )


class Knows(Protocol):
    """What can be found; in memory, so it may be asked within a unit of work."""

    async def refresh(self, tenant: str) -> None:
        """Take in what was written since the last time."""
        ...

    def articles(self, tenant: str, question: Question, limit: int = 3) -> Sequence[Found]:
        """Articles of this tenant that answer, the best first."""
        ...

    def repairs(self, tenant: str, question: Question, limit: int = 3) -> Sequence[Repair]:
        """Past repairs of this tenant that are like it, the likest first."""
        ...


@dataclass(frozen=True, slots=True)
class Use:
    """An article offered once, and what became of it. ``subject`` is ``order:<id>`` or
    ``case:<id>``; ``answer`` is ``solved`` (before anybody was sent for it: ``deflected``),
    ``unsolved``, or empty while nobody said.
    """

    subject: str
    article: str
    version: int
    at: datetime
    answer: str = ""
    answered_at: datetime | None = None
    deflected: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """How often an article was offered and what came of it."""

    offered: int = 0
    solved: int = 0
    unsolved: int = 0
    deflected: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """The least, the middle and the most of some amounts."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Advice:
    """What like repairs say of the next: parts as (name, pieces, in how many of them), wordings to
    close with, minutes on site, and money as far as it was written down.
    """

    repairs: tuple[Repair, ...] = ()
    parts: tuple[tuple[str, int, int], ...] = ()
    wordings: tuple[str, ...] = ()
    minutes: Spread | None = None
    cost: Spread | None = None


def advise(repairs: Sequence[Repair]) -> Advice:
    """What these repairs, the likest first, advise."""
    return Advice(
        repairs=tuple(repairs),
        parts=_parts(repairs),
        wordings=wordings(repair.resolution for repair in repairs),
        minutes=_spread([r.minutes for r in repairs if r.minutes is not None and r.minutes >= 1]),
        cost=_spread([sum(found) for r in repairs if (found := amounts(r.resolution))]),
    )


def wordings(resolutions: Iterable[str]) -> tuple[str, ...]:
    """Different ways to say what was done, at most three."""
    said = (" ".join(resolution.split()) for resolution in resolutions)
    return tuple(dict.fromkeys(words for words in said if words))[:_MOST_WORDINGS]


def amounts(text: str) -> list[float]:
    """Sums of money written in a text: 「收费 80 元」."""
    return [float(found) for found in _AMOUNT.findall(text)]


def _parts(repairs: Sequence[Repair]) -> tuple[tuple[str, int, int], ...]:
    times: Counter[str] = Counter()
    pieces: dict[str, list[int]] = {}
    for repair in repairs:
        for name, many in dict(repair.parts).items():
            times[name] += 1
            pieces.setdefault(name, []).append(many)
    named = times.most_common(_MOST_PARTS)
    return tuple((name, round(median(pieces[name])), many) for name, many in named)


def _spread(found: Sequence[float]) -> Spread | None:
    return Spread(min(found), median(found), max(found)) if found else None
