"""What a tenant knows: built when asked, kept up, its own alone, and forgotten on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from paidan import knowing
from paidan.demo import demo_company, seed
from paidan.demo.history import past, seed_history
from paidan.knowing import Knowing
from storage import SqlStore, open_store
from workflow.knowledge import Article, Question, Repair, Usage, Use

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
COLD = Question("空调不制冷吹热风", fault_type="hvac")
JAM = Question("打印机卡纸怎么办")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(f"sqlite:///{tmp_path / 'k.db'}", tmp_path / "blobs") as opened:
        await seed(opened, "demo", demo_company())
        yield opened


@pytest.fixture
async def known(store: SqlStore) -> AsyncIterator[Knowing]:
    found = Knowing(store)
    yield found
    await found.close()


async def write(store: SqlStore, tenant: str, article: Article) -> Article:
    return await store.transact(tenant, lambda uow: uow.articles.put(article, "test"))


async def test_nothing_is_known_before_it_was_read(known: Knowing) -> None:
    assert known.articles("demo", JAM) == []
    assert known.repairs("demo", COLD) == []


async def test_articles_and_repairs_are_found(store: SqlStore, known: Knowing) -> None:
    assert await seed_history(store, "demo", NOW) == len(past())
    assert await seed_history(store, "demo", NOW) == 0
    await known.refresh("demo")
    assert known.articles("demo", JAM)[0].article.id == "jam"
    found = known.repairs("demo", COLD)
    assert "启动电容 35μF" in dict(found[0].parts)
    assert found[0].minutes == 40
    assert {repair.fault_type for repair in found} == {"hvac"}


async def test_another_tenant_knows_nothing_of_it(store: SqlStore, known: Knowing) -> None:
    await seed(store, "other", demo_company())
    await seed_history(store, "demo", NOW)
    await write(store, "demo", Article("secret", "打印机卡纸", "只有我们知道"))
    await known.refresh("demo")
    await known.refresh("other")
    assert known.repairs("other", COLD) == []
    assert "secret" not in [f.article.id for f in known.articles("other", JAM)]


async def test_an_edit_is_known_at_once_and_keeps_its_versions(
    store: SqlStore, known: Knowing
) -> None:
    await known.refresh("demo")
    old = known.articles("demo", JAM)[0].article
    again = await write(store, "demo", old)
    assert again.version == old.version == 1
    fresh = Article(old.id, old.title, "换一台打印机", old.asks, version=7)
    assert (await write(store, "demo", fresh)).version == 2
    await known.refresh("demo")
    assert known.articles("demo", JAM)[0].article.steps == "换一台打印机"
    versions = await store.read("demo", lambda uow: uow.articles.versions(old.id))
    assert [(a.version, by) for a, _, by in versions] == [(2, "test"), (1, "import")]


async def test_what_is_switched_off_is_not_found(store: SqlStore, known: Knowing) -> None:
    await write(store, "demo", Article("jam", "打印机卡纸", "步骤", active=False))
    await known.refresh("demo")
    assert "jam" not in [f.article.id for f in known.articles("demo", JAM)]


@pytest.mark.parametrize(
    ("question", "sure"),
    [
        (Question("E07", codes=("E07",)), True),
        (Question("随便说点什么", codes=("e-07",)), True),
        (Question("充电桩扫码失败", fault_type="ev_charger"), True),
        (Question("充电桩扫码失败", fault_type="elevator"), False),
        (Question("充电桩扫码失败 E05", fault_type="ev_charger", codes=("E05",)), False),
        (Question("收银台 E07", fault_type="pos_payment", codes=("E07",)), False),
    ],
)
async def test_codes_and_kinds_decide_who_is_given_e07(
    known: Knowing, question: Question, sure: bool
) -> None:
    await known.refresh("demo")
    given = [f.article.id for f in known.articles("demo", question) if f.sure]
    assert given[:1] == (["e07"] if sure else [])


async def test_the_same_asset_outweighs_words(store: SqlStore, known: Knowing) -> None:
    await seed_history(store, "demo", NOW)
    await known.refresh("demo")
    asked = Question("空调漏水不制冷", fault_type="hvac", asset_id="a14")
    assert known.repairs("demo", asked)[0].asset_id == "a14"


async def test_a_long_history_is_read_behind_the_messages_back(
    store: SqlStore, known: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.repairs._PAGE", 3)
    monkeypatch.setattr(knowing, "AT_ONCE", 1)
    await seed_history(store, "demo", NOW)
    await known.refresh("demo")
    assert len(known._memories["demo"].repairs) < len(past())
    await asyncio.gather(*known._reading.values())
    assert len(known._memories["demo"].repairs) == len(past())


async def test_only_so_many_are_held(
    store: SqlStore, known: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowing, "KEPT", 5)
    await seed_history(store, "demo", NOW)
    await known.refresh("demo")
    memory = known._memories["demo"]
    assert len(memory.repairs) == len(memory.history) == 5
    assert min(r.at for r in memory.repairs.values()) > NOW - timedelta(days=60)


async def test_what_would_not_be_held_is_not_even_read(
    store: SqlStore, known: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowing, "KEPT", 5)
    await seed_history(store, "demo", NOW)
    read: list[str] = []
    take_in = knowing._take_in

    def taken(memory: Any, found: Sequence[Repair]) -> None:
        read.extend(repair.id for repair in found)
        take_in(memory, found)

    monkeypatch.setattr(knowing, "_take_in", taken)
    await known.refresh("demo")
    assert len(set(read)) == 5


async def test_what_was_erased_is_forgotten(store: SqlStore, known: Knowing) -> None:
    await seed_history(store, "demo", NOW)
    await known.refresh("demo")
    await store.erase("demo")
    known.forget("demo")
    await seed(store, "demo", demo_company())
    await known.refresh("demo")
    assert known.repairs("demo", COLD) == []


async def test_an_offer_is_counted_once_and_answered_once(store: SqlStore) -> None:
    use = Use("order:1", "jam", 1, NOW)

    async def answered(answer: str, deflected: bool) -> bool:
        return await store.transact(
            "demo",
            lambda uow: uow.articles.answered("order:1", answer, NOW, deflected=deflected),
        )

    for _ in range(2):
        await store.transact("demo", lambda uow: uow.articles.offered(use))
    assert await answered("solved", True)
    assert not await answered("unsolved", False)
    usage = await store.read("demo", lambda uow: uow.articles.usage())
    assert usage == {"jam": Usage(offered=1, solved=1, deflected=1)}
