"""Finding words and signs fast finds what the slow way finds."""

from __future__ import annotations

import re
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import Understander, corpus
from nlp.entities import codes, names, phones, places, times
from nlp.heads.features import cut
from nlp.lexicon import Words, alternation
from nlp.sounds import Sounds
from nlp.sounds.mending import Candidate, _BySound
from nlp.text import fold

ROWS = [fold(example.text) for example in corpus.load()[::15]]
FEW = st.text("ab电梯困a人", max_size=12)


@given(st.lists(st.text("ab电梯困", min_size=1, max_size=4), min_size=1, max_size=9), FEW)
def test_words_are_found_as_a_pattern_finds_them(words: list[str], text: str) -> None:
    finder = Words(words)
    found = [(start, end, finder.words[n]) for n, start, end in finder.find(text)]
    assert found == [(*hit.span(), hit[0]) for hit in alternation(words).finditer(text)]
    inside = re.compile(r"(?<=[a-z])(?=[a-z])")
    whole = [hit[1:] for hit in finder.whole(text)]
    assert whole == [
        hit[:2] for hit in found if not (inside.match(text, hit[0]) or inside.match(text, hit[1]))
    ]


def test_no_words_find_nothing() -> None:
    assert Words([]).find("电梯") == []
    assert Words([""]).find("电梯") == []


def test_half_a_character_is_read_like_any_stranger(understander: Understander) -> None:
    text = "电梯\ud800困人了"
    assert fold(text).encode("utf-8").decode("utf-8") == fold(text)
    understood = understander.understand(text)
    assert understood.fault_type.label == "elevator"
    assert understood.text == text


@given(st.text("ab1电梯", max_size=9), st.integers(1, 4))
def test_n_grams_are_all_there_with_their_first_place(text: str, longest: int) -> None:
    framed = "^" + text.replace("1", "0") + "^"
    grams = cut(text, longest)
    assert set(grams) == {
        framed[at : at + size]
        for size in range(1, longest + 1)
        for at in range(len(framed) - size + 1)
    }
    assert all(framed.index(gram) == start for gram, start in grams.items())


def test_longer_words_of_a_sound_come_before_shorter_ones_of_the_same_place() -> None:
    finder = _BySound(["电梯", "电梯口", "门口"], Sounds())
    found = finder.candidates("点题口", Sounds().of("点题口"))
    assert found == [Candidate(0, 3, "电梯口"), Candidate(0, 2, "电梯")]


@pytest.mark.parametrize(
    ("grammar", "signs"),
    [
        (phones, ["_SIGN"]),
        (codes, ["_DIGIT", "_SHOWN_SIGN"]),
        (times, ["_MOMENT_SIGN", "_LENGTH_SIGN", "_ROUGH_SIGN"]),
        (names, ["_INTRODUCTION", "_MOBILE", "_TITLE_WORDS"]),
        (places, ["_A_PIECE", "_NAMED_WORDS"]),
    ],
)
def test_a_text_without_the_sign_has_none(
    grammar: ModuleType, signs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def findings() -> list[object]:
        if grammar is codes:
            return [(codes.serials(row, []), codes.error_codes(row, [])) for row in ROWS]
        if grammar is phones:
            return [phones.find(row) for row in ROWS]
        return [grammar.find(row, []) for row in ROWS]

    fast = findings()
    assert any(fast)

    class Always:
        def search(self, _: str) -> bool:
            return True

        find = search

    for sign in signs:
        monkeypatch.setattr(grammar, sign, Always())
    assert findings() == fast
