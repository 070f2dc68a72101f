"""Headless Chromium on the demo company: real server, real loops, time that stands still.

Without a browser the tests are skipped, and the run's last lines say so;
``PAIDAN_REQUIRE_BROWSER=1`` makes that a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser as Chromium
from playwright.async_api import ConsoleMessage, Locator, Page, Playwright, async_playwright

from paidan.console.app import build
from paidan.console.services import Services
from tests.conftest import NO_BROWSER
from tests.integration.console.conftest import parts, services

__all__ = ["parts", "services"]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"desk": (1280, 860), "phone": (390, 844)}


def chromium() -> str:
    """Where a Chromium is, if there is one."""
    names = (os.environ.get("PAIDAN_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests need a browser: skip them without one, or fail where one is required."""
    required = os.environ.get("PAIDAN_REQUIRE_BROWSER") == "1"
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            if not chromium() and not required:
                item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


@dataclass
class Screen:
    """One page of a browser; whatever its console says is a failure."""

    page: Page
    base: str
    size: str
    said: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        await self.page.goto(self.base + path, wait_until="load")

    async def column(self, name: str) -> None:
        """Turn to a column of the sandbox, where only one fits."""
        if self.size == "phone":
            await self.page.click(f'[data-show="{name}"]')

    async def say(self, column: str, text: str) -> None:
        await self.column(column)
        await self.page.fill(f"#text-{column}", text)
        await self.page.click(f"#col-{column} .send")

    def buttons(self, column: str, do: str) -> Locator:
        """The buttons of a column's cards that do this, oldest first."""
        return self.page.locator(f'#col-{column} .card [data-do="{do}"]')

    async def press(self, column: str, do: str, **answers: str) -> None:
        """Press a button of the newest card that has it, and answer what it asks."""
        await self.column(column)
        await self.buttons(column, do).last.click()
        for name, value in answers.items():
            sheet = self.page.locator(f"#col-{column} details.sheet[open]")
            field = sheet.locator(f'[name="args.{name}"]')
            if await field.first.get_attribute("type") == "radio":
                star = sheet.locator(f'[name="args.{name}"][value="{value}"]')
                await sheet.locator(f'label[for="{await star.get_attribute("id")}"]').click()
            else:
                await field.first.fill(value)
        if answers:
            await self.page.locator(f"#col-{column} details.sheet[open] form .button").first.click()


@pytest.fixture(scope="session")
def executable() -> str:
    found = chromium()
    assert found, "PAIDAN_REQUIRE_BROWSER=1, but there is no Chromium"
    return found


@pytest.fixture
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running


@pytest.fixture
async def window(playwright: Playwright, executable: str) -> AsyncIterator[Chromium]:
    browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
    yield browser
    await browser.close()


@pytest.fixture
async def address(services: Services) -> AsyncIterator[str]:
    runner = web.AppRunner(build(services), shutdown_timeout=2, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture(params=SIZES)
async def screen(
    request: pytest.FixtureRequest, window: Chromium, address: str
) -> AsyncIterator[Screen]:
    """A page at desk and at phone size."""
    width, height = SIZES[request.param]
    context = await window.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", has_touch=width < 400
    )
    page = await context.new_page()
    page.set_default_timeout(15_000)
    screen = Screen(page, address, request.param)

    def note(message: ConsoleMessage) -> None:
        screen.said.append(f"{message.type}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: screen.said.append(f"error: {error}"))
    yield screen
    await context.close()
    assert screen.said == []
