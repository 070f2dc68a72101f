"""绑定: chat accounts that say whose they are."""

from __future__ import annotations

import pytest

from paidan.importing import store_company
from tests.scenario.conftest import INVITES, Town, customer_chat, staff_chat, team_group
from workflow.company import Customer, Staff
from workflow.records import ChatRef

ENGINEER = "zhaoqiang"
PHONE = ChatRef("sandbox", "staff:zq-phone")
"""A chat of an account that nobody knows."""


async def stored(town: Town) -> Staff:
    company = await town.read(lambda uow: uow.company)
    found: Staff = company.staff[ENGINEER]
    return found


async def invite(town: Town) -> str:
    return INVITES.code(town.tenant, await stored(town), town.clock.now(town.tenant))


async def bind(town: Town, code: str, sender: str = "zq-phone", chat: ChatRef = PHONE) -> str:
    await town.say(sender, f"绑定 {code}", chat=chat)
    return await town.last(chat)


async def test_an_account_with_an_invite_works_as_its_owner(town: Town) -> None:
    assert "绑定好了" in await bind(town, await invite(town))
    staff = await stored(town)
    assert staff.contacts[0] == PHONE
    assert staff.handles["sandbox"] == "zq-phone"
    await town.say("zq-phone", "我的单", chat=PHONE)
    assert await town.last(PHONE) == "手上没有未完成的工单。"


async def test_an_invite_works_once(town: Town) -> None:
    code = await invite(town)
    await bind(town, code)
    other = ChatRef("sandbox", "staff:thief")
    assert "用过了" in await bind(town, code, "thief", other)
    assert (await stored(town)).handles["sandbox"] == "zq-phone"


async def test_of_one_channel_the_newest_account_is_theirs(town: Town) -> None:
    await bind(town, await invite(town))
    await town.say(ENGINEER, "我的单")
    assert "手上没有" not in await town.last(staff_chat(ENGINEER))
    await town.say("zq-phone", "我的单", chat=PHONE)
    assert "手上没有" in await town.last(PHONE)


@pytest.mark.parametrize("days", [2, 30])
async def test_an_old_invite_is_refused(town: Town, days: int) -> None:
    code = await invite(town)
    await town.wait(days=days)
    assert "过期" in await bind(town, code)
    assert PHONE not in (await stored(town)).contacts


async def test_a_guess_and_a_nobody_are_refused_alike(town: Town) -> None:
    wrong = await bind(town, f"{ENGINEER}-AAAAAAAA")
    assert wrong == await bind(town, "nobody-AAAAAAAA")
    assert PHONE not in (await stored(town)).contacts


async def test_an_invite_for_one_is_none_for_another(town: Town) -> None:
    proof = (await invite(town)).rpartition("-")[2]
    assert "邀请码不对" in await bind(town, f"zhouming-{proof}")


async def test_a_colleague_keeps_their_account(town: Town) -> None:
    code = await invite(town)
    chat = ChatRef("sandbox", "staff:zhouming")
    assert "已经是周明的" in await bind(town, code, "zhouming", chat)
    assert "绑定好了" in await bind(town, code)


async def test_in_a_colleagues_group_a_stranger_is_told_how_and_binds(town: Town) -> None:
    group = team_group("lift")
    await town.say("zq-phone", "接单 1", chat=group)
    assert "绑定 邀请码" in await town.last(group)
    assert "绑定好了" in await bind(town, await invite(town), chat=group)
    staff = await stored(town)
    assert staff.handles["sandbox"] == "zq-phone"
    assert group not in staff.contacts


async def test_a_customer_on_another_channel_is_the_same_customer(town: Town) -> None:
    await town.say("c01", "3栋2单元501水管漏水 13812345678")
    customer = await town.read(lambda uow: uow.people.customer("c01"))
    assert isinstance(customer, Customer)
    code = INVITES.code(town.tenant, customer, town.clock.now(town.tenant))
    elsewhere = customer_chat("someone")
    assert "同一个人" in await bind(town, code, "someone", elsewhere)
    await town.say("someone", "水管还在漏，快点")
    (order,) = await town.orders()
    assert order.customer_id == "c01"
    assert order.number in "".join(await town.heard(elsewhere))


async def test_a_company_file_leaves_bound_accounts_alone(town: Town) -> None:
    telegram = ChatRef("telegram", "42")
    await bind(town, await invite(town), "42", telegram)
    await store_company(town.parts.store, town.tenant, town.loaded)
    staff = await stored(town)
    assert telegram in staff.contacts
    assert staff.handles["telegram"] == "42"


async def test_words_about_binding_are_words(town: Town) -> None:
    await town.say("c01", "绑定手机号的时候门禁报错，刷不开")
    assert len(await town.orders()) == 1
