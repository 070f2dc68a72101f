"""The bulk interface: one line out for each line in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nlp import Understander, jsonl


def answers(understander: Understander, *lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in jsonl.lines(lines, understander)]


def test_a_message_becomes_its_labels_and_entities(understander: Understander) -> None:
    asked = json.dumps(
        {"id": "a", "text": "3号楼电梯显示E37停了，我姓周 13812345678", "channel": "wechat"}
    )
    (answer,) = answers(understander, asked + "\n")
    assert answer["id"] == "a"
    assert (answer["intent"], answer["fault_type"]) == ("report", "elevator")
    assert isinstance(answer["emotion"], int)
    assert answer["entities"] == {
        "phone": ["13812345678"],
        "serial": [],
        "location": ["3号楼"],
        "device": ["电梯"],
        "error_code": ["E37"],
        "time": [],
        "name": ["周"],
    }
    assert answer["normalized"].keys() == answer["entities"].keys()
    assert set(answer["confidence"]) == {"intent", "fault_type", "priority", "emotion"}
    assert isinstance(answer["abstained"], list)


def test_times_are_normalised_when_the_moment_is_known(understander: Understander) -> None:
    asked = json.dumps({"id": 1, "text": "昨天下午三点坏的", "at": "2026-11-20T10:00:00+08:00"})
    (answer,) = answers(understander, asked)
    assert answer["normalized"]["time"] == ["2026-11-19T15:00+08:00"]


@pytest.mark.parametrize(
    ("line", "name", "word"),
    [
        ("不是 JSON", None, "JSON"),
        ("[1, 2]", None, "object"),
        ("", None, "JSON"),
        ('{"id": NaN, "text": "好"}', None, "JSON"),
        ("[" * 100_000, None, "JSON"),
        ('{"id": 7}', 7, "text"),
        ('{"id": 7, "text": 5}', 7, "text"),
        (json.dumps({"id": 7, "text": "啊" * 20_001}), 7, "20000"),
        ('{"id": 7, "text": "好", "at": "昨天"}', 7, "at"),
        ('{"id": 7, "text": "好", "at": "2026-11-20T10:00:00"}', 7, "offset"),
    ],
)
def test_a_bad_line_is_answered_in_its_place(
    understander: Understander, line: str, name: object, word: str
) -> None:
    before, bad, after = answers(
        understander, '{"id": 1, "text": "你好"}', line, '{"id": 2, "text": "你好"}'
    )
    assert (before["id"], after["id"]) == (1, 2)
    assert bad["id"] == name
    assert word in bad["error"]
    assert set(bad) == {"id", "error"}


def test_a_lone_surrogate_can_be_written_out(understander: Understander) -> None:
    asked = '{"id": "\\ud800", "text": "电梯\\ud800坏了"}'
    (line,) = jsonl.lines([asked], understander)
    assert json.loads(line.encode())["id"] == "\ud800"
