"""Hostile input through every platform's door: answered or refused, never a crash.

A short run of ``bench/fuzz.py``, each channel in a process of its own; what it found once has a
test of its own below.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage import SqlStore, open_store
from tests.vendors.ear import Ear
from tests.vendors.platform import MONDAY, TENANT, town
from tests.vendors.telegram import PollingTelegram
from workflow.records import Inbound, Media

FUZZ = Path(__file__).parents[2] / "bench" / "fuzz.py"


@pytest.mark.parametrize(
    "channel", ["wechat", "wecom", "wecom_kf", "wecom_bot", "dingtalk", "telegram", "sms"]
)
def test_spoilt_input_is_answered_or_refused(channel: str) -> None:
    asked = [sys.executable, str(FUZZ), "--channel", channel, "--inputs", "600", "--seed", "7"]
    said = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=100)
    found = json.loads(said.stdout.splitlines()[-1])
    assert found["crashes"] == []
    assert min(found["ends"].get(status, 0) for status in ("200", "400")) > 0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store("sqlite:///:memory:", tmp_path) as store:
        yield store


async def test_half_characters_in_any_field_do_not_keep_a_message_out(store: SqlStore) -> None:
    half = "报修\ud83d"
    media = (Media("voice", ref=half, name=half, transcript=half),)
    message = Inbound(
        TENANT, "telegram", half, "direct", half, f"k{half}", MONDAY, half, half, media, (half,)
    )
    admitted = await store.transact(TENANT, lambda uow: uow.inbox.admit(message))
    assert admitted is not None
    assert admitted.inbound.media[0].transcript == "报修?"


async def test_an_update_nobody_can_read_does_not_stop_those_behind_it(tmp_path: Path) -> None:
    platform = PollingTelegram()
    async with town(platform, Ear(), tmp_path) as there:
        broken = platform.message("ben", "customer:ben", text="x")
        broken["photo"] = [{"file_id": "f", "file_unique_id": "u", "width": "9", "height": "x"}]
        del broken["text"]
        platform.waiting.append(
            {"update_id": 900, "message": {**broken, "chat": {"id": "x", "type": "private"}}}
        )
        await platform.says("anna", "锦绣苑3栋2单元501空调不制冷，电话13712345678", "customer:anna")
        assert (await there.until_order()).fault_type == "hvac"
