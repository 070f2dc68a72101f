"""The demo company behind its real pages: one process, loops running, time standing still."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer

from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import Parts, assemble, seed
from paidan.console.app import build
from paidan.console.services import Services
from paidan.demo import demo_company
from paidan.settings import Metrics, Settings
from paidan.watch.seams import watchman
from tests.waiting import wait_until

TENANT = "demo"
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
SECRET = b"a secret of the tests, 32 bytes!"
FIGURES = "a-token-of-the-tests"
_CSRF = re.compile(r'name="csrf" content="([^"]+)"')


@pytest.fixture
async def parts(understander: Understander, tmp_path: Path) -> AsyncIterator[Parts]:
    clock = FrozenClock(TUESDAY)
    url = f"sqlite:///{tmp_path / 'console.db'}"
    async with assemble(url, tmp_path / "blobs", understander, clock=clock) as parts:
        await seed(parts.store, demo_company())
        running = asyncio.create_task(parts.house.run())
        yield parts
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.fixture
def services(parts: Parts) -> Services:
    async def wind(tenant: str, by: timedelta) -> object:
        return await parts.house.wind(tenant, by)

    return Services(
        store=parts.store,
        tenant=TENANT,
        receive=parts.front_desk.admit,
        secret=SECRET,
        wind=wind,
        knows=parts.knowing,
        watchman=watchman(
            Settings(metrics=Metrics(token=FIGURES)),
            parts.store,
            parts.house,
            parts.delivery,
            list(parts.channels),
            parts.meters,
        ),
        count=parts.meters.channel_event,
    )


class Browser:
    """One visitor: keeps cookies, and sends the forgery token of the page it last saw."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client
        self.csrf = ""

    async def get(self, path: str, **more: Any) -> ClientResponse:
        return await self.client.get(path, allow_redirects=False, **more)

    async def see(self, path: str, status: int = 200) -> str:
        """The text of a page."""
        response = await self.get(path)
        text = await response.text()
        assert response.status == status, text[:500]
        found = _CSRF.search(text)
        self.csrf = found[1] if found else self.csrf
        return text

    async def until(self, path: str, words: str) -> str:
        """The page once it says this."""

        async def look() -> str | None:
            text = await (await self.get(path)).text()
            return text if words in text else None

        await wait_until(look, lambda: f"{path} never said {words!r}")
        return await self.see(path)

    async def post(
        self, path: str, form: Mapping[str, str] | None = None, **more: Any
    ) -> ClientResponse:
        data = {"csrf": self.csrf, "once": f"{id(self)}-{asyncio.get_running_loop().time()}"}
        return await self.client.post(
            path, data={**data, **(form or {})}, allow_redirects=False, **more
        )

    async def sign_in(self, staff: str) -> None:
        await self.see("/login")
        response = await self.post("/sandbox/sign-in", {"staff": staff})
        assert response.status == 303


@contextlib.asynccontextmanager
async def serving(services: Services) -> AsyncIterator[Browser]:
    server = TestServer(build(services))
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield Browser(client)


@pytest.fixture
async def browser(services: Services) -> AsyncIterator[Browser]:
    async with serving(services) as browser:
        yield browser


@pytest.fixture
async def production(services: Services) -> AsyncIterator[Browser]:
    """The same company where nobody is let in without a link, and there is no sandbox."""
    async with serving(replace(services, mode="production", sandbox=False)) as browser:
        yield browser


@pytest.fixture
async def chief(browser: Browser) -> Browser:
    """A browser in which a supervisor is signed in."""
    await browser.sign_in("zhoulan")
    return browser
