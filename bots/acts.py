"""From an action on a work order to the workflow's command, whichever way it was asked for.

A button's ``args`` and the words after a text command arrive here in the same shape; what is
missing or malformed is refused with the field's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bots.lessons import fault_named
from workflow import commands as c
from workflow.clocks import CLOCKS, ClockName
from workflow.company import Company, Staff
from workflow.errors import InvalidInput, NotAllowed
from workflow.events import Actor
from workflow.policy import Policy
from workflow.records import Facts, Media
from workflow.work_order import WorkOrder

MAX_MINUTES = 1440
MAX_WORDS = 1000


@dataclass(frozen=True, slots=True)
class Act:
    """One thing somebody wants done to a work order. ``expect`` and ``generation`` are what the
    pressed card showed; a text command has seen no card.
    """

    do: str
    order: WorkOrder
    by: Actor
    origin: c.Origin
    company: Company
    policy: Policy
    args: Facts
    media: tuple[Media, ...] = ()
    expect: str | None = None
    generation: int | None = None

    def command(self) -> c.OnOrder:
        """The workflow's command.

        Raises:
            InvalidInput: ``field`` names the argument that is missing or malformed.
            NotAllowed: code ``action_unknown`` when no such action exists.
        """
        build = _BUILD.get(self.do)
        if build is None:
            raise NotAllowed("action_unknown", action=self.do)
        return build(self)

    def of(self, kind: Callable[..., c.OnOrder], **more: object) -> c.OnOrder:
        """A command of this kind with everything that every command carries."""
        seen: dict[str, Any] = {"expect": self.expect, "generation": self.generation}
        return kind(by=self.by, origin=self.origin, order_id=self.order.id, **seen, **more)

    def text(self, *names: str, required: bool = True) -> str:
        """The first of these arguments that has words; the first name is the one reported."""
        found = next((v for n in names if (v := _words(self.args.get(n)))), "")
        if not found and required:
            raise InvalidInput(field=names[0], found="", allowed="words")
        if len(found) > MAX_WORDS:
            raise InvalidInput(field=names[0], found=len(found), allowed=MAX_WORDS)
        return found

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number between bounds; forms send it as text."""
        raw = self.args.get(name, default)
        text = str(raw).strip() if not isinstance(raw, bool) else ""
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004  # longer is out of every bound
        if number is None or not least <= number <= most:
            found = "" if raw is None else str(raw)[:40]
            raise InvalidInput(field=name, found=found, allowed=f"{least}–{most}")
        return number


def colleague(found: str, company: Company) -> Staff:
    """The one active person that a name means: id, whole name, 王工, 王师傅 or 王.

    Raises:
        InvalidInput: nobody or several people are called so; ``allowed`` lists whom it may be.
    """
    active = [s for _, s in sorted(company.staff.items()) if s.active]
    name = found.strip().lstrip("@＠")
    exact = [s for s in active if name in {s.id, s.name} or name in s.handles.values()]
    surname = without_title(name)
    close = exact or [s for s in active if surname and s.name.startswith(surname)]
    if len(close) == 1:
        return close[0]
    raise InvalidInput(
        field="staff", found=found, allowed=" / ".join(s.name for s in (close or active)[:12])
    )


def without_title(name: str) -> str:
    """王 of 王工, 王师傅, 王主管: what colleagues call each other by."""
    return name.removesuffix("师傅").removesuffix("工").removesuffix("主管")


