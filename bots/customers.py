"""What a customer's message means: an answer to our question, or one of seven intents.

Reports go to :mod:`bots.reports`; everything else is small enough to live here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta

from bots import cases, finding, knowledge, precheck, reports
from bots import text_commands as commands
from bots.buttons import carry_out
from bots.situation import Decision, Question, Situation, summary
from workflow.errors import IllegalMove, InvalidInput, UnknownTicket
from workflow.records import Facts
from workflow.states import State, move
from workflow.work_order import WorkOrder

MAX_TEXT = 4000
SLOTS = ("phone", "place", "serial", "symptom", "screenshot")

_QUESTION_OF = {
    "confirm_cancel": "cancel",
    "keep": "cancel",
    "split": "split",
    "keep_together": "split",
}
"""Words that only answer a question of ours."""

_YES = re.compile(
    r"(是|是的|对|对的|好|好的|嗯+|确认|确定|可以|行|要|要的|没错|yes|ok|y)[的了吧啊呀。.!！~\s]*",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(不|不是|不用|不要|不了|否|算了|先别|别|别取消|不取消|保留|继续|no|n)[了吧啊呀。.!！~\s]*",
    re.IGNORECASE,
)
_KEEP = re.compile(r"还是(要)?来|来吧|继续|别取消|不取消|先?别撤|还要修|得修")
_APART = re.compile(r"(拆开?|分开|分别|两张|各开|要拆).{0,6}")
_TOGETHER = re.compile(r"(不拆|不分|别拆|一起|合在一起|一张).{0,6}")
_URGING = re.compile(
    r"催|快点|快些|快一点|赶紧|抓紧|怎么还|还没来|还没到|还没人|等了|多久了|急死|加急|速度|马上来"
)
_GREETING = re.compile(
    r"(你好|您好|在吗|在不在|有人吗|早上好|下午好|晚上好|早|hi|hello|喂)+[啊呀吗?？,，。.!！~\s]*",
    re.IGNORECASE,
)
_PERSON = re.compile(r"转?人工|真人|客服|找个人")
_ACK = re.compile(
    r"(好|嗯|哦|行|收到|知道|了解|ok|明白|可以|是|对|谢谢|辛苦|稍等|等一下|等下|马上|没事|不客气|"
    r"[了的吧啊呀哈\W_])+",
    re.IGNORECASE,
)
_PUTS_RIGHT = re.compile(
    r"^\s*(不对|说错|写错|打错|更正|应该是)(?!.*(不用|取消|别来|没坏|好了|误报|虚惊|不需要))"
)
_WITHDRAWS = re.compile(
    r"不用|不需要|不必|别来|甭|取消|撤|算了|误报|虚惊|没事|没有|不是|好了|解决|恢复|正常"
)
_ORDINAL = re.compile(r"第?\s*([一二三四五12345])\s*[个张单]")
_COUNT = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5}


def hear(s: Situation) -> Decision:
    """A customer's message in a direct chat, or addressed to us in a group.

    Raises:
        PaidanError: what was asked for is refused.
    """
    if len(s.said) > MAX_TEXT:
        raise InvalidInput("too_long", field="text", found=len(s.said), allowed=MAX_TEXT)
    for read in (_command, _our_question, _without_words, finding.answer, _answer):
        decision = read(s)
        if decision is not None:
            return decision
    return _by_intent(s)


def _by_intent(s: Situation) -> Decision:
    heard = s.understanding
    intent = heard.intent.label
    emergency = heard.priority.label == "P0" and "priority" not in heard.abstained
    if knowledge.bare_code(s) and not s.open_mine and (told := knowledge.answer(s)) is not None:
        return told
    if precheck.empty(heard):
        return _ask_report(s, again=True)
    unheard = intent in {"question", "complaint", "chitchat"} or not s.open_mine
    if emergency and unheard and intent not in {"report", "cancel", "praise"}:
        return reports.hear(s)
    vague = "intent" in heard.abstained and intent not in {"report", "chitchat"}
    if (vague or intent in {"cancel", "progress"}) and _news(s):
        denied = _WITHDRAWS.search(s.said) and not precheck.sounds_dangerous(s.said)
        return reports.doubtful(s) if precheck.grave(s) and not denied else _doubtful(s)
    if vague:
        return _doubtful(s)
    return _INTENTS.get(intent, _doubtful)(s)


def _news(s: Situation) -> bool:
    """A fault that no work order of the sender's is about: nothing to cancel or ask after."""
    if precheck.sounds_dangerous(s.said):
        return not any(o.priority == "P0" or precheck.sounds_dangerous(o.text) for o in s.mine)
    if not precheck.names_fault(s) or s.named is not None:
        return False
    ours = {precheck.fault_type(s), *precheck.VAGUE}
    if any(order.fault_type in ours for order in s.mine):
        return False
    return precheck.grave(s) or not (s.open_mine or _WITHDRAWS.search(s.said))


