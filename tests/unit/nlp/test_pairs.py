"""The pairs of reports that the decision 同一件事 learns from: their file format."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlp import pairs

GOOD = "1\tpara\t12\t0\t3栋电梯不动\t三号楼的梯卡住了"


def written(folder: Path, *lines: str) -> Path:
    (folder / "some.txt").write_text("\n".join(("# 说明", "", *lines)), "utf-8")
    return folder


def test_a_line_is_a_pair(tmp_path: Path) -> None:
    (pair,) = pairs.load(written(tmp_path, GOOD))
    assert pair == pairs.Pair(True, "para", 12, False, "3栋电梯不动", "三号楼的梯卡住了")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (GOOD.replace("\t", " "), "1 columns"),
        (GOOD + "\tmore", "7 columns"),
        (GOOD.replace("para", "paraphrase"), "kind 'paraphrase'"),
        (GOOD.replace("1\tpara", "0\tpara"), "para is always 1"),
        (GOOD.replace("para", "loc"), "loc is always 0"),
        (GOOD.replace("12", "一刻钟"), "gap_min"),
        (GOOD.replace("12", "-3"), "gap_min"),
        (GOOD.replace("\t0\t", "\tno\t"), "same_user"),
        ("1\tpara\t12\t0\t \t三号楼的梯卡住了", "both texts"),
    ],
)
def test_what_is_no_pair_is_refused_with_its_line(
    tmp_path: Path, line: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=rf"some\.txt:4: .*{complaint}"):
        pairs.load(written(tmp_path, GOOD, line))


def test_a_pair_stands_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stands twice"):
        pairs.load(written(tmp_path, GOOD, GOOD.replace("12", "13")))


def test_the_shipped_pairs_are_sound() -> None:
    shipped = pairs.load()
    assert all(pair.same is (pair.kind in pairs.SAME) for pair in shipped)
