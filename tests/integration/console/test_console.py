"""Sandbox and console: a job from the first word to the stars, and what supervisors see of it."""

from __future__ import annotations

import asyncio
import html
import json
import re
from datetime import UTC, datetime

import pytest

from paidan.console.services import Services
from tests.integration.console.conftest import TENANT, Browser
from tests.integration.console.test_door import wait_for_number
from workflow.records import Inbound, Media
from workflow.states import State
from workflow.work_order import WorkOrder

TRAPPED = "3 栋 2 单元电梯困人了，快来人！电话 13812345678"
_FORM = re.compile(r'<form method="post" action="/act" data-press>(.*?)</form>', re.DOTALL)
_INPUT = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


async def reported(browser: Browser) -> str:
    """A fault is reported in the sandbox; gives its number."""
    await browser.see("/sandbox")
    await browser.post("/sandbox/say", {"chat": "customer:c01", "sender": "c01", "text": TRAPPED})
    await browser.sign_in("zhoulan")
    return await wait_for_number(browser)


async def order_of(services: Services, number: str) -> WorkOrder:
    found = await services.store.read(TENANT, lambda uow: uow.orders.find(number))
    assert found is not None
    return found


def button(page: str, do: str) -> dict[str, str]:
    """The hidden fields of a button."""
    for form in _FORM.findall(page):
        fields = {name: html.unescape(value) for name, value in _INPUT.findall(form)}
        if fields.get("do") == do:
            return fields
    raise AssertionError(f"no button {do!r}")


async def test_a_job_goes_through_the_console_to_its_signature(
    browser: Browser, services: Services
) -> None:
    number = await reported(browser)
    order = await order_of(services, number)
    await browser.sign_in(order.assignee)
    for do, args in (
        ("accept", {}),
        ("depart", {}),
        ("arrive", {}),
        ("diagnose", {"args.text": "门机皮带断裂"}),
        ("complete", {"args.text": "已更换"}),
    ):
        page = await browser.see("/me")
        response = await browser.post("/act", {**button(page, do), **args})
        assert response.status == 303, await response.text()
    order = await order_of(services, number)
    assert order.state == State.AWAITING_ACCEPTANCE
    page = await browser.see(f"/orders/{number}")
    for words in ("门机皮带断裂", "为什么派给他", "首次响应", "已送达"):
        assert words in page


async def test_a_press_that_comes_twice_is_done_once(browser: Browser, services: Services) -> None:
    number = await reported(browser)
    order = await order_of(services, number)
    await browser.sign_in(order.assignee)
    fields = button(await browser.see("/me"), "accept")
    headers = {"HX-Request": "true"}
    first = await browser.post("/act", fields, headers=headers)
    second = await browser.post("/act", fields, headers=headers)
    assert "接单" in await first.text()
    assert "已经" in await second.text()
    history = await services.store.read(TENANT, lambda uow: uow.orders.history(order.id))
    assert [str(event.kind) for event in history].count("accepted") == 1


async def test_a_stale_button_says_who_was_first(browser: Browser, services: Services) -> None:
    number = await reported(browser)
    await browser.see(f"/orders/{number}")
    stale = button(await browser.see(f"/orders/{number}"), "take_over")
    order = await order_of(services, number)
    await browser.sign_in(order.assignee)
    await browser.post("/act", button(await browser.see("/me"), "accept"))
    await browser.sign_in("zhoulan")
    response = await browser.post("/act", stale, headers={"HX-Request": "true"})
    name = (await services.store.read(TENANT, lambda uow: uow.company)).staff[order.assignee].name
    assert name in await response.text()
    assert (await order_of(services, number)).assignee == order.assignee


async def test_an_engineer_cannot_press_what_is_not_theirs(
    browser: Browser, services: Services
) -> None:
    number = await reported(browser)
    order = await order_of(services, number)
    await browser.sign_in("linan")
    fields = {"do": "accept", "order": order.id, "expect": "dispatched", "args": "{}"}
    response = await browser.post("/act", fields, headers={"HX-Request": "true"})
    assert response.status == 200
    assert (await order_of(services, number)).accepted_at is None


