"""Invites: whoever has one may say that a chat account is theirs.

An invite reads 「zhaoqiang-7F3K9Q2M」: whom it is for, and a proof that we gave it. Nothing is
stored. The proof covers the accounts that person had when it was given, so using it spends it, and
the day, so it dies within two.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from workflow.company import Customer, Staff
from workflow.ports import UnitOfWork

GOOD_FOR: Final = timedelta(days=2)
"""An invite works on the day it is given and on the next (UTC)."""
_PROOF: Final = 8
"""Characters of base 32: a guess is right once in 10¹²."""
_SAID = re.compile(r"(?:绑定|bind)\s*[:：]?\s*([^\s-][^\s]{0,79})-([a-z2-7]{8})", re.IGNORECASE)

Person = Staff | Customer


class Invites:
    """Gives invites and knows them again."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def code(self, tenant: str, person: Person, now: datetime) -> str:
        """An invite for this person, good until the end of tomorrow (UTC)."""
        return f"{person.id}-{self._proof(tenant, person, now.date())}"

    def fits(self, tenant: str, person: Person, proof: str, now: datetime) -> bool:
        """Whether the proof is one we gave for this person, neither spent nor too old."""
        days = (now.date() - timedelta(days=ago) for ago in range(GOOD_FOR.days))
        given = proof.upper().encode()
        return any(
            hmac.compare_digest(self._proof(tenant, person, day).encode(), given) for day in days
        )

    def _proof(self, tenant: str, person: Person, day: date) -> str:
        handles = person.handles if isinstance(person, Staff) else {}
        chats = [f"{place.channel}/{place.chat}" for place in person.contacts]
        accounts = sorted([*chats, *(f"{c}@{user}" for c, user in handles.items())])
        parts = ("invite", tenant, type(person).__name__, person.id, day.isoformat(), *accounts)
        mac = hmac.new(self._secret, "\0".join(parts).encode(), hashlib.sha256).digest()
        return base64.b32encode(mac).decode()[:_PROOF]


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom a message says its sender is, and whether its proof is good."""

    person: Person | None
    fits: bool


def said(text: str) -> tuple[str, str] | None:
    """Whose invite a message is, and its proof; None for any other message."""
    found = _SAID.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return (found[1], found[2]) if found else None


def invited(uow: UnitOfWork, text: str, invites: Invites | None, now: datetime) -> Invited | None:
    """Whom the invite in a message is for; None where there is none."""
    found = said(text) if invites is not None else None
    if found is None or invites is None:
        return None
    who, proof = found
    person = to_invite(uow, who)
    fits = person is not None and invites.fits(uow.company.tenant, person, proof, now)
    return Invited(person, fits)


def to_invite(uow: UnitOfWork, person_id: str) -> Person | None:
    """Who may have an invite: a customer, or somebody who works here still."""
    staff = uow.company.staff.get(person_id)
    if staff is None:
        return uow.people.customer(person_id)
    return staff if staff.active else None
