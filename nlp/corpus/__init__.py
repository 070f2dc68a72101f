r"""Our own labelled messages: one file per fault type, one heading per set of other labels.

``elevator.txt``::

    [report P0 5]
    电梯困人了快来人啊
    [question P2 2]
    电梯一年保养多少钱

The file names the fault type; a heading may name another after the emotion
(``[report P1 3 other]``). ``\n`` inside a line is a line break of the message.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from nlp import sections
from workflow.taxonomy import EMOTIONS, FAULT_TYPES, INTENTS, PRIORITIES

FOLDER = Path(__file__).parent
_HEADING = re.compile(
    rf"\[({'|'.join(INTENTS)}) ({'|'.join(PRIORITIES)}) ([{''.join(EMOTIONS)}])"
    rf"(?: ({'|'.join(FAULT_TYPES)}))?\]"
)


class Example(NamedTuple):
    """A message and what a careful reader says of it; label keys as in ``workflow.taxonomy``."""

    text: str
    intent: str
    fault_type: str
    priority: str
    emotion: str


def load(folder: Path = FOLDER) -> tuple[Example, ...]:
    """Every labelled message, in file order.

    Raises:
        ValueError: a file is not named after a fault type, or a message stands twice with
            different labels; the text says where.
    """
    examples: dict[str, Example] = {}
    for path in sorted(folder.glob("*.txt")):
        if path.stem not in FAULT_TYPES:
            raise ValueError(
                f"{path}: the file name must be a fault type: {', '.join(FAULT_TYPES)}"
            )
        for line in sections.read(path, _HEADING):
            intent, priority, emotion, fault_type = line.heading.groups()
            text = line.text.replace("\\n", "\n")
            example = Example(text, intent, fault_type or path.stem, priority, emotion)
            if examples.setdefault(text, example) != example:
                raise ValueError(f"{path}:{line.number}: labelled differently before: {text}")
    return tuple(examples.values())


def digest(examples: tuple[Example, ...]) -> str:
    """A short hash that changes whenever a message or a label does."""
    lines = "\n".join("\t".join(example) for example in sorted(examples))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]
