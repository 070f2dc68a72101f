"""Backups taken in full traffic come back elsewhere as they were; what is no backup changes
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nlp import Understander
from paidan.backup import back_up, restore
from paidan.compose import Parts, assemble, seed
from paidan.demo import demo_company
from paidan.settings import Database, Settings
from storage import open_store
from tests.waiting import wait_until
from workflow.errors import InvalidInput, Unavailable
from workflow.records import Inbound

TENANT = "demo"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400
WORDS = ("电梯困人了", "空调不制冷", "水管爆了，水漫出来了", "门禁刷不开", "投影仪不亮")


def settings(folder: Path, url: str = "") -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    return Settings(data_dir=folder, tenant=TENANT, database=Database(url=url))


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives the address of an empty database; for SQLite empty: a file in the data folder."""
    if request.param == "sqlite":
        return lambda: ""
    made: Callable[[], str] = request.getfixturevalue("new_postgres")
    return made


@contextlib.asynccontextmanager
async def running(at: Settings, understander: Understander) -> AsyncIterator[Parts]:
    async with assemble(at.database_url, at.blobs, understander) as parts:
        await seed(parts.store, demo_company())
        loops = asyncio.create_task(parts.house.run())
        try:
            yield parts
        finally:
            loops.cancel()
            await asyncio.gather(loops, return_exceptions=True)


def report(n: int) -> Inbound:
    at, who = datetime.now(UTC), f"v{n}"
    return Inbound(TENANT, "web", who, "direct", who, f"m{n}", at, f"{WORDS[n % 5]}，{n}栋{n}室")


async def orders(at: Settings) -> dict[str, Any]:
    async with open_store(at.database_url, at.blobs) as store:
        return {order.id: (order, list(events)) for order, events in store.audit(TENANT)}


async def test_a_backup_in_full_traffic_comes_back_elsewhere(
    new_url: Callable[[], str], understander: Understander, tmp_path: Path
) -> None:
    here, there = settings(tmp_path / "a", new_url()), settings(tmp_path / "b", new_url())
    here.secret()
    async with running(here, understander) as parts:
        blob = await parts.store.blobs.put(PICTURE, "image/png")
        for n in range(10):
            await parts.front_desk.admit(report(n))

        async def opened() -> bool:
            return len(list(parts.store.audit(TENANT))) >= 3

        await wait_until(opened)
        over, sent = asyncio.Event(), 10

        async def traffic() -> None:
            nonlocal sent
            while not over.is_set():
                await parts.front_desk.admit(report(sent))
                sent += 1

        async def flows() -> bool:
            return sent > 12

        busy = asyncio.create_task(traffic())
        await wait_until(flows)
        before = {order.id for order, _ in parts.store.audit(TENANT)}
        path, made = await asyncio.to_thread(back_up, here, tmp_path / "kept.tar", _now())
        over.set()
        await busy
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert (made.blobs, made.lost) == (1, ())

    done = await asyncio.to_thread(restore, there, path, NOW)
    assert done.ok, [str(report) for report in done.reports]
    whole, back = await orders(here), await orders(there)
    assert before <= set(back) <= set(whole)
    for order_id, (_, events) in back.items():
        assert events == whole[order_id][1][: len(events)]
    async with open_store(there.database_url, there.blobs) as store:
        assert await store.blobs.get(blob) == (PICTURE, "image/png")
    assert there.secret() == here.secret()
    async with running(there, understander) as parts:
        await parts.front_desk.admit(report(9999))

        async def goes_on() -> bool:
            return len(list(parts.store.audit(TENANT))) > len(back)

        await wait_until(goes_on)


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def kept(tmp_path: Path, new_url: Callable[[], str]) -> tuple[Settings, Path]:
    """A company's settings and its backup, with an attachment in it."""
    at = settings(tmp_path / "a", new_url())
    at.secret()
    async with open_store(at.database_url, at.blobs) as store:
        await seed(store, demo_company())
        await store.blobs.put(PICTURE, "image/png")
    path, _ = await asyncio.to_thread(back_up, at, tmp_path, _now())
    assert path.name.startswith("paidan-20")
    return at, path


async def company_name(at: Settings) -> str:
    async with open_store(at.database_url, at.blobs) as store:
        return await store.read(TENANT, lambda uow: uow.company.name)


async def rename_company(at: Settings, name: str) -> None:
    async with open_store(at.database_url, at.blobs) as store:
        await store.transact(
            TENANT, lambda uow: uow.put_company(replace(demo_company().company, name=name))
        )


