"""Commands in words: what counts as one, which number and words it carries."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.rights import NEEDS
from bots.text_commands import CUSTOMER_WORDS, STAFF_WORDS, args, mentioned, parse, reference
from workflow.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "do", "ref", "carried"),
    [
        ("接单 7", "accept", "7", {}),
        ("接单7", "accept", "7", {}),
        ("接单 ０００７", "accept", "7", {}),
        ("抢单 #7", "accept", "7", {}),
        ("接单 WO-20261121-0007", "accept", "WO-20261121-0007", {}),
        ("接单 wo-20261121-7", "accept", "WO-20261121-0007", {}),
        ("接单", "accept", "", {}),
        ("拒单 7 在外地", "decline", "7", {"reason": "在外地"}),
        ("转派 7 王工 去不了", "reassign", "7", {"staff": "王工", "reason": "去不了"}),
        ("转派 7 @王磊 去不了", "reassign", "7", {"staff": "王磊", "reason": "去不了"}),
        ("完成 7 换了电容", "complete", "7", {"text": "换了电容"}),
        ("完成 换了电容", "complete", "", {"text": "换了电容"}),
        ("备注 3号楼没电", "note", "", {"text": "3号楼没电"}),
        ("换件 7 电容 x2", "replace_part", "7", {"part": "电容", "quantity": 2}),
        ("换件 接触器 2个", "replace_part", "", {"part": "接触器", "quantity": 2}),
        ("换件 7 A-200 电容", "replace_part", "7", {"part": "A-200 电容"}),
        ("延长 7 30分钟 等配件", "extend", "7", {"minutes": 30, "reason": "等配件"}),
        ("延长 7 等配件 2小时", "extend", "7", {"minutes": 120, "reason": "等配件"}),
        ("延长 半小时 堵车", "extend", "", {"minutes": 30, "reason": "堵车"}),
        ("改优先级 7 p0 冒烟了", "change_priority", "7", {"priority": "P0", "reason": "冒烟了"}),
        ("上班", "on_duty", "", {}),
        ("我的单", "mine", "", {}),
        ("进度", "status", "", {}),
        ("accept 7", "accept", "7", {}),
        ("Take over", None, "", {}),
        ("takeover 7", "take_over", "7", {}),
        ("完成了吗", None, "", {}),
        ("接单7号楼", None, "", {}),
        ("上班真累", None, "", {}),
        ("帮助一下新来的", None, "", {}),
        ("我们接单 7", None, "", {}),
        ("", None, "", {}),
    ],
)
def test_staff_commands(text: str, do: str | None, ref: str, carried: dict[str, object]) -> None:
    spoken = parse(text, STAFF_WORDS, addressed=False)
    assert (spoken.do if spoken else None) == do
    if spoken is not None:
        assert (spoken.ref, args(spoken)) == (ref, carried)


@pytest.mark.parametrize(
    ("text", "do", "ref", "carried"),
    [
        ("确认取消", "confirm_cancel", "", {}),
        ("取消 7", "cancel", "7", {"reason": ""}),
        ("评分 5 很好", "rate", "", {"rating": 5, "comment": "很好"}),
        ("评分 7 5 很好", "rate", "7", {"rating": 5, "comment": "很好"}),
        ("评分 4星", "rate", "", {"rating": 4, "comment": ""}),
        ("修好了", "sign", "", {}),
        ("还没修好 还在滴水", "return_work", "", {"reason": "还在滴水"}),
        ("取消会议室空调的报修", None, "", {}),
    ],
)
def test_customer_commands(text: str, do: str | None, ref: str, carried: dict[str, object]) -> None:
    spoken = parse(text, CUSTOMER_WORDS)
    assert (spoken.do if spoken else None) == do
    if spoken is not None:
        assert (spoken.ref, args(spoken)) == (ref, carried)


def test_in_chatter_a_bare_command_takes_no_words() -> None:
    assert parse("出发 大家路上小心", STAFF_WORDS, addressed=False) is None
    assert parse("出发 大家路上小心", STAFF_WORDS, addressed=True) is not None
    assert parse("完成了", STAFF_WORDS, addressed=False) is None
    assert parse("完成了", STAFF_WORDS, addressed=True) is not None


@pytest.mark.parametrize(
    ("text", "missing"),
    [("延长 7 等配件", "minutes"), ("改优先级 7 急", "priority"), ("评分 好", "rating")],
)
def test_what_a_command_lacks_is_named(text: str, missing: str) -> None:
    spoken = parse(text, {**STAFF_WORDS, **CUSTOMER_WORDS})
    assert spoken is not None
    with pytest.raises(InvalidInput) as refusal:
        args(spoken)
    assert refusal.value.data["field"] == missing


def test_numbers_in_sentences() -> None:
    assert reference(" 7号 ") == "7"
    assert reference("WO-20261121-0007") == "WO-20261121-0007"
    assert reference("7栋") == ""
    assert mentioned("7号单到哪了") == "7"
    assert mentioned("工单12怎么还没来") == "12"
    assert mentioned("WO-20261121-0007 到哪了") == "WO-20261121-0007"
    assert mentioned("7号楼电梯坏了") == ""


@given(st.text(max_size=60))
def test_no_text_breaks_the_grammar(text: str) -> None:
    for words in (STAFF_WORDS, CUSTOMER_WORDS):
        spoken = parse(text, words)
        if spoken is not None:
            with contextlib.suppress(InvalidInput):
                args(spoken)


def test_every_command_and_button_is_in_the_reference() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"
    text = page.read_text(encoding="utf-8")
    words = {w[0] for w in (*STAFF_WORDS.values(), *CUSTOMER_WORDS.values())}
    assert [word for word in sorted(words) if f"`{word}" not in text] == []
    assert [do for do in sorted(set(NEEDS) - {"status"}) if f"`{do}`" not in text] == []
