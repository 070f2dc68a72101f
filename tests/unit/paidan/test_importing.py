"""Tables and company files come in by id: mistakes named by row and column, nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from paidan.company_file import Loaded
from paidan.demo import demo_company, seed
from paidan.importing import (
    Outcome,
    decode_table,
    identities,
    import_rows,
    store_company,
    store_rows,
)
from paidan.problems import InvalidFile, describe
from storage import SqlStore, open_store
from workflow.company import Identity
from workflow.errors import InvalidInput
from workflow.records import ChatRef

CUSTOMERS = "id,name,phone,vip,place,lat,lon\nk1,周先生,13800138000,是,3栋501,31.2,121.5\n"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store("sqlite:///:memory:", tmp_path) as opened:
        await seed(opened, "demo", demo_company())
        yield opened


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_excel_and_wps_write_is_understood(codec: str, separator: str) -> None:
    text = "编号,姓名,电话,贵宾\r\nk1,周先生,138 0013 8000,是\r\n".replace(",", separator)
    result = import_rows("customers", decode_table(text.encode(codec)))
    assert result.errors == ()
    assert [dict(r.values) for r in result.rows] == [
        {"id": "k1", "name": "周先生", "phone": "13800138000", "vip": True}
    ]


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InvalidFile):
        decode_table(b"id,name\n\xff\xff\xff")


BAD_CELLS = [
    ("customers", "id,name,phone\nk1,a,1.38E+10\n", 2, "phone", "1.38E+10", "11-digit"),
    ("customers", "id,name,vip\nk1,a,也许\n", 2, "vip", "也许", "true or false"),
    ("customers", "id,name,lat\nk1,a,北\n", 2, "lat", "北", "-90–90"),
    ("customers", "id,name,locale\nk1,a,fr\n", 2, "locale", "fr", "zh_CN"),
    ("customers", "id,name\nk1,a\n,b\n", 3, "id", "", "required"),
    ("customers", "id,name\nk1,a\n\nk1,b\n", 4, "id", "k1", "line 2"),
    ("customers", "id,name\nk1,a,b,c\n", 2, "", "4", "2 cells"),
    ("customers", "id,name,fax\nk1,a,1\n", 1, "fax", "fax", "phone（电话）"),
    ("customers", "id,name,name\nk1,a,b\n", 1, "name", "name", "once"),
    ("customers", "name\na\n", 1, "id", "", "required"),
    ("customers", "id,name\n", 0, "", "", "no rows"),
    ("customers", "", 1, "id", "", "required"),
    ("assets", "id,name,fault_type\na,b,电视\n", 2, "fault_type", "电视", "elevator"),
    ("assets", "id,name,installed_on\na,b,去年\n", 2, "installed_on", "去年", "2026-10-01"),
    ("staff", "id,name,role\na,b,老板\n", 2, "role", "老板", "engineer"),
    ("staff", "id,name,skills\na,b,hvac:9\n", 2, "skills", "hvac:9", "1–5"),
    ("staff", "id,name,skills\na,b,tv:3\n", 2, "skills", "tv:3", "hvac"),
    ("staff", "id,name,contacts\na,b,wang\n", 2, "contacts", "wang", "sandbox/"),
    ("staff", "id,name,handles\na,b,wang\n", 2, "handles", "wang", "channel=user"),
]


@pytest.mark.parametrize(("kind", "text", "row", "column", "found", "says"), BAD_CELLS)
def test_a_wrong_cell_is_named_by_row_and_column(
    kind: str, text: str, row: int, column: str, found: str, says: str
) -> None:
    errors = import_rows(kind, text).errors  # type: ignore[arg-type] # a table of kinds
    assert (errors[0].line, errors[0].key, errors[0].found) == (row, column, found)
    assert says in errors[0].allowed
    assert describe(errors[0])


def test_two_hundred_rows_report_each_their_own_error() -> None:
    rows = [f"k{n},名{n},{'x' if n % 10 == 0 else 13800000000 + n}" for n in range(200)]
    result = import_rows("customers", "id,name,phone\n" + "\n".join(rows))
    assert len(result.rows) == 180
    assert [e.line for e in result.errors] == list(range(2, 202, 10))


def test_skills_may_be_written_in_chinese() -> None:
    row = import_rows("staff", "编号,姓名,技能\nw,王工,空调暖通:5；给排水、电梯扶梯：2\n").rows[0]
    assert row.values["skills"] == {"hvac": 5, "plumbing": 3, "elevator": 2}


# --- storing ----------------------------------------------------------------------------------


async def test_the_demo_company_is_seeded_with_its_identities(store: SqlStore) -> None:
    loaded = demo_company()
    company = await store.read("demo", lambda uow: uow.company)
    assert company == loaded.company
    for customer in loaded.customers:
        assert (
            await store.read("demo", lambda uow, c=customer: uow.people.customer(c.id)) == customer
        )
    who = await store.read("demo", lambda uow: uow.people.identity("sandbox", "wanglei"))
    assert who == Identity("sandbox", "wanglei", "engineer", "wanglei", "王磊")
    who = await store.read("demo", lambda uow: uow.people.identity("sandbox", "c04"))
    assert who == Identity("sandbox", "c04", "customer", "c04", "汇丰大厦物业部")
    assert Identity("console", "linyue", "admin", "linyue", "林悦") in identities(company)


async def test_the_same_file_twice_changes_nothing(store: SqlStore) -> None:
    assert await seed(store, "demo", demo_company()) == Outcome(unchanged=12 + 14 + 9)
    result = import_rows("customers", CUSTOMERS)
    assert await store_rows(store, "demo", result) == Outcome(added=1)
    assert await store_rows(store, "demo", result) == Outcome(unchanged=1)


async def test_a_company_is_stored_under_any_tenant(store: SqlStore) -> None:
    await store_company(store, "other", demo_company())
    assert (await store.read("other", lambda uow: uow.company)).tenant == "other"


async def test_what_daily_work_filled_in_survives_the_next_import(store: SqlStore) -> None:
    loaded = demo_company()
    asset, customer = loaded.assets[0], loaded.customers[0]
    bare = Loaded(
        replace(
            loaded.company,
            staff={k: replace(s, ratings=()) for k, s in loaded.company.staff.items()},
        ),
        (replace(customer, contacts=(), name="改名"),),
        (replace(asset, token=""), replace(asset, id="new", serial="N-1", token="")),
    )
    assert await store_company(store, "demo", bare) == Outcome(1, 1, 1)
    company = await store.read("demo", lambda uow: uow.company)
    assert company.staff["wanglei"].ratings == loaded.company.staff["wanglei"].ratings
    kept = await store.read("demo", lambda uow: uow.people.customer(customer.id))
    assert kept == replace(customer, name="改名")
    assert await store.read("demo", lambda uow: uow.people.asset(asset.id)) == asset
    new = await store.read("demo", lambda uow: uow.people.asset("new"))
    assert new is not None
    assert len(new.token) >= 12
    assert "new" not in new.token


async def test_absent_columns_stay_and_empty_cells_clear(store: SqlStore) -> None:
    result = import_rows("customers", "id,name,place\nc01,刘女士,\n")
    assert await store_rows(store, "demo", result) == Outcome(changed=1)
    customer = await store.read("demo", lambda uow: uow.people.customer("c01"))
    before = demo_company().customers[0]
    assert customer == replace(before, name="刘女士", site=replace(before.site, name=""))


async def test_one_wrong_row_keeps_the_table_out_unless_partial(store: SqlStore) -> None:
    result = import_rows("customers", CUSTOMERS + "k2,李,x,,,,\n")
    outcome = await store_rows(store, "demo", result)
    assert (outcome.added, [e.line for e in outcome.errors]) == (0, [3])
    assert await store.read("demo", lambda uow: uow.people.customer("k1")) is None
    outcome = await store_rows(store, "demo", result, partial=True)
    assert (outcome.added, len(outcome.errors)) == (1, 1)


async def test_staff_join_the_company_and_become_known(store: SqlStore) -> None:
    table = (
        "编号,姓名,班组,班次,技能,上级,会话,账号\n"
        "xin,辛工,home,day,空调暖通:4,chenwei,sandbox/staff:xin,sandbox=xin\n"
    )
    assert await store_rows(store, "demo", import_rows("staff", table)) == Outcome(added=1)
    company = await store.read("demo", lambda uow: uow.company)
    assert company.staff["xin"].contacts == (ChatRef("sandbox", "staff:xin"),)
    assert company.policy == demo_company().company.policy
    who = await store.read("demo", lambda uow: uow.people.identity("sandbox", "xin"))
    assert who == Identity("sandbox", "xin", "engineer", "xin", "辛工")


async def test_staff_that_do_not_fit_the_company_are_refused_by_row(store: SqlStore) -> None:
    table = (
        "id,name,team,shift,supervisor\n"
        "x1,甲,home,day,chenwei\n"
        "x2,乙,home,nigth,x1\n"
        "x3,丙,home,day,x2\n"
        "x4,丁,homes,day,\n"
    )
    outcome = await store_rows(store, "demo", import_rows("staff", table))
    assert [(e.line, e.key, e.found) for e in outcome.errors if e.line != 4] == [
        (3, "shift", "nigth"),
        (5, "team", "homes"),
    ]
    assert "x1" not in (await store.read("demo", lambda uow: uow.company)).staff
    outcome = await store_rows(store, "demo", import_rows("staff", table), partial=True)
    assert outcome.added == 1
    assert [(e.line, e.key) for e in outcome.errors] == [
        (3, "shift"), (5, "team"), (4, "supervisor"),
    ]  # fmt: skip


async def test_nobody_may_be_left_to_take_a_queue(store: SqlStore) -> None:
    names = ["heqi", "linan", "songyang", "tangwei"]
    table = "id,name,active\n" + "".join(f"{n},{n},否\n" for n in names)
    outcome = await store_rows(store, "demo", import_rows("staff", table), partial=True)
    assert "members" in {e.rule for e in outcome.errors}
    company = await store.read("demo", lambda uow: uow.company)
    assert all(company.staff[n].active for n in names)


async def test_assets_of_unknown_customers_are_refused_by_row(store: SqlStore) -> None:
    table = "id,name,customer_id\nb1,空调,c01\nb2,冰箱,nobody\n"
    outcome = await store_rows(store, "demo", import_rows("assets", table))
    assert [(e.line, e.key, e.found) for e in outcome.errors] == [(3, "customer_id", "nobody")]
    assert await store.read("demo", lambda uow: uow.people.asset("b1")) is None
    outcome = await store_rows(store, "demo", import_rows("assets", table), partial=True)
    assert outcome.added == 1
    asset = await store.read("demo", lambda uow: uow.people.asset("b1"))
    assert asset is not None
    again = await store_rows(store, "demo", import_rows("assets", table), partial=True)
    assert again.unchanged == 1
    assert await store.read("demo", lambda uow: uow.people.asset("b1")) == asset


async def test_people_before_a_company_are_refused(store: SqlStore) -> None:
    with pytest.raises(InvalidInput):
        await store_rows(store, "nobody", import_rows("staff", "id,name\na,b\n"))
