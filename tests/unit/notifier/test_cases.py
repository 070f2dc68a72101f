from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from notice_stage import MORNING, PHONE, chat, company

from notifier import plan_case
from workflow.kept import Case
from workflow.records import Urgency

HEARD = {
    "intent": "report",
    "fault_type": "hvac",
    "priority": "P1",
    "emotion": "4",
    "confidence": {"intent": 0.43, "fault_type": 0.6, "priority": 0.9, "emotion": 0.7},
    "evidence": {"intent": ["怎么回事"], "fault_type": ["空调", "空调"]},
    "abstained": ["intent"],
}
DOUBT = Case(
    "c1",
    "triage",
    MORNING,
    chat("customer:cust"),
    "cust",
    f"空调怎么回事 {PHONE}",
    "cust",
    "赵女士",
    understanding=HEARD,
)


def test_a_doubt_is_shown_with_the_guess_its_evidence_and_one_tap_answers() -> None:
    (notice,) = plan_case(DOUBT, company(), MORNING)
    assert notice.to == chat("group:supervisors", "group")
    assert notice.urgency == Urgency.ESCALATION
    assert notice.not_before is None
    card = notice.card
    assert card is not None
    fields = dict(card.fields)
    assert "报修（把握 43%）" in fields["判断"]
    assert fields["依据"] == "怎么回事、空调"
    assert fields["没把握的"] == "意图"
    assert [b.action.do for b in card.buttons] == [
        "case_confirm",
        "case_not_report",
        "case_dismiss",
    ]
    assert {b.action.order for b in card.buttons} == {"c1"}


@pytest.mark.parametrize(
    ("kind", "buttons"),
    [
        ("complaint", ["case_apologise", "case_open_order", "case_dismiss"]),
        ("parked", ["case_open_order", "case_not_report", "case_dismiss"]),
    ],
)
def test_each_kind_of_case_has_its_answers(kind: str, buttons: list[str]) -> None:
    (notice,) = plan_case(replace(DOUBT, kind=kind), company(), MORNING, "WO-1")  # type: ignore[arg-type]  # kinds as text
    assert notice.card is not None
    assert [b.action.do for b in notice.card.buttons] == buttons
    assert notice.card.subtitle == "WO-1"


def test_supervisors_see_no_phone_in_a_group() -> None:
    (notice,) = plan_case(DOUBT, company(), MORNING)
    assert PHONE not in repr(notice)


def test_a_decided_case_is_repainted_without_buttons() -> None:
    done = replace(
        DOUBT, state="decided", decision="case_dismiss", decided_by="chief", decided_at=MORNING
    )
    (before,), (after,) = (plan_case(c, company(), MORNING) for c in (DOUBT, done))
    assert after.topic == before.topic
    assert after.key != before.key
    assert after.kind == "repaint"
    assert after.card is not None
    assert not after.card.buttons
    assert "陈主管" in after.card.footer


def test_a_reminder_of_a_case_is_said_again() -> None:
    again = replace(DOUBT, reminded_at=MORNING + timedelta(minutes=10))
    keys = {plan_case(c, company(), MORNING)[0].key for c in (DOUBT, again)}
    assert len(keys) == 2
