"""``paidan action-link``: one button for somebody whom no chat reaches."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.plan import plan
from paidan.demo import seed
from paidan.errands import action_link
from paidan.settings import Settings
from paidan.signing import unsign
from storage import open_store
from workflow import commands as c
from workflow.errors import InvalidInput, NotAllowed, UnknownTicket
from workflow.events import Actor
from workflow.service import Service


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path)

    async def prepare() -> None:
        async with open_store(settings.database_url, settings.blobs) as store:
            await seed(store, settings.tenant)
            details = c.Details("电梯困人", fault_type="elevator", priority="P0")
            report = c.Report(Actor("c01", "customer"), c.Origin(), details)
            now = datetime.now(UTC)
            await store.transact(
                settings.tenant, lambda uow: Service(plan).handle(report, uow, now)
            )

    asyncio.run(prepare())
    return settings


def test_it_presses_what_its_reader_would_see_now_and_only_for_a_day(settings: Settings) -> None:
    token = action_link(settings, "take_over", "1", "zhoulan").rpartition("/do/")[2]
    facts = unsign(settings.secret(), "do", token, datetime.now(UTC))
    assert (facts["do"], facts["staff"], facts["expect"]) == ("take_over", "zhoulan", "dispatched")
    assert facts["generation"] == 1
    with pytest.raises(NotAllowed):
        unsign(settings.secret(), "do", token, datetime.now(UTC) + timedelta(hours=25))
    with pytest.raises(NotAllowed):
        unsign(settings.secret(), "login", token, datetime.now(UTC))


def test_what_does_not_exist_is_named(settings: Settings) -> None:
    with pytest.raises(InvalidInput):
        action_link(settings, "fly", "1", "zhoulan")
    with pytest.raises(InvalidInput):
        action_link(settings, "take_over", "1", "nobody")
    with pytest.raises(UnknownTicket):
        action_link(settings, "take_over", "99", "zhoulan")
