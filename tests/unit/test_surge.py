"""What makes a surge: the tail, the usual rate, the keys, the likeness and the rule over them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.commands import Details
from workflow.kept import Seen
from workflow.policy import SurgePolicy
from workflow.surge import Watched, detect, expected, keys_of, poisson_tail
from workflow.surge.alike import alike, rarity
from workflow.surge.profile import hour_of

TZ = "Asia/Shanghai"
POLICY = SurgePolicy()
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
"""Tuesday noon in Shanghai."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTH = timedelta(days=30)


# --- the tail ---------------------------------------------------------------------------------


@given(st.integers(0, 60), st.floats(0.001, 50))
def test_the_tail_is_what_the_sum_of_all_terms_says(n: int, mean: float) -> None:
    with localcontext(prec=60):
        exact = Decimal(mean)
        terms = [(-exact).exp()]
        for k in range(1, n + 400):
            terms.append(terms[-1] * exact / k)
        lower, upper = float(sum(terms[:n])), float(sum(terms[n:]))
    told = poisson_tail(n, mean)
    assert told == pytest.approx(upper, rel=1e-9)
    assert told + lower == pytest.approx(1, abs=1e-9)


@given(st.integers(1, 40), st.floats(0.01, 30))
def test_more_reports_are_less_likely_and_a_busier_key_makes_them_likelier(
    n: int, mean: float
) -> None:
    assert 0 < poisson_tail(n + 1, mean) < poisson_tail(n, mean) <= 1
    assert poisson_tail(n, mean * 1.5) > poisson_tail(n, mean)


def test_the_tails_ends() -> None:
    assert poisson_tail(0, 3) == 1
    assert poisson_tail(1, 0) == 0
    assert 0 < poisson_tail(100, 0.1) < 1e-200


def test_drawn_counts_pass_the_threshold_as_seldom_as_it_says() -> None:
    chance, mean, rounds = random.Random(3), 1.5, 40_000
    threshold = 1e-2
    passed = sum(poisson_tail(_poisson(chance, mean), mean) < threshold for _ in range(rounds))
    assert passed / rounds <= threshold


def _poisson(chance: random.Random, mean: float) -> int:
    n, passed = 0, chance.random()
    while passed > exp(-mean):
        n, passed = n + 1, passed * chance.random()
    return n


# --- what is usual ----------------------------------------------------------------------------


def history(rate: dict[int, int], days: int = 56, weekend: bool = True) -> dict[datetime, int]:
    """So many reports at these local hours of each day before noon's day."""
    found: dict[datetime, int] = {}
    for back in range(1, days + 1):
        day = NOON - back * DAY
        if weekend or day.weekday() < 5:
            for hour, reports in rate.items():
                found[day.replace(hour=(hour - 8) % 24)] = reports
    return found


def usual(hours: dict[datetime, int], at: datetime = NOON, since: timedelta = 60 * DAY) -> float:
    return expected(hours, at - since, at, POLICY, TZ)


def test_a_steady_rate_is_found_again_with_its_margin() -> None:
    steady = history(dict.fromkeys(range(24), 2))
    assert usual(steady) == pytest.approx(1.0 * POLICY.margin, rel=0.05)


def test_the_time_of_day_counts() -> None:
    mornings = history({9: 6, 10: 6, 11: 6})
    assert usual(mornings, NOON - HOUR) > 10 * usual(mornings, NOON - 10 * HOUR)


def test_weekends_are_not_held_against_working_days() -> None:
    office = history(dict.fromkeys(range(8, 18), 4), weekend=False)
    saturday = NOON + 4 * DAY
    assert usual(office) > 5 * usual(office, saturday)


def test_what_was_long_ago_fades() -> None:
    lately = {NOON - n * DAY: 3 for n in range(1, 8)}
    before = {NOON - n * DAY: 3 for n in range(43, 50)}
    assert usual(lately) > 2 * usual(before)


def test_the_window_itself_teaches_nothing() -> None:
    now = {hour_of(NOON - timedelta(minutes=5)): 50, hour_of(NOON): 50}
    assert usual(now) == usual({})


def test_a_key_never_seen_is_neither_impossible_nor_usual() -> None:
    assert 0 < usual({}, since=60 * DAY) < usual({}, since=HOUR) < 0.5


# --- under which keys -------------------------------------------------------------------------


def test_a_report_counts_under_code_product_place_and_kind() -> None:
    found = Details("", "ev_charger", place="滨江花园3号楼201", device="充电桩", error_code="e-07")
    assert keys_of(found, "X9") == (
        "code:ev_charger|E07",
        "product:ev_charger|x9",
        "place:ev_charger|/building=3",
        "place:ev_charger|/name=滨江",
        "type:ev_charger",
    )


@pytest.mark.parametrize("nowhere", ["", "家里", "客厅", "201室", "走廊"])
def test_a_place_that_is_everywhere_counts_for_nothing(nowhere: str) -> None:
    keys = keys_of(Details("", "plumbing", place=nowhere))
    assert [key for key in keys if key.startswith("place:")] == []


def test_a_building_is_told_from_its_namesake_in_another_region() -> None:
    one, other = (
        keys_of(Details("", "network", place="3栋", region=region)) for region in ("浦东", "徐汇")
    )
    assert one[0] != other[0]


