"""报修: a report opens one work order, joins the one that is open already, or adds to one's own.

Which of these it is, is decided by :mod:`workflow.joining`; here the answer becomes commands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bots import cases, knowledge, precheck
from bots.situation import OPENED, Decision, Situation, distinct
from workflow import commands as c
from workflow import joining
from workflow.events import SYSTEM
from workflow.joining.families import devices
from workflow.joining.places import folded
from workflow.records import Dialogue, Media, Reply, media_of
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

_AGAIN = re.compile(r"又|还是|再次|仍然|仍旧|没修好|没修|复发|老样子")


UNHEARD = "语音待人工：请听原声"
_PLANNED = frozenset({"follow_up", "maintenance"})
_GOES_ON = re.compile(r"好像|而且|并且|同时|现在|[还也又](?!有?[一1两])")


def hear(s: Situation) -> Decision:
    """A message that tells of a fault."""
    found = precheck.details(s, early_media(s))
    known = _incidents(distinct((*s.mine, *s.candidates)))
    waiting = [order for order in known if order.open]
    same = joining.best(found, s.inbound.sent_at, waiting, s.policy, s.judge)
    if same is not None and same.same:
        order = next(o for o in known if o.id == same.order_id)
        return _same(s, found, order, same)
    own = _meant(s, found)
    if own is not None:
        return own
    before = joining.recurrence(found, s.inbound.sent_at, _finished(known), s.policy)
    if before is not None and _waits(s, before):
        return _return(s, before)
    return _open(s, found, before)


def _finished(orders: Sequence[WorkOrder]) -> list[WorkOrder]:
    """What can break again: closed work, and done work that is not signed yet."""
    return [
        order
        if not order.open
        else replace(order, outcome="completed", closed_at=order.completed_at)
        for order in orders
        if not order.open or order.state == State.AWAITING_ACCEPTANCE
    ]


def _waits(s: Situation, order: WorkOrder) -> bool:
    """Whether it is the sender's own and only waits for their signature."""
    return order.state == State.AWAITING_ACCEPTANCE and _reported_here(s, order)


def _same(s: Situation, found: c.Details, order: WorkOrder, why: joining.JoinDecision) -> Decision:
    """The incident is known: one's own report goes on, another's joins."""
    if _waits(s, order):
        return _return(s, order)
    if _reported_here(s, order):
        return add_info(s, order)
    join = c.Join(s.by, s.origin, order.id, details=found, reason=why.reason, score=why.score)
    commands = (join, *_confirmed(s, order))
    return Decision("joined", commands, order_id=order.id, dialogue=s.asking(None, order.id))


def _reported_here(s: Situation, order: WorkOrder) -> bool:
    inbound = s.inbound
    here = (inbound.channel, inbound.chat, inbound.sender)
    return any((r.place.channel, r.place.chat, r.sender) == here for r in order.reporters)


def _meant(s: Situation, found: c.Details) -> Decision | None:
    """「又坏了」「声音还很大」: words that say too little to be a fault of their own."""
    if found.priority == "P0" or s.understanding.first("location") is not None:
        return None
    if found.symptom and found.fault_type not in precheck.VAGUE:
        return _going_on(s)
    mine = _incidents(s.open_mine)
    waiting = [o for o in mine if o.state == State.AWAITING_ACCEPTANCE]
    again = bool(_AGAIN.search(s.text))
    if again and len(waiting) == 1:
        return _return(s, waiting[0])
    recent = _recent(s)
    if recent:
        return add_info(s, recent[0])
    if again and mine:
        return add_info(s, mine[0])
    last = next((o for o in s.mine if not o.open), None)
    return _open(s, _as_before(found, last), last) if again and last else None


def _going_on(s: Situation) -> Decision | None:
    """「好像还在滴水」「门口有狗」 soon after a report: they name nothing else."""
    named = s.understanding.first("device") is not None or devices(folded(s.text))
    wrong = precheck.sounds_broken(s.text) and not _GOES_ON.match(s.text)
    recent = _recent(s)
    return add_info(s, recent[0]) if recent and not (named or wrong) else None


