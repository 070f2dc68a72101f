"""The front desk's one question: what does this message mean for us? Pure.

Who speaks decides where it goes: devices to :mod:`bots.alarms`, presses to :mod:`bots.buttons`,
invites to :mod:`bots.binding`, colleagues to :mod:`bots.staff`, everybody else to
:mod:`bots.customers`.
"""

from __future__ import annotations

from bots import alarms, binding, buttons, customers, staff
from bots import text_commands as commands
from bots.refusals import refused
from bots.situation import Decision, Situation, is_staff_group
from workflow.errors import PaidanError
from workflow.records import ALARM


def decide(s: Situation) -> Decision:
    """What becomes of one message or press; a refusal is a decision too, one that only answers."""
    try:
        return _decide(s)
    except PaidanError as error:
        return refused(s, error)


def _decide(s: Situation) -> Decision:
    inbound = s.inbound
    if inbound.channel == ALARM:
        return alarms.hear(s)
    if inbound.action is not None:
        return buttons.press(s)
    if s.invited is not None:
        return binding.hear(s, s.invited)
    return _written(s)


def _written(s: Situation) -> Decision:
    """Words, of a colleague or of anybody else."""
    inbound = s.inbound
    if s.staff is not None:
        return staff.hear(s)
    if inbound.chat_kind == "group" and is_staff_group(inbound.place, s.company):
        return _stranger(s)
    if not inbound.addressed:
        return Decision("ignored: chatter")
    return customers.hear(s)


def _stranger(s: Situation) -> Decision:
    """Somebody we do not know in a colleagues' group: told so only when they try a command."""
    addressed = s.inbound.addressed
    if commands.parse(s.said, commands.STAFF_WORDS, addressed=addressed) is None:
        return Decision("ignored: chatter")
    reply = s.reply("unknown_sender_in_group", sender=s.inbound.sender)
    return Decision("answered: unknown_sender", replies=(reply,))
