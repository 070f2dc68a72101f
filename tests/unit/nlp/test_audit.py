"""Labels are doubted by models that have not seen them, and read again by a second person."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nlp import audit, corpus
from nlp.corpus import Example, Placed, mark

KINDS = [("report", "elevator", "P0", "5"), ("report", "hvac", "P1", "2"),
         ("question", "none", "P2", "2")]  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[Placed]:
    """Sixty rows of each of three kinds, one of them labelled wrongly on purpose."""
    of_kind = {kind: [r for r in corpus.placed() if r.example[1:5] == kind] for kind in KINDS}
    chosen = [row for group in of_kind.values() for row in group[:60]]
    trapped = Example("电梯困人了，门打不开，快来救人", "question", "none", "P2", "2")
    return [*chosen, Placed(trapped, "none.txt:1")]


def test_a_wrong_label_is_among_the_most_doubted(rows: list[Placed]) -> None:
    found = audit.doubts(rows, 0.3, lambda _: None)
    assert [doubt.share for doubt in found] == sorted(doubt.share for doubt in found)
    wrong = {doubt.head: doubt for doubt in found if doubt.row.place == "none.txt:1"}
    assert wrong["intent"].instead == "report"
    assert wrong["fault_type"].instead == "elevator"
    assert found.index(wrong["fault_type"]) < 5


def test_labels_too_rare_to_hold_out_are_passed_over(rows: list[Placed]) -> None:
    assert audit.doubts(rows[:3], 1.0, lambda _: None) == []
    assert audit.doubts(rows[:63], 1.0, lambda _: None) == []
    heads = {doubt.head for doubt in audit.doubts(rows[:66], 1.0, lambda _: None)}
    assert heads == {"fault_type", "priority", "emotion"}


def test_every_row_is_placed_where_it_stands() -> None:
    row = corpus.placed()[100]
    name, line = row.place.split(":")
    text = (corpus.FOLDER / name).read_text("utf-8").splitlines()[int(line) - 1]
    assert text == mark(row.example.text, row.example.entities)


def fill(sheet: str, path: Path, answers: dict[str, dict[str, str]]) -> None:
    lines = list(csv.DictReader(sheet.splitlines()))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, audit.COLUMNS)
        writer.writeheader()
        writer.writerows(line | answers.get(line["place"], {}) for line in lines)


def test_a_blind_sheet_comes_back_as_agreement_and_differences(
    rows: list[Placed], tmp_path: Path
) -> None:
    sheet = audit.sheet(rows, 40, seed=3)
    assert sheet == audit.sheet(rows, 40, seed=3)
    drawn = [line["place"] for line in csv.DictReader(sheet.splitlines())]
    by_place = {row.place: row for row in rows}
    same = {
        place: {
            "intent": by_place[place].example.intent,
            "emotion": by_place[place].example.emotion,
        }
        for place in drawn
    }
    odd = next(place for place in drawn if by_place[place].example.intent == "report")
    same[odd]["intent"] = "complaint"
    marked = next(place for place in drawn if by_place[place].example.entities)
    example = by_place[marked].example
    same[marked]["marked"] = mark(example.text, example.entities[:-1])
    fill(sheet, tmp_path / "second.csv", same)
    figures, differ = audit.reread(rows, tmp_path / "second.csv")
    by_head = {figure.head: figure for figure in figures}
    assert by_head["intent"].rows == 40
    assert by_head["intent"].alike == pytest.approx(39 / 40)
    assert by_head["intent"].kappa < 1
    assert by_head["emotion"].alike == 1
    assert "priority" not in by_head
    assert [(one.row.place, one.label, one.second) for one in differ] == [
        (odd, "report", "complaint")
    ]
    if len(example.entities) > 1:
        assert by_head["entities"].alike < 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"priority": "P3"}, "second.csv:2: priority: 'P3'"),
        ({"marked": "没有的话"}, "no such message"),
    ],
)
def test_a_faulty_sheet_is_refused_with_its_line(
    rows: list[Placed], tmp_path: Path, answer: dict[str, str], said: str
) -> None:
    sheet = audit.sheet(rows, 1, seed=0)
    place = next(csv.DictReader(sheet.splitlines()))["place"]
    fill(sheet, tmp_path / "second.csv", {place: answer})
    with pytest.raises(ValueError, match=said):
        audit.reread(rows, tmp_path / "second.csv")


def test_a_sheet_without_a_column_is_refused(rows: list[Placed], tmp_path: Path) -> None:
    (tmp_path / "second.csv").write_text("place,marked\n", "utf-8")
    with pytest.raises(ValueError, match="intent"):
        audit.reread(rows, tmp_path / "second.csv")
