"""「登录」 in chat: a one-time link, for one pair of eyes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import assemble, seed
from paidan.demo import demo_company
from tests.scenario.conftest import TUESDAY, Town, customer_chat, staff_chat, team_group


@pytest.fixture
async def town(understander: Understander, tmp_path: Path) -> AsyncIterator[Town]:
    loaded, clock = demo_company(), FrozenClock(TUESDAY)
    async with assemble(
        f"sqlite:///{tmp_path / 'town.db'}",
        tmp_path / "blobs",
        understander,
        clock=clock,
        sign_in=lambda tenant, staff: {"url": f"https://x/{tenant}/{staff}", "minutes": 15},
    ) as parts:
        await seed(parts.store, loaded)
        yield Town(parts, loaded, clock)


async def test_a_colleague_who_writes_sign_in_gets_a_link_of_their_own(town: Town) -> None:
    await town.say("zhoulan", "登录")
    assert "https://x/demo/zhoulan" in await town.last(staff_chat("zhoulan"))


async def test_asked_in_a_group_the_link_still_goes_to_the_own_chat(town: Town) -> None:
    await town.say("zhaoqiang", "登录", chat=team_group("lift"))
    assert not any("https://" in text for text in await town.heard(team_group("lift")))
    assert "https://x/demo/zhaoqiang" in await town.last(staff_chat("zhaoqiang"))


async def test_a_customer_gets_none(town: Town) -> None:
    await town.say("c01", "登录")
    assert not any("https://" in text for text in await town.heard(customer_chat("c01")))
