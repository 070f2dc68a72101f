"""Notices that a platform took and could not deliver after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from notifier.deadletters import dead_letters
from notifier.wording import Words

if TYPE_CHECKING:
    from storage import SqlStore
    from workflow.ports import UnitOfWork

log = structlog.get_logger(__name__)


async def came_back(
    store: SqlStore, tenant: str, channel: str, number: str, message_id: str, why: str
) -> bool:
    """Mark what a message told of a work order as not delivered, and tell the supervisors, who can
    send it again. Whether there was such a message.

    Args:
        store: Where the notices are.
        tenant: Whose they are.
        channel: Which channel sent it.
        number: The work order's number.
        message_id: What the channel called it.
        why: What the platform says.
    """
    now = store.now(tenant)

    def mark(uow: UnitOfWork) -> bool:
        order = uow.orders.find(number)
        if order is None:
            return False
        lost = uow.outbox.came_back(order.id, message_id, why)
        words = Words(uow.company.locale, uow.company.tz, now)
        for queued in lost:
            for notice in dead_letters(queued, why, uow.company, words):
                uow.outbox.add(notice)
        return bool(lost)

    found = await store.transact(tenant, mark)
    log.warning("a message came back", tenant=tenant, channel=channel, order=number, why=why)
    return found