def _recent(s: Situation) -> list[WorkOrder]:
    """The sender's own that were reported a little while ago, or that this thread is about."""
    window = s.policy.intake.follow_text_window
    mine = _incidents(s.open_mine)
    return [
        o for o in mine if is_thread_of(s, o) or (o.opened_at and s.now - o.opened_at <= window)
    ]


def is_thread_of(s: Situation, order: WorkOrder) -> bool:
    """Whether the message was written in the thread that reported this work order."""
    return s.inbound.place.threaded and any(r.place == s.inbound.place for r in order.reporters)


def _incidents(orders: Sequence[WorkOrder]) -> list[WorkOrder]:
    """What broke, without the visits we planned ourselves: a new fault is no part of those. Nor is
    it of a surge's parent; its own children it may well be.
    """
    return [
        o for o in orders if o.surge is None and not any(link in _PLANNED for link, _ in o.links)
    ]


def _as_before(found: c.Details, last: WorkOrder) -> c.Details:
    """What 「又坏了」 leaves unsaid is as it was."""
    unsaid = ("place", "region", "device", "serial", "phone", "contact", "asset_id")
    before = {name: getattr(last, name) for name in unsaid if not getattr(found, name)}
    fault = last.fault_type if found.fault_type in precheck.VAGUE else found.fault_type
    return replace(found, **before, fault_type=fault, symptom=found.symptom or found.text)


def _return(s: Situation, order: WorkOrder) -> Decision:
    command = c.ReturnWork(s.by, s.origin, order.id, reason=s.text or "又坏了")
    return Decision("return_work", (command,), order_id=order.id)


def doubtful(s: Situation) -> Decision:
    """What may be danger though it does not sound like a report: a person looks at once."""
    found = precheck.details(s)
    urgent = found if found.priority == "P0" else replace(found, priority="P1")
    return _open(s, urgent, None, doubtful=True)


def unheard(s: Situation) -> Decision:
    """A voice clip that nothing could put into words: the number at once, and a person listens."""
    found = precheck.details(s, early_media(s))
    urgent = replace(found, text=UNHEARD, symptom=UNHEARD, priority="P1")
    return _open(s, urgent, None, doubtful=True)


def _open(
    s: Situation, found: c.Details, before: WorkOrder | None, *, doubtful: bool = False
) -> Decision:
    """One work order for the whole message; what is missing or doubtful is settled afterwards."""
    missing = precheck.missing(found, s.policy.intake)
    unsure = bool({"intent", "fault_type"} & s.understanding.abstained)
    known_by_asset = s.asset is not None and "intent" not in s.understanding.abstained
    calm = found.priority != "P0" and before is None and not known_by_asset
    triage = doubtful or (unsure and calm)
    report = c.Report(
        s.by,
        s.origin,
        found,
        missing=missing,
        triage=triage,
        link=("recurrence", before.id) if before else None,
        article=None if before or doubtful or _parts(s) else knowledge.offered(s, found),
        repairs=knowledge.before(s, found),
    )
    dialogue, replies = _next_question(s, missing, _parts(s), OPENED)
    doubt = (cases.opened(s, "triage", found, missing, OPENED),) if triage else ()
    outcome = "opened: triage" if triage else "opened: recurrence" if before else "opened"
    return Decision(outcome, (report,), replies, dialogue, doubt, order_id=OPENED)


def _parts(s: Situation) -> list[list[str]]:
    return [[part.text, part.fault_type] for part in s.understanding.parts]


def _next_question(
    s: Situation, missing: tuple[str, ...], parts: list[list[str]], order_id: str
) -> tuple[Dialogue, tuple[Reply, ...]]:
    """One thing at a time: what is missing first (the order's own notice asks for it), then
    whether to split.
    """
    if missing:
        return s.asking(missing[0], order_id, parts=parts), ()
    if len(parts) < 2:  # noqa: PLR2004  # nothing to split
        return s.asking(None, order_id), ()
    listed = [{"text": text, "fault_type": fault} for text, fault in parts]
    offer = replace(s.reply("offer_split", parts=listed), order_id=order_id)
    return s.asking("split", order_id, parts=parts), (offer,)


