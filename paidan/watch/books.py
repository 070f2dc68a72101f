"""What the last audit found, kept for whoever watches, whichever process made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from storage import SqlStore

WORDS = {
    "chain": "历史链断裂",
    "fold": "记录与历史不符",
    "listed": "列表与记录不符",
    "late_step": "到期步骤没有执行",
    "unarmed": "下一步没有上钟",
    "ghost_timer": "已关闭却还有钟在走",
    "untold": "有变化没有通知任何人",
    "late_notice": "通知迟迟没有送出",
    "dead_letter": "通知送不出去（死信）",
}
"""What an audit may find, by its codes."""


@dataclass(frozen=True)
class Last:
    """How many of each kind it found, over how many work orders."""

    at: datetime
    orders: int
    findings: Mapping[str, int]


async def keep(store: SqlStore, tenant: str, orders: int, findings: Mapping[str, int]) -> None:
    """Remember an audit that has just been made."""
    kept = {"at": datetime.now(UTC).isoformat(), "orders": orders, "findings": dict(findings)}
    await store.notes(tenant, "audit").put("last", json.dumps(kept))


async def last(store: SqlStore, tenant: str) -> Last | None:
    """The last audit of a tenant."""
    kept = await store.notes(tenant, "audit").get("last")
    if kept is None:
        return None
    found = json.loads(kept)
    return Last(datetime.fromisoformat(found["at"]), found["orders"], found["findings"])
