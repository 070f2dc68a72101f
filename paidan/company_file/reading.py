"""Reading YAML onto dataclasses by their type hints, keeping the line of every value.

Scalars are taken as they were typed: ``22:00`` is a time and ``13800138000`` a phone number
because the field says so, whatever YAML 1.1 would make of them. Everything wrong is collected, so
one run tells all of it.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from paidan.problems import InvalidFile, Problem

LARGEST: Final = 20_000_000
"""Longest file read, in characters; a hundred thousand customers fit."""

Hint = Any
"""A type hint: a class, a generic alias or a union. Python has no better name for it."""


class Unreadable(Exception):
    """A shorthand's text does not fit; ``rule`` and ``values`` say what would."""

    def __init__(self, rule: str, *values: str) -> None:
        self.rule, self.values = rule, values
        super().__init__(rule)


Field = tuple[type, str]
"""A dataclass and the name of one of its fields."""

Parse = Callable[[str], object]
"""Text to value; raises :class:`Unreadable`."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file differs from its dataclasses.

    ``parse`` reads types written as one word, ``hidden`` are fields a file never has, ``defaults``
    stand in for fields a file may leave out, ``written`` are fields a file writes under another
    hint, with what turns that into the field's own value (raising :class:`Unreadable`).
    """

    parse: Mapping[Hint, Parse]
    hidden: frozenset[Field]
    defaults: Mapping[Field, Callable[[], object]]
    written: Mapping[Field, tuple[Hint, Callable[[Any], object]]]


class _Bad:
    """Stands where a value could not be read; its problem is on the list."""


