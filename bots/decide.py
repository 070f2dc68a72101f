"""The front desk's one question: what does this message mean for us? Pure.

Who speaks decides where it goes: devices to :mod:`bots.alarms`, presses to :mod:`bots.buttons`,
invites to :mod:`bots.binding`, colleagues to :mod:`bots.staff`, everybody else to
:mod:`bots.customers`.
"""

from __future__ import annotations

from datetime import timedelta

from bots import alarms, binding, buttons, customers, staff
from bots import text_commands as commands
from bots.refusals import refused
from bots.situation import Decision, Situation, is_staff_group
from workflow.errors import PaidanError
from workflow.records import ALARM, Reply

TOLD_FOR = timedelta(days=1)
"""Who was told how to bind their account is not told again for so long."""

OWN_NUMBER = {"telegram": "/bind"}
"""Channels that vouch for their users' numbers, and what brings the button to send one."""

_ONLY_COLLEAGUES = frozenset({"accept", "take_over", "on_duty", "off_duty", "sign_in"})


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
        return _stranger(s) if _unknown_among_colleagues(s) else buttons.press(s)
    if s.invited is not None:
        return binding.hear(s, s.invited)
    if s.own_code:
        return binding.give(s)
    if s.linked and s.inbound.own_phone and s.asked(*customers.SLOTS, "find") is None:
        return binding.linked(s)
    return _written(s)


def _written(s: Situation) -> Decision:
    """Words, of a colleague or of anybody else."""
    if s.staff is not None:
        return staff.hear(s)
    if _unknown_among_colleagues(s):
        return _stranger(s)
    if not s.inbound.addressed:
        return Decision("ignored: chatter")
    if _sounds_like_a_colleague(s):
        return Decision("answered: unknown_sender", replies=(_how_to_bind(s),))
    return customers.hear(s)


def _unknown_among_colleagues(s: Situation) -> bool:
    inbound = s.inbound
    ours = inbound.chat_kind == "group" and is_staff_group(inbound.place, s.company)
    return ours and s.staff is None


def _stranger(s: Situation) -> Decision:
    """Somebody we do not know speaks to us in a colleagues' group: told once how to bind, and
    again only when that was long ago. What they say to others is not our business.
    """
    addressed = s.inbound.addressed or s.inbound.action is not None
    if not addressed and commands.parse(s.said, commands.STAFF_WORDS, addressed=False) is None:
        return Decision("ignored: chatter")
    told = s.dialogue
    at = told.updated_at if told is not None and told.asking == "bind" else None
    if at is not None and s.now - at < TOLD_FOR:
        return Decision("ignored: unknown_sender")
    remembered = s.asking("bind")
    return Decision("answered: unknown_sender", replies=(_how_to_bind(s),), dialogue=remembered)


def _sounds_like_a_colleague(s: Situation) -> bool:
    """Whether somebody without a work order of their own, alone with us, gives an order that only
    colleagues give.
    """
    if s.mine or s.inbound.chat_kind == "group":
        return False
    spoken = commands.parse(s.said, commands.STAFF_WORDS)
    return spoken is not None and spoken.do in _ONLY_COLLEAGUES


def _how_to_bind(s: Situation) -> Reply:
    own = OWN_NUMBER.get(s.inbound.channel)
    return s.reply("unknown_sender_in_group", sender=s.inbound.sender, own=own)