async def test_what_is_there_is_only_replaced_when_told_to_and_kept_aside(
    kept: tuple[Settings, Path], tmp_path: Path
) -> None:
    at, path = kept
    name = await company_name(at)
    await rename_company(at, "另一家")
    with pytest.raises(InvalidInput, match="restore_occupied"):
        await asyncio.to_thread(restore, at, path, NOW)
    assert await company_name(at) == "另一家"
    done = await asyncio.to_thread(lambda: restore(at, path, NOW, force=True))
    assert done.ok
    assert await company_name(at) == name
    assert "before" in done.aside
    again, _ = await asyncio.to_thread(back_up, at, tmp_path / "again.tar", _now())
    more = await asyncio.to_thread(lambda: restore(at, again, NOW + timedelta(hours=1), force=True))
    assert more.ok
    assert more.aside != done.aside


async def test_a_database_at_work_is_not_replaced(
    kept: tuple[Settings, Path], understander: Understander
) -> None:
    at, path = kept
    async with running(at, understander) as parts:

        async def at_work() -> bool:
            return parts.store.on_shift()

        await wait_until(at_work)
        with pytest.raises(InvalidInput, match="restore_busy"):
            await asyncio.to_thread(lambda: restore(at, path, NOW, force=True))


async def test_nobodys_file_is_overwritten(kept: tuple[Settings, Path]) -> None:
    at, path = kept
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="backup_exists"):
        back_up(at, path, NOW)
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".paidan*"))


def flipped(path: Path, member: str) -> None:
    """One byte in the middle of a member is another."""
    with tarfile.open(path) as tar:
        found = tar.getmember(member)
    data = bytearray(path.read_bytes())
    data[found.offset_data + found.size // 2] ^= 1
    path.write_bytes(data)


def rewritten(path: Path, **said: object) -> None:
    """The manifest says something else."""
    with tarfile.open(path) as tar:
        members = [(m, tar.extractfile(m).read()) for m in tar]  # type: ignore[union-attr]  # files
    with tarfile.open(path, "w") as tar:
        for member, data in members:
            if member.name == "manifest.json":
                data = json.dumps({**json.loads(data), **said}).encode()  # noqa: PLW2901
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def blob_of(path: Path) -> str:
    with tarfile.open(path) as tar:
        return next(name for name in tar.getnames() if name.startswith("blobs/"))


SPOILT: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (lambda p: p.write_bytes(b"") and None, "backup_none"),
    "text": (lambda p: p.write_text("不是备份") and None, "backup_none"),
    "cut short": (lambda p: cut(p, 0.5), "backup_(none|damaged)"),
    "cut at the end": (lambda p: cut(p, 0.9), "backup_(none|damaged)"),
    "a byte of the database": (lambda p: flipped(p, "database"), "backup_damaged"),
    "a byte of a picture": (lambda p: flipped(p, blob_of(p)), "backup_damaged"),
    "a newer format": (lambda p: rewritten(p, format=99), "backup_newer"),
    "another database": (lambda p: rewritten(p, dialect="oracle"), "backup_elsewhere"),
    "nonsense in the manifest": (lambda p: rewritten(p, at="gestern"), "backup_none"),
    "more in the manifest": (lambda p: rewritten(p, evil=1), "backup_none"),
}


@pytest.mark.parametrize(("spoil", "code"), SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("new_url", ["sqlite"], indirect=True)
async def test_what_is_no_whole_backup_changes_nothing(
    kept: tuple[Settings, Path], spoil: Callable[[Path], None], code: str
) -> None:
    at, path = kept
    await rename_company(at, "还在")
    spoil(path)
    with pytest.raises(InvalidInput, match=code):
        await asyncio.to_thread(lambda: restore(at, path, NOW, force=True))
    assert await company_name(at) == "还在"
    assert not list(at.data_dir.glob(".paidan*"))


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "blobs/../evil", "blobs/aa/bb"])
@pytest.mark.parametrize("new_url", ["sqlite"], indirect=True)
async def test_nothing_is_written_elsewhere(
    kept: tuple[Settings, Path], name: str, tmp_path: Path
) -> None:
    at, path = kept
    with tarfile.open(path, "a") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(InvalidInput, match="backup_damaged"):
        await asyncio.to_thread(lambda: restore(at, path, NOW, force=True))
    found = await asyncio.to_thread(lambda: list(tmp_path.rglob("evil")))
    assert found == []


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
async def test_without_postgresqls_tools_it_says_what_to_install(
    kept: tuple[Settings, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at, path = kept
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InvalidInput, match="tool_missing"):
        await asyncio.to_thread(back_up, at, tmp_path / "x.tar", NOW)
    name = await company_name(at)
    with pytest.raises(InvalidInput, match="tool_missing"):
        await asyncio.to_thread(lambda: restore(at, path, NOW, force=True))
    assert await company_name(at) == name


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
async def test_a_dump_that_does_not_come_back_leaves_everything_as_it_was(
    kept: tuple[Settings, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, path = kept
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "pg_restore").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (tools / "pg_restore").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    name = await company_name(at)
    with pytest.raises(Unavailable, match="broken"):
        await asyncio.to_thread(lambda: restore(at, path, NOW, force=True))
    assert await company_name(at) == name
