"""The books gone through at night: what was altered is told once, and counted."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from paidan.audit import audit
from paidan.compose import seed
from paidan.demo import demo_company
from paidan.demo.history import seed_history
from paidan.settings import Settings
from paidan.watch.books import last
from paidan.watch.meters import Meters
from storage import open_store
from workflow.kept import Queued

TENANT = "demo"


async def told(settings: Settings) -> list[Queued]:
    async with open_store(settings.database_url, settings.blobs) as store:
        return [q for q in store.outbox_audit(TENANT) if q.notice.kind == "trouble"]


def test_what_was_altered_is_told_once_and_counted(tmp_path: Path) -> None:
    settings = Settings(tenant=TENANT, data_dir=tmp_path)

    async def prepare() -> None:
        async with open_store(settings.database_url, settings.blobs) as store:
            await seed(store, demo_company())
            await seed_history(store, TENANT, store.now(TENANT))

    asyncio.run(prepare())
    assert audit(settings, tell=True).ok
    assert asyncio.run(told(settings)) == []
    file = settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        (victim,) = database.execute("SELECT order_id FROM events WHERE seq = 2").fetchone()
        database.execute("UPDATE events SET at = at + 1 WHERE order_id = ? AND seq = 2", (victim,))
    for _ in range(2):
        report = audit(settings, tell=True)
        assert not report.ok
        assert victim in {finding.order_id for finding in report.findings}
    notices = asyncio.run(told(settings))
    assert len({q.notice.to for q in notices}) == len(notices) >= 1
    assert "历史链断裂" in notices[0].notice.text

    async def watched() -> bytes:
        async with open_store(settings.database_url, settings.blobs) as store:
            found = await last(store, TENANT)
        assert found is not None
        assert found.orders == report.orders
        meters = Meters()
        meters.audit(found.at, found.findings)
        return meters.text()

    figures = asyncio.run(watched()).decode()
    assert 'paidan_audit_findings{what="chain"} 0' not in figures
    assert 'paidan_audit_findings{what="late_step"} 0.0' in figures
    assert "paidan_audit_timestamp_seconds 1" in figures
