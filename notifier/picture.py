"""One work order with everything a card or a sentence may say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache

from bots.degrade import neutralise
from notifier.buttons import running_clock, short
from notifier.masking import mask_text
from notifier.wording import Words, known
from workflow import clocks
from workflow.calendar import WorkCalendar, round_the_clock
from workflow.company import Asset, Company, Customer, Staff
from workflow.policy import Policy
from workflow.states import State
from workflow.taxonomy import PRIORITIES
from workflow.work_order import WorkOrder

_GOLDEN = frozenset({"P0", "P1"})


@dataclass(frozen=True)
class Picture:
    """One work order with everything a card or a sentence may say about it."""

    order: WorkOrder
    company: Company
    policy: Policy
    now: datetime
    customer: Customer | None = None
    asset: Asset | None = None
    _words: dict[str, Words] = field(default_factory=dict, repr=False, compare=False)
    _facts: dict[tuple[str, str], dict[str, object]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def words(self, locale: str = "") -> Words:
        """The reader's language; the company's when they have none of their own."""
        name = known(locale or self.company.locale)
        if name not in self._words:
            self._words[name] = Words(name, self.company.tz, self.now)
        return self._words[name]

    @property
    def handler(self) -> Staff | None:
        """Who has the job or the offer."""
        return self.company.staff.get(self.order.assignee)

    @property
    def accepted(self) -> bool:
        """Somebody took it: it is not merely offered."""
        return self.order.state in {State.IN_PROGRESS, State.ON_HOLD, State.AWAITING_ACCEPTANCE}

    @cached_property
    def countdown(self) -> tuple[str, datetime] | None:
        """The clock that matters now and when it runs out; None while it stands still.

        Before anybody answered, the golden window follows on a missed first response.
        """
        order = self.order
        still = {State.AWAITING_ACCEPTANCE, State.CLOSED}
        if order.state in still or not any(m.what == "open" for m in order.marks):
            return None
        name = running_clock(order)
        deadline = self._deadline(name)
        if deadline is None:
            return None
        late = name == "first_response" and deadline <= self.now
        golden = self._golden() if late and order.priority in _GOLDEN else None
        return ("golden", golden) if golden and golden > self.now else (name, deadline)

    def _deadline(self, name: str) -> datetime | None:
        clock = next(c for c in clocks.CLOCKS if c == name)
        reading = clocks.read(
            clock, self.order.marks, self.policy.clocks, self._calendars, self.now
        )
        return None if reading.stopped else reading.deadline

    def _golden(self) -> datetime | None:
        window = self.policy.golden_window
        return clocks.due(
            "first_response",
            self.order.marks,
            self.policy.clocks,
            self._calendars,
            window,
            self.now,
        )

    @property
    def _calendars(self) -> Mapping[str, WorkCalendar]:
        return {"work": self.company.calendar, "always": round_the_clock(self.company.tz)}

    def fault(self, words: Words) -> str:
        """The fault type by name."""
        order = self.order
        return self.company.taxonomy.name(order.fault_type, words.locale, order.subtype)

    def priority(self, words: Words) -> str:
        """The priority with its name: 「P0 危急」."""
        name = self._either(PRIORITIES.get(self.order.priority), words)
        return words.say("card.priority", priority=self.order.priority, name=name)

    @staticmethod
    def _either(names: tuple[str, str] | None, words: Words) -> str:
        return "" if names is None else names[words.locale == "en"]

    def state(self, words: Words) -> str:
        """Where it stands, with the finer step if there is one."""
        order = self.order
        if order.state == State.CLOSED and order.outcome != "completed":
            return words.label("outcome", order.outcome)
        if order.state == State.ON_HOLD:
            return words.say("state.on_hold_because", why=self.hold_reason)
        return words.label("sub", order.sub) if order.sub else words.label("state", order.state)

    @property
    def hold_reason(self) -> str:
        """Why it is on hold, in the company's words."""
        reasons = {r.code: r.label for r in self.policy.hold_reasons}
        return reasons.get(self.order.hold_reason, self.order.hold_reason)

    def next(self, audience: str, words: Words) -> str:
        """What happens next, or is asked of this audience."""
        order = self.order
        who = "handler" if audience == "team" else audience
        keys = (
            f"next.{who}.rated" if order.rating and order.state == State.CLOSED else "",
            f"next.{who}.{order.outcome}" if order.state == State.CLOSED else "",
            f"next.{who}.{order.sub}" if order.sub else "",
            f"next.{who}.{order.state}",
        )
        handler = self.handler.name if self.handler else ""
        told = (words.maybe(key, handler=handler, why=self.hold_reason) for key in keys)
        return next((text for text in told if text), "")

    def facts(self, audience: str, words: Words) -> dict[str, object]:
        """What every sentence about this work order may use: number, state, next, deadline."""
        key = (audience, words.locale)
        if key not in self._facts:
            self._facts[key] = self._told(audience, words)
        return self._facts[key]

    def _told(self, audience: str, words: Words) -> dict[str, object]:
        order = self.order
        return {
            "number": order.number,
            "short": short(order.number),
            "state": self.state(words),
            "next": self.next(audience, words),
            **self._due(audience, words),
            "fault": self.fault(words),
            "priority": order.priority,
            "place": harmless(order.place),
            "handler": self._named(audience),
            "what": harmless(clipped(order.text, 60)),
        }

    def _named(self, audience: str) -> str:
        """The handler by name; customers are not told of somebody who may still decline."""
        told = self.accepted or audience != "customer" or not self.order.open
        return self.handler.name if self.handler and told else ""

    def _due(self, audience: str, words: Words) -> dict[str, object]:
        """``deadline`` and ``due``, the deadline in words. Customers are not shown what is past,
        nor the house's own golden window.
        """
        name, at = self.countdown or ("", None)
        if at is None or (audience == "customer" and (at <= self.now or name == "golden")):
            return {"deadline": "", "due": ""}
        label = words.label("clock", name)
        if at <= self.now:
            return {"deadline": at, "due": words.say("due.late", label=label, late=self.now - at)}
        return {"deadline": at, "due": words.say("due.by", label=label, deadline=at)}


def engineer(picture: Picture, words: Words) -> str:
    """The engineer by name; a VIP is told how others rated them."""
    staff = picture.handler
    if staff is None:
        return ""
    last = staff.ratings[:3]
    vip = picture.customer is not None and picture.customer.vip
    rating = sum(last) / len(last) if last and vip else ""
    return words.say("card.engineer", name=staff.name, rating=rating)


def question(picture: Picture, words: Words) -> str:
    """The one thing to ask for, when something is missing."""
    missing = picture.order.missing
    waiting = picture.order.state == State.NEW or picture.order.priority == "P0"
    if not missing or not waiting:
        return ""
    return words.maybe(f"ask.{missing[0]}") or words.say("ask.other")


@lru_cache(maxsize=1024)
def harmless(text: str, whole: bool = False) -> str:
    """People's words for a card: harmless, phones masked unless the reader may see them."""
    return neutralise(text if whole else mask_text(text))


def clipped(text: str, most: int) -> str:
    """A text on one line, at most so many characters long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"
