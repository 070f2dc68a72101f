"""The rows about marking stretches, end to end on files of the same formats."""

from __future__ import annotations

import json
from pathlib import Path

from bench.understanding_rows import spans
from bench.understanding_rows.sets import Tagged
from bench.understanding_rows.shape import Sources

TOWNS = ("杭州市", "宁波市", "温州市", "绍兴市")
ROADS = ("解放路", "中山路", "人民路", "延安路", "建国路")


def _address(town: str, road: str, number: str) -> str:
    lines = [f"{c} {'B' if i == 0 else 'I'}-city" for i, c in enumerate(town)]
    lines += [f"{c} {'B' if i == 0 else 'I'}-road" for i, c in enumerate(road)]
    return "\n".join([*lines, f"{number} B-roadno", "号 I-roadno", "", ""])


def _data(folder: Path) -> Path:
    address, industry = folder / "address_parsing", folder / "industry_ner"
    address.mkdir(parents=True)
    industry.mkdir()
    train = [_address(t, r, n) for t in TOWNS for r in ROADS[:4] for n in ("7", "602")]
    (address / "train.txt").write_text("".join(train), "utf-8")
    dev = [_address(t, ROADS[4], "18") for t in TOWNS]
    (address / "dev.txt").write_text("".join(dev), "utf-8")
    rows = [
        {"sentences": [list(f"{part}出现{wrong}")], "ner": [[[0, 1, "part"], [4, 5, "failure"]]]}
        for part in ("油泵", "电机", "轴承", "阀门", "水箱")
        for wrong in ("异响", "泄漏", "松动", "卡死")
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (industry / "train.json").write_text("".join(lines), "utf-8")
    (industry / "dev.json").write_text("".join(lines[:3]), "utf-8")
    return folder


def test_what_is_learnt_is_measured_on_rows_never_seen(tmp_path: Path) -> None:
    found = {figure.name: figure for figure in spans.figures(Sources(_data(tmp_path)))}
    address, industry = found["address.train.f1"], found["industry_ner.train.f1"]
    assert address.on == "dev"
    assert address.rows == len(TOWNS)
    assert address.ours > 60
    assert address.bar is not None
    assert industry.rows == 4  # copies are not rows: a fifth of twenty
    assert industry.ours > address.baselines["dictionary"] / 2


def test_tokens_of_several_digits_are_one_character() -> None:
    seen = spans.sight(("中", "山", "路", "602", "号", "b3"))
    assert seen.layers[0] == "中山路③号ⓑ"
    assert seen.layers[1] == "中中中0中a"


def test_marks_are_the_stretches_of_the_tags() -> None:
    row = Tagged(tuple("中山路7号"), ("B-road", "I-road", "I-road", "B-no", "I-no"))
    assert [mark[:3] for mark in spans.marks(row)] == [(0, 3, "road"), (3, 5, "no")]
