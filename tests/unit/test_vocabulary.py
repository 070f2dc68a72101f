"""A company's own words and kinds."""

from __future__ import annotations

import pytest

from workflow.vocabulary import Subtype, Taxonomy, Term, spell_out

OURS = Taxonomy(
    names={"kitchen": "后厨设备"},
    english={"kitchen": "Back of house"},
    subtypes=(
        Subtype("cold_chain", "冷链", "kitchen", ("冷库", "冷柜")),
        Subtype("display", "展示柜", "kitchen", ("展示冷柜",)),
    ),
)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("后厨设备", ("kitchen", "")),
        ("商用厨房与冷链", ("kitchen", "")),
        ("Kitchen", ("kitchen", "")),
        ("back of house", ("kitchen", "")),
        ("冷链", ("kitchen", "cold_chain")),
        ("cold_chain", ("kitchen", "cold_chain")),
        ("给排水", ("plumbing", "")),
        ("飞碟", None),
        ("none", None),
        ("", None),
    ],
)
def test_a_kind_is_found_by_any_name_it_has(words: str, found: tuple[str, str] | None) -> None:
    assert OURS.find(words) == found


def test_names_are_ours_where_we_have_them() -> None:
    assert OURS.name("kitchen") == "后厨设备"
    assert OURS.name("kitchen", "en") == "Back of house"
    assert OURS.name("plumbing", "en") == "Plumbing"
    assert OURS.name("kitchen", "zh_CN", "cold_chain") == "后厨设备 · 冷链"
    assert OURS.name("kitchen", "zh_CN", "gone") == "后厨设备 · gone", "an old order keeps its kind"


def test_the_longest_word_decides_the_finer_kind() -> None:
    assert OURS.subtype_of("kitchen", "门口的展示冷柜不冷了") == "display"
    assert OURS.subtype_of("kitchen", "冷库升温") == "cold_chain"
    assert OURS.subtype_of("kitchen", "蒸箱不上汽") == ""
    assert OURS.subtype_of("hvac", "冷库升温") == "", "another type has no such kind"


def test_own_words_are_spelt_out_once() -> None:
    terms = (Term("老厂", place="二号厂房"), Term("老厂东门", place="二号厂房东门"))
    assert spell_out("老厂三楼", terms, "place") == "二号厂房三楼"
    assert spell_out("老厂东门", terms, "place") == "二号厂房东门"
    assert spell_out("二号厂房", terms, "place") == "二号厂房"
    assert spell_out("老厂", terms, "device") == "老厂"
