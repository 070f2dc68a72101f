"""What one report claims, in a form in which two reports can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from workflow.commands import Details
from workflow.joining.families import devices, symptoms
from workflow.joining.places import Place, folded, parse
from workflow.states import State
from workflow.work_order import WorkOrder

UNTYPED = frozenset({"other", "none", ""})
"""Fault types that say too little to agree or to differ."""

_PHONE = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|0\d{2,3}-?\d{7,8})(?!\d)")
_TOKEN = re.compile(r"[A-Z0-9]+(?:[-.][A-Z0-9]+)*")
_QUANTITY = re.compile(
    r"\s*(?:元|块|度|PPM|%|个|次|点|分|小时|天|年|月|米|斤|台|V\b|W\b|A\b|KG|MM|CM)"
)
_CODE = re.compile(
    r"(?<![A-Z0-9])([A-Z]{1,3})[-.]?(\d{1,3})(?![A-Z0-9号#栋座幢]|-\d)"
    r"|(?:报错?|代码|故障码|错误码?)()\s*[::]?(\d{2,5})(?!\d)"
)
_NOT_PLAIN = re.compile(r"[^A-Z0-9]")
_LONG_ID = 5
_SHORT_ID = 3


@dataclass(frozen=True, slots=True)
class Words:
    """What a text says, in comparable form."""

    text: str
    place: Place
    devices: frozenset[str]
    symptoms: frozenset[str]
    ids: frozenset[str]
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Claim:
    """One report; what is not said is empty. ``words`` are the writer's own, ``told`` the same with
    the slots they leave out; ``done`` says its repair waits for acceptance.
    """

    asset: str
    customer: str
    phone: str
    region: str
    fault: str
    priority: str
    serial: str
    words: str
    told: str
    said: Words
    done: bool

    @property
    def typed(self) -> bool:
        """Whether the kind of fault is known."""
        return self.fault not in UNTYPED


def claim_of(record: Details | WorkOrder) -> Claim:
    """What a new report or a known work order claims."""
    slots = (record.place, record.device, record.serial, record.error_code)
    told = " ".join((record.text, *(slot for slot in slots if slot and slot not in record.text)))
    return Claim(
        asset=record.asset_id,
        customer=record.customer_id,
        phone=record.phone,
        region=record.region,
        fault=record.fault_type,
        priority=record.priority,
        serial=bare(record.serial),
        words=record.text,
        told=told,
        said=read(told),
        done=isinstance(record, WorkOrder) and record.state is State.AWAITING_ACCEPTANCE,
    )


@lru_cache(maxsize=8192)
def read(words: str) -> Words:
    """What a text says, slot by slot."""
    text = _PHONE.sub(" ", folded(words))
    codes = ((m[1] or m[3] or "", m[2] or m[4]) for m in _CODE.finditer(text))
    return Words(
        text=text,
        place=parse(text),
        devices=devices(text),
        symptoms=symptoms(text),
        ids=frozenset(_ids(text)),
        codes=frozenset(f"{letters}{int(number)}" for letters, number in codes),
    )


def _ids(text: str) -> Iterator[str]:
    """Serials, asset, pile and account numbers: letters with three digits, or five digits."""
    for token in _TOKEN.finditer(text):
        word = bare(token[0])
        digits = sum(c.isdecimal() for c in word)
        long_enough = digits >= (_LONG_ID if word.isdecimal() else _SHORT_ID)
        if long_enough and not _QUANTITY.match(text, token.end()):
            yield word


def bare(number: str) -> str:
    """A serial without what people leave out or add."""
    return _NOT_PLAIN.sub("", folded(number)) if number else ""
