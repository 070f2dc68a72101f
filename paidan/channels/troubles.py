"""What a channel cannot mend by itself, told to the people who can."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workflow.records import ChatRef, Notice, Urgency

if TYPE_CHECKING:
    from paidan.channels.section import Words
    from storage import SqlStore
    from workflow.company import Company
    from workflow.ports import UnitOfWork


async def tell_supervisors(
    store: SqlStore,
    tenant: str,
    channel: str,
    words: Mapping[str, Words],
    code: str,
    facts: Sequence[str],
) -> None:
    """Tell the supervisors of a finding, once a day however often it is found.

    Args:
        store: Where the notices go.
        tenant: Whose they are.
        channel: Which channel has the trouble.
        words: What the channel's findings say.
        code: The finding's.
        facts: What its words are filled in with.
    """
    day = f"{store.now(tenant):%Y%m%d}"
    same = hashlib.sha256("\n".join((channel, code, *facts)).encode()).hexdigest()[:24]

    def write(uow: UnitOfWork) -> None:
        pair = words[code]
        text = pair[0] if uow.company.locale.startswith("zh") else pair[1]
        for place in _watchers(uow.company, channel):
            uow.outbox.add(
                Notice(
                    key=f"trouble:{day}:{same}:{place.channel}/{place.chat}",
                    kind="trouble",
                    to=place,
                    urgency=Urgency.ESCALATION,
                    text=f"⚠ {text.format(*facts)}",
                    why=f"trouble:{code}",
                    role="supervisor",
                )
            )

    await store.transact(tenant, write)


def _watchers(company: Company, channel: str) -> Sequence[ChatRef]:
    """Where supervisors are told, by another channel than the one in trouble if there is one."""
    places = company.supervisor_chats
    return tuple(place for place in places if place.channel != channel) or places
