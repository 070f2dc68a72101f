"""Who somebody is, on the platforms themselves: an account that nobody knows yet is told how to say
whose it is, and once it has, it works as its owner; one customer with several accounts is one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.vendors.dingtalk import FakeDingTalk
from tests.vendors.ear import Ear
from tests.vendors.platform import INVITES, MONDAY, TENANT, Homes, Platform, Town, town
from tests.vendors.telegram import FakeTelegram
from tests.vendors.wechat import FakeWechat
from tests.vendors.wecom import FakeWecom
from tests.vendors.wecom_bot import FakeWecomBot
from tests.vendors.wecom_kf import FakeKf
from tests.waiting import wait_until
from workflow.company import Company

ENGINEER = "zhaoqiang"
HOW = "绑定 邀请码"
ANNA = "customer:anna"
REPORT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"
AGAIN = "空调不制冷，一直吹热风"
RUBBISH = "锦绣苑9栋楼下垃圾没人收，臭得很，电话"


async def company_of(there: Town) -> Company:
    found: Company = await there.parts.store.read(TENANT, lambda uow: uow.company)
    return found


async def bound(there: Town, chat: str) -> None:
    """The stranger sends the invite they were given, and is the engineer."""
    company = await company_of(there)
    code = INVITES.code(TENANT, company.staff[ENGINEER], MONDAY)
    await there.platform.says("newcomer", f"绑定 {code}", chat)
    await there.until_shown(chat, lambda s: "绑定好了" in s.text)
    staff = (await company_of(there)).staff[ENGINEER]
    assert staff.handles[there.platform.name] == there.platform.user("newcomer")


@pytest.mark.parametrize(
    "kind", [FakeTelegram, FakeDingTalk, FakeWecomBot], ids=lambda kind: kind.__name__
)
async def test_a_stranger_in_the_engineers_group_is_told_once_and_binds(
    kind: type[Platform], tmp_path: Path
) -> None:
    async with town(kind(), Ear(), tmp_path) as there:
        group = "group:lift"
        for words in ("今天谁值班", "接单 1", "我的单"):
            assert set(await there.platform.says("newcomer", words, group)) == {200}
        await there.until_shown(group, lambda s: HOW in s.text)
        await bound(there, group)
        told = [s for s in await there.said(group) if HOW in s.text]
        assert len(told) == 1
        assert there.platform.user("newcomer") in told[0].text
        await there.platform.says("newcomer", "我的单", group)
        await there.until_shown(group, lambda s: "手上没有未完成的工单" in s.text)


async def test_a_member_whom_the_application_does_not_know_is_told_and_binds(
    tmp_path: Path,
) -> None:
    async with town(FakeWecom(), Ear(), tmp_path) as there:
        chat = "customer:newcomer"
        await there.platform.says("newcomer", "上班", chat)
        await there.until_shown(chat, lambda s: HOW in s.text)
        await bound(there, chat)
        await there.platform.says("newcomer", "我的单", chat)
        await there.until_shown(chat, lambda s: "手上没有未完成的工单" in s.text)


# --- one customer, several accounts -------------------------------------------------------------


async def said_on(platform: Platform, *words: str) -> str:
    """The newest message to Anna there that has all of these words, once there is one."""

    async def look() -> str:
        found = [s.text for s in platform.shown(ANNA) if all(word in s.text for word in words)]
        return found[-1] if found else ""

    return await wait_until(look, lambda: str([s.text for s in platform.shown(ANNA)]))


async def asked_on(platform: Platform, *numbers: str) -> None:
    """Anna asks how it goes, and is told of these."""
    before = len(platform.shown(ANNA))
    await platform.says("anna", "我的工单", ANNA)

    async def told() -> bool:
        new = "".join(s.text for s in platform.shown(ANNA)[before:])
        return all(number in new for number in numbers)

    await wait_until(told, lambda: str([s.text for s in platform.shown(ANNA)[before:]]))


async def test_by_unionid_the_official_account_and_customer_service_know_one_customer(
    tmp_path: Path,
) -> None:
    wechat, kf = FakeWechat(), FakeKf()
    wechat.unions[wechat.user("anna")] = kf.unions[kf.user("anna")] = (
        "o6_bmasdasdsad6_2sgVt7hMZOPfL"
    )
    async with town(Homes(wechat, None, None), Ear(), tmp_path, also=[kf]) as there:
        await wechat.says("anna", REPORT, ANNA)
        order = await there.until_order()
        await kf.says("anna", AGAIN, ANNA)
        await said_on(kf, order.number)
        await said_on(wechat, order.number)
        (one,) = await there.orders()
        assert [r.place.channel for r in one.reporters] == ["wechat", "wecom_kf"]
        assert len({r.customer_id for r in one.reporters}) == 1
        await asked_on(kf, order.number)
        await asked_on(wechat, order.number)


async def test_with_their_own_invite_a_customer_is_one_on_two_platforms_with_all_they_had(
    tmp_path: Path,
) -> None:
    """What was reported before, on either, is theirs on both; what comes after joins it."""
    wechat, telegram = FakeWechat(), FakeTelegram()
    async with town(Homes(wechat, None, None), Ear(), tmp_path, also=[telegram]) as there:
        await wechat.says("anna", REPORT, ANNA)
        first = await there.until_order()
        telegram.chat(ANNA)
        await telegram.says("anna", f"{RUBBISH}13787654321", ANNA)
        second = await there.until_order(lambda o: o.number != first.number)
        await wechat.says("anna", "绑定", ANNA)
        code = re.search(r"绑定 (\S+)$", await said_on(wechat, "绑定 "))
        assert code is not None
        await telegram.says("anna", code[0], ANNA)
        await said_on(telegram, "绑定好了")
        await asked_on(telegram, first.number, second.number)
        await asked_on(wechat, first.number, second.number)
        await telegram.says("anna", AGAIN, ANNA)
        both = await there.until_order(lambda o: len(o.reporters) > 1)
        assert both.number == first.number
        assert len(await there.orders()) == 2
        await wechat.says("anna", f"取消 {int(second.number[-4:])}", ANNA)
        await wechat.says("anna", "确认取消", ANNA)
        await there.until_order(lambda o: o.number == second.number and not o.open)


async def test_two_who_leave_one_number_for_one_fault_are_told_one_work_order(
    tmp_path: Path,
) -> None:
    wechat, telegram = FakeWechat(), FakeTelegram()
    async with town(Homes(wechat, None, None), Ear(), tmp_path, also=[telegram]) as there:
        await wechat.says("anna", REPORT, ANNA)
        order = await there.until_order()
        telegram.chat(ANNA)
        await telegram.says("anna", "空调不制冷，我电话13712345678", ANNA)
        await said_on(telegram, order.number)
        await said_on(wechat, order.number)
        assert len(await there.orders()) == 1
        await asked_on(telegram, order.number)
        await asked_on(wechat, order.number)


async def test_telegrams_word_for_a_number_binds_a_colleague_but_not_with_anothers_card(
    tmp_path: Path,
) -> None:
    telegram = FakeTelegram()
    async with town(telegram, Ear(), tmp_path) as there:
        staff = (await company_of(there)).staff[ENGINEER]
        chat = telegram.chat(ANNA)
        await telegram.says("anna", "/bind", ANNA)
        keyboards = [f.get("reply_markup", "") for m, f in telegram.calls if m == "sendMessage"]
        assert '"request_contact": true' in keyboards[-1]
        await telegram.shares("anna", f"+86{staff.phone}", owner="mallory")
        await telegram.says("anna", "上班", ANNA)
        await said_on(telegram, "/bind")
        await telegram.shares("anna", f"+86{staff.phone}")
        await said_on(telegram, staff.name, "绑定好了")
        bound = (await company_of(there)).staff[ENGINEER]
        assert (bound.handles["telegram"], bound.contacts[0].chat) == (telegram.user("anna"), chat)


async def test_telegrams_word_for_a_number_finds_the_registered_customer(tmp_path: Path) -> None:
    telegram = FakeTelegram()
    async with town(Homes(telegram, None, None), Ear(), tmp_path) as there:
        telegram.chat(ANNA)
        await telegram.shares("anna", "8613900000002")
        await said_on(telegram, "陈先生", "绑定好了")
        await telegram.says("anna", AGAIN, ANNA)
        order = await there.until_order()
        assert (order.customer_id, order.phone) == ("c02", "13900000002")


async def test_a_number_that_somebody_only_wrote_makes_nobody_them(tmp_path: Path) -> None:
    """Who writes another's number first must not see the other's work orders later."""
    wechat, telegram = FakeWechat(), FakeTelegram()
    async with town(Homes(wechat, None, None), Ear(), tmp_path, also=[telegram]) as there:
        await wechat.says("mallory", f"{RUBBISH}13712345678", "customer:mallory")
        theirs = await there.until_order()
        telegram.chat(ANNA)
        await telegram.shares("anna", "8613712345678")
        await telegram.says("anna", "锦绣苑3栋2单元501空调不制冷", ANNA)
        own = await there.until_order(lambda o: o.number != theirs.number)
        assert own.customer_id != theirs.customer_id
        assert own.phone == "13712345678"
