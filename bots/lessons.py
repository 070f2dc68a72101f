"""What a colleague says of a reading: another label, all right, or take it back.

Where the reading opened a work order that is still open, its facts change with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from bots.situation import Decision, Situation
from workflow import commands as c
from workflow.company import Company
from workflow.errors import InvalidInput, UnknownTicket
from workflow.kept import Case
from workflow.learning import HEADS, LABELS, NOT_REPORT, UNDO, Correction, Head, Reading
from workflow.records import Action, Facts
from workflow.work_order import WorkOrder

REASON = "review"


def press(s: Situation, action: Action) -> Decision:
    """A press on the review page.

    Raises:
        UnknownTicket: no such reading.
        InvalidInput: no such answer or label.
    """
    reading = s.reading
    if reading is None:
        raise UnknownTicket(ref=action.order)
    return _PRESSES[action.do](s, reading, action.args)


def of_case(s: Situation, case: Case, head: Head, now: str, was: str = "") -> Correction:
    """What the decision on a case says of its message."""
    heard = case.understanding
    return Correction(
        message=str(case.inbound.get("message") or f"case:{case.id}"),
        head=head,
        was=was or str(heard.get(head) or ""),
        now=now,
        text=case.text,
        by=s.by.id,
        at=s.now,
        order_id=case.order_id,
        model=str(heard.get("model") or ""),
        source="case",
    )


def fault_named(words: str, company: Company) -> tuple[str, str]:
    """The fault type and finer kind that somebody names in their own words.

    Raises:
        InvalidInput: nothing here is called so; ``allowed`` lists the names.
    """
    found = company.taxonomy.find(words)
    if found is None:
        keys = (key for key in LABELS["fault_type"] if key != "none")
        names = [company.taxonomy.name(key, company.locale) for key in keys]
        names += [kind.name for kind in company.taxonomy.subtypes]
        raise InvalidInput(field="fault_type", found=words[:40], allowed=" / ".join(names))
    return found


def _correct(s: Situation, reading: Reading, args: Facts) -> Decision:
    head = _head(args)
    label, subtype = _label(s, head, str(args.get("label") or ""))
    lesson = said(s, reading, head, label)
    order = _opened(s, reading)
    commands = _on_order(s, order, head, label, subtype) if order is not None else ()
    # Changing the work order teaches by itself: the event says what was and what is.
    lessons = () if commands else (lesson,)
    return _answer(s, reading, "reading_correct", lessons, commands, head=head, label=label)


def _confirm(s: Situation, reading: Reading, _args: Facts) -> Decision:
    """All that was doubted is right."""
    heads = [head for head in HEADS if head in reading.doubtful] or list(HEADS)
    lessons = tuple(said(s, reading, head, reading.label(head)) for head in heads)
    return _answer(s, reading, "reading_confirm", lessons)


def _undo(s: Situation, reading: Reading, args: Facts) -> Decision:
    """As if nothing had been said; an open work order gets its old facts back."""
    head = args.get("head")
    order, was = _opened(s, reading), str(args.get("was") or "")
    commands: Sequence[c.Command] = ()
    if order is not None and head in {"fault_type", "priority"} and was in LABELS[str(head)]:
        commands = _on_order(s, order, _head(args), was, "", reason=UNDO)
    decision = _answer(s, reading, "reading_undo", (), commands)
    return replace(decision, unlearn=reading.message)


def _head(args: Facts) -> Head:
    found = args.get("head")
    for head in HEADS:
        if head == found:
            return head
    raise InvalidInput(field="head", found=str(found)[:40], allowed=" / ".join(HEADS))


def _label(s: Situation, head: Head, words: str) -> tuple[str, str]:
    if head == "fault_type" and words != "none":
        return fault_named(words, s.company)
    allowed = (*LABELS[head], NOT_REPORT) if head == "intent" else LABELS[head]
    if words not in allowed:
        raise InvalidInput(field=head, found=words[:40], allowed=" / ".join(allowed))
    return words, ""


def said(s: Situation, reading: Reading, head: Head, now: str) -> Correction:
    """What a colleague says of one answer of a reading."""
    return Correction(
        message=reading.message,
        head=head,
        was=reading.label(head),
        now=now,
        text=reading.text,
        by=s.by.id,
        at=s.now,
        order_id=reading.order_id,
        model=reading.model,
        source="review",
    )


def _opened(s: Situation, reading: Reading) -> WorkOrder | None:
    """The open work order that this very message opened."""
    order = s.named
    if order is None or not order.open or order.opener is None:
        return None
    return order if order.opener.message == reading.message else None


def _on_order(
    s: Situation, order: WorkOrder, head: Head, label: str, subtype: str, reason: str = REASON
) -> tuple[c.Command, ...]:
    if head == "fault_type" and label not in {order.fault_type, "none"}:
        facts = {"fault_type": label, "subtype": subtype}
        return (c.Correct(s.by, s.origin, order.id, facts=facts, reason=reason),)
    if head == "priority" and label != order.priority:
        return (c.ChangePriority(s.by, s.origin, order.id, priority=label, reason=reason),)
    return ()


Outcome = Literal["reading_correct", "reading_confirm", "reading_undo"]


def _answer(
    s: Situation,
    reading: Reading,
    outcome: Outcome,
    lessons: tuple[Correction, ...],
    commands: Sequence[c.Command] = (),
    **facts: object,
) -> Decision:
    return Decision(
        outcome,
        commands=tuple(commands),
        replies=(s.reply("done", what=outcome, **facts),),
        lessons=lessons,
        order_id=reading.order_id,
    )


_PRESSES: dict[str, Callable[[Situation, Reading, Facts], Decision]] = {
    "reading_correct": _correct,
    "reading_confirm": _confirm,
    "reading_undo": _undo,
}
