"""知识: what the house knows, told to whoever asks, and offered to whoever may help themselves."""

from __future__ import annotations

import re
from dataclasses import replace

from bots import cases, precheck
from bots.situation import NEW_CASE, Decision, Situation
from workflow import commands as c
from workflow.commands import Details
from workflow.errors import InvalidInput, NotAllowed, StaleTicket, UnknownTicket
from workflow.knowledge import Advice, Found, Question, Spread, advise, question_about, wordings
from workflow.records import Action, Facts
from workflow.work_order import WorkOrder

SOLVED = "case_solved"
"""The decision on a question whose asker says that the article helped."""
_SHOWN = 3
_ON_CARD = 2
ADVISING = 8
"""So many like repairs advise."""
_ASIDE = frozenset({"phone", "location", "name", "time", "serial"})
_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,4}-?\d{1,6}(?![A-Za-z0-9])")
_POLITE = re.compile(r"你好|您好|请问一?下?|麻烦|谢谢|师傅|帮我?看?一?下|一下|想问|咨询")


def about(s: Situation) -> Question:
    """What a message asks, without who, where and when.

    Whatever has the shape of an alarm code counts as one: an article about another code must not be
    offered because the reader overlooked it.
    """
    heard = s.understanding
    text = heard.text or s.said
    for entity in sorted(heard.entities, key=lambda e: -e.start):
        if entity.kind in _ASIDE:
            text = f"{text[: entity.start]} {text[entity.end :]}"
    sure = "fault_type" not in heard.abstained
    return Question(
        text=_POLITE.sub(" ", text).strip(),
        fault_type=precheck.fault_type(s) if sure or s.asset else "",
        codes=tuple(dict.fromkeys((*heard.values("error_code"), *_CODE.findall(text)))),
        asset_id=s.asset.id if s.asset else "",
    )


def fitting(s: Situation) -> Found | None:
    """The article that answers a customer well enough to be offered unasked."""
    if s.knows is None or not s.policy.self_service:
        return None
    found = s.knows.articles(s.inbound.tenant, about(s), limit=5)
    return next((f for f in found if f.sure and f.article.self_service), None)


def offered(s: Situation, found: Details) -> Facts | None:
    """The article that the reporter of a P2 may try first; what it takes part in is on record."""
    article = fitting(s) if found.priority == "P2" else None
    return article.article.facts() if article else None


def before(s: Situation, found: Details) -> tuple[Facts, ...]:
    """How the like was fixed before, for whoever goes there."""
    if s.knows is None:
        return ()
    question = replace(about(s), fault_type=found.fault_type, asset_id=found.asset_id)
    repairs = s.knows.repairs(s.inbound.tenant, question, _ON_CARD)
    return tuple(repair.facts() for repair in repairs)


# --- a customer's question --------------------------------------------------------------------


def answer(s: Situation) -> Decision | None:
    """A question that an article answers. It waits for a person all the same, until the asker says
    that it is solved.
    """
    found = fitting(s)
    if found is None:
        return None
    case = cases.opened(s, "triage", precheck.details(s))
    reply = s.reply("article", **found.article.facts(), case=NEW_CASE)
    return Decision(
        "answered: article",
        replies=(reply,),
        cases=(case,),
        dialogue=s.asking("article", case=NEW_CASE),
        offered=found.article,
    )


def bare_code(s: Situation) -> bool:
    """Whether a message is an error code and nothing else: somebody looks it up."""
    kinds = {entity.kind for entity in s.understanding.entities}
    return kinds == {"error_code"} and precheck.bare(s.understanding)