# --- who says the same ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("小程序扫码失败，提示服务器繁忙", "扫码失败了，提示服务器繁忙，怎么办", True),
        ("3栋201门禁刷脸识别失败", "5栋门禁刷脸识别失败，进不去", True),
        ("空调不制冷", "马桶堵了", False),
        ("E07 扫码失败", "E12 充不上电", False),
    ],
)
def test_likeness(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is same
    assert alike(other, one) is same


def test_what_everybody_says_makes_nobody_alike() -> None:
    one, other = "扫码充电没反应", "扫码充电扣两次钱"
    common = rarity(["扫码充电慢", "扫码充电失败", "扫码充电报警"] * 30)
    assert alike(one, one, common)
    assert not alike(one, other, common)


# --- the rule ---------------------------------------------------------------------------------


def seen(n: int, text: str = "扫码失败", who: str = "") -> Seen:
    return Seen(f"o{n}", NOON + timedelta(minutes=n), who or f"c{n}", text)


def watched(key: str, many: int, usual_: float = 0.1, text: str = "扫码失败") -> Watched:
    return Watched(key, tuple(seen(n, text) for n in range(many)), usual_)


@pytest.mark.parametrize(("many", "alarm"), [(2, False), (3, False), (4, True), (9, True)])
def test_enough_people_where_few_are_usual(many: int, alarm: bool) -> None:
    found = detect(seen(many - 1), [watched("code:ev_charger|E07", many, 0.18)], MONTH, POLICY)
    assert (found is not None) is alarm


def test_never_fewer_people_than_the_minimum() -> None:
    policy = replace(POLICY, minimum=5)
    assert detect(seen(3), [watched("code:ev_charger|E07", 4, 1e-6)], MONTH, policy) is None


def test_one_persons_reports_are_one() -> None:
    same = Watched("code:ev_charger|E07", tuple(seen(n, who="c1") for n in range(9)), 0.01)
    assert detect(seen(8), [same], MONTH, POLICY) is None


def test_a_busy_key_needs_more() -> None:
    assert POLICY.busy_tail < poisson_tail(10, 2.0) < POLICY.tail
    assert detect(seen(9), [watched("product:hvac|x", 10, 2.0)], MONTH, POLICY) is None
    assert detect(seen(13), [watched("product:hvac|x", 14, 2.0)], MONTH, POLICY) is not None


def test_the_key_that_says_most_names_the_surge() -> None:
    keys = [watched("place:hvac|/building=3", 9, 0.01), watched("code:ev_charger|E07", 5, 0.1)]
    found = detect(seen(8), keys, MONTH, POLICY)
    assert found is not None
    assert found.key == "code:ev_charger|E07"


def test_a_kind_of_fault_alone_is_a_surge_only_when_people_say_the_same() -> None:
    past = tuple(
        Seen(f"p{n}", NOON - n * HOUR, f"p{n}", text)
        for n, text in enumerate(["灯不亮了", "水管漏水", "空调不冷", "门锁卡住"] * 40)
    )
    same = replace(watched("type:other", 4, 9.0, "支付提示服务器超时"), before=past)
    mixed = Watched(
        "type:other",
        tuple(seen(n, text) for n, text in enumerate(["灯不亮", "漏水", "不制冷", "门锁坏"])),
        9.0,
        past,
    )
    found = detect(same.window[-1], [same], MONTH, POLICY)
    assert found is not None
    assert (found.rule, found.people) == ("cluster", 4)
    assert detect(mixed.window[-1], [mixed], MONTH, POLICY) is None


def test_what_people_always_say_is_no_cluster() -> None:
    past = tuple(
        Seen(f"p{n}", NOON - n * timedelta(minutes=10), f"p{n}", "空调不制冷") for n in range(200)
    )
    usual_words = replace(watched("type:hvac", 4, 9.0, "空调不制冷"), before=past)
    assert detect(usual_words.window[-1], [usual_words], MONTH, POLICY) is None


def test_until_it_is_warm_only_codes_are_watched() -> None:
    new = timedelta(hours=5)
    assert detect(seen(8), [watched("place:hvac|/building=3", 9, 0.01)], new, POLICY) is None
    assert detect(seen(8), [watched("code:ev_charger|E07", 9, 0.01)], new, POLICY) is not None


def test_switched_off_is_off() -> None:
    off = replace(POLICY, enabled=False)
    assert detect(seen(8), [watched("code:ev_charger|E07", 9, 0.01)], MONTH, off) is None


def test_a_month_of_ordinary_days_raises_next_to_no_alarm() -> None:
    """Four keys at two reports an hour, a hundred days in all: false alarms stay rare."""
    chance, alarms = random.Random(11), 0
    for key in range(4):
        past: list[Seen] = []
        hours: dict[datetime, int] = {}
        at = NOON - 40 * DAY
        while at < NOON:
            at += timedelta(hours=chance.expovariate(2))
            report = Seen(f"{key}-{at}", at, str(at), chance.choice(["空调不制冷", "空调漏水"]))
            past.append(report)
            recent = tuple(r for r in past[-30:] if at - r.at < POLICY.window)
            if at > NOON - 25 * DAY and len(recent) >= POLICY.minimum:
                level = expected(hours, NOON - 40 * DAY, at, POLICY, TZ)
                before = tuple(reversed(past[-200 : -len(recent)]))
                here = Watched("product:hvac|x", recent, level, before)
                alarms += detect(report, [here], MONTH, POLICY) is not None
            hours[hour_of(at)] = hours.get(hour_of(at), 0) + 1
    assert alarms <= 3
