"""Two faults in one message: where the second one begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from nlp.heads.features import Reading
from nlp.lexicon import Device
from nlp.text import clauses
from workflow.records import FaultPart

_ALSO = re.compile(r"另外|还有|顺便|同时|对了|再就是|除此之外|以及|其次|第二|2[.、)]")
_FIRST = re.compile(r"先(?:来|去|给我|帮我)?(?:修|看|弄|搞|处理|解决)(?:一下|下|好)?")
_NEAR = 4
"""Characters between 先修 and the thing, at most."""
_WRONG = re.compile(r"[不没坏断掉漏裂堵响烧]")
_AND = re.compile(r"\s*(?:和|跟|与|以及|还有|、|\+|,)\s*")


def split(reading: Reading, type_of: Callable[[str], str]) -> tuple[FaultPart, ...]:
    """The faults a message names, two or more, else nothing.

    A new part begins at a thing of another fault type, or at 另外/还有/顺便 with another thing;
    every part must say what is wrong (where the writer counts, 不 or 坏 will
    do). ``type_of`` judges the words of a part.
    """
    starts = _starts(reading)
    if len(starts) < 2:  # noqa: PLR2004  (one fault is no split)
        return ()
    edges = [0, *starts[1:], len(reading.text)]
    texts = [reading.text[a:b].strip(" ,，。;；、\n") for a, b in pairwise(edges)]
    return tuple(FaultPart(text, type_of(text)) for text in texts)


def put_first(reading: Reading) -> Device | None:
    """What the writer wants done before the rest (先修网，空调不急), if they say so."""
    asked = _FIRST.search(reading.meant)
    if asked is None:
        return None
    things = [d for d in reading.devices if 0 <= d.start - asked.end() <= _NEAR]
    return things[0] if len({d.fault_type for d in reading.devices}) > 1 and things else None


def _starts(reading: Reading) -> list[int]:
    """Where each fault begins: the first clause of it, or the device after 和."""
    starts: list[int] = []
    current: Device | None = None
    counted = _ALSO.search(reading.meant) is not None
    for start, end in clauses(reading.meant):
        named = any(start <= symptom.start < end for symptom in reading.symptoms)
        if not named and not (counted and _WRONG.search(reading.meant, start, end)):
            continue
        things = [d for d in reading.devices if start <= d.start < end and _a_thing(d, reading)]
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


def _a_thing(device: Device, reading: Reading) -> bool:
    """A word that names a thing, or a broad one that what is wrong follows at once (灯不亮)."""
    if device.strength != "weak":
        return device.strength == "strong"
    return any(0 <= symptom.start - device.end <= 1 for symptom in reading.symptoms)


def _another(current: Device, device: Device, reading: Reading, *, also: bool) -> bool:
    same_word = (
        reading.meant[current.start : current.end] == reading.meant[device.start : device.end]
    )
    return device.fault_type != current.fault_type or (also and not same_word)
