"""What is counted while the house runs, in the form Prometheus reads.

Labels are words of ours from small sets, never what somebody wrote: a value that is not one, or
that comes after too many others, counts as ``other``.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from paidan.watch.books import WORDS
from paidan.watch.spans import Spans
from storage.figures import Backlog
from workflow.kept import Timer
from workflow.records import Inbound

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_WORD: Final = re.compile(r"[a-z]+(_[a-z]+)*")
_MOST: Final = 64
"""Values a label may have; each is a series that Prometheus keeps."""
_LONGEST: Final = 32
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LATENESS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800)


class Meters:
    """The counters of one process, and its spans. Safe from any thread."""

    def __init__(self, spans: Spans | None = None) -> None:
        self.spans = spans or Spans()
        self.registry = CollectorRegistry()
        self._words: dict[str, set[str]] = defaultdict(set)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._calls = self._counter(
            "channel_events", "Calls and payloads of chat platforms by what became of them"
        )
        self._messages = self._counter(
            "messages", "Messages and presses that came in; again: a redelivery", "kind", "outcome"
        )
        self._settled = self._counter(
            "messages_settled", "What messages and presses led to", "kind", "outcome"
        )
        self._notices = self._counter("notices", "What became of notices", "outcome")
        self._sends = self._counter("sends", "Calls to platforms by how they ended", "outcome")
        self._send_time = Histogram(
            "paidan_send_seconds",
            "Until a platform answered",
            ("channel",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._steps = Counter(
            "paidan_steps", "Timed steps", ("step", "outcome"), registry=self.registry
        )
        self._lateness = Histogram(
            "paidan_step_late_seconds",
            "How long after its due time a step was taken",
            buckets=_LATENESS,
            registry=self.registry,
        )
        self._units = Counter(
            "paidan_units", "Units of work by outcome", ("outcome",), registry=self.registry
        )
        self._commit_time = Histogram(
            "paidan_commit_seconds",
            "Duration of a commit, which several units share",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._resting = self._gauge("channel_resting", "1: left alone after failures", "channel")
        self._barred = self._gauge("channel_barred", "1: its platform refuses us", "channel")
        self._waiting = self._gauge("waiting", "What waits for the loops or for a person", "what")
        self._lag = self._gauge("lag_seconds", "How long the oldest of it has waited", "what")
        self._ready = self._gauge("ready", "1: this part is in order", "part")
        self._audited = self._gauge("audit_findings", "What the last audit found amiss", "what")
        self._audited_at = Gauge(
            "paidan_audit_timestamp_seconds", "When the last audit was", registry=self.registry
        )

    def _counter(self, name: str, said: str, *labels: str) -> Counter:
        labels = labels or ("event",)
        return Counter(f"paidan_{name}", said, ("channel", *labels), registry=self.registry)

    def _gauge(self, name: str, said: str, label: str) -> Gauge:
        return Gauge(f"paidan_{name}", said, (label,), registry=self.registry)

    def _word(self, label: str, value: str) -> str:
        """A label's value: its part before a colon, if it is a word and not one too many."""
        word = value.partition(":")[0]
        known = self._words[label]
        if word in known:
            return word
        if len(word) > _LONGEST or not _WORD.fullmatch(word) or len(known) >= _MOST:
            return "other"
        known.add(word)
        return word

    # --- coming in ----------------------------------------------------------------------------

    def channel_event(self, channel: str, event: str) -> None:
        """A call to our door, or a payload on a line of our own: ``accepted``, ``malformed``, …"""
        self._calls.labels(self._word("channel", channel), self._word("event", event)).inc()

    def heard(self, inbound: Inbound, begun: float, *, again: bool) -> None:
        """A message was kept, or was there already."""
        channel, outcome = self._word("channel", inbound.channel), "again" if again else "kept"
        self._messages.labels(channel, kind(inbound), outcome).inc()
        what = kind(inbound)
        self.spans.record(
            "message", begun, first=not again, channel=channel, kind=what, outcome=outcome
        )

    def settled(self, inbound: Inbound, begun: float, outcome: str) -> None:
        """A message is settled: ``opened``, ``joined``, ``refused``, …"""
        channel, word = self._word("channel", inbound.channel), self._word("outcome", outcome)
        self._settled.labels(channel, kind(inbound), word).inc()
        failed = word if word in {"failed", "parked"} else ""
        self.spans.record("settle", begun, failed=failed, channel=channel, outcome=word)

    # --- working ------------------------------------------------------------------------------

    def step(self, timer: Timer, now: datetime, begun: float, taken: bool) -> None:
        """A due step was taken, or was no longer due."""
        step = self._word("step", timer.step)
        outcome = "taken" if taken else "stale"
        self._steps.labels(step, outcome).inc()
        self.spans.record(f"step {step}", begun, first=True, outcome=outcome)
        if taken:
            self._lateness.observe(max(0.0, (now - timer.due).total_seconds()))

    def committed(self, units: int, seconds: float, held: bool) -> None:
        """So many units shared a commit."""
        self._units.labels("committed" if held else "lost").inc(units)
        self._commit_time.observe(seconds)

    # --- going out ----------------------------------------------------------------------------

    def notice(self, channel: str, outcome: str) -> None:
        """What became of a notice: ``sent``, ``put_off``, ``unclear``, ``dead``."""
        self._notices.labels(self._word("channel", channel), outcome).inc()

    def sent(self, channel: str, begun: float, outcome: str, receipt: str = "") -> None:
        """One call to a platform: ``ok``, ``retry``, ``refused``, ``unclear``, …"""
        name = self._word("channel", channel)
        self._sends.labels(name, outcome).inc()
        self._send_time.labels(name).observe(max(0.0, time.time() - begun))
        failed = "" if outcome == "ok" else outcome
        self.spans.record(
            "send", begun, failed=failed, channel=name, outcome=outcome, receipt=receipt
        )

    # --- read when somebody looks ---------------------------------------------------------------

    def channels(self, names: list[str], resting: set[str], barred: set[str]) -> None:
        """Which channels are left alone."""
        for name in names:
            label = self._word("channel", name)
            self._resting.labels(label).set(name in resting)
            self._barred.labels(label).set(name in barred)

    def backlog(self, backlog: Backlog | None, now: datetime) -> None:
        """What waits; None when nobody can say, and old figures must not pass for new."""
        if backlog is None:
            self._waiting.clear()
            self._lag.clear()
            return
        for what, (number, oldest) in waiting(backlog).items():
            self._waiting.labels(what).set(number)
            if what in _LAGGING:
                self._lag.labels(what).set(lag(oldest, now))

    def readiness(self, checks: dict[str, bool]) -> None:
        """Whether each part is in order."""
        for part, fine in checks.items():
            self._ready.labels(part).set(fine)

    def audit(self, at: datetime, findings: Mapping[str, int]) -> None:
        """What the last audit found, by its codes; those it did not find are 0."""
        self._audited_at.set(at.timestamp())
        for what in WORDS:
            self._audited.labels(what).set(findings.get(what, 0))

    def text(self) -> bytes:
        """Everything, in the text format 0.0.4."""
        return generate_latest(self.registry)


_LAGGING: Final = ("messages", "steps", "notices")


def waiting(backlog: Backlog) -> dict[str, tuple[int, datetime | None]]:
    """How many of each wait, and since when the oldest does."""
    return {
        "messages": (backlog.waiting_messages, backlog.oldest_message),
        "steps": (backlog.overdue_timers, backlog.oldest_timer),
        "notices": (backlog.due_notices, backlog.oldest_notice),
        "parked_messages": (backlog.parked_messages, None),
        "dead_notices": (backlog.dead_notices, None),
        "cases": (backlog.open_cases, None),
    }


def lag(oldest: datetime | None, now: datetime) -> float:
    """Seconds since then; 0 when there is nothing."""
    return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def kind(inbound: Inbound) -> str:
    """What sort of thing came in."""
    if inbound.action is not None:
        return "press"
    return inbound.media[0].kind if inbound.media else "text"
