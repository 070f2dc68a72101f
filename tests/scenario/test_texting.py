"""Somebody who texts is known by their number: one person, whatever they write with."""

from __future__ import annotations

from tests.scenario.conftest import TUESDAY, Town
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
