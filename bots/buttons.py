"""Carrying out an action on a work order: pressed on a card, typed as a command, or answered.

Refusals are raised as :class:`~workflow.errors.PaidanError`; the presser is told by
:mod:`bots.refusals`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bots import cases, knowledge, lessons
from bots.acts import Act
from bots.rights import may
from bots.situation import OPENED, Decision, Situation
from workflow import commands as c
from workflow.errors import IllegalMove, InvalidInput, UnknownTicket
from workflow.events import SYSTEM
from workflow.records import Action, Facts
from workflow.states import move
from workflow.taxonomy import FAULT_TYPES
from workflow.work_order import WorkOrder

MAX_PARTS = 5
MAX_PART = 500


def press(s: Situation) -> Decision:
    """A button of a card.

    Raises:
        PaidanError: not allowed, stale, unknown, or an argument is missing.
    """
    action = s.inbound.action
    if action is None:
        raise InvalidInput(field="action", found="", allowed="a button")
    if action.do in {"case_helped", "case_unhelped"}:
        return knowledge.press(s, action)
    if action.do.startswith("case_"):
        may(s.identity, action.do, None, s.company)
        return cases.press(s, action)
    if action.do.startswith("reading_"):
        may(s.identity, action.do, None, s.company)
        return lessons.press(s, action)
    if action.do == "retry_notice":
        may(s.identity, action.do, None, s.company)
        return _retry(s, action.args.get("notice", action.order))
    if s.named is None:
        raise UnknownTicket(ref=action.order)
    args = {**_remembered(s, action), **action.args}
    decision = carry_out(
        s, action.do, s.named, args, expect=action.expect, generation=action.generation
    )
    silent = s.staff is not None and decision.outcome == action.do
    return replace(decision, replies=()) if silent else decision


def _remembered(s: Situation, action: Action) -> Facts:
    """What was to be done, when the press answers 「哪一张？」."""
    dialogue = s.asked("which")
    if dialogue is None or dialogue.context.get("do") != action.do:
        return {}
    choices, args = dialogue.context.get("choices"), dialogue.context.get("args")
    offered = isinstance(choices, list | tuple) and action.order in choices
    return args if offered and isinstance(args, dict) else {}


def carry_out(
    s: Situation,
    do: str,
    order: WorkOrder,
    args: Facts,
    *,
    expect: str | None = None,
    generation: int | None = None,
) -> Decision:
    """Do this to this work order, if the sender may.

    Raises:
        PaidanError: not allowed, illegal from here, or an argument is missing.
    """
    may(s.identity, do, order, s.company)
    if do == "advise":
        return knowledge.suggest(s, order)
    special = _CUSTOMER.get(do) if s.staff is None else None
    if special is not None:
        return special(s, order, args)
    act = Act(
        do=do,
        order=order,
        by=s.by,
        origin=s.origin,
        company=s.company,
        policy=s.policy,
        args=args,
        media=s.inbound.media,
        expect=expect,
        generation=generation,
    )
    said = s.reply("done", order, what="note" if do == "answer" else do, name=s.by.name)
    return Decision(
        outcome=do,
        commands=(act.command(),),
        replies=(said,) if s.staff is not None else (),
        order_id=order.id,
    )


def _retry(s: Situation, found: object) -> Decision:
    text = str(found)
    if not (text.isascii() and text.isdigit()):
        raise InvalidInput(field="notice", found=text[:40], allowed="a notice's number")
    reply = s.reply("done", what="retry_notice", notice=int(text))
    return Decision(outcome="retry_notice", retry=int(text), replies=(reply,))


def _ask_cancel(s: Situation, order: WorkOrder, _args: Facts) -> Decision:
    """Cancelling takes one confirmation."""
    move("cancel", order.state, order.sub)
    return Decision(
        outcome="asked: confirm_cancel",
        replies=(s.reply("confirm_cancel", order),),
        dialogue=s.asking("cancel", order.id),
        order_id=order.id,
    )


def _cancel(s: Situation, order: WorkOrder, _args: Facts) -> Decision:
    """Others who reported the same still need the work: then it goes on."""
    others = {r.customer_id or r.sender for r in order.reporters} - s.oneself
    words = s.said or "不用来了"
    if others:
        told = c.AddInfo(s.by, s.origin, order.id, text=words)
        reply = s.reply("kept", order, others=len(others))
        return Decision("kept: others", (told,), (reply,), s.asking(None), order_id=order.id)
    command = c.Cancel(s.by, s.origin, order.id, reason=words)
    return Decision("cancel", (command,), (), s.asking(None), order_id=order.id)


def _keep(s: Situation, order: WorkOrder, _args: Facts) -> Decision:
    reply = s.reply("kept", order)
    return Decision("kept", replies=(reply,), dialogue=s.asking(None), order_id=order.id)


def _nudge(s: Situation, order: WorkOrder, args: Facts) -> Decision:
    words = str(args.get("text") or s.said)
    command = c.Nudge(s.by, s.origin, order.id, text=words)
    return Decision("nudge", (command,), (s.reply("nudged", order),), order_id=order.id)


def _split(s: Situation, order: WorkOrder, args: Facts) -> Decision:
    """Each further fault becomes a work order of its own, once; the first keeps its own type."""
    _once(s, order, "split")
    ours = s.dialogue is not None and s.dialogue.order_id == order.id
    remembered = s.dialogue.context.get("parts") if ours and s.dialogue else None
    parts = _parts(remembered) or _parts(args.get("parts"))
    if not order.open or len(parts) < 2:  # noqa: PLR2004  # nothing to take apart
        raise InvalidInput(field="parts", found="", allowed="two faults")
    first, *others = parts
    commands: list[c.Command] = [
        c.Report(
            s.by,
            replace(s.origin, message=f"{s.origin.message}#{n}"),
            _like(order, text, fault),
            link=("split", order.id),
        )
        for n, (text, fault) in enumerate(others, 2)
    ]
    if order.fault_type != first[1]:
        facts = {"fault_type": first[1]}
        commands.append(c.Correct(SYSTEM, s.origin, order.id, facts=facts, reason="split"))
    return Decision("split", tuple(commands), dialogue=s.asking(None), order_id=order.id)


def _once(s: Situation, order: WorkOrder, relation: str) -> None:
    """A second press of the same button opens nothing more."""
    if any(o.open and (relation, order.id) in o.links for o in s.mine):
        raise IllegalMove(move=relation, state=str(order.state), missing="", already=True)


def _parts(found: object) -> list[tuple[str, str]]:
    """Pairs of words and fault type; a card's own claims are not trusted beyond that."""
    if not isinstance(found, list | tuple):
        return []
    pairs = [p for p in found if isinstance(p, list | tuple) and len(p) == 2]  # noqa: PLR2004
    return [
        (str(text)[:MAX_PART], str(fault) if fault in FAULT_TYPES else "other")
        for text, fault in pairs[:MAX_PARTS]
    ]


