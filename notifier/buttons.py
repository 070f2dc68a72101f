"""The buttons of a card: by where the work order stands and who is looking.

Each carries the state and assignment it was painted for, so that a stale card is refused, and the
text command that does the same in a chat without buttons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from notifier.audience import Audience, Seat
from notifier.wording import Words
from workflow.company import Company
from workflow.knowledge import wordings
from workflow.policy import Policy
from workflow.records import Action, Button, Facts
from workflow.states import State, Sub
from workflow.work_order import Surge, WorkOrder

Style = Literal["primary", "default", "danger"]
_STARS = 5
_MINUTES = (15, 30, 60, 120)
_NO_COMMAND = frozenset({"undo_join", "book_maintenance", "split", "keep_together"})


@dataclass(frozen=True, slots=True)
class _Press:
    """A button before it is worded: what it does, and the one thing it asks for."""

    do: str
    style: Style = "default"
    ask: str = ""
    label: str = ""


_ACCEPT = _Press("accept", "primary")
_CLAIM = _Press("accept", "primary", label="claim")
_DECLINE = _Press("decline", ask="reason")
_REASSIGN = _Press("reassign", ask="staff")
_HOLD = _Press("hold", ask="reason")
_DIAGNOSE = _Press("diagnose", ask="text")
_PARTS = _Press("await_parts", ask="text")
_REPLACE = _Press("replace_part", ask="text")
_COMPLETE = _Press("complete", "primary", ask="text")
_ADVISE = _Press("advise")
_ON_SITE = (_COMPLETE, _ADVISE, _DIAGNOSE, _REPLACE, _PARTS, _HOLD, _REASSIGN)

ENGINEER: Mapping[Sub | State, Sequence[_Press]] = {
    Sub.OFFERED: (_ACCEPT, _DECLINE, _REASSIGN),
    Sub.OPEN_CLAIM: (_CLAIM,),
    Sub.ACCEPTED: (_Press("depart", "primary"), _Press("arrive"), _HOLD, _REASSIGN),
    Sub.DEPARTED: (_Press("arrive", "primary"), _HOLD, _REASSIGN),
    Sub.ARRIVED: _ON_SITE,
    Sub.DIAGNOSING: _ON_SITE,
    Sub.PARTS_REPLACED: _ON_SITE,
    Sub.WAITING_PARTS: (
        _Press("replace_part", "primary", ask="text"),
        _COMPLETE,
        _ADVISE,
        _HOLD,
        _REASSIGN,
    ),
    State.ON_HOLD: (_Press("resume", "primary"), _REASSIGN),
}
"""What an engineer can do, by sub-status (or state where that says more)."""

_TRYING = (
    _Press("self_solve", "primary"),
    _Press("self_unsolved"),
    _Press("cancel", "danger"),
)
_UNDERWAY = (_Press("nudge", "primary"), _Press("cancel", "danger"))
CUSTOMER: Mapping[State, Sequence[_Press]] = {
    State.NEW: _UNDERWAY,
    State.DISPATCHED: _UNDERWAY,
    State.IN_PROGRESS: _UNDERWAY,
    State.ON_HOLD: _UNDERWAY,
    State.AWAITING_ACCEPTANCE: (
        _Press("sign", "primary"),
        _Press("return_work", "danger", ask="reason"),
    ),
}

_TAKE_OVER = _Press("take_over", "primary")
_DESK = (_TAKE_OVER, _REASSIGN, _Press("extend", ask="minutes"))
_CANCEL = _Press("cancel", "danger", ask="reason")
_RAISE = _Press("change_priority", ask="reason", label="raise")
SUPERVISOR: Mapping[State, Sequence[_Press]] = {
    State.NEW: (*_DESK, _CANCEL),
    State.DISPATCHED: (*_DESK, _CANCEL),
    State.IN_PROGRESS: (*_DESK, _CANCEL),
    State.ON_HOLD: (*_DESK, _CANCEL),
    State.AWAITING_ACCEPTANCE: (_Press("extend", ask="minutes"),),
}
SURGE: Sequence[_Press] = (
    _Press("broadcast", "primary"),
    _Press("resolve_surge", ask="text"),
    _Press("detach", ask="child"),
    _Press("dismiss_surge", "danger"),
    _TAKE_OVER,
    _REASSIGN,
)
"""What supervisors do with a surge's parent while it goes on."""
_CHILDREN_OFFERED = 20


def short(number: str) -> str:
    """How people call a work order: the tail of its number without zeros, 「7」."""
    tail = re.search(r"-0*([0-9]+)$", number)
    return tail[1] if tail else number


def buttons(
    order: WorkOrder, seat: Seat, company: Company, policy: Policy, words: Words
) -> tuple[Button, ...]:
    """The buttons of this work order's card in this seat."""
    bench = _Bench(order, company, policy, words, seat.audience)
    presses = [*_presses(order, seat)]
    return tuple(bench.button(press, _extra(press, order, seat)) for press in presses)


