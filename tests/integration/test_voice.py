"""From an audio file in a chat to the words on a work order, or to a person who listens.

The clips are real AMR and Opus, decoded by the real listening process; its engine alone is a fake,
which hears a sentence in each pitch (:mod:`tests.vendors.listener`).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bots.reports import UNHEARD
from bots.wechat import adapter
from nlp import Understander
from paidan.voice.section import Voice
from paidan.voice.stenographer import Stenographer
from tests.vendors import recorder
from tests.vendors.ear import Ear
from tests.vendors.platform import Platform, Town, town
from tests.vendors.telegram import FakeTelegram
from tests.vendors.wechat import FakeWechat
from tests.waiting import wait_until
from workflow.states import Sub

ROOT = Path(__file__).parents[2]
MISHEARD = recorder.tone(440)
HOT = recorder.tone(600)


@pytest.fixture(autouse=True)
def _findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process finds the stand-in; an official account's call waits on a slow machine."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr(adapter, "ANSWER_WITHIN", 60.0)


@asynccontextmanager
async def living_on(
    platform: Platform, folder: Path, ear: Any, behaviour: str = "tones", **settings: Any
) -> AsyncIterator[Town]:
    """A town whose voice messages the stand-in writes down."""
    voice = Voice(model=folder, **settings)
    command = (sys.executable, "-m", "tests.vendors.listener", behaviour)
    async with town(platform, ear, folder, Stenographer(voice, command)) as found:
        yield found


async def telegram_voice(telegram: FakeTelegram, clip: bytes, who: str = "anna") -> None:
    telegram.files["clip"] = clip
    spoken = {"file_id": "clip", "file_unique_id": "u", "duration": 2, "mime_type": "audio/ogg"}
    message = telegram.message(who, f"customer:{who}", voice=spoken)
    assert await telegram.tell({"update_id": message["message_id"], "message": message}) == [200]


async def test_a_telegram_voice_is_a_work_order_with_what_was_misheard_put_right(
    tmp_path: Path, understander: Understander
) -> None:
    telegram = FakeTelegram()
    clip = recorder.record(MISHEARD, "ogg")
    async with living_on(telegram, tmp_path, understander) as there:
        await telegram_voice(telegram, clip)
        order = await there.until_order()
        assert (order.fault_type, order.priority) == ("elevator", "P0")
        assert order.device == "点题（电梯）"
        assert order.place.endswith("锦绣苑3栋2单元")
        assert order.text == order.media[0].transcript == "锦绣苑3栋2单元的点题困人了"
        blob = order.media[0].blob
        assert blob is not None
        assert await there.parts.store.blobs.get(blob) == (clip, "audio/ogg")
        await there.until_shown("group:lift", lambda s: "点题（电梯）" in s.text)


@pytest.mark.parametrize("form", ["amr", "silk"])
async def test_an_official_accounts_voice_without_recognition_is_heard_by_us(
    tmp_path: Path, form: str
) -> None:
    account = FakeWechat()
    account.media["m1"] = recorder.silk(HOT) if form == "silk" else recorder.record(HOT, form)
    async with living_on(account, tmp_path, Ear()) as there:
        spoken = {"MediaId": "m1", "Format": form, "Recognition": ""}
        assert await account.tell(account.message("anna", MsgType="voice", **spoken)) == [200]
        order = await there.until_order()
        assert (order.fault_type, order.text) == ("hvac", "锦绣苑3栋2单元501空调不制冷")
        assert order.sub is not Sub.TRIAGE


async def test_what_the_platform_wrote_down_comes_first(tmp_path: Path) -> None:
    account = FakeWechat()
    account.media["m1"] = recorder.record(HOT, "amr")
    async with living_on(account, tmp_path, Ear(), "mute") as there:
        spoken = {"MediaId": "m1", "Format": "amr", "Recognition": "锦绣苑3栋2单元水管漏了"}
        await account.tell(account.message("anna", MsgType="voice", **spoken))
        order = await there.until_order()
        assert (order.fault_type, order.text) == ("plumbing", "锦绣苑3栋2单元水管漏了")
        assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("clip", "behaviour"),
    [
        (recorder.record(recorder.silence(), "ogg"), "tones"),
        (recorder.record(recorder.tone(2_000), "ogg"), "tones"),
        (recorder.record(recorder.tone(600, 9), "ogg"), "tones"),
        (b"OggS" + b"\xff" * 99, "tones"),
        (b"crash", "orders"),
        (b"hang", "orders"),
        (b"words:x", "unready"),
    ],
    ids=["silence", "no words", "too long", "broken", "crash", "hang", "no model"],
)
async def test_a_voice_nobody_can_write_down_is_kept_for_a_person(
    tmp_path: Path, clip: bytes, behaviour: str
) -> None:
    telegram = FakeTelegram()
    async with living_on(telegram, tmp_path, Ear(), behaviour, timeout=5, seconds=5) as there:
        await telegram_voice(telegram, clip)
        order = await there.until_order()
        assert (order.text, order.sub, order.priority) == (UNHEARD, Sub.TRIAGE, "P1")
        (media,) = order.media
        assert (media.transcript, media.lost) == (None, "")
        assert (await there.parts.store.blobs.get(str(media.blob)))[0] == clip
        await there.until_shown("customer:anna", lambda s: order.number in s.text)


async def test_without_a_model_a_voice_is_kept_for_a_person(tmp_path: Path) -> None:
    telegram = FakeTelegram()
    async with town(telegram, Ear(), tmp_path) as there:
        await telegram_voice(telegram, recorder.record(HOT, "ogg"))
        order = await there.until_order()
        assert (order.text, order.sub) == (UNHEARD, Sub.TRIAGE)
        assert order.media[0].blob


async def test_a_clip_that_was_being_heard_when_the_house_stopped_is_heard_by_the_next(
    tmp_path: Path,
) -> None:
    telegram = FakeTelegram()
    async with living_on(telegram, tmp_path, Ear(), "orders") as there:
        await telegram_voice(telegram, b"hang")
        await wait_until(lambda: asyncio.to_thread((tmp_path / "started").exists))
        assert await there.orders() == []
    again = FakeTelegram()
    again.files["clip"] = recorder.record(HOT, "ogg")
    async with living_on(again, tmp_path, Ear()) as there:
        assert (await there.until_order()).fault_type == "hvac"
        assert len(await there.orders()) == 1


async def test_a_clip_that_takes_its_time_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """Somebody writes while another's clip hangs; both have their number, the writer first."""
    telegram = FakeTelegram()
    async with living_on(telegram, tmp_path, Ear(), "orders", timeout=20) as there:
        await telegram_voice(telegram, b"hang")
        await telegram.says("bob", "锦绣苑3栋2单元501空调不制冷", "customer:bob")
        order = await there.until_order()
        assert order.fault_type == "hvac"
        assert len(await there.orders()) == 1
