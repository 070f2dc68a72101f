"""Every storage contract is asked of both databases."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage import SqlStore, open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address that a store can be opened at, more than once."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'paidan.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[SqlStore]:
    """An open store."""
    async with open_store(database_url, tmp_path / "blobs") as store:
        yield store


@pytest.fixture
def tenant() -> str:
    """A tenant nobody else uses."""
    return f"t{uuid.uuid4().hex[:12]}"
