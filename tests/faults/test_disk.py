"""A disk that fills up under a process in full traffic: it says so, takes nothing it cannot keep,
and goes on by itself once there is room.
"""

from __future__ import annotations

import asyncio
import random
import resource
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from nlp import Understander
from tests.faults.houses import House, Street, nothing_lost_nothing_doubled, street
from tests.waiting import wait_until

SEED = 20261127
FAULTS = ("空调不制冷", "水管漏水", "灯不亮了", "电梯有异响", "门锁打不开", "马桶堵了")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def here(understander: Understander, tmp_path: Path) -> AsyncIterator[Street]:
    del understander  # trained by now
    async with street(tmp_path / "street", f"sqlite:///{tmp_path / 'paidan.db'}") as made:
        yield made


def room_for(house: House, size: int) -> None:
    """No file of this process may grow beyond that, as if the disk were full."""
    _, hard = resource.prlimit(house.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(house.process.pid, resource.RLIMIT_FSIZE, (size, hard))


async def test_on_a_full_disk_nothing_is_taken_and_nothing_taken_is_lost(here: Street) -> None:
    chance = random.Random(SEED)
    house = await here.open("all")
    over = asyncio.Event()

    async def people(first: int) -> None:
        n = first
        while not over.is_set():
            where = f"{chance.randint(1, 40)}栋{chance.randint(1, 6)}单元{n}室"
            await here.say(n, where + chance.choice(FAULTS))
            n += 1

    async def says_so() -> bool:
        return not await here.ready(house)

    async def disk() -> None:
        for _ in range(2):
            await here.taken(5)
            room_for(house, 4096)
            await here.sent_away(3)
            await wait_until(says_so)
            room_for(house, resource.RLIM_INFINITY)
            await wait_until(partial(here.ready, house))
        await here.taken(5)
        over.set()

    await asyncio.gather(people(100), people(5000), disk())
    await here.settle()
    story, told = await here.record()
    nothing_lost_nothing_doubled(here, story, told)
    assert set(here.answers) == {200, 503}
    assert house.alive
