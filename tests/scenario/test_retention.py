"""What was kept long enough goes, what is not over stays, and the record still proves itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, update

from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import assemble, seed
from paidan.demo import demo_company
from paidan.problems import InvalidFile
from paidan.retention import tidy
from paidan.settings import Retention, load_settings
from storage import retention
from storage.database import Sql
from storage.schema import work_orders
from storage.unit import SqlUnitOfWork
from tests.scenario.conftest import TUESDAY, Town, customer_chat, team_group
from workflow.kept import Case
from workflow.records import Notice, Urgency
from workflow.work_order import WorkOrder

LIFT = team_group("lift")
LIU, WANG = customer_chat("c01"), customer_chat("c02")
PICTURE, OLD = b"\x89PNG\r\n\x1a\n" + b"a" * 99, b"\x89PNG\r\n\x1a\n" + b"b" * 99
EVERYTHING = Retention(chatter=90, messages=90, notices=90, media=90, orders=0)
WHOLE_ORDERS = Retention(chatter=0, orders=90)
LATER = timedelta(days=120)


@pytest.fixture(params=["sqlite", "postgresql"])
async def town(
    request: pytest.FixtureRequest, understander: Understander, tmp_path: Path
) -> AsyncIterator[Town]:
    loaded, clock = demo_company(), FrozenClock(TUESDAY)
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'town.db'}"
    else:
        url = request.getfixturevalue("new_postgres")()
    async with assemble(url, tmp_path / "blobs", understander, clock=clock) as parts:
        await seed(parts.store, loaded)
        yield Town(parts, loaded, clock)


async def lived(town: Town) -> tuple[WorkOrder, WorkOrder]:
    """One work order is closed, another is open, both with a picture; and somebody says hello."""
    blobs = town.parts.store.blobs
    old, new = await blobs.put(OLD, "image/png"), await blobs.put(PICTURE, "image/png")
    await town.say("c01", "3 栋 2 单元电梯困人了，快来人！", media=[picture(old)])
    closed = await town.order()
    engineer = closed.assignee
    for do in ("accept", "arrive"):
        await town.press(engineer, do, chat=LIFT)
    await town.press(engineer, "complete", chat=LIFT, text="人已救出")
    await town.press("c01", "sign", chat=LIU)
    await town.press("c01", "rate", chat=LIU, rating=5)
    await town.say("c02", "我家空调不制冷，一直吹热风", media=[picture(new)])
    still = await town.order()
    await town.say("c06", "你好")
    await town.say("c06", "今天天气真好啊", chat=customer_chat("c06"))
    return await order_of(town, closed.id), still


def picture(blob: str) -> dict[str, Any]:
    return {"kind": "image", "blob": blob, "mime": "image/png"}


async def order_of(town: Town, order_id: str) -> WorkOrder:
    return next(order for order in await town.orders() if order.id == order_id)


async def tidied(town: Town, rules: Retention, later: timedelta = LATER) -> dict[str, int]:
    now, real = town.clock.now(town.tenant) + later, datetime.now(UTC) + later
    return dict(await tidy(town.parts.store, town.tenant, rules, now, real))


async def said_about(town: Town, order: WorkOrder) -> list[str]:
    story = await town.parts.store.queries.story(town.tenant)
    return [m.inbound.text for m in story.messages if m.outcome and m.order_id == order.id]


async def told_about(town: Town, order: WorkOrder) -> list[str]:
    return [q.notice.text for q in await town.notices() if q.notice.order_id == order.id]


async def test_the_words_go_and_the_record_stays(town: Town) -> None:
    closed, still = await lived(town)
    history, open_history = await town.history(closed), await town.history(still)
    told, said = await told_about(town, still), await town.lines(WANG)
    sent = [(q.id, q.state, q.receipt, q.notice.to) for q in await town.notices()
            if q.notice.order_id]  # fmt: skip
    gone = await tidied(town, EVERYTHING)
    assert gone["messages"] > 0
    assert gone["notices"] > 0
    assert gone["chatter"] > 0
    assert gone["media"] == 1
    assert await town.history(closed) == history
    assert await town.history(still) == open_history
    assert not any(await told_about(town, closed))
    assert await told_about(town, still) == told
    assert list(await town.lines(WANG)) == list(said)
    assert not await town.lines(LIU)
    assert [(q.id, q.state, q.receipt, q.notice.to) for q in await town.notices()
            if q.notice.order_id] == sent  # fmt: skip
    report = await town.audit()
    assert report.ok, str(report)
    assert (await tidied(town, EVERYTHING)).get("notices", 0) == 0
    blobs = town.parts.store.blobs
    assert await blobs.get(sha256(PICTURE).hexdigest()) == (PICTURE, "image/png")
    assert await blobs.get(sha256(OLD).hexdigest()) is None


async def test_a_closed_work_order_goes_whole_or_not_at_all(town: Town) -> None:
    closed, still = await lived(town)
    lines = list(await town.lines(WANG))
    assert (await tidied(town, WHOLE_ORDERS, timedelta(days=80))) == {"orders": 0}
    assert await tidied(town, WHOLE_ORDERS) == {"orders": 1}
    assert [order.id for order in await town.orders()] == [still.id]
    assert not await told_about(town, closed)
    assert list(await town.lines(WANG)) == lines
    report = await town.audit()
    assert report.ok, str(report)
    assert report.orders == 1
    again = await town.read(lambda uow: uow.orders.history(closed.id))
    assert list(again) == []
    await town.say("c03", "门禁刷不开，一楼大厅")
    numbers = [order.number for order in await town.orders()]
    assert closed.number not in numbers
    assert len(set(numbers)) == 2


def undecided(closed: WorkOrder, _: WorkOrder) -> Callable[[SqlUnitOfWork], object]:
    case = Case("k1", "complaint", TUESDAY, LIU, "c01", "太慢", order_id=closed.id)
    return lambda uow: uow.cases.put(case)


def unsent(closed: WorkOrder, _: WorkOrder) -> Callable[[SqlUnitOfWork], object]:
    later = TUESDAY + timedelta(days=999)
    notice = Notice(
        "late", "news", LIU, Urgency.INFO, "x", "", order_id=closed.id, not_before=later
    )
    return lambda uow: uow.outbox.add(notice)


def with_an_open_child(closed: WorkOrder, still: WorkOrder) -> Callable[[SqlUnitOfWork], object]:
    return adopted(child=still, parent=closed)


def of_an_open_parent(closed: WorkOrder, still: WorkOrder) -> Callable[[SqlUnitOfWork], object]:
    return adopted(child=closed, parent=still)


def adopted(child: WorkOrder, parent: WorkOrder) -> Callable[[SqlUnitOfWork], object]:
    orders = work_orders.c
    sql = Sql(
        update(work_orders)
        .where(orders.tenant == bindparam("its_tenant"), orders.id == bindparam("child"))
        .values(parent=bindparam("its_parent"))
    )
    its = {"its_tenant": child.tenant, "child": child.id, "its_parent": parent.number}
    return lambda uow: uow.scope.session.change(sql, **its)


@pytest.mark.parametrize("bind", [undecided, unsent, with_an_open_child, of_an_open_parent])
async def test_what_is_bound_to_something_open_stays(town: Town, bind: Any) -> None:
    closed, still = await lived(town)
    await town.parts.store.transact(town.tenant, bind(closed, still))
    assert await tidied(town, WHOLE_ORDERS) == {"orders": 0}
    assert len(await town.orders()) == 2


async def test_by_default_only_chatter_goes(town: Town) -> None:
    closed, _ = await lived(town)
    history, told = await town.history(closed), await told_about(town, closed)
    gone = await tidied(town, Retention())
    assert gone["chatter"] > 0
    assert set(gone) == {"chatter"}
    assert await town.history(closed) == history
    assert await told_about(town, closed) == told
    assert await town.lines(LIU)


async def test_what_a_person_still_has_to_decide_stays(town: Town) -> None:
    await town.say("c06", "你们这服务太差了，我要投诉！")
    cases = list(await town.cases())
    assert cases
    said = list(await town.lines(customer_chat("c06")))
    await tidied(town, EVERYTHING)
    assert list(await town.cases()) == cases
    assert list(await town.lines(customer_chat("c06"))) == said


async def test_batches_are_bounded_and_the_next_night_goes_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MESSAGES", 2)
    monkeypatch.setattr(retention, "ORDERS", 1)
    await lived(town)
    first = await tidied(town, EVERYTHING)
    assert first["messages"] > 2
    await town.say("c06", "你好呀")
    second = await tidied(town, EVERYTHING)
    assert second["chatter"] >= 1
    assert second["notices"] == 0


async def test_a_picture_that_comes_again_meanwhile_is_kept(town: Town) -> None:
    store = town.parts.store
    blob = await store.blobs.put(PICTURE, "image/png")
    before = int(datetime.now(UTC).timestamp() * 1e6)
    await store.blobs.put(PICTURE, "image/png")
    assert not await store.blobs.let_go(blob, before)
    assert await store.blobs.get(blob) == (PICTURE, "image/png")
    assert await store.blobs.let_go(blob, before + 10**12)
    assert await store.blobs.get(blob) is None
    assert await store.blobs.put(PICTURE, "image/png") == blob
    assert await store.blobs.get(blob) == (PICTURE, "image/png")


def test_less_than_a_month_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("retention:\n  orders: 7\n", "utf-8")
    with pytest.raises(InvalidFile) as refused:
        load_settings(config)
    (problem,) = refused.value.problems
    assert (problem.line, problem.key, problem.rule) == (2, "retention.orders", "days")
