"""绑定: a chat account says, with an invite, whose it is."""

from __future__ import annotations

from dataclasses import replace

from bots.invites import Invited, Person
from bots.situation import Binding, Decision, Situation
from workflow.company import Customer, Identity, Staff
from workflow.ports import UnitOfWork
from workflow.records import Inbound, Role


def hear(s: Situation, invited: Invited) -> Decision:
    """A message that is an invite. An account that is a colleague's already stays theirs."""
    person = invited.person
    if s.staff is not None:
        mine = person is not None and person.id == s.staff.id
        code = "bound" if mine else "bound_to_another"
        return Decision(f"answered: {code}", replies=(s.reply(code, name=s.staff.name),))
    if person is None or not invited.fits:
        return Decision("answered: invite_refused", replies=(s.reply("invite_refused"),))
    binding = _bound(s.inbound, person)
    reply = replace(s.reply("bound", name=person.name), role=binding.identity.role)
    return Decision("bound", replies=(reply,), binding=binding)


def _bound(inbound: Inbound, person: Person) -> Binding:
    """The sender's account as this person's: they are mentioned by it, and written to where they
    wrote to us alone. Of one channel the newest account is theirs.
    """
    alone = inbound.chat_kind == "direct"
    role: Role = person.role if isinstance(person, Staff) else "customer"
    identity = Identity(inbound.channel, inbound.sender, role, person.id, person.name)
    if isinstance(person, Customer):
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
        uow.people.put_customer(binding.person)
