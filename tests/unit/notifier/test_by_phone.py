"""Who is told by short message: customers without a chat, and supervisors when nobody moved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from notice_stage import CHIEF, PHONE, Stage, chat, company

from workflow import commands as c
from workflow.company import Company
from workflow.escalation import default_policy
from workflow.events import Actor
from workflow.records import ChatRef, Notice

Open = Callable[..., Awaitable[Stage]]

BY_PHONE = ChatRef("sms", PHONE)


def telling(**more: object) -> Company:
    policy = default_policy()
    notices = replace(policy.notices, sms=True)
    return company(replace(policy, notices=notices, version="sms"), **more)


def news(notices: Iterable[Notice]) -> list[Notice]:
    return [n for n in notices if n.kind not in {"card", "repaint"}]


async def test_a_customers_phone_is_in_reserve_behind_their_chat(stage: Open) -> None:
    for setting, spare in ((telling(), (BY_PHONE,)), (company(), ())):
        here = await stage(setting)
        await here.report()
        accepted = await here.act(c.Accept, here.handled.order.assignee)
        (told,) = [n for n in news(accepted) if n.role == "customer"]
        assert told.to == chat("customer:cust")
        assert told.fallbacks == spare


async def test_a_colleagues_number_is_nobodys_reserve(stage: Open) -> None:
    here = await stage(telling())
    told = await here.report(phone=CHIEF.phone)
    assert not [
        n for n in told if BY_PHONE.channel in {n.to.channel, *(f.channel for f in n.fallbacks)}
    ]


async def test_of_several_reporters_only_the_one_whose_number_it_is_has_it(stage: Open) -> None:
    here = await stage(telling())
    await here.report()
    origin = c.Origin(chat("visitor:9"), "v9", "孙先生", "m-join")
    joined = await here.do(
        c.Join(
            Actor("other", "customer", "孙先生"),
            origin,
            here.handled.order.id,
            details=c.Details("电梯坏了", fault_type="elevator"),
        )
    )
    assert not [n for n in joined if n.to == chat("visitor:9") and n.fallbacks]
    accepted = await here.act(c.Accept, here.handled.order.assignee)
    spare = {n.to.chat: n.fallbacks for n in news(accepted) if n.role == "customer"}
    assert spare == {"customer:cust": (BY_PHONE,), "visitor:9": ()}
