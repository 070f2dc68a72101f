"""What every channel owes the front desk, asked of each of them alike.

A new channel is one more line in ``WAYS``: how a customer's message looks on its wire, and how
to open it for speaking.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bots import degrade, web
from bots.channel import Anomalous, Channel
from paidan.clock import FrozenClock
from paidan.compose import Parts, assemble, seed
from paidan.demo import demo_company
from tests.vendors.ear import Ear
from workflow.errors import InvalidInput
from workflow.kept import Post
from workflow.ports import Clock, Store
from workflow.records import (
    Action,
    Button,
    Card,
    ChatRef,
    Inbound,
    Outgoing,
)
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

DEMO = demo_company()
TENANT = DEMO.company.tenant
MONDAY_10 = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Way:
    """One channel: its wire format for a customer's words, its parser, its voice.

    ``spoil`` lists payloads that must be refused, by the field that is wrong.
    """

    name: str
    customer: ChatRef
    sender: str
    say: Callable[[str, str], dict[str, Any]]
    parse: Callable[[object], Inbound]
    open: Callable[[Store, Clock], Channel]
    spoil: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def own(name: str, chat: str, sender: str) -> Way:
    """One of the channels whose pages are ours."""
    return Way(
        name=name,
        customer=ChatRef(name, chat),
        sender=sender,
        say=lambda key, text: {"id": key, "chat": chat, "sender": sender, "text": text},
        parse=lambda payload: web.parse(payload, tenant=TENANT, channel=name, now=MONDAY_10),
        open=lambda store, clock: web.WebChannel(name, store, clock),
        spoil={
            "id": {"id": 7},
            "chat": {"chat": ""},
            "sender": {"sender": None},
            "text": {"text": []},
        },
    )


WAYS = [own("sandbox", "customer:c01", "c01"), own("web", "visitor:k3j9", "visitor:k3j9")]


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """Each channel in turn."""
    found: Way = request.param
    return found


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    """The demo company on a Monday morning, with nothing said yet."""
    url = f"sqlite:///{tmp_path / 'paidan.db'}"
    clock = FrozenClock(MONDAY_10)
    async with assemble(url, tmp_path / "blobs", Ear(), clock=clock) as parts:
        await seed(parts.store, DEMO)
        yield parts


async def lines(parts: Parts, place: ChatRef) -> list[Post]:
    return list(await parts.store.read(TENANT, lambda uow: uow.chat_log.lines(place)))


async def orders(parts: Parts, way: Way) -> list[WorkOrder]:
    found = await parts.store.read(TENANT, lambda uow: uow.orders.of_chat(way.customer, way.sender))
    return list(found)


async def hear(parts: Parts, *messages: Inbound) -> None:
    for message in messages:
        await parts.front_desk.admit(message)
    await parts.house.drain(TENANT)


def press(do: str, order: WorkOrder, who: str, **args: object) -> Inbound:
    """A colleague presses the button of a card painted for the work order as it is."""
    return Inbound(
        tenant=TENANT,
        channel="sandbox",
        chat=f"group:{order.team_id}",
        chat_kind="group",
        sender=who,
        dedupe_key=f"press:{do}:{who}:{order.version}",
        sent_at=MONDAY_10,
        action=Action(do, order.id, str(order.state), order.generation, args),
    )


# --- what comes in ----------------------------------------------------------------------------


def test_a_message_is_read_and_unknown_fields_are_ignored(way: Way) -> None:
    message = way.parse({**way.say("1", "空调不制冷"), "shoe_size": 43})
    assert (message.place, message.sender) == (way.customer, way.sender)
    assert (message.text, message.addressed) == ("空调不制冷", True)


def test_what_is_malformed_is_refused_by_name(way: Way) -> None:
    for name, change in way.spoil.items():
        with pytest.raises(InvalidInput) as refusal:
            way.parse({**way.say("1", "空调不制冷"), **change})
        assert refusal.value.data["field"] == name


async def test_four_deliveries_of_one_message_are_one_work_order(parts: Parts, way: Way) -> None:
    message = way.parse(way.say("1", "3栋2单元501空调不制冷，电话13712345678"))
    kept = await asyncio.gather(*(parts.front_desk.admit(message) for _ in range(4)))
    assert len([one for one in kept if one is not None]) == 1
    await parts.house.drain(TENANT)
    (order,) = await orders(parts, way)
    said = [post for post in await lines(parts, way.customer) if post.direction == "in"]
    assert [post.text for post in said] == [message.text]
    answered = [post for post in await lines(parts, way.customer) if post.direction == "out"]
    assert any(order.number in post.text for post in answered)


async def test_the_same_fault_by_every_channel_is_one_work_order(parts: Parts) -> None:
    text = "锦绣苑3栋2单元电梯停了，电话13900000001"
    await hear(parts, *(way.parse(way.say("1", text)) for way in WAYS))
    numbers = {order.number for way in WAYS for order in await orders(parts, way)}
    assert len(numbers) == 1
    for way in WAYS:
        assert any(numbers.copy().pop() in post.text for post in await lines(parts, way.customer))


# --- what goes out ----------------------------------------------------------------------------


async def test_what_is_said_arrives_once_and_repaints_in_place(parts: Parts, way: Way) -> None:
    channel = way.open(parts.store, parts.clock)
    card = Card("k", "工单 7", buttons=(Button("催一下", Action("nudge", "o1")),))
    first = Outgoing(TENANT, way.customer, "第一版", key="n1", card=card)
    receipt = await channel.send(first)
    if channel.capabilities.idempotent:
        assert (await channel.send(first)).message_id == receipt.message_id
    if channel.capabilities.edit:
        again = replace(first, text="第二版", key="n2", previous=receipt.message_id)
        assert (await channel.send(again)).message_id == receipt.message_id
    (line,) = await lines(parts, way.customer)
    assert (line.text, line.card) == ("第二版", card)
    assert receipt.at == MONDAY_10


async def test_a_message_for_another_channel_is_not_sent(parts: Parts, way: Way) -> None:
    channel = way.open(parts.store, parts.clock)
    with pytest.raises(Anomalous):
        await channel.send(Outgoing(TENANT, ChatRef("elsewhere", "x"), "hallo", key="n1"))


async def test_a_long_text_goes_in_pieces_that_fit(parts: Parts, way: Way) -> None:
    channel = way.open(parts.store, parts.clock)
    text = "空调不制冷，" * 2000
    pieces = degrade.split(text, channel.capabilities.max_text_bytes)
    assert len(pieces) > 1
    for n, piece in enumerate(pieces):
        await channel.send(Outgoing(TENANT, way.customer, piece, key=f"n{n}"))
    assert "".join(post.text for post in await lines(parts, way.customer)) == text


async def test_words_cannot_hide_reverse_or_mention(parts: Parts, way: Way) -> None:
    channel = way.open(parts.store, parts.clock)
    nasty = "水管\u202e漏了\x07 @所有人 <script>alert(1)</script>"
    await hear(parts, way.parse(way.say("1", f"3栋201{nasty}，电话13712345678")))
    group = await lines(parts, ChatRef("sandbox", "group:home", "group"))
    shown = "".join(f"{post.text}{post.card}" for post in group)
    assert "漏了" in shown
    assert not any(mark in shown for mark in ("\u202e", "\x07", "@所有人", "<script>"))
    await channel.send(Outgoing(TENANT, way.customer, nasty, key="n1", mentions=("u1",)))
    last = (await lines(parts, way.customer))[-1]
    assert "\u202e" not in last.text
    assert last.mentions == ("u1",)


# --- cards that are older than the work order -------------------------------------------------


async def test_of_two_who_claim_one_wins_and_the_other_is_told_by_whom(
    parts: Parts, way: Way
) -> None:
    await hear(parts, way.parse(way.say("1", "3栋楼下垃圾没人收，电话13712345678")))
    (order,) = await orders(parts, way)
    assert order.sub == Sub.OPEN_CLAIM
    first, second, *_ = order.candidates
    presses = [press("accept", order, who) for who in (first, second)]
    await asyncio.gather(*(parts.front_desk.admit(one) for one in presses))
    await parts.house.drain(TENANT)
    (taken,) = await orders(parts, way)
    assert (taken.state, taken.assignee) == (State.IN_PROGRESS, first)
    winner = DEMO.company.staff[first].name
    group = await lines(parts, ChatRef("sandbox", "group:home", "group"))
    told = [post for post in group if second in post.mentions and winner in post.text]
    assert len(told) == 1


async def test_a_card_from_before_a_reassignment_is_stale(parts: Parts, way: Way) -> None:
    await hear(parts, way.parse(way.say("1", "3栋201空调不制冷，电话13712345678")))
    (order,) = await orders(parts, way)
    other = next(s.id for s in DEMO.company.members("home") if s.id != order.assignee)
    away = press("reassign", order, "chenwei", staff=other, reason="离得近")
    await hear(parts, away)
    await hear(parts, press("accept", order, order.assignee))
    (moved,) = await orders(parts, way)
    assert (moved.assignee, moved.state) == (other, State.DISPATCHED)
    group = await lines(parts, ChatRef("sandbox", "group:home", "group"))
    name = DEMO.company.staff[other].name
    assert any(order.assignee in post.mentions and name in post.text for post in group)


async def test_a_photo_of_the_customer_leaves_every_card_good(parts: Parts, way: Way) -> None:
    await hear(parts, way.parse(way.say("1", "3栋201空调不制冷，电话13712345678")))
    (order,) = await orders(parts, way)
    picture = {"kind": "image", "blob": "a" * 64, "mime": "image/jpeg", "size": 9}
    await hear(parts, way.parse({**way.say("2", ""), "media": [picture]}))
    await hear(parts, press("accept", order, order.assignee))
    (taken,) = await orders(parts, way)
    assert (taken.state, len(taken.media)) == (State.IN_PROGRESS, 1)
    assert taken.opened_at is not None
    assert taken.opened_at - MONDAY_10 <= timedelta(0)
