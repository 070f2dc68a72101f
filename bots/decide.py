"""The front desk's one question: what does this message mean for us? Pure.

Who speaks decides where it goes: devices to :mod:`bots.alarms`, presses to :mod:`bots.buttons`,
colleagues to :mod:`bots.staff`, everybody else to :mod:`bots.customers`.
"""

from __future__ import annotations

from bots import alarms, buttons, customers, invites, staff
from bots import text_commands as commands
from bots.invites import Invited
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
        return _invited(s, s.invited)
    return _written(s)


def _written(s: Situation) -> Decision:
    inbound = s.inbound
    if s.staff is not None:
        return staff.hear(s)
    if inbound.chat_kind == "group" and is_staff_group(inbound.place, s.company):
        return _stranger(s)
    if not inbound.addressed:
        return Decision("ignored: chatter")
    return customers.hear(s)


def _invited(s: Situation, invited: Invited) -> Decision:
    """An account says whose it is. One that is a colleague's already stays theirs."""
    person = invited.person
    if s.staff is not None:
        mine = person is not None and person.id == s.staff.id
        code = "bound" if mine else "bound_to_another"
        reply = s.reply(code, name=s.staff.name, role=s.staff.role)
        return Decision(f"answered: {code}", replies=(reply,))
    if person is None or not invited.fits:
        return Decision("answered: invite_refused", replies=(s.reply("invite_refused"),))
    binding = invites.bound(s.inbound, person)
    reply = s.reply("bound", name=person.name, role=binding.identity.role)
    return Decision("bound", replies=(reply,), binding=binding)


def _stranger(s: Situation) -> Decision:
    """Somebody we do not know in a colleagues' group: told so only when they try a command."""
    addressed = s.inbound.addressed
    if commands.parse(s.said, commands.STAFF_WORDS, addressed=addressed) is None:
        return Decision("ignored: chatter")
    reply = s.reply("unknown_sender_in_group", sender=s.inbound.sender)
    return Decision("answered: unknown_sender", replies=(reply,))