# --- commands and answers ---------------------------------------------------------------------


def _command(s: Situation) -> Decision | None:
    spoken = commands.parse(s.said, commands.CUSTOMER_WORDS)
    if spoken is None:
        return None
    if spoken.do == "help":
        return Decision("answered: help", replies=(s.reply("help"),))
    if spoken.do == "status":
        return _progress_of(s, s.named if spoken.ref else None)
    if not spoken.ref and (said := knowledge.said(s, spoken.do)) is not None:
        return said
    if spoken.ref and s.named is None:
        raise UnknownTicket(ref=spoken.ref)
    named = (s.named,) if spoken.ref and s.named is not None else ()
    fitting = named or _meant(s, spoken.do)
    if len(fitting) > 1 and spoken.do not in {"nudge", "undo_join"}:
        return Question(spoken.do, fitting, _args(s, spoken)).ask(s)
    return carry_out(s, spoken.do, fitting[0], _args(s, spoken)) if fitting else None


def _meant(s: Situation, do: str) -> tuple[WorkOrder, ...]:
    """The sender's work orders that a command without a number can be about."""
    question = _QUESTION_OF.get(do)
    if question is None:
        return tuple(order for order in s.mine if _fits(order, do))
    dialogue = s.asked(question)
    return tuple(o for o in s.open_mine if dialogue is not None and o.id == dialogue.order_id)


def _args(s: Situation, spoken: commands.Spoken) -> Facts:
    args = commands.args(spoken)
    if spoken.do == "return_work" and not args.get("reason"):
        return {"reason": s.said}
    return args


def _fits(order: WorkOrder, do: str) -> bool:
    if do == "book_maintenance":
        return order.state == State.CLOSED
    if do == "rate" and order.rating:
        return False
    if do in {"self_solve", "self_unsolved"}:
        return order.tried is not None
    if do not in {"sign", "return_work", "rate", "cancel"}:
        return order.open
    try:
        move(do, order.state, order.sub)
    except IllegalMove:
        return False
    return True


def _our_question(s: Situation) -> Decision | None:
    """A yes, no or number in answer to a decision we asked for."""
    dialogue = s.asked("cancel", "split", "which")
    if dialogue is None:
        return None
    if dialogue.asking == "which":
        return _which(s, dialogue.context)
    order = next((o for o in s.mine if o.id == dialogue.order_id), None)
    if order is None:
        return None
    yes, no = (
        ("confirm_cancel", "keep") if dialogue.asking == "cancel" else ("split", "keep_together")
    )
    text = s.said.strip()
    agreed = _YES.fullmatch(text) or (dialogue.asking == "split" and _APART.fullmatch(text))
    insists = dialogue.asking == "cancel" and s.understanding.intent.label == "cancel"
    against = _TOGETHER.fullmatch(text) if dialogue.asking == "split" else _KEEP.search(text)
    if against or _NO.fullmatch(text):
        return carry_out(s, no, order, {})
    if agreed or insists:
        return carry_out(s, yes, order, {})
    return None


