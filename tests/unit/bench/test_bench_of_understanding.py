"""The whole command, on small files of the public sets' formats that the test writes itself."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[3] / "bench"
KINDS = {
    "咨询运费": ("运费多少", "包邮吗", "邮费谁出"),
    "要求退货": ("我要退货", "不合适想退", "怎么退掉"),
    "催促发货": ("快点发货", "什么时候发", "还没发出来"),
}
PARTS = (("发动机", "A"), ("机油", "A"), ("轮胎", "F"), ("胎压", "F"))
WHAT_AILS = ("异响", "故障", "漏", "坏了", "有问题", "不行", "报警", "抖动")
ENDS = ("", "呢", "啊", "谢谢", "亲", "麻烦看下")


def lines(seed: int) -> list[dict[str, Any]]:
    rows = [
        {"sentence": text + end, "label_des": kind}
        for kind, texts in KINDS.items()
        for text in texts
        for end in ENDS
    ]
    random.Random(seed).shuffle(rows)
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path / "data/dataclue_cic/train.json", lines(0))
    write(tmp_path / "data/dataclue_cic/dev.json", lines(1)[:20])
    write(tmp_path / "test/dataclue_cic/test_public.json", lines(2)[:20])
    complaints = [
        {"text": f"甲牌{part}{how}", "labels": [label], "codes": [f"{label}{n}"],
         "date": f"2020-01-{day:02}", "brand": "甲牌"}
        for n, (part, label) in enumerate(PARTS)
        for day, how in enumerate(WHAT_AILS * 3, 1)
    ]  # fmt: skip
    write(tmp_path / "data/car_complaints/train.jsonl", complaints)
    return tmp_path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCH / "understanding.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


def test_figures_stand_beside_their_rivals_and_bars(data: Path) -> None:
    before = (BENCH / "RESULTS.md").read_bytes()
    folders = ("--data", str(data / "data"), "--test", str(data / "test"))
    done = run(*folders, "--only", "cic,car,ict", "--json")
    said = json.loads(done.stdout)
    assert (BENCH / "RESULTS.md").read_bytes() == before
    assert list(said["skipped"]) == ["ict"]
    assert "no such file" in said["skipped"]["ict"]
    rows = {(row["name"], row["on"]): row for row in said["rows"]}
    tested = rows["cic.train.accuracy", "test"]
    assert tested["ours"] == 100
    assert tested["met"] == "bold"
    assert tested["baselines"].keys() == {"majority", "jieba words"}
    assert tested["baselines"]["majority"] < 60
    assert tested["published"] == {"human": 87.4}
    assert rows["cic.train.accuracy", "dev"]["bar"] is None
    assert ("cic.train+dev.macro_f1", "test") in rows
    assert {f"cic.train.misheard_{part}.accuracy" for part in (0, 10, 20, 30)} <= {
        n for n, _ in rows
    }
    car = rows["car.train.top1", "later train"]
    assert car["ours"] == 100
    assert car["rows"] == 29


def test_a_wrong_file_stops_with_its_place(data: Path) -> None:
    with (data / "data/dataclue_cic/dev.json").open("a", encoding="utf-8") as file:
        file.write('{"sentence": "没有标签"}\n')
    done = run("--data", str(data / "data"), "--only", "cic", "--json")
    assert done.returncode == 1
    assert "dev.json:21" in done.stderr
    assert "label_des" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(("--only", "cicc"), "no row cicc"), (("--data", "/nowhere"), "no such folder: /nowhere")],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], complaint: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert complaint in done.stderr
