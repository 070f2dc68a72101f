"""The living card of a work order, as each audience should see it.

One card per work order, audience and chat; every change repaints it. Customers see how far their
repair is; engineers everything needed to go there; supervisors what burns and who has it. Phones
stand whole only on the direct card of the person who accepted the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from bots.degrade import neutralise
from notifier.audience import Seat
from notifier.buttons import buttons, running_clock, short
from notifier.masking import mask_phone, mask_text
from notifier.wording import Words, known
from workflow import clocks
from workflow.calendar import WorkCalendar, round_the_clock
from workflow.company import Asset, Company, Customer, Staff
from workflow.policy import Policy
from workflow.records import Card, Facts
from workflow.states import State, Sub
from workflow.taxonomy import FAULT_TYPES, PRIORITIES
from workflow.work_order import WorkOrder

Tone = Literal["neutral", "info", "warn", "danger", "done"]

STEPS = (
    "received",
    "dispatched",
    "accepted",
    "departed",
    "arrived",
    "working",
    "signature",
    "finished",
)
"""The progress line, like a food delivery's."""

_REACHED: Mapping[Sub | State, str] = {
    State.NEW: "received",
    State.DISPATCHED: "dispatched",
    Sub.ACCEPTED: "accepted",
    Sub.DEPARTED: "departed",
    Sub.ARRIVED: "arrived",
    Sub.DIAGNOSING: "working",
    Sub.WAITING_PARTS: "working",
    Sub.PARTS_REPLACED: "working",
    State.AWAITING_ACCEPTANCE: "signature",
    State.CLOSED: "finished",
}
_GOLDEN = frozenset({"P0", "P1"})
_WORDS_SHOWN = 300


def topic(order_id: str, audience: str) -> str:
    """The name of a living card: the same in every chat that shows it to this audience."""
    return f"card:{order_id}:{audience}"


@dataclass(frozen=True)
class Picture:
    """One work order with everything a card or a sentence may say about it."""

    order: WorkOrder
    company: Company
    policy: Policy
    now: datetime
    customer: Customer | None = None
    asset: Asset | None = None
    explanation: Facts | None = None
    """How dispatch ranked people, when that has just happened."""

    def words(self, locale: str = "") -> Words:
        """The reader's language; the company's when they have none of their own."""
        return Words(known(locale or self.company.locale), self.company.tz, self.now)

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
        names = FAULT_TYPES.get(self.order.fault_type)
        return self._either(names, words) or self.order.fault_type

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
            f"next.{who}.{order.outcome}" if order.state == State.CLOSED else "",
            f"next.{who}.{order.sub}" if order.sub else "",
            f"next.{who}.{order.state}",
        )
        handler = self.handler.name if self.handler else ""
        told = (words.maybe(key, handler=handler, why=self.hold_reason) for key in keys)
        return next((text for text in told if text), "")

    def facts(self, audience: str, words: Words) -> dict[str, object]:
        """What every sentence about this work order may use: number, state, next, deadline."""
        order, down = self.order, self.countdown
        return {
            "number": order.number,
            "short": short(order.number),
            "state": self.state(words),
            "next": self.next(audience, words),
            "deadline": down[1] if down else "",
            "deadline_label": words.label("clock", down[0]) if down else "",
            "fault": self.fault(words),
            "priority": order.priority,
            "place": _shown(order.place),
            "handler": self.handler.name if self.handler else "",
            "what": _shown(_clip(order.text, 60)),
        }


def paint(picture: Picture, seat: Seat) -> Card:
    """The card of this work order for one seat; somebody it has left gets a bare farewell."""
    locale = _locale(picture, seat)
    words = picture.words(locale)
    order, facts = picture.order, picture.facts(seat.audience, words)
    down = picture.countdown
    key, title = topic(order.id, seat.audience), words.say(f"card.title.{seat.audience}", **facts)
    if seat.optional:
        return Card(key, title, words.say(f"card.parting.{seat.audience}", **facts))
    return Card(
        key=key,
        title=title,
        subtitle=words.say("card.subtitle", **facts),
        tone=_tone(picture),
        fields=tuple(_fields(picture, seat, words)),
        steps=_steps(picture, words),
        deadline=down[1] if down else None,
        deadline_label=words.label("clock", down[0]) if down else "",
        body=_body(picture, seat, words),
        buttons=buttons(order, seat, picture.company, picture.policy, words),
        media=order.media if seat.audience == "handler" else (),
        footer=_footer(picture, seat, words),
    )