_BAD: Final = _Bad()
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C loader where PyYAML has it: ten times as fast."""
_YES_NO: Final = {"true": True, "yes": True, "是": True, "false": False, "no": False, "否": False}


def compose(text: str, file: str) -> yaml.Node:
    """The document as positioned nodes; InvalidFile when it is not YAML or far too long."""
    if len(text) > LARGEST:
        raise InvalidFile([Problem(file, 0, "", "", "size", (f"{LARGEST}",))])
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        rows = text.splitlines()
        found = rows[line - 1].strip() if 0 < line <= len(rows) else ""
        problem = Problem(file, line, "", found, "yaml", (str(error.problem or error.context),))
        raise InvalidFile([problem]) from error
    except (yaml.YAMLError, RecursionError) as error:
        problem = Problem(file, 0, "", "", "yaml", (str(error).splitlines()[0],))
        raise InvalidFile([problem]) from error
    return node or yaml.MappingNode("tag:yaml.org,2002:map", [])


class Reader:
    """One file being read: problems found so far, and on which line each key stands."""

    def __init__(self, file: str, shape: Shape) -> None:
        self.file = file
        self.shape = shape
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}

    def read(self, node: yaml.Node, hint: Hint, key: str = "") -> Any:
        """The value of a node as ``hint`` says; problems are collected, not raised."""
        self.lines.setdefault(key, _line(node))
        if hint in self.shape.parse and not isinstance(node, yaml.MappingNode):
            return self._shorthand(node, hint, key)
        origin: Hint = get_origin(hint)
        if origin in {Union, types.UnionType}:
            return self._optional(node, hint, key)
        if origin is tuple:
            return self._items(node, get_args(hint)[0], key)
        if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
            return self._entries(node, get_args(hint), key)
        if is_dataclass(hint) and isinstance(hint, type):
            return self._record(node, hint, key)
        return self._scalar(node, hint, key)

    def complain(self, key: str, found: str, rule: str, *values: str) -> None:
        """Put a problem on the list, at the line of ``key`` or of what encloses it."""
        self.problems.append(Problem(self.file, self.line(key), key, found, rule, values))

    def line(self, key: str) -> int:
        """Where a key stands; the nearest enclosing one when it was left out."""
        while key and key not in self.lines:
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return self.lines.get(key, 0)

    def finish(self) -> None:
        """Raise InvalidFile if anything was wrong, in the order of the file."""
        if self.problems:
            raise InvalidFile(sorted(self.problems, key=lambda p: p.line))

    # --- containers ---------------------------------------------------------------------------

    def _optional(self, node: yaml.Node, hint: Hint, key: str) -> Any:
        if _empty(node):
            return None
        return self.read(node, next(h for h in get_args(hint) if h is not type(None)), key)

    def _items(self, node: yaml.Node, hint: Hint, key: str) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self._refuse(node, key, "list")
        items = [self.read(n, hint, f"{key}[{i}]") for i, n in enumerate(node.value)]
        return _BAD if _BAD in items else tuple(items)

    def _entries(self, node: yaml.Node, hints: Sequence[Hint], key: str) -> Any:
        pairs = self._pairs(node, key)
        if pairs is None:
            return _BAD
        entries = {}
        for name, (name_node, value_node) in pairs.items():
            path = _join(key, name)
            said = self.read(name_node, hints[0], path)
            entries[said] = self.read(value_node, hints[1], path)
        return _BAD if _BAD in entries or _BAD in entries.values() else entries

    def _record(self, node: yaml.Node, hint: type, key: str) -> Any:
        pairs = self._pairs(node, key)
        if pairs is None:
            return _BAD
        shown = self.visible(hint)
        for name in pairs.keys() - shown.keys():
            self.complain(_join(key, name), name, "known_key", *sorted(shown))
        values = {}
        for name, field_hint in shown.items():
            path = _join(key, name)
            if name in pairs and not _empty(pairs[name][1]):
                values[name] = self._field(pairs[name][1], hint, name, field_hint, path)
            elif (hint, name) not in self.shape.defaults and not _has_default(hint, name):
                self.complain(path, "", "required")
                values[name] = _BAD
        for (owner, name), default in self.shape.defaults.items():
            if owner is hint:
                values.setdefault(name, default())
        return _BAD if _BAD in values.values() else hint(**values)

    def _field(self, node: yaml.Node, owner: type, name: str, hint: Hint, key: str) -> Any:
        value = self.read(node, hint, key)
        if value is _BAD or (owner, name) not in self.shape.written:
            return value
        try:
            return self.shape.written[owner, name][1](value)
        except Unreadable as why:
            return self._refuse(node, key, why.rule, *why.values)

    def _pairs(self, node: yaml.Node, key: str) -> dict[str, tuple[yaml.Node, yaml.Node]] | None:
        """A mapping's entries by name, their lines noted; None when it is no mapping."""
        if _empty(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, key, "mapping")
            return None
        pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for name_node, value_node in node.value:
            name = str(name_node.value)
            self.lines[_join(key, name)] = _line(name_node)
            if name in pairs:
                self.complain(_join(key, name), name, "once")
            pairs[name] = (name_node, value_node)
        return pairs

    # --- scalars ------------------------------------------------------------------------------

    def _shorthand(self, node: yaml.Node, hint: Hint, key: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return self._refuse(node, key, "text")
        try:
            return self.shape.parse[hint](node.value)
        except Unreadable as why:
            return self._refuse(node, key, why.rule, *why.values)

    def _scalar(self, node: yaml.Node, hint: Hint, key: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return self._refuse(node, key, "text")
        text = node.value
        origin: Hint = get_origin(hint)
        if origin is Literal:
            choices = get_args(hint)
            return text if text in choices else self._refuse(node, key, "one_of", *choices)
        if hint is bool:
            known = _YES_NO.get(text.lower())
            return self._refuse(node, key, "yes_no") if known is None else known
        if hint is str:
            return text
        try:
            return date.fromisoformat(text) if hint is date else hint(text)
        except ValueError:
            rule = {int: "integer", float: "number", date: "day"}[hint]
            return self._refuse(node, key, rule, *([] if hint is date else [""]))

    def _refuse(self, node: yaml.Node, key: str, rule: str, *values: str) -> _Bad:
        self.problems.append(Problem(self.file, _line(node), key, _shown(node), rule, values))
        return _BAD

    def visible(self, hint: type) -> dict[str, Hint]:
        """The fields a file may write, with their hints."""
        return visible(hint, self.shape)


def visible(hint: type, shape: Shape) -> dict[str, Hint]:
    """The fields of a dataclass that a file may write, with their hints."""
    own = _hints(hint)
    return {
        f.name: shape.written.get((hint, f.name), (own[f.name], None))[0]
        for f in fields(hint)
        if f.init and (hint, f.name) not in shape.hidden
    }


@cache
def _hints(hint: type) -> dict[str, Hint]:
    return get_type_hints(hint)


@cache
def _has_default(hint: type, name: str) -> bool:
    found = next(f for f in fields(hint) if f.name == name)
    return found.default is not MISSING or found.default_factory is not MISSING


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1 if node.start_mark else 1


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key and name else key or name


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    return "[…]" if isinstance(node, yaml.SequenceNode) else "{…}"
