"""Delivery on the real store: what is planned arrives, in order, past every kind of failure."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

import storage
from bots.channel import Anomalous, Barred, Capabilities, Refused, Retry, Unsupported
from bots.web import WebChannel
from notifier import Delivery, plan
from notifier.delivery import MOST_ATTEMPTS
from notifier.pacing import FAILURES_TO_OPEN
from storage import SqlStore
from workflow import commands as c
from workflow.calendar import Span, WorkCalendar
from workflow.company import Company, Queue, Shift, Staff, Team
from workflow.escalation import default_policy
from workflow.events import Actor
from workflow.kept import Post, Queued
from workflow.records import Action, Button, Card, ChatRef, Notice, Outgoing, Receipt, Urgency
from workflow.service import Service

TENANT = "demo"
MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SUPERVISORS = ChatRef("good", "supervisors", "group")
RICH = Capabilities(
    groups=True, buttons=True, cards=True, edit=True, mentions=True, pictures=True, per_minute=0
)
CARD = Card(
    "card:o1:team", "WO-1", buttons=(Button("接单", Action("accept", "o1"), command="接单 1"),)
)


@dataclass
class Scripted:
    """A channel that does what the test says; what arrived is kept."""

    name: str
    capabilities: Capabilities = RICH
    script: list[Exception | None] = field(default_factory=list)
    always: Exception | None = None
    gate: asyncio.Event | None = None
    arrived: list[Outgoing] = field(default_factory=list)
    calls: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, outgoing: Outgoing) -> Receipt:
        self.calls += 1
        if self.gate is not None:
            await self.gate.wait()
        failure = self.script.pop(0) if self.script else self.always
        if failure is not None:
            raise failure
        self.arrived.append(outgoing)
        self.heard.set()
        return Receipt(outgoing.previous or f"{self.name}-{self.calls}", MORNING)

    @property
    def texts(self) -> list[str]:
        return [outgoing.text for outgoing in self.arrived]


class PerChat(Scripted):
    """A channel that one chat cannot be reached by."""

    def __init__(self, name: str, chat: ChatRef, failure: Exception) -> None:
        super().__init__(name)
        self.chat = chat
        self.failure: Exception | None = failure
        self.refused = 0

    @override
    async def send(self, outgoing: Outgoing) -> Receipt:
        if outgoing.to == self.chat and self.failure is not None:
            self.refused += 1
            raise self.failure
        return await super().send(outgoing)


@dataclass
class Bench:
    """A store, a clock that the test moves, channels, and delivery on them."""

    store: SqlStore
    now: datetime = MORNING
    channels: dict[str, Any] = field(default_factory=dict)
    delivery: Delivery = field(init=False)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 100_000)))

    def speak(self, answer_within: float = 30.0, **channels: Any) -> None:
        self.channels = channels
        self.delivery = Delivery(
            self.store,
            self.store,
            channels,
            chance=lambda: 0.5,
            answer_within=answer_within,
            patience=60,
        )

    async def tell(self, to: ChatRef, text: str = "", **more: Any) -> None:
        """Put a notice into the outbox."""
        n = next(self.numbers)
        facts: dict[str, Any] = {"kind": "news", "urgency": Urgency.REPLY, "why": "test"}
        notice = Notice(key=f"k{n}", to=to, text=text or f"第 {n} 条", **{**facts, **more})
        await self.store.transact(TENANT, lambda uow: uow.outbox.add(notice))

    async def run(self, minutes: float = 0) -> None:
        """Let time pass and deliver everything that is due by then."""
        target = self.now + timedelta(minutes=minutes)
        while True:
            while await self.delivery.run_once(TENANT):
                pass
            due = await self.store.next_due(TENANT)
            if due is None or due > target:
                break
            self.now = max(self.now, due)
        self.now = target
        await self.delivery.run_once(TENANT)

    async def outbox(self) -> list[Queued]:
        return sorted(self.store.outbox_audit(TENANT), key=lambda row: row.id)

    async def states(self) -> list[str]:
        return [row.state for row in await self.outbox()]

    async def lines(self, place: ChatRef) -> list[Post]:
        return list(await self.store.read(TENANT, lambda uow: uow.chat_log.lines(place)))


def staff(key: str, name: str, **more: Any) -> Staff:
    facts: dict[str, Any] = {
        "team": "lift",
        "shift": "always",
        "skills": {"elevator": 4},
        "supervisor": "chief",
        "contacts": (ChatRef("sandbox", f"staff:{key}"),),
        "handles": {"sandbox": key},
    }
    return Staff(id=key, name=name, **{**facts, **more})


def company(groups: tuple[ChatRef, ...] = (SUPERVISORS,)) -> Company:
    always = (Span(time(0), time(0)),)
    chief = staff("chief", "陈主管", role="supervisor", supervisor=None, skills={})
    people = (chief, staff("wang", "王建国"), staff("li", "李明"))
    lift = Team("lift", "电梯组", "chief", "li", (ChatRef("sandbox", "group:lift", "group"),))
    return Company(
        tenant=TENANT,
        name="安居",
        tz="Asia/Shanghai",
        calendar=WorkCalendar("Asia/Shanghai", (always,) * 7, always=True),
        staff={s.id: s for s in people},
        teams={"lift": lift},
        shifts={"always": Shift("always", "全天", (always,) * 7)},
        queues=(Queue("all", "全部", "lift"),),
        policy=default_policy(),
        supervisor_groups=groups,
    )


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made: list[Bench] = []
    url = f"sqlite:///{tmp_path / 'p.db'}"
    async with storage.open_store(url, tmp_path, clock=lambda _t: made[0].now) as store:
        made.append(Bench(store))
        await store.transact(TENANT, lambda uow: uow.put_company(company()))
        yield made[0]


DIRECT = ChatRef("good", "zhao")
GROUP = ChatRef("good", "lift", "group")


# --- a life in the sandbox --------------------------------------------------------------------


async def test_a_work_order_lives_in_its_chats_and_its_card_is_repainted_not_repeated(
    bench: Bench,
) -> None:
    places = (ChatRef("sandbox", "group:supervisors", "group"),)
    await bench.store.transact(TENANT, lambda uow: uow.put_company(company(places)))
    bench.speak(sandbox=WebChannel("sandbox", bench.store, bench.store))
    service, home = Service(plan), ChatRef("sandbox", "customer:zhao")
    who = Actor("zhao", "customer", "赵女士")
    details = c.Details("电梯停了", fault_type="elevator", place="3 号楼", phone="13812345678")
    report = c.Report(who, c.Origin(home, "zhao", "赵女士", "m1"), details)
    order = (await bench.store.transact(TENANT, lambda u: service.handle(report, u, MORNING))).order
    await bench.run()
    group = ChatRef("sandbox", "group:lift", "group")
    told, progress = await bench.lines(home)
    assert order.number in told.text
    assert progress.card is not None
    ping, offered = await bench.lines(group)
    assert ping.mentions == (order.assignee,)
    assert offered.card is not None
    assert offered.card.buttons[0].action.do == "accept"

    engineer = Actor(order.assignee, "engineer", "王工")
    accept = c.Accept(engineer, c.Origin(group, engineer.id, "", "m2"), order.id)
    await bench.store.transact(TENANT, lambda u: service.handle(accept, u, MORNING))
    await bench.run()
    still, repainted = await bench.lines(group)
    assert (still, repainted.id) == (ping, offered.id)
    assert repainted.card is not None
    assert repainted.card.buttons[0].action.do == "depart"
    first, second, third = await bench.lines(home)
    assert (first, second.edited_at is not None) == (told, True)
    assert "已接单" in third.text
    assert set(await bench.states()) <= {"sent", "superseded"}


# --- order and pace ---------------------------------------------------------------------------


async def test_a_chat_hears_the_urgent_first_and_the_rest_in_order(bench: Bench) -> None:
    good = Scripted("good")
    bench.speak(good=good)
    for text, urgency in (("提醒", Urgency.REMINDER), ("答", Urgency.REPLY), ("急", Urgency.RED)):
        await bench.tell(DIRECT, text, urgency=urgency)
    await bench.tell(DIRECT, "再答")
    await bench.run()
    assert good.texts == ["急", "答", "再答", "提醒"]


async def test_a_full_window_lets_escalations_overtake_and_reminders_merge(bench: Bench) -> None:
    good = Scripted("good", Capabilities(groups=True, per_minute=4))
    bench.speak(good=good)
    for n in range(3):
        await bench.tell(GROUP, f"答 {n}")
    for n in range(6):
        await bench.tell(GROUP, f"提醒 {n}", urgency=Urgency.REMINDER)
    await bench.run()
    assert good.texts == ["答 0", "答 1", "答 2"]
    await bench.tell(GROUP, "升级", urgency=Urgency.ESCALATION)
    await bench.run()
    assert good.texts[-1] == "升级"
    await bench.run(minutes=2)
    assert len(good.texts) == 5
    assert good.texts[-1].count("提醒") == 6
    assert set(await bench.states()) == {"sent"}


async def test_a_slow_chat_keeps_nobody_else_waiting(bench: Bench) -> None:
    slow, good = Scripted("slow", gate=asyncio.Event()), Scripted("good")
    bench.speak(slow=slow, good=good)
    bench.delivery = Delivery(bench.store, bench.store, bench.channels, patience=0.01)
    await bench.tell(ChatRef("slow", "a"), "慢")
    assert await bench.delivery.run_once(TENANT) == 1
    await bench.tell(DIRECT, "快")
    assert await bench.delivery.run_once(TENANT) == 1
    async with asyncio.timeout(5):
        await good.heard.wait()
    assert (slow.texts, good.texts) == ([], ["快"])
    assert slow.gate is not None
    slow.gate.set()
    await bench.delivery.close()
    assert slow.texts == ["慢"]
    assert await bench.states() == ["sent", "sent"]


async def test_behind_one_that_has_to_wait_the_rest_waits_in_order(bench: Bench) -> None:
    good = Scripted("good", script=[Anomalous("good", "nonsense")])
    bench.speak(good=good)
    for text in ("一", "二", "三"):
        await bench.tell(DIRECT, text)
    await bench.run()
    assert (good.calls, good.texts) == (1, [])
    await bench.run(minutes=1)
    assert good.texts == ["一", "二", "三"]


# --- failures ---------------------------------------------------------------------------------


async def test_a_busy_channel_is_asked_again_when_it_said_and_not_before(bench: Bench) -> None:
    good = Scripted("good", script=[Retry("good", "busy", timedelta(seconds=40))])
    bench.speak(good=good)
    await bench.tell(DIRECT)
    await bench.run(minutes=0.6)
    assert (good.calls, good.texts) == (1, [])
    await bench.run(minutes=0.1)
    assert good.texts == ["第 1 条"]


async def test_a_refusal_goes_to_the_next_way_and_the_record_says_where(bench: Bench) -> None:
    bad, good = Scripted("bad", always=Refused("bad", "blocked")), Scripted("good")
    bench.speak(bad=bad, good=good)
    await bench.tell(ChatRef("bad", "zhao"), fallbacks=(ChatRef("gone", "x"), DIRECT))
    await bench.run()
    assert (bad.calls, good.texts) == (1, ["第 1 条"])
    (row,) = await bench.outbox()
    assert row.state == "sent"


async def test_what_nobody_takes_is_dead_and_supervisors_hear_once(bench: Bench) -> None:
    bad, good = Scripted("bad", always=Refused("bad", "blocked")), Scripted("good")
    bench.speak(bad=bad, good=good)
    await bench.tell(ChatRef("bad", "zhao"), "给 13812345678 的话", role="customer")
    await bench.run()
    (told,) = good.arrived
    assert told.to == SUPERVISORS
    assert "blocked" in told.text
    assert "138****5678" in told.text
    assert told.card is not None
    (again,) = told.card.buttons
    dead, _ = await bench.outbox()
    assert (again.action.do, again.action.args["notice"]) == ("retry_notice", dead.id)
    assert again.action.order, "a page sends no empty order"
    bad.always = None
    await bench.store.transact(TENANT, lambda uow: uow.outbox.retry(dead.id))
    await bench.run()
    assert len(bad.texts) == 1
    assert await bench.states() == ["sent", "sent"]


async def test_a_refused_account_is_left_alone_and_told_of_once_and_nothing_is_lost(
    bench: Bench,
) -> None:
    bad, good = Scripted("bad", always=Barred("bad", "60020 not allow ip")), Scripted("good")
    bench.speak(bad=bad, good=good)
    await bench.tell(ChatRef("bad", "qian"), "只有这里")
    for text in ("换一处说", "再换一处"):
        await bench.tell(ChatRef("bad", "zhao"), text, fallbacks=(DIRECT,))
    await bench.tell(ChatRef("bad", "qian"), "也只有这里")
    await bench.tell(ChatRef("bad", "qian"), "这条有别处", fallbacks=(DIRECT,))
    await bench.run(minutes=25)
    told = [out for out in good.arrived if out.to == SUPERVISORS]
    assert len(told) == 1
    assert "60020 not allow ip" in told[0].text
    assert "paidan doctor bad" in told[0].text
    said = [out.text for out in good.arrived if out.to == DIRECT]
    assert sorted(said) == ["再换一处", "换一处说", "这条有别处"]
    assert bad.calls <= 2 + 2, "two chats at the same time, then one try every ten minutes"
    bad.always = None
    await bench.run(minutes=10)
    assert bad.texts == ["只有这里", "也只有这里"]
    assert set(await bench.states()) == {"sent"}


async def test_one_chats_way_in_is_closed_and_the_others_go_on(bench: Bench) -> None:
    """A webhook that was taken out of its group says nothing of the other groups."""
    gone, fine = ChatRef("hooks", "home", "group"), ChatRef("hooks", "lift", "group")
    hooks = PerChat("hooks", gone, Barred("hooks", "93000 invalid webhook url", chat="home"))
    good = Scripted("good")
    bench.speak(hooks=hooks, good=good)
    await bench.tell(gone, "只有这里")
    await bench.tell(gone, "换一处说", fallbacks=(DIRECT,))
    await bench.tell(fine, "别的群")
    await bench.run(minutes=25)
    assert hooks.texts == ["别的群"]
    assert [out.text for out in good.arrived if out.to == DIRECT] == ["换一处说"]
    (told,) = [out for out in good.arrived if out.to == SUPERVISORS]
    assert "「home」" in told.text
    assert "93000" in told.text
    assert "paidan doctor hooks" in told.text
    assert list(bench.delivery.barred()) == []
    assert hooks.refused <= 3, "one try every ten minutes"
    hooks.failure = None
    await bench.run(minutes=10)
    assert hooks.texts == ["别的群", "只有这里"]
    assert set(await bench.states()) == {"sent"}


async def test_a_dead_letter_that_dies_makes_no_more(bench: Bench) -> None:
    bad = Scripted("bad", always=Refused("bad", "blocked"))
    bench.speak(bad=bad, good=Scripted("good", always=Refused("good", "no")))
    await bench.tell(ChatRef("bad", "zhao"))
    await bench.run()
    assert await bench.states() == ["dead", "dead"]


async def test_a_dead_repaint_disturbs_nobody(bench: Bench) -> None:
    good = Scripted("good")
    bench.speak(bad=Scripted("bad", always=Refused("bad", "no")), good=good)
    place = ChatRef("bad", "g")
    await bench.tell(place, kind="card", urgency=Urgency.CARD, card=CARD, topic=CARD.key)
    await bench.run()
    assert (await bench.states(), good.texts) == (["dead"], [])


async def test_an_unknown_outcome_is_tried_again_and_marked(bench: Bench) -> None:
    good = Scripted("good", script=[Anomalous("good", "<html>"), TimeoutError()])
    bench.speak(good=good)
    await bench.tell(DIRECT)
    await bench.run(minutes=1)
    (row,) = await bench.outbox()
    assert row.state == "sent"
    assert row.receipt is not None
    assert "may have arrived twice" in row.receipt.degraded


async def test_no_answer_in_time_is_an_unknown_outcome(bench: Bench) -> None:
    slow = Scripted("slow", gate=asyncio.Event())
    bench.speak(answer_within=0.2, slow=slow)
    await bench.tell(ChatRef("slow", "a"))
    await bench.delivery.run_once(TENANT)
    (row,) = await bench.outbox()
    assert (row.state, row.error) == ("pending", "unknown: no answer")


async def test_after_the_last_attempt_it_is_dead(bench: Bench) -> None:
    bad = Scripted("bad", always=Anomalous("bad", "nonsense"))
    bench.speak(bad=bad, good=Scripted("good"))
    await bench.tell(ChatRef("bad", "zhao"))
    await bench.run(minutes=85)
    assert bad.calls >= MOST_ATTEMPTS
    assert (await bench.states())[0] == "pending", "the channel may still come back"
    await bench.run(minutes=35)
    assert (await bench.states())[0] == "dead"


async def test_an_emergency_does_not_wait_for_a_failing_channel(bench: Bench) -> None:
    bad, good = Scripted("bad", always=Anomalous("bad", "x")), Scripted("good")
    bench.speak(bad=bad, good=good)
    await bench.tell(ChatRef("bad", "wang"), urgency=Urgency.RED, fallbacks=(DIRECT,))
    await bench.tell(ChatRef("bad", "li"), urgency=Urgency.REPLY, fallbacks=(DIRECT,))
    await bench.run()
    assert good.texts == ["第 1 条"]


@pytest.mark.parametrize("failure", [RuntimeError("bug"), Anomalous("bad", "nonsense")])
async def test_a_failing_channel_is_left_alone_for_a_while(
    bench: Bench, failure: Exception
) -> None:
    bad, good = Scripted("bad", always=failure), Scripted("good")
    bench.speak(bad=bad, good=good)
    for n in range(20):
        await bench.tell(ChatRef("bad", f"chat {n}"))
        await bench.run()
    assert bad.calls == FAILURES_TO_OPEN
    assert list(bench.delivery.resting()) == [(TENANT, "bad")]
    await bench.tell(DIRECT, "别人不受影响")
    await bench.run()
    assert good.texts == ["别人不受影响"]
    bad.always = None
    await bench.run(minutes=2)
    assert len(bad.texts) == 20
    assert set(await bench.states()) == {"sent"}


async def test_a_channel_no_longer_there_is_a_refusal(bench: Bench) -> None:
    good = Scripted("good")
    bench.speak(good=good)
    await bench.tell(ChatRef("gone", "x"), fallbacks=(DIRECT,))
    await bench.run()
    assert good.texts == ["第 1 条"]


# --- cards ------------------------------------------------------------------------------------


async def _card(bench: Bench, text: str, **more: Any) -> None:
    facts = {"kind": "card", "urgency": Urgency.CARD, "card": CARD, "topic": CARD.key}
    await bench.tell(GROUP, text, order_id="o1", **{**facts, **more})


async def test_urgent_news_brings_the_card_down_and_takes_the_buttons_off_the_old_one(
    bench: Bench,
) -> None:
    good = Scripted("good")
    bench.speak(good=good)
    await _card(bench, "一")
    await bench.run()
    await bench.tell(GROUP, "升级", urgency=Urgency.ESCALATION, order_id="o1")
    await _card(bench, "二")
    await bench.run()
    first, news, fresh, old = good.arrived
    assert (news.text, news.card) == ("升级", None)
    assert (fresh.previous, fresh.card) == ("", CARD)
    assert old.previous == "good-1"
    assert old.card is not None
    assert not old.card.buttons
    await _card(bench, "三")
    await bench.run()
    assert good.arrived[-1].previous == "good-3"
    assert first.card == CARD


async def test_a_card_that_vanished_is_sent_again(bench: Bench) -> None:
    good = Scripted("good")
    bench.speak(good=good)
    await _card(bench, "一")
    await bench.run()
    good.script = [Refused("good", "message not found")]
    await _card(bench, "二")
    await bench.run()
    assert [o.previous for o in good.arrived] == ["", ""]
    assert set(await bench.states()) == {"sent"}


async def test_what_a_channel_cannot_show_is_said_plainer(bench: Bench) -> None:
    good = Scripted("good", script=[Unsupported("good", "no such card")])
    bench.speak(good=good)
    await _card(bench, "摘要")
    await bench.run()
    (sent,) = good.arrived
    assert sent.card is None
    assert "回复「接单 1」" in sent.text


async def test_a_farewell_without_a_card_is_not_sent(bench: Bench) -> None:
    good = Scripted("good")
    bench.speak(good=good)
    await _card(bench, "别了", kind="repaint")
    await bench.run()
    (row,) = await bench.outbox()
    assert (good.calls, row.state) == (0, "sent")
    assert row.receipt is not None
    assert row.receipt.degraded == "no card to repaint"


# --- always -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_ever_lost(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    kinds = (
        None,
        None,
        Retry("c", "busy", timedelta(seconds=3)),
        Anomalous("c", "?"),
        RuntimeError("bug"),
        Refused("c", "no"),
    )
    script = [chance.choice(kinds) for _ in range(150)]
    odd = Scripted("odd", Capabilities(groups=True, cards=True, edit=True, per_minute=10), script)
    good = Scripted("good")
    bench.speak(odd=odd, good=good)
    for _ in range(60):
        place = ChatRef("odd", f"chat {chance.randrange(4)}")
        urgency = chance.choice([Urgency.RED, Urgency.REPLY, Urgency.REMINDER, Urgency.INFO])
        await bench.tell(place, urgency=urgency, fallbacks=chance.choice([(), (DIRECT,)]))
        if chance.random() < 0.3:
            await bench.run(minutes=chance.random())
    await bench.run(minutes=240)
    rows = [row for row in await bench.outbox() if row.notice.kind == "news"]
    assert len(rows) == 60
    heard = "\n".join([*odd.texts, *good.texts])
    for row in rows:
        assert row.state in {"sent", "dead"}
        if row.state == "sent":
            assert row.notice.text in heard
    dead = {row.id for row in rows if row.state == "dead"}
    told = {o.card.buttons[0].action.args["notice"] for o in good.arrived if o.card}
    assert told == dead
