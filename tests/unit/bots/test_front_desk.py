"""The front desk on a real store: kept before anything, settled once, lost never."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from scene import ASSETS, COMPANY, DEMO, NOW, PICTURE, heard, inbound

from bots.front_desk import ATTEMPTS, FrontDesk
from notifier.cases import plan_case
from notifier.plan import plan
from notifier.replies import word
from paidan.clock import FrozenClock
from paidan.demo import seed
from storage import SqlStore, open_store
from workflow.errors import Unavailable
from workflow.kept import Admitted, Case
from workflow.ports import UnitOfWork
from workflow.records import Action, ChatRef, Correction, Inbound, Media, Notice, Understanding
from workflow.service import Handled, Service
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

TENANT = COMPANY.tenant


@dataclass
class Ear:
    """Understands what it was told to, and remembers what it was asked to listen for."""

    knows: dict[str, Understanding] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    hints: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False

    def understand(self, text: str, *, asking: str | None = None, **hints: Any) -> Understanding:
        self.asked.append(asking)
        self.hints.append(hints)
        if self.broken:
            raise RuntimeError("the model is gone")
        return self.knows.get(text) or heard(text, "chitchat", "none", "P2")


@dataclass
class Desk:
    """A front desk with its store, and what a test wants to look at."""

    store: SqlStore
    desk: FrontDesk
    ear: Ear
    told: list[Notice]
    count: int = 0

    async def hear(self, text: str = "", sender: str = "c01", **facts: Any) -> Admitted:
        """One message, admitted and settled; as it stands afterwards."""
        self.count += 1
        message = replace(inbound(text, sender, **facts), dedupe_key=f"m{self.count}")
        admitted = await self.desk.admit(message)
        assert admitted is not None
        await self.desk.settle(TENANT, admitted)
        return await self.again(admitted)

    async def again(self, admitted: Admitted) -> Admitted:
        found = await self.read(lambda uow: uow.inbox.get(admitted.id))
        assert found is not None
        return found

    async def read(self, query: Callable[[UnitOfWork], Any]) -> Any:
        return await self.store.read(TENANT, query)

    async def order(self, admitted: Admitted) -> WorkOrder:
        found: WorkOrder = await self.read(lambda uow: uow.orders.get(admitted.order_id))
        return found

    def knows(self, *understandings: Understanding) -> None:
        self.ear.knows |= {known.text: known for known in understandings}


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Desk]:
    """The demo company's front desk on a quiet morning."""
    clock, ear = FrozenClock(NOW), Ear()
    told: list[Notice] = []

    def worded(*args: Any) -> Notice:
        notice = word(*args)
        told.append(notice)
        return notice

    async with open_store(f"sqlite:///{tmp_path / 'p.db'}", tmp_path, clock=clock) as store:
        await seed(store, TENANT, DEMO)
        desk = FrontDesk(store, clock, ear, Service(plan), worded, plan_case)
        yield Desk(store, desk, ear, told)


HVAC = heard("客厅空调不制冷", location="客厅", device="空调")


async def test_words_of_a_voice_message_are_understood_as_spoken_and_shown_as_corrected(
    at: Desk,
) -> None:
    text = "3楼机防的点题困人了"
    misheard = heard(text, fault="elevator", priority="P0", location="3楼机防", device="点题")
    corrections = (Correction(2, 4, "机房"), Correction(5, 7, "电梯"))
    at.knows(replace(misheard, corrections=corrections))
    message = await at.hear(media=(Media(kind="voice", transcript=text),))
    await at.hear("谢谢")
    assert [hints["spoken"] for hints in at.ear.hints] == [True, False]
    order = await at.order(message)
    assert order.device == "点题（电梯）"
    assert order.place.endswith("3楼机房")
    assert message.understanding["corrections"] == [["机防", "机房"], ["点题", "电梯"]]


async def test_the_ear_is_told_the_names_the_sender_may_say(at: Desk) -> None:
    await at.hear(HVAC.text, asset=next(iter(ASSETS)))
    asset = ASSETS[next(iter(ASSETS))]
    told = at.ear.hints[0]["told"]
    assert asset.name in told
    assert asset.site.name in told
    assert len(told) == len(set(told))


async def test_a_report_becomes_a_work_order_with_what_was_understood(at: Desk) -> None:
    at.knows(HVAC)
    message = await at.hear(HVAC.text)
    order = await at.order(message)
    assert (message.state, message.outcome) == ("done", "opened")
    assert message.understanding["intent"] == "report"
    assert message.understanding["confidence"] == {
        "intent": 0.9,
        "fault_type": 0.9,
        "priority": 0.9,
        "emotion": 0.9,
    }
    assert (order.state, order.fault_type, order.customer_id) == (State.DISPATCHED, "hvac", "c01")
    assert order.reporters[0].message == message.inbound.dedupe_key
    assert order.opened_at == NOW


