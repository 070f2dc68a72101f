"""What a channel cannot mend by itself, told to the people who can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from notifier.troubles import trouble

if TYPE_CHECKING:
    from paidan.channels.section import Words
    from storage import SqlStore
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
    now = store.now(tenant)

    def write(uow: UnitOfWork) -> None:
        pair = words[code]
        said = (pair[0] if uow.company.locale.startswith("zh") else pair[1]).format(*facts)
        for notice in trouble(channel, code, tuple(facts), said, uow.company, now):
            uow.outbox.add(notice)

    await store.transact(tenant, write)
