"""Articles written as Markdown: a heading each, a few facts, and the steps.

    # 充电桩报 E07 怎么办

    - 编号: e07
    - 问法: 扫码失败；蓝牙连接超时
    - 错误码: E07
    - 故障类型: 充电桩

    1. 关掉手机蓝牙再打开……

The facts are the columns of the table ``knowledge``, in Chinese or English; all may be left out.
Without an id the heading names the article, so that the same heading again is the same article.
What comes after the facts, up to the next heading of the same level, are the steps.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from paidan.problems import Problem
from paidan.tables import COLUMNS, ImportResult, import_rows

_HEADING = re.compile(r"^(#{1,3})\s+(.+?)\s*#*$")
_FACT = re.compile(r"^\s*[-*]\s+([^:：]{1,20})[:：]\s*(.*)$")
_NAMES = {c.name: c.name for c in COLUMNS["knowledge"]} | {
    c.label: c.name for c in COLUMNS["knowledge"]
}


@dataclass
class _Section:
    """One heading with what stands under it."""

    line: int
    title: str
    facts: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)


def read_markdown(text: str, file: str = "knowledge.md") -> ImportResult:
    """Read articles; what is wrong is named by the line of its heading."""
    sections = list(_sections(text.lstrip("\ufeff").splitlines()))
    if not sections:
        return ImportResult("knowledge", (), (Problem(file, 0, "", "", "no_rows"),), file)
    table = io.StringIO()
    names = [column.name for column in COLUMNS["knowledge"]]
    writer = csv.DictWriter(table, names, restval="")
    writer.writeheader()
    for section in sections:
        steps = "\n".join(section.steps).strip()
        known = {"id": _id(section.title), "title": section.title, **section.facts}
        writer.writerow({**known, "steps": steps})
    result = import_rows("knowledge", table.getvalue(), file)
    where = {number: section.line for number, section in enumerate(sections, start=2)}
    return replace(
        result,
        rows=tuple(replace(row, row=where[row.row]) for row in result.rows),
        errors=tuple(replace(e, line=where.get(e.line, e.line)) for e in result.errors),
    )


def _sections(lines: list[str]) -> Iterator[_Section]:
    """A new article at each heading of the level of the first; deeper headings are steps."""
    level, current = 0, None
    for number, line in enumerate(lines, start=1):
        heading = _HEADING.match(line)
        if heading and (not level or len(heading[1]) <= level):
            level = level or len(heading[1])
            if current is not None:
                yield current
            current = _Section(number, heading[2])
        elif current is not None:
            _fill(current, line)
    if current is not None:
        yield current


def _fill(section: _Section, line: str) -> None:
    fact = _FACT.match(line)
    name = _NAMES.get(fact[1].strip().lower()) if fact else None
    if fact and name and not section.steps:
        section.facts[name] = fact[2].strip()
    elif line.strip() or section.steps:
        section.steps.append(line.rstrip())


def _id(title: str) -> str:
    return "a" + hashlib.sha256(title.encode()).hexdigest()[:8]
