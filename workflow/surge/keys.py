"""Under which keys a report counts: error code, product, place; and its kind of fault.

A key is ``code:<fault>|E07``, ``product:<fault>|<model or device>``, ``place:<fault>|<place>`` or
``type:<fault>``. None stands without the fault type: E07 of a charger is not E07 of a till, and a
building or a device alone says nothing of what is wrong there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from workflow.commands import Details
from workflow.joining.families import devices
from workflow.joining.places import folded, parse
from workflow.work_order import WorkOrder

CODE, PRODUCT, PLACE, TYPE = "code", "product", "place", "type"
RANK = (CODE, PRODUCT, PLACE, TYPE)
"""The most telling first."""

_WIDE = ("building", "name", "area")
_EVERYWHERE = """
家 家里 我家 我们家 公司 单位 店 店里 楼上 楼下 门口 里面 外面 这里 这边 那边 小区 小区里
"""
_NOWHERE = frozenset(_EVERYWHERE.split())
_PARTS = re.compile(r"[\s\-_.:：#]")
_SHORTEST = 2
_LONGEST = 30


def keys_of(report: Details | WorkOrder, model: str = "") -> tuple[str, ...]:
    """The keys a report counts under, the most telling first; ``model`` is its asset's."""
    return tuple(dict.fromkeys(_keys(report, model)))


def kind_of(key: str) -> str:
    """``code``, ``product``, ``place`` or ``type``."""
    return key.partition(":")[0]


def value_of(key: str) -> str:
    """What a person calls it: E07, a model, a building; empty for a bare kind of fault."""
    return key.partition("|")[2].rpartition("=")[2]


def product_of(report: Details | WorkOrder, model: str = "") -> str:
    """The model or the device a report is about, in the reporter's words."""
    return model or report.device


def _keys(report: Details | WorkOrder, model: str) -> Iterator[str]:
    fault = report.fault_type
    code = _PARTS.sub("", unicodedata.normalize("NFKC", report.error_code)).upper()
    if code:
        yield f"{CODE}:{fault}|{code}"
    if model.strip():
        yield f"{PRODUCT}:{fault}|{_plain(model)}"
    elif report.device:
        families = sorted(devices(folded(report.device))) or [_plain(report.device)]
        yield f"{PRODUCT}:{fault}|{families[0]}"
    for place in _places(report):
        yield f"{PLACE}:{fault}|{place}"
    yield f"{TYPE}:{fault}"


def _places(report: Details | WorkOrder) -> Iterator[str]:
    """The building and what it belongs to; rooms and the like are everywhere and count nothing."""
    words = report.place.strip()
    parts = parse(words) if words else {}
    for part in _WIDE:
        for value in sorted(parts.get(part, ())):
            where = report.region if part == "building" else ""
            yield f"{where}/{part}={value}"
    plain = _plain(words)
    if not parts and plain not in _NOWHERE and _SHORTEST <= len(plain) <= _LONGEST:
        yield f"/words={plain}"


def _plain(words: str) -> str:
    return "".join(unicodedata.normalize("NFKC", words).casefold().split())
