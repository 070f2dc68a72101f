"""Hostile input through every platform's door: answered or refused, never a crash.

A short run of ``bench/fuzz.py``, each channel in a process of its own; what it found once has a
test of its own below.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from storage import SqlStore, open_store
from tests.vendors.dingtalk import DingTalkByHttp, FakeDingTalk
from tests.vendors.ear import Ear
from tests.vendors.platform import MONDAY, TENANT, town
from tests.vendors.telegram import PollingTelegram
from tests.vendors.wecom_bot import FakeWecomBot
from tests.vendors.wecom_kf import FakeKf
from workflow.records import Inbound, Media

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
FUZZ = Path(__file__).parents[2] / "bench" / "fuzz.py"


@pytest.mark.parametrize(
    "channel", ["wechat", "wecom", "wecom_kf", "wecom_bot", "dingtalk", "telegram", "sms"]
)
def test_spoilt_input_is_answered_or_refused(channel: str) -> None:
    ends = fuzzed(channel)
    assert min(ends.get(status, 0) for status in ("200", "400")) > 0


@pytest.mark.parametrize(
    "connection",
    ["wecom_bot_line", "dingtalk_stream", "kf_pages", "telegram_polling", "email"],
)
def test_spoilt_input_on_a_connection_of_ours_stops_nothing_behind_it(connection: str) -> None:
    ends = fuzzed(connection)
    assert min(ends.get(end, 0) for end in ("let in", "ignored")) > 0


def fuzzed(channel: str) -> dict[str, int]:
    """What became of six hundred spoilt inputs, none of which was a crash."""
    asked = [sys.executable, str(FUZZ), "--channel", channel, "--inputs", "600", "--seed", "7"]
    said = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=100)
    found = json.loads(said.stdout.splitlines()[-1])
    assert found["crashes"] == []
    ends: dict[str, int] = found["ends"]
    return ends


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
        await platform.says("anna", FAULT, "customer:anna")
        assert (await there.until_order()).fault_type == "hvac"


async def test_frames_nobody_can_read_end_no_connection_of_the_bots(tmp_path: Path) -> None:
    platform = FakeWecomBot()
    async with town(platform, Ear(), tmp_path) as there:
        await platform.says("bob", "在吗", "customer:bob")
        assert platform.socket is not None
        odd = {"msgtype": "event", "event": {"eventtype": 7}}
        await platform.socket.send_json({"cmd": ["aibot_msg_callback"], "headers": {}})
        await platform.socket.send_json({"cmd": "aibot_event_callback", "headers": 1, "body": odd})
        await platform.says("anna", FAULT, "customer:anna")
        assert (await there.until_order()).fault_type == "hvac"
        assert [f["cmd"] for f in platform.frames].count("aibot_subscribe") == 1


@pytest.mark.parametrize("data", [["x"], 7, None, "[1]", "{"])
async def test_a_frame_of_the_stream_without_an_object_is_refused_once(
    tmp_path: Path, data: object
) -> None:
    platform = FakeDingTalk()
    async with town(platform, Ear(), tmp_path) as there:
        ack = await platform.frame("CALLBACK", "/v1.0/im/bot/messages/get", data)
        assert ack["code"] == 200
        assert there.counts["dingtalk", "malformed"] == 1
        assert platform.socket is not None
        await platform.socket.send_bytes(b"{}")
        await platform.socket.send_json({"type": "CALLBACK", "headers": {"topic": {}}})
        await platform.says("anna", FAULT, "customer:anna")
        assert (await there.until_order()).fault_type == "hvac"
        assert platform.connections == 1


LONG = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(3000))
"""Nothing that an index could hold, even compressed."""


async def test_an_id_longer_than_any_is_refused_for_good(
    tmp_path: Path, new_postgres: Callable[[], str]
) -> None:
    platform = DingTalkByHttp()
    async with town(platform, Ear(), tmp_path, url=new_postgres()) as there:
        message = platform.message("bob", "customer:bob", text={"content": FAULT})
        assert await platform.tell({**message, "senderStaffId": LONG}) == [400]
        assert there.counts["dingtalk", "malformed"] == 1


async def test_news_with_an_id_longer_than_any_is_passed_over(
    tmp_path: Path, new_postgres: Callable[[], str]
) -> None:
    platform = FakeKf()
    async with town(platform, Ear(), tmp_path, url=new_postgres()) as there:
        platform.write("bob", msgtype="text", text={"content": "在吗"})
        platform.news[-1]["external_userid"] = f"{LONG}\ud83d"
        await platform.says("anna", FAULT, "customer:anna")
        assert (await there.until_order()).fault_type == "hvac"
        assert there.counts["wecom_kf", "malformed"] == 1