async def test_a_redelivery_ends_at_admission_and_settling_twice_does_nothing(at: Desk) -> None:
    at.knows(HVAC)
    message = inbound(HVAC.text)
    admitted = await at.desk.admit(message)
    assert admitted is not None
    assert await at.desk.admit(message) is None
    outcomes = await asyncio.gather(*(at.desk.settle(TENANT, admitted) for _ in range(3)))
    assert outcomes == ["opened"] * 3
    orders = await at.read(lambda uow: uow.orders.of_chat(message.place))
    assert len(orders) == 1
    lines = await at.read(lambda uow: uow.chat_log.lines(message.place))
    assert [line.text for line in lines] == [HVAC.text]


async def test_an_unknown_visitor_becomes_a_customer_when_they_report(at: Desk) -> None:
    visitor = {"sender": "visitor:1", "chat": "visitor:1", "channel": "web"}
    await at.hear("你好", **visitor)
    assert await at.read(lambda uow: uow.people.identity("web", "visitor:1")) is None
    told = heard("8号楼空调不制冷 13712345678", location="8号楼", phone="13712345678")
    at.knows(told)
    order = await at.order(await at.hear(told.text, sender_name="周女士", **visitor))
    identity = await at.read(lambda uow: uow.people.identity("web", "visitor:1"))
    known = await at.read(lambda uow: uow.people.customer(identity.person_id))
    assert (known.name, known.phone) == ("周女士", "13712345678")
    assert known.contacts == (ChatRef("web", "visitor:1"),)
    assert (order.customer_id, order.state) == (known.id, State.DISPATCHED)
    same = await at.hear("催一下", **visitor)
    assert same.outcome == "nudge"


async def test_a_phone_number_links_the_report_but_proves_nothing(at: Desk) -> None:
    at.knows(HVAC)
    theirs = await at.order(await at.hear(HVAC.text))
    visitor = {"sender": "visitor:2", "chat": "visitor:2", "channel": "web"}
    claim = heard("5栋水管漏水 13900000001", fault="plumbing", location="5栋", phone="13900000001")
    at.knows(claim, heard("到哪了", "progress", "none"))
    linked = await at.order(await at.hear(claim.text, **visitor))
    assert linked.customer_id == "c01"
    assert linked.place == "5栋"
    progress = await at.hear("到哪了", **visitor)
    assert theirs.number not in at.told[-1].text
    assert progress.order_id == linked.id
    stranger = await at.hear(f"取消 {int(theirs.number[-4:])}", **visitor)
    assert stranger.outcome == "refused: not_allowed"


async def test_who_is_known_stays_themselves_with_another_number(at: Desk) -> None:
    call = heard("空调不制冷，打我同事 13900000002", phone="13900000002")
    at.knows(call)
    order = await at.order(await at.hear(call.text, "c01"))
    assert (order.customer_id, order.phone) == ("c01", "13900000002")


async def test_the_next_words_answer_what_was_asked(at: Desk) -> None:
    visitor = {"sender": "visitor:3", "chat": "visitor:3", "channel": "web"}
    at.knows(heard("空调不制冷", device="空调"), heard("8号楼302", "chitchat", location="8号楼302"))
    first = await at.order(await at.hear("空调不制冷", **visitor))
    assert (first.sub, first.missing) == (Sub.AWAITING_INFO, ("place", "phone"))
    await at.hear("8号楼302", **visitor)
    wrong = await at.hear("1371234567", **visitor)
    assert wrong.outcome == "refused: invalid_input"
    assert "手机号" in at.told[-1].text
    await at.hear("13712345678", **visitor)
    order = await at.read(lambda uow: uow.orders.get(first.id))
    assert (order.place, order.phone, order.missing) == ("8号楼302", "13712345678", ())
    assert order.state == State.DISPATCHED
    assert at.ear.asked == [None, "place", "phone", "phone"]


async def test_a_thing_and_then_its_fault_are_one_report(at: Desk) -> None:
    at.knows(heard("空调", "chitchat", device="空调"), heard("空调 不制冷", device="空调"))
    assert (await at.hear("空调")).outcome == "answered: ask_report"
    order = await at.order(await at.hear("不制冷"))
    assert (order.text, order.fault_type) == ("空调 不制冷", "hvac")


async def test_a_refused_command_changes_nothing_but_answers(at: Desk) -> None:
    at.knows(HVAC)
    order = await at.order(await at.hear(HVAC.text))
    other = next(s for s in ("ligang", "wanglei") if s != order.assignee)
    refused = await at.hear(f"接单 {order.number}", other)
    assert refused.outcome == "refused: not_allowed"
    assert await at.read(lambda uow: uow.orders.get(order.id)) == order
    assert at.told[-1].to.chat == f"staff:{other}"