def summary(picture: Picture, seat: Seat) -> str:
    """The card in one line, for chats that cannot show cards."""
    words = picture.words(_locale(picture, seat))
    return words.say(f"card.summary.{seat.audience}", **picture.facts(seat.audience, words))


def _locale(picture: Picture, seat: Seat) -> str:
    customer = picture.customer
    theirs = seat.audience == "customer" and customer and customer.id == seat.person
    return customer.locale if theirs and customer else picture.company.locale


def _tone(picture: Picture) -> Tone:
    order, down = picture.order, picture.countdown
    if order.state == State.CLOSED:
        return "done" if order.outcome == "completed" else "neutral"
    left = down[1] - picture.now if down else None
    overdue = left is not None and left <= timedelta(0)
    if order.stalled or overdue or (order.priority == "P0" and not picture.accepted):
        return "danger"
    soon = left is not None and left <= picture.policy.golden_warning
    if soon or order.escalation or order.priority == "P0":
        return "warn"
    return "info"


def _steps(picture: Picture, words: Words) -> tuple[tuple[str, str], ...]:
    order = picture.order
    if order.state == State.CLOSED and order.outcome != "completed":
        ended = words.label("outcome", order.outcome)
        return ((words.say("step.received"), "done"), (ended, "now"))
    state, sub = order.state, order.sub
    if state == State.ON_HOLD and order.held_from:
        state, sub = order.held_from
    reached = STEPS.index(_REACHED.get(sub) or _REACHED.get(state) or STEPS[0])
    line = [(words.say(f"step.{name}"), _when(i, reached)) for i, name in enumerate(STEPS)]
    if order.state == State.ON_HOLD:
        line[reached] = (words.say("state.on_hold_because", why=picture.hold_reason), "now")
    elif order.state == State.CLOSED:
        line[-1] = (line[-1][0], "done")
    elif order.sub in {Sub.WAITING_PARTS, Sub.PARTS_REPLACED, Sub.AWAITING_INFO, Sub.TRIAGE}:
        line[reached] = (words.label("sub", order.sub), "now")
    return tuple(line)


def _when(index: int, reached: int) -> str:
    return "done" if index < reached else "now" if index == reached else "next"


# --- fields -----------------------------------------------------------------------------------


def _fields(picture: Picture, seat: Seat, words: Words) -> Iterator[tuple[str, str]]:
    listed = (
        _for_customer(picture, words)
        if seat.audience == "customer"
        else _for_staff(picture, seat, words)
    )
    for name, value in listed:
        if value:
            yield words.say(f"field.{name}"), value


def _for_customer(picture: Picture, words: Words) -> Iterator[tuple[str, str]]:
    order = picture.order
    yield "state", picture.state(words)
    yield "fault", picture.fault(words)
    yield "place", _shown(order.place)
    yield "device", _shown(order.device)
    yield "phone", mask_phone(order.phone)
    if picture.accepted:
        yield "handler", engineer(picture, words)
    yield "next", picture.next("customer", words)


def engineer(picture: Picture, words: Words) -> str:
    """The engineer by name; a VIP is told how others rated them."""
    staff = picture.handler
    if staff is None:
        return ""
    last = staff.ratings[:3]
    vip = picture.customer is not None and picture.customer.vip
    rating = sum(last) / len(last) if last and vip else ""
    return words.say("card.engineer", name=staff.name, rating=rating)


def _for_staff(picture: Picture, seat: Seat, words: Words) -> Iterator[tuple[str, str]]:
    order, asset, customer = picture.order, picture.asset, picture.customer
    whole = _sees_all(picture, seat)
    yield "priority", picture.priority(words)
    yield "state", picture.state(words)
    yield "handler", picture.handler.name if picture.handler else ""
    yield "fault", picture.fault(words)
    yield "place", _shown(order.place, whole)
    yield (
        "device",
        words.say(
            "card.device",
            device=_shown(order.device or (asset.name if asset else "")),
            model=asset.model if asset else "",
            serial=_shown(order.serial or (asset.serial if asset else "")),
            code=_shown(order.error_code),
        ),
    )
    yield "contact", _shown(order.contact or (customer.name if customer else ""), whole)
    phone = order.phone or (customer.phone if customer else "")
    yield "phone", phone if whole else mask_phone(phone)
    yield "when", _shown(order.when)
    yield "customer", words.say("card.vip") if customer and customer.vip else ""
    yield "reporters", _crowd(order, words)
    yield "media", _attachments(order, words)
    yield "history", _history(picture, words)
    yield "next", picture.next(seat.audience, words)