def press(s: Situation, action: Action) -> Decision:
    """The asker's word on the answer to a question.

    Raises:
        UnknownTicket: no such question.
        NotAllowed: somebody else asked.
        StaleTicket: a colleague has seen to it already.
    """
    case = s.case
    if case is None:
        raise UnknownTicket(ref=action.order)
    here = (case.place.channel, case.place.chat, case.sender)
    if here != (s.inbound.channel, s.inbound.chat, s.inbound.sender):
        raise NotAllowed(needs="customer")
    if case.state == "decided":
        holder = s.company.staff.get(case.decided_by)
        name = holder.name if holder else case.sender_name
        raise StaleTicket(by=name, at=case.decided_at, state=case.decision, mine=False)
    if action.do == "case_helped":
        done = replace(case, state="decided", decision=SOLVED, decided_at=s.now)
        done = replace(done, decided_by=case.customer_id)
        reply = s.reply("article_helped")
        return Decision(SOLVED, replies=(reply,), cases=(done,), dialogue=s.asking(None))
    return Decision(
        "case_unhelped",
        replies=(s.reply("article_unhelped"),),
        dialogue=s.asking(None),
        unhelped=case.id,
    )


def said(s: Situation, do: str) -> Decision | None:
    """「解决了」「还是不行」 in words, to the answer of a question."""
    dialogue = s.asked("article")
    if dialogue is None or s.case is None:
        return None
    wanted = {"self_solve": "case_helped", "self_unsolved": "case_unhelped"}
    return press(s, Action(wanted[do], s.case.id)) if do in wanted else None


# --- a customer's work order ------------------------------------------------------------------


def solve(s: Situation, order: WorkOrder, _args: Facts) -> Decision:
    """解决了. Others who reported the same may still need the work: then it goes on."""
    others = {r.customer_id or r.sender for r in order.reporters} - s.oneself
    if others and order.tried is not None:
        told = c.AddInfo(s.by, s.origin, order.id, text=s.said or "解决了")
        reply = s.reply("kept", order, others=len(others))
        return Decision("kept: others", (told,), (reply,), s.asking(None), order_id=order.id)
    command = c.SelfSolve(s.by, s.origin, order.id)
    return Decision("self_solve", (command,), (), s.asking(None), order_id=order.id)


def unsolved(s: Situation, order: WorkOrder, _args: Facts) -> Decision:
    """还是不行."""
    command = c.SelfUnsolved(s.by, s.origin, order.id)
    return Decision("self_unsolved", (command,), order_id=order.id)


# --- colleagues -------------------------------------------------------------------------------


def look_up(s: Situation, words: str) -> Decision:
    """「知识 E07」: the best article in full, the others by title.

    Raises:
        InvalidInput: nothing was asked.
    """
    if not words:
        raise InvalidInput(field="text", found="", allowed="words")
    codes = tuple(_CODE.findall(words))
    found = s.knows.articles(s.inbound.tenant, Question(words, codes=codes)) if s.knows else ()
    rows = [{"id": f.article.id, **f.article.facts()} for f in found[:_SHOWN]]
    reply = s.reply("knowledge", articles=rows, text=words[:40])
    return Decision("answered: knowledge", replies=(reply,))


def advice(s: Situation, order: WorkOrder) -> Advice:
    """What like repairs of this company advise for a work order."""
    if s.knows is None:
        return Advice()
    return advise(s.knows.repairs(s.inbound.tenant, question_about(order), ADVISING))


def suggest(s: Situation, order: WorkOrder) -> Decision:
    """「建议 7」: parts, wording, time and money, out of like repairs."""
    found = advice(s, order)
    reply = s.reply(
        "advice",
        order,
        repairs=[repair.facts() for repair in found.repairs[:_SHOWN]],
        count=len(found.repairs),
        parts=[list(part) for part in found.parts],
        wordings=list(wordings(repair.resolution for repair in found.repairs[:_SHOWN])),
        minutes=_spread(found.minutes),
        cost=_spread(found.cost),
        can_complete=order.assignee == s.by.id and order.arrived_at is not None,
        generation=order.generation,
    )
    return Decision("answered: advice", replies=(reply,), order_id=order.id)


def _spread(found: Spread | None) -> list[float] | None:
    return [found.low, found.middle, found.high] if found else None
