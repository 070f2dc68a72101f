from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from notice_stage import Stage, company

import storage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Stage]]]:
    """Opens a stage; ``setting`` is a company, ``more`` goes to the stage."""
    async with AsyncExitStack() as stack:

        async def build(setting: Any = None, **more: Any) -> Stage:
            made: list[Stage] = []
            folder = tmp_path / uuid4().hex
            folder.mkdir()
            store = await stack.enter_async_context(
                storage.open_store(
                    f"sqlite:///{folder / 'p.db'}", folder, clock=lambda _t: made[0].now
                )
            )
            made.append(Stage(store, setting or company(), **more))
            await made[0].open()
            return made[0]

        yield build
