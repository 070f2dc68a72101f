"""Messages misheard: as many characters as asked, each by one that sounds the same."""

from __future__ import annotations

from bench.understanding_rows import homophones

TEXTS = ["电梯又坏了，3栋2单元", "热水器不出热水，电话13977450812"] * 20


def test_the_same_seed_mishears_the_same() -> None:
    once = homophones.misheard(TEXTS, 0.2)
    assert homophones.misheard(TEXTS, 0.2) == once
    assert homophones.misheard(TEXTS, 0.2, seed=1) != once
    assert homophones.misheard(TEXTS, 0) == TEXTS


def test_only_chinese_characters_change_and_they_keep_their_sound() -> None:
    changed = asked = 0
    for text, heard in zip(TEXTS, homophones.misheard(TEXTS, 0.3), strict=True):
        assert len(heard) == len(text)
        for was, now in zip(text, heard, strict=True):
            asked += "一" <= was <= "鿿"
            if was != now:
                changed += 1
                assert "一" <= was <= "鿿"
    assert 0.2 < changed / asked < 0.4
