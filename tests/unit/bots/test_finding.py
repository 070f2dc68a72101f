"""Progress for somebody who reported elsewhere: by the phone number left then, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scene import CUSTOMERS, codes, customer, heard, inbound, order

from bots.decide import decide
from bots.situation import Decision, Situation
from workflow.company import Site
from workflow.records import Dialogue
from workflow.work_order import WorkOrder

PHONE = CUSTOMERS["c02"].phone
THEIRS = order(9, customer="c02")


def stranger(text: str, intent: str = "progress", **facts: Any) -> Situation:
    phone = {"phone": PHONE} if PHONE in text else {}
    ear = heard(text, intent, "none", **phone)  # type: ignore[arg-type]  # entities by kind
    s = customer(text, understanding=ear, **facts)
    assert s.customer is not None
    return replace(s, customer=replace(s.customer, id="new", name="", phone="", site=Site()))


def told(decision: Decision) -> list[dict[str, Any]]:
    (reply,) = decision.replies
    rows = reply.data["orders"]
    assert isinstance(rows, list)
    return rows


def asked(text: str = "师傅到哪了", **facts: Any) -> Dialogue:
    decision = decide(stranger(text, **facts))
    assert decision.dialogue is not None
    assert decision.dialogue.asking == "find"
    return decision.dialogue


def test_whoever_we_do_not_know_is_asked_for_the_number_they_left() -> None:
    assert codes(decide(stranger("师傅到哪了"))) == ["find_order"]
    known = customer("师傅到哪了", understanding=heard("师傅到哪了", "progress", "none"))
    assert codes(decide(known)) == ["no_orders"]
    group = inbound("师傅到哪了", chat="group:tenants")
    assert codes(decide(stranger("师傅到哪了", message=group))) == ["no_orders"]


def test_the_number_gives_progress_without_place_or_people() -> None:
    text = f"电话{PHONE}"
    decision = decide(stranger(text, "chitchat", dialogue=asked(), found=(THEIRS,)))
    (row,) = told(decision)
    assert row["number"] == THEIRS.number
    assert not {"place", "device", "assignee"} & set(row)
    later = stranger("到哪了", dialogue=decision.dialogue, found=(THEIRS,))
    assert told(decide(later)) == [row]
    assert decision.commands == ()


def test_a_work_orders_number_alone_tells_nothing() -> None:
    def number(text: str, named: WorkOrder | None) -> Decision:
        return decide(stranger(text, "chitchat", dialogue=asked(), named=named))

    right, wrong = number(THEIRS.number, THEIRS), number("WO-20261120-0099", None)
    assert codes(right) == codes(wrong) == ["find_phone"]
    for found in (right, wrong):
        s = stranger(PHONE, "chitchat", dialogue=found.dialogue, found=(THEIRS,))
        seen = codes(decide(s))
        assert seen == (["progress"] if found is right else ["find_none"])


def test_a_number_nobody_left_finds_nothing_and_may_be_corrected() -> None:
    decision = decide(stranger(PHONE, "chitchat", dialogue=asked()))
    assert codes(decision) == ["find_none"]
    assert decision.dialogue is not None
    assert decision.dialogue.asking == "find"


def test_a_new_report_is_a_report_whatever_we_had_asked() -> None:
    text = f"空调不制冷 {PHONE}"
    s = stranger(text, dialogue=asked())
    s = replace(s, understanding=heard(text, phone=PHONE))
    assert decide(s).outcome.startswith("opened")
