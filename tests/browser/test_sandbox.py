"""The main job in a browser, at desk and at phone size: no console message, no policy violation."""

from __future__ import annotations

import re

from playwright.async_api import expect

from paidan.console.services import Services
from tests.browser.conftest import Screen
from workflow.states import State

TENANT = "demo"
TRAPPED = "3 栋 2 单元电梯困人了，快来人！电话 13812345678"


async def test_from_one_sentence_to_five_stars(screen: Screen, services: Services) -> None:
    await screen.open("/sandbox?customer=c01&team=lift")
    await screen.say("customer", TRAPPED)
    customer = screen.page.locator("#col-customer .lines")
    await expect(customer).to_contain_text(re.compile(r"WO-\d{8}-\d{4}"))
    await expect(customer.locator(".understood")).to_contain_text("电梯扶梯")

    for do, then in (("accept", "depart"), ("depart", "arrive"), ("arrive", "complete")):
        await screen.press("engineers", do)
        await expect(screen.buttons("engineers", then).last).to_be_visible()
    await screen.press("engineers", "complete", text="人已救出，门机已换")

    await screen.column("customer")
    await expect(screen.buttons("customer", "sign").last).to_be_visible()
    await screen.press("customer", "sign")
    await expect(screen.buttons("customer", "rate").last).to_be_visible()
    await screen.press("customer", "rate", rating="5", comment="很快")
    await expect(screen.buttons("customer", "rate")).to_have_count(0)

    found = await services.store.queries.search(TENANT)
    (order,) = found.orders
    assert (order.state, order.rating, order.comment) == (State.CLOSED, 5, "很快")


async def test_nobody_answers_and_the_clock_is_wound(screen: Screen, services: Services) -> None:
    await screen.open("/sandbox?customer=c01&team=lift")
    await screen.say("customer", TRAPPED)
    await screen.column("engineers")
    card = screen.page.locator("#col-engineers .card").last
    await expect(card.locator(".countdown")).to_be_visible()
    for now in ("10:05", "10:10"):
        await screen.page.click(".wind form:nth-of-type(2) button")
        await expect(screen.page.locator(".toast").last).to_contain_text(now)
    await screen.column("supervisors")
    desk = screen.page.locator("#col-supervisors .lines")
    await expect(desk).to_contain_text("已超时")
    await expect(desk.locator(".card .countdown.soon").last).to_contain_text("快到时")
    await screen.press("supervisors", "take_over")
    await expect(desk.locator(".card [aria-current=step]").last).to_contain_text("已接单")
    (order,) = (await services.store.queries.search(TENANT)).orders
    assert order.state == State.IN_PROGRESS


async def test_a_picture_and_a_voice_message_go_with_the_report(
    screen: Screen, services: Services
) -> None:
    await screen.open("/sandbox?customer=c02")
    picture = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c626001000000ffff03000006000557bfabd400000000"
        "49454e44ae426082"
    )
    await screen.page.set_input_files(
        "#col-customer [data-picture]",
        {"name": "x.png", "mimeType": "image/png", "buffer": picture},
    )
    await expect(screen.page.locator("#col-customer [data-preview] img")).to_be_visible()
    await screen.page.click("#col-customer [data-voice-toggle]")
    await screen.page.fill("#col-customer [name=transcript]", "我家客厅灯不亮了")
    await screen.page.click("#col-customer .send")
    lines = screen.page.locator("#col-customer .lines")
    await expect(lines.locator(".picture img").first).to_be_visible()
    await expect(lines).to_contain_text("我家客厅灯不亮了")
    await expect(lines).to_contain_text(re.compile(r"WO-\d{8}-\d{4}"))


