"""Joining: one incident, one work order; what keeps reports apart and what brings them together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.commands import Details
from workflow.default_rules import default_policy
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

SAME: list[tuple[int, str, tuple[str, str], tuple[str, str]]] = [
    (8, NOBODY, ("plumbing", "7栋3单元楼道一直在漏水"), ("plumbing", "七栋三单元过道地上全是积水")),
    (12, NOBODY, ("elevator", "A座1号梯停在五楼不动了"), ("elevator", "A座一号电梯不走了，等半天")),
    (3, ME, ("elevator", "点题困人了 6栋"), ("elevator", "6栋电梯困人了快来")),
    (20, ME, ("hvac", "1506房间空调不制冷"), ("hvac", "1506空调还是不冷，有人来吗")),
    (10, ME, ("network", "前台断网了"), ("network", "前台断网了，打印机也连不上，收银也用不了")),
    (
        5,
        NOBODY,
        ("access_security", "东门道闸抬不起来"),
        ("access_security", "小区东门栏杆坏了堵了一排车"),
    ),
    (
        15,
        NOBODY,
        ("electrical", "5号楼2层走廊灯不亮"),
        ("electrical", "5栋二楼走廊黑灯瞎火的，灯坏了"),
    ),
    (
        60,
        ME,
        ("appliance", "洗衣机不排水，翠湖花园8栋1202"),
        ("appliance", "翠湖花园8栋1202的洗衣机师傅什么时候来，还是不排水"),
    ),
    (4, NOBODY, ("gas_fire", "负一楼闻到煤气味"), ("gas_fire", "地下一层有一股很重的煤气味")),
    (
        30,
        NOBODY,
        ("pos_payment", "万象城店收银机刷不了卡"),
        ("pos_payment", "万象城店刷卡机用不了，客人只能付现金"),
    ),
    (25, NOBODY, ("machine", "3号线停了报警AL16"), ("machine", "三号线停线，AL.16，主轴过载")),
    (
        7,
        NOBODY,
        ("ev_charger", "B2层C0218桩枪拔不出来"),
        ("ev_charger", "C0218号桩卡枪了，车开不走"),
    ),
    (15, ME, ("hvac", "三楼会议室空掉不冷"), ("hvac", "三楼会议室空调不冷")),
    (40, NOBODY, ("kitchen", "后厨蒸箱不上汽"), ("kitchen", "厨房蒸柜没蒸汽，中午出不了餐")),
    (10, NOBODY, ("structure", "2栋外墙砖掉下来了"), ("structure", "二栋楼下掉瓷砖，砸到车了")),
    (
        90,
        ME,
        ("it_device", "财务室打印机卡纸 资产号IT-0233"),
        ("it_device", "IT-0233打印机还卡着纸呢"),
    ),
    (9, NOBODY, ("plumbing", "地库入口水管爆了"), ("plumbing", "地下车库喷水，快淹了")),
    (
        50,
        NOBODY,
        ("environment", "3号楼下垃圾没人收"),
        ("environment", "三号楼垃圾堆了两天了，臭死"),
    ),
    (6, NOBODY, ("elevator", "12栋电梯门关不上"), ("elevator", "12栋2单元电梯门关不上，一直开着")),
    (3, NOBODY, ("electrical", "2楼配电间冒烟"), ("gas_fire", "二楼配电间有焦味，冒烟了")),
]
DIFFERENT: list[tuple[str, int, str, tuple[str, str], tuple[str, str]]] = [
    ("loc", 20, NOBODY, ("hvac", "301室空调不制冷"), ("hvac", "401室空调不制冷")),
    ("loc", 15, NOBODY, ("plumbing", "3单元下水道堵了"), ("plumbing", "2单元下水道堵了")),
    ("loc", 5, NOBODY, ("elevator", "B座电梯困人"), ("elevator", "D座电梯困人")),
    ("loc", 30, NOBODY, ("electrical", "南门路灯不亮"), ("electrical", "北门路灯不亮")),
    ("loc", 10, NOBODY, ("plumbing", "二楼男厕马桶堵了"), ("plumbing", "二楼女厕马桶堵了")),
    ("loc", 45, NOBODY, ("network", "国贸店没网"), ("network", "望京店没网")),
    ("loc", 60, NOBODY, ("machine", "2号产线停了"), ("machine", "4号产线停了")),
    ("loc", 25, NOBODY, ("electrical", "主卧灯不亮"), ("electrical", "客厅灯不亮")),
    ("loc", 8, NOBODY, ("plumbing", "11栋停水"), ("plumbing", "17栋停水")),
    ("loc", 35, NOBODY, ("kitchen", "中山路店冰柜不制冷"), ("kitchen", "中山北路店冰柜不制冷")),
    ("device", 10, ME, ("electrical", "会议室插座没电"), ("it_device", "会议室投影仪没信号")),
    ("device", 15, NOBODY, ("elevator", "8栋1号梯异响"), ("elevator", "8栋2号梯异响")),
    ("device", 20, NOBODY, ("it_device", "前台电脑蓝屏"), ("it_device", "前台打印机卡纸")),
    ("device", 5, ME, ("machine", "1号空压机跳机"), ("machine", "3号空压机跳机")),
    ("device", 30, NOBODY, ("ev_charger", "5号桩充不进电"), ("ev_charger", "6号桩充不进电")),
    ("device", 40, ME, ("hvac", "展厅柜机不冷"), ("hvac", "展厅另外一台柜机漏水")),
    ("device", 12, NOBODY, ("plumbing", "3楼茶水间水龙头滴水"), ("plumbing", "3楼茶水间地漏堵了")),
    (
        "device",
        50,
        NOBODY,
        ("access_security", "大堂摄像头没画面"),
        ("access_security", "大堂门禁刷不开"),
    ),
    ("serial", 10, NOBODY, ("ev_charger", "桩号A0421离线"), ("ev_charger", "桩号A0412离线")),
    (
        "serial",
        20,
        NOBODY,
        ("pos_payment", "终端SN88213406签到失败"),
        ("pos_payment", "终端SN88213460签到失败"),
    ),
    (
        "serial",
        5,
        NOBODY,
        ("software_account", "工号20318密码忘了"),
        ("software_account", "工号20381密码忘了"),
    ),
    (
        "serial",
        30,
        NOBODY,
        ("it_device", "资产编号PC-00871开不了机"),
        ("it_device", "资产编号PC-00817开不了机"),
    ),
    ("error", 10, NOBODY, ("hvac", "三楼机房空调报E4"), ("hvac", "三楼机房空调报E6")),
    ("error", 15, NOBODY, ("machine", "加工中心报警AL.16"), ("machine", "加工中心报警AL.20")),
    ("error", 25, NOBODY, ("network", "VPN报691"), ("network", "VPN报809")),
    ("fault", 30, ME, ("plumbing", "601卫生间漏水"), ("electrical", "601卫生间灯不亮")),
    (
        "fault",
        20,
        NOBODY,
        ("software_account", "ERP登不上"),
        ("software_account", "ERP打印出来是乱码"),
    ),
    (
        "fault",
        60,
        NOBODY,
        ("pos_payment", "停车场缴费机吞卡"),
        ("pos_payment", "停车场缴费机扫不了码"),
    ),
    ("fault", 15, ME, ("hvac", "1808空调漏水"), ("hvac", "1808空调不制冷")),
    ("fault", 45, NOBODY, ("elevator", "5栋电梯按钮不亮"), ("elevator", "5栋电梯困人了")),
    ("fault", 10, NOBODY, ("appliance", "热水器打不着火"), ("appliance", "热水器漏水")),
    (
        "fault",
        120,
        NOBODY,
        ("access_security", "大门口对讲没声音"),
        ("access_security", "大门口刷脸不认"),
    ),
    ("scope", 20, NOBODY, ("network", "502没网"), ("network", "整栋楼都断网了")),
    ("scope", 15, NOBODY, ("electrical", "1203跳闸"), ("electrical", "整层停电了")),
    ("scope", 10, NOBODY, ("ev_charger", "7号桩离线"), ("ev_charger", "全站充电桩都离线了")),
    ("scope", 30, NOBODY, ("plumbing", "我家没水 9栋302"), ("plumbing", "9栋整栋停水")),
    ("recur", 4320, ME, ("hvac", "1506空调不冷"), ("hvac", "1506空调修完又不冷了")),
    ("recur", 600, ME, ("plumbing", "厨房水槽漏水"), ("plumbing", "昨天修好的水槽又漏水了")),
    ("recur", 2000, ME, ("elevator", "3号楼电梯异响"), ("elevator", "3号楼电梯修过没几天又响了")),
    ("none", 30, NOBODY, ("hvac", "空调不冷"), ("hvac", "空调不制冷")),
    ("none", 20, NOBODY, ("plumbing", "马桶堵了"), ("plumbing", "马桶堵住了")),
    ("none", 15, NOBODY, ("electrical", "家里跳闸了"), ("electrical", "跳闸了来人看下")),
]


@pytest.mark.parametrize(("gap", "who", "first", "second"), SAME)
def test_one_incident_in_other_words(
    gap: int, who: str, first: tuple[str, str], second: tuple[str, str]
) -> None:
    old = known(first[1], first[0], customer_id=who)
    new = report(second[1], second[0], customer_id=who)
    assert decide(new, old, gap)[0]


@pytest.mark.parametrize(("kind", "gap", "who", "first", "second"), DIFFERENT)
def test_two_incidents_in_like_words(
    kind: str, gap: int, who: str, first: tuple[str, str], second: tuple[str, str]
) -> None:
    old = known(first[1], first[0], customer_id=who)
    new = report(second[1], second[0], customer_id=who)
    same, reason = decide(new, old, gap)
    assert not same, reason


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
            (False, "differs_asset"),
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
            (False, "differs_place"),
        ),
        (
            report("3栋502漏水", "plumbing", customer_id="a"),
            known("三栋502室滴水", "plumbing", customer_id="b"),
            (True, "same_place_fault"),
        ),
        (
            report("三楼会议室空调不冷", "hvac", customer_id="a"),
            known("三楼会议室空调不制冷", "hvac", customer_id="b"),
            (False, "nothing_in_common"),
        ),
        (
            report("三楼会议室空调不冷", "hvac", phone="13800000001"),
            known("三楼会议室空调不制冷", "hvac", phone="13800000002"),
            (False, "nothing_in_common"),
        ),
        (
            report("格力KFR12345不冷", "hvac", customer_id="a"),
            known("KFR12345不制冷", "hvac", customer_id="b"),
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


def test_broken_again_after_the_repair_goes_back_to_the_one_awaiting_acceptance() -> None:
    new = report("水槽修完又漏了", "plumbing", customer_id=ME)
    old = known("水槽漏水", "plumbing", customer_id=ME)
    assert decide(new, old) == (False, "came_back")
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


@given(WORDS, WORDS, st.sampled_from(["hvac", "other", "gas_fire"]), st.booleans())
def test_any_two_texts_have_a_verdict(one: str, other: str, fault: str, mine: bool) -> None:
    who = ME if mine else NOBODY
    same, reason = decide(report(one, fault, customer_id=who), known(other, fault, customer_id=who))
    assert same is reason.startswith("same_")


@given(WORDS)
def test_the_same_words_by_the_same_customer_are_the_same_incident(text: str) -> None:
    new = report(text, "hvac", customer_id=ME)
    assert decide(new, known(text, "hvac", customer_id=ME))[0]


@given(st.integers(1, 99), st.integers(1, 99))
def test_two_buildings_are_never_one_place(one: int, other: int) -> None:
    new = report(f"{one}号楼电梯困人", "elevator")
    same, _ = decide(new, known(f"{other}栋电梯困人", "elevator"))
    assert same is (one == other)
