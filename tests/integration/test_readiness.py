"""A database that takes no writes: it is said, nothing is acknowledged that is not kept, and it
heals by itself.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import make_url

from paidan.settings import Settings
from paidan.watch.pages import own_door
from paidan.watch.readiness import Readiness
from paidan.watch.seams import watchman
from tests.vendors.ear import Ear
from tests.vendors.platform import TENANT, Town, town
from tests.vendors.telegram import FakeTelegram
from tests.waiting import wait_until
from workflow.errors import NoRoom

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
Break = Callable[[], AbstractContextManager[None]]


@dataclass
class House:
    """A town, who answers for it, and how its database comes to take no writes."""

    town: Town
    telegram: FakeTelegram
    side: TestClient[Any, Any]
    broken: Break
    why: str

    async def readyz(self) -> tuple[int, dict[str, Any]]:
        response = await self.side.get("/readyz")
        return response.status, await response.json()

    async def until_ready(self) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            status, body = await self.readyz()
            return body if status == 200 else None

        return await wait_until(look)


def full_disk(folder: Path) -> Break:
    """No file of this process may grow beyond what the largest of the database's has now."""

    @contextmanager
    def broken() -> Any:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        room = max(path.stat().st_size for path in folder.glob("town.db-wal"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return broken


def read_only(server: str, url: str) -> Break:
    """Whoever connects to this database may only read; nobody stays connected."""
    name = make_url(url).database

    def say(admin: psycopg.Connection[Any], how: str) -> None:
        admin.execute(f'ALTER DATABASE "{name}" {how}')  # type: ignore[call-overload]  # our own
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )

    @contextmanager
    def broken() -> Any:
        with psycopg.connect(server, autocommit=True) as admin:
            say(admin, "SET default_transaction_read_only = on")
            try:
                yield
            finally:
                admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')  # type: ignore[call-overload]  # our own

    return broken


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    telegram = FakeTelegram()
    if request.param == "sqlite":
        url, broken, why = "", full_disk(tmp_path), "磁盘满了"
    else:
        url = request.getfixturevalue("new_postgres")()
        broken, why = read_only(request.getfixturevalue("postgres_server"), url), "只读"
    async with town(telegram, Ear(), tmp_path, url=url) as there:
        parts = there.parts
        man = watchman(
            Settings(), parts.store, parts.house, parts.delivery, list(parts.channels), parts.meters
        )
        eager = Readiness(parts.store, TENANT, lambda: parts.house.beats, _always_later())
        object.__setattr__(man, "readiness", eager)
        async with TestClient(TestServer(own_door(man))) as side:
            yield House(there, telegram, side, broken, why)


def _always_later() -> Callable[[], float]:
    """A clock on which each look comes long after the last."""
    now = iter(range(0, 10**9, 60))
    return lambda: float(next(now))


async def test_nothing_is_acknowledged_while_nothing_can_be_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(house.telegram), "deliveries", 1)
    body = await house.until_ready()
    assert body["checks"] == {"database": True, "attachments": True, "loops": True}
    assert {"steps_lag_seconds", "notices_lag_seconds"} <= set(body["figures"])
    message = house.telegram.message("anna", "customer:anna", text=FAULT)
    update = {"update_id": 7, "message": message}
    with house.broken():
        status, body = await house.readyz()
        assert (status, body["ready"], body["checks"]["database"]) == (503, False, False)
        assert house.why in body["why"][0]
        assert await house.telegram.tell(update, times=3) == [503, 503, 503]
        assert await house.town.orders() == []
        assert (await house.side.get("/healthz")).status == 200
        metrics = await (await house.side.get("/metrics")).text()
        assert 'paidan_ready{part="database"} 0.0' in metrics
    await house.until_ready()
    assert await house.telegram.tell(update) == [200]
    order = await house.town.until_order()
    assert order.number
    counts = house.town.counts
    assert (counts["telegram", "unavailable"], counts["telegram", "accepted"]) == (3, 1)


async def test_however_often_somebody_asks_the_write_is_tried_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    store, now = house.town.parts.store, [1.0]
    notes = store.notes

    def noted(tenant: str, area: str) -> Any:
        tried.append(area)
        return notes(tenant, area)

    monkeypatch.setattr(store, "notes", noted)
    readiness = Readiness(store, TENANT, lambda: house.town.parts.house.beats, lambda: now[0])
    await asyncio.gather(*(readiness.look() for _ in range(9)))
    assert tried == ["readiness"]
    now[0] += 60
    await readiness.look()
    assert tried == ["readiness"] * 2


async def test_an_attachments_folder_that_takes_nothing_is_said(
    house: House, tmp_path: Path
) -> None:
    await house.until_ready()
    folder, aside = tmp_path / "blobs", tmp_path / "aside"
    folder.mkdir(exist_ok=True)
    folder.rename(aside)
    folder.write_text("not a folder")
    status, body = await house.readyz()
    assert (status, body["checks"]["attachments"], body["checks"]["database"]) == (503, False, True)
    assert "附件存不下" in body["why"][0]
    with pytest.raises(NoRoom):
        await house.town.parts.store.blobs.put(b"x", "text/plain")
    folder.unlink()
    aside.rename(folder)
    await house.until_ready()
    assert list(folder.iterdir()) == []
