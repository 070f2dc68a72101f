"""Two faults in one message: where the second one begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from nlp.features import Reading
from nlp.lexicon import Device
from nlp.text import clauses
from workflow.records import FaultPart

_ALSO = re.compile(r"另外|还有|顺便|同时|对了|再就是|除此之外|以及|其次|第二|2[.、)]")
_AND = re.compile(r"\s*(?:和|跟|与|以及|还有|、|\+|,)\s*")


def split(reading: Reading, type_of: Callable[[str], str]) -> tuple[FaultPart, ...]:
    """The faults a message names, two or more, else nothing.

    A new part begins at a thing of another fault type, or at 另外/还有/顺便 with another thing;
    every part must say what is wrong. ``type_of`` judges the words of a part.
    """
    starts = _starts(reading)
    if len(starts) < 2:  # noqa: PLR2004  (one fault is no split)
        return ()
    edges = [0, *starts[1:], len(reading.text)]
    texts = [reading.text[a:b].strip(" ,，。;；、\n") for a, b in pairwise(edges)]
    return tuple(FaultPart(text, type_of(text)) for text in texts)


def _starts(reading: Reading) -> list[int]:
    """Where each fault begins: the first clause of it, or the device after 和."""
    starts: list[int] = []
    current: Device | None = None
    for start, end in clauses(reading.meant):
        if not any(start <= symptom.start < end for symptom in reading.symptoms):
            continue
        things = [d for d in reading.devices if start <= d.start < end and d.strength == "strong"]
        also = _ALSO.search(reading.meant, start, end) is not None
        for place, device in enumerate(things):
            if current is None:
                starts.append(start)
                current = device
            elif _another(current, device, reading, also=also) and (
                place == 0 or _AND.fullmatch(reading.meant, things[place - 1].end, device.start)
            ):
                starts.append(start if place == 0 else device.start)
                current = device
    return starts


def _another(current: Device, device: Device, reading: Reading, *, also: bool) -> bool:
    same_word = (
        reading.meant[current.start : current.end] == reading.meant[device.start : device.end]
    )
    return device.fault_type != current.fault_type or (also and not same_word)