def _which(s: Situation, context: Facts) -> Decision | None:
    choices = context.get("choices")
    ids = [str(c) for c in choices] if isinstance(choices, list | tuple) else []
    offered = [order for wanted in ids for order in s.mine if order.id == wanted]
    order = _chosen(s, offered)
    if order is None:
        return None
    args = context.get("args")
    do = str(context.get("do", ""))
    if do == "status":
        return _progress_of(s, order)
    return carry_out(s, do, order, args if isinstance(args, dict) else {})


def _chosen(s: Situation, offered: list[WorkOrder]) -> WorkOrder | None:
    if s.named is not None and any(o.id == s.named.id for o in offered):
        return s.named
    place = _ORDINAL.search(s.said)
    if place is None:
        return None
    n = _COUNT.get(place[1]) or int(place[1])
    return offered[n - 1] if n <= len(offered) else None


def _without_words(s: Situation) -> Decision | None:
    """Pictures or a clip without a word."""
    if s.said.strip():
        return None
    order = _latest(s, s.policy.intake.join_window)
    if order is not None:
        return reports.add_info(s, order)
    if any(m.kind == "voice" for m in s.inbound.media):
        return reports.unheard(s)
    return _ask_report(s)


def _answer(s: Situation) -> Decision | None:
    """Words that fill what we asked for, or put right what was said before."""
    dialogue = s.dialogue
    asked = dialogue.asking if dialogue is not None and dialogue.asking in SLOTS else None
    order = next((o for o in s.open_mine if dialogue and o.id == dialogue.order_id), None)
    if asked is None or order is None:
        asked, order = None, _latest(s, s.policy.intake.follow_text_window)
        if order is None or not (precheck.corrects(s.text) or precheck.bare(s.understanding)):
            return None
    if reports.is_another(s, order, asked) or _ACK.fullmatch(s.said.strip()):
        return None
    heard = s.understanding
    otherwise = heard.intent.label not in {"report", "chitchat"} and "intent" not in heard.abstained
    answer = precheck.answer(s, order, None if otherwise else asked)
    if answer.useful:
        return reports.fill(s, order, answer)
    if answer.malformed:
        slot, found = answer.malformed
        raise InvalidInput(field=slot, found=found, allowed=_allowed(slot))
    return reports.add_info(s, order) if _PUTS_RIGHT.search(s.said) else None


def _allowed(slot: str) -> str:
    return {"phone": "11 位手机号", "serial": "设备上的编号"}.get(slot, "")


# --- intents ----------------------------------------------------------------------------------


def _progress(s: Situation) -> Decision:
    named = s.named if s.named is not None and s.named in s.mine else None
    if not _URGING.search(s.said):
        return _progress_of(s, named)
    working = [o for o in s.open_mine if o.state != State.AWAITING_ACCEPTANCE]
    orders = [named] if named else _about(s, working)
    if not orders:
        return _progress_of(s, named)
    if len(orders) > 1:
        return Question("nudge", tuple(orders), {"text": s.said}).ask(s)
    return carry_out(s, "nudge", orders[0], {"text": s.said})


def _progress_of(s: Situation, order: WorkOrder | None) -> Decision:
    """Where things stand; without an open work order, how the last one ended."""
    orders = (order,) if order is not None and order in s.mine else s.open_mine or s.mine[:1]
    if not orders and finding.offered(s):
        return finding.look(s)
    if not orders:
        return _no_orders(s)
    listed = [summary(o, s.company) for o in orders]
    reply = s.reply("progress", orders=listed)
    return Decision("answered: progress", replies=(reply,), order_id=orders[0].id)


def _about(s: Situation, orders: list[WorkOrder]) -> list[WorkOrder]:
    """Those of the kind of fault that is named, if any is: 「催一下空调」."""
    if "fault_type" in s.understanding.abstained:
        return orders
    named = precheck.fault_type(s)
    return [o for o in orders if o.fault_type == named not in precheck.VAGUE] or orders


def _no_orders(s: Situation) -> Decision:
    return Decision("answered: no_orders", replies=(s.reply("no_orders"),))


def _cancel(s: Situation) -> Decision:
    orders = _about(s, [o for o in s.open_mine if _fits(o, "cancel")])
    if not orders:
        return _progress_of(s, None) if s.mine else _no_orders(s)
    named = [o for o in orders if s.named is not None and o.id == s.named.id]
    if len(orders) > 1 and not named:
        return Question("cancel", tuple(orders)).ask(s)
    return carry_out(s, "cancel", (named or orders)[0], {})


