"""Joining: one incident, one work order; what keeps reports apart and what brings them together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.commands import Details
from workflow.escalation.default_rules import default_policy
from workflow.joining import best, place_key, recurrence, same_incident
from workflow.records import ChatRef
from workflow.states import State, Sub
from workflow.work_order import Reporter, WorkOrder

TEN = datetime(2026, 9, 22, 2, 0, tzinfo=UTC)
POLICY = default_policy()
ME, NOBODY = "c1", ""


def known(text: str, fault: str = "other", **facts: Any) -> WorkOrder:
    order = WorkOrder(
        id="01",
        tenant="t",
        number="WO-20260922-0001",
        text=text,
        fault_type=fault,
        opened_at=TEN,
        state=State.DISPATCHED,
        sub=Sub.OFFERED,
    )
    return replace(order, **facts)


def report(text: str, fault: str = "other", **facts: Any) -> Details:
    return replace(Details(text, fault_type=fault), **facts)


def decide(new: Details, old: WorkOrder, minutes: float = 10) -> tuple[bool, str]:
    decision = same_incident(new, TEN + timedelta(minutes=minutes), old, POLICY)
    assert decision.order_id == old.id
    assert (decision.score > 0) is decision.same
    return decision.same, decision.reason


# --- by example -------------------------------------------------------------------------------

PAIRS = [
    tuple(row.split("\t"))
    for row in (Path(__file__).parent / "joining_pairs.tsv").read_text("utf-8").splitlines()[1:]
]


@pytest.mark.parametrize("row", PAIRS, ids=[f"{row[5]}|{row[7]}" for row in PAIRS])
def test_pairs_of_reports_that_are_or_are_not_one_incident(row: tuple[str, ...]) -> None:
    _kind, verdict, minutes, people, fault, text, other_fault, other_text = row
    who = ME if people == "one" else NOBODY
    old = known(text, fault, customer_id=who)
    new = report(other_text, other_fault, customer_id=who)
    same, reason = decide(new, old, float(minutes))
    assert same is (verdict == "same"), reason


@pytest.mark.parametrize(
    ("new", "old", "verdict"),
    [
        (
            report("空调坏了", asset_id="k1"),
            known("不制冷", asset_id="k1"),
            (True, "same_asset"),
        ),
        (
            report("漏水", "hvac", asset_id="k1"),
            known("不制冷", "hvac", asset_id="k1"),
            (True, "same_asset"),
        ),
        (
            report("空调坏了", asset_id="k1"),
            known("空调坏了", asset_id="k2"),
            (False, "other_asset"),
        ),
        (
            report("坏了", serial="SN-1234 567"),
            known("不亮", serial="ｓｎ1234567"),
            (True, "same_serial"),
        ),
        (report("坏了", serial="4567"), known("不亮", serial="SN1234567"), (False, "")),
        (
            report("大堂灯不亮", "electrical", region="浦东"),
            known("大堂灯不亮", "electrical", region="徐汇"),
            (False, "other_place"),
        ),
        (
            report("3栋502漏水", "plumbing", customer_id="a"),
            known("三栋502室滴水", "plumbing", customer_id="b"),
            (True, "same_place_fault"),
        ),
        (
            report("三楼会议室空调不冷", "hvac", customer_id="a", region="浦东"),
            known("三楼会议室空调不制冷", "hvac", customer_id="b", region="浦东"),
            (False, "nothing_in_common"),
        ),
        (
            report("三楼会议室空调不冷", "hvac", customer_id="a"),
            known("三楼会议室空调不制冷", "hvac", customer_id="b", region="浦东"),
            (True, "same_place_device"),
        ),
        (
            report("格力KFR12345不冷", "hvac", customer_id="a", region="浦东"),
            known("KFR12345不制冷", "hvac", customer_id="b", region="浦东"),
            (False, "nothing_in_common"),
        ),
        (
            report("网慢", "network", phone="13800000001"),
            known("上网卡", "network", phone="13800000001"),
            (True, "same_customer_fault"),
        ),
        (
            report("阳光花园漏水", "plumbing"),
            known("阳光花园水管爆了", "plumbing"),
            (False, "nothing_in_common"),
        ),
        (
            report("3栋整栋断网了", "network"),
            known("3栋502没网", "network"),
            (False, "other_scope"),
        ),
        (
            report("三楼机房空调报E6", "hvac", asset_id="k1"),
            known("机房空调报E4", "hvac", asset_id="k1"),
            (False, "other_error"),
        ),
        (
            report("冷冻站漏氨,味道呛人", "gas_fire"),
            known("氨气报警 冷冻机房", "gas_fire"),
            (True, "same_words"),
        ),
        (
            report("充电的地方烧了,13号楼负一", "ev_charger"),
            known("13栋地下插座冒火花", "electrical"),
            (True, "same_place_fault"),
        ),
    ],
)
def test_the_rule_that_decides(new: Details, old: WorkOrder, verdict: tuple[bool, str]) -> None:
    if verdict[1]:
        assert decide(new, old) == verdict
    else:
        assert decide(new, old)[0] is verdict[0]


@pytest.mark.parametrize(
    ("new", "old", "priority", "same"),
    [
        ("酒店大堂水晶灯掉了个坠子下来砸到前台", "大堂的灯坏了两个", "P0", False),
        ("大堂灯不亮", "大厅的灯坏了", "P1", False),
        ("走廊漏水", "楼道里水漫出来了", "P1", False),
        ("护士站空调不凉", "护士站热死了空调没冷气", "P1", True),
        ("2楼走廊漏水", "二楼过道滴水", "P1", True),
        ("2楼走廊着火了", "二楼过道冒烟", "P0", False),
        ("3单元电梯困人", "三单元电梯里关了个老太太出不来", "P0", False),
        ("3栋2单元电梯困人", "三号楼二单元电梯里有人出不来", "P0", True),
        ("电梯里有人被困了救人啊", "有人被困电梯快救人", "P0", False),
        ("配电房着火了", "配电房冒黑烟", "P0", True),
        ("地下车库着火了", "地库冒烟", "P0", True),
        ("冷冻站漏氨呛人", "冷冻机房氨气报警", "P0", True),
        ("后厨蒸箱不上汽", "厨房蒸柜没蒸汽", "P1", True),
    ],
)
def test_strangers_mean_one_place_only_when_it_can_be_no_other(
    new: str, old: str, priority: str, same: bool
) -> None:
    fault = "kitchen" if "蒸" in new else "other"
    they = report(new, fault, customer_id="a", priority=priority)
    we = known(old, fault, customer_id="b")
    assert decide(they, we)[0] is same
    assert decide(replace(they, customer_id="b"), we)[0]


def test_broken_again_after_the_repair_goes_back_to_the_one_awaiting_acceptance() -> None:
    new = report("水槽修完又漏了", "plumbing", customer_id=ME)
    old = known("水槽漏水", "plumbing", customer_id=ME)
    assert decide(new, old) == (False, "recurrence")
    done = replace(old, state=State.AWAITING_ACCEPTANCE, sub=Sub.AWAITING_SIGNATURE)
    assert decide(new, done)[0]


# --- the window -------------------------------------------------------------------------------


def test_the_window_counts_from_the_last_report() -> None:
    new = report("1208空调不冷", "hvac")
    old = known("1208空调不制冷", "hvac")
    day = 24 * 60
    assert decide(new, old, day)[0]
    assert decide(new, old, day + 1) == (False, "too_old")
    joined = Reporter(ChatRef("web", "v"), "u", at=TEN + timedelta(hours=20))
    assert decide(new, replace(old, reporters=(joined,)), day + 1)[0]


# --- the best of several ----------------------------------------------------------------------


def test_the_surest_wins_then_the_latest() -> None:
    at = TEN + timedelta(minutes=30)
    by_people = known("空调坏了", "hvac", id="p", customer_id=ME)
    by_asset = known("空调坏了", "hvac", id="a", asset_id="k1")
    new = report("空调不冷", "hvac", customer_id=ME, asset_id="k1")
    chosen = best(new, at, [by_people, by_asset], POLICY)
    assert chosen is not None
    assert (chosen.order_id, chosen.reason) == ("a", "same_asset")
    later = replace(by_people, id="q", opened_at=TEN + timedelta(minutes=5))
    chosen = best(report("空调不冷", "hvac", customer_id=ME), at, [later, by_people], POLICY)
    assert chosen is not None
    assert chosen.order_id == "q"


def test_nothing_joins_a_closed_order_or_nothing_at_all() -> None:
    new = report("1208空调不冷", "hvac")
    closed = known("1208空调不冷", "hvac", state=State.CLOSED, sub=Sub.NONE)
    assert best(new, TEN, [closed], POLICY) is None
    assert best(new, TEN, [], POLICY) is None


# --- recurrence -------------------------------------------------------------------------------


def closed(text: str, days_ago: float, **facts: Any) -> WorkOrder:
    return known(
        text,
        "hvac",
        state=State.CLOSED,
        sub=Sub.NONE,
        outcome="completed",
        customer_id=ME,
        closed_at=TEN - timedelta(days=days_ago),
        opened_at=TEN - timedelta(days=days_ago + 1),
        **facts,
    )


def test_the_same_thing_breaking_within_thirty_days_is_a_recurrence() -> None:
    new = report("1506空调漏水", "hvac", customer_id=ME)
    old, newer = closed("1506空调不制冷", 20, id="o"), closed("1506空调不冷", 3, id="n")
    assert recurrence(new, TEN, [old, newer], POLICY) == newer
    assert recurrence(new, TEN, [closed("1506空调不制冷", 31)], POLICY) is None
    assert recurrence(new, TEN, [closed("1508空调不制冷", 3)], POLICY) is None


def test_what_was_never_repaired_cannot_come_back() -> None:
    new = report("1506空调不冷", "hvac", customer_id=ME)
    cancelled = replace(closed("1506空调不冷", 3), outcome="cancelled")
    assert recurrence(new, TEN, [cancelled, known("1506空调不冷", "hvac")], POLICY) is None


# --- places -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("3栋2单元501室", ("building:3", "unit:2", "floor:5", "room:501")),
        ("三号楼二单元 501", ("building:3", "unit:2", "floor:5", "room:501")),
        ("３-２-501", ("building:3", "unit:2", "floor:5", "room:501")),
        ("3幢501户", ("building:3", "floor:5", "room:501")),
        ("三栋", ("building:3",)),
        ("3楼", ("floor:3",)),
        ("十二号楼地下二层", ("building:12", "floor:-2")),
        ("13栋负一", ("building:13", "floor:-1")),
        ("地下车库B2层", ("floor:-2", "spot:车库")),
        ("A座12F", ("building:A", "floor:12")),
        ("一二零八房", ("floor:12", "room:1208")),
        ("两百零一室", ("floor:2", "room:201")),
        ("C座二号电梯", ("building:C", "number:2")),
        ("A0317号桩", ("number:A317",)),
        ("二号产线", ("line:2",)),
        ("3期B区5栋", ("area:3期", "area:B", "building:5")),
        ("小区东门", ("gate:东",)),
        ("二楼女洗手间", ("floor:2", "gender:女")),
        ("我们老城区店后厨", ("name:老城区店", "spot:厨房")),
        ("阳光花园5栋", ("name:阳光", "building:5")),
        ("充了50元", ()),
        ("VPN报691", ()),
        ("22号上门", ()),
        ("座椅坏了", ()),
        ("", ()),
    ],
)
def test_places_in_any_writing_have_one_key(text: str, key: tuple[str, ...]) -> None:
    assert place_key(text) == key


PIECES = [
    "3栋",
    "三号楼",
    "2单元",
    "501",
    "空调",
    "不冷",
    "漏水",
    "SN12345",
    "E4",
    "另一台",
    "整栋",
]
WORDS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join)


@settings(deadline=None)
@given(WORDS, WORDS, st.sampled_from(["hvac", "other", "gas_fire"]), st.booleans())
def test_any_two_texts_have_a_verdict(one: str, other: str, fault: str, mine: bool) -> None:
    who = ME if mine else NOBODY
    same, reason = decide(report(one, fault, customer_id=who), known(other, fault, customer_id=who))
    assert same is reason.startswith("same_")


@settings(deadline=None)
@given(WORDS)
def test_the_same_words_by_the_same_customer_are_the_same_incident(text: str) -> None:
    new = report(text, "hvac", customer_id=ME)
    assert decide(new, known(text, "hvac", customer_id=ME))[0]


@settings(deadline=None)
@given(st.integers(1, 99), st.integers(1, 99))
def test_two_buildings_are_never_one_place(one: int, other: int) -> None:
    new = report(f"{one}号楼电梯困人", "elevator")
    same, _ = decide(new, known(f"{other}栋电梯困人", "elevator"))
    assert same is (one == other)
