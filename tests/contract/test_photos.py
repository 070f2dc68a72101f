"""The reporter's pictures on the engineers' cards, on every platform: shown where the platform can,
else behind a link that whoever reads the card may open.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_platforms import FAULT, PLATFORMS
from tests.vendors.ear import Ear
from tests.vendors.platform import MONDAY, TENANT, Homes, Shown, Town, town
from tests.vendors.telegram import FakeTelegram
from workflow.records import Card, ChatRef, Inbound, Media, Outgoing
from workflow.states import State

WHERE = b"taken at 31.2304 N"
LINK = re.compile(r"/photos/[\w.-]+")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PICTURE = b"".join((
    b"\x89PNG\r\n\x1a\n",
    _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
    _chunk(b"tEXt", b"Location\0" + WHERE),
    _chunk(b"IDAT", zlib.compress(b"\0\0")),
    _chunk(b"IEND", b""),
))  # fmt: skip


@pytest.fixture(params=PLATFORMS, ids=lambda kind: kind.__name__)
async def there(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(request.param(), Ear(), tmp_path) as found:
        yield found


async def sent(there: Town, key: str, text: str, pictures: int) -> str:
    """Anna sends words with pictures; the name of their blob."""
    platform = there.platform
    blob = await there.parts.store.blobs.put(PICTURE, "image/png")
    media = tuple(Media("image", blob=blob, mime="image/png") for _ in range(pictures))
    chat, who = platform.chat("customer:anna"), platform.user("anna")
    inbound = Inbound(TENANT, platform.name, chat, "direct", who, key, MONDAY, text, media=media)
    await there.parts.front_desk.admit(inbound)
    return blob


def link_in(shown: Shown) -> str:
    """The way to the pictures on a card, wherever its platform puts it."""
    if isinstance(shown.raw.get("card"), Card):
        return shown.raw["card"].links[0][1]
    whole = json.dumps(shown.raw, ensure_ascii=False, default=str) + shown.text
    assert re.search(r"照片.{0,40}2 张", whole), whole
    found = LINK.search(whole)
    assert found is not None, whole
    return found[0]


async def test_a_card_shows_the_reporters_pictures_or_the_way_to_them(there: Town) -> None:
    blob = await sent(there, "with-photo", FAULT, 2)
    order = await there.until_order()
    card = await there.until_told(
        lambda s: "接单" in s.buttons and "空调" in s.text + str(s.raw), "group:home"
    )
    path = LINK.search(link_in(card))
    assert path is not None
    platform = there.platform
    home = platform.hook.partition("/hooks/")[0]
    async with platform.http.get(home + path[0]) as response:
        page = await response.text()
        assert response.status == 200
        assert order.number in page
        assert page.count(f'src="/blobs/{blob}"') == 2
        assert order.phone not in page
    async with platform.http.get(f"{home}/blobs/{blob}") as response:
        assert WHERE not in await response.read()
    async with platform.http.get(home + path[0][:-3]) as response:
        assert response.status == 403
    await there.staff_presses(order.assignee, card, "接单")
    await there.until_order(lambda o: o.state == State.IN_PROGRESS)


# --- Telegram shows them ------------------------------------------------------------------------


@pytest.fixture
async def telegram(tmp_path: Path) -> AsyncIterator[tuple[Town, FakeTelegram]]:
    platform = FakeTelegram()
    async with town(Homes.all_on(platform), Ear(), tmp_path) as found:
        yield found, platform


async def test_telegrams_card_is_the_picture_and_is_repainted_in_its_place(
    telegram: tuple[Town, FakeTelegram],
) -> None:
    there, _ = telegram
    await sent(there, "with-photo", FAULT, 1)
    order = await there.until_order()
    card = await there.until_card("接单")
    assert card.raw["photo"].startswith(b"\x89PNG")
    assert WHERE not in card.raw["photo"]
    await there.staff_presses(order.assignee, card, "接单")
    now = await there.until_shown("group:home", lambda s: "到场" in s.buttons)
    assert (now.id, now.raw["photo"]) == (card.id, card.raw["photo"])
    assert now.edits > card.edits


async def test_a_picture_that_comes_later_is_added_to_the_card_that_stands(
    telegram: tuple[Town, FakeTelegram],
) -> None:
    there, _ = telegram
    await sent(there, "words", FAULT, 0)
    order = await there.until_order()
    card = await there.until_card("接单")
    assert card.raw["photo"] is None
    await sent(there, "photo", "", 1)
    now = await there.until_shown("group:home", lambda s: s.raw["photo"] is not None)
    assert now.id == card.id
    await there.staff_presses(order.assignee, now, "接单")
    later = await there.until_shown("group:home", lambda s: "到场" in s.buttons)
    assert (later.id, later.raw["photo"]) == (card.id, now.raw["photo"])


async def test_what_telegram_will_not_take_as_a_picture_stays_words(
    telegram: tuple[Town, FakeTelegram],
) -> None:
    there, platform = telegram
    to = ChatRef("telegram", platform.chat("group:home"), "group")
    channel: Any = there.parts.adapters["telegram"]
    blob = await there.parts.store.blobs.put(b"GIF89a nonsense", "image/gif")
    media = (Media("image", blob=blob, mime="image/gif"),)
    card = Card("card:x:team", "工单", body="客户说：空调不制冷", media=media)
    first = await channel.send(Outgoing(TENANT, to, "", "a", card))
    again = replace(card, body="客户说：好多了")
    await channel.send(Outgoing(TENANT, to, "", "b", again, previous=first.message_id))
    (shown,) = platform.shown("group:home")
    assert (shown.raw["photo"], "好多了" in shown.text) == (None, True)


async def test_a_card_too_long_for_a_caption_stays_words_and_a_caption_never_grows_too_long(
    telegram: tuple[Town, FakeTelegram],
) -> None:
    there, platform = telegram
    to = ChatRef("telegram", platform.chat("group:home"), "group")
    channel: Any = there.parts.adapters["telegram"]
    blob = await there.parts.store.blobs.put(PICTURE, "image/png")
    media = (Media("image", blob=blob, mime="image/png"),)
    long = Card("card:x:team", "工单", body="长" * 1100, media=media)
    await channel.send(Outgoing(TENANT, to, "", "a", long))
    short = replace(long, body="短")
    first = await channel.send(Outgoing(TENANT, to, "", "b", short))
    await channel.send(Outgoing(TENANT, to, "", "c", long, previous=first.message_id))
    words, picture = platform.shown("group:home")
    assert (words.raw["photo"], "长长" in words.text) == (None, True)
    assert picture.raw["photo"] is not None
    assert (picture.edits, picture.text.startswith("⚪ 工单")) == (1, True)
