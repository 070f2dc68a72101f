"""``paidan audit``: read everything of one tenant and prove that nothing was lost or altered."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from typing_extensions import override

from paidan.settings import Settings
from storage import SqlStore, open_store
from workflow import automation
from workflow.audit import Finding, examine
from workflow.kept import Queued, Timer
from workflow.policy import Policy
from workflow.ports import UnitOfWork

GRACE = timedelta(seconds=60)
"""How long a notice may wait past its time before it counts as late."""

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
ALARMING = frozenset(WORDS) - {"dead_letter"}
"""What proves a fault of ours; the rest waits for a person."""


@dataclass(frozen=True)
class Report:
    """What was read and what does not hold."""

    tenant: str
    orders: int = 0
    events: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing was lost, late or altered."""
        return not any(finding.what in ALARMING for finding in self.findings)

    @override
    def __str__(self) -> str:
        steps = "，".join(f"{name} {n}" for name, n in sorted(self.steps.items())) or "无"
        notices = "，".join(f"{name} {n}" for name, n in sorted(self.notices.items())) or "无"
        lines = [
            f"租户 {self.tenant}：{self.orders} 张工单，{self.events} 个事件，链条逐一核对",
            f"步骤：{steps}",
            f"通知：{notices}",
        ]
        lines += [
            f"✗ {finding.number or finding.order_id}"
            + (f" 第 {finding.seq} 步" if finding.seq else "")
            + f"：{WORDS.get(finding.what, finding.what)}（{finding.detail}）"
            for finding in self.findings
        ]
        lines.append("✓ 没有丢，没有漏，没有改" if self.ok else "✗ 有问题，见上")
        return "\n".join(lines)


def audit(settings: Settings) -> Report:
    """Audit the tenant these settings serve."""

    async def run() -> Report:
        async with open_store(settings.database_url, settings.blobs) as store:
            return await prove(store, settings.tenant)

    return asyncio.run(run())


async def prove(store: SqlStore, tenant: str, now: datetime | None = None) -> Report:
    """Audit one tenant of an open store, as of ``now``: by default its present time."""
    now = now or store.now(tenant)
    timers = list(store.timers_audit(tenant))
    notices = list(store.outbox_audit(tenant))
    armed = {timer.subject: timer for timer in timers if timer.state == "open"}
    told: dict[str, set[int]] = defaultdict(set)
    for queued in notices:
        if queued.notice.order_id and queued.notice.event_seq:
            told[queued.notice.order_id].add(queued.notice.event_seq)
    company = await store.read(tenant, lambda uow: uow.company)
    calendars = automation.calendars(company)
    policies: dict[str, Policy] = {}
    findings: list[Finding] = []
    orders = events = 0
    for order, history in store.audit(tenant):
        orders, events = orders + 1, events + len(history)
        version = order.policy_version
        if version not in policies:
            policies[version] = await store.read(tenant, partial(_policy, version=version))
        timer = armed.get(f"order:{order.id}")
        rules = policies[version]
        findings += examine(order, history, timer, told[order.id], rules, calendars, now)
    findings += [
        Finding(misfit.order_id, misfit.number, "listed", detail=", ".join(misfit.columns))
        for misfit in store.misfits(tenant)
    ]
    findings += [_undelivered(q) for q in notices if _is_late(q, now) or q.state == "dead"]
    return Report(
        tenant=tenant,
        orders=orders,
        events=events,
        steps=_by_state(timers),
        notices=Counter(queued.state for queued in notices),
        findings=tuple(findings),
    )


def _policy(uow: UnitOfWork, version: str) -> Policy:
    return uow.policy(version)


def _by_state(timers: list[Timer]) -> Counter[str]:
    return Counter(timer.state for timer in timers)


def _is_late(queued: Queued, now: datetime) -> bool:
    if queued.state not in {"pending", "sending"}:
        return False
    due = queued.next_at or queued.notice.not_before or queued.created_at
    return due + GRACE < now


def _undelivered(queued: Queued) -> Finding:
    what = "dead_letter" if queued.state == "dead" else "late_notice"
    detail = f"{queued.notice.kind} → {queued.notice.to.channel}/{queued.notice.to.chat}"
    if queued.error:
        detail += f"：{queued.error}"
    return Finding(queued.notice.order_id or "", "", what, detail=detail)
