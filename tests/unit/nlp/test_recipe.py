"""The recipe learns label sets it has never heard of, doubts wrong labels, and is honest."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from nlp.heads import lessons, recipe
from nlp.heads.features import Features, cut
from nlp.heads.lessons import Bools, Lesson
from nlp.heads.recipe import HEAD, Way
from nlp.text import fold

DRINKS = {
    "咖啡": ("美式", "拿铁", "浓缩", "摩卡"),
    "茶": ("龙井", "普洱", "乌龙", "毛峰"),
    "果汁": ("橙汁", "西瓜汁", "葡萄汁", "梨汁"),
}
ASKING = ("来一杯{}", "{}还有吗", "麻烦给我{}谢谢", "想喝{}了", "{}，快点", "再加一份{}")
SIZES = ("", "大杯", "小份的")


def orders(seed: int = 0) -> tuple[list[str], list[str]]:
    """Every way of ordering every drink, shuffled, with its kind."""
    rows = [
        (size + ask.format(drink), kind)
        for kind, drinks in DRINKS.items()
        for drink in drinks
        for ask in ASKING
        for size in SIZES
    ]
    random.Random(seed).shuffle(rows)
    texts, labels = zip(*rows, strict=True)
    return list(texts), list(labels)


def test_other_label_sets_are_learnt_and_answered_with_confidence() -> None:
    texts, labels = orders()
    known = recipe.learn(texts[:160], labels[:160])
    assert known.labels == tuple(sorted(DRINKS))
    assert known.answers(texts[160:]) == labels[160:]
    shares = known.shares(texts[160:])
    assert shares.sum(axis=1) == pytest.approx(1)
    assert known.shares(["今天星期几"]).max() < shares.max(axis=1).mean()


def noisy(
    labels: int = 40, each: int = 30, part: float = 0.3
) -> tuple[list[str], list[str], Bools]:
    """Messages of four characters from six of their label's own, and labels of which this part
    is wrong; and which.
    """
    draw = random.Random(0)
    truth = [label for label in range(labels) for _ in range(each)]
    texts = ["".join(draw.sample([chr(0x4E00 + 6 * t + n) for n in range(6)], 4)) for t in truth]
    wrong = np.array([draw.random() < part for _ in truth])
    said = [draw.choice([x for x in range(labels) if x != t]) for t in truth]
    given = [s if w else t for s, t, w in zip(said, truth, wrong, strict=True)]
    return texts, [f"{label:02}" for label in given], wrong


def test_wrong_labels_are_found_and_left_out() -> None:
    texts, labels, wrong = noisy()
    rows, truth = _rows(texts, labels)
    dropped = ~lessons.trusted(rows, truth, 40, Lesson(0.5))
    assert (dropped & wrong).sum() > 0.9 * wrong.sum()
    assert (dropped & ~wrong).sum() < 0.02 * len(texts)


def test_leaving_wrong_labels_out_is_chosen_where_it_helps() -> None:
    texts, labels, _ = noisy(part=0.5)
    assert recipe.learn(texts, labels).way.lesson.prune
    texts, labels = orders()
    assert not recipe.learn(texts, labels).way.lesson.prune


def test_rows_known_to_be_right_are_never_left_out() -> None:
    texts, labels, wrong = noisy()
    rows, truth = _rows(texts, labels)
    sure = wrong & (np.arange(len(wrong)) < 600)
    keep = lessons.trusted(rows, truth, 40, Lesson(0.5), sure)
    assert keep[sure].all()
    assert not keep[wrong & ~sure].all()


def test_a_label_is_known_by_its_name_alone() -> None:
    texts, labels = orders()
    names = {kind: kind for kind in DRINKS} | {"账单": "买单结账"}
    known = recipe.learn(texts, labels, names=names, way=Way())
    assert known.answers(["结账"]) == ["账单"]


def test_the_way_named_is_the_way_taken() -> None:
    texts, labels = orders()
    way = Way(1, Lesson(strength=0.1))
    known = recipe.learn(texts, labels, way=way)
    assert known.way == way
    assert max(map(len, known.columns.vocabulary)) == 1


def test_the_serving_model_answers_as_the_classifier_does() -> None:
    texts, labels = orders()
    known = recipe.learn(texts, labels)
    model = known.model("drinks")
    for text in texts[:20]:
        answer = model.answer(Features(cut(fold(text), known.way.longest), {}))
        label, share = answer.best(HEAD)
        assert label == known.answers([text])[0]
        assert share == pytest.approx(known.shares([text]).max(), abs=0.02)
        assert answer.reasons(HEAD, label)


@pytest.mark.parametrize("labels", [["茶", "茶"], ["茶", "果汁"]])
def test_one_label_or_two_are_label_sets_too(labels: list[str]) -> None:
    known = recipe.learn(["龙井茶", "葡萄汁"] * 6, labels * 6)
    assert known.answers(["龙井茶", "葡萄汁"]) == labels


def test_messages_with_several_labels_get_several() -> None:
    texts, labels = orders()
    rows = [
        (f"{a}，{b}", {x, y})
        for a, b, x, y in zip(texts, texts[40:], labels, labels[40:], strict=False)
    ]
    rows += [(text, {label}) for text, label in zip(texts, labels, strict=True)]
    known = recipe.learn_sets([text for text, _ in rows], [group for _, group in rows])
    asked = ["来一杯拿铁，再加一份橙汁", "想喝普洱了", "完全无关"]
    holds = known.holds(known.scores(asked))
    said = [{known.labels[i] for i in np.flatnonzero(line)} for line in holds]
    assert said[:2] == [{"咖啡", "果汁"}, {"茶"}]
    assert len(said[2]) >= 1


def test_details_speak_for_their_label() -> None:
    """A label of two unlike halves: lines for the halves tell what one line for both cannot."""
    texts = [f"{a}{b}{c}" for a in "红白" for b in "左右" for c in "一二三四五六七八"]
    odd = [(text[0] == "红") == (text[1] == "左") for text in texts]
    sets = [{"对"} if right else {"错"} for right in odd]
    details = [{f"{next(iter(group))}{text[0]}"} for text, group in zip(texts, sets, strict=True)]
    known = recipe.learn_sets(texts, sets, details=details, owner_of=lambda detail: detail[0])
    assert known.owner.tolist() == [0, 1, 0, 0, 1, 1]
    scores = known.scores(texts)
    assert scores.shape == (len(texts), 2)
    assert (scores.argmax(axis=1) == [known.labels.index(next(iter(s))) for s in sets]).all()


def test_folds_answer_every_row_once_and_spread_every_label() -> None:
    truth = np.array([0] * 50 + [1] * 10 + [2])
    answered = np.zeros(len(truth), dtype=int)
    for seen, unseen in lessons.folds(truth, 5):
        answered[unseen] += 1
        assert not set(seen) & set(unseen)
        assert (truth[unseen] == 1).sum() == 2
    assert (answered == 1).all()


def _rows(texts: Sequence[str], labels: Sequence[str]) -> tuple[lessons.csr_matrix, lessons.Ints]:
    taught = [Features(cut(fold(text), 2), {}) for text in texts]
    columns = recipe.table.build(taught)
    order = sorted(set(labels))
    return columns.rows(taught), np.array([order.index(label) for label in labels])
