"""Colleagues: typed commands, numbers left out, buttons, rights, cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene import (
    COMPANY,
    NOW,
    PICTURE,
    closed,
    codes,
    customer,
    done,
    heard,
    inbound,
    only,
    order,
    pressed,
    staff,
    working,
)

from bots import cases, precheck
from bots.decide import decide
from bots.rights import NEEDS, may
from bots.situation import OPENED, Situation
from workflow import commands as c
from workflow.company import Identity
from workflow.errors import NotAllowed
from workflow.kept import Case
from workflow.records import Inbound
from workflow.states import State, Sub
from workflow.work_order import Reporter, WorkOrder

GROUP = "group:home"


def in_group(text: str, who: str = "wanglei", **facts: Any) -> Situation:
    message = inbound(text, who, GROUP, addressed=False)
    return staff(text, who, message=message, **facts)


def press(do: str, on: WorkOrder, who: str, **args: object) -> Situation:
    make = staff if who in COMPANY.staff else customer
    return make(who=who, message=pressed(do, on, who, args=args), named=on)


# --- commands in words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "on", "command"),
    [
        ("接单 7", order(), c.Accept),
        ("拒单 7 在外地", order(), c.Decline),
        ("转派 7 李工 离得近", order(), c.Reassign),
        ("出发 7", working(), c.Depart),
        ("到场 7", working(), c.Arrive),
        ("诊断 7 压缩机坏", working(sub=Sub.ARRIVED), c.Diagnose),
        ("待配件 7 压缩机", working(sub=Sub.ARRIVED), c.AwaitParts),
        ("换件 7 电容 x2", working(sub=Sub.ARRIVED), c.ReplacePart),
        ("挂起 7 等配件 明天到", working(), c.Hold),
        ("恢复 7", order(state=State.ON_HOLD, sub=Sub.NONE), c.Resume),
        ("完成 7 换了电容", working(sub=Sub.ARRIVED), c.Complete),
        ("备注 7 门卫有钥匙", working(), c.Note),
        ("回复 7 半小时到", working(), c.Note),
    ],
)
def test_every_engineers_command_works_in_a_group_unaddressed(
    text: str, on: WorkOrder, command: type
) -> None:
    decision = decide(in_group(text, named=on, shown=(on,)))
    assert type(only(decision)) is command
    assert only(decision).order_id == on.id
    assert only(decision).expect is None
    assert codes(decision) == ["done"]


def test_the_words_become_the_commands_facts() -> None:
    assert only(decide(staff("转派 7 李工 离得近", named=order()))).to == "ligang"
    part = only(decide(staff("换件 7 电容 x2", named=working(sub=Sub.ARRIVED))))
    assert (part.part, part.quantity) == ("电容", 2)
    hold = only(decide(staff("挂起 7 等配件 明天到", named=working())))
    assert (hold.reason, hold.note) == ("waiting_parts", "明天到")
    note = only(decide(staff("回复 7 半小时到", named=working())))
    assert (note.text, note.internal) == ("半小时到", False)


@pytest.mark.parametrize(
    ("text", "on", "field"),
    [
        ("拒单 7", order(), "reason"),
        ("转派 7 李工", order(), "reason"),
        ("转派 7 小明 太远", order(), "staff"),
        ("转派 7 赵工 太远", order(), "staff"),
        ("挂起 7 想休息", working(), "reason"),
        ("换件 7", working(sub=Sub.ARRIVED), "part"),
    ],
)
def test_what_is_missing_or_unclear_is_refused_by_name(
    text: str, on: WorkOrder, field: str
) -> None:
    decision = decide(staff(text, named=on))
    assert decision.commands == ()
    assert codes(decision) == ["refused"]
    assert decision.replies[0].data["field"] == field


def test_the_number_may_be_left_out_when_one_fits() -> None:
    jobs = (working(8, Sub.ARRIVED), working(7))
    depart = decide(in_group("出发", own_jobs=jobs))
    assert only(depart).order_id == "order-0007"
    several = decide(in_group("备注 门卫有钥匙", own_jobs=jobs))
    assert (several.commands, codes(several)) == ((), ["which_order"])
    assert several.dialogue is not None
    chosen = in_group("8", own_jobs=jobs, named=jobs[0], dialogue=several.dialogue)
    assert only(decide(chosen)).text == "门卫有钥匙"
    nothing = decide(in_group("出发", own_jobs=()))
    assert nothing.outcome == "refused: unknown_ticket"


def test_without_a_number_only_ones_own_offers_and_jobs_count() -> None:
    his = order(8, assignee="ligang")
    claim = order(9, sub=Sub.OPEN_CLAIM, assignee="", candidates=("wanglei",))
    assert only(decide(in_group("抢单", shown=(his, claim)))).order_id == "order-0009"
    assert only(decide(in_group("接单", shown=(his,)))).order_id == his.id, (
        "refused with the reason"
    )
    two = (his, order(10, assignee="ligang"))
    assert decide(in_group("接单", shown=two)).outcome == "refused: unknown_ticket"


def test_duty_help_and_lists() -> None:
    on = decide(staff("上班", own_jobs=(order(),)))
    assert on.presence is not None
    assert (on.presence.staff_id, on.presence.on, on.presence.since) == ("wanglei", True, NOW)
    off = decide(staff("下班"))
    assert off.presence is not None
    assert not off.presence.on
    mine = decide(staff("我的单", own_jobs=(order(),)))
    assert mine.replies[0].data["count"] == 1
    assert codes(decide(staff("帮助"))) == ["help"]
    assert codes(decide(staff("进度 7", named=order()))) == ["staff_progress"]
    assert codes(decide(staff("进度", own_jobs=(order(), working(8))))) == ["staff_progress"]


def test_chatter_stays_chatter_and_a_misunderstood_word_is_told() -> None:
    for text in ("完成了吗兄弟们", "今天真热", "出发 大家小心", "上班真累"):
        assert decide(in_group(text)).outcome == "ignored: chatter"
    assert codes(decide(staff("在忙什么"))) == ["unknown_command"]


def test_a_photo_belongs_to_the_one_job_under_way() -> None:
    message = inbound("", "wanglei", media=(PICTURE,))
    told = only(decide(staff(message=message, own_jobs=(working(), order(8)))))
    assert (type(told), told.order_id) == (c.AddInfo, "order-0007")
    unclear = decide(staff(message=message, own_jobs=(working(), working(8))))
    assert unclear.commands == ()
    done_with = inbound("完成 7 换了电容", "wanglei", media=(PICTURE,))
    finished = only(decide(staff(message=done_with, named=working(sub=Sub.ARRIVED))))
    assert finished.media == (PICTURE,)


def test_a_colleague_reports_for_a_customer_only_when_asking_us() -> None:
    text = "报修 3栋电梯不动了，电话13712345678"
    ear = heard(text, fault="elevator", location="3栋", phone="13712345678")
    report = only(decide(staff(text, understanding=ear)))
    assert isinstance(report, c.Report)
    assert report.details.text == "3栋电梯不动了，电话13712345678"
    assert (report.details.phone, report.by.role, report.missing) == ("13712345678", "engineer", ())
    assert decide(in_group(text, understanding=ear)).outcome == "ignored: chatter"


def test_danger_told_directly_is_a_report_whoever_tells_it() -> None:
    text = "3栋配电房有人触电了"
    ear = heard(text, fault="electrical", priority="P0", location="3栋配电房")
    assert isinstance(only(decide(staff(text, understanding=ear))), c.Report)
    unsure = heard(text, fault="electrical", priority="P0", abstained=("priority",))
    assert codes(decide(staff(text, understanding=unsure))) == ["unknown_command"]


# --- buttons and rights -----------------------------------------------------------------------


def test_a_press_carries_what_its_card_showed_and_says_nothing_more() -> None:
    decision = decide(press("accept", order(), "wanglei"))
    assert (only(decision).expect, only(decision).generation) == ("dispatched", 1)
    assert decision.replies == ()


@pytest.mark.parametrize(
    ("do", "args", "field"),
    [
        ("decline", {}, "reason"),
        ("decline", {"reason": "  "}, "reason"),
        ("rate", {"rating": 6}, "rating"),
        ("rate", {"rating": "好"}, "rating"),
        ("rate", {"rating": True}, "rating"),
        ("extend", {"minutes": 0, "reason": "x"}, "minutes"),
        ("extend", {"minutes": "1441", "reason": "x"}, "minutes"),
        ("extend", {"minutes": 30}, "reason"),
        ("extend", {"minutes": 30, "reason": "x", "clock": "egg"}, "clock"),
        ("replace_part", {"part": "电容", "quantity": 0}, "quantity"),
        ("arrive", {"geo": [91, 0]}, "geo"),
        ("arrive", {"geo": {"lat": 1}}, "geo"),
        ("diagnose", {"text": ["x"]}, "text"),
        ("complete", {"text": "长" * 1001}, "text"),
    ],
)
def test_a_malformed_press_is_refused_and_named(
    do: str, args: dict[str, object], field: str
) -> None:
    who = {"rate": "c01", "extend": "chenwei"}.get(do, "wanglei")
    on = closed() if do == "rate" else order()
    decision = decide(press(do, on, who, **args))
    assert (decision.commands, codes(decision)) == ((), ["refused"])
    assert decision.replies[0].data["field"] == field


def test_forms_send_numbers_as_text() -> None:
    assert only(decide(press("rate", closed(), "c01", rating="5"))).score == 5
    extended = only(decide(press("extend", order(), "chenwei", minutes="30", reason="堵车")))
    assert (extended.minutes, extended.clock) == (30, "first_response")
    assert only(decide(press("arrive", working(), "wanglei", geo="31.2,121.5"))).geo == (
        31.2,
        121.5,
    )


@pytest.mark.parametrize("do", sorted(set(NEEDS) - {"status"}))
@pytest.mark.parametrize("who", ["c01", "c02", "wanglei", "chenwei", "wumin", "linyue", "nobody"])
def test_who_may_press_what(do: str, who: str) -> None:
    known = order()
    person = COMPANY.staff.get(who)
    role = person.role if person else "customer"
    identity = None if who == "nobody" else Identity("sandbox", who, role, who)
    on = None if do.startswith("case_") or do == "retry_notice" else known
    ours, desk = person is not None, who in {"chenwei", "wumin", "linyue"}
    needed = {str(need) for need in NEEDS[do]}
    expected = (
        ("staff" in needed and ours)
        or ("supervisor" in needed and desk)
        or ("customer" in needed and who == "c01")
    )
    if expected:
        may(identity, do, on, COMPANY)
        return
    with pytest.raises(NotAllowed) as refusal:
        may(identity, do, on, COMPANY)
    assert refusal.value.data["needs"] in needed


def test_the_backup_of_another_team_is_not_the_desk_here() -> None:
    zhenghao = Identity("sandbox", "zhenghao", "engineer", "zhenghao")
    with pytest.raises(NotAllowed):
        may(Identity("sandbox", "wanglei", "engineer", "wanglei"), "take_over", order(), COMPANY)
    lift = order(team_id="lift")
    may(zhenghao, "take_over", lift, COMPANY)


def test_unknown_things_are_refused_kindly() -> None:
    gone = staff(message=pressed("accept", "no-such-order", "wanglei"))
    assert decide(gone).outcome == "refused: unknown_ticket"
    odd = decide(press("self_destruct", order(), "wanglei"))
    assert odd.outcome == "refused: action_unknown"
    case = staff(who="chenwei", message=pressed("case_confirm", "no-such-case", "chenwei"))
    assert decide(case).outcome == "refused: unknown_ticket"


@given(
    do=st.sampled_from([*sorted(NEEDS), "nonsense"]),
    args=st.dictionaries(
        st.sampled_from(["reason", "staff", "minutes", "rating", "part", "geo", "parts", "notice"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=9)
        | st.lists(st.text(max_size=3)),
    ),
    who=st.sampled_from(["c01", "wanglei", "chenwei"]),
    on=st.sampled_from([order(), working(), done(), closed()]),
)
def test_no_press_ever_raises(do: str, args: dict[str, object], who: str, on: WorkOrder) -> None:
    decision = decide(press(do, on, who, **args))
    assert decision.outcome


def test_a_joined_reporter_leaves_with_their_own_report() -> None:
    known = order()
    other = Reporter(known.reporters[0].place, "c02", "", "c02", "m8")
    shared = replace(known, reporters=(*known.reporters, other))
    assert only(decide(press("undo_join", shared, "c02", reporter="m7"))).reporter == "m8"
    first = decide(press("undo_join", shared, "c01", reporter="m8"))
    assert (first.commands, codes(first)) == ((), ["refused"])
    assert only(decide(press("undo_join", shared, "chenwei", reporter="m8"))).reporter == "m8"


def test_the_next_maintenance_is_prefilled() -> None:
    decision = decide(press("book_maintenance", closed(device="空调"), "c01", text="下周三"))
    report = only(decision)
    assert (report.link, report.details.priority) == (("maintenance", "order-0007"), "P2")
    assert (report.details.device, report.details.when) == ("空调", "下周三")
    assert (report.missing, decision.order_id) == ((), OPENED)


def test_a_dead_notice_is_sent_again_by_the_desk() -> None:
    s = staff(who="chenwei", message=pressed("retry_notice", "41", "chenwei"))
    assert decide(s).retry == 41
    s = staff(who="wanglei", message=pressed("retry_notice", "41", "wanglei"))
    assert decide(s).outcome == "refused: not_allowed"


# --- cases ------------------------------------------------------------------------------------


def doubtful(order_id: str = "", kind: str = "triage") -> Case:
    text = "那个东西又响了"
    s = customer(text, understanding=heard(text, fault="other"))
    found = precheck.details(s)
    opened = cases.opened(s, "triage", found, ("place",), order_id)
    return replace(opened, id="case-1", kind=kind)  # type: ignore[arg-type]


def deciding(do: str, case: Case, who: str = "chenwei", **args: object) -> Situation:
    return staff(who=who, message=pressed(do, case.id, who, args=args), case=case)


def test_a_doubtful_report_is_confirmed_with_corrections_or_dismissed() -> None:
    case = doubtful("order-0007")
    confirmed = decide(deciding("case_confirm", case, fault_type="hvac", priority="P0"))
    command = only(confirmed)
    assert (type(command), command.confirm, command.fault_type) == (c.Triage, True, "hvac")
    (kept,) = confirmed.cases
    assert (kept.state, kept.decided_by, kept.decided_at) == ("decided", "chenwei", NOW)
    assert codes(confirmed) == ["case_decided"]
    dismissed = only(decide(deciding("case_dismiss", case, reason="打错了")))
    assert (dismissed.confirm, dismissed.reason) == (False, "打错了")
    wrong = decide(deciding("case_confirm", case, fault_type="spaceship"))
    assert wrong.outcome == "refused: invalid_input"


def test_a_doubtful_message_becomes_a_report_of_its_sender() -> None:
    decision = decide(deciding("case_open_order", doubtful()))
    report = only(decision)
    assert report.origin.place.chat == "customer:c01"
    assert (report.details.text, report.missing) == ("那个东西又响了", ("place",))
    assert decision.dialogue is not None
    assert (decision.dialogue.chat, decision.dialogue.asking) == ("customer:c01", "place")
    assert decision.cases[0].order_id == OPENED


def test_the_second_to_decide_is_told_who_was_first() -> None:
    case = replace(
        doubtful(), state="decided", decision="case_dismiss", decided_by="zhoulan", decided_at=NOW
    )
    decision = decide(deciding("case_open_order", case))
    assert (decision.commands, codes(decision)) == ((), ["stale"])
    assert decision.replies[0].data["by"] == "周岚"


def test_an_apology_reaches_whoever_complained() -> None:
    decision = decide(deciding("case_apologise", doubtful(kind="complaint"), text="对不起"))
    desk, reporter = decision.replies
    assert desk.to.chat == "staff:chenwei"
    assert (reporter.to.chat, reporter.data["text"]) == ("customer:c01", "对不起")
    engineers = decide(deciding("case_apologise", doubtful(), who="wanglei"))
    assert engineers.outcome == "refused: not_allowed"


def test_customers_press_only_on_their_own() -> None:
    theirs = done(customer="c02")
    message: Inbound = pressed("sign", theirs, "c01")
    decision = decide(customer(who="c01", message=message, named=theirs))
    assert decision.outcome == "refused: not_allowed"
    assert decision.replies[0].data["needs"] == "customer"
    assert "assignee" not in decision.replies[0].data
    assert decision.order_id == ""