async def test_the_same_answer_twice_is_said_twice(at: Desk) -> None:
    await at.hear("帮助", "wanglei")
    await at.hear("帮助", "wanglei")
    waiting = await at.store.claim_notices(TENANT, NOW, 9)
    assert [q.notice.key for q in waiting] == ["reply:m1:1", "reply:m2:1"]


async def test_who_has_left_is_a_customer_like_any_other(at: Desk) -> None:
    gone = replace(COMPANY.staff["wanglei"], active=False)
    company = replace(COMPANY, staff={**COMPANY.staff, "wanglei": gone})
    await at.store.transact(TENANT, lambda uow: uow.put_company(company))
    at.knows(HVAC)
    first = await at.hear(HVAC.text, "wanglei")
    again = await at.hear("催一下", "wanglei")
    assert (first.outcome, again.outcome) == ("opened", "nudge")
    assert (await at.order(first)).customer_id == (await at.order(again)).customer_id
    in_group = await at.hear("接单 1", "wanglei", chat="group:home", addressed=False)
    assert in_group.outcome == "answered: unknown_sender"


async def test_an_asset_page_fills_in_what_its_visitor_need_not_say(at: Desk) -> None:
    at.knows(heard("灯不亮", fault="elevator"))
    visitor = {"sender": "visitor:4", "chat": "visitor:4", "channel": "web"}
    order = await at.order(await at.hear("灯不亮", asset="q7Vd2mXc9LtR", **visitor))
    assert (order.asset_id, order.serial, order.place) == ("a01", "DT-30201", "锦绣苑3栋2单元")
    assert (order.customer_id, order.state) == ("c03", State.DISPATCHED)
    unknown = await at.hear("灯不亮", asset="no-such-page", **{**visitor, "sender": "visitor:5"})
    assert (await at.order(unknown)).asset_id == ""


async def test_a_serial_in_the_words_names_the_asset(at: Desk) -> None:
    at.knows(heard("EV-SZ012 扫码没反应", fault="ev_charger", serial="EV-SZ012"))
    order = await at.order(await at.hear("EV-SZ012 扫码没反应", "c08"))
    assert (order.asset_id, order.place) == ("a09", "莘庄停车场B2层12号车位")


async def test_going_on_duty_is_remembered(at: Desk) -> None:
    await at.hear("下班", "wanglei")
    presence = await at.read(lambda uow: uow.people.presence())
    assert presence["wanglei"].on is False


async def test_signed_in_staff_press_from_the_console(at: Desk) -> None:
    at.knows(HVAC)
    order = await at.order(await at.hear(HVAC.text))
    press = {"channel": "console", "chat": "staff:chenwei", "action": Action("take_over", order.id)}
    taken = await at.hear("", "chenwei", **press)
    assert taken.outcome == "take_over"
    assert (await at.order(taken)).assignee == "chenwei"


async def test_a_doubtful_report_opens_with_a_case_for_the_desk(at: Desk) -> None:
    at.knows(heard("那个又响了", fault="other", abstained=("fault_type",)))
    order = await at.order(await at.hear("那个又响了"))
    (case,) = await at.read(lambda uow: uow.cases.open())
    assert (order.sub, case.order_id, case.kind) == (Sub.TRIAGE, order.id, "triage")
    action = Action("case_confirm", case.id, args={"fault_type": "hvac"})
    decided = await at.hear("", "chenwei", action=action)
    assert decided.outcome == "case_confirm"
    confirmed = await at.order(decided)
    assert (confirmed.fault_type, confirmed.state) == ("hvac", State.DISPATCHED)
    assert await at.read(lambda uow: uow.cases.open()) == []


async def test_a_message_without_work_order_becomes_one_at_the_desk(at: Desk) -> None:
    at.knows(heard("就上次那个", "question", "none", abstained=("intent",)))
    asked = await at.hear("就上次那个")
    assert (asked.outcome, asked.order_id) == ("case: doubtful", "")
    (case,) = await at.read(lambda uow: uow.cases.open())
    opened = await at.hear("", "zhoulan", action=Action("case_open_order", case.id))
    order = await at.order(opened)
    assert order.reporters[0].place == asked.inbound.place
    kept: Case = await at.read(lambda uow: uow.cases.get(case.id))
    assert (kept.state, kept.order_id) == ("decided", order.id)


async def test_splitting_opens_the_second_once(at: Desk) -> None:
    parts = (("空调不制冷", "hvac"), ("门锁坏了", "access_security"))
    at.knows(heard("空调不制冷，另外门锁坏了", parts=parts))
    first = await at.order(await at.hear("空调不制冷，另外门锁坏了"))
    args = {"parts": [list(part) for part in parts]}
    press = Action("split", first.id, args=args)
    assert (await at.hear("", action=press)).outcome == "split"
    assert (await at.hear("", action=press)).outcome == "refused: illegal_move"
    orders = await at.read(lambda uow: uow.orders.of_chat(ChatRef("sandbox", "customer:c01")))
    assert sorted(order.fault_type for order in orders) == ["access_security", "hvac"]


