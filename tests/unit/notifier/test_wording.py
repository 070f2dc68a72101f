from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.buttons import CUSTOMER, ENGINEER, SUPERVISOR
from notifier.cards import STEPS
from notifier.wording import LOCALES, Words, facts_of, known, templates
from workflow.clocks import CLOCKS
from workflow.states import State, Sub

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def words(locale: str = "zh_CN") -> Words:
    return Words(locale, "Asia/Shanghai", NOW)


def test_every_language_has_the_same_sentences_with_the_same_facts() -> None:
    first, *others = (templates(locale) for locale in LOCALES)
    for other in others:
        assert first.keys() == other.keys()
        assert {k: facts_of(t) for k, t in first.items()} == {
            k: facts_of(t) for k, t in other.items()
        }


def test_chinese_is_written_with_full_width_punctuation() -> None:
    said = {k: t for k, t in templates("zh_CN").items() if not k.startswith("command.")}
    assert not {k: t for k, t in said.items() if any(mark in t for mark in ",;?()")}


@pytest.mark.parametrize("locale", LOCALES)
def test_states_steps_clocks_and_buttons_have_names(locale: str) -> None:
    names = templates(locale)
    assert {f"state.{s}" for s in State} <= names.keys()
    assert {f"sub.{s}" for s in Sub if s} <= names.keys()
    assert {f"step.{s}" for s in STEPS} <= names.keys()
    assert {f"clock.{c}" for c in (*CLOCKS, "golden")} <= names.keys()
    tables = (*CUSTOMER.values(), *ENGINEER.values(), *SUPERVISOR.values())
    assert {f"button.{p.label or p.do}" for row in tables for p in row} <= names.keys()


@pytest.mark.parametrize("who", ["customer", "handler", "supervisor"])
def test_every_standing_has_a_next_step_for_everybody(who: str) -> None:
    names = templates("zh_CN")
    finer = [s for s in Sub if s]
    assert {f"next.{who}.{s}" for s in (*finer, "on_hold")} <= names.keys()
    assert {f"next.{who}.{o}" for o in ("completed", "cancelled", "dismissed")} <= names.keys()


def test_a_piece_is_left_out_when_a_fact_in_it_is_empty() -> None:
    told = words().say("card.subtitle", state="待接单", handler="")
    assert told == "待接单"
    assert words().say("card.subtitle", state="待接单", handler="王工") == "待接单 · 王工"


@given(st.text(max_size=60))
def test_facts_are_never_read_as_templates(text: str) -> None:
    assert words().say("delivery.digest_line", text=text) == f"· {words()._shown(text)}".strip()


def test_times_are_told_in_the_readers_zone_with_the_day_when_it_matters() -> None:
    at = words()
    assert at.time(NOW) == "10:00"
    assert at.time(NOW + timedelta(hours=15)) == "明天 01:00"
    assert at.time(NOW - timedelta(hours=11)) == "昨天 23:00"
    assert at.time(NOW + timedelta(days=3)) == "11月26日 10:00"
    assert Words("en", "Asia/Shanghai", NOW).time(NOW + timedelta(days=3)) == "11/26 10:00"


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(seconds=20), "1 分钟"),
        (timedelta(minutes=59), "59 分钟"),
        (timedelta(hours=2), "2 小时"),
        (timedelta(hours=2, minutes=5), "2 小时 5 分钟"),
        (timedelta(days=1, hours=3), "1 天 3 小时"),
    ],
)
def test_lengths_are_told_in_the_units_people_use(span: timedelta, told: str) -> None:
    assert words().length(span) == told


@pytest.mark.parametrize(
    ("wish", "got"),
    [("en", "en"), ("en-GB", "en"), ("zh-TW", "zh_CN"), ("zh_CN", "zh_CN"), ("fr", "zh_CN")],
)
def test_an_unknown_language_is_answered_in_the_nearest(wish: str, got: str) -> None:
    assert known(wish) == got


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("2026-11-23T15:00+08:00", "15:00"),
        ("2026-11-23T23:30+00:00", "明天 07:30"),
        ("2026-11-24T08:00+08:00/2026-11-24T12:00+08:00", "明天 08:00 – 12:00"),
        ("2026-11-23T18:00+08:00/2026-11-24T00:00+08:00", "18:00 – 24:00"),
        ("2026-11-23T22:00+08:00/2026-11-24T06:00+08:00", "22:00 – 明天 06:00"),
        ("2026-11-24T00:00+08:00/2026-11-25T00:00+08:00", "明天"),
        ("2026-11-28T00:00+08:00/2026-11-30T00:00+08:00", "11月28日 – 11月29日"),
        ("下周三", "下周三"),
        ("2026-11-23", "2026-11-23"),
        ("", ""),
    ],
)
def test_a_time_somebody_named_is_told_on_the_readers_clock(said: str, shown: str) -> None:
    assert words().heard(said) == shown
