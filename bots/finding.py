"""查单: progress for somebody who reported elsewhere, by the phone number they left then.

The number shows who may be told, and no more: what is told names no place and no person, and
nothing can be done to a work order that was only found.
"""

from __future__ import annotations

from collections.abc import Sequence

from bots import precheck
from bots import text_commands as commands
from bots.situation import Decision, Situation, summary
from workflow.records import Facts
from workflow.work_order import WorkOrder

_TOLD = ("number", "state", "sub", "outcome", "deadline", "deadline_clock")


def offered(s: Situation) -> bool:
    """Whether to look for it: alone with somebody whom we do not know by a number yet."""
    ours = s.customer.phone if s.customer is not None else ""
    return s.inbound.chat_kind == "direct" and ours in {"", precheck.phone(s)}


def phone(s: Situation) -> str:
    """The number to look under: told now, or a little while ago."""
    dialogue = s.asked("find", "found")
    told = dialogue.context.get("phone") if dialogue is not None else ""
    return precheck.phone(s) or str(told or "")


def look(s: Situation) -> Decision:
    """Progress of what was reported with the number told; without one, ask for it."""
    number = s.named.number if s.named is not None else _ref(s) or _wanted(s)
    if phone(s):
        return _told(s, [o for o in s.found if number in {"", o.number}])
    code = "find_phone" if number or s.asked("find") else "find_order"
    dialogue = s.asking("find", number=number)
    return Decision(f"asked: {code}", replies=(s.reply(code),), dialogue=dialogue)


def answer(s: Situation) -> Decision | None:
    """A phone number or a work order's in answer to our question; anything else is none."""
    if s.asked("find") is None or precheck.tells_fault(s.understanding):
        return None
    return look(s) if precheck.phone(s) or _ref(s) else None


def _wanted(s: Situation) -> str:
    dialogue = s.asked("find")
    return str(dialogue.context.get("number") or "") if dialogue is not None else ""


def _ref(s: Situation) -> str:
    return commands.reference(s.said) or commands.mentioned(s.said)


def _told(s: Situation, orders: Sequence[WorkOrder]) -> Decision:
    shown = [order for order in orders if order.open] or list(orders[:1])
    if not shown:
        again = s.asking("find")
        return Decision("answered: find_none", replies=(s.reply("find_none"),), dialogue=again)
    rows: list[Facts] = []
    for order in shown:
        facts = summary(order, s.company)
        rows.append({name: facts[name] for name in _TOLD})
    reply = s.reply("progress", orders=rows)
    return Decision("answered: found", replies=(reply,), dialogue=s.asking("found", phone=phone(s)))
