"""The pages customers see: the QR page, the web chat, pictures."""

from __future__ import annotations

import io
import re
import struct

import pytest
from aiohttp import FormData

from paidan.console.services import Services
from paidan.demo import demo_company
from tests.integration.console.conftest import TENANT, Browser

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 32


async def token(services: Services) -> str:
    """The token of an asset that has one."""
    found = await services.store.queries.assets(TENANT)
    return next(asset.token for asset in found if asset.token)


async def test_a_report_from_a_qr_code_is_answered_with_its_number(
    browser: Browser, services: Services
) -> None:
    path = f"/a/{await token(services)}"
    text = await browser.see(path)
    assert "还没有报修过" in text
    response = await browser.post(path, {"text": "坏了，不转了", "phone": "13912345678"})
    assert response.headers["Location"] == "/chat"
    chat = await browser.until("/chat", "WO-")
    assert re.search(r"WO-\d{8}-\d{4}", chat)
    again = await browser.see(path)
    assert re.search(r"WO-\d{8}-\d{4}", again)


async def test_the_qr_page_names_nobody_and_shows_no_phone(
    browser: Browser, services: Services
) -> None:
    asset = next(a for a in await services.store.queries.assets(TENANT) if a.token)
    await browser.see(f"/a/{asset.token}")
    await browser.post(f"/a/{asset.token}", {"text": "漏水", "phone": "13912345678"})
    text = await browser.see(f"/a/{asset.token}")
    assert "13912345678" not in text
    for customer in demo_company().customers:
        assert customer.name not in text
        assert not customer.phone or customer.phone not in text
    for staff in demo_company().company.staff.values():
        assert staff.name not in text


async def test_reports_from_one_place_are_limited_and_nothing_typed_is_lost(
    browser: Browser, services: Services
) -> None:
    path = f"/a/{await token(services)}"
    await browser.see(path)
    for _ in range(5):
        assert (await browser.post(path, {"text": "坏了"})).status == 303
    response = await browser.post(path, {"text": "坏了"})
    assert response.status == 429
    assert int(response.headers["Retry-After"]) > 0
    assert "稍等" in await response.text()


async def test_an_empty_report_says_what_is_missing(browser: Browser, services: Services) -> None:
    path = f"/a/{await token(services)}"
    await browser.see(path)
    response = await browser.post(path, {"text": "  "})
    assert response.status == 422
    assert "哪里坏了" in await response.text()


async def test_an_unknown_token_is_not_found(browser: Browser) -> None:
    await browser.see("/a/nothing", status=404)
    await browser.see("/a/nothing/qr.svg", status=404)


async def test_the_qr_code_is_a_picture(browser: Browser, services: Services) -> None:
    response = await browser.get(f"/a/{await token(services)}/qr.svg")
    assert response.content_type == "image/svg+xml"
    assert b"<svg" in await response.read()


async def upload(browser: Browser, data: bytes) -> tuple[int, str]:
    form = FormData()
    form.add_field("picture", io.BytesIO(data), filename="x.png", content_type="image/png")
    response = await browser.client.post(
        "/upload", data=form, headers={"X-CSRF-Token": browser.csrf, "HX-Request": "true"}
    )
    return response.status, await response.text()


async def test_a_picture_goes_up_and_comes_back_with_its_own_strict_headers(
    browser: Browser,
) -> None:
    await browser.see("/chat")
    status, blob = await upload(browser, PNG)
    assert status == 200
    response = await browser.get(f"/blobs/{blob}")
    assert await response.read() == PNG
    assert response.content_type == "image/png"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    sent = await browser.post("/chat/say", {"text": "看这里", "blob": blob})
    assert sent.status == 303
    assert f"/blobs/{blob}" in await browser.see("/chat")


async def test_only_colleagues_see_where_a_picture_was_taken(
    browser: Browser, services: Services
) -> None:
    note = struct.pack(">I", 11) + b"tEXt" + b"GPS 31.2304" + bytes(4)
    blob = await services.store.blobs.put(PNG[:8] + note + PNG[8:], "image/png")
    assert b"GPS" not in await (await browser.get(f"/blobs/{blob}")).read()
    await browser.sign_in("zhoulan")
    assert b"GPS" in await (await browser.get(f"/blobs/{blob}")).read()


async def test_what_only_calls_itself_a_picture_is_refused(browser: Browser) -> None:
    await browser.see("/chat")
    status, text = await upload(browser, b"<script>alert(1)</script>")
    assert status == 422
    assert "JPG" in text
    status, _ = await upload(browser, PNG + b"\x00" * (9 * 1024 * 1024))
    assert status == 413


NESTED = (
    b'--x\r\nContent-Disposition: form-data; name="picture"\r\n'
    b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nx\r\n--y--\r\n--x--\r\n"
)


@pytest.mark.parametrize("body", [NESTED, b"--x", b"--x\r\n", b"--y--\r\n", b"--x--\r\n", b""])
@pytest.mark.parametrize("boundary", ["; boundary=x", "", "; boundary="])
async def test_a_form_that_is_none_is_refused_wherever_it_comes(
    browser: Browser, boundary: str, body: bytes
) -> None:
    await browser.see("/chat")
    headers = {"X-CSRF-Token": browser.csrf, "Content-Type": f"multipart/form-data{boundary}"}
    async with browser.client.post("/upload", data=body, headers=headers) as response:
        assert response.status == 422
    async with browser.client.post("/chat/say", data=body, headers=headers) as response:
        assert response.status == 415
        assert "不收" in await response.text()
    await browser.sign_in("zhoulan")
    headers["X-CSRF-Token"] = browser.csrf
    async with browser.client.post("/knowledge", data=body, headers=headers) as response:
        assert response.status in {303, 400, 422}


@pytest.mark.parametrize(
    "args",
    [
        "[" * 60_000,
        '{"x":' + "[" * 900 + "]" * 900 + "}",
        '{"x":' * 900 + "1" + "}" * 900,
        "9" * 5000,
    ],
    ids=["deep", "deep lists", "deep objects", "a huge number"],
)
async def test_a_press_nested_beyond_all_measure_is_refused(browser: Browser, args: str) -> None:
    await browser.see("/chat")
    form = {"do": "accept", "order": "o", "args": args}
    assert (await browser.post("/chat/act", form)).status == 422
    assert (await browser.post("/chat/say", {"text": "在吗"})).status == 303


async def test_one_visitor_never_sees_the_chat_of_another(
    browser: Browser, services: Services
) -> None:
    await browser.see("/chat")
    await browser.post("/chat/say", {"text": "我的秘密：空调坏了"})
    assert "我的秘密" in await browser.see("/chat")
    browser.client.session.cookie_jar.clear()
    assert "我的秘密" not in await browser.see("/chat")


async def test_words_are_shown_as_words(browser: Browser) -> None:
    await browser.see("/chat")
    await browser.post("/chat/say", {"text": "<img src=x onerror=alert(1)>空调坏了"})
    text = await browser.see("/chat")
    assert "<img src=x" not in text
    assert "&lt;img" in text
