from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from notice_stage import PHONE, chat

from notifier import refusal, word
from notifier.wording import LOCALES
from workflow import errors
from workflow.records import Reply, Urgency

NOW = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
AT = "2026-11-23T02:02:00+00:00"
STANDING = {
    "number": "WO-20261123-0007",
    "state": "in_progress",
    "sub": "accepted",
    "assignee": "王工",
}
ORDER = {
    **STANDING,
    "id": "o7",
    "priority": "P1",
    "fault_type": "elevator",
    "place": "3 号楼",
    "deadline": "2026-11-23T02:15:00+00:00",
    "outcome": "",
}
SPLIT = [{"text": "灯不亮", "fault_type": "electrical"}, {"text": "断网", "fault_type": "network"}]

CODES: dict[str, dict[str, Any]] = {
    "greeting": {},
    "help": {},
    "ask_report": {"media": 0},
    "progress": {"orders": [ORDER]},
    "no_orders": {},
    "find_order": {},
    "find_phone": {},
    "find_none": {},
    "nudged": STANDING,
    "nudge_too_soon": {**STANDING, "again_at": AT},
    "confirm_cancel": STANDING,
    "kept": STANDING,
    "which_order": {"what": "nudge", "choices": [ORDER]},
    "thanks_noted": {},
    "question_noted": {},
    "offer_split": {"parts": SPLIT},
    "split_kept": STANDING,
    "on_duty": {"name": "王工", "open": 2},
    "off_duty": {"name": "王工", "open": 0},
    "staff_progress": {"orders": [ORDER], "count": 1},
    "unknown_command": {"text": "接丹"},
    "complaint_noted": {},
    "triage_noted": {},
    "refused": {"error": "unknown_ticket", "ref": "7"},
    "stale": {**STANDING, "by": "王工", "at": AT, "mine": False},
    "unknown_sender_in_group": {"sender": "u1"},
    "own_invite": {"invite": "c01-7F3K9Q2M"},
    "bound": {"name": "王工"},
    "bound_to_another": {"name": "王工"},
    "invite_refused": {},
    "too_long": {"field": "text", "found": 5000, "allowed": 4000},
    "unsupported_media": {"kind": "video"},
    "sign_in_link": {"url": "https://a.example/login/x?y=[1]&z=@b", "minutes": 15},
    "case_decided": {"decision": "case_confirm", "by": "陈主管", **STANDING},
    "done": {**STANDING, "what": "arrive", "name": "王工"},
}


def said(code: str, role: str = "engineer", locale: str = "zh_CN", **data: object) -> str:
    reply = Reply(chat("group:lift", "group"), code, data, "o7", role=role, locale=locale)  # type: ignore[arg-type]  # roles as text
    return word(reply, NOW).text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("code", CODES)
def test_every_answer_has_words_in_every_language(code: str, locale: str) -> None:
    text = said(code, locale=locale, **CODES[code])
    assert text
    assert "{" not in text
    assert "None" not in text


def test_who_came_too_late_is_told_who_was_first_and_when() -> None:
    assert said("stale", **CODES["stale"]) == "手慢了，已被王工接单 10:02。当前已接单。"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"state": "in_progress", "sub": "accepted", "mine": True}, "已经在您手上"),
        ({"state": "dispatched", "sub": "offered", "by": "李明"}, "已转给李明"),
        ({"state": "closed", "outcome": "cancelled"}, "已取消"),
        ({"state": "new", "sub": "queued"}, "已经过时"),
        ({"state": "case_dismiss", "by": "陈主管"}, "已由陈主管处理过了"),
    ],
)
def test_a_stale_card_says_how_things_stand(data: dict[str, object], told: str) -> None:
    assert told in said("stale", **data, at=AT)


def test_progress_lists_each_work_order_with_its_deadline() -> None:
    text = said("progress", "customer", orders=[ORDER, {**ORDER, "number": "WO-20261123-0008"}])
    assert text.count("已接单（王工），截止 10:15") == 2


def test_no_jobs_is_said_in_words() -> None:
    assert said("staff_progress", orders=[], count=0) == "手上没有未完成的工单。"


def test_help_differs_for_colleagues_and_customers() -> None:
    assert "拒单" in said("help")
    assert "拒单" not in said("help", "customer")


