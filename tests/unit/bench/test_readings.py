"""Readings of whole messages: our labels read from a file, and every figure counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.understanding_rows import readings
from bench.understanding_rows.shape import BadFile

LINE: dict[str, Any] = {
    "text": "3栋电梯困人",
    "intent": "report",
    "fault_type": "elevator",
    "priority": "P0",
    "emotion": 4,
    "entities": {"location": ["3栋"], "device": ["电梯"]},
}
USUAL = {"intent": "report", "fault_type": "hvac", "priority": "P1", "emotion": "3"}


def asked(tmp_path: Path, *changes: dict[str, Any]) -> list[readings.Plain]:
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(LINE | change) + "\n" for change in changes), "utf-8")
    return readings.labelled(path)


def test_every_figure_is_what_a_hand_would_count(tmp_path: Path) -> None:
    truth = asked(tmp_path, {}, {}, {"intent": "praise", "priority": "P2", "emotion": 1}, {})
    said = asked(
        tmp_path,
        {"entities": {"device": ["电梯"], "location": ["3栋", "栋"]}},
        {"priority": "P1", "emotion": 3},
        {"emotion": 3},
        {"fault_type": "hvac"},
    )
    found = {f.name: f for f in readings.figures("own", "exam", truth, said, USUAL)}
    assert found["own.intent.accuracy"].ours == 75
    assert found["own.fault_type.accuracy"].ours == 75
    assert found["own.fault_type.accuracy"].baselines == {"majority": 0}
    assert found["own.emotion.within_one"].ours == 75
    assert found["own.open_recall"].ours == 100
    assert found["own.open_precision"].ours == 75
    assert found["own.P0.recall"].ours == pytest.approx(200 / 3)
    assert found["own.P0.precision"].ours == pytest.approx(200 / 3)
    assert found["own.device.f1"].ours == 100
    assert found["own.location.f1"].ours == pytest.approx(200 * 4 / 9)
    assert found["own.phone.f1"].ours == 0
    assert found["own.P0.recall"].plain()["met"] == "no"


@pytest.mark.parametrize(
    "line", ["{", '{"text": "a"}', json.dumps(LINE | {"entities": ["电梯"]}), "[]"]
)
def test_a_line_that_is_no_labelled_message_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(LINE) + "\n" + line + "\n", "utf-8")
    with pytest.raises(BadFile, match=r"rows\.jsonl:2: not a labelled message"):
        readings.labelled(path)
