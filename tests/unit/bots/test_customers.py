"""What customers' other words become: answers, nudges, second thoughts, small talk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene import (
    NOW,
    asked,
    closed,
    codes,
    customer,
    done,
    heard,
    inbound,
    only,
    order,
    working,
)

from bots.decide import TOLD_FOR, decide
from bots.situation import NOTHING, begun
from workflow import commands as c
from workflow.work_order import Reporter, WorkOrder

# --- the other intents ------------------------------------------------------------------------


def test_progress_lists_what_is_open_else_how_the_last_ended() -> None:
    text = "到哪了"
    ear = heard(text, "progress", "none")
    both = decide(customer(text, understanding=ear, mine=(working(8), order(7), closed(6))))
    (reply,) = both.replies
    assert [o["number"][-4:] for o in reply.data["orders"]] == ["0008", "0007"]  # type: ignore[attr-defined]
    assert reply.data["orders"][0]["assignee"] == "王磊"  # type: ignore[index]
    last = decide(customer(text, understanding=ear, mine=(closed(6),)))
    assert last.replies[0].data["orders"][0]["state"] == "closed"  # type: ignore[index]
    assert codes(decide(customer(text, understanding=ear))) == ["no_orders"]


def test_urging_nudges_and_asks_which_when_there_are_several() -> None:
    text = "快点啊催一下师傅"
    ear = heard(text, "progress", "none")
    nudge = only(decide(customer(text, understanding=ear, mine=(order(),))))
    assert isinstance(nudge, c.Nudge)
    several = decide(customer(text, understanding=ear, mine=(order(8), order(7))))
    assert (several.commands, codes(several)) == ((), ["which_order"])
    assert several.dialogue is not None
    chosen = customer(
        "7",
        mine=(order(8), order(7)),
        named=order(7),
        dialogue=several.dialogue,
        understanding=heard("7", "chitchat"),
    )
    assert only(decide(chosen)).order_id == "order-0007"
    second = customer(
        "第二个",
        mine=(order(8), order(7)),
        dialogue=several.dialogue,
        understanding=heard("第二个", "chitchat"),
    )
    assert only(decide(second)).order_id == "order-0007"


def test_cancelling_takes_one_confirmation() -> None:
    text = "不用来了"
    ear = heard(text, "cancel", "none")
    question = decide(customer(text, understanding=ear, mine=(order(),)))
    assert (question.commands, codes(question)) == ((), ["confirm_cancel"])
    assert question.dialogue is not None
    for words, intent in (("是的", "chitchat"), ("不用来了", "cancel"), ("确认取消", "cancel")):
        s = customer(
            words, mine=(order(),), dialogue=question.dialogue, understanding=heard(words, intent)
        )
        assert isinstance(only(decide(s)), c.Cancel)
    kept = decide(
        customer(
            "算了",
            mine=(order(),),
            dialogue=question.dialogue,
            understanding=heard("算了", "chitchat"),
        )
    )
    assert (kept.commands, codes(kept)) == ((), ["kept"])


def test_one_of_several_reporters_cannot_cancel_for_the_others() -> None:
    known = order()
    other = Reporter(known.reporters[0].place, "c02", "", "c02", "m8")
    shared = replace(known, reporters=(*known.reporters, other))
    decision = decide(
        customer(
            "确认取消",
            mine=(shared,),
            dialogue=asked("cancel", shared),
            understanding=heard("确认取消", "cancel"),
        )
    )
    assert isinstance(only(decision), c.AddInfo)
    assert decision.replies[0].data["others"] == 1


def test_words_that_answer_a_question_mean_nothing_without_it() -> None:
    split = decide(
        customer("分开处理", mine=(order(),), understanding=heard("分开处理", "chitchat"))
    )
    assert (type(only(split)), split.replies) == (c.AddInfo, ())
    cancel = decide(
        customer("确认取消", mine=(order(),), understanding=heard("确认取消", "cancel"))
    )
    assert codes(cancel) == ["confirm_cancel"]


def test_a_thing_named_without_a_fault_is_remembered_until_the_fault_comes() -> None:
    ear = heard("空调", "chitchat", abstained=("intent",), device="空调")
    first = decide(customer("空调", understanding=ear))
    assert codes(first) == ["ask_report"]
    assert first.dialogue is not None
    assert begun(first.dialogue, NOW) == "空调"
    assert begun(first.dialogue, NOW + timedelta(hours=1)) == ""


def test_thanks_never_reopen_and_questions_reach_a_person() -> None:
    thanks = decide(
        customer("谢谢师傅", understanding=heard("谢谢师傅", "praise", "none"), mine=(done(),))
    )
    assert (thanks.commands, codes(thanks)) == ((), ["thanks_noted"])
    text = "换个压缩机多少钱"
    question = decide(customer(text, understanding=heard(text, "question")))
    assert codes(question) == ["question_noted"]
    assert question.cases[0].kind == "triage"
    about = decide(customer(text, understanding=heard(text, "question"), mine=(order(),)))
    assert isinstance(only(about), c.AddInfo)


def test_a_complaint_goes_to_its_queue_with_the_work_order() -> None:
    text = "修了三次都没修好，我要投诉"
    decision = decide(
        customer(text, understanding=heard(text, "complaint", emotion=4), mine=(working(),))
    )
    (case,) = decision.cases
    assert (case.kind, case.order_id, decision.commands) == ("complaint", "order-0007", ())
    assert codes(decision) == ["complaint_noted"]


@pytest.mark.parametrize("intent", ["question", "complaint", "chitchat", "progress"])
def test_grave_words_open_whatever_the_intent_seems(intent: str) -> None:
    text = "里面有人被困住了怎么办"
    decision = decide(customer(text, understanding=heard(text, intent, "elevator", "P0")))
    assert isinstance(only(decision), c.Report)
    assert not only(decision).triage


@pytest.mark.parametrize("intent", ["cancel", "progress"])
def test_a_fault_nobody_reported_yet_is_read_by_a_person(intent: str) -> None:
    text = "昨晚报的开水器不加热，师傅说十点到"
    ear = heard(text, intent, "kitchen")
    decision = decide(customer(text, understanding=ear))
    assert (decision.commands, codes(decision)) == ((), ["triage_noted"])
    known = order(fault_type="kitchen")
    assert codes(decide(customer(text, understanding=ear, mine=(known,)))) != ["triage_noted"]
    withdrawn = "开水器好了不用来了"
    ear = heard(withdrawn, "cancel", "kitchen")
    assert codes(decide(customer(withdrawn, understanding=ear))) == ["no_orders"]


@pytest.mark.parametrize(
    ("intent", "priority", "mine"),
    [("cancel", "P2", ()), ("cancel", "P0", ()), ("cancel", "P2", (order(),))],
)
def test_gas_and_fire_open_at_once_for_a_person_to_look(
    intent: str, priority: str, mine: tuple[WorkOrder, ...]
) -> None:
    text = "燃气公司说要我们自己报，表具漏气，已经关阀了"
    ear = heard(text, intent, "gas_fire", priority)
    decision = decide(customer(text, understanding=ear, mine=mine))
    report = only(decision)
    assert isinstance(report, c.Report)
    assert report.triage
    assert report.details.priority in {"P0", "P1"}
    assert decision.cases[0].kind == "triage"
    denied = "没有漏气，虚惊一场"
    ear = heard(denied, "cancel", "gas_fire", "P2")
    decision = decide(customer(denied, understanding=ear))
    assert (decision.commands, codes(decision)) == ((), ["triage_noted"])


def test_doubtful_words_go_to_a_person_and_open_nothing() -> None:
    text = "就那个上次说的"
    decision = decide(
        customer(text, understanding=heard(text, "question", "none", abstained=("intent",)))
    )
    assert (decision.commands, codes(decision)) == ((), ["triage_noted"])
    assert (decision.cases[0].kind, decision.cases[0].order_id) == ("triage", "")


def test_small_talk_is_answered_once() -> None:
    hello = decide(customer("你好", understanding=heard("你好", "chitchat", "none")))
    assert codes(hello) == ["greeting"]
    again = customer(
        "在吗", understanding=heard("在吗", "chitchat", "none"), dialogue=hello.dialogue
    )
    assert (codes(decide(again)), decide(again).outcome) == ([], "ignored: small talk")
    person = decide(customer("转人工", understanding=heard("转人工", "chitchat", "none")))
    assert codes(person) == ["triage_noted"]


@pytest.mark.parametrize("text", ["好的", "嗯嗯", "ok，谢谢", "收到了！", "👌", "你好"])
def test_while_work_is_open_small_talk_is_left_alone(text: str) -> None:
    decision = decide(
        customer(text, mine=(order(),), understanding=heard(text, "chitchat", "none"))
    )
    assert (decision.outcome, decision.replies) == ("ignored: small talk", ())


def test_what_may_be_news_reaches_whoever_comes_but_changes_no_facts() -> None:
    text = "门口有狗小心点"
    ear = heard(text, "chitchat", "none", location="门口")
    told = only(decide(customer(text, mine=(order(),), understanding=ear)))
    assert (told.text, told.slots) == (text, {})


def test_what_we_cannot_make_out_after_asking_is_read_by_a_person_once() -> None:
    dialogue = asked("report")
    text = "The thing is leaking again"
    ear = heard(text, "chitchat", "none")
    first = decide(customer(text, dialogue=dialogue, understanding=ear))
    assert (codes(first), first.cases[0].kind) == (["triage_noted"], "triage")
    again = decide(customer(text, dialogue=first.dialogue, understanding=ear))
    assert (again.outcome, again.cases) == ("ignored: small talk", ())


@given(st.text(alphabet="好嗯了的哈知道谢 ，!x", max_size=400))
def test_telling_small_talk_is_quick_for_any_text(text: str) -> None:
    assert decide(customer(text, understanding=heard(text, "chitchat", "none"))).outcome


def test_a_message_too_long_is_told_so() -> None:
    text = "坏" * 4001
    assert codes(decide(customer(text))) == ["too_long"]


# --- commands and groups ----------------------------------------------------------------------


def test_customers_may_type_what_buttons_do() -> None:
    sign = only(decide(customer("修好了", mine=(done(),), understanding=heard("修好了", "cancel"))))
    assert isinstance(sign, c.Sign)
    back = only(decide(customer("还没修好", mine=(done(),), understanding=heard("还没修好"))))
    assert isinstance(back, c.ReturnWork)
    rate = only(
        decide(
            customer(
                "评分 5 很及时", mine=(closed(),), understanding=heard("评分 5 很及时", "praise")
            )
        )
    )
    assert (rate.score, rate.comment) == (5, "很及时")
    early = decide(customer("修好了", mine=(order(),), understanding=heard("修好了", "cancel")))
    assert codes(early) == ["confirm_cancel"]


def test_a_number_that_is_somebody_elses_is_refused() -> None:
    theirs = order(9, customer="c02")
    decision = decide(customer("取消 9", named=theirs, understanding=heard("取消 9", "cancel")))
    assert decision.outcome == "refused: not_allowed"
    peek = decide(customer("进度 9", named=theirs, understanding=heard("进度 9", "progress")))
    assert codes(peek) == ["no_orders"]


def test_a_groups_chatter_opens_nothing() -> None:
    text = "电梯困人了"
    ear = heard(text, fault="elevator", priority="P0")
    message = inbound(text, chat="group:tenants", addressed=False)
    decision = decide(customer(text, message=message, understanding=ear))
    assert (decision.outcome, decision.commands, decision.replies) == ("ignored: chatter", (), ())
    called = replace(message, addressed=True)
    opened = decide(customer(text, message=called, understanding=ear))
    assert isinstance(only(opened), c.Report)


def test_a_stranger_among_colleagues_is_told_how_to_bind_only_when_they_mean_us() -> None:
    s = customer("接单 7", message=inbound("接单 7", chat="group:home", addressed=False))
    s = replace(s, identity=None, customer=None, understanding=NOTHING)
    assert codes(decide(s)) == ["unknown_sender_in_group"]
    chat = replace(s, inbound=inbound("今天真热", chat="group:home", addressed=False))
    assert decide(chat).outcome == "ignored: chatter"
    called = decide(replace(s, inbound=inbound("今天谁值班", chat="group:home")))
    assert codes(called) == ["unknown_sender_in_group"]
    told = replace(s, dialogue=called.dialogue)
    assert (decide(told).outcome, codes(decide(told))) == ("ignored: unknown_sender", [])
    much_later = replace(told, now=told.now + TOLD_FOR)
    assert codes(decide(much_later)) == ["unknown_sender_in_group"]


def test_a_stranger_who_works_like_a_colleague_alone_with_us_is_told_how_to_bind() -> None:
    for words in ("接单 7", "上班", "登录"):
        s = replace(customer(words, message=inbound(words)), understanding=NOTHING)
        assert codes(decide(s)) == ["unknown_sender_in_group"]
