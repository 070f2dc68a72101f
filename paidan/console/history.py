"""What happened to a work order, told in order, with the why of what the rules did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from paidan.console.render import Reader
from workflow.clocks import ClockReading
from workflow.company import Company
from workflow.dispatch import Ranking, from_facts
from workflow.events import Event, Kind
from workflow.policy import Policy
from workflow.records import ALARM, Facts

_ALARM = frozenset(
    {
        *(Kind.NOBODY_AVAILABLE, Kind.OFFER_EXPIRED, Kind.DECLINED, Kind.RETURNED),
        Kind.SURGE_DETECTED,
    }
)
_GOOD = frozenset({Kind.COMPLETED, Kind.ACCEPTED_BY_CUSTOMER, Kind.RATED, Kind.CLOSED})
_QUIET = frozenset(
    {"remind_info", "dispatch_anyway", "retry_dispatch", "auto_close", "self_service_over"}
)
_RULE = re.compile(r"(\w+) (?:\+ (\w+)|at (\d+) %) until (\w+)")
_TERMS = ("skill", "load", "distance", "history", "rating", "sequence")


@dataclass(frozen=True)
class Ranked:
    """One row of a ranking: who, how many points, each term as ``(name, raw, points)``."""

    name: str
    total: float
    terms: tuple[tuple[str, str, float], ...]
    why_not: str


@dataclass(frozen=True)
class Why:
    """Why somebody was chosen: the ranking, and who could not go."""

    mode: str
    tier: str
    terms: tuple[str, ...]
    rows: tuple[Ranked, ...]
    excluded: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. ``tone`` is ``person``, ``alarm``, ``good`` or nothing."""

    seq: int
    at: datetime
    title: str
    detail: str
    by: str
    tone: str
    why: Why | None = None


@dataclass(frozen=True)
class Account:
    """One clock as the page tells it."""

    name: str
    verdict: str
    tone: str
    deadline: datetime | None
    counted: str
    target: str
    extended: str
    intervals: tuple[tuple[datetime, datetime, bool, str, str], ...]
    """(from, to, counted, how long, why)."""
    missing_years: tuple[int, ...]


