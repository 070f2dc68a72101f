"""Chinese and Arabic whole numbers as people write them in chat: 12, 十二, 两百三, 二十, 俩."""

from __future__ import annotations

from typing import Final

DIGITS: Final = {c: n for n, group in enumerate(
    ("零〇", "一幺", "二两俩", "三仨", "四", "五", "六", "七", "八", "九")
) for c in group}  # fmt: skip
UNITS: Final = {"十": 10, "百": 100, "千": 1000, "万": 10000}
NUMERAL: Final = rf"(?:\d{{1,9}}|[{''.join(DIGITS)}{''.join(UNITS)}]{{1,12}})"
"""A pattern for what :func:`whole` may be able to read; bounded, for runs of digits are hostile."""

_TO_ARABIC = str.maketrans({char: str(value) for char, value in DIGITS.items()})


def digits(text: str) -> str:
    """Digit characters one by one as Arabic digits (幺三八 → 138); others are kept."""
    return text.translate(_TO_ARABIC)


def whole(text: str) -> int | None:
    """The number written, or None if it is not one number (or absurdly large)."""
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= 9 else None  # noqa: PLR2004  (beyond any count here)
    if not text or any(char not in DIGITS and char not in UNITS for char in text):
        return None
    if not any(char in UNITS for char in text):
        return int(digits(text)) if len(text) <= 9 else None  # noqa: PLR2004  (likewise)
    return _with_units(text)


def _with_units(text: str) -> int | None:
    total = section = 0
    digit: int | None = None
    last_unit = 1
    for char in text:
        if char in DIGITS:
            digit = DIGITS[char]
            last_unit = last_unit if digit else 1
            continue
        unit = UNITS[char]
        if unit == UNITS["万"]:
            total, section = (total + section + (digit or 0)) * unit, 0
        else:
            section += (1 if digit is None else digit) * unit
        digit, last_unit = None, unit
    if digit is not None:
        spoken_short = last_unit > 10 and text[-2] in UNITS  # noqa: PLR2004  (两百三 is 230)
        section += digit * (last_unit // 10 if spoken_short else 1)
    return total + section
