"""绑定: a chat account says, with an invite, whose it is; or by its platform's word."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Final

from bots import oneself
from bots.invites import Invited, Person
from bots.situation import Binding, Decision, Situation
from workflow.company import Customer, Identity, Staff
from workflow.ports import UnitOfWork
from workflow.records import Role

ASKING: Final = frozenset({"绑定", "绑定账号", "bind"})
"""Words that ask for an invite for oneself."""


def asks(s: Situation) -> bool:
    """Whether somebody alone with us asks how their other accounts become theirs."""
    said = unicodedata.normalize("NFKC", s.said).strip().strip("。.!！?？").lower()
    return s.inbound.chat_kind == "direct" and said in ASKING


def give(s: Situation) -> Decision:
    """An invite for the sender themselves, to be sent from their other accounts."""
    reply = s.reply("own_invite", invite=s.own_code)
    known = None
    if s.customer is not None and s.identity is not None:
        known = Binding(replace(s.identity, was=()), s.customer)
    return Decision("answered: own_invite", replies=(reply,), binding=known)


def linked(s: Situation) -> Decision:
    """Somebody's own number said who they are."""
    name = s.customer.name if s.customer is not None else ""
    return Decision("bound", replies=(s.reply("bound", name=name),))


def hear(s: Situation, invited: Invited) -> Decision:
    """A message that is an invite. An account that is a colleague's already stays theirs."""
    person = invited.person
    if s.staff is not None:
        mine = person is not None and person.id == s.staff.id
        code = "bound" if mine else "bound_to_another"
        return Decision(f"answered: {code}", replies=(s.reply(code, name=s.staff.name),))
    if person is None or not invited.fits:
        return Decision("answered: invite_refused", replies=(s.reply("invite_refused"),))
    binding = _bound(s, person)
    reply = replace(s.reply("bound", name=person.name), role=binding.identity.role)
    return Decision("bound", replies=(reply,), binding=binding)


def _bound(s: Situation, person: Person) -> Binding:
    """The sender's account as this person's: they are mentioned by it, and written to where they
    wrote to us alone. Of one channel the newest account is theirs.
    """
    inbound = s.inbound
    alone = inbound.chat_kind == "direct"
    role: Role = person.role if isinstance(person, Staff) else "customer"
    identity = Identity(inbound.channel, inbound.sender, role, person.id, person.name)
    if isinstance(person, Customer):
        if s.customer is not None and s.customer.id != person.id:
            person = person.with_all_of(s.customer)
        return Binding(identity, person.seen_in(inbound.place) if alone else person)
    home = inbound.place.home
    others = tuple(place for place in person.contacts if place != home)
    contacts = (home, *others) if alone else person.contacts
    handles = {**person.handles, inbound.channel: inbound.sender}
    return Binding(identity, replace(person, contacts=contacts, handles=handles))


def keep(uow: UnitOfWork, binding: Binding) -> None:
    """Store whose the account is."""
    uow.people.put_identity(binding.identity)
    if isinstance(binding.person, Staff):
        uow.put_company(uow.company.with_staff(binding.person))
    else:
        oneself.keep(uow, binding.person)