def _sees_all(picture: Picture, seat: Seat) -> bool:
    """Only the one who took the job sees phones whole, in their own direct chat."""
    theirs = seat.audience == "handler" and seat.place.kind == "direct"
    return theirs and picture.accepted and seat.person == picture.order.assignee


def _shown(text: str, whole: bool = False) -> str:
    """People's words for a card: harmless, phones masked unless the reader may see them."""
    return neutralise(text if whole else mask_text(text))


def _crowd(order: WorkOrder, words: Words) -> str:
    many = len(order.reporters)
    return words.say("card.reporters", n=many) if many > 1 else ""


def _attachments(order: WorkOrder, words: Words) -> str:
    pictures = sum(m.kind == "image" for m in order.media)
    others = len(order.media) - pictures
    return words.say("card.media", pictures=pictures or "", others=others or "")


def _history(picture: Picture, words: Words) -> str:
    """What is known of the asset, and how often this engineer has been there."""
    asset = picture.asset
    installed = asset.installed_on if asset else ""
    visits = _term(picture, "history")
    return words.say("card.history", installed=installed, visits=int(visits) or "")


def _term(picture: Picture, name: str) -> float:
    for term in _terms(picture):
        if term.get("name") == name:
            raw = term.get("raw")
            return float(raw) if isinstance(raw, int | float) else 0.0
    return 0.0


def _terms(picture: Picture) -> list[Mapping[str, object]]:
    """The score of the person it was offered to, as dispatch explained it."""
    candidates = (picture.explanation or {}).get("candidates")
    for candidate in candidates if isinstance(candidates, list | tuple) else ():
        if isinstance(candidate, Mapping) and candidate.get("staff_id") == picture.order.assignee:
            terms = candidate.get("terms")
            listed = terms if isinstance(terms, list | tuple) else ()
            return [term for term in listed if isinstance(term, Mapping)]
    return []


def _body(picture: Picture, seat: Seat, words: Words) -> str:
    """The customer's own words; to each reporter their own, never another's."""
    if seat.audience == "customer":
        theirs = seat.reporter.text if seat.reporter else ""
        said = words.say("card.said.yours", text=_shown(_clip(theirs, _WORDS_SHOWN)))
        return words.say("card.customer_body", said=said, question=question(picture, words))
    text = _clip(picture.order.text, _WORDS_SHOWN)
    return words.say("card.said.theirs", text=_shown(text, _sees_all(picture, seat)))


def question(picture: Picture, words: Words) -> str:
    """The one thing to ask for, when something is missing."""
    missing = picture.order.missing
    waiting = picture.order.state == State.NEW or picture.order.priority == "P0"
    if not missing or not waiting:
        return ""
    return words.maybe(f"ask.{missing[0]}") or words.say("ask.other")


def _footer(picture: Picture, seat: Seat, words: Words) -> str:
    if seat.audience == "customer":
        return ""
    reasons = [_reason(term, words) for term in _leading(_terms(picture))]
    told = [reason for reason in reasons if reason]
    name = picture.handler.name if picture.handler else ""
    return words.say("card.why", name=name, reasons=told) if told and name else ""


def _leading(terms: list[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """The three terms that gave most points."""

    def points(term: Mapping[str, object]) -> float:
        found = term.get("points")
        return float(found) if isinstance(found, int | float) else 0.0

    return sorted((t for t in terms if points(t) > 0), key=points, reverse=True)[:3]


def _reason(term: Mapping[str, object], words: Words) -> str:
    listed = term.get("words")
    parts = list(listed) if isinstance(listed, list | tuple) else []
    if not parts:
        return ""
    named = {f"a{i}": part for i, part in enumerate(parts[1:], start=1)}
    return words.maybe(f"why.{parts[0]}", **named)


def _clip(text: str, most: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"
