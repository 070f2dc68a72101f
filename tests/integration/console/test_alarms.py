"""The door for devices: who may ring, what is refused and how, and that ringing twice is once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from paidan.console.pages.alarms import LIMIT
from paidan.console.services import Services
from paidan.signing import alarm_token, sign
from tests.integration.console.conftest import SECRET, TENANT, TUESDAY, Browser
from workflow.errors import Unavailable

GOOD = {"id": "1", "asset": "a01", "code": "E07", "text": "门锁回路断开", "severity": "major"}


async def ring(browser: Browser, body: Any, token: str | None = None) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token or alarm_token(SECRET, TENANT)}"}
    raw = {"data": body} if isinstance(body, bytes) else {"json": body}
    response = await browser.client.post("/api/alarms", headers=headers, **raw)
    assert response.content_type == "application/json"
    assert "Set-Cookie" not in response.headers
    return response.status, await response.json()


async def kept(services: Services, number: int = 1) -> Any:
    return await services.store.read(TENANT, lambda uow: uow.inbox.get(number))


async def test_an_alarm_is_kept_before_it_is_answered_and_once(
    browser: Browser, services: Services
) -> None:
    assert await ring(browser, GOOD) == (202, {"accepted": True, "duplicate": False})
    first = await kept(services)
    assert first.inbound.channel == "alarm"
    assert first.inbound.chat == "a01"
    by_serial = {**GOOD, "serial": "DT-30201"}
    del by_serial["asset"]
    assert await ring(browser, GOOD) == (202, {"accepted": True, "duplicate": True})
    assert await ring(browser, by_serial) == (202, {"accepted": True, "duplicate": True})
    assert await kept(services, 2) is None


async def test_two_devices_may_count_alike(browser: Browser) -> None:
    await ring(browser, GOOD)
    assert (await ring(browser, {**GOOD, "asset": "a02"}))[1]["duplicate"] is False


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        "令牌",
        alarm_token(SECRET, "another"),
        alarm_token(b"another secret of 32 bytes, yes!", TENANT),
        sign(SECRET, "session", {"tenant": TENANT, "staff": "zhoulan"}),
    ],
)
async def test_only_our_own_token_opens_the_door(
    browser: Browser, services: Services, token: str
) -> None:
    status, said = await ring(browser, GOOD, token)
    assert (status, said) == (401, {"error": "bad_token"})
    assert await kept(services) is None


async def test_without_a_token_nothing_is_taken(browser: Browser) -> None:
    response = await browser.client.post("/api/alarms", json=GOOD)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[" * 10_000, "body"),
        (b"[]", "body"),
        ({**GOOD, "id": ""}, "id"),
        ({**GOOD, "id": 7}, "id"),
        ({**GOOD, "code": " "}, "code"),
        ({**GOOD, "code": "E" * 61}, "code"),
        ({**GOOD, "severity": "loud"}, "severity"),
        ({**GOOD, "asset": ""}, "asset"),
        ({**GOOD, "serial": "DT-30201"}, "asset"),
        ({**GOOD, "at": "2026-11-24T10:00:00"}, "at"),
        ({**GOOD, "at": "yesterday"}, "at"),
        ({**GOOD, "colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_field_is_named(
    browser: Browser, services: Services, body: Any, field: str
) -> None:
    status, said = await ring(browser, body)
    assert (status, said["error"], said["field"]) == (400, "invalid_input", field)
    assert said["allowed"]
    assert await kept(services) is None


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_has_a_limit(browser: Browser, announced: bool) -> None:
    async def trickle() -> Any:
        for _ in range(LIMIT // 1024 + 1):
            yield b" " * 1024

    headers = {"Authorization": f"Bearer {alarm_token(SECRET, TENANT)}"}
    data = b" " * (LIMIT + 1) if announced else trickle()
    response = await browser.client.post("/api/alarms", headers=headers, data=data)
    assert response.status == 413
    assert (await response.json())["limit"] == LIMIT


@pytest.mark.parametrize(
    ("ago", "counts"),
    [
        (timedelta(minutes=5), True),
        (timedelta(days=9), False),
        (timedelta(minutes=-5), False),
    ],
)
async def test_the_time_of_the_device_counts_while_it_is_credible(
    browser: Browser, services: Services, ago: timedelta, counts: bool
) -> None:
    await ring(browser, {**GOOD, "at": (TUESDAY - ago).isoformat()})
    sent = (await kept(services)).inbound.sent_at
    assert sent == (TUESDAY - ago if counts else TUESDAY)


async def test_the_work_order_says_what_the_device_did(browser: Browser) -> None:
    for n in range(3):
        await ring(browser, {**GOOD, "id": str(n)})
    await browser.sign_in("zhoulan")
    text = await browser.until("/orders/WO-20261124-0001", "共 3 次")
    assert "设备再次报警" in text
    assert "3栋2单元客梯" in text


async def test_an_alarm_that_cannot_be_kept_is_to_ring_again(
    browser: Browser, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any, **__: Any) -> Any:
        raise Unavailable(why="disk full")

    with monkeypatch.context() as patch:
        patch.setattr(services.store, "transact", full)
        status, body = await ring(browser, GOOD)
        await browser.see("/chat")
        said = await browser.post("/chat/say", {"text": "电梯坏了"})
    assert (status, body) == (503, {"error": "unavailable"})
    assert (said.status, said.headers["Retry-After"]) == (503, "5")
    assert "写不进去" in await said.text()
    assert await ring(browser, GOOD) == (202, {"accepted": True, "duplicate": False})