@pytest.mark.parametrize("args", ["{", "[]", '"x"', "1e999"])
async def test_a_button_that_is_none_of_ours_is_refused(chief: Browser, args: str) -> None:
    response = await chief.post("/act", {"do": "accept", "order": "x", "args": args})
    assert response.status == 422


async def test_figures_lead_to_lists_that_count_the_same(
    browser: Browser, services: Services
) -> None:
    await reported(browser)
    page = await browser.see("/")
    for link in re.findall(r'class="kpi" href="([^"]+)"', page):
        await browser.see(html.unescape(link))
    cells = [
        (html.unescape(href), int(count))
        for href, count in re.findall(r'<a class="h\d" href="([^"]+)"[^>]*>(\d+)</a>', page)
    ]
    assert cells
    for href, count in cells:
        listed = await browser.see(href)
        assert len(set(re.findall(r"/orders/(WO-[\d-]+)", listed))) == count


async def test_search_finds_by_number_phone_place_and_handler(
    browser: Browser, services: Services
) -> None:
    number = await reported(browser)
    order = await order_of(services, number)
    company = await services.store.read(TENANT, lambda uow: uow.company)
    for text in (number, "13812345678", company.staff[order.assignee].name, "困人"):
        assert number in await browser.see(f"/orders?q={text}"), text
    assert number not in await browser.see("/orders?q=没有这样的词")
    assert number not in await browser.see("/orders?state=closed")
    assert number in await browser.see("/board?priority=P0")
    assert number not in await browser.see("/board?priority=P2")
    await browser.see("/orders?opened_since=yesterday", status=422)


async def test_winding_the_clock_climbs_the_ladder(browser: Browser, services: Services) -> None:
    number = await reported(browser)
    first = (await order_of(services, number)).assignee
    await browser.see("/sandbox")
    response = await browser.post(
        "/sandbox/wind", {"minutes": "15"}, headers={"HX-Request": "true"}
    )
    assert "15 分" in await response.text()
    order = await order_of(services, number)
    assert order.assignee != first
    page = await browser.see(f"/orders/{number}")
    assert "升级链" in page
    await browser.post("/sandbox/wind", {"minutes": "15"})
    assert (await browser.post("/sandbox/wind", {"minutes": "-5"})).status == 422


async def events(response: object, wanted: int) -> list[tuple[str, str]]:
    """The first events of a stream other than the clock's."""
    found: list[tuple[str, str]] = []
    name = ""
    async with asyncio.timeout(10):
        while len(found) < wanted:
            line = (await response.content.readline()).decode().strip()  # type: ignore[attr-defined]  # a stream
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: ") and name != "now":
                found.append((name, line[6:]))
    return found


async def test_lines_come_live_and_a_reconnecting_page_gets_what_it_missed(
    browser: Browser, services: Services
) -> None:
    page = await browser.see("/sandbox?customer=c01")
    mark = re.search(r'data-chat="customer:c01" data-mark="([^"]+)"', page)
    assert mark
    stream = await browser.get(f"/sandbox/live?chat=customer:c01~{mark[1]}")
    assert stream.headers["Content-Type"] == "text/event-stream"
    await browser.post("/sandbox/say", {"chat": "customer:c01", "sender": "c01", "text": TRAPPED})
    (name, data), *_ = await events(stream, 1)
    stream.close()
    line = json.loads(data)
    assert name == "line"
    assert (line["chat"], "困人" in line["html"]) == ("customer:c01", True)
    again = await browser.get(f"/sandbox/live?chat=customer:c01~{mark[1]}")
    (name, data), *_ = await events(again, 1)
    again.close()
    assert name == "lines"
    assert "困人" in json.loads(data)["html"]


async def test_the_sandbox_tells_what_was_understood(browser: Browser) -> None:
    await reported(browser)
    page = await browser.see("/sandbox?customer=c01")
    assert "听懂了什么" in page
    assert "<mark>" in page
    assert "电梯扶梯" in page


