"""Who somebody is to us: customers old and new, colleagues on and off duty, and those who left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.scenario.conftest import Town, customer_chat, staff_chat, team_group
from workflow.company import Customer, Identity
from workflow.ports import UnitOfWork
from workflow.records import ChatRef
from workflow.states import State

HOME = team_group("home")
CHEN = customer_chat("c02")
WEB = ChatRef("web", "visitor:7")
NO_COOLING = "我家空调不制冷，一直吹热风"


async def customer_of(town: Town, channel: str, user: str) -> Customer:
    def known(uow: UnitOfWork) -> Customer:
        identity = uow.people.identity(channel, user)
        assert identity is not None
        customer = uow.people.customer(identity.person_id)
        assert customer is not None
        return customer

    found: Customer = await town.read(known)
    return found


# --- customers ------------------------------------------------------------------------------------


async def test_a_known_customer_says_only_what_is_wrong(town: Town) -> None:
    await town.say("c02", "空调不制冷")
    order = await town.order()
    assert (order.place, order.region) == ("锦绣苑5栋1单元1102室", "浦东")
    assert (order.phone, order.contact) == ("13900000002", "陈先生（锦绣苑 5 栋）")
    assert order.missing == ()


async def test_another_phone_or_place_in_the_message_is_for_this_time_only(town: Town) -> None:
    await town.say("c02", "空调不制冷，在3号楼201，打13812345678")
    order = await town.order()
    assert "3号楼201" in order.place
    assert order.phone == "13812345678"
    customer = await customer_of(town, "sandbox", "c02")
    assert (customer.phone, customer.site.name) == ("13900000002", "锦绣苑5栋1单元1102室")


async def test_somebody_new_is_remembered_with_the_phone_they_left(town: Town) -> None:
    await town.say("visitor:7", "3号楼201空调不制冷 13712345678", chat=WEB, sender_name="小周")
    customer = await customer_of(town, "web", "visitor:7")
    assert (customer.name, customer.phone) == ("小周", "13712345678")
    assert WEB in customer.contacts
    await town.wait(hours=1)
    await town.say("visitor:7", "3号楼201马桶堵了", chat=WEB)
    order = await town.order()
    assert (order.phone, order.missing, order.customer_id) == ("13712345678", (), customer.id)


async def test_knowing_somebodys_phone_makes_nobody_them(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    theirs = await town.order()
    await town.say("visitor:7", "3号楼201水管漏水，电话13900000002", chat=WEB)
    order = await town.order()
    assert order.id != theirs.id
    assert (order.customer_id, order.phone) == ("c02", "13900000002")
    me = await customer_of(town, "web", "visitor:7")
    assert (me.id != "c02", me.phone) == (True, "")
    await town.say("visitor:7", "到哪了", chat=WEB)
    assert theirs.number not in await town.last(WEB)
    await town.say("visitor:7", "取消 1", chat=WEB)
    await town.say("visitor:7", "确认取消", chat=WEB)
    assert (await town.orders())[0].open


async def test_one_customer_on_two_channels_is_one_customer(town: Town) -> None:
    def bind(uow: UnitOfWork) -> None:
        uow.people.put_identity(Identity("web", "visitor:7", "customer", "c02", "陈先生"))

    await town.parts.store.transact(town.tenant, bind)
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.say("visitor:7", "师傅到哪了", chat=WEB)
    assert order.number in await town.last(WEB)
    await town.say("visitor:7", "空调还是不制冷，有人来吗", chat=WEB)
    assert len(await town.orders()) == 1


async def test_a_customer_is_answered_in_their_own_language(town: Town) -> None:
    await town.say("c12", "客厅空调不制冷")
    miller = customer_chat("c12")
    order = await town.order()
    first = (await town.heard(miller))[0]
    assert order.number in first
    assert "work order" in first.lower()
    card = await town.card(miller, order.number)
    assert not any("\u4e00" <= c <= "\u9fff" for label, _ in card.steps for c in label)


@pytest.mark.parametrize("words", ["你好", "在吗", "帮助"])
async def test_a_greeting_is_answered_and_opens_nothing(town: Town, words: str) -> None:
    await town.say("c02", words)
    assert len(await town.heard(CHEN)) == 1
    assert await town.orders() == []


# --- colleagues -----------------------------------------------------------------------------------


async def test_who_goes_off_duty_gets_no_jobs_and_who_comes_on_does(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    first = (await town.order()).assignee
    await town.say(first, "下班", chat=HOME)
    assert "已下班" in await town.last(HOME)
    await town.say("c10", "空调不制冷")
    assert (await town.order()).assignee != first
    for member in town.company.members("home"):
        if member.id not in {first, "chenwei", "wumin"}:
            await town.say(member.id, "下班", chat=HOME)
    await town.say(first, "上班", chat=HOME)
    await town.say("c06", "空调不制冷")
    assert (await town.order()).assignee == first


async def test_my_jobs_lists_mine_and_nobody_elses(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.say("c01", "马桶堵了")
    first, second = await town.orders()
    assert first.assignee != second.assignee
    await town.say(first.assignee, "我的单")
    said = await town.last(staff_chat(first.assignee))
    assert first.number in said
    assert second.number not in said
    await town.say("heqi", "我的单")
    assert "没有" in await town.last(staff_chat("heqi"))


@pytest.mark.parametrize(("who", "word"), [("wanglei", "接单"), ("chenwei", "接管")])
async def test_help_tells_a_colleague_the_words(town: Town, who: str, word: str) -> None:
    await town.say(who, "帮助")
    assert word in await town.last(staff_chat(who))
    await town.say("c02", "帮助")
    assert "接单" not in await town.last(CHEN)


async def test_what_is_no_command_is_told_so_only_alone_with_us(town: Town) -> None:
    await town.say("wanglei", "接丹 1")
    assert "没看懂" in await town.last(staff_chat("wanglei"))
    await town.say("wanglei", "接丹 1", chat=HOME)
    assert await town.heard(HOME) == []


@pytest.mark.parametrize(
    ("words", "asks"),
    [("拒单 1", "原因"), ("转派 1", ""), ("转派 1 周杰伦 去不了", "周杰伦"), ("接单 99", "99")],
)
async def test_a_command_that_lacks_something_says_what(town: Town, words: str, asks: str) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    before, said = await town.history(order), len(await town.heard(HOME))
    await town.say(order.assignee, words, chat=HOME)
    heard = (await town.heard(HOME))[said:]
    assert len(heard) == 1
    assert asks in heard[0]
    assert await town.history(order) == before


async def test_a_job_is_passed_on_by_name_with_a_reason(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.say(order.assignee, "接单 1", chat=HOME)
    await town.say(order.assignee, "转派 1 张师傅 车坏了", chat=HOME)
    order = await town.order()
    assert (order.assignee, order.state) == ("zhangpeng", State.DISPATCHED)


async def test_who_left_is_a_customer_like_any_other(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    before = await town.history(order)
    left = replace(town.company.staff[order.assignee], active=False)
    company = replace(town.company, staff={**town.company.staff, left.id: left})
    await town.parts.store.transact(town.tenant, lambda uow: uow.put_company(company))
    await town.say(left.id, "接单 1", chat=HOME)
    assert await town.history(order) == before
    await town.say(left.id, "3号楼201空调不制冷 13712345678", chat=customer_chat("ex"))
    assert len(await town.orders()) == 2
    assert (await town.order()).assignee != left.id
