"""What every page's door keeps out: strangers, forged requests, floods, oversized bodies."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientConnectionResetError
from aiohttp.test_utils import TestClient, TestServer
from aiohttp_sse import EventSourceResponse

from paidan.console import guard, live
from paidan.console.app import ROUTES, build
from paidan.console.live import HUB
from paidan.console.rights import Right
from paidan.console.services import Services
from paidan.signing import action_path, login_path, sign
from tests.integration.console.conftest import SECRET, TENANT, Browser
from tests.waiting import wait_until
from workflow.ports import UnitOfWork
from workflow.records import Action

NOW = datetime.now(UTC)
"""When tests were collected, for links that are refused however old they are."""


async def test_every_page_has_the_strict_headers(browser: Browser) -> None:
    for path in ("/sandbox", "/chat", "/login", "/nothing", "/healthz", "/static/x/console.css"):
        response = await browser.get(path)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_pages_hold_no_inline_script_or_style(chief: Browser) -> None:
    for path in ("/", "/board", "/orders", "/people", "/me", "/sandbox", "/chat", "/login"):
        text = await chief.see(path)
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count("<script src=")


async def test_a_post_without_the_token_changes_nothing(browser: Browser) -> None:
    await browser.see("/sandbox")
    browser.csrf = "forged"
    response = await browser.post("/sandbox/say", {"chat": "customer:c01", "text": "漏水了"})
    assert response.status == 403
    assert "刷新" in await response.text()
    assert "漏水了" not in await browser.see("/sandbox?customer=c01")


@pytest.mark.parametrize("route", [r for r in ROUTES if r.right is not Right.ANYONE])
async def test_strangers_get_no_further_than_the_sign_in(
    production: Browser, route: object
) -> None:
    path = re.sub(r"\{kind\}", "staff", route.path)
    path = re.sub(r"\{\w+\}", "x", path)
    if route.method == "POST":
        await production.see("/login")
        response = await production.post(path)
        assert response.status in {403, 404}
        return
    response = await production.get(path)
    assert response.status in {303, 404}
    assert response.headers.get("Location", "/login") == "/login"


async def test_an_engineer_sees_only_the_own_jobs(browser: Browser) -> None:
    await browser.see("/sandbox")
    said = {"chat": "customer:c01", "sender": "c01", "text": "3 栋电梯困人了，电话 13812345678"}
    await browser.post("/sandbox/say", said)
    await browser.sign_in("zhoulan")
    number = await wait_for_number(browser)
    await browser.sign_in("linan")
    assert (await browser.get("/board")).status == 403
    assert (await browser.get("/people")).status == 403
    assert (await browser.get(f"/orders/{number}")).status == 403
    assert number not in await browser.see("/orders")
    assert (await browser.get("/")).headers["Location"] == "/me"


async def wait_for_number(browser: Browser) -> str:
    """The number of the first work order, once it is there."""
    text = await browser.until("/orders", "/orders/WO-")
    return text.split("/orders/")[1].split('"')[0]


async def test_a_sign_in_link_works_once_and_opening_it_does_not_use_it_up(
    production: Browser,
) -> None:
    path = login_path(SECRET, TENANT, "zhoulan", datetime.now(UTC))
    await production.see(path)
    await production.see(path)
    assert (await production.post(path)).headers["Location"] == "/"
    assert "周岚" in await production.see("/")
    assert (await production.post(path)).status == 403
    await production.post("/sign-out")
    assert (await production.get("/")).headers["Location"] == "/login"


@pytest.mark.parametrize(
    "path",
    [
        login_path(SECRET, TENANT, "zhoulan", NOW - timedelta(minutes=16)),
        login_path(b"another secret", TENANT, "zhoulan", NOW),
        login_path(SECRET, "other", "zhoulan", NOW),
        login_path(SECRET, TENANT, "nobody", NOW),
        "/login/" + sign(SECRET, "session", {"tenant": TENANT, "staff": "zhoulan"}),
        "/login/garbage",
        "/login/%F0%9F%92%A9.x",
        action_path(SECRET, TENANT, "zhoulan", Action("accept", "x"), NOW - timedelta(days=2)),
    ],
)
async def test_links_that_are_old_forged_or_for_something_else_are_refused(
    production: Browser, path: str
) -> None:
    text = await production.see(path, status=403)
    assert "链接" in text


async def test_somebody_who_left_is_out_at_once(chief: Browser, services: Services) -> None:
    def leave(uow: UnitOfWork) -> None:
        gone = replace(uow.company.staff["zhoulan"], active=False)
        uow.put_company(replace(uow.company, staff={**uow.company.staff, "zhoulan": gone}))

    await services.store.transact(TENANT, leave)
    assert (await chief.get("/board")).headers["Location"] == "/login"


async def test_bodies_that_are_too_large_are_refused_in_plain_words(browser: Browser) -> None:
    await browser.see("/sandbox")
    response = await browser.post("/sandbox/say", {"text": "坏" * 90_000})
    assert response.status == 413
    assert "太大" in await response.text()


async def test_a_body_that_never_ends_is_given_up(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.see("/sandbox")
    monkeypatch.setattr(guard, "READ_WITHIN", 0.05)

    async def half() -> AsyncIterator[bytes]:
        yield b"csrf=abc&text="
        await asyncio.Event().wait()

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await browser.client.post("/sandbox/say", data=half(), headers=headers)
    assert response.status == 408


async def test_an_action_link_asks_first_and_acts_once(
    browser: Browser, services: Services
) -> None:
    await browser.see("/sandbox")
    said = {"chat": "customer:c01", "sender": "c01", "text": "3 栋电梯困人了，电话 13812345678"}
    await browser.post("/sandbox/say", said)
    await browser.sign_in("zhoulan")
    number = await wait_for_number(browser)
    await browser.post("/sign-out")
    order = await services.store.read(TENANT, lambda uow: uow.orders.find(number))
    assert order is not None
    assert order.accepted_at is None
    path = action_path(
        SECRET, TENANT, order.assignee, Action("accept", order.id), datetime.now(UTC)
    )
    assert number in await browser.see(path)
    assert (
        await services.store.read(TENANT, lambda uow: uow.orders.get(order.id))
    ).accepted_at is None
    assert "接单" in await (await browser.post(path)).text()
    assert "已经" in await (await browser.post(path)).text()
    assert (await services.store.read(TENANT, lambda uow: uow.orders.get(order.id))).accepted_at


async def test_errors_are_pages_in_plain_words(browser: Browser) -> None:
    text = await browser.see("/no/such/page", status=404)
    assert "找不到" in text or "链接" in text
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    english = await browser.get("/no/such/page", headers=headers)
    assert english.status == 404
    assert 'lang="en"' in await english.text()


async def test_open_streams_end_when_the_server_shuts_down(services: Services) -> None:
    app = build(services)
    server = TestServer(app)
    async with TestClient(server) as client:
        stream = await client.get("/chat/live")
        first = await stream.content.readline()
        assert first.startswith(b"event: now")
        closing = asyncio.create_task(app.shutdown())
        async with asyncio.timeout(3):
            while not stream.content.at_eof():
                await stream.content.read(1024)
            await closing
        assert app[HUB].closed


async def test_strangers_who_only_listen_do_not_crowd_out_colleagues(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STRANGERS", 2)
    open_ones = [await browser.get("/chat/live") for _ in range(2)]
    assert [stream.status for stream in open_ones] == [200, 200]
    refused = await browser.get("/chat/live")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
    open_ones[0].close()

    async def let_in() -> bool:
        async with await browser.get("/chat/live") as again:
            return again.status == 200

    await wait_until(let_in)
    await browser.sign_in("zhoulan")
    open_ones += [await browser.get("/live") for _ in range(3)]
    assert {stream.status for stream in open_ones} == {200}
    for stream in open_ones:
        stream.close()


async def test_who_leaves_before_a_stream_begins_is_no_failure_of_ours(
    chief: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(*_: object) -> None:
        raise ClientConnectionResetError

    monkeypatch.setattr(EventSourceResponse, "prepare", gone)
    await chief.get("/live")
    assert "failed" not in caplog.text


async def test_going_back_never_leads_to_another_site(browser: Browser) -> None:
    await browser.see("/login")
    for back in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:1"):
        response = await browser.post("/looks", {"theme": "dark", "back": back})
        assert response.headers["Location"] == "/"


async def test_health_and_readiness_answer_without_cookies(browser: Browser) -> None:
    assert (await browser.get("/healthz")).status == 200
    ready = await browser.get("/readyz")
    assert "ready" in await ready.json()
    assert "Set-Cookie" not in ready.headers
