"""What only Telegram has: secrets in headers, groups that move, choices under a card, files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.vendors.ear import Ear
from tests.vendors.platform import Town, town
from tests.vendors.telegram import FakeTelegram
from tests.waiting import wait_until
from workflow.records import ChatRef

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(FakeTelegram(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def telegram(there: Town) -> FakeTelegram:
    assert isinstance(there.platform, FakeTelegram)
    return there.platform


async def hear(there: Town, telegram: FakeTelegram, text: str = FAULT) -> Any:
    await telegram.says("anna", text, "customer:anna")
    return await there.until_order()


async def test_without_the_secret_nothing_is_taken_in(there: Town, telegram: FakeTelegram) -> None:
    message = telegram.message("anna", "customer:anna", text=FAULT)
    update = {"update_id": 1, "message": message}
    wrong = {"X-Telegram-Bot-Api-Secret-Token": "wrong"}
    assert await telegram.tell(update, **wrong) == [403]
    assert await there.orders() == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'{"update_id": "x"}', b'{"message": {}}', b"[" * 99_999]
)
async def test_nonsense_is_refused_not_crashed_on(
    there: Town, telegram: FakeTelegram, body: bytes
) -> None:
    headers = {"X-Telegram-Bot-Api-Secret-Token": "hook-secret"}
    async with telegram.http.post(telegram.hook, data=body, headers=headers) as response:
        assert response.status == 400
    assert await there.orders() == []


async def test_an_update_of_no_use_is_taken_and_forgotten(
    there: Town, telegram: FakeTelegram
) -> None:
    poll = {"poll_id": "1", "user": telegram.person("anna"), "option_ids": [0]}
    poll["option_persistent_ids"] = ["0"]
    assert await telegram.tell({"update_id": 1, "poll_answer": poll}) == [200]
    assert await there.orders() == []


async def test_the_hook_is_registered_with_its_secret(there: Town, telegram: FakeTelegram) -> None:
    async def registered() -> bool:
        return bool(telegram.hook_set)

    await wait_until(registered)
    assert telegram.hook_set["url"] == telegram.hook
    assert telegram.hook_set["secret_token"] == "hook-secret"
    assert there.platform is telegram


async def test_declining_offers_reasons_under_the_card(there: Town, telegram: FakeTelegram) -> None:
    order = await hear(there, telegram)
    card = await there.until_shown("group:home", lambda s: "拒单" in s.buttons)
    await telegram.presses(order.assignee, card, "拒单")
    asked = await there.until_shown(
        "group:home", lambda s: s.id == card.id and "接单" not in s.buttons
    )
    assert len(asked.buttons) >= 3
    await telegram.presses(order.assignee, asked, asked.buttons[0])
    await there.until_order(lambda o: o.assignee != order.assignee or o.sub != order.sub)


async def test_a_button_that_wants_words_says_how(there: Town, telegram: FakeTelegram) -> None:
    order = await hear(there, telegram)
    engineer = order.assignee
    card = await there.until_shown("group:home", lambda s: "接单" in s.buttons)
    await telegram.presses(engineer, card, "接单")
    moved = await there.until_shown("group:home", lambda s: "到场" in "".join(s.buttons))
    await telegram.presses(engineer, moved, "到场")
    done = await there.until_shown("group:home", lambda s: "完成" in s.buttons)
    await telegram.presses(engineer, done, "完成")

    async def alert() -> Any:
        return next((a for a in telegram.answers if "请回复" in a.get("text", "")), None)

    assert "完成 1" in (await wait_until(alert))["text"]


async def test_a_group_that_becomes_a_supergroup_keeps_its_place(
    there: Town, telegram: FakeTelegram
) -> None:
    old, new = int(telegram.chat("group:home")), -1009999
    telegram.messages[new] = {}
    telegram.moved[old] = new
    order = await hear(there, telegram)

    async def spoken() -> bool:
        return any("接单" in str(m["keyboard"]) for m in telegram.messages[new].values())

    await wait_until(spoken)
    telegram.chats["group:home"] = new
    card = await there.until_shown("group:home", lambda s: "接单" in s.buttons)
    await telegram.presses(order.assignee, card, "接单")
    await there.until_order(lambda o: o.state == "in_progress")


async def test_a_press_that_comes_too_late_for_telegram_still_counts(
    there: Town, telegram: FakeTelegram
) -> None:
    order = await hear(there, telegram)
    card = await there.until_shown("group:home", lambda s: "接单" in s.buttons)
    data = card.raw["keyboard"]["inline_keyboard"][0][0]["callback_data"]
    query = {
        "id": "old",
        "from": telegram.person(order.assignee),
        "message": {**telegram.message("x", "group:home"), "message_id": int(card.id), "text": "x"},
        "chat_instance": "1",
        "data": data,
    }
    assert await telegram.tell({"update_id": 77, "callback_query": query}) == [200]
    await there.until_order(lambda o: o.state == "in_progress")


async def test_a_photo_is_fetched_and_stands_on_the_work_order(
    there: Town, telegram: FakeTelegram
) -> None:
    telegram.files["photo1"] = PNG
    size = {"file_id": "photo1", "file_unique_id": "u", "width": 90, "height": 90}
    message = telegram.message("anna", "customer:anna", photo=[size], caption=FAULT)
    await telegram.tell({"update_id": 1, "message": message})
    order = await there.until_order(lambda o: bool(o.media))
    blob = order.media[0].blob
    assert blob is not None
    assert await there.parts.store.blobs.get(blob) == (PNG, "image/png")


async def test_in_a_group_only_what_is_said_to_us_is_heard(
    there: Town, telegram: FakeTelegram
) -> None:
    chatter = telegram.message("anna", "group:tenants", text="空调坏了吗你们家")
    await telegram.tell({"update_id": 1, "message": chatter})
    await telegram.says("anna", FAULT, "group:tenants")
    order = await there.until_order()
    assert order.reporters[0].place == ChatRef("telegram", telegram.chat("group:tenants"), "group")
    assert len(await there.orders()) == 1