async def test_when_understanding_fails_a_person_decides(
    at: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    at.ear.broken = True
    with caplog.at_level(logging.CRITICAL):
        message = await at.hear("电梯坏了")
    assert message.outcome == "opened: triage"
    assert (await at.order(message)).sub == Sub.TRIAGE


class Failing(Service):
    """A service that breaks before it has done anything."""

    def handle(self, *_: object, **__: object) -> Handled:  # type: ignore[override]  # breaks anyway
        raise RuntimeError("disk on fire")


async def test_what_cannot_be_handled_is_tried_again_and_then_parked(
    at: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    at.knows(HVAC)
    desk = FrontDesk(at.store, FrozenClock(NOW), at.ear, Failing(plan), word, plan_case)
    admitted = await desk.admit(inbound(HVAC.text, media=(PICTURE,)))
    assert admitted is not None
    with caplog.at_level(logging.CRITICAL):
        outcomes = [await desk.settle(TENANT, admitted) for _ in range(ATTEMPTS)]
    assert outcomes == ["failed"] * (ATTEMPTS - 1) + ["parked"]
    parked = await at.again(admitted)
    assert (parked.state, parked.attempts) == ("parked", ATTEMPTS)
    assert "disk on fire" in parked.error
    (case,) = await at.read(lambda uow: uow.cases.open())
    assert (case.kind, case.text) == ("parked", HVAC.text)
    assert await at.read(lambda uow: uow.people.customer("c01")) == DEMO.customers[0]
    opened = await at.hear("", "chenwei", action=Action("case_open_order", case.id))
    order = await at.order(opened)
    assert (order.text, order.media) == (HVAC.text, (PICTURE,))


async def test_a_spoken_report_is_a_report(at: Desk) -> None:
    at.knows(HVAC)
    clip = Media("voice", blob="b" * 64, mime="audio/amr", size=9, transcript=HVAC.text)
    order = await at.order(await at.hear("", media=(clip,)))
    assert (order.text, order.media) == (HVAC.text, (clip,))


async def test_many_report_one_fault_at_once_and_all_get_one_number(at: Desk) -> None:
    text = "锦绣苑3栋2单元电梯停了"
    at.knows(heard(text, fault="elevator", location="锦绣苑3栋2单元", device="电梯"))
    senders = ["c01", "c02", "c03"]
    messages: list[Inbound] = [replace(inbound(text, who), dedupe_key=who) for who in senders]
    kept = await asyncio.gather(*(at.desk.admit(message) for message in messages))
    outcomes = await asyncio.gather(*(at.desk.settle(TENANT, one) for one in kept if one))
    assert sorted(outcomes) == ["joined", "joined", "opened"]
    done = [await at.again(one) for one in kept if one]
    assert len({one.order_id for one in done}) == 1
    order = await at.order(done[0])
    assert {reporter.customer_id for reporter in order.reporters} == set(senders)


async def test_a_join_is_taken_back(at: Desk) -> None:
    text = "锦绣苑3栋2单元电梯停了"
    at.knows(heard(text, fault="elevator", location="锦绣苑3栋2单元", device="电梯"))
    first = await at.hear(text, "c01")
    joined = await at.hear(text, "c02")
    assert joined.order_id == first.order_id
    apart = await at.hear("", "c02", action=Action("undo_join", first.order_id))
    assert apart.outcome == "undo_join"
    order = await at.order(first)
    assert [reporter.customer_id for reporter in order.reporters] == ["c01"]
    own = await at.read(lambda uow: uow.orders.of_chat(ChatRef("sandbox", "customer:c02")))
    assert [o.links for o in own] == [(("unjoined", first.order_id),)]


async def test_a_database_that_is_away_is_no_refusal_and_no_failure_of_the_message(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was once answered as a refusal, and the report was gone."""
    at.knows(HVAC)
    admitted = await at.desk.admit(inbound(HVAC.text))
    assert admitted is not None
    transact = at.store.transact
    away = [True]

    async def flaky(*args: Any, **named: Any) -> Any:
        if away and away.pop():
            raise Unavailable(why="server closed the connection")
        return await transact(*args, **named)

    monkeypatch.setattr(at.store, "transact", flaky)
    with pytest.raises(Unavailable):
        await at.desk.settle(TENANT, admitted)
    waiting = await at.again(admitted)
    assert (waiting.state, waiting.attempts) == ("waiting", 0)
    assert await at.desk.settle(TENANT, admitted) == "opened"
