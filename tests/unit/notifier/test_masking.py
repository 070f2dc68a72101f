from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.masking import mask_name, mask_phone, mask_text

MOBILE = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+86 138 1234 5678", "138****5678"),
        ("１３８１２３４５６７８", "138****5678"),
        ("021-65432100", "021****2100"),
        ("6543", "****43"),
        ("", ""),
        ("无", "****"),
    ],
)
def test_a_phone_shows_its_ends_only(phone: str, shown: str) -> None:
    assert mask_phone(phone) == shown


@pytest.mark.parametrize(
    "text",
    [
        "打我电话13812345678谢谢",
        "电话 138-1234-5678",
        "138 1234 5678 王先生",
        "一三八一二三四五六七八",
        "幺三八一二三四五六七八",
        "座机 021-65432100 转 8",
        "客服 400-820-8820",
        "+8613812345678",
    ],
)
def test_free_text_is_searched_for_phones(text: str) -> None:
    masked = mask_text(text)
    assert "****" in masked
    assert len(re.findall(r"[0-9一二三四五六七八九零幺]{5,}", masked)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "3 号楼 2 单元 501 空调不制冷",
        "工单 WO-20261123-0007",
        "设备 EL-200417 报 E07",
        "2026-11-23 10:30 开始",
        "三楼三零五会议室",
        "订单 20261123000712345",
        "温度 -18.5，压力 1013",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask_text(text) == text


@given(st.text(max_size=30), MOBILE, st.text(max_size=30))
def test_no_mobile_survives_whatever_stands_around_it(before: str, phone: str, after: str) -> None:
    text = f"{before} 电话{phone}，{after}"
    assert phone not in mask_text(text)


@given(st.text(max_size=80))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once) == once


def test_a_name_keeps_its_first_letter() -> None:
    assert [mask_name(n) for n in ("王", "王工", "欧阳锋", " ")] == ["王", "王*", "欧**", ""]
