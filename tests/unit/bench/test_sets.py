"""Files of the public sets: read as they are written, refused with file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.understanding_rows import sets
from bench.understanding_rows.shape import BadFile, Missing, Sources


def written(folder: Path, text: str) -> Path:
    path = folder / "rows.txt"
    path.write_text(text, "utf-8")
    return path


def test_each_format_is_read(tmp_path: Path) -> None:
    row = json.dumps({"id": 1, "label": "57", "sentence": "怎么退", "label_des": "咨询退货"})
    assert sets.cic(written(tmp_path, row + "\n")) == [("怎么退", "咨询退货")]
    row = json.dumps({"text": "变速箱异响", "labels": ["B", "H"], "date": "2020-06-05"})
    assert sets.car(written(tmp_path, row)) == [("变速箱异响", ("B", "H"), (), "2020-06-05", ())]
    table = ",异常类型,问题现象\n0,接口异常,监控中断\n"
    assert sets.ict(written(tmp_path, table), "异常类型") == [("监控中断", "接口异常")]
    table = "labels,text\npositive,谢谢 妹妹\n"
    assert sets.sentiment(written(tmp_path, table)) == [("谢谢妹妹", "positive")]
    row = json.dumps({"title": "井盖", "text": "坏了", "label": "城建"})
    assert sets.labelled(written(tmp_path, row), "label") == [("井盖\n坏了", "城建")]
    assert sets.pairs(written(tmp_path, "在吗\t在不在\t1\n")) == [("在吗", "在不在", True)]
    tagged = [(("龙", "山"), ("B-town", "I-town")), (("浙",), ("B-prov",))]
    assert sets.bio(written(tmp_path, "龙 B-town\n山 I-town\n\n浙 B-prov\n")) == tagged


def test_spans_of_later_sentences_count_from_the_start_of_the_document(tmp_path: Path) -> None:
    row = {
        "sentences": [["泵", "坏"], ["阀", "门", "漏"]],
        "ner": [[[0, 0, "part"]], [[2, 3, "part"]]],
    }
    first, second = sets.spans(written(tmp_path, json.dumps(row)))
    assert first.tags == ("B-part", "O")
    assert second.tags == ("B-part", "I-part", "O")


@pytest.mark.parametrize(
    ("read", "text", "line"),
    [
        (sets.cic, '{"sentence": "a", "label_des": "b"}\n{"sentence": 3}\n', 2),
        (sets.cic, '{"sentence": "a", "label_des": "b"}\n\nnot json\n', 3),
        (sets.car, '{"text": "a", "labels": [], "date": "2020-01-01"}\n', 1),
        (sets.sentiment, "labels,text\npositive,a\nnegative\n", 3),
        (sets.pairs, "a\tb\t1\na\tb\tyes\n", 2),
        (sets.bio, "a B-x\nb x\n", 2),
        (sets.spans, '{"sentences": [["a"]], "ner": [[[0, 4, "x"]]]}\n', 1),
    ],
)
def test_a_wrong_row_is_named_by_file_and_line(
    tmp_path: Path, read: Callable[[Path], Any], text: str, line: int
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadFile, match=rf"rows\.txt:{line}: "):
        read(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="holds no rows"):
        sets.cic(written(tmp_path, ""))


def test_what_is_not_there_is_missing_and_a_test_part_is_optional(tmp_path: Path) -> None:
    sources = Sources(tmp_path)
    with pytest.raises(Missing, match="train"):
        sources.taught("cic/train.json")
    assert sources.kept_aside("cic/test.json") is None


def test_only_the_last_line_of_marked_reports_may_break_off(tmp_path: Path) -> None:
    whole = json.dumps({"sentences": [["油", "泵"]], "ner": [[[0, 1, "part"]]]}, ensure_ascii=False)
    assert len(sets.spans(written(tmp_path, f"{whole}\n{whole[:20]}"))) == 1
    with pytest.raises(BadFile, match=":1: not a JSON object"):
        sets.spans(written(tmp_path, f"{whole[:20]}\n{whole}"))
