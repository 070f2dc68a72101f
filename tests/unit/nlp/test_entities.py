"""Facts in messages: the exact words, and what they mean."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import Understander
from nlp.entities import numerals

AT = datetime(2026, 11, 18, 10, 30, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Wednesday


def found(understander: Understander, text: str, kind: str) -> list[str]:
    return list(understander.understand(text).values(kind))


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("水管漏了 13977450812", {"13977450812": "13977450812"}),
        ("我手机139 7745 0812", {"139 7745 0812": "13977450812"}),
        ("打138-1234-5678找我", {"138-1234-5678": "13812345678"}),
        ("+86 13812345678", {"+86 13812345678": "13812345678"}),
        ("电话１３８１２３４５６７８", {"１３８１２３４５６７８": "13812345678"}),
        ("电话是幺三八一二三四五六七八", {"幺三八一二三四五六七八": "13812345678"}),
        ("座机021-64881203转805", {"021-64881203转805": "02164881203-805"}),
        ("(010)62345678", {"(010)62345678": "01062345678"}),
        ("打400-820-8820没人接", {"400-820-8820": "4008208820"}),
        ("短号6688，随时打", {"6688": "6688"}),
        ("联系电话87654321", {"87654321": "87654321"}),
        ("两个号13812345678、13987654321都行", {"13812345678": None, "13987654321": None}),
        ("空调漏水，打内线6608找我", {"6608": "6608"}),
        ("水龙头坏了，8816分机找我", {"8816": "8816"}),
        ("师傅电话零五三二八八九零六二一一", {"零五三二八八九零六二一一": "053288906211"}),
        ("维保电话4008-117-502", {"4008-117-502": "4008117502"}),
        ("分机8023打不了外线", {}),
        ("门禁卡卡号0009274463要注销", {}),
        ("再不来我打12345了", {}),
        ("打了119", {}),
        ("打了3次电话", {}),
        ("编号202611180001234567", {}),
        ("POS一天流水13812元", {}),
    ],
)
def test_phones(understander: Understander, text: str, phones: dict[str, str | None]) -> None:
    entities = [e for e in understander.understand(text).entities if e.kind == "phone"]
    assert [e.text for e in entities] == list(phones)
    for entity in entities:
        assert phones[entity.text] in {None, entity.normalized}


@pytest.mark.parametrize(
    ("text", "serials"),
    [
        ("桩号A0317插不上", ["A0317"]),
        ("序列号：SN6B820114456", ["SN6B820114456"]),
        ("设备编号 ZL-AC-0012 不转了", ["ZL-AC-0012"]),
        ("资产号是FA2019-0331", ["FA2019-0331"]),
        ("SN 8832-1120-77 打印头坏", ["8832-1120-77"]),
        ("空调型号YKR-H/209E", []),
        ("我的单号WO-20261121-0007到哪了", []),
        ("显示E37不动", []),
    ],
)
def test_serials(understander: Understander, text: str, serials: list[str]) -> None:
    assert found(understander, text, "serial") == serials


def test_a_company_may_name_its_own_shape_of_serial(understander: Understander) -> None:
    own = Understander(understander.model, understander.tagger, serial_pattern=r"K\d{2}")
    assert found(own, "k07坏了", "serial") == ["k07"]
    assert found(understander, "k07坏了", "serial") == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("空调显示E4", ["E4"]),
        ("报警AL.16停线", ["AL.16"]),
        ("机器人报SRVO-062，零点丢失", ["SRVO-062"]),
        ("VPN提示691", ["691"]),
        ("拨号报错651", ["651"]),
        ("热水器E1，打不着", ["E1"]),
        ("故障代码 Er23", ["Er23"]),
        ("显示28度", []),
        ("报警3次了", []),
        ("E座3楼灯坏了", []),
        ("报了两次修", []),
    ],
)
def test_error_codes(understander: Understander, text: str, codes: list[str]) -> None:
    assert found(understander, text, "error_code") == codes


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("我家客厅灯不亮了", ["客厅"]),
        ("3号楼2单元1203漏水", ["3号楼2单元1203"]),
        ("三号楼二单元漏水", ["三号楼二单元"]),
        ("5#-2203窗户坏了", ["5#-2203"]),
        ("C座12层女厕堵了", ["C座12层女厕"]),
        ("地下二层车库灯不亮", ["地下二层车库"]),
        ("负一楼积水", ["负一楼"]),
        ("二车间3线停了", ["二车间3线"]),
        ("万达广场B1充电桩坏了", ["万达广场B1"]),
        ("机房空调不冷", ["机房"]),
        ("18楼会议室投影没画面", ["18楼会议室"]),
        ("阳光花园3期9-1-1203", ["阳光花园3期9-1-1203"]),
        ("B塔3层东侧走廊漏水", ["B塔3层东侧走廊"]),
        ("电梯坏了", []),
        ("上线就报错，在线等", []),
        ("楼上漏水", []),
        ("一直不来人", []),
    ],
)
def test_places(understander: Understander, text: str, places: list[str]) -> None:
    assert found(understander, text, "location") == places


def test_places_compare_however_they_are_written(understander: Understander) -> None:
    spoken = understander.understand("三号楼二单元漏水").first("location")
    typed = understander.understand("3号楼 2单元漏水").first("location")
    assert spoken is not None
    assert typed is not None
    assert spoken.normalized == typed.normalized == "3号楼2单元"


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("空掉不冷", ["空掉"]),
        ("电梯和打印机都坏了", ["电梯", "打印机"]),
        ("中央空调不冷", ["中央空调"]),
        ("打电话给我", []),
        ("上门多少钱", []),
        ("机械手夹爪掉了", ["机械手夹爪"]),
        ("门关不上", ["门"]),
    ],
)
def test_devices(understander: Understander, text: str, devices: list[str]) -> None:
    assert found(understander, text, "device") == devices


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("我姓周", ["周"]),
        ("免贵姓欧阳", ["欧阳"]),
        ("李女士13977450812", ["李女士"]),
        ("联系人王建国13812345678", ["王建国"]),
        ("张伟 13812345678", ["张伟"]),
        ("找胡店长就行", ["胡店长"]),
        ("我是物业的刘主任", ["刘主任"]),
        ("张师傅修得好", []),
        ("谢谢师傅", []),
        ("高压柜坏了", []),
        ("水管漏了13812345678", []),
        ("档案室打印机卡纸，陈老师，电话63218", ["陈老师"]),
        ("找周工，分机805", ["周工"]),
        ("马桶堵了", []),
    ],
)
def test_names(understander: Understander, text: str, names: list[str]) -> None:
    assert found(understander, text, "name") == names


@pytest.mark.parametrize(
    ("text", "words", "meant"),
    [
        ("昨天下午三点坏的", "昨天下午三点", "2026-11-17T15:00+08:00"),
        ("今天6点前来", "今天6点前", "2026-11-18T18:00+08:00"),
        ("今天下午6点前安排", "今天下午6点前", "2026-11-18T18:00+08:00"),
        ("明早九点来", "明早九点", "2026-11-19T09:00+08:00"),
        ("昨晚八点半跳闸", "昨晚八点半", "2026-11-17T20:30+08:00"),
        ("下周一上午有人", "下周一上午", "2026-11-23T08:00+08:00/2026-11-23T12:00+08:00"),
        ("周五来吧", "周五", "2026-11-20T00:00+08:00/2026-11-21T00:00+08:00"),
        ("上周三修的", "上周三", "2026-11-11T00:00+08:00/2026-11-12T00:00+08:00"),
        ("半小时前还好的", "半小时前", "2026-11-18T10:00+08:00"),
        ("两个小时后到", "两个小时后", "2026-11-18T12:30+08:00"),
        ("停了三天了", "三天", "2026-11-15T10:30+08:00/2026-11-18T10:30+08:00"),
        ("11月20号下午2点", "11月20号下午2点", "2026-11-20T14:00+08:00"),
        ("14:30来", "14:30", "2026-11-18T14:30+08:00"),
        ("今晚要下雨", "今晚", "2026-11-18T18:00+08:00/2026-11-19T00:00+08:00"),
        ("半夜十二点响", "半夜十二点", "2026-11-19T00:00+08:00"),
        ("昨晚两点响的", "昨晚两点", "2026-11-18T02:00+08:00"),
        ("凌晨三点跳闸", "凌晨三点", "2026-11-18T03:00+08:00"),
        ("十点一刻到的", "十点一刻", "2026-11-18T10:15+08:00"),
        ("每天早上跳闸", "每天早上", None),
        (
            "今晚八点到十点都在家",
            "今晚八点到十点",
            "2026-11-18T20:00+08:00/2026-11-18T22:00+08:00",
        ),
        ("周六日都有人", "周六日", "2026-11-21T00:00+08:00/2026-11-23T00:00+08:00"),
        ("月底前修好就行", "月底前", "2026-11-18T10:30+08:00/2026-12-01T00:00+08:00"),
        ("下周再来吧", "下周", "2026-11-23T00:00+08:00/2026-11-30T00:00+08:00"),
        ("三点来吧", "三点", "2026-11-18T15:00+08:00"),
        ("坏了两三天了", "两三天", "2026-11-15T10:30+08:00/2026-11-18T10:30+08:00"),
        (
            "明天下午两点到四点在家",
            "明天下午两点到四点",
            "2026-11-19T14:00+08:00/2026-11-19T16:00+08:00",
        ),
    ],
)
def test_times(understander: Understander, text: str, words: str, meant: str | None) -> None:
    entities = [e for e in understander.understand(text, at=AT).entities if e.kind == "time"]
    assert [e.text for e in entities] == [words]
    assert entities[0].normalized == meant


@pytest.mark.parametrize(
    "text", ["一点都不及时", "快一点", "现在就来", "马上", "3号楼", "有点松", "5号梯坏了", "一直响"]
)
def test_words_that_only_look_like_times(understander: Understander, text: str) -> None:
    assert found(understander, text, "time") == []


@pytest.mark.parametrize("when", ["2月30号上午", "13月5号", "99点", "25:70"])
def test_impossible_times_are_left_unsaid(understander: Understander, when: str) -> None:
    for entity in understander.understand(when, at=AT).entities:
        assert entity.kind != "time" or entity.normalized is None or "2026" in entity.normalized


def test_the_end_of_the_calendar_is_no_error(understander: Understander) -> None:
    last = datetime(9999, 12, 31, 23, tzinfo=ZoneInfo("Asia/Shanghai"))
    entities = understander.understand("后天上午，三年后，明晚八点", at=last).entities
    assert {e.normalized for e in entities if e.kind == "time"} == {None}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("十二", 12),
        ("二十", 20),
        ("一百零五", 105),
        ("两百三", 230),
        ("一万二", 12000),
        ("三千零二十", 3020),
        ("一二三", 123),
        ("俩", 2),
        ("", None),
        ("楼", None),
    ],
)
def test_numerals(text: str, number: int | None) -> None:
    assert numerals.whole(text) == number


@given(st.text(alphabet="零一二两三四五六七八九十百千万0123456789", max_size=40))
def test_any_run_of_numerals_is_a_number_or_none(text: str) -> None:
    assert (numerals.whole(text) or 0) >= 0


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("3 栋 2 单元电梯困人了，快来人！电话 13812345678", "3 栋 2 单元"),
        ("5 栋 1 单元 1102 空调不制冷，家里有老人", "5 栋 1 单元 1102"),
        ("12 号楼 2 单元门禁坏了", "12 号楼 2 单元"),
    ],
)
def test_a_place_written_with_blanks_is_whole(
    understander: Understander, text: str, place: str
) -> None:
    found = [e for e in understander.understand(text).entities if e.kind == "location"]
    assert [e.text for e in found] == [place]
    assert [e.normalized for e in found] == [place.replace(" ", "")]
