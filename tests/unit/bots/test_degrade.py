"""Fitting poorer channels: nothing lost, nothing broken, nothing smuggled in."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from bots.degrade import command_lines, neutralise, plain, split, visible
from workflow.records import Action, Button, Card


@given(st.text(), st.integers(min_value=4, max_value=200))
@example("👨‍👩‍👧‍👦" * 9, 30)
def test_pieces_fit_and_join_to_the_text(text: str, limit: int) -> None:
    text = text.encode(errors="replace").decode()
    pieces = split(text, limit)
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= limit for piece in pieces)
    assert all(pieces) or text == ""


def test_a_cut_falls_after_a_sentence_and_never_inside_a_family() -> None:
    assert split("空调不制冷。请尽快来人看看", 24) == ("空调不制冷。", "请尽快来人看看")
    family = "👨‍👩‍👧"
    assert split("坏了" + family, 20) == ("坏了", family)
    assert split("a" * 10, 4) == ("aaaa", "aaaa", "aa")


def test_a_users_words_can_neither_mention_nor_link_nor_hide() -> None:
    nasty = "@所有人 <@u1> [点我](http://x) `rm` \u202e倒着 \x00\x07 a@b.com"
    tame = neutralise(nasty)
    assert tame == "＠所有人 ＜＠u1＞ ［点我］(http://x) ｀rm｀ 倒着  a@b.com"


@given(st.text())
def test_neutral_text_stays_neutral(text: str) -> None:
    assert neutralise(neutralise(text)) == neutralise(text)
    assert visible(visible(text)) == visible(text)


def test_a_card_without_buttons_says_what_to_type() -> None:
    accept = Button("接单", Action("accept", "o1"), command="接单 7")
    silent = Button("拆分", Action("split", "o1"))
    assert command_lines((accept, silent)) == ("回复「接单 7」：接单",)
    card = Card(
        "k",
        "工单 7",
        subtitle=" 空调",
        fields=(("位置", "3栋"),),
        steps=(("待接单", "now"), ("完成", "next")),
        buttons=(accept,),
    )
    assert plain(card).splitlines() == [
        "【工单 7】 空调",
        "待接单",
        "位置：3栋",
        "回复「接单 7」：接单",
    ]
