"""One person with several accounts: who the platforms say belongs together, and keeping it so.

A number that somebody writes proves nothing. What does: an invite, a unionid, and a number that the
platform itself vouches for, where whoever runs the company wrote the same number down.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bots.invites import Invited
from workflow.company import Company, Customer, Identity
from workflow.ports import People, UnitOfWork
from workflow.records import Inbound

UNION: Final = "unionid"
"""The channel under which unionids are kept; nobody writes on it."""
_HOPS: Final = 8


def customer(people: People, customer_id: str) -> Customer | None:
    """The customer as they are known now, whomever they were taken for before."""
    found = people.customer(customer_id)
    for _ in range(_HOPS):
        if found is None or not found.now:
            return found
        found = people.customer(found.now) or found
    return found


def vouched(people: People, inbound: Inbound) -> Customer | None:
    """The customer that the platform says the sender is; None where it says nothing."""
    if inbound.union:
        known = people.identity(UNION, inbound.union)
        return customer(people, known.person_id) if known is not None else None
    found = people.customer_by_phone(inbound.own_phone) if inbound.own_phone else None
    if found is None or found.phone_told:
        return None
    return customer(people, found.id)


def colleague(company: Company, inbound: Inbound) -> Invited | None:
    """The colleague whose number the sender's is: as good as an invite for them."""
    theirs = [
        staff
        for staff in company.staff.values()
        if inbound.own_phone and staff.active and staff.phone == inbound.own_phone
    ]
    return Invited(theirs[0], fits=True) if len(theirs) == 1 else None


def keep(uow: UnitOfWork, found: Customer, union_id: str = "") -> None:
    """Store a customer with whom they were taken for, and the unionid they came with."""
    people = uow.people
    if people.customer(found.id) != found:
        people.put_customer(found)
    for one in found.was:
        before = people.customer(one)
        if before is not None and before.now != found.id:
            people.put_customer(replace(before, now=found.id))
    union = Identity(UNION, union_id, "customer", found.id, found.name)
    if union_id and people.identity(UNION, union_id) != union:
        people.put_identity(union)