def fill(s: Situation, order: WorkOrder, answer: precheck.Answer) -> Decision:
    """An answer goes where it belongs; then the next question, if any."""
    told = c.AddInfo(
        s.by,
        s.origin,
        order.id,
        text=s.text,
        media=s.inbound.media,
        slots=answer.slots,
        missing=answer.remaining,
    )
    kept = s.dialogue.context.get("parts") if s.dialogue else None
    parts = [[str(x) for x in pair] for pair in kept] if isinstance(kept, list | tuple) else []
    dialogue, replies = _next_question(s, answer.remaining, parts, order.id)
    commands = (told, *_raised(s, order), *_confirmed(s, order))
    return Decision("answered_question", commands, replies, dialogue, order_id=order.id)


def add_info(s: Situation, order: WorkOrder) -> Decision:
    """More words or pictures for a work order of one's own."""
    answer = precheck.answer(s, order, None)
    slots = answer.slots if order.missing or precheck.corrects(s.text) else {}
    told = c.AddInfo(
        s.by,
        s.origin,
        order.id,
        text=s.text,
        media=s.inbound.media,
        slots=slots,
        missing=answer.remaining if slots and order.missing else None,
    )
    asking = answer.remaining[0] if order.missing and answer.remaining else None
    dialogue = s.asking(asking, order.id)
    if s.dialogue is not None and s.dialogue.asking == asking:
        dialogue = replace(s.dialogue, order_id=order.id, updated_at=s.now)
    commands = (told, *_raised(s, order), *_confirmed(s, order))
    return Decision("added_info", commands, dialogue=dialogue, order_id=order.id)


def _raised(s: Situation, order: WorkOrder) -> Sequence[c.Command]:
    """Danger in a later message makes the work order an emergency at once."""
    heard = s.understanding
    grave = heard.priority.label == "P0" and "priority" not in heard.abstained
    if not grave or order.priority == "P0" or not order.open:
        return ()
    raised = c.ChangePriority(
        SYSTEM, s.origin, order.id, priority="P0", reason=f"客户补充：{s.text[:200]}"
    )
    return (raised,)


def _confirmed(s: Situation, order: WorkOrder) -> Sequence[c.Command]:
    """A clear emergency settles a doubt at once; nobody has to look first."""
    if order.sub != Sub.TRIAGE or s.understanding.priority.label != "P0":
        return ()
    if not precheck.tells_fault(s.understanding) or "priority" in s.understanding.abstained:
        return ()
    fault = precheck.fault_type(s)
    return (c.Triage(SYSTEM, s.origin, order.id, confirm=True, fault_type=fault),)


def is_another(s: Situation, order: WorkOrder, asked: str | None) -> bool:
    """Whether a message is a report of its own rather than an answer about ``order``."""
    heard = s.understanding
    if heard.intent.label != "report" or "intent" in heard.abstained:
        return False
    fault = precheck.fault_type(s)
    clear = "fault_type" not in heard.abstained and fault not in precheck.VAGUE
    differs = order.fault_type not in precheck.VAGUE and fault != order.fault_type
    if heard.priority.label == "P0" and order.priority != "P0" and differs:
        return True
    if asked == "symptom" or precheck.corrects(s.text):
        return False
    return (clear and differs) or _apart(s, order)


def _apart(s: Situation, order: WorkOrder) -> bool:
    """Whether a fault is told that this work order contradicts: another room, device, symptom."""
    found = precheck.details(s)
    why = joining.same_incident(found, s.inbound.sent_at, order, s.policy).reason
    return bool(found.symptom) and (why.startswith("other_") or why == "recurrence")


def early_media(s: Situation) -> tuple[Media, ...]:
    """Pictures that came before the words, when we had asked what is broken."""
    dialogue = s.asked("report")
    return media_of(dialogue.context.get("media")) if dialogue is not None else ()
