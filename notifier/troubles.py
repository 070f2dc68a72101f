"""What supervisors are told of a channel that people have to mend."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

from workflow.company import Company
from workflow.records import ChatRef, Notice, Urgency


def trouble(
    channel: str, code: str, facts: tuple[str, ...], text: str, company: Company, now: datetime
) -> Iterator[Notice]:
    """A notice for each chat of supervisors, by another channel than the one in trouble if there
    is one; the same trouble is told once a day however often it is found.

    Args:
        channel: Which channel has it.
        code: What it is.
        facts: What tells it from others of its code.
        text: What is said.
        company: Whose supervisors hear it.
        now: The tenant's time.
    """
    same = hashlib.sha256("\n".join((channel, code, *facts)).encode()).hexdigest()[:24]
    for place in _watchers(company, channel):
        yield Notice(
            key=f"trouble:{now:%Y%m%d}:{same}:{place.channel}/{place.chat}",
            kind="trouble",
            to=place,
            urgency=Urgency.ESCALATION,
            text=f"⚠ {text}",
            why=f"trouble:{code}",
            role="supervisor",
        )


def _watchers(company: Company, channel: str) -> tuple[ChatRef, ...]:
    places = company.supervisor_chats
    return tuple(place for place in places if place.channel != channel) or tuple(places)
