"""What adapters say by themselves, in both languages and within what menus hold."""

from __future__ import annotations

import pytest

from bots.gateway.sayings import WORDS, menu_names, say
from bots.gateway.tencent_messages import MENU
from bots.wecom import cards
from workflow.records import Card


@pytest.mark.parametrize("code", WORDS)
def test_each_saying_has_two_languages(code: str) -> None:
    chinese, english = say(code, "zh_TW", "accept 7"), say(code, "en", "accept 7")
    assert chinese != english
    assert not any("\u4e00" <= mark <= "\u9fff" for mark in english)


@pytest.mark.parametrize("locale", ["zh_CN", "en"])
def test_menus_have_every_key_in_sixteen_bytes(locale: str) -> None:
    names = menu_names(locale)
    assert set(names) == set(MENU)
    assert all(len(name.encode()) <= 16 for name in names.values())


def test_a_card_for_english_readers_has_no_chinese_of_ours() -> None:
    shown = cards.template(Card("k", "WO-1"), "", [], "task", "en")
    assert "Paidan" in shown["source"]["desc"]
    assert shown["button_list"][0]["text"] == "Updated"
