"""Subtitles, echoes and loops are nobody's words; what people say is left as it is."""

from __future__ import annotations

import pytest

from paidan.voice.nonsense import sober

LEAD = "以下是普通话的报修留言，请用简体字。"
NAMES = ("锦绣苑", "打印机", "冷冻机房", "会议室", "锦绣苑小区三栋二单元")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "。",
        "嗯。",
        "啊，啊。",
        "The.",
        "<|zh|><|NEUTRAL|><|Speech|><|woitn|>",
        "字幕by索兰娅",
        "字幕由 Amara.org 社区提供",
        "由Amara.org社群提供的字幕",
        "中文字幕志愿者 李宗盛",
        "谢谢观看",
        "謝謝觀看。",
        "谢谢观看 谢谢观看 谢谢观看",
        "感谢收看，我们下期再见。",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "請不吝點贊訂閱轉發打賞支持明鏡與點點欄目",
        "Thank you for watching!",
        "Thanks for watching. Bye bye.",
        "请派人来修请派人来修请派人来修请派人来修请派人来修请派人来修",
        "哈" * 30,
        "以下是普通话的报修留言",
        "请用简体字。",
        "锦绣苑、打印机、冷冻机房",
    ],
)
def test_what_nobody_said_is_no_words(words: str) -> None:
    assert sober(words, LEAD, NAMES) == ""


@pytest.mark.parametrize(
    "words",
    [
        "3号车间的打印机坏了。请派人来修一下。",
        "救命救命救命救命救命，电梯困人了",
        "快点快点快点快点快点",
        "着火了！着火了！着火了！",
        "电话是13800000000",
        "电视上的字幕出不来，谢谢",
        "会议室的大屏谢谢观看那一页关不掉",
        "投影仪的字幕由谁来修",
        "锦绣苑小区三栋二单元",
        "锦绣苑打印机",
        "谢谢",
        "可以",
        "不用来了",
        "你好，我的电脑连不上网络",
        "air conditioner is broken in room 501",
    ],
)
def test_what_people_say_is_left_alone(words: str) -> None:
    assert sober(words, LEAD, NAMES) == words


def test_marks_of_the_model_are_taken_off() -> None:
    assert sober("<|zh|><|SAD|>空调  不制冷") == "空调 不制冷"
