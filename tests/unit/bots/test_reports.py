"""Reports: what they open, join, add to and still have to say."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from scene import (
    ASSETS,
    CUSTOMERS,
    NOW,
    PICTURE,
    asked,
    closed,
    codes,
    customer,
    done,
    heard,
    inbound,
    only,
    order,
)

from bots import reports
from bots.decide import decide
from bots.situation import OPENED, Situation
from workflow import commands as c
from workflow.records import Media
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

# --- reports ----------------------------------------------------------------------------------


def test_a_report_of_a_known_customer_opens_at_once_with_what_we_know_of_them() -> None:
    text = "客厅空调不制冷"
    decision = decide(customer(text, understanding=heard(text, device="空调", location="客厅")))
    report = only(decision)
    assert isinstance(report, c.Report)
    assert (decision.outcome, report.missing, report.triage) == ("opened", (), False)
    assert report.details.place == "锦绣苑3栋2单元501室 客厅"
    assert report.details.phone == "13900000001"
    assert (report.details.region, report.details.customer_id) == ("浦东", "c01")
    assert report.by.role == "customer"
    assert decision.dialogue is not None
    assert (decision.dialogue.asking, decision.dialogue.order_id) == (None, OPENED)


def stranger(text: str, **facts: Any) -> Situation:
    s = customer(text, **facts)
    assert s.customer is not None
    nobody = replace(s.customer, id="new", name="", phone="", site=type(s.customer.site)())
    return replace(s, customer=nobody)


def test_what_a_strangers_report_lacks_is_asked_one_at_a_time() -> None:
    text = "空调不制冷"
    decision = decide(stranger(text, understanding=heard(text, device="空调")))
    assert only(decision).missing == ("place", "phone")
    assert decision.dialogue is not None
    assert decision.dialogue.asking == "place"


def test_an_emergency_waits_for_nothing_but_is_asked_where() -> None:
    text = "电梯困人了"
    report = only(
        decide(stranger(text, understanding=heard(text, fault="elevator", priority="P0")))
    )
    assert report.missing == ("place", "phone")
    text = "1号楼电梯困人了"
    ear = heard(text, fault="elevator", priority="P0", abstained=("fault_type",), location="1号楼")
    report = only(decide(stranger(text, understanding=ear)))
    assert (report.missing, report.triage) == (("phone",), False)


def test_a_phone_with_a_digit_too_few_is_not_a_phone() -> None:
    text = "3栋空调不制冷，电话1381234567"
    decision = decide(stranger(text, understanding=heard(text, location="3栋", phone="1381234567")))
    assert only(decision).missing == ("phone",)


@pytest.mark.parametrize("pictures", [(), (PICTURE,)])
def test_what_cannot_be_reproduced_needs_a_picture(pictures: tuple[Media, ...]) -> None:
    text = "系统偶尔出现报错，无法复现"
    s = customer(
        text,
        message=inbound(text, media=pictures),
        understanding=heard(text, fault="software_account"),
    )
    report = only(decide(s))
    assert report.missing == (() if pictures else ("screenshot",))


def test_an_asset_page_knows_the_place_and_decides_the_type() -> None:
    text = "轿厢灯不亮"
    message = inbound(text, asset="a01")
    ear = heard(text, fault="electrical", abstained=("fault_type",))
    s = stranger(
        text, message=message, understanding=ear, asset=ASSETS["a01"], owner=CUSTOMERS["c03"]
    )
    report = only(decide(s))
    assert (report.details.fault_type, report.details.serial) == ("elevator", "DT-30201")
    assert (report.details.place, report.details.customer_id) == ("锦绣苑3栋2单元", "c03")
    assert (report.missing, report.triage) == ((), False)


def test_a_doubtful_report_opens_and_a_person_looks() -> None:
    text = "那个东西又响了一晚上"
    decision = decide(
        customer(text, understanding=heard(text, fault="other", abstained=("fault_type",)))
    )
    (case,) = decision.cases
    assert only(decision).triage
    assert (case.kind, case.order_id) == ("triage", OPENED)


def test_two_faults_in_one_message_offer_to_split() -> None:
    text = "空调不制冷，另外门锁坏了"
    ear = heard(text, parts=(("空调不制冷", "hvac"), ("门锁坏了", "access_security")))
    decision = decide(customer(text, understanding=ear))
    assert codes(decision) == ["offer_split"]
    assert only(decision).details.text == text
    assert decision.dialogue is not None
    first = order(fault_type="access_security")
    memory = replace(decision.dialogue, order_id=first.id)
    split = decide(
        customer(
            "分开处理", mine=(first,), dialogue=memory, understanding=heard("分开处理", "chitchat")
        )
    )
    report, correction = split.commands
    assert isinstance(report, c.Report)
    assert report.link == ("split", first.id)
    assert (report.details.fault_type, report.details.text) == ("access_security", "门锁坏了")
    assert isinstance(correction, c.Correct)
    assert correction.facts == {"fault_type": "hvac"}
    together = decide(
        customer("不用", mine=(first,), dialogue=memory, understanding=heard("不用", "chitchat"))
    )
    assert (codes(together), together.commands) == (["split_kept"], ())


def test_splitting_is_offered_only_when_nothing_is_missing_any_more() -> None:
    text = "空调不制冷，另外门锁坏了"
    ear = heard(text, parts=(("空调不制冷", "hvac"), ("门锁坏了", "access_security")))
    decision = decide(stranger(text, understanding=ear))
    assert codes(decision) == []
    assert decision.dialogue is not None
    waiting = order(sub=Sub.AWAITING_INFO, state=State.NEW, missing=("phone",), phone="")
    memory = replace(decision.dialogue, asking="phone", order_id=waiting.id)
    answer = "13712345678"
    s = stranger(
        answer,
        mine=(waiting,),
        dialogue=memory,
        understanding=heard(answer, "chitchat", phone=answer),
    )
    assert codes(decide(s)) == ["offer_split"]


@pytest.mark.parametrize("text", ["马桶堵了", "卫生间漏水"])
def test_a_fault_in_a_word_is_not_asked_for_again(text: str) -> None:
    ear = heard(text, fault="plumbing", device=text.removesuffix("堵了"))
    assert only(decide(customer(text, understanding=ear))).missing == ()


# --- joining, following up, coming back -------------------------------------------------------


def test_the_neighbours_report_joins_and_ones_own_is_added() -> None:
    text = "锦绣苑3栋2单元电梯停了"
    ear = heard(text, fault="elevator", device="电梯", location="锦绣苑3栋2单元")
    known = order(
        fault_type="elevator",
        place="锦绣苑3栋2单元",
        device="电梯",
        text="电梯不动了",
        customer="c03",
        customer_id="",
    )
    joined = decide(customer(text, understanding=ear, candidates=(known,)))
    assert isinstance(only(joined), c.Join)
    assert only(joined).order_id == known.id
    mine = order(fault_type="elevator", place="锦绣苑3栋2单元", device="电梯", text="电梯不动了")
    again = decide(customer(text, understanding=ear, mine=(mine,), candidates=(mine,)))
    assert (again.outcome, type(only(again))) == ("added_info", c.AddInfo)


def test_a_clear_emergency_settles_the_doubt_about_the_work_order_it_joins() -> None:
    text = "3号楼402煤气味很大，快来人"
    ear = heard(text, fault="gas_fire", priority="P0", location="3号楼402")
    known = order(
        fault_type="gas_fire",
        text="3号楼402漏气",
        place="3号楼402",
        customer_id="",
        state=State.NEW,
        sub=Sub.TRIAGE,
        reporters=(),
    )
    join, settled = decide(customer(text, understanding=ear, candidates=(known,))).commands
    assert isinstance(join, c.Join)
    assert isinstance(settled, c.Triage)
    assert (settled.confirm, settled.fault_type) == (True, "gas_fire")
    calm = replace(ear, priority=replace(ear.priority, label="P1"))
    decision = decide(customer(text, understanding=calm, candidates=(known,)))
    assert [type(command) for command in decision.commands] == [c.Join]


@pytest.mark.parametrize(
    ("text", "fault", "goes_on"),
    [
        ("好像还在滴水", "plumbing", True),
        ("门口有狗，来之前打个电话", "environment", True),
        ("漏水了", "plumbing", False),
        ("厕所下水道堵了", "plumbing", False),
    ],
)
def test_what_names_nothing_else_goes_on_about_the_report_just_made(
    text: str, fault: str, goes_on: bool
) -> None:
    ear = heard(text, fault=fault)
    command = only(decide(customer(text, understanding=ear, mine=(order(),))))
    assert isinstance(command, c.AddInfo if goes_on else c.Report)
    old = order(opened_at=NOW - timedelta(hours=2))
    command = only(decide(customer(text, understanding=ear, mine=(old,))))
    assert isinstance(command, c.Report)


def test_another_room_is_another_work_order() -> None:
    text = "锦绣苑5栋空调不制冷"
    ear = heard(text, device="空调", location="锦绣苑5栋")
    known = order(device="空调")
    decision = decide(customer(text, understanding=ear, mine=(known,), candidates=(known,)))
    assert isinstance(only(decision), c.Report)


@pytest.mark.parametrize("text", ["又坏了", "空调又不制冷了"])
def test_broken_again_before_the_signature_goes_back_to_work(text: str) -> None:
    fault = "hvac" if "空调" in text else "other"
    ear = heard(text, fault=fault, abstained=() if fault == "hvac" else ("fault_type",))
    finished = done(device="空调", completed_at=NOW - timedelta(hours=1))
    command = only(decide(customer(text, understanding=ear, mine=(finished,))))
    assert isinstance(command, c.ReturnWork)
    assert command.reason == text


@pytest.mark.parametrize("text", ["又坏了", "空调又不制冷了"])
def test_broken_again_after_closing_is_a_linked_work_order(text: str) -> None:
    fault = "hvac" if "空调" in text else "other"
    ear = heard(text, fault=fault, abstained=() if fault == "hvac" else ("fault_type",))
    decision = decide(customer(text, understanding=ear, mine=(closed(device="空调"),)))
    report = only(decision)
    assert report.link == ("recurrence", "order-0007")
    assert (report.details.fault_type, report.triage) == ("hvac", False)
    assert decision.outcome == "opened: recurrence"


def test_pictures_and_clips_after_a_report_belong_to_it() -> None:
    message = inbound("", media=(PICTURE,))
    told = only(decide(customer(message=message, mine=(order(),))))
    assert isinstance(told, c.AddInfo)
    assert told.media == (PICTURE,)


def test_a_picture_before_any_words_waits_for_them() -> None:
    message = inbound("", media=(PICTURE,))
    first = decide(customer(message=message))
    assert codes(first) == ["ask_report"]
    assert first.dialogue is not None
    assert first.dialogue.context["media"] == [asdict(PICTURE)]
    text = "厨房水管漏水"
    ear = heard(text, fault="plumbing", location="厨房")
    report = only(decide(customer(text, understanding=ear, dialogue=first.dialogue)))
    assert report.details.media == (PICTURE,)


def test_a_clip_nobody_could_transcribe_opens_and_a_person_listens() -> None:
    clip = Media("voice", blob="a" * 64)
    decision = decide(customer(message=inbound("", media=(clip,))))
    report = only(decision)
    assert isinstance(report, c.Report)
    assert (report.triage, report.details.media) == (True, (clip,))
    assert [case.text for case in decision.cases] == [reports.UNHEARD]
    spoken = inbound("", media=(Media("voice", transcript="空调不制冷"),))
    report = only(decide(customer(message=spoken, understanding=heard("空调不制冷"))))
    assert report.details.text == "空调不制冷"


def test_words_too_few_for_a_fault_follow_up_on_the_open_one() -> None:
    text = "声音还特别大"
    ear = heard(text, fault="other", abstained=("fault_type",))
    assert isinstance(only(decide(customer(text, understanding=ear, mine=(order(),)))), c.AddInfo)
    late = replace(customer(text, understanding=ear, mine=(order(),)), now=NOW + timedelta(hours=2))
    assert isinstance(only(decide(late)), c.Report)


def test_danger_in_a_later_message_makes_it_an_emergency() -> None:
    text = "空调不制冷，老人已经晕倒了"
    decision = decide(
        customer(
            text,
            understanding=heard(text, priority="P0", device="空调"),
            mine=(order(device="空调"),),
        )
    )
    told, raised = decision.commands
    assert isinstance(told, c.AddInfo)
    assert isinstance(raised, c.ChangePriority)
    assert (raised.priority, raised.by.role) == ("P0", "system")


# --- answers ----------------------------------------------------------------------------------


def waiting(*missing: str, **facts: Any) -> WorkOrder:
    blank = {slot: "" for slot in missing if slot in {"phone", "place", "serial"}}
    return order(state=State.NEW, sub=Sub.AWAITING_INFO, missing=missing, **{**blank, **facts})


def test_an_answer_fills_what_was_asked_and_the_next_question_follows() -> None:
    known = waiting("place", "phone")
    text = "8号楼302"
    s = customer(
        text,
        mine=(known,),
        dialogue=asked("place", known),
        understanding=heard(text, "chitchat", location=text),
    )
    decision = decide(s)
    told = only(decision)
    assert (told.slots, told.missing) == ({"place": "8号楼302"}, ("phone",))
    assert decision.dialogue is not None
    assert decision.dialogue.asking == "phone"


def test_one_message_may_answer_everything() -> None:
    known = waiting("place", "phone")
    text = "8号楼302，13712345678 周师傅"
    ear = heard(text, "chitchat", location="8号楼302", phone="13712345678", name="周师傅")
    told = only(
        decide(customer(text, mine=(known,), dialogue=asked("place", known), understanding=ear))
    )
    assert told.slots["phone"] == "13712345678"
    assert told.missing == ()


def test_a_malformed_answer_is_asked_again_by_name() -> None:
    known = waiting("phone")
    text = "1381234567"
    decision = decide(
        customer(
            text,
            mine=(known,),
            dialogue=asked("phone", known),
            understanding=heard(text, "chitchat"),
        )
    )
    assert decision.commands == ()
    assert codes(decision) == ["refused"]
    assert decision.replies[0].data["field"] == "phone"
    assert decision.replies[0].data["found"] == text
    assert decision.dialogue is None


@pytest.mark.parametrize(
    ("text", "slot", "entity", "value"),
    [
        ("不对，是302", "place", None, None),
        ("说错了，电话是13712345678", "phone", "13712345678", "13712345678"),
        ("不对，在8号楼", "place", "8号楼", "8号楼"),
    ],
)
def test_a_correction_replaces(text: str, slot: str, entity: str | None, value: str | None) -> None:
    known = order()
    kind = {"phone": "phone", "place": "location"}[slot]
    ear = heard(text, "chitchat", **({kind: entity} if entity else {}))
    dialogue = asked("place", known) if entity is None else None
    told = only(decide(customer(text, mine=(known,), dialogue=dialogue, understanding=ear)))
    assert told.slots[slot] == (value or "302")


def test_putting_right_what_is_wrong_is_not_calling_it_off() -> None:
    text = "不对，是滴水"
    right = decide(customer(text, mine=(order(),), understanding=heard(text, "cancel", "plumbing")))
    assert isinstance(only(right), c.AddInfo)
    text = "不对，不用来了"
    off = decide(customer(text, mine=(order(),), understanding=heard(text, "cancel", "none")))
    assert codes(off) == ["confirm_cancel"]


def test_a_bare_fact_replaces_and_a_known_one_is_no_news() -> None:
    new, old = "13712345678", "13900000001"
    ear = heard(new, "chitchat", "none", phone=new)
    told = only(decide(customer(new, mine=(order(),), understanding=ear)))
    assert told.slots == {"phone": new}
    same = heard(old, "chitchat", "none", phone=old)
    assert decide(customer(old, mine=(order(),), understanding=same)).commands == ()


def test_an_answer_may_be_about_something_else() -> None:
    known = waiting("place", fault_type="hvac")
    text = "到哪了"
    s = customer(
        text, mine=(known,), dialogue=asked("place", known), understanding=heard(text, "progress")
    )
    assert codes(decide(s)) == ["progress"]
    text = "厕所水管爆了"
    ear = heard(text, fault="plumbing", priority="P0", location="厕所")
    s = customer(text, mine=(known,), dialogue=asked("place", known), understanding=ear)
    assert isinstance(only(decide(s)), c.Report)
