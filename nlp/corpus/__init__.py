r"""Our own labelled messages: one file per fault type, one heading per set of other labels.

``elevator.txt``::

    [report P0 5]
    {d:电梯}困人了快来人啊，{l:3栋}
    [question P2 2]
    {d:电梯}一年保养多少钱

The file names the fault type. Entities are marked ``{d:电梯}``, one letter a kind
(:data:`MARKS`); ``\n`` inside a line is a line break of the message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from nlp import sections
from workflow.taxonomy import EMOTIONS, FAULT_TYPES, INTENTS, PRIORITIES

FOLDER = Path(__file__).parent
MARKS: Final[Mapping[str, str]] = {
    "p": "phone",
    "s": "serial",
    "l": "location",
    "d": "device",
    "e": "error_code",
    "t": "time",
    "n": "name",
}
"""The letter an entity is marked with, and its kind."""

_HEADING = re.compile(
    rf"\[({'|'.join(INTENTS)}) ({'|'.join(PRIORITIES)}) ([{''.join(EMOTIONS)}])\]"
)
_MARKED = re.compile(rf"\{{([{''.join(MARKS)}]):([^{{}}]+)\}}")


class Marked(NamedTuple):
    """An entity of a message: ``text[start:end]`` is of this kind."""

    kind: str
    start: int
    end: int


class Example(NamedTuple):
    """A message and what a careful reader says of it; label keys as in ``workflow.taxonomy``."""

    text: str
    intent: str
    fault_type: str
    priority: str
    emotion: str
    entities: tuple[Marked, ...] = ()


class Placed(NamedTuple):
    """An example and where it stands, as ``file:line``."""

    example: Example
    place: str


def load(folder: Path = FOLDER, *, besides: Collection[str] = ()) -> tuple[Example, ...]:
    """Every labelled message, in file order.

    Raises:
        ValueError: as :func:`placed`.
    """
    return tuple(row.example for row in placed(folder, besides=besides))


def placed(folder: Path = FOLDER, *, besides: Collection[str] = ()) -> tuple[Placed, ...]:
    """Every labelled message with the place of its first appearance, in file order.

    ``besides`` names files of the folder that hold something else.

    Raises:
        ValueError: a file is not named after a fault type, an entity is marked wrongly, or a
            message stands twice with different labels; the text says where.
    """
    rows: dict[str, Placed] = {}
    for path in sorted(folder.glob("*.txt")):
        if path.name in besides:
            continue
        if path.stem not in FAULT_TYPES:
            raise ValueError(
                f"{path}: the file name must be a fault type: {', '.join(FAULT_TYPES)}"
            )
        for line in sections.read(path, _HEADING):
            intent, priority, emotion = line.heading.groups()
            try:
                text, entities = unmark(line.text)
            except ValueError as wrong:
                raise ValueError(f"{path}:{line.number}: {wrong}") from None
            example = Example(text, intent, path.stem, priority, emotion, entities)
            first = rows.setdefault(text, Placed(example, f"{path.name}:{line.number}"))
            if first.example != example:
                raise ValueError(
                    f"{path}:{line.number}: labelled differently in {first.place}: {text}"
                )
    return tuple(rows.values())


def unmark(line: str) -> tuple[str, tuple[Marked, ...]]:
    """The message of a marked line, and where its entities stand.

    Raises:
        ValueError: a brace is left over: a kind that is none, or a mark inside a mark.
    """
    line = line.replace("\\n", "\n")
    text, found, end = "", [], 0
    for marked in _MARKED.finditer(line):
        text += line[end : marked.start()]
        found.append(Marked(MARKS[marked[1]], len(text), len(text) + len(marked[2])))
        text += marked[2]
        end = marked.end()
    text += line[end:]
    if "{" in text or "}" in text:
        raise ValueError(f"marks are {{letter:words}} with one of {' '.join(MARKS)}: {line}")
    return text, tuple(found)


def mark(text: str, entities: tuple[Marked, ...]) -> str:
    """The line of a message: the reverse of :func:`unmark`."""
    letters = {kind: letter for letter, kind in MARKS.items()}
    line, end = "", 0
    for kind, start, stop in sorted(entities, key=lambda entity: entity.start):
        line += f"{text[end:start]}{{{letters[kind]}:{text[start:stop]}}}"
        end = stop
    return (line + text[end:]).replace("\n", "\\n")


def digest(examples: tuple[Example, ...]) -> str:
    """A short hash that changes whenever a message or a label does."""
    lines = "\n".join(
        "\t".join((*example[:5], mark(example.text, example.entities)))
        for example in sorted(examples)
    )
    return hashlib.sha256(lines.encode()).hexdigest()[:16]
