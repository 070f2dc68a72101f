"""What a template's variables are filled with, so that no message is refused for one of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.degrade import template_facts
from bots.sms.aliyun_values import LONGEST, value
from workflow.records import ChatRef, Outgoing


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("3栋「水管」漏了", "3栋“水管”漏了"),
        ("【急】12#楼★停电", "(急)12号楼停电"),
        ("看 https://evil.example/a?b=c，快", "看 ，快"),
        ("登录 10.0.0.1 看", "登录 看"),
        ("联系13712345678", "联系137****5678"),
        ("水漫出来了🔥\n快来", "水漫出来了 快来"),
        ("體檢", "??"),
        ("", "无"),
        ("🔥", "无"),
    ],
)
def test_what_is_refused_is_said_another_way(words: str, wanted: str) -> None:
    assert value(words) == wanted


def test_what_is_too_long_is_cut_commands_only_whole() -> None:
    assert value("字" * 36) == "字" * 34 + "…"
    assert value("，".join(["回复“确认 1”：确认修好了"] * 3), "，") == "，".join(
        ["回复“确认 1”：确认修好了"] * 2
    )


@given(st.text())
def test_no_words_make_a_value_that_is_refused(words: str) -> None:
    made = value(words)
    assert 1 <= len(made) <= LONGEST
    assert "\n" not in made
    assert "http://" not in made.lower()


def test_number_and_commands_are_found_in_a_card_that_became_text() -> None:
    text = "已派单\n【WO-20261123-0001】处理中\n回复「催一下」：催一下\n回复「取消报修」：取消"
    facts = template_facts(Outgoing("demo", ChatRef("sms", "1"), text, "k"))
    assert facts["number"] == "WO-20261123-0001"
    assert facts["title"] == "已派单"
    assert facts["text"] == "已派单 【WO-20261123-0001】处理中"
    assert facts["reply"] == "回复「催一下」：催一下，回复「取消报修」：取消"