def _presses(order: WorkOrder, seat: Seat) -> Iterator[_Press]:
    if seat.optional:
        return
    if seat.audience == "supervisor" and order.surge is not None:
        yield from _surge_presses(order, order.surge)
    elif seat.audience == "supervisor":
        yield from SUPERVISOR.get(order.state, ())
        if order.open and order.priority != "P0":
            yield _RAISE
    elif seat.audience == "customer":
        trying = order.tried is not None and order.arrived_at is None
        yield from _TRYING if trying else CUSTOMER.get(order.state, ())
        if _joined_later(order, seat):
            yield _Press("undo_join")
        if order.state == State.CLOSED and order.outcome == "completed":
            if not order.rating:
                yield _Press("rate", "primary", ask="rating")
            yield _Press("book_maintenance")
    else:
        yield from ENGINEER.get(order.state) or ENGINEER.get(order.sub, ())
        if order.escalation and order.state in {State.NEW, State.DISPATCHED}:
            yield _Press("take_over")


def _surge_presses(order: WorkOrder, surge: Surge) -> Iterator[_Press]:
    """The prepared answer until it is sent; everything until the parent is resolved."""
    open_children = any(not child.outcome for child in order.children)
    for press in SURGE:
        sent = press.do == "broadcast" and (surge.approved_at is not None or not surge.script)
        alone = press.do == "detach" and not open_children
        over = not order.open or order.state == State.AWAITING_ACCEPTANCE
        if not (sent or alone or (over and press.do != "detach") or not order.open):
            yield press


def _joined_later(order: WorkOrder, seat: Seat) -> bool:
    first = order.opener
    return order.open and seat.reporter is not None and seat.reporter != first


def _extra(press: _Press, order: WorkOrder, seat: Seat) -> Facts:
    if press.do == "extend":
        return {"clock": running_clock(order)}
    if press.do == "change_priority":
        return {"priority": "P0"}
    if press.do == "undo_join" and seat.reporter is not None:
        return {"reporter": seat.reporter.message}
    return {}


def running_clock(order: WorkOrder) -> str:
    """The clock that matters now: until somebody answers, until somebody is there, until done."""
    if order.first_responded_at is None:
        return "first_response"
    return "arrival" if order.arrived_at is None else "resolution"


@dataclass(frozen=True)
class _Bench:
    """Makes buttons of presses for one work order and one audience."""

    order: WorkOrder
    company: Company
    policy: Policy
    words: Words
    audience: Audience

    def button(self, press: _Press, args: Facts) -> Button:
        name = press.label or press.do
        return Button(
            label=self.words.say(f"button.{name}"),
            action=Action(
                press.do,
                self.order.id,
                expect=str(self.order.state),
                generation=self.order.generation,
                args=args,
            ),
            style=press.style,
            ask=press.ask or None,
            choices=self._choices(press),
            command=self._command(press, name),
        )

    def _command(self, press: _Press, name: str) -> str:
        if press.do in _NO_COMMAND:
            return ""
        who = "customer" if self.audience == "customer" else "staff"
        return self.words.maybe(f"command.{who}.{name}", short=short(self.order.number))

    def _choices(self, press: _Press) -> tuple[tuple[str, str], ...]:
        offered = {
            "staff": self._colleagues,
            "child": self._children,
            "rating": self._stars,
            "minutes": self._minutes,
        }.get(press.ask)
        if offered is not None:
            return offered()
        if press.do == "hold":
            return tuple((r.code, r.label) for r in self.policy.hold_reasons)
        if press.do == "complete":
            said = wordings(str(repair.get("resolution") or "") for repair in self.order.repairs)
            return tuple((text, text) for text in said)
        if press.do == "decline":
            keys = ("busy", "skill", "far", "parts")
            return tuple((text, text) for text in (self.words.say(f"decline.{k}") for k in keys))
        return ()

    def _stars(self) -> tuple[tuple[str, str], ...]:
        stars, said = range(_STARS, 0, -1), self.words.say
        return tuple((str(n), said("choice.stars", n=n, stars="★" * n)) for n in stars)

    def _minutes(self) -> tuple[tuple[str, str], ...]:
        return tuple((str(n), self.words.say("choice.minutes", n=n)) for n in _MINUTES)

    def _children(self) -> tuple[tuple[str, str], ...]:
        still = [child for child in self.order.children if not child.outcome]
        return tuple((child.id, child.number) for child in still[-_CHILDREN_OFFERED:])

    def _colleagues(self) -> tuple[tuple[str, str], ...]:
        team = self.company.members(self.order.team_id)
        others = (s for s in team if s.id != self.order.assignee)
        return tuple((staff.id, staff.name) for staff in others)