async def test_other_chats_raise_a_dot_and_what_is_typed_survives_a_repaint(
    screen: Screen,
) -> None:
    await screen.open("/sandbox?customer=c01&team=it")
    await screen.say("customer", TRAPPED)
    await screen.column("engineers")
    card = screen.page.locator("[data-chat='group:lift'] .card")
    await expect(card.last).to_be_visible()  # an empty group gives way to the first card
    await screen.column("customer")
    await screen.say("customer", "办公室断网了，交换机红灯")
    await screen.column("engineers")
    await expect(screen.page.locator("[data-tab='group:it'] .unread")).to_be_visible()
    await screen.buttons("engineers", "decline").last.click()
    reason = screen.page.locator("#col-engineers details.sheet[open] [name='other.reason']")
    await reason.fill("在另一个现场")
    await screen.say("customer", "轿厢里有两个人")
    await screen.column("engineers")
    await expect(reason).to_have_value("在另一个现场")


async def test_a_draft_moves_to_the_card_that_is_posted_anew(screen: Screen) -> None:
    await screen.open("/sandbox?customer=c01&team=it")
    await screen.say("customer", "办公室断网了，交换机红灯")
    await screen.column("engineers")
    card = screen.page.locator("[data-chat='group:it'] .card")
    await expect(card.last).to_be_visible()
    await screen.buttons("engineers", "decline").last.click()
    reason = screen.page.locator("#col-engineers details.sheet[open] [name='other.reason']")
    await reason.fill("在另一个现场")
    before = await card.count()
    await screen.column("supervisors")
    await screen.say("supervisors", "督办 1")
    await screen.column("engineers")
    await expect(card).to_have_count(before + 1)
    await expect(reason).to_have_value("在另一个现场")
    await expect(reason).to_have_count(1)


async def test_the_console_is_live_and_reached_by_keyboard(
    screen: Screen, services: Services
) -> None:
    await screen.open("/sandbox")
    await screen.page.click(".as-supervisor button")
    await expect(screen.page.locator(".burning")).to_have_count(0)
    other = await screen.page.context.new_page()
    await other.goto(screen.base + "/chat", wait_until="load")
    await other.fill("#text-chat", TRAPPED)
    await other.keyboard.press("Enter")
    await expect(other.locator(".lines")).to_contain_text(re.compile(r"WO-\d{8}-\d{4}"))
    await other.close()
    await expect(screen.page.locator(".burning .number").first).to_contain_text("WO-")
    await screen.page.keyboard.press("/")
    await screen.page.keyboard.type("困人")
    await screen.page.keyboard.press("Enter")
    await screen.page.locator(".number").first.click()
    await expect(screen.page.locator(".timeline")).to_contain_text("报修")


async def test_no_page_scrolls_sideways_and_buttons_are_large(screen: Screen) -> None:
    await screen.open("/sandbox?customer=c01&team=lift")
    await screen.say("customer", TRAPPED)
    await expect(screen.page.locator("#col-customer .card")).to_be_visible()
    await screen.page.click(".as-supervisor button")
    await screen.page.wait_for_load_state("load")
    for path in ("/", "/board", "/orders", "/orders/1", "/me", "/people", "/chat", "/sandbox"):
        await screen.open(path)
        wide = await screen.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, path
    heights = await screen.page.evaluate(
        "[...document.querySelectorAll('.card .actions .button')]"
        ".filter((b) => b.checkVisibility()).map((b) => b.offsetHeight)"
    )
    assert heights
    assert min(heights) >= 48


async def test_the_search_says_what_it_searches_and_nothing_of_it_is_cut(screen: Screen) -> None:
    await screen.open("/sandbox")
    await screen.page.click(".as-supervisor button")
    await expect(screen.page.locator(".burning")).to_have_count(0)
    hint = screen.page.locator(".search .hint")
    wanted = {"desk": "单号、姓名、电话、地点", "phone": "搜工单"}[screen.size]
    assert (await hint.inner_text()).strip() == wanted
    assert await hint.evaluate("e => e.scrollWidth <= e.clientWidth")
    await screen.page.fill("#q", "电梯")
    assert not await hint.is_visible()
