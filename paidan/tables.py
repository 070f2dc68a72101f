"""CSV tables of staff, customers, assets, articles: read, every wrong cell named by row and column.

Columns may be headed in English or Chinese (see :data:`COLUMNS`); a column that is absent leaves
what is stored alone, an empty cell clears it. Reading knows nothing of the company: whether a team
exists is for :mod:`paidan.importing`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

from paidan.company_file.checks import FAULTS, LEVELS, LONGEST_STEPS, STAFF_ROLES
from paidan.company_file.reading import LARGEST, Unreadable
from paidan.company_file.shorthand import chat
from paidan.problems import InvalidFile, Problem
from workflow.records import ChatRef
from workflow.taxonomy import FAULT_TYPES

Kind = Literal["staff", "customers", "assets", "knowledge"]
Parse = Callable[[str], object]

_FAULT_NAMES: Final = {name: key for key, (name, _) in FAULT_TYPES.items()}
_ROLES: Final = {"工程师": "engineer", "主管": "supervisor", "管理员": "admin"}
_YES: Final = frozenset({"1", "true", "yes", "y", "是"})
_NO: Final = frozenset({"0", "false", "no", "n", "否", ""})
_SEPARATORS: Final = str.maketrans("，；、|", ";;;;")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its field (``site.`` for a part of the place), its Chinese heading, how a cell
    is read. An ``id`` and a name are required.
    """

    name: str
    label: str
    parse: Parse
    required: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One record's cells by field name, and the row it stood in (the heading is row 1)."""

    row: int
    values: Mapping[str, object]

    @property
    def id(self) -> str:
        """The record's id; the same id twice means the same record."""
        return str(self.values["id"])


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a table holds: rows that can be read, and what is wrong with the others."""

    kind: Kind
    rows: tuple[Row, ...]
    errors: tuple[Problem, ...] = ()
    file: str = ""


@dataclass(slots=True)
class _Table:
    """A table being read."""

    file: str
    errors: list[Problem] = field(default_factory=list)

    def complain(self, row: int, column: str, found: str, rule: str, *values: str) -> None:
        self.errors.append(Problem(self.file, row, column, found, rule, values))


def decode_table(data: bytes, file: str = "table.csv") -> str:
    """The text of a CSV file as Excel and WPS write it: UTF-8 (with or without mark), UTF-16 or
    GBK/GB18030.

    Raises:
        InvalidFile: none of these.
    """
    codecs = ["utf-16"] if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else ["utf-8-sig", "gb18030"]
    for codec in codecs:
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    raise InvalidFile([Problem(file, 0, "", "", "file", ("UTF-8, UTF-16, GBK",))])


def import_rows(kind: Kind, text: str, file: str = "") -> ImportResult:
    """Read a table of ``kind``; errors name row and column, good rows come through all the same."""
    file = file or f"{kind}.csv"
    table = _Table(file)
    if len(text) > LARGEST:
        table.complain(0, "", "", "size", str(LARGEST))
        return ImportResult(kind, (), tuple(table.errors), file)
    try:
        lines = list(csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), _dialect(text)))
    except csv.Error as error:
        table.complain(0, "", "", "file", str(error))
        return ImportResult(kind, (), tuple(table.errors), file)
    columns = _heading(kind, lines[0] if lines else [], table)
    rows = _body(columns, lines[1:], table) if not table.errors else []
    return ImportResult(kind, tuple(rows), tuple(table.errors), file)


def _dialect(text: str) -> type[csv.Dialect]:
    """Comma, semicolon or tab: whichever the heading has most of."""
    heading = text.split("\n", 1)[0]

    class Separated(csv.excel):
        delimiter = max(",;\t", key=heading.count)

    return Separated


def _heading(kind: Kind, cells: Sequence[str], table: _Table) -> list[Column | None]:
    known = {c.name: c for c in COLUMNS[kind]} | {c.label: c for c in COLUMNS[kind]}
    columns: list[Column | None] = []
    for cell in (c.strip() for c in cells):
        column = known.get(cell.lower())
        if cell and column is None:
            names = (f"{c.name}（{c.label}）" for c in COLUMNS[kind])
            table.complain(1, cell, cell, "column", *names)
        elif column in columns and column:
            table.complain(1, cell, cell, "once")
        columns.append(column)
    for wanted in COLUMNS[kind]:
        if wanted.required and wanted not in columns:
            table.complain(1, wanted.name, "", "required")
    return columns


def _body(
    columns: Sequence[Column | None], lines: Sequence[Sequence[str]], table: _Table
) -> list[Row]:
    rows: list[Row] = []
    first: dict[str, int] = {}
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        row = _row(number, columns, cells, table)
        if row is None:
            continue
        if row.id in first:
            table.complain(number, "id", row.id, "unique", str(first[row.id]))
            continue
        first[row.id] = number
        rows.append(row)
    if not rows and not table.errors:
        table.complain(0, "", "", "no_rows")
    return rows


def _row(
    number: int, columns: Sequence[Column | None], cells: Sequence[str], table: _Table
) -> Row | None:
    before = len(table.errors)
    if len(cells) > len(columns):
        table.complain(number, "", str(len(cells)), "cells", str(len(columns)))
        return None
    values: dict[str, object] = {}
    padded = [*cells, *[""] * (len(columns) - len(cells))]
    for column, cell in zip(columns, padded, strict=True):
        if column is None:
            continue
        found = cell.strip()
        if column.required and not found:
            table.complain(number, column.name, "", "required")
            continue
        try:
            values[column.name] = column.parse(found)
        except Unreadable as why:
            table.complain(number, column.name, found, why.rule, *why.values)
    return Row(number, values) if len(table.errors) == before else None


# --- cells ------------------------------------------------------------------------------------


def _text(cell: str) -> str:
    return cell


def _phone(cell: str) -> str:
    """A phone number; Excel's ``1.38E+10`` is refused rather than guessed at."""
    bare = cell.replace(" ", "").replace("-", "").lstrip("+")
    if cell and not (bare.isascii() and bare.isdigit() and 7 <= len(bare) <= 15):  # noqa: PLR2004 - E.164
        raise Unreadable("phone")
    return cell.replace(" ", "")


