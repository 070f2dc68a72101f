"""Dispatch: who may go, who goes first, why the others do not, and the proof of all three."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow import dispatch
from workflow.calendar import Span, WorkCalendar
from workflow.company import (
    Asset,
    Company,
    Customer,
    Presence,
    Queue,
    QueueMode,
    Shift,
    Site,
    Staff,
    Team,
)
from workflow.dispatch import Ranking, next_on_duty, on_duty, rank
from workflow.escalation import default_policy
from workflow.kept import Load
from workflow.policy import DispatchPolicy, VipRule
from workflow.work_order import WorkOrder

SHANGHAI = ZoneInfo("Asia/Shanghai")
TUESDAY = datetime(2026, 9, 22, 10, 0, tzinfo=SHANGHAI)
DAY = (Span(time(8), time(18)),)
NIGHT = (Span(time(20), time(8)),)
CALENDAR = WorkCalendar(
    tz="Asia/Shanghai",
    week=(DAY,) * 5 + ((),) * 2,
    holidays={date(2026, 10, 1): "国庆节"},
    makeup={date(2026, 9, 20): "国庆节"},
    covered_years=frozenset({2026}),
)
POLICY = default_policy()
LUJIAZUI = Site("陆家嘴", "浦东", 31.2397, 121.4998)
ORDER = WorkOrder(
    id="01", tenant="t", number="WO-20260922-0001", fault_type="hvac", queue_id="cool"
)


def engineer(key: str, **changes: Any) -> Staff:
    plain = Staff(id=key, name=f"{key}工", team="cool", skills={"hvac": 3}, shift="day")
    return replace(plain, **changes)


def company(*staff: Staff, **queue: Any) -> Company:
    shifts = (
        Shift("day", "白班", (DAY,) * 5 + ((),) * 2),
        Shift("night", "夜班", (NIGHT,) * 7),
        Shift("office", "行政班", (DAY,) * 7, keeps_holidays=True),
        Shift("never", "停用", ((),) * 7),
    )
    return Company(
        tenant="t",
        name="安居",
        tz="Asia/Shanghai",
        calendar=CALENDAR,
        staff={s.id: s for s in staff},
        teams={
            "cool": Team("cool", "暖通组", "boss", "spare"),
            "wet": Team("wet", "水电组", "", ""),
        },
        shifts={s.id: s for s in shifts},
        queues=(replace(Queue("cool", "暖通", "cool"), **queue),),
        policy=POLICY,
    )


def ranked(firm: Company, order: WorkOrder = ORDER, **given: Any) -> Ranking:
    facts: dict[str, Any] = {
        "policy": POLICY,
        "presence": {},
        "loads": {},
        "customer": None,
        "asset": None,
        "now": TUESDAY,
    }
    return rank(order, firm, **{**facts, **given})


def ids(ranking: Ranking) -> list[str]:
    return [c.staff_id for c in ranking.candidates]


def reasons(ranking: Ranking) -> dict[str, str]:
    return {e.staff_id: e.reason for e in ranking.excluded}


# --- hard filters -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"active": False}, "inactive"),
        ({"team": "wet"}, "other_team"),
        ({"skills": {"plumbing": 5}}, "skill"),
        ({"site": Site(region="徐汇")}, "region"),
        ({"shift": "night"}, "off_shift"),
        ({"shift": "never"}, "off_shift"),
    ],
)
def test_a_failed_filter_names_its_reason(changes: dict[str, Any], reason: str) -> None:
    firm = company(engineer("a"), engineer("b", **changes))
    ranking = ranked(firm, replace(ORDER, region="浦东"))
    assert ids(ranking) == ["a"]
    assert reasons(ranking) == {"b": reason}


def test_full_hands_and_passed_offers_are_left_out() -> None:
    firm = company(*(engineer(key) for key in "abcd"))
    ranking = ranked(
        firm,
        replace(ORDER, offered=("c",)),
        loads={"b": Load(open=POLICY.dispatch.max_load)},
        exclude=("d",),
    )
    assert ids(ranking) == ["a"]
    assert reasons(ranking) == {"b": "full", "c": "declined", "d": "declined"}


def test_supervisors_and_strangers_to_the_fault_are_not_even_mentioned() -> None:
    boss = engineer("boss", role="supervisor")
    other = engineer("x", team="wet", skills={"plumbing": 5})
    assert ranked(company(engineer("a"), boss, other)).excluded == ()


@pytest.mark.parametrize("fault", ["other", "none"])
def test_an_unknown_fault_asks_for_no_skill(fault: str) -> None:
    firm = company(engineer("a"), engineer("b", skills={}))
    assert ids(ranked(firm, replace(ORDER, fault_type=fault))) == ["a", "b"]


def test_the_team_s_regions_outrank_where_people_live() -> None:
    firm = company(engineer("a", site=Site(region="徐汇")))
    wide = replace(
        firm, teams={**firm.teams, "cool": replace(firm.teams["cool"], regions=("浦东", "徐汇"))}
    )
    assert ids(ranked(wide, replace(ORDER, region="浦东"))) == ["a"]
    assert reasons(ranked(wide, replace(ORDER, region="静安"))) == {"a": "region"}


def test_the_region_comes_from_the_asset_or_the_customer_when_the_report_has_none() -> None:
    firm = company(engineer("a", site=Site(region="徐汇")))
    asset = Asset("k1", "冷水机", site=Site(region="浦东"))
    customer = Customer("c1", "周女士", site=Site(region="徐汇"))
    assert ids(ranked(firm, customer=customer)) == ["a"]
    assert ids(ranked(firm, customer=customer, asset=asset)) == []


def test_the_queue_is_found_by_fault_when_the_order_has_none() -> None:
    firm = company(engineer("a"))
    ranking = ranked(firm, replace(ORDER, queue_id=""))
    assert (ranking.queue_id, ranking.team_id, ids(ranking)) == ("cool", "cool", ["a"])


# --- presence ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shift", "at", "works"),
    [
        ("day", TUESDAY, True),
        ("day", TUESDAY.replace(hour=19), False),
        ("night", TUESDAY.replace(hour=23), True),
        ("night", TUESDAY.replace(hour=3), True),
        ("night", TUESDAY.replace(hour=9), False),
        ("office", datetime(2026, 10, 1, 10, tzinfo=SHANGHAI), False),
        ("day", datetime(2026, 10, 1, 10, tzinfo=SHANGHAI), True),
        ("office", datetime(2026, 9, 20, 10, tzinfo=SHANGHAI), True),
        ("", TUESDAY, True),
        ("", TUESDAY.replace(hour=19), False),
        ("never", TUESDAY, False),
    ],
)
def test_shifts_are_local_times_over_midnight_and_holidays(
    shift: str, at: datetime, works: bool
) -> None:
    person = engineer("a", shift=shift)
    assert on_duty(person, company(person), {}, at.astimezone(UTC)) is works


def test_what_they_said_outranks_the_shift_for_twelve_hours() -> None:
    person = engineer("a")
    firm = company(person)
    on = {"a": Presence("a", True, TUESDAY.replace(hour=17))}
    assert on_duty(person, firm, on, TUESDAY.replace(hour=23))
    assert not on_duty(person, firm, on, TUESDAY.replace(hour=5) + timedelta(days=1))
    off = {"a": Presence("a", False, TUESDAY)}
    assert reasons(ranked(firm, presence=off)) == {"a": "off_duty"}
    assert on_duty(person, firm, off, TUESDAY + timedelta(hours=24))


def test_a_forgotten_word_lets_the_shift_decide_again() -> None:
    person = engineer("a", shift="night")
    on = {"a": Presence("a", True, TUESDAY - timedelta(hours=12))}
    assert not on_duty(person, company(person), on, TUESDAY)


def test_whoever_left_is_not_on_duty() -> None:
    person = engineer("a", active=False)
    assert not on_duty(person, company(person), {}, TUESDAY)


def test_when_the_first_fitting_person_comes() -> None:
    firm = company(
        engineer("a", shift="night"),
        engineer("b", shift="never"),
        engineer("c", skills={"plumbing": 1}),
    )
    ranking = ranked(firm)
    assert next_on_duty(ranking, firm, {}, TUESDAY) == TUESDAY.replace(hour=20)
    staffed = company(engineer("a"))
    assert next_on_duty(ranked(staffed), staffed, {}, TUESDAY) == TUESDAY
    nobody = company(engineer("b", shift="never"))
    assert next_on_duty(ranked(nobody), nobody, {}, TUESDAY) is None


def test_who_signed_off_comes_back_with_the_plan_after_twelve_hours() -> None:
    firm = company(engineer("a"))
    off = {"a": Presence("a", False, TUESDAY)}
    expected = (TUESDAY + timedelta(days=1)).replace(hour=8)
    assert next_on_duty(ranked(firm, presence=off), firm, off, TUESDAY) == expected


# --- score ------------------------------------------------------------------------------------


def test_each_term_pulls_its_own_way() -> None:
    weak = engineer("b", skills={"hvac": 2})
    assert ids(ranked(company(engineer("c"), weak))) == ["c", "b"]
    firm = company(engineer("a"), engineer("b"))
    assert ids(ranked(firm, loads={"a": Load(open=1)})) == ["b", "a"]
    assert ids(ranked(firm, loads={"b": Load(for_asset=1)})) == ["b", "a"]
    near = engineer("b", site=Site("近", "浦东", 31.24, 121.50))
    far = engineer("a", site=Site("远", "浦东", 31.10, 121.30))
    job = Asset("k", "冷机", site=LUJIAZUI)
    assert ids(ranked(company(far, near), asset=job)) == ["b", "a"]
    praised = engineer("b", ratings=(5.0, 5.0))
    assert ids(ranked(company(engineer("a", ratings=(4.0,)), praised))) == ["b", "a"]


def test_equals_go_by_staff_id() -> None:
    assert ids(ranked(company(engineer("b"), engineer("a"), engineer("c")))) == ["a", "b", "c"]


def test_the_total_is_the_sum_of_the_shown_points() -> None:
    ranking = ranked(company(engineer("a", ratings=(4.7, 4.9))), loads={"a": Load(open=3)})
    terms = {t.name: (t.raw, t.points, t.words) for t in ranking.candidates[0].terms}
    assert terms["skill"] == (3.0, 18.0, ("skill", "hvac", 3))
    assert terms["load"] == (3.0, 18.75, ("load", 3, 8))
    assert terms["distance"] == (15.0, 10.0, ("distance_unknown",))
    assert terms["rating"] == (4.8, 9.5, ("rating", 4.8, 2))
    assert ranking.candidates[0].total == 56.25


def test_without_coordinates_the_region_says_how_far() -> None:
    firm = company(engineer("a", site=Site(region="浦东")))
    term = next(
        t
        for t in ranked(firm, replace(ORDER, region="浦东")).candidates[0].terms
        if t.name == "distance"
    )
    assert term.words == ("same_region", "浦东")


def test_kilometres_on_the_globe() -> None:
    hongqiao = Site("虹桥", "闵行", 31.1979, 121.3363)
    km = dispatch.kilometres(LUJIAZUI, hongqiao)
    assert km is not None
    assert 15.5 < km < 16.5
    assert dispatch.kilometres(LUJIAZUI, Site()) is None


# --- modes ------------------------------------------------------------------------------------


def test_ordered_follows_the_sequence_past_whoever_cannot() -> None:
    firm = company(
        engineer("a"),
        engineer("b"),
        engineer("c", shift="night"),
        mode="ordered",
        order=("c", "b"),
    )
    assert ids(ranked(firm)) == ["b", "a"]


def test_nearest_goes_by_distance_and_the_score_breaks_ties() -> None:
    near = engineer("b", skills={"hvac": 1}, site=LUJIAZUI)
    far = engineer("a", skills={"hvac": 5}, site=Site("远", "浦东", 31.20, 121.50))
    twin = engineer("c", skills={"hvac": 2}, site=LUJIAZUI)
    firm = company(near, far, twin, mode="nearest")
    assert ids(ranked(firm, asset=Asset("k", "冷机", site=LUJIAZUI))) == ["c", "b", "a"]


def test_claim_lists_everybody_who_may() -> None:
    firm = company(engineer("a"), engineer("b"), mode="claim")
    ranking = ranked(firm, loads={"a": Load(open=4)})
    assert (ranking.mode, ids(ranking)) == ("claim", ["b", "a"])


# --- vip --------------------------------------------------------------------------------------


def test_a_vip_s_grave_fault_goes_to_the_best_rated() -> None:
    good = engineer("g", skills={"hvac": 1}, ratings=(4.9, 5.0, 4.9, 3.0))
    short = engineer("s", ratings=(5.0, 5.0))
    firm = company(engineer("a", skills={"hvac": 5}, ratings=(5.0, 4.8, 5.0)), good, short)
    vip = Customer("v", "周女士", vip=True)
    grave = replace(ORDER, priority="P0")
    ranking = ranked(firm, grave, customer=vip)
    assert (ranking.tier, ids(ranking)) == ("vip", ["g"])
    assert reasons(ranking) == {"a": "vip_rating", "s": "vip_rating"}
    assert ranked(firm, ORDER, customer=vip).tier == ""
    assert ranked(firm, grave, customer=replace(vip, vip=False)).tier == ""


def test_no_such_engineer_takes_the_next_tier_on_the_record() -> None:
    vip = Customer("v", "周女士", vip=True)
    ranking = ranked(company(engineer("a")), replace(ORDER, priority="P0"), customer=vip)
    assert (ranking.tier, ids(ranking), ranking.excluded) == ("vip_relaxed", ["a"], ())
    assert dispatch.facts(ranking)["tier"] == "vip_relaxed"


# --- counterfactuals --------------------------------------------------------------------------


def test_the_loser_is_told_what_alone_would_have_made_them_first() -> None:
    ranking = ranked(
        company(engineer("a", skills={"hvac": 4}), engineer("w")),
        loads={"a": Load(open=2), "w": Load(open=5)},
    )
    assert ids(ranking) == ["a", "w"]
    (why,) = ranking.counterfactuals
    assert (why.staff_id, why.term, why.now, why.against, why.needed) == ("w", "load", 5, 2, 0)


def test_no_single_change_may_be_enough() -> None:
    weak = engineer("w", skills={"hvac": 1}, ratings=(1.0,))
    firm = company(engineer("a", skills={"hvac": 5}, ratings=(5.0,)), weak)
    (why,) = ranked(firm, loads={"w": Load(open=7)}).counterfactuals
    assert (why.term, why.needed) == ("load", None)


def test_in_an_ordered_queue_the_place_in_the_sequence_decides() -> None:
    firm = company(engineer("a"), engineer("b"), mode="ordered", order=("b", "a"))
    (why,) = ranked(firm).counterfactuals
    assert (why.staff_id, why.term, why.now, why.needed) == ("a", "sequence", 2, 1)


people = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.integers(0, 7),
        st.integers(0, 6),
        st.lists(st.sampled_from([3.0, 4.2, 4.9, 5.0]), max_size=3),
        st.none() | st.tuples(st.floats(31.0, 31.4), st.floats(121.2, 121.7)),
    ),
    min_size=1,
    max_size=5,
)
modes: st.SearchStrategy[QueueMode] = st.sampled_from(["automatic", "ordered", "nearest", "claim"])


def world(drawn: list[Any], mode: QueueMode) -> tuple[Company, dict[str, Load]]:
    staff, loads = [], {}
    for index, (level, load, past, ratings, place) in enumerate(drawn):
        key = f"e{index}"
        site = Site("", "", *place) if place else Site()
        staff.append(engineer(key, skills={"hvac": level}, ratings=tuple(ratings), site=site))
        loads[key] = Load(open=load, for_customer=past)
    return company(*staff, mode=mode, order=("e2", "e0")), loads


@settings(deadline=None)
@given(people, modes)
def test_a_counterfactual_turns_the_order_and_the_next_worse_value_does_not(
    drawn: list[Any], mode: QueueMode
) -> None:
    firm, loads = world(drawn, mode)
    ranking = ranked(firm, loads=loads, asset=Asset("k", "冷机", site=LUJIAZUI))
    stored = dict(dispatch.facts(ranking))
    for why in ranking.counterfactuals:
        if why.needed is None:
            continue
        unit = next(s.unit for s in ranking.scales if s.name == why.term)
        back = unit if why.needed < why.now else -unit
        assert first_with(stored, why.staff_id, why.term, why.needed) == why.staff_id
        assert (
            first_with(stored, why.staff_id, why.term, round(why.needed + back, 6)) != why.staff_id
        )


def first_with(stored: dict[str, Any], staff_id: str, term: str, raw: float) -> str:
    """Who is first when one raw value of one person is another."""
    changed = json.loads(json.dumps(stored))
    for candidate in changed["candidates"]:
        for line in candidate["terms"]:
            if candidate["staff_id"] == staff_id and line["name"] == term:
                line["raw"] = raw
    first = dispatch.rescore(changed).first
    assert first is not None
    return first.staff_id


# --- on the record ----------------------------------------------------------------------------


@settings(deadline=None)
@given(people, modes)
def test_a_stored_ranking_comes_back_and_recomputes_to_itself(
    drawn: list[Any], mode: QueueMode
) -> None:
    firm, loads = world(drawn, mode)
    firm = replace(firm, staff={**firm.staff, "z": engineer("z", shift="night")})
    ranking = ranked(firm, loads=loads)
    stored = json.loads(json.dumps(dispatch.facts(ranking), ensure_ascii=False))
    assert dispatch.from_facts(stored) == ranking
    assert dispatch.rescore(stored) == ranking


def test_a_changed_total_does_not_recompute() -> None:
    stored = json.loads(json.dumps(dispatch.facts(ranked(company(engineer("a"))))))
    stored["candidates"][0]["terms"][0]["points"] += 1
    assert dispatch.rescore(stored) != dispatch.from_facts(stored)


@settings(deadline=None)
@given(people, modes, st.randoms())
def test_the_ranking_does_not_depend_on_the_order_of_the_staff(
    drawn: list[Any], mode: QueueMode, shuffle: Any
) -> None:
    firm, loads = world(drawn, mode)
    keys = list(firm.staff)
    shuffle.shuffle(keys)
    again = replace(firm, staff={key: firm.staff[key] for key in keys})
    assert ranked(firm, loads=loads) == ranked(again, loads=loads)


def test_weights_are_the_policy_s() -> None:
    blind = replace(
        POLICY, dispatch=DispatchPolicy(weights={"load": 1.0}, vip=VipRule(at_least=4.0))
    )
    firm = company(engineer("a", skills={"hvac": 5}), engineer("b", skills={"hvac": 1}))
    assert ids(ranked(firm, policy=blind, loads={"a": Load(open=1)})) == ["b", "a"]
