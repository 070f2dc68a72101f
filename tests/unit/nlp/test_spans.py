"""The tagger that learns to mark stretches: what it learns, keeps and refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.spans.known import Known
from nlp.spans.path import BestPath
from nlp.spans.sight import Mark, Sight, along, echoes, kinds
from nlp.spans.tagger import Tagger, runs, tags_of
from nlp.spans.training import WIDE, Lesson, Recipe, teach

RECIPE = Recipe(WIDE, rarest=1, algorithm="ap", settings={"max_iterations": 20})
ROOMS = ("客厅", "厨房", "机房", "车间", "门厅")
THINGS = ("空调", "电梯", "水泵", "门锁", "灯带")


def lesson(before: str, room: str, thing: str) -> Lesson:
    text = f"{before}{room}的{thing}坏了"
    start = len(before)
    place = Mark(start, start + len(room), "place")
    device = Mark(place.end + 1, place.end + 1 + len(thing), "thing")
    return Lesson(Sight((text, kinds(text))), (place, device))


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    """Taught every greeting, room and thing, but not 你好，机房的门锁."""
    every = [(b, r, t) for b in ("", "你好，", "3楼") for r in ROOMS for t in THINGS]
    return teach([lesson(*words) for words in every if words != ("你好，", "机房", "门锁")], RECIPE)


def marked(tagger: Tagger, text: str) -> list[tuple[str, str]]:
    return [(m.kind, text[m.start : m.end]) for m in tagger.tag(Sight((text, kinds(text))))]


def test_what_was_taught_is_marked_in_new_surroundings(tagger: Tagger) -> None:
    assert marked(tagger, "你好，机房的门锁坏了") == [("place", "机房"), ("thing", "门锁")]
    assert marked(tagger, "你好") == []
    assert marked(tagger, "") == []


def test_marks_are_as_sure_as_they_are_known(tagger: Tagger) -> None:
    text = "客厅的空调坏了"
    sure = tagger.tag(Sight((text, kinds(text))))
    assert all(0.5 < mark.confidence <= 1 for mark in sure)


def test_a_kept_tagger_marks_the_same(tagger: Tagger) -> None:
    again = Tagger.from_arrays(tagger.arrays())
    for text in ("客厅的空调坏了", "3楼车间的灯带坏了啊", "谢谢"):
        sight = Sight((text, kinds(text)))
        assert again.tag(sight) == tagger.tag(sight)


def test_nothing_marked_teaches_nothing() -> None:
    with pytest.raises(ValueError, match="needs texts with marks"):
        teach([Lesson(Sight(("你好", "中中")), ())], RECIPE)


@pytest.mark.parametrize("marks", [(Mark(0, 2, "a"), Mark(1, 3, "b")), (Mark(1, 9, "a"),)])
def test_marks_that_cannot_be_are_refused(marks: tuple[Mark, ...]) -> None:
    with pytest.raises(ValueError, match="overlaps another or lies outside"):
        tags_of(3, marks)


@given(st.lists(st.sampled_from(["O", "a", "b"]), max_size=12))
def test_tags_and_marks_tell_the_same(kinds_of: list[str]) -> None:
    marks = [Mark(at, at + 1, kind) for at, kind in enumerate(kinds_of) if kind != "O"]
    tags = tags_of(len(kinds_of), marks)
    assert [Mark(*run) for run in runs(tags)] == marks


def test_a_stretch_may_begin_inside() -> None:
    assert runs(["I-a", "I-a", "I-b", "O", "B-a", "B-a"]) == [
        (0, 2, "a"), (2, 3, "b"), (4, 5, "a"), (5, 6, "a")
    ]  # fmt: skip


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.sampled_from([0.3, 3.0, 30.0]))
def test_the_best_path_is_the_best(seed: int, length: int, spread: float) -> None:
    """Against a plain search over all paths, on random weights."""
    draw = np.random.default_rng(seed)
    steps = draw.normal(0, 3, (5, 5)).astype(np.float32)
    scores = draw.normal(0, spread, (length, 5)).astype(np.float32)
    path = BestPath(steps).through(scores)
    worth = scores[np.arange(length), path].sum(dtype=float)
    worth += steps[path[:-1], path[1:]].sum(dtype=float)
    totals = scores[0].astype(float)
    for row in scores[1:]:
        totals = (totals[:, None] + steps).max(axis=0) + row
    assert len(path) == length
    assert worth == pytest.approx(totals.max(), abs=1e-6)


def test_a_text_does_not_recognise_its_own_marks() -> None:
    seen = [("天一广场", [Mark(0, 4, "poi")]), ("去天一广场", [Mark(1, 5, "poi")])]
    known = Known.learn([*seen, ("只此一处", [Mark(0, 4, "poi")])])
    assert any(name.startswith("known poi") for _, name in known.clues(*seen[0]))
    assert not list(known.clues("只此一处", [Mark(0, 4, "poi")]))
    assert list(known.clues("只此一处"))
    assert not list(known.clues("只此一"))


def test_what_is_said_twice_is_a_clue() -> None:
    clues = set(echoes("杭州市杭州"))
    assert (0, "again:B") in clues
    assert (3, "said:B") in clues
    assert (2, "said") not in clues


def test_a_finding_is_told_to_its_neighbours() -> None:
    assert list(along(1, 2, "x", 3)) == [(0, "x>"), (1, "xBE"), (2, "x<")]
    assert list(along(0, 3, "x", 3)) == [(0, "xB"), (1, "xI"), (2, "xE")]
