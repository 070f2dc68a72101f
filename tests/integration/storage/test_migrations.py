"""However a database came to its tables, they are the same; a newer one is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

import storage
from storage.codec import encode
from storage.database import Database
from storage.migrating import HEAD
from storage.schema import metadata
from workflow.kept import Match
from workflow.work_order import WorkOrder

MIGRATIONS = Path(storage.__file__).parent / "migrations"


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    if request.param == "sqlite":
        names = iter(range(10))
        return lambda: f"sqlite:///{tmp_path / f'{next(names)}.db'}"
    create: Callable[[], str] = request.getfixturevalue("new_postgres")
    return create


def engine_of(url: str) -> Engine:
    return create_engine(Database(url).url)


def upgraded(url: str, to: str = "head") -> Engine:
    """The tables made by running every migration, without any short cut."""
    engine = engine_of(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    return engine


def spelt(index: Any) -> str:
    conditions = {k: str(v) for k, v in index.get("dialect_options", {}).items()}
    return f"{index['name']} {index['column_names']} {index['unique']} {conditions}"


def described(engine: Engine) -> dict[str, object]:
    seen = inspect(engine)
    return {
        table: (
            [{k: str(v) for k, v in c.items()} for c in seen.get_columns(table)],
            sorted(spelt(i) for i in seen.get_indexes(table)),
            seen.get_pk_constraint(table),
            sorted(str(u) for u in seen.get_unique_constraints(table)),
        )
        for table in seen.get_table_names()
    }


def test_migrations_make_the_schema(new_url: Callable[[], str]) -> None:
    engine = upgraded(new_url())
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_short_cut_makes_the_same_tables(new_url: Callable[[], str]) -> None:
    url = new_url()
    assert storage.migrate(url) == [HEAD]
    quick, slow = engine_of(url), upgraded(new_url())
    assert described(quick) == described(slow)
    assert storage.revision(url) == HEAD
    assert storage.migrate(url) == []
    quick.dispose()
    slow.dispose()


async def test_an_older_database_is_brought_up_with_all_it_holds(
    new_url: Callable[[], str], tmp_path: Path
) -> None:
    url = new_url()
    order = WorkOrder("o1", "t", "WO-20261120-0001", version=1, text="电梯不动了")
    old = upgraded(url, "0001")
    with old.begin() as connection:
        connection.execute(
            text("INSERT INTO work_orders (tenant, id, number, doc) VALUES ('t', 'o1', :n, :doc)"),
            {"n": order.number, "doc": encode(order)},
        )
    old.dispose()
    assert storage.migrate(url) == [
        "0002",
        "0003",
        "0004",
        "0005",
        "0006",
        "0007",
        "0008",
        "0009",
        "0010",
        "0011",
    ]
    moved, new = engine_of(url), upgraded(new_url())
    assert described(moved) == described(new)
    moved.dispose()
    new.dispose()
    async with storage.open_store(url, tmp_path) as store:
        assert await store.read("t", lambda u: u.orders.find("WO-20261120-0001")) == order
        alike = Match("other", words="电梯不动")
        assert await store.read("t", lambda u: u.orders.matching(alike)) == [order]


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


async def test_a_newer_database_is_refused_and_left_alone(
    new_url: Callable[[], str], tmp_path: Path
) -> None:
    url = new_url()
    storage.migrate(url)
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(storage.Unavailable, match="9999"):
        async with storage.open_store(url, tmp_path):
            pass
    assert storage.revision(url) == "9999"
    engine.dispose()


def test_an_empty_database_has_no_revision(new_url: Callable[[], str]) -> None:
    assert storage.revision(new_url()) is None


async def test_what_cannot_be_reached_says_so(tmp_path: Path) -> None:
    for url in (
        f"sqlite:///{tmp_path}/no/such/folder/paidan.db",
        "postgresql://127.0.0.1:1/paidan",
    ):
        with pytest.raises(storage.Unavailable):
            async with storage.open_store(url, tmp_path):
                pass
