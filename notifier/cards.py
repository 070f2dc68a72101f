"""The living card of a work order, as each audience should see it.

One card per work order, audience and chat; every change repaints it. Customers see how far their
repair is; engineers everything needed to go there; supervisors what burns and who has it. Phones
stand whole only on the direct card of the person who accepted the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Literal

from notifier import surge
from notifier.audience import Seat
from notifier.buttons import buttons
from notifier.masking import mask_phone
from notifier.picture import Picture, clipped, engineer, harmless, question
from notifier.wording import Words
from workflow.records import Card, Facts
from workflow.states import State, Sub
from workflow.work_order import Surge, WorkOrder

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
_NAMED_STEPS = frozenset(
    {Sub.WAITING_PARTS, Sub.PARTS_REPLACED, Sub.AWAITING_INFO, Sub.TRIAGE, Sub.WITH_PARENT}
    | {Sub.SELF_SERVICE}
)
"""Finer steps that stand in the progress line by their own name."""
_WORDS_SHOWN = 300
_RESOLUTION_SHOWN = 80
_SHOWN = (
    *("state", "sub", "outcome", "held_from", "hold_reason", "stalled", "escalation", "marks"),
    *("text", "fault_type", "priority", "place", "device", "serial", "error_code", "media"),
    *("phone", "contact", "when", "missing", "assignee", "generation", "reporters", "rating"),
    *("alarms", "by_device", "supervised_at", "subtype", "parent", "surge", "children"),
    *("self_service", "repairs"),
)


def topic(order_id: str, audience: str) -> str:
    """The name of a living card: the same in every chat that shows it to this audience."""
    return f"card:{order_id}:{audience}"


def looks(order: WorkOrder) -> tuple[object, ...]:
    """All that a card can show of a work order: equal looks, equal cards."""
    return tuple(getattr(order, name) for name in _SHOWN)


def paint(picture: Picture, seat: Seat) -> Card:
    """The card of this work order for one seat; somebody it has left gets a bare farewell."""
    locale = _locale(picture, seat)
    words = picture.words(locale)
    order, facts = picture.order, picture.facts(seat.audience, words)
    down = picture.countdown
    key, title = topic(order.id, seat.audience), words.say(f"card.title.{seat.audience}", **facts)
    if seat.optional:
        return Card(key, title, _farewell(picture, seat, words))
    if order.surge is not None and seat.audience == "supervisor":
        return _surge_card(picture, order.surge, seat, words)
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
        media=order.media if seat.audience != "customer" else (),
        footer=_footer(picture, seat, words),
    )


def _surge_card(picture: Picture, found: Surge, seat: Seat, words: Words) -> Card:
    """A parent among supervisors: the whole surge on one card."""
    order, down = picture.order, picture.countdown
    return Card(
        key=topic(order.id, seat.audience),
        title=surge.title(picture, found, words),
        subtitle=words.say("card.subtitle", **picture.facts(seat.audience, words)),
        tone="danger" if order.open and found.approved_at is None else _tone(picture),
        fields=tuple(surge.fields(picture, found, words)),
        deadline=down[1] if down else None,
        deadline_label=words.label("clock", down[0]) if down else "",
        body=surge.body(picture, found, words),
        buttons=buttons(order, seat, picture.company, picture.policy, words),
        footer=surge.footer(found, words),
    )


def summary(picture: Picture, seat: Seat) -> str:
    """The card in one line, for chats that cannot show cards."""
    words = picture.words(_locale(picture, seat))
    if seat.optional:
        return words.say(
            "card.left", number=picture.order.number, text=_farewell(picture, seat, words)
        )
    if picture.order.surge is not None and seat.audience == "supervisor":
        return surge.title(picture, picture.order.surge, words)
    return words.say(f"card.summary.{seat.audience}", **picture.facts(seat.audience, words))


def _farewell(picture: Picture, seat: Seat, words: Words) -> str:
    """What is left of the card where the work order has gone from; it names no mere offers."""
    handler = picture.handler.name if picture.handler and picture.accepted else ""
    over = "" if picture.order.open else picture.state(words)
    return words.say(f"card.parting.{seat.audience}", handler=handler, over=over)


def _locale(picture: Picture, seat: Seat) -> str:
    customer = picture.customer
    theirs = seat.audience == "customer" and customer and customer.id == seat.person
    return customer.locale if theirs and customer else picture.company.locale


def _tone(picture: Picture) -> Tone:
    order, down = picture.order, picture.countdown
    if order.state == State.CLOSED:
        return "done" if order.outcome in {"completed", "self_solved"} else "neutral"
    left = down[1] - picture.now if down else None
    overdue = left is not None and left <= timedelta(0)
    if order.stalled or overdue or (order.priority == "P0" and not picture.accepted):
        return "danger"
    soon = left is not None and left <= picture.policy.golden_warning
    if soon or order.escalation or order.priority == "P0" or _watched(order):
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
    elif order.sub in _NAMED_STEPS:
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
    yield "place", harmless(order.place)
    yield "device", harmless(order.device)
    yield "phone", mask_phone(order.phone)
    if picture.accepted:
        yield "handler", engineer(picture, words)
    yield "next", picture.next("customer", words)


def _for_staff(picture: Picture, seat: Seat, words: Words) -> Iterator[tuple[str, str]]:
    order, asset, customer = picture.order, picture.asset, picture.customer
    whole = _sees_all(picture, seat)
    yield "priority", picture.priority(words)
    yield "state", picture.state(words)
    yield "supervised", words.label("supervised", order.supervised_for) if _watched(order) else ""
    yield "handler", picture.handler.name if picture.handler else ""
    yield "fault", picture.fault(words)
    yield "place", harmless(order.place, whole)
    yield (
        "device",
        words.say(
            "card.device",
            device=harmless(order.device or (asset.name if asset else "")),
            model=asset.model if asset else "",
            serial=harmless(order.serial or (asset.serial if asset else "")),
            code=harmless(order.error_code),
        ),
    )
    yield "contact", harmless(order.contact or (customer.name if customer else ""), whole)
    phone = order.phone or (customer.phone if customer else "")
    yield "phone", phone if whole else mask_phone(phone)
    yield "when", harmless(words.heard(order.when))
    yield "customer", words.say("card.vip") if customer and customer.vip else ""
    yield "reporters", _crowd(order, words)
    yield "parent", order.parent_number
    yield "children", words.say("card.children", n=len(order.children)) if order.children else ""
    yield "alarms", words.say("card.alarms", n=order.alarms) if order.alarms > 1 else ""
    yield "media", _attachments(order, words)
    yield "history", _history(picture, words)
    for repair in order.repairs if order.open else ():
        yield "before", _before(repair, words)
    yield "next", picture.next(seat.audience, words)


def _before(repair: Facts, words: Words) -> str:
    """A like work order with what fixed it, in one line."""
    listed = repair.get("parts")
    parts = [
        words.say("card.part", name=harmless(str(name)), n=many)
        for name, many in (listed if isinstance(listed, list | tuple) else ())
    ]
    resolution = harmless(clipped(str(repair.get("resolution") or ""), _RESOLUTION_SHOWN))
    return words.say(
        "card.before", number=repair.get("number", ""), resolution=resolution, parts=parts
    )


def _watched(order: WorkOrder) -> bool:
    """Under supervision, as long as there is something to watch."""
    return order.open and order.supervised_at is not None


def _sees_all(picture: Picture, seat: Seat) -> bool:
    """Only the one who took the job sees phones whole, in their own direct chat."""
    theirs = seat.audience == "handler" and seat.place.kind == "direct"
    return theirs and picture.accepted and seat.person == picture.order.assignee


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
    for term in picture.order.why:
        if term.get("name") == name:
            raw = term.get("raw")
            return float(raw) if isinstance(raw, int | float) else 0.0
    return 0.0


def _body(picture: Picture, seat: Seat, words: Words) -> str:
    """The customer's own words; to each reporter their own, never another's."""
    if seat.audience == "customer":
        theirs = seat.reporter.text if seat.reporter else ""
        said = words.say("card.said.yours", text=harmless(clipped(theirs, _WORDS_SHOWN)))
        tried, asked = picture.order.tried, question(picture, words)
        if tried is not None:
            facts = {"title": tried.title, "steps": harmless(tried.steps, whole=True)}
            return words.say("card.tried", said=said, question=asked, **facts)
        return words.say("card.customer_body", said=said, question=asked)
    text = clipped(picture.order.text, _WORDS_SHOWN)
    return words.say("card.said.theirs", text=harmless(text, _sees_all(picture, seat)))


def _footer(picture: Picture, seat: Seat, words: Words) -> str:
    if seat.audience == "customer":
        return ""
    reasons = [_reason(term, words) for term in _leading(picture.order.why)]
    told = [reason for reason in reasons if reason]
    name = picture.handler.name if picture.handler else ""
    return words.say("card.why", name=name, reasons=told) if told and name else ""


def _leading(terms: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
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
