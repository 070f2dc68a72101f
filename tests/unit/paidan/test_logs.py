"""Logs go to stderr, as text or JSON, and never hold a whole phone number."""

from __future__ import annotations

import json

import pytest
import structlog

from paidan.logs import configure
from paidan.settings import Log


def test_json_lines_on_stderr_with_phones_masked(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="info", format="json"))
    log = structlog.get_logger("test")
    log.debug("not shown")
    log.info("told 13812345678", to={"phone": ["13912345678"]}, serial="113812345678")
    said = capsys.readouterr()
    assert said.out == ""
    event = json.loads(said.err)
    assert event["event"] == "told 138****5678"
    assert event["to"] == {"phone": ["139****5678"]}
    assert event["serial"] == "113812345678"
    assert event["timestamp"][10] == "T"


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="warning", format="text"))
    structlog.get_logger("test").warning("电话 13812345678")
    assert "电话 138****5678" in capsys.readouterr().err
