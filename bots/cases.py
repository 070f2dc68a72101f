"""What people decide themselves: doubtful messages, complaints, messages that could not be read.

A case keeps the report it would have been, so that opening it later loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from bots.lessons import of_case
from bots.situation import OPENED, Decision, Situation
from workflow import commands as c
from workflow.errors import InvalidInput, StaleTicket, UnknownTicket
from workflow.kept import Case
from workflow.learning import LABELS, NOT_REPORT, Correction, Head
from workflow.records import Action, Dialogue, Facts, Reply, media_of
from workflow.states import Sub
from workflow.taxonomy import FAULT_TYPES

_QUOTED, _LISTED = 16, 5


def opened(
    s: Situation,
    kind: Literal["triage", "complaint"],
    details: c.Details,
    missing: tuple[str, ...] = (),
    order_id: str = "",
) -> Case:
    """A case about this message; its id is given when it is stored."""
    inbound = s.inbound
    return Case(
        id="",
        kind=kind,
        at=s.now,
        place=inbound.place,
        sender=inbound.sender,
        sender_name=s.by.name,
        text=s.text or details.text,
        customer_id=s.customer.id if s.customer else "",
        order_id=order_id,
        understanding=details.understanding,
        inbound={
            "message": inbound.dedupe_key,
            "sent_at": inbound.sent_at.isoformat(),
            "details": details.facts(),
            "missing": list(missing),
        },
    )


def press(s: Situation, action: Action) -> Decision:
    """A supervisor's decision on a case.

    Raises:
        UnknownTicket: no such case.
        StaleTicket: somebody decided it already.
        InvalidInput: the decision does not fit this kind of case.
    """
    case = s.case
    if case is None:
        raise UnknownTicket(ref=action.order)
    if case.state == "decided":
        holder = s.company.staff.get(case.decided_by)
        name = holder.name if holder else case.decided_by
        mine = case.decided_by == s.by.id
        raise StaleTicket(by=name, at=case.decided_at, state=case.decision, mine=mine)
    decide = _DECISIONS.get(action.do)
    if decide is None:
        raise InvalidInput(field="do", found=action.do, allowed=" / ".join(sorted(_DECISIONS)))
    return decide(s, case, action.args)


def _decided(s: Situation, case: Case, decision: str, **more: object) -> Decision:
    done = replace(case, state="decided", decision=decision, decided_by=s.by.id, decided_at=s.now)
    facts = {"case": case.id, "kind": case.kind, "decision": decision, "by": s.by.name, **more}
    reply = replace(s.reply("case_decided", **facts), order_id=case.order_id or None)
    return Decision(
        outcome=decision,
        cases=(done,),
        replies=(reply,),
        order_id=case.order_id,
    )


def _confirm(s: Situation, case: Case, args: Facts) -> Decision:
    """Yes, it is a report; with corrections if any. Without a work order yet, open one."""
    if not case.order_id:
        return _open(s, case, args)
    if _settled(s):
        return _decided(s, case, "case_confirm")
    report = (of_case(s, case, "intent", "report"),)
    command = c.Triage(
        s.by,
        s.origin,
        case.order_id,
        confirm=True,
        fault_type=_fault_type(args),
        priority=str(args.get("priority") or ""),
    )
    return replace(_decided(s, case, "case_confirm"), commands=(command,), lessons=report)


def _settled(s: Situation) -> bool:
    """Whether the work order in doubt went on without us: cancelled, or clear by now."""
    return s.named is not None and s.named.sub != Sub.TRIAGE


def _dismiss(s: Situation, case: Case, args: Facts) -> Decision:
    reason = str(args.get("reason") or args.get("text") or "").strip()
    decision = _decided(s, case, "case_dismiss", reason=reason)
    if case.kind != "triage" or not case.order_id or _settled(s):
        return decision
    command = c.Triage(s.by, s.origin, case.order_id, confirm=False, reason=reason)
    return replace(decision, commands=(command,))


def _not_report(s: Situation, case: Case, args: Facts) -> Decision:
    """It was never a report: nothing is done about it, and we hear better next time. ``intent``
    says what it was, if somebody says.
    """
    intent = str(args.get("intent") or NOT_REPORT)
    if intent == "report" or intent not in {*LABELS["intent"], NOT_REPORT}:
        allowed = " / ".join(label for label in LABELS["intent"] if label != "report")
        raise InvalidInput(field="intent", found=intent[:40], allowed=allowed)
    decision = _dismiss(s, case, {"reason": str(args.get("reason") or "")})
    return replace(
        _renamed(decision, "case_not_report"), lessons=(of_case(s, case, "intent", intent),)
    )


def _renamed(decision: Decision, name: str) -> Decision:
    """The same decision under another name, in its record and its answer."""
    case = replace(decision.cases[0], decision=name)
    reply = decision.replies[0]
    reply = replace(reply, data={**reply.data, "decision": name})
    return replace(decision, outcome=name, cases=(case,), replies=(reply,))


def _open(s: Situation, case: Case, args: Facts) -> Decision:
    """A work order from the kept report; its reporter is told the number as if just opened."""
    kept = case.inbound.get("details")
    raw = c.Details(case.text, media=media_of(case.inbound.get("media")))
    details = c.Details.of(kept) if isinstance(kept, dict) else raw
    details = replace(
        details,
        fault_type=_fault_type(args) or details.fault_type,
        priority=str(args.get("priority") or details.priority),
        customer_id=details.customer_id or case.customer_id,
    )
    if details.fault_type == "none":
        details = replace(details, fault_type="other")
    listed = case.inbound.get("missing")
    missing = tuple(map(str, listed)) if isinstance(listed, list) else ()
    missing = () if details.priority == "P0" else missing
    origin = c.Origin(
        place=case.place,
        sender=case.sender,
        sender_name=case.sender_name,
        message=str(case.inbound.get("message") or f"case:{case.id}"),
        sent_at=case.at,
    )
    command = c.Report(s.by, origin, details, missing=missing)
    decision = _decided(s, case, "case_open_order")
    answer = replace(decision.replies[0], order_id=OPENED)
    return replace(
        decision,
        commands=(command,),
        cases=(replace(decision.cases[0], order_id=case.order_id or OPENED),),
        replies=(answer,),
        dialogue=_expecting(s, case, missing),
        order_id=OPENED,
        lessons=tuple(_taught(s, case, details)),
    )


def _taught(s: Situation, case: Case, details: c.Details) -> Iterator[Correction]:
    """A message that was opened is a report; and what was chosen with it is what it is."""
    if not case.understanding:
        return
    yield of_case(s, case, "intent", "report")
    chosen: tuple[tuple[Head, str], ...] = (
        ("fault_type", details.fault_type),
        ("priority", details.priority),
    )
    for head, label in chosen:
        kept = case.inbound.get("details")
        before = str(kept.get(head) or "") if isinstance(kept, dict) else ""
        if before and before not in {label, "none"}:
            yield of_case(s, case, head, label, before)


def _expecting(s: Situation, case: Case, missing: tuple[str, ...]) -> Dialogue:
    """From here on the reporter's next words may answer what is missing."""
    return Dialogue(
        tenant=s.inbound.tenant,
        channel=case.place.channel,
        chat=case.place.chat,
        sender=case.sender,
        asking=missing[0] if missing else None,
        order_id=OPENED,
        updated_at=s.now,
    )


