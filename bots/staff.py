"""What a colleague's message means: a command in words, a picture for the job at hand, or chatter.

In a group nothing but a command counts; a command counts even when we are not addressed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from bots import cases, contacts, knowledge, lessons, precheck
from bots import text_commands as commands
from bots.buttons import carry_out
from bots.rights import may
from bots.situation import OPENED, Decision, Question, Situation, distinct, summary
from workflow import commands as c
from workflow.company import Presence
from workflow.errors import IllegalMove, UnknownTicket
from workflow.learning import NOT_REPORT
from workflow.records import Action, Facts
from workflow.states import State, Sub, move
from workflow.taxonomy import INTENTS
from workflow.work_order import WorkOrder

_REPORTS = re.compile(r"^\s*报修(?![了的吗呢吧])\s*[:：,，]?\s*(?=\S)")
_UNDER_WAY = (State.IN_PROGRESS, State.ON_HOLD)
_HANDLERS = frozenset({
    *("depart", "arrive", "diagnose", "await_parts", "replace_part", "hold", "resume", "complete"),
    *("decline", "note", "answer", "advise"),
})  # fmt: skip
"""Commands that, without a number, mean one's own job."""
_ON_PARENTS = frozenset({"broadcast", "dismiss_surge", "resolve_surge"})
"""Commands that only a surge's parent can be meant by."""


def hear(s: Situation) -> Decision:
    """A message of a colleague, in a group or alone with us.

    Raises:
        PaidanError: the command is refused.
    """
    chosen = _chosen(s)
    if chosen is not None:
        return chosen
    spoken = commands.parse(s.said, commands.STAFF_WORDS, addressed=s.inbound.addressed)
    if spoken is not None:
        return _command(s, spoken)
    if not s.inbound.addressed:
        return Decision("ignored: chatter")
    if _REPORTS.match(s.said) or _cries(s):
        return _on_behalf(s)
    if s.inbound.media and s.inbound.chat_kind == "direct":
        return _picture(s)
    reply = s.reply("unknown_command", text=s.said[:40])
    return Decision("answered: unknown_command", replies=(reply,))


def _cries(s: Situation) -> bool:
    """Danger told to us directly is a report, whoever tells it."""
    heard = s.understanding
    grave = heard.intent.label == "report" and heard.priority.label == "P0"
    sure = not {"intent", "priority"} & heard.abstained
    return s.inbound.chat_kind == "direct" and grave and sure


def _chosen(s: Situation) -> Decision | None:
    """A bare number in answer to 「哪一张？」."""
    dialogue = s.asked("which")
    if dialogue is None or s.named is None or not commands.reference(s.said):
        return None
    choices, args = dialogue.context.get("choices"), dialogue.context.get("args")
    if not isinstance(choices, list | tuple) or s.named.id not in choices:
        return None
    do = str(dialogue.context.get("do", ""))
    decision = carry_out(s, do, s.named, args if isinstance(args, dict) else {})
    return replace(decision, dialogue=s.asking(None))


def _command(s: Situation, spoken: commands.Spoken) -> Decision:
    if spoken.do in commands.ALONE:
        return _about_oneself(s, spoken.do)
    special = _SPECIAL.get(spoken.do)
    if special is not None:
        return special(s, spoken)
    if spoken.ref and s.named is None:
        raise UnknownTicket(ref=spoken.ref)
    if spoken.do == "status":
        return _progress(s, (s.named,) if s.named is not None else _in_sight(s))
    args = commands.args(spoken)
    fitting = [s.named] if s.named is not None else _fitting(s, spoken.do)
    if not fitting:
        raise UnknownTicket(ref="", what=spoken.do)
    if len(fitting) > 1:
        return Question(spoken.do, tuple(fitting), args).ask(s)
    return carry_out(s, spoken.do, fitting[0], args)


def _about_case(s: Situation, spoken: commands.Spoken) -> Decision:
    """「是报修」「不是报修 7 咨询」: a message that waits for a person, or a work order opened by
    mistake.
    """
    if spoken.ref and s.named is None:
        raise UnknownTicket(ref=spoken.ref)
    may(s.identity, spoken.do, s.named, s.company)
    words, intent = _intent_named(spoken.rest)
    theirs = [c for c in s.waiting_cases if s.named is not None and c.order_id == s.named.id]
    if s.named is not None and not theirs and spoken.do == "not_report":
        return _opened_by_mistake(s, s.named, intent)
    case = cases.meant(s, words)
    do = "case_not_report" if spoken.do == "not_report" else "case_confirm"
    args = {"intent": intent} if intent and spoken.do == "not_report" else {}
    return cases.press(replace(s, case=case), Action(do, case.id, args=args))


def _intent_named(rest: str) -> tuple[str, str]:
    """The words, and the intent that the last of them names: 「谢谢师傅 表扬」."""
    before, _, last = rest.rpartition(" ")
    for intent, names in INTENTS.items():
        if intent != "report" and last in {intent, *names}:
            return before.strip(), intent
    return rest.strip(), ""


