"""Reading messages in bulk: one JSON object in, one JSON object out, line by line, in order.

In: ``{"id", "text"}`` with optional ``at`` (ISO 8601 with an offset). Out: the labels, entities,
confidences and evidence of that message, or ``{"id", "error"}`` in plain words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NoReturn

from nlp.understander import Understander
from workflow.records import Understanding

LONGEST_TEXT = 20_000
KINDS = ("phone", "serial", "location", "device", "error_code", "time", "name")


def lines(source: Iterable[str], understander: Understander) -> Iterator[str]:
    """One output line (without line break) for each input line that is not blank at the end."""
    for line in source:
        yield _encodable(_answer(line, understander))


def _encodable(answer: dict[str, Any]) -> str:
    """JSON in readable characters, or escaped where a lone surrogate could not be written out."""
    line = json.dumps(answer, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(answer)
    return line


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _answer(line: str, understander: Understander) -> dict[str, Any]:
    try:
        asked = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return {"id": None, "error": 'this line is not JSON; expected {"id": …, "text": …}'}
    if not isinstance(asked, dict):
        return {"id": None, "error": "this line is not a JSON object with id and text"}
    name, text = asked.get("id"), asked.get("text")
    if not isinstance(text, str):
        return {"id": name, "error": "text is missing or not a string"}
    if len(text) > LONGEST_TEXT:
        return {"id": name, "error": f"text is longer than {LONGEST_TEXT} characters"}
    try:
        at = _moment(asked.get("at"))
    except ValueError:
        return {"id": name, "error": "at must be an ISO 8601 time with an offset"}
    return {"id": name, **plain(understander.understand(text, at=at))}


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    at = datetime.fromisoformat(str(value))
    if at.tzinfo is None:
        raise ValueError(value)
    return at


def plain(understanding: Understanding) -> dict[str, Any]:
    """An understanding as JSON-able facts, entities grouped by kind."""
    heads = {
        "intent": understanding.intent,
        "fault_type": understanding.fault_type,
        "priority": understanding.priority,
        "emotion": understanding.emotion,
    }
    found = {kind: [e for e in understanding.entities if e.kind == kind] for kind in KINDS}
    return {
        **{head: guess.label for head, guess in heads.items()},
        "emotion": int(understanding.emotion.label),
        "entities": {kind: [e.text for e in group] for kind, group in found.items()},
        "normalized": {kind: [e.normalized for e in group] for kind, group in found.items()},
        "confidence": {head: round(guess.confidence, 4) for head, guess in heads.items()},
        "evidence": {head: list(guess.evidence) for head, guess in heads.items()},
        "abstained": sorted(understanding.abstained),
    }
