"""One mark runs from a message over its work order to the receipts of its notices."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from paidan.logs import configure
from paidan.settings import Log
from tests.vendors.ear import Ear
from tests.vendors.platform import TENANT, Town, town
from tests.vendors.telegram import FakeTelegram
from tests.waiting import wait_until
from workflow.tracing import cause_of

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(FakeTelegram(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[list[dict[str, Any]]]:
    """Call ``refresh`` by reading ``capsys``; lines so far, as JSON."""
    configure(Log(level="info", format="json"))
    yield []
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


def causes(there: Town, order_id: str) -> set[str]:
    notices = [queued.notice for queued in there.parts.store.outbox_audit(TENANT)]
    return {notice.cause for notice in notices if notice.order_id == order_id}


async def test_every_line_about_a_message_names_it(
    there: Town, logged: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    await there.platform.says("anna", FAULT, "customer:anna")
    order = await there.until_order()

    async def receipts() -> list[dict[str, Any]] | None:
        logged.extend(json.loads(line) for line in capsys.readouterr().err.splitlines())
        return [line for line in logged if line["event"] == "notice sent"]

    await wait_until(receipts)
    kept = next(line for line in logged if line["event"] == "message kept")
    trace = cause_of(TENANT, kept["message"])
    story = [line["event"] for line in logged if line.get("trace") == trace]
    assert story[0] == "message kept"
    assert "message settled" in story
    assert "notice sent" in story
    assert causes(there, order.id) == {trace}
    whole = json.dumps(logged, ensure_ascii=False)
    assert "13712345678" not in whole
    assert "锦绣苑" not in whole


async def test_what_a_step_says_goes_back_to_the_step(there: Town) -> None:
    await there.platform.says("anna", FAULT, "customer:anna")
    order = await there.until_order()
    store = there.parts.store
    timer = await store.read(TENANT, lambda uow: uow.timers.open(f"order:{order.id}"))
    assert timer is not None
    await there.parts.house.wind_to(TENANT, timer.due)
    cause = cause_of(TENANT, f"{timer.subject}#{timer.generation}")
    assert cause in causes(there, order.id)
