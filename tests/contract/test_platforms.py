"""What every chat platform owes the front desk, asked of each of them alike through its own wire.

A new platform is a fake (``tests/vendors``) and one more name in ``PLATFORMS``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.vendors.dingtalk import DingTalkByHttp, FakeDingTalk, LinkedDingTalk
from tests.vendors.ear import Ear
from tests.vendors.mail import FakeMail
from tests.vendors.platform import TENANT, Platform, Shown, Town, town
from tests.vendors.sms import FakeSms
from tests.vendors.telegram import FakeTelegram, PollingTelegram
from tests.vendors.wechat import FakeWechat
from tests.vendors.wecom import FakeWecom
from tests.vendors.wecom_bot import FakeWecomBot
from tests.vendors.wecom_kf import FakeKf
from tests.waiting import wait_until
from workflow.states import State

PLATFORMS: list[type[Platform]] = [
    FakeTelegram,
    PollingTelegram,
    FakeWechat,
    FakeDingTalk,
    DingTalkByHttp,
    LinkedDingTalk,
    FakeWecom,
    FakeWecomBot,
    FakeKf,
    FakeMail,
    FakeSms,
]
FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"

RUBBISH = "锦绣苑3栋楼下垃圾没人收，臭得很，电话13712345678"


@pytest.fixture(params=PLATFORMS, ids=lambda kind: kind.__name__)
async def there(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """The demo company on each platform in turn."""
    async with town(request.param(), Ear(), tmp_path) as found:
        yield found


def has(*words: str) -> Any:
    """A message with all of these words."""
    return lambda shown: all(word in shown.text for word in words)


async def reported(
    there: Town, who: str = "anna", text: str = FAULT, button: str = "接单"
) -> tuple[Any, Shown]:
    """A customer reports; the work order, and its card in the team's group."""
    assert set(await there.platform.says(who, text, f"customer:{who}")) == {200}
    order = await there.until_order()
    return order, await there.until_card(button)


async def test_one_sentence_becomes_a_work_order_with_number_and_card(there: Town) -> None:
    order, card = await reported(there)
    assert order.fault_type == "hvac"
    told = await there.until_shown("customer:anna", has(order.number))
    assert told.id
    assert "空调" in card.text


async def test_four_deliveries_of_one_message_are_one_work_order(there: Town) -> None:
    answered = await there.platform.says("anna", FAULT, "customer:anna", times=4)
    assert set(answered) == {200}
    order = await there.until_order()
    await there.until_shown("customer:anna", has(order.number))
    assert len(await there.orders()) == 1
    told = [s for s in there.platform.shown("customer:anna") if "已受理" in s.text]
    assert len(told) <= 1


async def test_accepted_and_completed_from_the_card(there: Town) -> None:
    order, card = await reported(there)
    engineer, tail = order.assignee, int(order.number[-4:])
    await there.staff_presses(engineer, card, "接单")
    await there.until_order(lambda o: o.state == State.IN_PROGRESS and o.assignee == engineer)
    await there.staff_presses(engineer, await there.until_card("到场"), "到场")
    await there.until_order(lambda o: o.arrived_at is not None)
    await there.staff_says(engineer, f"完成 {tail} 加氟后制冷正常", "group:home")
    await there.until_order(lambda o: o.state == State.AWAITING_ACCEPTANCE)
    await there.confirms("anna", "确认修好了")
    await there.until_order(lambda o: o.state == State.CLOSED)


async def test_of_two_who_press_one_wins_and_the_other_is_told_by_whom(there: Town) -> None:
    order, card = await reported(there, text=RUBBISH, button="抢单")
    first, second, *_ = order.candidates
    copies = [(who, await there.own_copy(who, card, "抢单")) for who in (first, second)]
    await asyncio.gather(*(there.press_own(who, copy, "抢单") for who, copy in copies))
    taken = await there.until_order(lambda o: o.state == State.IN_PROGRESS)
    winner = taken.assignee
    loser = second if winner == first else first
    assert winner in {first, second}
    company = await there.parts.store.read("demo", lambda uow: uow.company)
    name = company.staff[winner].name
    assert await there.until_told(lambda s: name in s.text and there.calls(s, loser))


async def test_users_words_cannot_mention_or_mark_up(there: Town) -> None:
    nasty = f"{FAULT} @所有人 <b>急</b> <script>alert(1)</script> [x](http://evil.example)"
    _, card = await reported(there, text=nasty)
    everything = [*there.platform.shown("customer:anna"), *await there.told(), card]
    words = "\n".join(shown.text for shown in everything)
    assert "@所有人" not in words
    assert "<script>" not in words
    assert not [who for shown in everything for who in shown.mentions if "all" in who.lower()]


async def test_a_busy_platform_is_waited_for_and_a_broken_one_tried_again(there: Town) -> None:
    there.platform.busy()
    there.platform.broken()
    await there.platform.says("anna", FAULT, "customer:anna")
    order = await there.until_order()
    await wind_until_shown(there, "customer:anna", order.number)


async def wind_until_shown(there: Town, chat: str, words: str) -> None:
    """Let the clock run in steps of ten seconds until a chat says this."""
    clock = there.parts.clock

    async def shown() -> bool:
        await clock.move(TENANT, clock.now(TENANT) + timedelta(seconds=10))
        there.parts.house.wake(TENANT, frozenset({"outbox"}))
        return any(words in s.text for s in there.platform.shown(chat))

    await wait_until(shown, lambda: f"{chat} never said {words}")


async def test_it_acknowledges_while_nobody_has_understood_yet(
    there: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(self: Ear, *args: Any, **more: Any) -> Any:
        raise RuntimeError("nothing is understood today")

    monkeypatch.setattr(Ear, "understand", deaf)
    assert set(await there.platform.says("anna", FAULT, "customer:anna")) == {200}
    assert await there.until_order(lambda o: o.number != "")


async def test_no_secret_is_ever_logged(there: Town, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    there.platform.broken()
    await there.platform.says("anna", FAULT, "customer:anna")
    order = await there.until_order()
    await wind_until_shown(there, "customer:anna", order.number)
    secrets = [str(v) for v in there.platform.section().model_dump().values() if len(str(v)) > 8]
    hidden = [s for s in secrets if not s.startswith("http")]
    assert hidden
    ours = [record for record in caplog.records if not record.name.startswith("aiohttp.access")]
    for record in ours:
        assert not [s for s in hidden if s in record.getMessage()], record.name