def _question(s: Situation) -> Decision:
    """A question about open work goes to its handler, any other to a person at the desk; what an
    article answers is answered at once.
    """
    if _latest(s, s.policy.intake.follow_text_window) is None:
        answered = knowledge.answer(s)
        if answered is not None:
            return answered
    return _for_a_person(s, "question_noted", "question")


def _doubtful(s: Situation) -> Decision:
    """We are not sure what is meant: a follow-up if work is open, else a person looks."""
    return _for_a_person(s, "triage_noted", "doubtful")


def _for_a_person(s: Situation, code: str, outcome: str) -> Decision:
    order = _latest(s, s.policy.intake.follow_text_window)
    if order is not None:
        return reports.add_info(s, order)
    case = cases.opened(s, "triage", precheck.details(s))
    return Decision(f"case: {outcome}", replies=(s.reply(code),), cases=(case,))


def _praise(s: Situation) -> Decision:
    """Thanks change nothing, and never reopen anything."""
    return Decision("answered: thanks", replies=(s.reply("thanks_noted", *s.mine[:1]),))


def _complaint(s: Situation) -> Decision:
    order = next(iter(s.mine), None)
    case = cases.opened(s, "complaint", precheck.details(s), order_id=order.id if order else "")
    reply = s.reply("complaint_noted", *([order] if order else []))
    return Decision(
        "case: complaint", replies=(reply,), cases=(case,), order_id=order.id if order else ""
    )


def _chitchat(s: Situation) -> Decision:
    """Small talk is answered once; anything longer may be news, and somebody reads it."""
    said = s.said.strip()
    greets, idle = bool(_GREETING.fullmatch(said)), bool(_ACK.fullmatch(said))
    order = _latest(s, s.policy.intake.follow_text_window)
    if _PERSON.search(said):
        return _doubtful(s)
    if order is not None and not (greets or idle or precheck.bare(s.understanding)):
        return reports.add_info(s, order)
    if order is not None or s.open_mine or idle or (greets and s.asked("report", "person")):
        return Decision("ignored: small talk")
    if greets:
        dialogue = s.asking("report")
        return Decision("answered: greeting", replies=(s.reply("greeting"),), dialogue=dialogue)
    if s.asked("report") and not s.understanding.entities:
        return replace(_doubtful(s), dialogue=s.asking("person"))
    return Decision("ignored: small talk") if s.asked("person") else _ask_report(s)


def _ask_report(s: Situation, *, again: bool = False) -> Decision:
    """What is broken? What was sent already is kept for the report."""
    kept = reports.early_media(s)
    media = [asdict(m) for m in (*kept, *s.inbound.media)]
    told = s.text if s.understanding.entities else ""
    asked = s.asked("report") is not None and not (again or s.inbound.media)
    return Decision(
        "answered: ask_report",
        replies=() if asked else (s.reply("ask_report", media=len(media)),),
        dialogue=s.asking("report", media=media, words=told),
    )


def _latest(s: Situation, window: timedelta) -> WorkOrder | None:
    """The sender's newest open work order, if they spoke of it within the window; in a thread the
    one it is about, however long ago that was.
    """
    dialogue = s.dialogue
    for order in s.open_mine:
        if reports.is_thread_of(s, order):
            return order
        spoke = [r.at for r in order.reporters if r.sender == s.inbound.sender and r.at]
        spoke += [order.opened_at] if order.opened_at else []
        if dialogue is not None and dialogue.order_id == order.id and dialogue.updated_at:
            spoke.append(dialogue.updated_at)
        if spoke and s.now - max(spoke) <= window:
            return order
    return None


_INTENTS: dict[str, Callable[[Situation], Decision]] = {
    "report": reports.hear,
    "progress": _progress,
    "cancel": _cancel,
    "question": _question,
    "praise": _praise,
    "complaint": _complaint,
    "chitchat": _chitchat,
}
