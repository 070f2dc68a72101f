"""Readers of the public sets: plain records, or an error that names file and line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .shape import BadFile


class Text(NamedTuple):
    """A message with one label."""

    text: str
    label: str


class Complaint(NamedTuple):
    """A message with one or more labels, the finer codes of its parts (the label is the first
    letter), the day it was made (ISO), and what the complaint is about (brand and model).
    """

    text: str
    labels: tuple[str, ...]
    codes: tuple[str, ...]
    date: str
    asset: tuple[str, ...]


class Pair(NamedTuple):
    """Two sentences and whether they mean the same."""

    a: str
    b: str
    same: bool


class Tagged(NamedTuple):
    """Tokens and one BIO tag each."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]


def cic(path: Path) -> list[Text]:
    """DataCLUE CIC: a JSON object with ``sentence`` and ``label_des`` a line."""
    return [Text(_str(row, "sentence"), _str(row, "label_des")) for row in _json(path)]


def car(path: Path) -> list[Complaint]:
    """Car complaints: ``text``, ``labels`` and ``codes`` (lists), ``date``, ``brand`` and ``model``
    a line; codes, brand and model may be missing.
    """

    def one(row: Mapping[str, Any]) -> Complaint:
        labels = row["labels"]
        if not isinstance(labels, list) or not labels:
            raise ValueError("labels must be a list of at least one label")
        asset = tuple(str(row[name]) for name in ("brand", "model") if row.get(name))
        codes = tuple(map(str, row.get("codes") or ()))
        return Complaint(
            _str(row, "text"), tuple(map(str, labels)), codes, _str(row, "date"), asset
        )

    return list(_each(path, _json(path), one))


def ict(path: Path, column: str) -> list[Text]:
    """State Grid reports: a CSV with ``问题现象`` and the column asked for."""
    return [Text(_str(row, "问题现象"), _str(row, column)) for row in _csv(path)]


def sentiment(path: Path) -> list[Text]:
    """Chat polarity: a CSV with ``labels`` and ``text``; the blanks of segmentation go."""
    return [Text(_str(row, "text").replace(" ", ""), _str(row, "labels")) for row in _csv(path)]


def labelled(path: Path, label: str) -> list[Text]:
    """``title`` and ``text`` joined, with the label under this name, a JSON object a line."""
    rows = _json(path)
    return [Text(f"{_str(r, 'title')}\n{_str(r, 'text')}", _str(r, label)) for r in rows]


def pairs(path: Path) -> list[Pair]:
    """LCQMC: two sentences and 0 or 1, tab-separated, a line."""
    found = []
    for number, line in enumerate(_lines(path), 1):
        parts = line.split("\t")
        if len(parts) != 3 or parts[2].strip() not in {"0", "1"}:
            raise BadFile(f"{path}:{number}: expected two sentences and 0 or 1, tab-separated")
        found.append(Pair(parts[0], parts[1], parts[2].strip() == "1"))
    return _some(path, found)


def bio(path: Path) -> list[Tagged]:
    """A token and its tag (``B-x``, ``I-x``, ``O``) a line, a blank line between sentences."""
    found: list[Tagged] = []
    tokens: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*_lines(path), ""], 1):
        parts = line.split()
        if not parts and tokens:
            found.append(Tagged(tuple(tokens), tuple(tags)))
            tokens, tags = [], []
        elif parts and (len(parts) != 2 or (parts[1] != "O" and parts[1][:2] not in {"B-", "I-"})):
            raise BadFile(f"{path}:{number}: expected a token and its tag, found {line!r}")
        elif parts:
            tokens.append(parts[0])
            tags.append(parts[1])
    return _some(path, found)


def spans(path: Path) -> list[Tagged]:
    """Industry NER: ``sentences`` (tokens) and ``ner`` (start, end inclusive, kind) a line. The
    file as it is published breaks off inside its last line; that line is left out.
    """

    def one(row: Mapping[str, Any]) -> list[Tagged]:
        found, offset = [], 0
        for tokens, marks in zip(row["sentences"], row["ner"], strict=True):
            tags = ["O"] * len(tokens)
            for start, end, kind in marks:
                first, last = start - offset, end - offset
                if not 0 <= first <= last < len(tokens):
                    raise ValueError(f"span {start}–{end} lies outside its sentence")
                tags[first : last + 1] = [f"B-{kind}", *[f"I-{kind}"] * (last - first)]
            found.append(Tagged(tuple(tokens), tuple(tags)))
            offset += len(tokens)
        return found

    return [tagged for group in _each(path, _json(path, cut=True), one) for tagged in group]


def _lines(path: Path) -> list[str]:
    """Lines as editors count them; a few of the sets hold a broken byte."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in file]


class _Row(dict[str, Any]):
    """A record that knows where it stands."""

    where: str = ""


def _json(path: Path, *, cut: bool = False) -> list[_Row]:
    """``cut``: the last line may break off."""
    rows = []
    lines = _lines(path)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _Row(json.loads(line))
        except (ValueError, TypeError) as wrong:
            if cut and number == len(lines):
                break
            raise BadFile(f"{path}:{number}: not a JSON object: {wrong}") from None
        row.where = f"{path}:{number}"
        rows.append(row)
    return _some(path, rows)


def _csv(path: Path) -> list[_Row]:
    rows = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file)
        for line in lines:
            row = _Row(line)
            row.where = f"{path}:{lines.line_num}"
            rows.append(row)
    return _some(path, rows)


def _str(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        found = ", ".join(map(str, row)) or "nothing"
        raise BadFile(f"{getattr(row, 'where', '')}: no text field {name!r}; found {found}")
    return value


def _each(path: Path, rows: list[_Row], one: Callable[[_Row], Any]) -> Iterator[Any]:
    for row in rows:
        try:
            yield one(row)
        except (KeyError, ValueError, TypeError) as wrong:
            raise BadFile(f"{row.where or path}: {wrong!r}") from None


def _some(path: Path, found: list[Any]) -> list[Any]:
    if not found:
        raise BadFile(f"{path}: holds no rows")
    return found
