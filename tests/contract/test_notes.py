"""Small facts of channels: the same on SQLite, PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as redis

from bots.channel import Retry
from bots.gateway.tokens import Tokens
from storage import open_store
from storage.notes import RedisNotes
from tests.waiting import wait_until
from workflow.ports import Notes

HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
async def notes(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Notes]:
    """Empty notes of one channel."""
    kind, area = request.param, uuid.uuid4().hex
    if kind == "redis":
        async with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
            yield RedisNotes(client, "demo", area)
        return
    url = f"sqlite:///{tmp_path / 'n.db'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
    async with open_store(url, tmp_path / "blobs") as store:
        yield store.notes("demo", area)


async def test_a_note_is_kept_replaced_and_dropped(notes: Notes) -> None:
    assert await notes.get("cursor") is None
    await notes.put("cursor", "一")
    await notes.put("cursor", "二")
    assert await notes.get("cursor") == "二"
    await notes.drop("cursor", "一")
    assert await notes.get("cursor") == "二"
    await notes.drop("cursor", "二")
    assert await notes.get("cursor") is None


async def test_half_characters_and_long_names_are_no_obstacle(notes: Notes) -> None:
    long = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(3000))
    key, half = f"session:\ud83d{long}", "灯\x00\ud83d坏了"
    await notes.put(key, half)
    kept = await notes.get(key)
    assert kept is not None
    assert kept.replace("?", "") == "灯坏了"
    assert await notes.get(key + "修") is None
    assert await notes.swap(key, kept, half + half)
    await notes.drop(key, half + half)
    assert await notes.get(key) is None


async def test_only_one_of_many_takes_what_is_free(notes: Notes) -> None:
    taken = await asyncio.gather(*(notes.swap("lease", None, str(n), HOUR) for n in range(8)))
    assert taken.count(True) == 1
    holder = await notes.get("lease")
    assert holder == str(taken.index(True))
    assert not await notes.swap("lease", "somebody", "else")
    assert await notes.swap("lease", holder, "next", HOUR)
    assert await notes.get("lease") == "next"


async def test_a_note_whose_life_is_over_was_never_written(notes: Notes) -> None:
    await notes.put("token", "old", timedelta(milliseconds=1))

    async def gone() -> bool:
        return await notes.get("token") is None

    await wait_until(gone)
    assert await notes.swap("token", None, "new", HOUR)
    assert await notes.get("token") == "new"


class Vendor:
    """Gives a new token each time it is asked, and counts."""

    def __init__(self, life: timedelta = HOUR) -> None:
        self.asked = 0
        self.life = life

    async def fetch(self) -> tuple[str, timedelta]:
        self.asked += 1
        await asyncio.sleep(0.02)  # a vendor takes its time; the others ask meanwhile
        return f"token-{self.asked}", self.life


async def test_a_storm_of_workers_fetches_one_token(notes: Notes) -> None:
    vendor = Vendor()
    workers = [Tokens(notes) for _ in range(4)]
    given = await asyncio.gather(*(w.get("app", vendor.fetch) for w in workers * 5))
    assert (set(given), vendor.asked) == ({"token-1"}, 1)
    renewed = await asyncio.gather(*(w.renew("app", "token-1", vendor.fetch) for w in workers * 5))
    assert (set(renewed), vendor.asked) == ({"token-2"}, 2)


async def test_a_fetch_that_fails_leaves_the_way_free(notes: Notes) -> None:
    async def refuse() -> tuple[str, timedelta]:
        raise Retry("app", "busy")

    tokens, vendor = Tokens(notes), Vendor()
    with pytest.raises(Retry):
        await tokens.get("app", refuse)
    assert await tokens.get("app", vendor.fetch) == "token-1"
    await tokens.forget("app")
    assert await tokens.get("app", vendor.fetch) == "token-2"


async def test_notes_that_are_over_are_swept(tmp_path: Path) -> None:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    async with open_store(f"sqlite:///{tmp_path / 'n.db'}", tmp_path / "b") as store:
        kept: Any = store.notes("demo", "x")
        await kept.put("a", "1", timedelta(milliseconds=1))
        await kept.put("b", "2")
        later = type(kept)(store, "demo", "x", lambda: at + timedelta(days=3650))
        assert await later.sweep() == 1
        assert await kept.get("b") == "2"