class Teller:
    """Tells the history of one company's work orders to one reader."""

    def __init__(self, reader: Reader, company: Company, policy: Policy) -> None:
        self._reader = reader
        self._company = company
        self._policy = policy

    def timeline(self, events: Iterable[Event]) -> list[Entry]:
        """All events, oldest first."""
        return [self._entry(event) for event in events]

    def _entry(self, event: Event) -> Entry:
        explanation = event.data.get("explanation")
        return Entry(
            seq=event.seq,
            at=event.at,
            title=self._reader.t(f"event.{event.kind}", **self._words(event)),
            detail=self._detail(event),
            by=self._by(event),
            tone=self._tone(event),
            why=self._why(from_facts(explanation)) if isinstance(explanation, Mapping) else None,
        )

    def _by(self, event: Event) -> str:
        device = event.channel == ALARM and event.actor.id == event.chat
        if event.actor.role == "system" and not device:
            return self._reader.t("role.system")
        return event.actor.name or self.name(event.actor.id)

    def name(self, staff_id: object) -> str:
        """A colleague's name; somebody unknown reads as the id."""
        staff = self._company.staff.get(str(staff_id))
        return staff.name if staff else str(staff_id or "")

    def names(self, ids: object) -> str:
        """Several colleagues' names."""
        found = ids if isinstance(ids, list | tuple) else []
        return self._reader.t("and").join(self.name(one) for one in found) or "—"

    def _words(self, event: Event) -> dict[str, object]:
        """The facts an event's sentence may name."""
        data = dict(event.data)
        reader = self._reader
        words: dict[str, object] = {
            "to": data.get("to_name") or self.name(data.get("to")),
            "old": data.get("from") or "—",
            "new": data.get("to") or "—",
            "from_name": self.name(data.get("from")) or "—",
            "by": self.name(data.get("by")),
            "candidates": self.names(data.get("candidates")),
            "targets": self.names(data.get("targets")),
            "missing": self._slots(data.get("missing")),
            "score": data.get("score", ""),
            "part": data.get("part", ""),
            "quantity": data.get("quantity", ""),
            "times": data.get("times", ""),
            "minutes": data.get("minutes", ""),
            "label": data.get("label", ""),
            "clock": reader.t(f"clock.{data['clock']}") if data.get("clock") else "",
            "outcome": reader.t(f"outcome.{data['outcome']}") if data.get("outcome") else "",
            "act": self._act(data.get("act")),
            "title": data.get("title", ""),
            "answer": reader.t(f"answer.{data['answer']}") if data.get("answer") else "",
            "cause": reader.t_or(f"supervised.{data.get('why')}", ""),
            "count": data.get("count", ""),
            "usual": self._usual(data.get("usual")),
            "number": data.get("number", ""),
            "parent": data.get("parent_number", ""),
            "many": self._many(data.get("orders")),
            "reached": reader.t(f"reached.{data['what']}") if data.get("what") else "",
        }
        reporter = data.get("reporter")
        if isinstance(reporter, Mapping):
            words["reporter"] = reporter.get("name") or reader.t("role.customer")
        return words

    @staticmethod
    def _usual(found: object) -> str:
        return f"{found:.1f}" if isinstance(found, int | float) else ""

    @staticmethod
    def _many(found: object) -> int:
        return len(found) if isinstance(found, list | tuple) else 0

    def _act(self, act: object) -> str:
        return self._reader.t(f"rung.{act}") if act else ""

    def _slots(self, slots: object) -> str:
        found = slots if isinstance(slots, list | tuple) else []
        return self._reader.t("and").join(self._reader.t(f"slot.{slot}") for slot in found)

    def _detail(self, event: Event) -> str:
        data = event.data
        details = data.get("details")
        text = details.get("text") if isinstance(details, Mapping) else data.get("text")
        parts = [text, data.get("note"), data.get("comment")]
        if event.kind is Kind.STEP_TAKEN:
            parts.append(self._rule(str(data.get("why", ""))))
            late = data.get("late_s")
            if isinstance(late, int | float) and late > 0:
                parts.append(self._reader.t("late", n=self._reader.span(late)))
        elif event.kind is Kind.CORRECTED:
            parts += [self._changed(data), self._because(data)]
        elif event.kind in {Kind.DISPATCHED, Kind.JOINED}:
            code = str(data.get("reason", ""))
            known = self._reader.t_or(f"because.{code}", code)
            parts.append(known)
        else:
            parts.append(self._because(data))
        return " · ".join(str(part) for part in parts if part)

    def _because(self, data: Facts) -> str:
        reason = str(data.get("reason") or "")
        return self._reader.t_or(f"because.{reason}", reason)

    def _changed(self, data: Facts) -> str:
        """Which fault type it was thought to be, and which it is."""
        before, after = data.get("from"), data.get("to")
        if not isinstance(before, Mapping) or not isinstance(after, Mapping):
            return ""
        old, new = str(before.get("fault_type", "")), str(after.get("fault_type", ""))
        finer = str(after.get("subtype") or "")
        return f"{self._reader.fault(old)} → {self._reader.fault(new, finer)}" if new else ""

    def _rule(self, why: str) -> str:
        """A rung's rule in words: ``first_response + 15m until accepted``."""
        found = _RULE.fullmatch(why)
        if found is None:
            return self._reader.t_or(f"rule.{why.partition(' ')[0]}", why)
        clock, after, percent, until = found.groups()
        return self._reader.t(
            "rule.percent" if percent else "rule.after",
            clock=self._reader.t(f"clock.{clock}"),
            after=self._amount(after or ""),
            percent=percent,
            until=self._reader.t_or(f"until.{until}", until),
        )

    def _amount(self, text: str) -> str:
        unit = {"s": "span.s", "m": "span.m", "h": "span.h"}.get(text[-1:])
        return self._reader.t(unit, n=text[:-1]) if unit else text

    def _tone(self, event: Event) -> str:
        if event.kind is Kind.STEP_TAKEN:
            return "" if event.data.get("act") in _QUIET else "alarm"
        if event.kind in _ALARM:
            return "alarm"
        if event.kind in _GOOD:
            return "good"
        return "" if event.actor.role == "system" else "person"

    # --- why this person ------------------------------------------------------------------------

    def _why(self, ranking: Ranking) -> Why:
        told = {c.staff_id: c for c in ranking.counterfactuals}
        used = {t.name for c in ranking.candidates for t in c.terms if t.points}
        used |= {"sequence"} if ranking.mode == "ordered" else set()
        terms = tuple(name for name in _TERMS if name in used)
        rows = tuple(
            Ranked(
                name=one.name,
                total=one.total,
                terms=tuple(
                    (t.name, self._raw(t.name, t.raw), t.points)
                    for name in terms
                    for t in one.terms
                    if t.name == name
                ),
                why_not=self._why_not(told[one.staff_id]) if one.staff_id in told else "",
            )
            for one in ranking.candidates
        )
        excluded = tuple(
            (one.name, self._reader.t_or(f"excluded.{one.reason}", one.reason))
            for one in ranking.excluded
        )
        names = tuple(self._reader.t(f"term.{name}") for name in terms)
        mode = self._reader.t(f"mode.{ranking.mode}")
        tier = self._reader.t(f"tier.{ranking.tier}") if ranking.tier else ""
        return Why(mode, tier, names, rows, excluded)

    def _raw(self, term: str, raw: float) -> str:
        figure = f"{raw:g}" if term in {"skill", "load", "history", "sequence"} else f"{raw:.1f}"
        return self._reader.t(f"raw.{term}", n=figure)

    def _why_not(self, told: object) -> str:
        needed = getattr(told, "needed", None)
        term = str(getattr(told, "term", ""))
        facts = {
            "term": self._reader.t(f"term.{term}"),
            "now": self._raw(term, getattr(told, "now", 0.0)),
            "against": self._raw(term, getattr(told, "against", 0.0)),
            "needed": self._raw(term, needed) if needed is not None else "",
        }
        return self._reader.t("why_not" if needed is not None else "why_not.never", **facts)

    # --- clocks ---------------------------------------------------------------------------------

    def account(self, reading: ClockReading) -> Account:
        """One clock: how it stands and every interval it did or did not count."""
        reader = self._reader
        verdict, tone = self._verdict(reading)
        return Account(
            name=reader.t(f"clock.{reading.name}"),
            verdict=verdict,
            tone=tone,
            deadline=reading.deadline if reading.stopped is None else None,
            counted=reader.span(reading.counted),
            target=reader.span(reading.target),
            extended=reader.span(reading.extensions) if reading.extensions else "",
            intervals=tuple(
                (i.start, i.end, i.counted, reader.span(i.end - i.start), self._reason(i.why))
                for i in reading.intervals
            ),
            missing_years=reading.missing_years,
        )

    def _verdict(self, reading: ClockReading) -> tuple[str, str]:
        reader = self._reader
        if reading.stopped is not None:
            kept = "clock.late" if reading.breached_at else "clock.kept"
            return reader.t(kept, at=reader.clock(reading.stopped)), (
                "bad" if reading.breached_at else "good"
            )
        if reading.paused:
            due = reading.deadline_if_resumed_now
            return reader.t("clock.paused", at=reader.clock(due)), "warn"
        if reading.breached_at is not None:
            return reader.t("clock.breached", at=reader.clock(reading.breached_at)), "bad"
        return reader.t("clock.running", left=reader.span(reading.remaining)), "info"

    def _reason(self, code: str) -> str:
        kind, _, name = code.partition(":")
        if kind == "holiday":
            return self._reader.t("interval.holiday", name=name)
        if kind == "pause":
            held = next((r.label for r in self._policy.hold_reasons if r.code == name), "")
            return held or self._reader.t_or(f"interval.{name}", name)
        return self._reader.t_or(f"interval.{code}", code)
