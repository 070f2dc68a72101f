"""Takes the pictures of the documentation: the demo company, a busy morning, both widths.

    python docs/screenshots.py [folder]

Needs Chromium (``PAIDAN_CHROMIUM`` or on the path) and Playwright.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright

from bots.web import parse
from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import Parts, assemble, seed
from paidan.console.app import build
from paidan.console.services import Services
from paidan.demo import demo_company

TENANT = "demo"
MORNING = datetime(2026, 11, 24, 9, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
MODEL = Path(__file__).parents[1] / "var" / "test-model"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
DESK, PHONE = (1280, 860), (390, 844)
STORY = (
    ("c02", "5 栋 1 单元 1102 空调不制冷，家里有老人"),
    ("c06", "后厨冷柜不制冷了，肉都要坏了"),
    ("c07", "2 号收银台刷不了卡，报错 E07"),
    ("c04", "你们上次修得太慢了，我要投诉！"),
    ("c09", "数控机床主轴报警停机，产线停了"),
    ("c01", "3 栋 2 单元电梯困人了，快来人！"),
)


async def main(folder: Path) -> None:
    """Write every picture into ``folder``."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with _house() as (parts, base), async_playwright() as playwright:
        await _tell(parts)
        chromium = os.environ.get("PAIDAN_CHROMIUM") or shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, path, size, staff, dark in (
            ("sandbox", "/sandbox?customer=c01&team=lift", DESK, "", False),
            ("sandbox-phone", "/sandbox?customer=c01&team=lift&col=engineers", PHONE, "", False),
            ("sandbox-dark", "/sandbox?customer=c01&team=lift", DESK, "", True),
            ("overview", "/", DESK, "zhoulan", False),
            ("overview-phone", "/", PHONE, "zhoulan", False),
            ("board", "/board", DESK, "zhoulan", False),
            ("order", "/orders/5", DESK, "zhoulan", False),
            ("me-phone", "/me", PHONE, "", False),
            ("asset-phone", "/a/", PHONE, "", False),
        ):
            page = await _page(browser, size, dark=dark)
            signed = staff or (await _handler(parts) if name == "me-phone" else "")
            if signed:
                await page.goto(f"{base}/login", wait_until="load")
                await page.click(f"button[value={signed}]")
                await page.wait_for_load_state("load")
            target = path + (await _token(parts) if path == "/a/" else "")
            await page.goto(base + target, wait_until="load")
            if name == "order":
                await page.click(".why summary >> nth=0")
            if name in {"sandbox", "sandbox-dark"}:
                await page.click(".understood summary >> nth=0")
                await page.evaluate("document.querySelector('#col-customer .lines').scrollTop = 0")
            await page.screenshot(path=folder / f"{name}.png")
            await page.context.close()
        await browser.close()


@contextlib.asynccontextmanager
async def _house() -> AsyncIterator[tuple[Parts, str]]:
    understander = await asyncio.to_thread(Understander.load, MODEL, print)
    with tempfile.TemporaryDirectory() as home:
        url, blobs = f"sqlite:///{home}/pictures.db", Path(home) / "blobs"
        async with assemble(url, blobs, understander, clock=FrozenClock(MORNING)) as parts:
            await seed(parts.store, demo_company())
            runner = web.AppRunner(build(_services(parts)), shutdown_timeout=1, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield parts, f"http://127.0.0.1:{runner.addresses[0][1]}"
            await runner.cleanup()


def _services(parts: Parts) -> Services:
    async def wind(tenant: str, by: timedelta) -> object:
        return await parts.house.wind(tenant, by)

    async def reset() -> None:
        """Pictures are never reset; the button is only to be seen."""

    return Services(
        store=parts.store,
        tenant=TENANT,
        receive=parts.front_desk.admit,
        secret=b"only for pictures",
        wind=wind,
        reset_demo=reset,
        knows=parts.knowing,
    )


async def _tell(parts: Parts) -> None:
    """A morning: six messages some minutes apart; two engineers are at work already."""
    for n, (customer, text) in enumerate(STORY):
        name = next(c.name for c in demo_company().customers if c.id == customer)
        said = {"id": f"m{n}", "chat": f"customer:{customer}", "sender": customer}
        await _receive(parts, {**said, "sender_name": name, "text": text})
        if n < len(STORY) - 1:
            await parts.house.wind(TENANT, timedelta(minutes=3))
        if n in {0, 1}:
            await _work(parts, f"a{n}", *("accept", "depart", "arrive")[: 3 - n])
    await _work(parts, "z", "accept", "depart")


async def _work(parts: Parts, tag: str, *acts: str) -> None:
    """The newest order's engineer goes on with it."""
    for act in acts:
        orders = (await parts.store.queries.search(TENANT)).orders
        order = orders[0]
        group = f"group:{order.team_id}"
        action = {"do": act, "order": order.id, "args": {}}
        said = {"id": f"{tag}-{act}", "chat": group, "chat_kind": "group"}
        await _receive(parts, {**said, "sender": order.assignee, "action": action})


async def _receive(parts: Parts, payload: dict[str, object]) -> None:
    now = parts.clock.now(TENANT)
    inbound = parse(payload, tenant=TENANT, channel="sandbox", now=now)
    await parts.front_desk.admit(inbound)
    await parts.house.drain(TENANT)


async def _handler(parts: Parts) -> str:
    return (await parts.store.queries.search(TENANT)).orders[0].assignee


async def _token(parts: Parts) -> str:
    return next(a.token for a in await parts.store.queries.assets(TENANT) if a.token)


async def _page(browser: Browser, size: tuple[int, int], *, dark: bool) -> Page:
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        locale="zh-CN",
        color_scheme="dark" if dark else "light",
    )
    return await context.new_page()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "images")))