def _like(order: WorkOrder, text: str, fault_type: str) -> c.Details:
    """Another fault at the same place, of the same people, no less urgent."""
    return c.Details(
        text=text,
        fault_type=fault_type,
        priority=order.priority,
        emotion=order.emotion,
        symptom=text,
        place=order.place,
        region=order.region,
        phone=order.phone,
        contact=order.contact,
        customer_id=order.customer_id,
    )


def _keep_together(s: Situation, order: WorkOrder, _args: Facts) -> Decision:
    reply = s.reply("split_kept", order)
    return Decision("split_kept", replies=(reply,), dialogue=s.asking(None), order_id=order.id)


def _book_maintenance(s: Situation, order: WorkOrder, args: Facts) -> Decision:
    """The next visit, prefilled from the last."""
    _once(s, order, "maintenance")
    when = str(args.get("text") or args.get("when") or "").strip()
    details = replace(
        _like(order, f"预约保养 {order.device or order.number} {when}".strip(), order.fault_type),
        priority="P2",
        emotion=1,
        symptom="预约保养",
        device=order.device,
        serial=order.serial,
        asset_id=order.asset_id,
        when=when,
    )
    command = c.Report(s.by, s.origin, details, link=("maintenance", order.id))
    return Decision("book_maintenance", (command,), order_id=OPENED)


_CUSTOMER: dict[str, Callable[[Situation, WorkOrder, Facts], Decision]] = {
    "cancel": _ask_cancel,
    "confirm_cancel": _cancel,
    "keep": _keep,
    "nudge": _nudge,
    "split": _split,
    "keep_together": _keep_together,
    "book_maintenance": _book_maintenance,
    "self_solve": knowledge.solve,
    "self_unsolved": knowledge.unsolved,
}
"""What a customer's press means beyond a plain command."""