def _apologise(s: Situation, case: Case, args: Facts) -> Decision:
    """Say sorry to whoever complained, in the supervisor's own words if there are any."""
    decision = _decided(s, case, "case_apologise")
    words = str(args.get("text") or args.get("reason") or "").strip()
    answer = Reply(
        to=case.place,
        code="case_decided",
        data={"kind": case.kind, "decision": "case_apologise", "by": s.by.name, "text": words},
        order_id=case.order_id or None,
        person=case.customer_id or None,
        role="customer",
        mentions=(case.sender,) if case.place.kind == "group" else (),
        locale=s.company.locale,
    )
    return replace(decision, replies=(*decision.replies, answer))


def _fault_type(args: Facts) -> str:
    found = str(args.get("fault_type") or "")
    if found and found not in FAULT_TYPES:
        raise InvalidInput(field="fault_type", found=found, allowed=", ".join(FAULT_TYPES))
    return found


_DECISIONS: dict[str, Callable[[Situation, Case, Facts], Decision]] = {
    "case_confirm": _confirm,
    "case_dismiss": _dismiss,
    "case_not_report": _not_report,
    "case_open_order": _open,
    "case_apologise": _apologise,
}


def meant(s: Situation, words: str) -> Case:
    """The waiting message that 「不是报修」 is about: of this work order, the one with these words,
    or the only one there is.

    Raises:
        InvalidInput: there is none, or several; ``allowed`` quotes them.
    """
    waiting = [case for case in s.waiting_cases if case.kind != "complaint"]
    fitting = waiting
    if s.named is not None:
        fitting = [case for case in waiting if case.order_id == s.named.id]
    elif words:
        fitting = [case for case in waiting if words in case.text]
    if len(fitting) != 1:
        quoted = " / ".join(case.text[:_QUOTED] for case in (fitting or waiting)[:_LISTED])
        raise InvalidInput(field="case", found=words[:40], allowed=quoted or "none waiting")
    return fitting[0]
