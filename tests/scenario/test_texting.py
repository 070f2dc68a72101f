"""Somebody who texts is known by their number: one person, whatever they write with. Who has only
a telephone hears by short message, and so do supervisors when nobody has moved for long.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.conftest import TUESDAY, Town
from tests.vendors import platform
from tests.vendors.ear import Ear
from tests.vendors.sms import FakeSms
from tests.waiting import wait_until
from workflow.company import Company
from workflow.records import Inbound

NUMBER = "13712345678"


async def texts(town: Town, words: str) -> None:
    message = Inbound(
        tenant=town.company.tenant,
        channel="sms",
        chat=NUMBER,
        chat_kind="direct",
        sender=NUMBER,
        dedupe_key=f"sms:{words}",
        sent_at=TUESDAY,
        text=words,
    )
    await town.parts.front_desk.admit(message)
    await town.parts.house.drain(town.company.tenant)


async def test_who_texts_what_they_reported_in_a_chat_is_not_doubled(town: Town) -> None:
    await town.say("k9", f"锦绣苑3栋2单元501空调不制冷，电话{NUMBER}")
    await texts(town, "我家空调还是不制冷，什么时候来")
    (order,) = await town.orders()
    assert order.phone == NUMBER


async def test_who_texts_another_fault_is_the_customer_who_chatted(town: Town) -> None:
    await town.say("k9", f"锦绣苑3栋2单元501空调不制冷，电话{NUMBER}")
    await texts(town, "锦绣苑3栋2单元501马桶堵了，水漫出来了")
    chatted, texted = await town.orders()
    assert chatted.customer_id == texted.customer_id


async def test_who_texts_is_called_back_at_the_number_they_texted_from(town: Town) -> None:
    await texts(town, "锦绣苑3栋2单元501马桶堵了，水漫出来了")
    (order,) = await town.orders()
    assert order.phone == NUMBER
    customer = await town.parts.store.read(
        town.company.tenant, lambda uow: uow.people.customer_by_phone(NUMBER)
    )
    assert customer is not None
    assert customer.id == order.customer_id


# --- told by telephone ------------------------------------------------------------------------

TENANT = platform.TENANT
FAULT = f"报修 客户来电，锦绣苑3栋2单元501空调不制冷，电话{NUMBER}"
CHIEF_PHONE = "13800000011"
"""陈伟's, of the home team."""


@pytest.fixture
async def by_phone(tmp_path: Path) -> AsyncIterator[platform.Town]:
    """The demo company with a short message account; its people are in the sandbox."""
    async with platform.town(FakeSms(), Ear(), tmp_path) as found:
        yield found


async def rules(there: platform.Town, change: Callable[[Company], Company]) -> None:
    company = await there.parts.store.read(TENANT, lambda uow: uow.company)
    await there.parts.store.transact(TENANT, lambda uow: uow.put_company(change(company)))


def telling_customers(company: Company) -> Company:
    policy = company.policy
    notices = replace(policy.notices, sms=True)
    return replace(company, policy=replace(policy, version="sms", notices=notices))


def texting_the_last_step(company: Company) -> Company:
    policy = company.policy
    ladder = tuple(replace(rung, sms=rung.act == "mark_stalled") for rung in policy.ladder)
    return replace(company, policy=replace(policy, version="sms", ladder=ladder))


def phone(there: platform.Town, number: str) -> list[str]:
    account: Any = there.platform
    return list(account.phones[number])


async def reported_by_a_colleague(there: platform.Town) -> str:
    said = Inbound(
        TENANT, "sandbox", "staff:chenwei", "direct", "chenwei", "called", platform.MONDAY, FAULT
    )
    await there.parts.front_desk.admit(said)
    there.parts.house.wake(TENANT, frozenset({"inbox"}))
    order = await there.until_order()
    assert order.phone == NUMBER
    return order.number


async def test_a_customer_who_only_called_hears_by_short_message(by_phone: platform.Town) -> None:
    await rules(by_phone, telling_customers)
    number = await reported_by_a_colleague(by_phone)

    async def told() -> bool:
        return any(number in words for words in phone(by_phone, NUMBER))

    await wait_until(told)
    order = await by_phone.until_order(lambda o: bool(o.assignee))
    await by_phone.staff_presses(order.assignee, await by_phone.until_card("接单"), "接单")

    async def accepted() -> bool:
        return len(phone(by_phone, NUMBER)) > 1

    await wait_until(accepted)


async def test_nobody_is_texted_unless_the_company_says_so(by_phone: platform.Town) -> None:
    await reported_by_a_colleague(by_phone)
    await by_phone.until_card("接单")
    await by_phone.parts.house.wind(TENANT, timedelta(minutes=125))
    assert phone(by_phone, NUMBER) == []
    assert phone(by_phone, CHIEF_PHONE) == []


async def test_supervisors_are_texted_once_when_nobody_has_moved_to_the_end(
    by_phone: platform.Town,
) -> None:
    await rules(by_phone, texting_the_last_step)
    number = await reported_by_a_colleague(by_phone)
    await by_phone.until_card("接单")
    await by_phone.parts.house.wind(TENANT, timedelta(minutes=115))
    assert phone(by_phone, CHIEF_PHONE) == []
    await by_phone.parts.house.wind(TENANT, timedelta(minutes=10))

    async def told() -> list[str]:
        return phone(by_phone, CHIEF_PHONE)

    (said,) = await wait_until(told)
    assert number in said
    await by_phone.parts.house.wind(TENANT, timedelta(minutes=60))
    assert len(phone(by_phone, CHIEF_PHONE)) == 1
    assert phone(by_phone, NUMBER) == []


async def test_supervisors_are_not_texted_while_somebody_moves(by_phone: platform.Town) -> None:
    await rules(by_phone, texting_the_last_step)
    await reported_by_a_colleague(by_phone)
    order = await by_phone.until_order(lambda o: bool(o.assignee))
    await by_phone.staff_presses(order.assignee, await by_phone.until_card("接单"), "接单")
    card = await by_phone.until_card("到场")
    await by_phone.parts.house.wind(TENANT, timedelta(minutes=100))
    await by_phone.staff_presses(order.assignee, card, "到场")
    await by_phone.until_order(lambda o: o.arrived_at is not None)
    await by_phone.parts.house.wind(TENANT, timedelta(minutes=60))
    assert phone(by_phone, CHIEF_PHONE) == []
