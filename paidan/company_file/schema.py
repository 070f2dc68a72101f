"""The JSON Schema of ``company.yaml``, from the same type hints that read it.

Editors use it to complete and underline; the program itself checks more (ids, shifts, ladders).
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, time, timedelta
from typing import Any, Final, Literal, Union, get_args, get_origin

from paidan.company_file import shorthand
from paidan.company_file.reading import Hint, visible
from paidan.company_file.shape import CompanyFile, Contact, Group, Pattern, WallTime, Week, shape
from workflow.calendar import Span
from workflow.clocks import Target

_TEXTUAL: Final[Mapping[Hint, str]] = {
    timedelta: shorthand.DURATION,
    time: r"\d{1,2}:\d{2}",
    Span: shorthand.SPAN,
    Target: shorthand.TARGET,
    Contact: shorthand.CHAT,
    Group: shorthand.CHAT,
    WallTime: r"\d{1,2}:\d{2}",
    date: r"\d{4}-\d{2}-\d{2}",
}
_SCALARS: Final[Mapping[Hint, str]] = {bool: "boolean", int: "integer", float: "number"}
_DAY: Final = "(?:" + "|".join(shorthand.DAYS) + ")"


def company_schema() -> dict[str, Any]:
    """A draft 2020-12 schema as plain data."""
    definitions: dict[str, Any] = {}
    top = _schema(CompanyFile, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Paidan company.yaml",
        **top,
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(hint: Hint, definitions: dict[str, Any]) -> dict[str, Any]:
    if hint in _TEXTUAL:
        return {"type": "string", "pattern": f"^{_TEXTUAL[hint]}$"}
    if hint == Week:
        return _week(definitions)
    if is_dataclass(hint) and isinstance(hint, type):
        return _record(hint, definitions)
    if get_args(hint):
        return _generic(hint, definitions)
    if hint is Pattern:
        return {"type": "string", "format": "regex"}
    return {"type": _SCALARS.get(hint, "string")}


def _generic(hint: Hint, definitions: dict[str, Any]) -> dict[str, Any]:
    """Choices, optional values, lists and mappings."""
    origin: Hint = get_origin(hint)
    if origin is Literal:
        return {"enum": list(get_args(hint))}
    if origin in {Union, types.UnionType}:
        inner = next(h for h in get_args(hint) if h is not type(None))
        return {"anyOf": [_schema(inner, definitions), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(get_args(hint)[0], definitions)}
    key, value = get_args(hint)
    return {
        "type": "object",
        **({"propertyNames": {"pattern": f"^{_TEXTUAL[key]}$"}} if key in _TEXTUAL else {}),
        "additionalProperties": _schema(value, definitions),
    }


def _week(definitions: dict[str, Any]) -> dict[str, Any]:
    spans = {"type": "array", "items": _schema(Span, definitions)}
    return {
        "type": "object",
        "patternProperties": {f"^{_DAY}(?:-{_DAY})?$": spans},
        "additionalProperties": False,
    }


def _record(hint: type, definitions: dict[str, Any]) -> dict[str, Any]:
    if hint is not CompanyFile and hint.__name__ in definitions:
        return {"$ref": f"#/$defs/{hint.__name__}"}
    definitions[hint.__name__] = {}
    own = shape()
    written = visible(hint, own)
    required = [
        f.name
        for f in fields(hint)
        if f.name in written
        and f.default is MISSING
        and f.default_factory is MISSING
        and (hint, f.name) not in own.defaults
    ]
    record = {
        "type": "object",
        "description": " ".join((inspect.getdoc(hint) or "").split("\n\n")[0].split()),
        "properties": {name: _schema(field, definitions) for name, field in written.items()},
        "required": required,
        "additionalProperties": False,
    }
    if hint is CompanyFile:
        del definitions[hint.__name__]
        return record
    definitions[hint.__name__] = record
    return {"$ref": f"#/$defs/{hint.__name__}"}
