"""What people decide themselves: doubtful messages, complaints, messages that could not be read.

A case keeps the report it would have been, so that opening it later loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from bots.situation import OPENED, Decision, Situation
from workflow import commands as c
from workflow.errors import InvalidInput, StaleTicket, UnknownTicket
from workflow.kept import Case
from workflow.records import Action, Dialogue, Facts, Reply, media_of
from workflow.states import Sub
from workflow.taxonomy import FAULT_TYPES


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
    command = c.Triage(
        s.by,
        s.origin,
        case.order_id,
        confirm=True,
        fault_type=_fault_type(args),
        priority=str(args.get("priority") or ""),
    )
    return replace(_decided(s, case, "case_confirm"), commands=(command,))


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
    )


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
    "case_open_order": _open,
    "case_apologise": _apologise,
}