async def test_a_doubtful_report_is_decided_with_one_tap(
    browser: Browser, services: Services
) -> None:
    await browser.see("/sandbox")
    said = {"chat": "customer:c04", "sender": "c04", "text": "你们太慢了，我要投诉！"}
    await browser.post("/sandbox/say", said)
    await browser.sign_in("zhoulan")
    page = await browser.until("/", "我要投诉")
    response = await browser.post("/act", button(page, "case_apologise"))
    assert response.status == 303
    case = (await services.store.queries.cases(TENANT))[0]
    assert (case.state, case.decided_by) == ("decided", "zhoulan")
    assert "我要投诉" not in await browser.see("/")


async def test_an_invite_for_an_engineer_is_shown_and_none_for_an_equal(chief: Browser) -> None:
    shown = await chief.see("/people/staff/zhaoqiang")
    assert re.search(r"绑定 zhaoqiang-[A-Z2-7]{8}", shown)
    assert "绑定 zhoulan" not in await chief.see("/people/staff/zhoulan")
    assert re.search(r"绑定 c01-[A-Z2-7]{8}", await chief.see("/people/customers/c01"))


async def test_people_are_edited_and_imported_by_the_same_rules(
    chief: Browser, services: Services
) -> None:
    await chief.see("/people/staff/wanglei")
    form = {"name": "王磊", "phone": "13900001111", "skills": "hvac:5", "shift": "day"}
    assert (await chief.post("/people/staff/wanglei", {**form, "active": "yes"})).status == 303
    staff = (await services.store.read(TENANT, lambda uow: uow.company)).staff["wanglei"]
    assert (staff.phone, dict(staff.skills), staff.team) == ("13900001111", {"hvac": 5}, "home")
    wrong = await chief.post("/people/staff/wanglei", {**form, "phone": "一三九"})
    assert wrong.status == 422
    text = await wrong.text()
    assert "一三九" in text
    table = "编号,姓名,电话\nc90,新客户,13700000000\nc91,,13700000001"
    imported = await chief.post("/people/customers/import", {"text": table})
    assert imported.status == 422
    assert await services.store.read(TENANT, lambda uow: uow.people.customer("c90")) is None
    partly = await chief.post("/people/customers/import", {"text": table, "partial": "1"})
    assert "c90" in await partly.text()
    kept = await services.store.read(TENANT, lambda uow: uow.people.customer("c90"))
    assert kept is not None


async def test_only_administrators_import_staff(chief: Browser) -> None:
    table = "编号,姓名,角色\nzhoulan,周岚,admin"
    assert (await chief.post("/people/staff/import", {"text": table})).status == 403


async def test_every_page_reads_in_english_too(chief: Browser) -> None:
    await chief.post("/looks", {"locale": "en", "theme": "dark", "back": "/"})
    page = await chief.see("/")
    assert 'lang="en"' in page
    assert 'data-theme="dark"' in page
    assert "What burns first" in page


async def test_a_voice_clip_can_be_heard_from_its_work_order(
    browser: Browser, services: Services
) -> None:
    """With words or without: whoever is to listen gets the very bytes, under a fitting name."""
    clip = b"#!AMR\n\x3c" + b"\0" * 31
    blob = await services.store.blobs.put(clip, "audio/amr")
    now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    media = (Media("voice", mime="audio/amr", blob=blob),)
    inbound = Inbound(TENANT, "sandbox", "customer:c01", "direct", "c01", "v1", now, media=media)
    await services.receive(inbound)
    await browser.sign_in("zhoulan")
    page = await browser.see(f"/orders/{await wait_for_number(browser)}")
    link = f'<a href="/blobs/{blob}" download="voice.amr">'
    assert link in page
    response = await browser.get(f"/blobs/{blob}")
    assert (await response.read(), response.headers["Content-Disposition"]) == (clip, "attachment")
