"""Who somebody is, on the platforms themselves: an account that nobody knows yet is told how to say
whose it is, and once it has, it works as its owner.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vendors.dingtalk import FakeDingTalk
from tests.vendors.ear import Ear
from tests.vendors.platform import INVITES, MONDAY, TENANT, Platform, Town, town
from tests.vendors.telegram import FakeTelegram
from tests.vendors.wecom import FakeWecom
from tests.vendors.wecom_bot import FakeWecomBot
from workflow.company import Company

ENGINEER = "zhaoqiang"
HOW = "绑定 邀请码"


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
