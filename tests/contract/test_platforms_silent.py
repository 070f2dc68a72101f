"""A platform that takes our calls and never answers: it costs one deadline, no notice and nobody
else's.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bots.email import postman
from bots.gateway.api import Api
from bots.wecom import line
from tests.contract.test_platforms import PLATFORMS
from tests.contract.test_platforms_in_trouble import note, quiet
from tests.vendors.ear import Ear
from tests.vendors.platform import TENANT, Hang, Platform, Town, town
from tests.waiting import wait_until
from workflow.ports import UnitOfWork
from workflow.records import ChatRef, Urgency

HANGS: list[Hang] = ["silent", "begun"]
SOON = 0.4
"""Seconds in place of the adapters' own deadlines; far below the outbox's, so that theirs count."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Api.call.__kwdefaults__, "within", SOON)
    monkeypatch.setattr(line, "ANSWER_WITHIN", SOON)
    monkeypatch.setattr(postman, "ANSWER_WITHIN", SOON)


@pytest.mark.parametrize("how", HANGS)
@pytest.mark.parametrize("kind", PLATFORMS, ids=lambda kind: kind.__name__)
async def test_a_call_that_is_never_answered_costs_its_deadline_and_leaves_once_later(
    kind: type[Platform], how: Hang, tmp_path: Path
) -> None:
    async with town(kind(), Ear(), tmp_path) as there:
        platform = there.platform
        await platform.says("anna", "在吗", "customer:anna")
        await there.until_shown("customer:anna", lambda shown: bool(shown.text))
        await quiet(there)
        stood = len(platform.shown("customer:anna"))
        platform.hangs(how)
        hung = ChatRef(platform.name, platform.chat("customer:anna"))
        other = ChatRef("sandbox", "customer:bystander")

        def queue(uow: UnitOfWork) -> None:
            uow.outbox.add(note("hung", hung, Urgency.REMINDER, "师傅在路上"))
            uow.outbox.add(note("other", other, Urgency.REMINDER, "别的渠道"))

        await there.parts.store.transact(TENANT, queue)
        await _said_in_the_sandbox(there, other)
        await _put_off(there)
        assert len(platform.shown("customer:anna")) == stood
        platform.hangs("")
        await _until_it_stands(there, stood + 1)
        await there.parts.house.wind(TENANT, timedelta(hours=1))
        await quiet(there)
        assert len(platform.shown("customer:anna")) == stood + 1


async def _said_in_the_sandbox(there: Town, place: ChatRef) -> None:
    async def said() -> bool:
        lines = await there.parts.store.read(TENANT, lambda uow: uow.chat_log.lines(place))
        return any("别的渠道" in post.text for post in lines)

    await wait_until(said)


async def _put_off(there: Town) -> None:
    """It failed, and is kept for later: neither sent nor dead."""
    store = there.parts.store

    async def waits() -> bool:
        due = await store.next_due(TENANT)
        return due is not None and due > there.parts.clock.now(TENANT)

    await wait_until(waits)


async def _until_it_stands(there: Town, many: int) -> None:
    clock = there.parts.clock

    async def stands() -> bool:
        await clock.move(TENANT, clock.now(TENANT) + timedelta(seconds=10))
        there.parts.house.wake(TENANT, frozenset({"outbox"}))
        return len(there.platform.shown("customer:anna")) >= many

    await wait_until(stands)
