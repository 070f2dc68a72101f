"""Reading messages in bulk: one JSON object in, one JSON object out, line by line, in order.

A message: in ``{"id", "text"}`` with optional ``at`` (ISO 8601 with an offset) and ``spoken`` (the
words were said); out the labels, entities, confidences, evidence and corrections. A pair: in
``{"id", "a", "b"}``, ``a`` the earlier, with optional ``gap_min`` and ``same_user``; out whether
they are one incident. A line that is neither gets ``{"id", "error"}`` in plain words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn

from nlp.sameness import SameIncident
from nlp.understander import Understander
from workflow.records import Understanding
from workflow.vocabulary import Term

LONGEST_TEXT = 20_000
KINDS = ("phone", "serial", "location", "device", "error_code", "time", "name")


def lines(
    source: Iterable[str], understander: Understander, own: Sequence[Term] = ()
) -> Iterator[str]:
    """One output line (without line break) for each input line that is not blank at the end;
    ``own`` are a company's words.
    """

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        text = _text(asked, "text")
        at, spoken = _moment(asked.get("at")), _flag(asked.get("spoken"))
        return plain(understander.understand(text, at=at, spoken=spoken, own=own))

    return _answers(source, '{"id": …, "text": …}', "id and text", answer)


def pairs(source: Iterable[str], same_incident: SameIncident) -> Iterator[str]:
    """One output line for each line with two reports: same or not, how likely, and why."""

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        a, b = _text(asked, "a"), _text(asked, "b")
        verdict = same_incident(a, b, _gap(asked.get("gap_min")), _who(asked.get("same_user")))
        return {"same": verdict.same, "score": round(verdict.score, 4), "reason": verdict.reason}

    return _answers(source, '{"id": …, "a": …, "b": …}', "id, a and b", answer)


def _answers(
    source: Iterable[str],
    shape: str,
    names: str,
    answer: Callable[[dict[str, Any]], dict[str, Any]],
) -> Iterator[str]:
    for line in source:
        yield _encodable(_answer(line, shape, names, answer))


def _answer(
    line: str, shape: str, names: str, answer: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    try:
        asked = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return {"id": None, "error": f"this line is not JSON; expected {shape}"}
    if not isinstance(asked, dict):
        return {"id": None, "error": f"this line is not a JSON object with {names}"}
    try:
        return {"id": asked.get("id"), **answer(asked)}
    except ValueError as wrong:
        return {"id": asked.get("id"), "error": str(wrong)}


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


def _text(asked: dict[str, Any], name: str) -> str:
    text = asked.get(name)
    if not isinstance(text, str):
        raise ValueError(f"{name} is missing or not a string")  # noqa: TRY004 - told as an answer
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{name} is longer than {LONGEST_TEXT} characters")
    return text


def _gap(value: object) -> float | None:
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= float(value) < math.inf:  # type: ignore[arg-type]  # a number
        raise ValueError("gap_min must be a number of minutes, 0 or more")
    return float(value)  # type: ignore[arg-type]  # a number


def _who(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if value in {0, 1}:
        return bool(value)
    raise ValueError("same_user must be true or false")


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError("at must be an ISO 8601 time with an offset")
    return at


def _flag(value: object) -> bool:
    if value is not None and not isinstance(value, bool):
        raise ValueError("spoken must be true or false")
    return bool(value)


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
        "corrections": [
            {"start": start, "end": end, "text": understanding.text[start:end], "meant": meant}
            for start, end, meant in understanding.corrections
        ],
        "abstained": sorted(understanding.abstained),
    }
