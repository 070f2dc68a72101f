"""The whole job on every platform, and on three at once: spoken, taken, left lying, escalated,
done and signed, each where they are.

Voice is real AMR and Opus, decoded by the real listening process; its engine alone is a fake, which
hears a sentence in each pitch (:mod:`tests.vendors.listener`).
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bots.reports import UNHEARD
from paidan.voice.section import Voice
from paidan.voice.stenographer import Stenographer
from tests.contract.test_platforms import PLATFORMS
from tests.vendors import recorder
from tests.vendors.dingtalk import FakeDingTalk
from tests.vendors.ear import Ear
from tests.vendors.listener import SENTENCES
from tests.vendors.platform import TENANT, Clip, Homes, Platform, Shown, Town, town
from tests.vendors.wechat import FakeWechat
from tests.vendors.wecom_bot import FakeWecomBot
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

ROOT = Path(__file__).parents[2]
HOT = Clip(SENTENCES[600], lambda form: recorder.record(recorder.tone(600), form))
MUMBLED = Clip("", lambda form: recorder.record(recorder.tone(2_000), form))
CHIEFS = "group:supervisors"


@pytest.fixture(autouse=True)
def _findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listening process finds the stand-in."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


@asynccontextmanager
async def listening(home: Platform | Homes, folder: Path) -> AsyncIterator[Town]:
    """A town that hears what a tone stands for."""
    command = (sys.executable, "-m", "tests.vendors.listener", "tones")
    stenographer = Stenographer(Voice(model=folder), command)
    async with town(home, Ear(), folder, stenographer) as found:
        yield found


async def left_lying(there: Town, hours: float) -> None:
    """Time passes and nobody moves."""
    await there.parts.house.wind(TENANT, timedelta(hours=hours))


async def reported(there: Town) -> WorkOrder:
    """By voice where the platform has voice, else in writing; the telephone number is asked for."""
    if there.platform.spoken:
        answered = await there.platform.speaks("anna", HOT, "customer:anna")
    else:
        answered = await there.platform.says("anna", HOT.said, "customer:anna")
    assert set(answered) == {200}
    await there.until_order()
    await there.platform.says("anna", "13712345678", "customer:anna")
    order = await there.until_order(lambda o: bool(o.assignee))
    assert (order.fault_type, order.text) == ("hvac", HOT.said)
    await there.until_shown("customer:anna", lambda s: order.number in s.text)
    return order


async def carried_through(there: Town, order: WorkOrder) -> None:
    """Taken, left lying until the supervisors hear of it, then done and signed."""
    engineer = order.assignee
    await there.staff_presses(engineer, await there.until_card("接单"), "接单")
    await there.until_order(lambda o: o.state == State.IN_PROGRESS and o.assignee == engineer)
    await left_lying(there, 4)
    stalled = await there.until_order(lambda o: o.stalled)
    assert stalled.number == order.number
    await there.until_told(lambda s: order.number in s.text and "没有进展" in s.text, CHIEFS)
    await there.staff_presses(engineer, await there.until_card("到场"), "到场")
    await there.until_order(lambda o: o.arrived_at is not None)
    await there.staff_says(engineer, f"完成 {int(order.number[-4:])} 加氟后制冷正常", "group:home")
    await there.until_order(lambda o: o.state == State.AWAITING_ACCEPTANCE)
    await there.confirms("anna", "确认修好了")
    await there.until_order(lambda o: o.state == State.CLOSED)
    assert len(await there.orders()) == 1


def doubled(shown: list[Shown]) -> list[str]:
    """What was said twice in the same words; cards repainted or sent afresh are no news."""
    words = Counter(s.text.strip() for s in shown if not s.buttons and not s.raw.get("task_id"))
    return [text for text, times in words.items() if times > 1 and text]


@pytest.mark.parametrize("kind", PLATFORMS, ids=lambda kind: kind.__name__)
async def test_from_a_spoken_word_to_the_signature(kind: type[Platform], tmp_path: Path) -> None:
    async with listening(kind(), tmp_path) as there:
        order = await reported(there)
        if there.platform.spoken == "bytes":
            blob = order.media[0].blob
            assert blob is not None
            assert (await there.parts.store.blobs.get(blob))[0]
        await carried_through(there, order)
        assert doubled(await there.said("customer:anna")) == []


@pytest.mark.parametrize("kind", PLATFORMS, ids=lambda kind: kind.__name__)
async def test_a_voice_nobody_can_write_down_waits_for_a_person(
    kind: type[Platform], tmp_path: Path
) -> None:
    if kind.spoken != "bytes":
        pytest.skip("this platform writes voice down itself, or has none")
    async with listening(kind(), tmp_path) as there:
        await there.platform.speaks("anna", MUMBLED, "customer:anna")
        order = await there.until_order()
        assert (order.text, order.sub) == (UNHEARD, Sub.TRIAGE)
        assert order.media[0].blob
        await there.until_shown("customer:anna", lambda s: order.number in s.text)
        await there.until_told(lambda s: order.number in s.text, CHIEFS)


async def test_customer_engineers_and_supervisors_each_on_a_platform_of_their_own(
    tmp_path: Path,
) -> None:
    """公众号, 智能机器人 and 钉钉: one work order, one number, everybody told where they are."""
    wechat, bot, ding = FakeWechat(), FakeWecomBot(), FakeDingTalk()
    async with listening(Homes(wechat, bot, ding), tmp_path) as there:
        order = await reported(there)
        await carried_through(there, order)
        for chat in ("customer:anna", "group:home", CHIEFS):
            said = await there.said(chat)
            assert any(order.number in s.text for s in said), chat
            assert doubled(said) == [], chat
        assert ding.shown(f"staff:{order.assignee}") == []
        assert not [s for s in bot.shown("customer:anna") if s.text]
