"""What people decide: doubtful messages, complaints, and what could not be read at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nlp import Understander
from paidan.clock import FrozenClock
from paidan.compose import assemble, seed
from paidan.demo import demo_company
from tests.scenario.conftest import (
    SUPERVISORS,
    TUESDAY,
    Town,
    customer_chat,
    team_group,
)
from workflow.events import Kind
from workflow.kept import Case
from workflow.ports import UnitOfWork
from workflow.records import Card, Understanding
from workflow.states import State, Sub

CHEN = customer_chat("c02")
COMPLAINT = "修了三次都没修好，态度还差，我要投诉"
QUESTION = "换个压缩机大概多少钱？"


@pytest.fixture
async def doubtful(understander: Understander, tmp_path: Path) -> Any:
    """A town whose ear is sure of nothing."""

    class Unsure:
        same_incident = None

        def understand(self, text: str, **how: Any) -> Understanding:
            heard = understander.understand(text, **how)
            doubts = frozenset({"intent", "fault_type", "priority"})
            return Understanding(
                **{
                    **{name: getattr(heard, name) for name in heard.__dataclass_fields__},
                    "abstained": doubts,
                }
            )

    loaded, clock = demo_company(), FrozenClock(TUESDAY)
    url = f"sqlite:///{tmp_path / 'doubt.db'}"
    async with assemble(url, tmp_path / "doubt-blobs", Unsure(), clock=clock) as parts:
        await seed(parts.store, loaded)
        yield Town(parts, loaded, clock)


async def the_case(town: Town) -> Case:
    (case,) = await town.cases()
    return case


async def decided(town: Town, case_id: str) -> Case:
    found: Case = await town.read(lambda uow: uow.cases.get(case_id))
    return found


async def case_card(town: Town) -> Card:
    lines = [ln.card for ln in await town.lines(SUPERVISORS) if ln.card]
    return next(c for c in reversed(lines) if c.key.startswith("case:"))


# --- doubt (low confidence) -----------------------------------------------------------------------


async def test_a_doubtful_report_has_its_number_and_waits_for_a_person(doubtful: Town) -> None:
    town = doubtful
    await town.say("c02", "空调不制冷")
    order = await town.order()
    assert (order.state, order.sub) == (State.NEW, Sub.TRIAGE)
    assert order.number in (await town.heard(CHEN))[0]
    case = await the_case(town)
    assert (case.kind, case.order_id) == ("triage", order.id)
    card = await case_card(town)
    assert "空调不制冷" in card.body
    assert {b.action.do for b in card.buttons} == {
        *("case_confirm", "case_not_report", "case_dismiss")
    }


async def test_one_tap_confirms_and_somebody_is_sent(doubtful: Town) -> None:
    town = doubtful
    await town.say("c02", "空调不制冷")
    case = await the_case(town)
    await town.press("chenwei", "case_confirm", chat=SUPERVISORS, fault_type="hvac")
    order = await town.order()
    assert (order.state, order.fault_type) == (State.DISPATCHED, "hvac")
    assert (await decided(town, case.id)).decided_by == "chenwei"
    assert not await town.cases()
    assert not (await case_card(town)).buttons
    assert order.number in await town.last(SUPERVISORS)


async def test_one_tap_dismisses_and_the_reporter_is_told_why(doubtful: Town) -> None:
    town = doubtful
    await town.say("c02", "空调不制冷")
    await town.press("chenwei", "case_dismiss", chat=SUPERVISORS, reason="已电话联系，不用派人")
    order = await town.order()
    assert (order.state, order.outcome) == (State.CLOSED, "dismissed")
    assert "已电话联系" in "".join(await town.heard(CHEN))


async def test_of_two_who_decide_the_second_is_told_who_was_first(doubtful: Town) -> None:
    town = doubtful
    await town.say("c02", "空调不制冷")
    old = await case_card(town)
    await town.press("chenwei", "case_confirm", chat=SUPERVISORS)
    before = await town.history(await town.order())
    await town.press("wumin", "case_dismiss", chat=SUPERVISORS, card=old, reason="x")
    assert "陈伟" in await town.last(SUPERVISORS)
    assert await town.history(await town.order()) == before


async def test_a_case_whose_work_order_was_cancelled_can_still_be_put_away(
    doubtful: Town,
) -> None:
    town = doubtful
    await town.say("c02", "空调不制冷")
    await town.say("c02", "取消")
    await town.say("c02", "确认取消")
    assert (await town.order()).outcome == "cancelled"
    await town.press("chenwei", "case_dismiss", chat=SUPERVISORS)
    assert not await town.cases()
    assert (await town.order()).outcome == "cancelled"


async def test_only_the_desk_decides(doubtful: Town) -> None:
    town = doubtful
    await town.say("c02", "空调不制冷")
    case = await the_case(town)
    for who, chat in (("wanglei", team_group("home")), ("c02", CHEN)):
        await town.say(who, chat=chat, action={"do": "case_confirm", "order": case.id})
        assert (await the_case(town)).state == "open"
    await town.say("chenwei", chat=SUPERVISORS, action={"do": "case_confirm", "order": "no"})
    assert (await town.order()).sub == Sub.TRIAGE


async def test_nobody_decides_and_the_desk_is_reminded(doubtful: Town) -> None:
    town = doubtful
    await town.say("c02", "空调不制冷")
    said = len(await town.heard(SUPERVISORS))
    await town.wait(minutes=11)
    reminded = (await town.heard(SUPERVISORS))[said:]
    assert any("还等人工确认" in words for words in reminded)


# --- questions and what nobody can make out -------------------------------------------------------


async def test_a_question_goes_to_a_person_and_opens_nothing(town: Town) -> None:
    await town.say("c02", QUESTION)
    assert await town.orders() == []
    case = await the_case(town)
    assert (case.kind, case.order_id, case.text) == ("triage", "", QUESTION)
    assert "转给同事" in await town.last(CHEN)


async def test_a_case_becomes_a_work_order_with_all_that_was_said(town: Town) -> None:
    await town.say("c02", QUESTION, media=[{"kind": "image", "name": "铭牌.jpg"}])
    case = await the_case(town)
    args: dict[str, Any] = {"fault_type": "hvac", "priority": "P1"}
    await town.press("chenwei", "case_confirm", chat=SUPERVISORS, **args)
    order = await town.order()
    assert (order.text, order.fault_type, order.priority) == (QUESTION, "hvac", "P1")
    assert [m.name for m in order.media] == ["铭牌.jpg"]
    assert (order.customer_id, order.place) == ("c02", "锦绣苑5栋1单元1102室")
    assert order.opened_at == case.at
    assert order.number in "".join(await town.heard(CHEN))
    assert (await decided(town, case.id)).order_id == order.id


async def test_a_case_without_a_work_order_is_dismissed_quietly(town: Town) -> None:
    await town.say("c02", QUESTION)
    said = await town.heard(CHEN)
    await town.press("chenwei", "case_dismiss", chat=SUPERVISORS)
    assert await town.orders() == []
    assert await town.heard(CHEN) == said


async def test_asking_for_a_person_gets_one(town: Town) -> None:
    await town.say("c02", "转人工")
    assert (await the_case(town)).text == "转人工"
    assert "请同事确认" in await town.last(CHEN)


# --- complaints -----------------------------------------------------------------------------------


async def test_a_complaint_reaches_the_supervisors_with_its_work_order(town: Town) -> None:
    await town.say("c02", "我家空调不制冷")
    await town.say("c02", COMPLAINT)
    order = await town.order()
    case = await the_case(town)
    assert (case.kind, case.order_id) == ("complaint", order.id)
    card = await case_card(town)
    assert (card.subtitle, card.tone) == (order.number, "danger")
    assert "投诉已转给主管" in await town.last(CHEN)
    assert len(await town.orders()) == 1


async def test_an_apology_goes_to_the_customer_in_the_supervisors_words(town: Town) -> None:
    await town.say("c02", COMPLAINT)
    sorry = "非常抱歉，我今天下午亲自过去"
    await town.press("chenwei", "case_apologise", chat=SUPERVISORS, text=sorry)
    said = await town.last(CHEN)
    assert sorry in said
    assert "陈伟" in said
    assert not await town.cases()


async def test_a_complaint_may_become_a_work_order(town: Town) -> None:
    await town.say("c02", COMPLAINT)
    await town.press("chenwei", "case_open_order", chat=SUPERVISORS)
    order = await town.order()
    assert (order.customer_id, order.text) == ("c02", COMPLAINT)
    assert Kind.REPORTED in await town.kinds(order)
    assert order.number in "".join(await town.heard(CHEN))


# --- what could not be handled --------------------------------------------------------------------


async def test_a_message_that_keeps_failing_is_parked_whole_where_a_person_sees_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_uow: UnitOfWork, *_rest: object) -> None:
        raise ZeroDivisionError("the desk is on fire")

    with monkeypatch.context() as patch:
        patch.setattr("bots.lookup.situation", broken)
        await town.say("c02", "空调不制冷", settle=False)
        await town.say("c01", "3栋2单元电梯困人了", settle=False)
        await town.parts.house.drain(town.tenant)
    parked = {case.text: case for case in await town.cases()}
    assert set(parked) == {"空调不制冷", "3栋2单元电梯困人了"}
    assert {case.kind for case in parked.values()} == {"parked"}
    assert "ZeroDivisionError" in str(parked["空调不制冷"].inbound["error"])
    assert (await case_card(town)).buttons
    await town.say("c02", "空调不制冷")
    assert len(await town.orders()) == 1


async def test_an_ear_that_fails_never_blocks_intake(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(*_args: object, **_how: object) -> Understanding:
        raise RuntimeError("no model")

    monkeypatch.setattr(Understander, "understand", deaf)
    await town.say("c02", "空调不制冷")
    order = await town.order()
    assert (order.sub, order.text) == (Sub.TRIAGE, "空调不制冷")
    assert order.number in (await town.heard(CHEN))[0]
    assert len(await town.cases()) == 1
