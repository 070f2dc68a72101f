"""What is beyond its bound, and what is too little to say."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from paidan.learning.drift import Drift, Promise, bins, compare, stability
from workflow.learning import HEADS, Day

TODAY = date(2026, 11, 24)
PROMISE = Promise(
    {"messages": 900, "sure": dict.fromkeys(HEADS, 0.9), "doubtful": 0.1, "strange": 0.01},
    {head: {"a": 1.0} for head in HEADS},
)


def day(ago: int, messages: int = 20, **more: object) -> Day:
    facts: dict[str, object] = {
        "day": (TODAY - timedelta(days=ago)).isoformat(),
        "messages": messages,
        "labels": {head: {"a": messages // 2, "b": messages - messages // 2} for head in HEADS},
        "sure": dict.fromkeys(HEADS, 0.9 * messages),
        "bins": dict.fromkeys(HEADS, (0,) * 9 + (messages,)),
        "doubtful": messages // 10,
        "strange": 0,
        "corrected": 0,
    }
    return Day(**{**facts, **more})  # type: ignore[arg-type]


def report(**week: object) -> Drift:
    """A month as it should be, and a last week that is not."""
    days = [day(ago) for ago in range(7, 28)] + [day(ago, **week) for ago in range(7)]
    return compare(days, TODAY, PROMISE)


def test_a_month_as_promised_warns_of_nothing() -> None:
    found = report()
    assert found.alerts == ()
    assert (found.week.messages, found.month.messages) == (140, 560)
    assert found.week.sure["intent"] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("week", "code"),
    [
        ({"sure": dict.fromkeys(HEADS, 0.75 * 20)}, "sure"),
        ({"doubtful": 5}, "doubtful"),
        ({"strange": 2}, "strange"),
        ({"corrected": 3}, "corrected"),
        ({"labels": {head: {"c": 20} for head in HEADS}}, "shift"),
    ],
)
def test_each_figure_has_its_bound(week: dict[str, object], code: str) -> None:
    assert {alert.code for alert in report(**week).alerts} == {code}


def test_few_messages_say_nothing() -> None:
    found = compare([day(1, 20, strange=20)], TODAY, PROMISE)
    assert not found.enough
    assert found.alerts == ()


def test_older_days_are_left_out() -> None:
    assert compare([day(28), day(6)], TODAY, PROMISE).month.messages == 20


def test_equal_mixes_are_stable_and_bins_add_up() -> None:
    assert stability({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5}) == 0
    assert stability({"a": 1.0}, {"b": 1.0}) > 1
    assert bins([day(1), day(2)], "intent") == (0,) * 9 + (40,)
    assert bins([], "intent") == (0,) * 10
