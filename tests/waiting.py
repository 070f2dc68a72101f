"""Waiting for what other tasks and processes bring about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_MOST = 60.0
_PAUSE = 0.02


async def wait_until(
    look: Callable[[], Awaitable[T | None]], otherwise: Callable[[], str] = lambda: ""
) -> T:
    """What ``look`` gives once it gives something; a minute at most, then ``otherwise`` says why
    not.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + _MOST
    while not (found := await look()):
        assert clock() < end, f"it never came: {otherwise()}"
        await asyncio.sleep(_PAUSE)
    return found
