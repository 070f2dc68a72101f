"""Judging a candidate: chance, emergencies, and how much corrections may weigh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from nlp import Understander, corpus
from nlp.heads.training import train
from nlp.learning import taught
from nlp.learning.material import PER_TEXT, SHARE, WEIGHT, Taught, counts
from nlp.learning.trial import Score, Verdict, chance, compare, examine
from nlp.own_words import OwnWords
from workflow.learning import HEADS, Correction
from workflow.vocabulary import Term

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SCORE = Score(
    messages=1000,
    right=dict.fromkeys(HEADS, 900),
    p0=100,
    p0_heard=96,
    p0_said=110,
    sure=dict.fromkeys(HEADS, 0.9),
    doubtful=100,
    strange=5,
)
LEVEL = dict.fromkeys(HEADS, (5, 5))


def judged(
    candidate: Score = SCORE,
    differences: dict[str, tuple[int, int]] = LEVEL,
    held_out: tuple[int, int] = (12, 1),
    missed: tuple[int, int] = (0, 0),
) -> Verdict:
    return compare(candidate, SCORE, differences, held_out, (14, 3), 15, missed)


def test_the_sign_test_is_the_binomial_tail() -> None:
    assert chance(5, 0) == pytest.approx(1 / 32)
    assert chance(0, 5) == 1.0
    assert chance(0, 0) == 1.0
    assert chance(8, 2) == pytest.approx(56 / 1024)


def test_clearly_more_right_is_better() -> None:
    verdict = judged(differences=dict.fromkeys(HEADS, (2, 1)), held_out=(12, 0))
    assert verdict.better
    assert verdict.reasons[0][0] == "better"
    assert (verdict.wins, verdict.losses) == (18, 3)


def test_too_few_corrections_prove_nothing() -> None:
    verdict = judged(held_out=(2, 0))
    assert not verdict.better
    assert verdict.reasons[0][0] == "not_proven"


@pytest.mark.parametrize(
    ("heard", "missed"), [(95, (0, 0)), (96, (1, 0))], ids=["on the exam", "of the corrected"]
)
def test_one_more_missed_emergency_outweighs_everything(
    heard: int, missed: tuple[int, int]
) -> None:
    verdict = judged(replace(SCORE, p0_heard=heard), held_out=(500, 0), missed=missed)
    assert not verdict.better
    assert verdict.reasons[0][0] == "p0_missed"


def test_a_head_that_gets_worse_is_named() -> None:
    verdict = judged(differences={**LEVEL, "intent": (2, 14)}, held_out=(500, 0))
    assert not verdict.better
    assert verdict.reasons[0] == ("worse", {"head": "intent", "won": 2, "lost": 14})


def correction(n: int, text: str, now: str, head: str = "fault_type") -> Correction:
    at = NOW + timedelta(minutes=n)
    return Correction(f"m{n}", head, "hvac", now, text, "chief", at)  # type: ignore[arg-type]


def test_not_a_report_teaches_the_best_other_intent(understander: Understander) -> None:
    (row,) = taught([correction(1, "谢谢师傅，修得真好", "not_report", "intent")], understander)
    assert row.labels == {"intent": "praise"}
    assert row.example().fault_type == "", "nobody spoke of it"


def row(n: int, text: str) -> Taught:
    return Taught(f"m{n}", text, {"fault_type": "kitchen"}, NOW)


def test_neither_one_wording_nor_all_corrections_drown_the_corpus() -> None:
    few = counts([row(1, "一号店小蓝坏了"), row(2, "灯灭了")], 10_000)
    assert few == [WEIGHT, WEIGHT]
    alike = counts([row(n, f"{n}号店小蓝坏了") for n in range(100)], 100_000)
    assert sum(alike) == pytest.approx(PER_TEXT)
    many = counts([row(n, chr(0x4E00 + n) * 4) for n in range(500)], 1000)
    assert sum(many) == pytest.approx(SHARE * 1000)


def few_rows() -> Sequence[corpus.Example]:
    return corpus.load()[::40]


def test_a_head_nobody_taught_stays_exactly_as_it_was() -> None:
    rows = few_rows()
    base = train(rows, "base", lambda _: None)
    lesson = [row(n, f"小蓝{what}").example() for n, what in enumerate(("死机", "黑屏", "没反应"))]
    after = train([*rows, *lesson], "after", lambda _: None, added=len(lesson), like=base)
    text = "3栋电梯困人了，快来"
    before, now = Understander(base).understand(text), Understander(after).understand(text)
    for head in ("intent", "priority", "emotion"):
        assert getattr(now, head).label == getattr(before, head).label
        assert getattr(now, head).confidence == pytest.approx(
            getattr(before, head).confidence, abs=0.01
        )
    assert Understander(after).understand("小蓝死机").fault_type.label == "kitchen"
    assert np.isfinite(after.bias).all()


def test_the_exam_counts_right_answers_and_emergencies(understander: Understander) -> None:
    asked = [e for e in corpus.load() if e.priority == "P0" and e.intent == "report"][:20]
    score, right = examine(understander, asked)
    assert score.messages == score.p0 == 20
    assert score.p0_heard == len(right["priority"])
    assert score.recall > 0.8


OWN = (
    Term("小蓝", device="收银机", fault_type="pos_payment"),
    Term("老厂", place="二号厂房"),
    Term("风幕柜", device="冷柜"),
)


def test_own_words_decide_and_are_the_evidence(understander: Understander) -> None:
    heard = understander.understand("小蓝又罢工了", own=OWN)
    assert heard.fault_type.label == "pos_payment"
    assert heard.fault_type.evidence == ("小蓝",)
    assert "fault_type" not in heard.abstained
    device = heard.first("device")
    assert device is not None
    assert (device.text, device.normalized) == ("小蓝", "收银机")


def test_own_places_go_on_with_the_rooms_behind_them(understander: Understander) -> None:
    place = understander.understand("老厂三楼的空调不制冷", own=OWN).first("location")
    assert place is not None
    assert (place.text, place.normalized) == ("老厂三楼", "二号厂房三楼")


def test_a_device_without_a_type_has_that_of_its_usual_name(understander: Understander) -> None:
    words = OwnWords.of(OWN, understander._lexicon)
    assert words.find  # compiled
    assert understander.understand("风幕柜坏了", own=OWN).fault_type.label == "kitchen"


def test_another_thing_named_first_keeps_its_type(understander: Understander) -> None:
    heard = understander.understand("电梯困人了，就在小蓝旁边", own=OWN)
    assert heard.fault_type.label == "elevator"
