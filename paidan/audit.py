"""``paidan audit``: read everything of one tenant and prove that nothing was lost or altered."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from typing_extensions import override

from notifier.troubles import trouble
from paidan.settings import Settings
from paidan.watch.books import WORDS, keep
from storage import SqlStore, open_store
from workflow import automation
from workflow.audit import Finding, examine
from workflow.kept import Queued
from workflow.policy import Policy
from workflow.ports import UnitOfWork

GRACE = timedelta(seconds=60)
"""How long a notice may wait past its time before it counts as late."""

ALARMING = frozenset(WORDS) - {"dead_letter"}
"""What proves a fault of ours; the rest waits for a person."""


TOLD = (
    "夜里核对账目，有 {} 处对不上（{}）；请管理员跑一遍 paidan audit 看是哪几张单",
    "the nightly audit found {} things that do not hold ({}); have paidan audit say which",
)


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


def audit(settings: Settings, *, tell: bool = False) -> Report:
    """Audit the tenant these settings serve, and keep what was found for whoever watches.

    Args:
        settings: Whose database.
        tell: Tell the supervisors, once a day, of what does not hold.
    """

    async def run() -> Report:
        async with open_store(settings.database_url, settings.blobs) as store:
            report = await prove(store, settings.tenant)
            found = Counter(finding.what for finding in report.findings)
            await keep(store, settings.tenant, report.orders, found)
            if tell and not report.ok:
                await _tell(store, report)
            return report

    return asyncio.run(run())


async def prove(store: SqlStore, tenant: str, now: datetime | None = None) -> Report:
    """Audit one tenant of an open store, as of ``now``: by default its present time. One work order
    is in memory at a time, whatever their number.
    """
    now = now or store.now(tenant)
    company = await store.read(tenant, lambda uow: uow.company)
    calendars = automation.calendars(company)
    policies: dict[str, Policy] = {}
    findings: list[Finding] = []
    orders = events = 0
    for proof in store.proofs(tenant):
        orders, events = orders + 1, events + len(proof.history)
        version = proof.order.policy_version
        if version not in policies:
            policies[version] = await store.read(tenant, partial(_policy, version=version))
        findings += examine(
            proof.order,
            proof.history,
            proof.armed,
            proof.told,
            policies[version],
            calendars,
            now,
        )
    findings += [
        Finding(misfit.order_id, misfit.number, "listed", detail=", ".join(misfit.columns))
        for misfit in store.misfits(tenant)
    ]
    notices: Counter[str] = Counter()
    for queued in store.outbox_audit(tenant):
        notices[queued.state] += 1
        if _is_late(queued, now) or queued.state == "dead":
            findings.append(_undelivered(queued))
    return Report(
        tenant=tenant,
        orders=orders,
        events=events,
        steps=Counter(timer.state for timer in store.timers_audit(tenant)),
        notices=notices,
        findings=tuple(findings),
    )


async def _tell(store: SqlStore, report: Report) -> None:
    alarming = Counter(f.what for f in report.findings if f.what in ALARMING)
    now = store.now(report.tenant)

    def write(uow: UnitOfWork) -> None:
        chinese = uow.company.locale.startswith("zh")
        what = "、".join(WORDS[code] if chinese else code for code in sorted(alarming))
        facts = (str(alarming.total()), what)
        text = (TOLD[0] if chinese else TOLD[1]).format(*facts)
        for notice in trouble("audit", "broken", facts, text, uow.company, now):
            uow.outbox.add(notice)

    await store.transact(report.tenant, write)


def _policy(uow: UnitOfWork, version: str) -> Policy:
    return uow.policy(version)


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