def _yes_no(cell: str) -> bool:
    if cell.lower() in _YES:
        return True
    if cell.lower() in _NO:
        return False
    raise Unreadable("yes_no")


def _active(cell: str) -> bool:
    return not cell or _yes_no(cell)


def _number(limit: int) -> Parse:
    def parse(cell: str) -> float | None:
        try:
            found = float(cell) if cell else None
        except ValueError as why:
            raise Unreadable("number", f"-{limit}–{limit}") from why
        if found is not None and not -limit <= found <= limit:
            raise Unreadable("number", f"-{limit}–{limit}")
        return found

    return parse


def _fault_type(cell: str) -> str:
    key = _FAULT_NAMES.get(cell, cell)
    if key and key not in FAULTS:
        raise Unreadable("one_of", *FAULTS)
    return key


def _role(cell: str) -> str:
    key = _ROLES.get(cell, cell or "engineer")
    if key not in STAFF_ROLES:
        raise Unreadable("one_of", *STAFF_ROLES)
    return key


def _locale(cell: str) -> str:
    if cell not in {"", "zh_CN", "en"}:
        raise Unreadable("one_of", "zh_CN", "en")
    return cell or "zh_CN"


def _day(cell: str) -> str:
    try:
        return date.fromisoformat(cell.replace("/", "-")).isoformat() if cell else ""
    except ValueError as why:
        raise Unreadable("day") from why


def _items(cell: str) -> list[str]:
    return [item.strip() for item in cell.translate(_SEPARATORS).split(";") if item.strip()]


def _skills(cell: str) -> dict[str, int]:
    """``hvac:5; 给排水:3``; without a level, 3."""
    skills: dict[str, int] = {}
    for item in _items(cell):
        name, _, level = item.replace("：", ":").partition(":")
        if level.strip() and level.strip() not in {str(n) for n in LEVELS}:
            raise Unreadable("integer", "1–5")
        skills[_fault_type(name.strip())] = int(level) if level.strip() else 3
    return skills


def _contacts(cell: str) -> tuple[ChatRef, ...]:
    return tuple(chat(item, "direct") for item in _items(cell))


def _handles(cell: str) -> dict[str, str]:
    """``wecom=WangLei; telegram=123``."""
    pairs = [item.partition("=") for item in _items(cell)]
    if not all(channel.strip() and user.strip() for channel, _, user in pairs):
        raise Unreadable("handle")
    return {channel.strip(): user.strip() for channel, _, user in pairs}


def _steps(cell: str) -> str:
    if len(cell) > LONGEST_STEPS:
        raise Unreadable("integer", f"≤ {LONGEST_STEPS}")
    return cell.replace("\r\n", "\n")


def _sayings(cell: str) -> tuple[str, ...]:
    """Parted by semicolons or lines: a saying may hold a comma."""
    lines = cell.replace("；", ";").replace("\n", ";").split(";")
    return tuple(line.strip() for line in lines if line.strip())


def _fault_types(cell: str) -> tuple[str, ...]:
    return tuple(_fault_type(item) for item in _items(cell.replace(",", ";")))


def _offered(cell: str) -> bool:
    return not cell or _yes_no(cell)


def _optional(cell: str) -> Any:
    return cell or None


_SITE: Final = (
    Column("region", "区域", _text),
    Column("place", "地点", _text),
    Column("lat", "纬度", _number(90)),
    Column("lon", "经度", _number(180)),
)

COLUMNS: Final[Mapping[Kind, tuple[Column, ...]]] = {
    "staff": (
        Column("id", "编号", _text, required=True),
        Column("name", "姓名", _text, required=True),
        Column("role", "角色", _role),
        Column("team", "班组", _text),
        Column("shift", "班次", _text),
        Column("skills", "技能", _skills),
        Column("phone", "电话", _phone),
        Column("supervisor", "上级", _optional),
        Column("active", "在职", _active),
        Column("contacts", "会话", _contacts),
        Column("handles", "账号", _handles),
        *_SITE,
    ),
    "customers": (
        Column("id", "编号", _text, required=True),
        Column("name", "姓名", _text, required=True),
        Column("phone", "电话", _phone),
        Column("vip", "贵宾", _yes_no),
        Column("locale", "语言", _locale),
        *_SITE,
    ),
    "assets": (
        Column("id", "编号", _text, required=True),
        Column("name", "名称", _text, required=True),
        Column("serial", "序列号", _text),
        Column("fault_type", "故障类型", _fault_type),
        Column("model", "型号", _text),
        Column("customer_id", "客户编号", _optional),
        Column("installed_on", "安装日期", _day),
        *_SITE,
    ),
    "knowledge": (
        Column("id", "编号", _text, required=True),
        Column("title", "标题", _text, required=True),
        Column("steps", "步骤", _steps, required=True),
        Column("asks", "问法", _sayings),
        Column("codes", "错误码", _sayings),
        Column("fault_types", "故障类型", _fault_types),
        Column("self_service", "自助", _offered),
        Column("active", "启用", _active),
    ),
}
