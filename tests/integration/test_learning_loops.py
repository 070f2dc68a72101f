"""The loops beside the house: which model reads, and the nightly lesson, without any model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from paidan.compose import seed
from paidan.demo import demo_company
from paidan.learning.following import Follower, LiveReader
from paidan.learning.nightly import LATE_BY, Nightly
from paidan.learning.registry import Registry
from storage import SqlStore, open_store
from workflow.errors import InvalidInput
from workflow.learning import ModelMove, ModelVersion

TENANT = "demo"
NIGHT = datetime(2026, 11, 24, 19, 30, tzinfo=UTC)
"""Half past three in the morning in Shanghai."""


@dataclass
class Named:
    """Stands for a reader: all that the registry asks of one is the name of its model."""

    name: str

    @property
    def model(self) -> Named:
        return self


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(f"sqlite:///{tmp_path / 'x.db'}", tmp_path / "blobs") as store:
        await seed(store, demo_company())
        yield store


@pytest.fixture
def registry(store: SqlStore, tmp_path: Path) -> Registry:
    return Registry(store, TENANT, cast("Any", Named("base")), tmp_path / "models")


async def keep(registry: Registry, name: str, base: str = "base", *, days: int = 0) -> str:
    """A version with weights that are none; its blob."""
    blob = await registry.store.blobs.put(name.encode(), "application/x-paidan-model")
    version = ModelVersion(name, base, NIGHT + timedelta(days=days), blob)
    await registry.store.transact(TENANT, lambda uow: uow.models.put(version))
    return blob


async def test_each_rollback_goes_one_further_back(registry: Registry) -> None:
    for name in ("aaa1", "bbb2"):
        await keep(registry, name)
        await registry.promote(name[:3], "linyue", NIGHT)
    assert await registry.current() == "bbb2"
    assert (await registry.roll_back("linyue", NIGHT)).model == "aaa1"
    assert (await registry.roll_back("linyue", NIGHT)).model == ""
    with pytest.raises(InvalidInput, match="nothing_to_roll_back"):
        await registry.roll_back("linyue", NIGHT)
    await registry.promote("bbb2", "linyue", NIGHT)
    assert (await registry.roll_back("linyue", NIGHT)).model == ""


async def test_a_version_of_an_older_program_does_not_read(registry: Registry) -> None:
    await keep(registry, "old1", "another base")
    with pytest.raises(InvalidInput, match="model_outdated"):
        await registry.promote("old1", "linyue", NIGHT)
    await registry.note(ModelMove(NIGHT, "promoted", "old1", "", "linyue"))
    assert await registry.current() == "", "the program was renewed since"


async def test_the_one_that_reads_is_never_dropped(registry: Registry) -> None:
    blobs = [await keep(registry, f"v{n}", days=n) for n in range(4)]
    await registry.promote("v0", "linyue", NIGHT)
    assert set(await registry.prune(2)) == {"v1", "v2"}
    assert {v.name for v in (await registry.standing()).versions} == {"v0", "v3"}
    gone = [await registry.store.blobs.get(blob) is None for blob in blobs]
    assert gone == [False, True, True, False]


async def test_who_was_overtaken_is_not_promoted(registry: Registry) -> None:
    await keep(registry, "aaa1")
    await registry.note(ModelMove(NIGHT, "promoted", "aaa1", "", "linyue"))
    move = ModelMove(NIGHT, "promoted", "bbb2", "", "system")
    assert not await registry.note(move, only_if="")
    assert (await registry.standing()).current == "aaa1"


async def test_the_reader_follows_the_journal_and_survives_lost_weights(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = {"": Named("base"), "aaa1": Named("aaa1")}

    async def reader(name: str) -> Any:
        if name not in readers:
            raise InvalidInput(field="model", found=name, allowed="a version with weights")
        return readers[name]

    monkeypatch.setattr(registry, "reader", reader)
    live = LiveReader(cast("Any", readers[""]))
    follower = Follower(registry, live)
    assert not await follower.follow()
    await keep(registry, "aaa1")
    await registry.promote("aaa1", "linyue", NIGHT)
    assert await follower.follow()
    assert live.reader is cast("Any", readers["aaa1"])
    await keep(registry, "lost")
    await registry.promote("lost", "linyue", NIGHT)
    with pytest.raises(InvalidInput):
        await follower.follow()
    assert live.reader is cast("Any", readers["aaa1"]), "who reads goes on reading"
    await registry.roll_back("linyue", NIGHT)
    assert not await follower.follow(), "it never stopped"


@pytest.mark.parametrize(
    ("after", "runs"),
    [
        (timedelta(minutes=-1), 0),
        (timedelta(), 1),
        (LATE_BY - timedelta(minutes=1), 1),
        (LATE_BY, 0),
    ],
)
async def test_the_lesson_is_at_night_by_the_companys_clock(
    store: SqlStore, after: timedelta, runs: int
) -> None:
    ran: list[str] = []

    async def run() -> int:
        ran.append("ran")
        return 0

    nightly = Nightly(store, TENANT, "03:30", run, now=lambda: NIGHT + after)
    assert await nightly.look() == bool(runs)
    assert len(ran) == runs


async def test_two_processes_learn_once_a_night_and_again_the_next(store: SqlStore) -> None:
    ran: list[datetime] = []
    now = NIGHT

    async def run() -> int:
        ran.append(now)
        return 0

    both = [Nightly(store, TENANT, "03:30", run, now=lambda: now) for _ in range(2)]
    for nightly in both:
        await nightly.look()
    assert ran == [NIGHT]
    now = NIGHT + timedelta(days=1)
    for nightly in both:
        await nightly.look()
    assert len(ran) == 2


async def test_without_a_time_nothing_is_learnt_by_itself(store: SqlStore) -> None:
    async def run() -> int:
        raise AssertionError("nobody asked for it")

    assert not await Nightly(store, TENANT, "", run, now=lambda: NIGHT).look()


async def test_own_words_take_effect_with_the_company(store: SqlStore) -> None:
    company = demo_company().company
    fewer = replace(company, vocabulary=company.vocabulary[:1])
    await store.transact(TENANT, lambda uow: uow.put_company(fewer))
    kept = await store.read(TENANT, lambda uow: uow.company)
    assert kept.vocabulary == company.vocabulary[:1]
    assert kept.taxonomy == company.taxonomy
