"""Who hears what, when, and what becomes of it when a channel fails."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from bots.channel import Anomalous, Capabilities, Channel, Refused, Retry
from bots.web import WebChannel
from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import assemble, own_channels, seed
from paidan.demo import demo_company
from storage import SqlStore
from tests.scenario.conftest import (
    SHANGHAI,
    SUPERVISORS,
    TUESDAY,
    Town,
    customer_chat,
    staff_chat,
    team_group,
)
from workflow.events import Kind
from workflow.kept import Queued
from workflow.policy import NoticePolicy
from workflow.ports import Clock
from workflow.records import ChatRef, Outgoing, Receipt, Urgency
from workflow.states import State

HOME, LIFT = team_group("home"), team_group("lift")
LIU, CHEN = customer_chat("c01"), customer_chat("c02")
TRAPPED = "3 栋 2 单元电梯困人了，快来人"
NO_COOLING = "我家空调不制冷，一直吹热风"
CLASSROOM = "教室空调不制冷，一直吹热风"
NIGHT = TUESDAY + timedelta(hours=13)
"""23:00 of the same day."""
MORNING = datetime(2026, 11, 25, 7, 30, tzinfo=SHANGHAI)


@dataclass(frozen=True)
class Moody(WebChannel):
    """A real channel that fails as told. ``moods`` holds, by chat, what it raises next;
    ``deaf`` chats take every message and never answer.
    """

    moods: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    deaf: set[str] = field(default_factory=set)
    tried: list[Outgoing] = field(default_factory=list)
    window: int = 0
    away: list[datetime] = field(default_factory=list)
    """Until when nothing is taken at all."""
    left: list[tuple[datetime, Outgoing]] = field(default_factory=list)

    @property
    @override
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, per_minute=self.window)

    @override
    async def send(self, outgoing: Outgoing) -> Receipt:
        self.tried.append(outgoing)
        now = self.clock.now(demo_company().company.tenant)
        if self.away and now < self.away[0]:
            raise Anomalous(self.name, "HTTP 503")
        waiting = self.moods[outgoing.to.chat]
        if waiting:
            raise waiting.pop(0)
        self.left.append((now, outgoing))
        receipt = await super().send(outgoing)
        if outgoing.to.chat in self.deaf:
            raise TimeoutError
        return receipt


MoodyTown = Callable[..., AbstractAsyncContextManager[tuple[Town, Moody]]]


@pytest.fixture
def moody_town(understander: Understander, tmp_path: Path) -> MoodyTown:
    """A town whose channel can be made to fail, or takes only so many messages a minute."""

    @asynccontextmanager
    async def build(window: int = 0) -> AsyncIterator[tuple[Town, Moody]]:
        made: list[Moody] = []

        def channels(store: SqlStore, clock: Clock) -> Mapping[str, Channel]:
            made.append(Moody("sandbox", store, clock, window=window))
            return {**own_channels(store, clock), "sandbox": made[0]}

        loaded, clock = demo_company(), FrozenClock(TUESDAY)
        url = f"sqlite:///{tmp_path / 'moody.db'}"
        blobs = tmp_path / "blobs"
        async with assemble(url, blobs, understander, clock=clock, channels=channels) as parts:
            await seed(parts.store, loaded)
            yield Town(parts, loaded, clock), made[0]

    return build


async def of_kind(town: Town, kind: str, chat: ChatRef | None = None) -> list[Queued]:
    return [
        q for q in await town.notices()
        if q.notice.kind == kind and (chat is None or q.notice.to == chat)
    ]  # fmt: skip


async def times(town: Town, chat: ChatRef, words: str) -> list[datetime]:
    """When the house said something with these words in a chat."""
    lines = [ln for ln in await town.lines(chat) if ln.direction == "out" and words in ln.text]
    return [line.at for line in lines]


# --- who is told ----------------------------------------------------------------------------------


async def test_each_change_tells_a_person_once_and_a_chat_once(town: Town) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=62)
    order = await town.order()
    await town.press("zhoulan", "reassign", chat=SUPERVISORS, staff="zhouming", reason="更近")
    for do in ("accept", "arrive"):
        await town.press("zhouming", do, chat=LIFT)
    await town.press("zhouming", "complete", chat=LIFT, text="人已救出")
    await town.press("c01", "sign", chat=LIU)
    news = [q.notice for q in await town.notices() if q.notice.card is None or q.notice.kind in {
        "news", "survey", "closed",
    }]  # fmt: skip
    news = [n for n in news if n.order_id == order.id and not n.kind.startswith("reply")]
    changes = [n.key.split(":")[1] for n in news]
    persons = Counter((c, n.person) for c, n in zip(changes, news, strict=True) if n.person)
    chats = Counter((c, n.to) for c, n in zip(changes, news, strict=True))
    assert len(persons) > 10
    assert max(persons.values()) == 1
    assert max(chats.values()) == 1


async def test_everything_said_names_the_work_order_and_every_card_says_what_is_next(
    town: Town,
) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=20)
    order = await town.order()
    told = [q.notice for q in await town.notices() if q.notice.order_id == order.id]
    assert told
    assert all(order.number in n.text for n in told if n.kind == "news")
    for notice in told:
        if notice.kind != "card" or notice.card is None:
            continue
        fields = dict(notice.card.fields)
        assert fields["状态"]
        assert fields["下一步"]
        assert notice.card.deadline
        assert notice.card.deadline_label


async def test_every_notice_can_be_traced_from_event_to_receipt(town: Town) -> None:
    await town.say("c01", TRAPPED)
    await town.wait(minutes=4)
    order = await town.order()
    events = {event.seq: event for event in await town.history(order)}
    for queued in await town.notices():
        assert queued.notice.why
        assert queued.notice.event_seq in events
        assert queued.state in {"sent", "superseded"}
        if queued.state == "sent":
            assert queued.receipt is not None
            assert queued.receipt.message_id
            at = events[queued.notice.event_seq].at
            assert timedelta() <= queued.receipt.at - at <= timedelta(minutes=4)
        else:
            assert queued.superseded_by


async def test_an_internal_note_never_reaches_the_customer(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=HOME)
    before = [(ln.text, ln.card) for ln in await town.lines(CHEN)]
    await town.say(order.assignee, "备注 1 客户脾气急，注意态度", chat=HOME)
    await town.say("chenwei", "备注 1 上次投诉过", chat=SUPERVISORS)
    assert [(ln.text, ln.card) for ln in await town.lines(CHEN)] == before
    assert [e.data["internal"] for e in await town.history(order) if e.kind == Kind.NOTED] == [
        True, True,
    ]  # fmt: skip
    await town.say(order.assignee, "回复 1 我十分钟后到", chat=HOME)
    assert "我十分钟后到" in await town.last(CHEN)


async def test_a_phone_in_the_customers_words_is_masked_where_it_is_repeated(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    await town.say("c02", "换个电话，打 13812345678 找我爱人")
    assert "13812345678" not in "\n".join(await town.heard(HOME))
    for queued in await town.notices():
        if queued.notice.to.kind == "group":
            assert "13812345678" not in str(queued.notice)


async def test_people_are_spoken_to_in_their_own_language(town: Town) -> None:
    await town.say("c12", "我家空调不制冷，一直吹热风")
    order = await town.order()
    first = (await town.heard(customer_chat("c12")))[0]
    assert order.number in first
    assert first.isascii()
    assert not (await town.heard(HOME))[0].isascii()


# --- when -----------------------------------------------------------------------------------------


async def test_at_night_reminders_wait_for_the_morning(town: Town) -> None:
    await town.wait(hours=13)
    await town.say("c02", NO_COOLING)
    order = await town.order()
    await town.press(order.assignee, "accept", chat=HOME)
    await town.press("c02", "nudge", chat=CHEN)
    (nudged,) = [q for q in await of_kind(town, "news") if "客户在催" in q.notice.text]
    assert (nudged.state, nudged.notice.not_before) == ("pending", MORNING)
    await town.wait(hours=8, minutes=29)
    assert not await times(town, HOME, "客户在催")
    await town.wait(minutes=2)
    assert await times(town, HOME, "客户在催") == [MORNING]


async def test_an_emergency_does_not_mind_the_night(town: Town) -> None:
    await town.wait(hours=13)
    await town.say("c01", TRAPPED)
    await town.press("c01", "nudge", chat=LIU)
    assert await times(town, LIFT, "客户在催") == [NIGHT]
    await town.wait(minutes=13)
    assert await times(town, SUPERVISORS, "快到时限") == [NIGHT + timedelta(minutes=12)]


async def test_what_has_ended_meanwhile_is_not_told_in_the_morning(town: Town) -> None:
    await town.wait(hours=13)
    await town.say("c02", NO_COOLING)
    await town.press("c02", "nudge", chat=CHEN)
    await town.say("chenwei", "取消 1 客户自己修好了", chat=SUPERVISORS)
    (nudged,) = [q for q in await of_kind(town, "news") if "客户在催" in q.notice.text]
    assert (nudged.state, nudged.superseded_by) == ("superseded", "closed")
    await town.wait(hours=12)
    assert not await times(town, HOME, "客户在催")


async def test_too_much_for_one_person_becomes_one_digest(town: Town) -> None:
    await town.rule(notices=NoticePolicy(per_person_per_hour=2))
    senders = {"c02": NO_COOLING, "c11": CLASSROOM, "c10": "办公区空调不制冷，一直吹热风"}
    senders["c04"] = "A座 3 楼空调不制冷，一直吹热风"
    for sender, text in senders.items():
        await town.say(sender, text)
        order = await town.order()
        if order.assignee != "wanglei":
            await town.say("chenwei", f"转派 {order.number} 王磊 他熟", chat=SUPERVISORS)
        await town.say("wanglei", f"接单 {order.number}", chat=HOME)
    assert {o.assignee for o in await town.orders()} == {"wanglei"}
    for sender in senders:
        await town.press(sender, "nudge", chat=customer_chat(sender))
    assert len(await times(town, HOME, "客户在催")) == 2
    digests = await of_kind(town, "digest")
    assert Counter(q.state for q in digests) == {"superseded": 1, "pending": 1}
    await town.wait(minutes=31)
    private = await times(town, staff_chat("wanglei"), "最近通知较多")
    assert private == [TUESDAY + timedelta(minutes=30)]
    await town.say("c01", "5 栋 1 单元水管爆了，水喷得到处都是")
    flood = await town.order()
    assert flood.priority == "P0"
    assert any(flood.number in text for text in await town.heard(HOME))


# --- the outbox -----------------------------------------------------------------------------------


async def test_what_was_refused_is_answered_and_told_to_nobody_else(town: Town) -> None:
    await town.say("c02", NO_COOLING)
    order = await town.order()
    before = len(await town.notices())
    await town.say(order.assignee, "完成 1 修好了", chat=HOME)
    (answer,) = (await town.notices())[before:]
    assert (answer.notice.kind, answer.notice.to) == ("reply.refused", HOME)


async def test_a_busy_channel_is_asked_again_in_its_own_time_and_in_order(
    moody_town: MoodyTown,
) -> None:
    async with moody_town() as (town, channel):
        channel.moods["group:home"] = [Retry("sandbox", "busy", timedelta(seconds=30))]
        await town.say("c02", NO_COOLING)
        assert not await town.heard(HOME)
        assert await town.heard(CHEN)
        await town.wait(seconds=29)
        assert not await town.heard(HOME)
        await town.wait(seconds=60)
        news_line, card_line = await town.lines(HOME)
        assert "请接单" in news_line.text
        assert card_line.card is not None
        (news,) = await of_kind(town, "news", HOME)
        assert (news.state, news.attempts) == ("sent", 2)
        assert (await town.audit()).ok


async def test_an_answer_that_never_came_is_asked_for_again_and_shown_once(
    moody_town: MoodyTown,
) -> None:
    async with moody_town() as (town, channel):
        channel.deaf.add("customer:c02")
        await town.say("c02", NO_COOLING)
        (news,) = await of_kind(town, "news", CHEN)
        assert news.state == "pending"
        assert news.error.startswith("unknown")
        channel.deaf.clear()
        await town.wait(minutes=2)
        assert len(await times(town, CHEN, "已收到您的报修")) == 1
        sent = [o for o in channel.tried if "已收到您的报修" in o.text]
        assert len(sent) > 1
        assert len({o.key for o in sent}) == 1
        assert {q.state for q in await town.notices()} == {"sent"}


async def test_a_chat_that_refuses_is_replaced_by_the_persons_own(moody_town: MoodyTown) -> None:
    async with moody_town() as (town, channel):
        channel.moods["group:home"] = [Refused("sandbox", "kicked out")] * 4
        await town.say("c02", NO_COOLING)
        order = await town.order()
        assert any("请接单" in text for text in await town.heard(staff_chat(order.assignee)))


async def test_a_dead_letter_is_shown_to_supervisors_and_sent_again_by_one_press(
    moody_town: MoodyTown,
) -> None:
    async with moody_town() as (town, channel):
        channel.moods["customer:c02"] = [Refused("sandbox", "blocked")] * 9
        await town.say("c02", NO_COOLING)
        (news,) = await of_kind(town, "news", CHEN)
        assert news.state == "dead"
        told = await town.last(SUPERVISORS)
        assert "没有送达" in told
        assert "blocked" in told
        report = await town.audit()
        assert report.ok
        assert "dead_letter" in {finding.what for finding in report.findings}
        channel.moods["customer:c02"].clear()
        await town.press("chenwei", "retry_notice", chat=SUPERVISORS)
        assert "已收到您的报修" in (await town.heard(CHEN))[0]
        (news,) = await of_kind(town, "news", CHEN)
        assert news.state == "sent"


async def test_a_channel_that_never_answers_ends_in_a_dead_letter_not_in_silence(
    moody_town: MoodyTown,
) -> None:
    async with moody_town() as (town, channel):
        channel.moods["customer:c02"] = [TimeoutError() for _ in range(60)]
        await town.say("c02", NO_COOLING)
        order = await town.order()
        await town.press(order.assignee, "accept", chat=HOME)
        await town.wait(hours=2)
        (received,) = [q for q in await of_kind(town, "news", CHEN) if q.notice.event_seq == 1]
        assert received.state == "dead"
        assert received.attempts >= 8
        assert "no answer" in received.error
        assert any("没有送达" in text for text in await town.heard(SUPERVISORS))
        assert (await town.order()).state == State.IN_PROGRESS


async def test_when_a_chat_is_throttled_emergencies_overtake_and_nothing_is_lost(
    moody_town: MoodyTown,
) -> None:
    async with moody_town(window=4) as (town, channel):
        reports = {"c02": NO_COOLING, "c11": CLASSROOM, "c10": "办公区空调不制冷，一直吹热风"}
        for sender, text in reports.items():
            await town.say(sender, text, settle=False)
        await town.say("c06", "后厨水管爆了，水喷得到处都是", settle=False)
        await town.parts.house.settle_messages(town.tenant)
        flood = next(o for o in await town.orders() if o.priority == "P0")
        await town.parts.house.drain(town.tenant)
        to_home = [o.text for o in channel.tried if o.to == HOME]
        assert flood.number in to_home[0]
        assert len(to_home) <= 4
        await town.wait(minutes=4, seconds=59)
        said = "\n".join(await town.heard(HOME))
        assert all(order.number in said for order in await town.orders())
        first = [q for q in await town.notices() if q.created_at == TUESDAY]
        assert {q.state for q in first} <= {"sent", "superseded"}


async def test_a_platform_that_is_away_for_an_hour_is_caught_up_with_without_a_storm(
    moody_town: MoodyTown,
) -> None:
    async with moody_town(window=20) as (town, channel):
        back = TUESDAY + timedelta(hours=1)
        channel.away.append(back)
        rooms = [f"{n}栋2单元{n}01室" for n in range(1, 9)]
        for n, room in enumerate(rooms):
            await town.say(
                f"x{n}", f"{room}空调不制冷，电话1380000000{n}", chat=customer_chat(f"x{n}")
            )
            await town.wait(minutes=5)
        await town.say("c01", TRAPPED)
        await town.wait(minutes=19, seconds=59)
        assert not channel.left
        outage = Counter(o.to.chat for o in channel.tried)
        assert sum(outage.values()) <= 60 * 2 + 10, "a rest of half a minute after five failures"

        await town.wait(hours=1)
        by_chat: dict[str, list[datetime]] = defaultdict(list)
        for at, outgoing in channel.left:
            by_chat[outgoing.to.chat].append(at)
        for chat, sent in by_chat.items():
            busiest = max(sum(at <= s < at + timedelta(minutes=1) for s in sent) for at in sent)
            assert busiest <= 20, (chat, busiest)
        trapped = next(o for o in await town.orders() if o.priority == "P0")
        first = next(o for _, o in channel.left if o.to.chat == LIFT.chat)
        assert trapped.number in first.text
        waited = [q for q in await town.notices() if q.created_at < back]
        assert {q.state for q in waited} <= {"sent", "superseded"}, Counter(q.state for q in waited)
        dropped = [q for q in waited if q.state == "superseded"]
        assert dropped
        assert all(q.superseded_by or q.error for q in dropped)
        keys = Counter(o.key for _, o in channel.left)
        assert not [key for key, times in keys.items() if times > 1]


async def test_throttled_reminders_come_as_one_digest(moody_town: MoodyTown) -> None:
    async with moody_town(window=4) as (town, _):
        senders = {"c02": NO_COOLING, "c11": CLASSROOM, "c10": "办公区空调不制冷，一直吹热风"}
        for sender, text in senders.items():
            await town.say(sender, text)
            await town.wait(minutes=2)
            order = await town.order()
            await town.say(order.assignee, f"接单 {order.number}", chat=HOME)
            await town.wait(minutes=3)
        await town.wait(minutes=5)
        before = len(await town.heard(HOME))
        for sender in senders:
            button = await town.button(customer_chat(sender), "nudge")
            press = {"do": "nudge", "order": button.action.order}
            await town.say(sender, action=press, settle=False)
        await town.parts.house.settle_messages(town.tenant)
        # Somebody else has used up most of the minute.
        for _ in range(3):
            await town.say("chenwei", "进度 1", chat=HOME, settle=False)
        await town.parts.house.drain(town.tenant)
        await town.wait(minutes=3)
        merged = [text for text in (await town.heard(HOME))[before:] if "合并" in text]
        assert len(merged) == 1
        assert merged[0].count("客户在催") == 3
        nudges = [q for q in await town.notices() if "客户在催" in q.notice.text]
        assert {q.state for q in nudges} == {"sent"}


async def test_urgency_is_told_by_what_somebody_has_to_do(town: Town) -> None:
    await town.say("c01", TRAPPED)
    await town.say("c02", NO_COOLING)
    offers = {q.notice.order_id: q.notice.urgency for q in await of_kind(town, "news")
              if "请接单" in q.notice.text}  # fmt: skip
    by_priority = {o.priority: offers[o.id] for o in await town.orders()}
    assert by_priority == {"P0": Urgency.RED, "P1": Urgency.REPLY}
