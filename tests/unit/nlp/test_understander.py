"""What messages mean, at the public door."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlp import Understander
from workflow.taxonomy import EMOTIONS, FAULT_TYPES, INTENTS, PRIORITIES


@pytest.mark.parametrize(
    "text",
    [
        "电梯困人了",
        "机房着火",
        "插座冒火花",
        "厨房有煤气味！！",
        "水管爆了，已经淹到电视柜",
        "有人触电了",
    ],
)
def test_danger_to_people_opens_an_emergency(understander: Understander, text: str) -> None:
    meaning = understander.understand(text)
    assert (meaning.intent.label, meaning.priority.label) == ("report", "P0")


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("没有漏水", "cancel"),
        ("没有着火，别来了", "cancel"),
        ("虚惊一场，不用来", "cancel"),
        ("燃气费怎么交", "question"),
        ("电梯困人应该打哪个电话", "question"),
    ],
)
def test_a_danger_word_denied_or_harmless_opens_nothing(
    understander: Understander, text: str, intent: str
) -> None:
    meaning = understander.understand(text)
    assert meaning.intent.label == intent
    assert meaning.priority.label != "P0"


@pytest.mark.parametrize(
    "text",
    [
        "电子锁死机，孩子一个人在更衣室里，灯是暗的",
        "疫苗柜已经十四度，备用冰排只够一小时",
        "登进去看到的是别的病人的检验报告，换台电脑也一样",
        "整个园区从早上起没有一家公司能上网",
        "操作工没受伤，可机械臂自己还在甩，围栏里蹲着个调试的",
    ],
)
def test_an_emergency_said_without_a_danger_word(understander: Understander, text: str) -> None:
    meaning = understander.understand(text)
    assert (meaning.intent.label, meaning.priority.label) == ("report", "P0")


@pytest.mark.parametrize(
    "text",
    [
        "热水器漏电，插头拔了三天没用，来换一根加热棒",
        "十万火急！！饮水机旁边的纸杯没了，快送！！",
        "昨天冒烟的那台电脑已经搬走了，换一台新的",
        "打印机炸了一样吐纸，地上全是，关了电",
    ],
)
def test_what_is_over_or_only_shouted_is_no_emergency(
    understander: Understander, text: str
) -> None:
    assert understander.understand(text).priority.label != "P0"


def test_steam_is_no_fire(understander: Understander) -> None:
    assert understander.understand("不是着火，是蒸汽").priority.label != "P0"


def test_a_stopped_lift_without_people_is_urgent_but_no_emergency(
    understander: Understander,
) -> None:
    meaning = understander.understand("人没困在里面，就是电梯停了")
    assert (meaning.intent.label, meaning.priority.label) == ("report", "P1")
    assert meaning.fault_type.label == "elevator"


def test_loud_words_about_a_trifle_stay_a_trifle(understander: Understander) -> None:
    assert understander.understand("十万火急咖啡豆没了").priority.label == "P2"


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("到哪了", {"progress"}),
        ("催一下", {"progress"}),
        ("什么时候来", {"progress"}),
        ("不用来了", {"cancel"}),
        ("已经好了", {"cancel"}),
        ("又坏了", {"report"}),
        ("谢谢师傅", {"praise", "chitchat"}),
        ("在吗", {"chitchat"}),
        ("你好", {"chitchat"}),
        ("多少钱", {"question"}),
        ("我要投诉", {"complaint"}),
    ],
)
def test_short_messages(understander: Understander, text: str, intents: set[str]) -> None:
    assert understander.understand(text).intent.label in intents


def test_a_complaint_is_heard_as_one(understander: Understander) -> None:
    meaning = understander.understand("非常不满意,一点都不及时")
    assert meaning.intent.label == "complaint"
    assert int(meaning.emotion.label) >= 4


def test_thanks_are_pleased(understander: Understander) -> None:
    assert understander.understand("谢谢师傅").emotion.label == "1"


def test_a_lamp_in_the_living_room(understander: Understander) -> None:
    meaning = understander.understand("我家客厅灯不亮了")
    assert meaning.fault_type.label == "electrical"
    assert meaning.values("location") == ("客厅",)
    assert meaning.values("device") == ("灯",)
    assert "灯" in "".join(meaning.fault_type.evidence)


@pytest.mark.parametrize(
    ("text", "fault_type"),
    [
        ("马桶堵了", "plumbing"),
        ("点题坏了上不去", "elevator"),
        ("空掉不制冷", "hvac"),
        ("充电枪拔不出来", "ev_charger"),
        ("小票打不出来", "pos_payment"),
        ("冷库升温了", "kitchen"),
    ],
)
def test_fault_types(understander: Understander, text: str, fault_type: str) -> None:
    guess = understander.understand(text).fault_type
    assert guess.label == fault_type
    assert len(guess.alternatives) == 3
    assert guess.alternatives[0][0] == fault_type


def test_evidence_for_an_emergency_is_the_danger_word(understander: Understander) -> None:
    assert "困人" in understander.understand("三号楼电梯困人了").priority.evidence


def test_the_scanned_asset_decides_when_the_words_do_not(understander: Understander) -> None:
    assert understander.understand("坏了", asset_fault="elevator").fault_type.label == "elevator"
    said = understander.understand("打印机卡纸了", asset_fault="elevator")
    assert said.fault_type.label == "it_device"


def test_a_bare_answer_is_no_new_report(understander: Understander) -> None:
    answer = understander.understand("64881203", asking="phone")
    assert answer.values("phone") == ("64881203",)
    assert answer.intent.label == "chitchat"
    assert understander.understand("A0317", asking="serial").values("serial") == ("A0317",)
    assert understander.understand("阳光里东头", asking="place").values("location") == (
        "阳光里东头",
    )


def test_two_faults_are_offered_as_parts(understander: Understander) -> None:
    parts = understander.understand("会议室空调不制冷，另外打印机也卡纸了").parts
    assert [part.fault_type for part in parts] == ["hvac", "it_device"]
    assert understander.understand("会议室空调不制冷").parts == ()


def test_a_second_fault_needs_no_listed_symptom_where_the_writer_counts(
    understander: Understander,
) -> None:
    meaning = understander.understand("后厨蒸箱不上汽，另外门口灯坏了")
    assert [part.fault_type for part in meaning.parts] == ["kitchen", "electrical"]
    assert meaning.fault_type.label == "kitchen"


@pytest.mark.parametrize(
    ("text", "fault_type"),
    [("先修网！空调那个不急", "network"), ("先看收银机，灯不亮晚点再说", "pos_payment")],
)
def test_what_the_writer_puts_first_decides(
    understander: Understander, text: str, fault_type: str
) -> None:
    guess = understander.understand(text).fault_type
    assert guess.label == guess.alternatives[0][0] == fault_type
    assert sum(share for _, share in guess.alternatives) <= 1.0001


@pytest.mark.parametrize(
    ("text", "fault_type", "priority"),
    [
        ("電梯門夾人，7樓", "elevator", "P0"),
        ("冷氣不冷，辦公室很悶", "hvac", "P1"),
        ("kongtiao bu leng", "hvac", "P1"),
        ("ac坏了，3F meeting room，太热了", "hvac", "P1"),
        ("AC not cooling in room 1203", "hvac", "P1"),
        ("elevator stuck with people inside!!", "elevator", "P0"),
    ],
)
def test_other_ways_to_write_it(
    understander: Understander, text: str, fault_type: str, priority: str
) -> None:
    meaning = understander.understand(text)
    answers = meaning.intent.label, meaning.fault_type.label, meaning.priority.label
    assert answers == ("report", fault_type, priority)


@pytest.mark.parametrize("text", ["不对，是滴水", "不对，是三号楼，不是二号楼"])
def test_putting_something_right_cancels_nothing(understander: Understander, text: str) -> None:
    assert understander.understand(text).intent.label != "cancel"


LETTER = (
    "尊敬的市长：我想就公共自行车的停放提一点意见。目前地铁站周边的车辆投放过多，早晨大量堆积在"
    "盲道上，行人只能绕行，而几条老街巷却长期无车可借。建议按照人流动态调度，并参考兄弟城市的经验，"
    "划定电子围栏，由运营企业承担清理费用，盼予以研究答复。"
)


def test_a_letter_from_another_world_is_left_to_a_person(understander: Understander) -> None:
    meaning = understander.understand(LETTER)
    assert {"intent", "fault_type", "priority"} <= meaning.abstained
    assert meaning.intent.label != "chitchat"
    assert meaning.priority.label != "P0"


def test_a_long_report_is_no_letter(understander: Understander) -> None:
    meaning = understander.understand(
        "物业您好，我是6栋1单元1502的住户，最近一个星期我们家卫生间的天花板一直在渗水，一开始只是一小块"
        "水印，后来越来越大，现在已经往下滴了，楼上的邻居说他家没有漏，我怀疑是中间的管道有问题，麻烦安排"
        "师傅上门查一查，我白天上班，晚上七点以后在家。"
    )
    assert (meaning.intent.label, meaning.fault_type.label) == ("report", "plumbing")
    assert "intent" not in meaning.abstained


def test_nothing_said_is_small_talk(understander: Understander) -> None:
    assert understander.understand("").intent.label == "chitchat"
    assert understander.understand("。。。").intent.label == "chitchat"


_chat = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [
            *"电梯困人不没有的了！，\n \t\x00😀１３８①㎡",
            "13812345678",
            "昨天下午三点",
            "3号楼2单元",
            "报E4",
            "我姓周",
        ]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=_chat)
def test_any_text_gets_a_sound_answer(understander: Understander, text: str) -> None:
    meaning = understander.understand(text)
    assert meaning.intent.label in INTENTS
    assert meaning.fault_type.label in FAULT_TYPES
    assert meaning.priority.label in PRIORITIES
    assert meaning.emotion.label in EMOTIONS
    for guess in (meaning.intent, meaning.fault_type, meaning.priority, meaning.emotion):
        assert 0 <= guess.confidence <= 1
        assert all(word in text for word in guess.evidence)
    for entity in meaning.entities:
        assert entity.text
        assert text[entity.start : entity.end] == entity.text
        assert 0 <= entity.confidence <= 1
    assert understander.understand(text) == meaning


def test_a_huge_message_is_read_too(understander: Understander) -> None:
    assert understander.understand("电梯困人了" + "啊" * 200_000).priority.label == "P0"


@pytest.mark.parametrize("unit", ["一", "1", "幺", "138", "a-", "困人", "三点", "没有"])
def test_hostile_repetition_is_read_like_any_text(understander: Understander, unit: str) -> None:
    meaning = understander.understand(unit * 20_000)
    assert all(e.text == meaning.text[e.start : e.end] for e in meaning.entities)
