"""Ten times as many people at once as can be let in: each is taken or sent away in the way its
platform tries again after, nothing taken is lost, what has to happen by itself happens before what
waits at the door, and afterwards everything is as before.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector

from bots import front_desk
from storage import writer
from storage.writer import Writer
from tests.contract.test_platforms import FAULT
from tests.vendors.ear import Ear
from tests.vendors.platform import TENANT, Town, town
from tests.vendors.telegram import FakeTelegram
from tests.waiting import wait_until

PACE = 0.05
"""Seconds of a commit on this disk."""
SHARE = 4
"""Messages that share one."""
WAITED_FOR = 0.2
"""Seconds in which a message is ours or refused."""
ADMITTED = int(SHARE * WAITED_FOR / PACE)
"""How many can be let in of those that come at once."""
TIMES = 10

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """A company on a slow disk."""
    commit = Writer._commit

    def slowly(self: Writer, *args: Any) -> bool:
        time.sleep(PACE)
        return commit(self, *args)

    monkeypatch.setattr(Writer, "_commit", slowly)
    monkeypatch.setattr(writer, "BATCH", SHARE)
    monkeypatch.setattr(front_desk, "ADMIT_WITHIN", WAITED_FOR)
    platform = FakeTelegram()
    async with (
        town(platform, Ear(), tmp_path) as made,
        ClientSession(connector=TCPConnector(limit=0)) as many,
    ):
        platform.http = many
        yield made


async def heard(there: Town) -> Counter[str]:
    """How often each text was kept."""
    story = await there.parts.store.queries.story(TENANT)
    return Counter(admitted.inbound.text for admitted in story.messages)


async def quiet(there: Town) -> bool:
    now = there.parts.clock.now(TENANT)
    backlog = await there.parts.store.queries.backlog(TENANT, now)
    return not (backlog.waiting_messages or backlog.due_notices or backlog.overdue_timers)


def crowd(there: Town) -> Sequence[asyncio.Task[list[int]]]:
    """Everybody asks at once, and again until they are taken, as their platform does."""
    return [
        asyncio.create_task(there.platform.says(f"p{n}", f"在吗，我是{n}号", f"customer:p{n}"))
        for n in range(ADMITTED * TIMES)
    ]


async def test_ten_times_as_many_as_can_be_let_in(there: Town) -> None:
    await there.platform.says("anna", FAULT, "customer:anna")
    order = await there.until_order(lambda o: bool(o.assignee))
    await wait_until(lambda: quiet(there))

    people = crowd(there)
    await asyncio.wait(people, return_when=asyncio.FIRST_COMPLETED)
    await there.parts.clock.move(TENANT, there.parts.clock.now(TENANT) + timedelta(minutes=6))
    there.parts.house.wake(TENANT, frozenset({"timers"}))
    await there.until_order(lambda o: o.id == order.id and o.assignee != order.assignee)

    answered = await asyncio.gather(*people)
    said = Counter(status for statuses in answered for status in statuses)
    assert set(said) == {200, 503}, said
    assert said[200] == len(people), "each is taken once and not asked again"
    assert said[503] > ADMITTED, "it was far more than could be let in"
    await wait_until(lambda: quiet(there))
    kept = await heard(there)
    assert [kept[f"在吗，我是{n}号"] for n in range(len(people))] == [1] * len(people)

    assert await there.platform.says("late", "在吗", "customer:late") == [200]
    await there.until_shown("customer:late", lambda s: bool(s.text))
