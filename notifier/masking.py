"""The one door through which numbers that reach people leave: phones made unreadable.

Group chats and customers see ``138****5678``; only the handler's own direct card shows a phone
whole. Free text is searched too, because customers write their number into the report.
"""

from __future__ import annotations

import re

_ALIKE = str.maketrans("０１２３４５６７８９〇零一二三四五六七八九幺两", "01234567890012345678912")
"""Digits in other scripts, one character each, so that positions stay the same."""
_GAP = r"[\s\-–—_.,、，·]{0,3}"
_MOBILE = rf"(?:\+?86{_GAP})?1{_GAP}[3-9]{_GAP}(?:[0-9]{_GAP}){{8}}[0-9]"
_LANDLINE = rf"0[0-9]{{2,3}}{_GAP}[2-9](?:{_GAP}[0-9]){{6,7}}"
_SERVICE = rf"[48]00{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{3,4}}"
_PHONE = re.compile(rf"(?<![0-9A-Za-z])(?:{_MOBILE}|{_LANDLINE}|{_SERVICE})(?![0-9])")
_SHORT = 7
_HEAD, _TAIL = 3, 4


def mask_phone(phone: str) -> str:
    """A phone with its middle hidden: ``138****5678``; short numbers keep their last two digits.

    What is no number at all is hidden whole.
    """
    digits = re.sub(r"[^0-9]", "", phone.translate(_ALIKE))
    if len(digits) > 11 and digits.startswith("86"):  # noqa: PLR2004  # a mobile has 11 digits
        digits = digits[2:]
    if len(digits) >= _SHORT + 3:
        return f"{digits[:_HEAD]}****{digits[-_TAIL:]}"
    return f"****{digits[-2:]}" if phone.strip() else ""


def mask_text(text: str) -> str:
    """Free text with every phone in it masked, however its digits are written."""
    plain = text.translate(_ALIKE)
    pieces: list[str] = []
    done = 0
    for found in _PHONE.finditer(plain):
        pieces += [text[done : found.start()], mask_phone(found.group())]
        done = found.end()
    return "".join([*pieces, text[done:]])


def mask_name(name: str) -> str:
    """A person's name for strangers: the family name and stars; one letter stays alone."""
    name = name.strip()
    return name if len(name) <= 1 else f"{name[0]}{'*' * min(len(name) - 1, 2)}"