def test_a_question_comes_with_its_buttons() -> None:
    reply = Reply(chat("customer:cust"), "confirm_cancel", STANDING, "o7")
    card = word(reply, NOW).card
    assert card is not None
    assert [b.action.do for b in card.buttons] == ["confirm_cancel", "keep"]
    assert card.body == word(reply, NOW).text
    assert {b.action.order for b in card.buttons} == {"o7"}
    which = word(Reply(chat("c"), "which_order", CODES["which_order"]), NOW).card
    assert which is not None
    assert [(b.action.do, b.action.order, b.command) for b in which.buttons] == [
        ("nudge", "o7", "7")
    ]
    split = word(Reply(chat("c"), "offer_split", {"parts": SPLIT}, "o7"), NOW).card
    assert split is not None
    assert split.buttons[0].action.args == {
        "parts": [["灯不亮", "electrical"], ["断网", "network"]]
    }


def test_answers_are_replies_and_mention_only_in_groups() -> None:
    group = word(Reply(chat("g", "group"), "greeting", mentions=("u1",)), NOW)
    direct = word(Reply(chat("d"), "greeting", mentions=("u1",)), NOW)
    assert (group.urgency, group.mentions, direct.mentions) == (Urgency.REPLY, ("u1",), ())


def test_two_answers_at_one_instant_have_keys_of_their_own() -> None:
    keys = {word(Reply(chat("d"), code, STANDING), NOW).key for code in ("nudged", "kept")}
    assert len(keys) == 2


def test_repeated_words_carry_no_phone_and_mention_nobody() -> None:
    text = said("unknown_command", text=f"@所有人 {PHONE}")
    assert "138****5678" in text
    assert "@" not in text


def test_a_link_stays_as_it_is() -> None:
    url = str(CODES["sign_in_link"]["url"])
    assert url in said("sign_in_link", **CODES["sign_in_link"])


ERRORS: list[tuple[errors.PaidanError, str]] = [
    (errors.PaidanError(), "稍后再试"),
    (errors.NotAllowed(needs="supervisor"), "需要主管权限"),
    (errors.NotAllowed(needs="handler", assignee="wang"), "由别人负责"),
    (errors.NotAllowed(needs="offer"), "没有派给您"),
    (errors.NotAllowed(needs="customer"), "报修的客户"),
    (errors.NotAllowed(needs="staff"), "本公司员工"),
    (errors.NotAllowed(needs="something"), "没有权限"),
    (errors.NotAllowed("action_unknown", action="fly"), "没有「fly」"),
    (
        errors.IllegalMove(move="complete", state="in_progress", sub="accepted", missing="arrive"),
        "先「到场」，再「完成」",
    ),
    (errors.IllegalMove(move="accept", state="closed", sub="", missing=""), "不能接单"),
    (errors.IllegalMove(move="rate", state="closed", missing="", already=True), "已经做过"),
    (errors.IllegalMove("nudge_too_soon", number="WO-1", again_at=NOW), "10:10 后可以再催"),
    (
        errors.StaleTicket(state="in_progress", sub="accepted", by="王工", at=NOW, mine=False),
        "手慢了，已被王工接单 10:10",
    ),
    (errors.UnknownTicket(ref="7"), "没有找到工单 7"),
    (errors.InvalidInput(field="rating", found=9, allowed="1–5"), "评分不对：收到「9」，应为 1–5"),
    (errors.InvalidInput(field="reason", found="", allowed="words"), "还缺原因（写几个字）"),
    (errors.InvalidInput("too_long", field="text", allowed=4000), "最多 4000 字"),
    (errors.InvalidInput("unsupported_media", kind="voice"), "看不懂"),
    (errors.InvalidPolicy(where="a.yaml:3", found="x", allowed="y"), "a.yaml:3"),
    (errors.Conflict(order="o"), "再试一次"),
    (errors.PaidanError("brand_new"), "稍后再试"),
]


@pytest.mark.parametrize(("error", "told"), ERRORS, ids=lambda e: str(e)[:40])
def test_every_refusal_says_what_and_how_to_go_on(error: errors.PaidanError, told: str) -> None:
    assert told in refusal(error, "zh_CN", NOW)
    assert refusal(error, "en", NOW)
