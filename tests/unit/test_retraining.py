"""What a change of a work order teaches, and which word is the last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workflow.events import SYSTEM, Actor, Event, Kind
from workflow.learning import Correction, settled, taught

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
CHIEF = Actor("chief", "supervisor", "陈主管")


def event(kind: Kind, actor: Actor = CHIEF, **data: object) -> Event:
    return Event("t", "o1", 2, kind, NOW, actor, data)


def opened(understanding: dict[str, object] | None = None) -> list[Event]:
    heard = {"intent": "report", "model": "abc"} if understanding is None else understanding
    details = {"text": "空调不冷", "understanding": heard}
    return [event(Kind.REPORTED, details=details, reporters=[{"message": "m1"}])]


def test_a_colleagues_change_teaches_what_was_and_what_is() -> None:
    change = event(
        Kind.CORRECTED, **{"from": {"fault_type": "hvac"}, "to": {"fault_type": "kitchen"}}
    )
    (said,) = taught([change], opened)
    assert (said.message, said.text, said.model) == ("m1", "空调不冷", "abc")
    assert (said.head, said.was, said.now, said.by) == ("fault_type", "hvac", "kitchen", "chief")


def test_a_new_priority_and_a_triage_teach_too() -> None:
    raised = event(Kind.PRIORITY_CHANGED, **{"from": "P1", "to": "P0", "reason": "困人"})
    was = {"fault_type": "hvac", "priority": "P1"}
    triaged = event(Kind.TRIAGED, was=was, fault_type="kitchen", priority="P1", confirm=True)
    said = [(c.head, c.was, c.now) for c in taught([raised, triaged], opened)]
    assert said == [("priority", "P1", "P0"), ("fault_type", "hvac", "kitchen")]


def test_what_the_house_or_a_customer_does_teaches_nothing() -> None:
    raised = {"from": "P1", "to": "P0", "reason": "joined_report"}
    for actor in (SYSTEM, Actor("c1", "customer")):
        assert not [*taught([event(Kind.PRIORITY_CHANGED, actor, **raised)], opened)]


def test_taking_back_and_work_nobody_reported_teach_nothing() -> None:
    undone = event(Kind.PRIORITY_CHANGED, **{"from": "P0", "to": "P1", "reason": "undo"})
    assert not [*taught([undone], opened)]
    change = event(Kind.PRIORITY_CHANGED, **{"from": "P0", "to": "P1", "reason": "不急"})
    assert not [*taught([change], lambda: opened({}))]


def said(minutes: int, was: str, now: str, head: str = "fault_type", **more: object) -> Correction:
    at = NOW + timedelta(minutes=minutes)
    return Correction("m1", head, was, now, "空调不冷", "chief", at, **more)  # type: ignore[arg-type]


def test_the_last_word_holds_against_what_was_first() -> None:
    (last,) = settled([said(2, "kitchen", "appliance"), said(1, "hvac", "kitchen")])
    assert (last.was, last.now) == ("hvac", "appliance")
    (back,) = settled([said(1, "hvac", "kitchen"), said(2, "kitchen", "hvac")])
    assert (back.was, back.now) == ("hvac", "hvac"), "a person looked and it was right"


def test_what_was_taken_back_does_not_count() -> None:
    assert settled([said(1, "hvac", "kitchen", undone=True)]) == ()
    both = settled([said(1, "hvac", "kitchen"), said(1, "P1", "P0", "priority")])
    assert {c.head for c in both} == {"fault_type", "priority"}