def _words(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _plain(kind: Callable[..., c.OnOrder]) -> Callable[[Act], c.OnOrder]:
    return lambda act: act.of(kind)


def _reasoned(kind: Callable[..., c.OnOrder]) -> Callable[[Act], c.OnOrder]:
    return lambda act: act.of(kind, reason=act.text("reason", "text"))


def _worded(kind: Callable[..., c.OnOrder], **more: object) -> Callable[[Act], c.OnOrder]:
    return lambda act: act.of(kind, text=act.text("text", "reason"), **more)


def _answer(act: Act) -> c.OnOrder:
    """One's own words, or those that the company keeps under this name."""
    said = act.text("text", "reason")
    kept = act.company.preset_replies.get(said)
    if kept is None:
        return act.of(c.Note, text=said, internal=False)
    handler = act.company.staff.get(act.order.assignee)
    engineer = handler.name if handler else act.by.name
    text = kept.replace("{number}", act.order.number).replace("{engineer}", engineer)
    return act.of(c.Note, text=text, internal=False)


def _arrive(act: Act) -> c.OnOrder:
    return act.of(c.Arrive, geo=_geo(act.args.get("geo")))


def _geo(found: object) -> tuple[float, float] | None:
    if found is None or found == "":
        return None
    parts = found.split(",") if isinstance(found, str) else found
    try:
        lat, lon = (float(part) for part in parts)  # type: ignore[attr-defined]  # refused below
    except (TypeError, ValueError) as wrong:
        raise InvalidInput(field="geo", found=str(found)[:40], allowed="lat,lon") from wrong
    if not (abs(lat) <= 90 and abs(lon) <= 180):  # noqa: PLR2004  # degrees
        raise InvalidInput(field="geo", found=str(found)[:40], allowed="lat,lon")
    return lat, lon


def _reassign(act: Act) -> c.OnOrder:
    to = colleague(act.text("staff"), act.company)
    return act.of(c.Reassign, to=to.id, reason=act.text("reason", "text"))


def _await_parts(act: Act) -> c.OnOrder:
    return act.of(c.AwaitParts, part=act.text("part", "text"))


def _replace_part(act: Act) -> c.OnOrder:
    quantity = act.whole("quantity", 1, 999, default=1)
    return act.of(c.ReplacePart, part=act.text("part", "text"), quantity=quantity)


def _hold(act: Act) -> c.OnOrder:
    """The first word names the reason of the policy, the rest is a note."""
    said = act.text("reason", "text")
    for reason in act.policy.hold_reasons:
        for known in (reason.code, reason.label):
            if said.startswith(known):
                note = said[len(known) :].strip(" ,，。:：") or act.text("note", required=False)
                return act.of(c.Hold, reason=reason.code, note=note)
    labels = " / ".join(reason.label for reason in act.policy.hold_reasons)
    raise InvalidInput(field="reason", found=said, allowed=labels)


def _complete(act: Act) -> c.OnOrder:
    return act.of(c.Complete, text=act.text("text", required=False), media=act.media)


def _rate(act: Act) -> c.OnOrder:
    comment = act.text("comment", "text", required=False)
    return act.of(c.Rate, score=act.whole("rating", 1, 5), comment=comment)


def _cancel(act: Act) -> c.OnOrder:
    return act.of(c.Cancel, reason=act.text("reason", "text", required=act.by.role != "customer"))


def _nudge(act: Act) -> c.OnOrder:
    return act.of(c.Nudge, text=act.text("text", required=False))


def _change_priority(act: Act) -> c.OnOrder:
    priority = act.text("priority").upper()
    return act.of(c.ChangePriority, priority=priority, reason=act.text("reason", "text"))


def _extend(act: Act) -> c.OnOrder:
    return act.of(
        c.ExtendDeadline,
        clock=_clock(act),
        minutes=act.whole("minutes", 1, MAX_MINUTES),
        reason=act.text("reason", "text"),
    )


def _clock(act: Act) -> ClockName:
    """The clock that was named, else the one that matters now."""
    named = act.text("clock", required=False)
    if named:
        known = next((clock for clock in CLOCKS if clock == named), None)
        if known is None:
            raise InvalidInput(field="clock", found=named, allowed=" / ".join(CLOCKS))
        return known
    if act.order.first_responded_at is None:
        return "first_response"
    return "arrival" if act.order.arrived_at is None else "resolution"


def _undo_join(act: Act) -> c.OnOrder:
    """The report that was named, else the presser's own joined one."""
    own = [
        r.message
        for r in act.order.reporters
        if r != act.order.opener and (r.customer_id == act.by.id or r.sender == act.origin.sender)
    ]
    named = act.text("reporter", required=False)
    if act.by.role == "customer" and named not in own:
        named = own[-1] if own else ""
    if not named:
        raise InvalidInput(field="reporter", found="", allowed="a joined report")
    return act.of(c.UndoJoin, reporter=named)


def _broadcast(act: Act) -> c.OnOrder:
    return act.of(c.Broadcast, text=act.text("text", "reason", required=False))


def _dismiss_surge(act: Act) -> c.OnOrder:
    return act.of(c.DismissSurge, reason=act.text("reason", "text", required=False))


def _resolve_surge(act: Act) -> c.OnOrder:
    return act.of(c.ResolveSurge, text=act.text("text", "reason", required=False))


def _detach(act: Act) -> c.OnOrder:
    """The child itself, or, on its parent's card, the one that was chosen."""
    reason = act.text("reason", "text", required=False)
    if act.order.surge is None:
        return act.of(c.Detach, reason=reason)
    chosen = act.text("child")
    for child in act.order.children:
        if chosen in {child.id, child.number}:
            return c.Detach(act.by, act.origin, child.id, reason=reason)
    raise InvalidInput(field="child", found=chosen, allowed="a child of this surge")


def _correct(act: Act) -> c.OnOrder:
    """Another fault type, by any name it has here."""
    fault, subtype = fault_named(act.text("fault_type", "text"), act.company)
    facts = {"fault_type": fault, "subtype": subtype}
    return act.of(c.Correct, facts=facts, reason=act.text("reason", required=False))


def _supervise(act: Act) -> c.OnOrder:
    return act.of(c.Supervise, why="asked", text=act.text("text", "reason", required=False))


_BUILD: dict[str, Callable[[Act], c.OnOrder]] = {
    "accept": _plain(c.Accept),
    "decline": _reasoned(c.Decline),
    "reassign": _reassign,
    "take_over": _plain(c.TakeOver),
    "depart": _plain(c.Depart),
    "arrive": _arrive,
    "diagnose": _worded(c.Diagnose),
    "await_parts": _await_parts,
    "replace_part": _replace_part,
    "hold": _hold,
    "resume": _plain(c.Resume),
    "complete": _complete,
    "note": _worded(c.Note, internal=True),
    "answer": _answer,
    "sign": _plain(c.Sign),
    "return_work": _reasoned(c.ReturnWork),
    "rate": _rate,
    "cancel": _cancel,
    "nudge": _nudge,
    "change_priority": _change_priority,
    "correct": _correct,
    "supervise": _supervise,
    "extend": _extend,
    "undo_join": _undo_join,
    "broadcast": _broadcast,
    "dismiss_surge": _dismiss_surge,
    "resolve_surge": _resolve_surge,
    "detach": _detach,
}