def _opened_by_mistake(s: Situation, order: WorkOrder, intent: str) -> Decision:
    decision = carry_out(s, "cancel", order, {"reason": "不是报修"})
    if s.reading is None:
        return decision
    return replace(decision, lessons=(lessons.said(s, s.reading, "intent", intent or NOT_REPORT),))


def _about_oneself(s: Situation, do: str) -> Decision:
    if do == "help":
        return Decision("answered: help", replies=(s.reply("help"),))
    if do == "presets":
        said = [{"name": name, "text": text} for name, text in s.company.preset_replies.items()]
        return Decision("answered: presets", replies=(s.reply("presets", presets=said),))
    if do == "mine":
        return _progress(s, s.own_jobs)
    if do == "sign_in":
        return _sign_in(s)
    return _duty(s, on=do == "on_duty")


def _sign_in(s: Situation) -> Decision:
    """A link is for one pair of eyes: it goes to their own chat, wherever they asked."""
    own = s.staff.contacts if s.staff is not None else ()
    reply = s.reply("sign_in_link", staff=s.by.id)
    if s.inbound.chat_kind == "group":
        if not own:
            return Decision("answered: help", replies=(s.reply("help"),))
        reply = replace(reply, to=own[0], mentions=())
    return Decision("answered: sign_in", replies=(reply,))


def _in_sight(s: Situation) -> tuple[WorkOrder, ...]:
    """The open cards of this chat, or one's own jobs where there are none."""
    return s.shown or s.own_jobs


def _fitting(s: Situation, do: str) -> list[WorkOrder]:
    """The work orders in sight that a command without a number can mean.

    With a single one in sight it is meant; if it cannot be, the refusal says why.
    """
    me = s.by.id
    in_sight = distinct((*s.own_jobs, *s.shown))
    near = [order for order in in_sight if _allows(order, do)]
    if do == "accept":
        near = [
            o for o in near if me in (o.candidates if o.sub == Sub.OPEN_CLAIM else (o.assignee,))
        ]
    elif do in _HANDLERS:
        near = [order for order in near if order.assignee == me]
    return near or (list(in_sight) if len(in_sight) == 1 else [])


def _allows(order: WorkOrder, do: str) -> bool:
    if do in _ON_PARENTS:
        return order.open and order.surge is not None
    if do == "detach":
        return order.open and bool(order.parent)
    try:
        move(do, order.state, order.sub)
    except IllegalMove as refusal:
        return refusal.data.get("missing") == "arrive" and order.state == State.IN_PROGRESS
    except KeyError:
        return order.open
    return True


def _duty(s: Situation, *, on: bool) -> Decision:
    name, presence = s.by.name, Presence(s.by.id, on, s.now)
    code = "on_duty" if on else "off_duty"
    reply = s.reply(code, name=name, open=len(s.own_jobs))
    return Decision(code, replies=(reply,), presence=presence)


def _progress(s: Situation, orders: Sequence[WorkOrder]) -> Decision:
    listed: list[Facts] = [summary(order, s.company) for order in orders]
    reply = s.reply("staff_progress", orders=listed, count=len(listed))
    named = orders[0].id if len(orders) == 1 else ""
    return Decision("answered: staff_progress", replies=(reply,), order_id=named)


def _picture(s: Situation) -> Decision:
    """A photo from the site belongs to the one job under way."""
    jobs = [o for o in s.own_jobs if o.state in _UNDER_WAY and o.assignee == s.by.id]
    told = [c.AddInfo(s.by, s.origin, o.id, text=s.said, media=s.inbound.media) for o in jobs]
    if len(told) != 1:
        reply = s.reply("unknown_command", text=s.said[:40])
        return Decision("answered: unknown_command", replies=(reply,))
    return Decision("added_info", tuple(told), order_id=jobs[0].id)


def _on_behalf(s: Situation) -> Decision:
    """「报修 …」 for a customer who called or stands at the counter."""
    found = precheck.details(s)
    found = replace(found, text=_REPORTS.sub("", s.text), customer_id=found.customer_id or "")
    missing = precheck.missing(found, s.policy.intake)
    repairs = knowledge.before(s, found)
    report = c.Report(s.by, s.origin, found, missing=missing, repairs=repairs)
    dialogue = s.asking(missing[0] if missing else None, OPENED)
    return Decision("opened: on_behalf", (report,), dialogue=dialogue, order_id=OPENED)


_SPECIAL: dict[str, Callable[[Situation, commands.Spoken], Decision]] = {
    **dict.fromkeys(commands.OF_A_CASE, _about_case),
    "contacts": lambda s, spoken: contacts.look_up(s, spoken.rest),
    "knowledge": lambda s, spoken: knowledge.look_up(s, spoken.rest),
}
"""Commands that are about no work order, or find theirs in a way of their own."""
