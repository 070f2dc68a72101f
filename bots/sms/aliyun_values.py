"""What a variable of a template may say. Pure.

Source: 通知短信模板规范 (help.aliyun.com/document_detail/463270) and the codes that refuse a whole
message for one value: isv.PARAM_LENGTH_LIMIT (1 to 35 characters), isv.PARAM_NOT_SUPPORT_URL,
isv.UNSUPPORTED_CONTENT (emoji, traditional characters, 【】★ and their kind).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 35
EMPTY: Final = "无"
_TWINS: Final = str.maketrans(
    {
        **dict.fromkeys("「『", "“"),
        **dict.fromkeys("」』", "”"),
        **dict.fromkeys("【〖［[", "("),
        **dict.fromkeys("】〗］]", ")"),
        "＜": "<",
        "＞": ">",
        "＠": "@",
        "#": "号",
    }
)
_PUNCTUATION: Final = frozenset("，。；：？！、（）“”‘’《》—…·￥％～")
_ADDRESS: Final = re.compile(
    r"(?:https?://|www\.)[^\s，。；）)]+|(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)", re.IGNORECASE
)
_MOBILE: Final = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
_FIRST_HANZI: Final = 0xB0
"""Rows of GB 2312 from here on are the simplified characters."""


def value(words: str, between: str = "") -> str:
    """The words as a variable takes them: no addresses, mobile numbers half hidden, nothing that
    is refused, one line, never empty, cut where it is too long: after the last whole piece where
    pieces are told apart by ``between``.
    """
    plain = _MOBILE.sub(r"\1****\2", _ADDRESS.sub("", words)).translate(_TWINS)
    kept = "".join(_allowed(c) for c in " ".join(plain.split()))
    line = " ".join(kept.split())
    while between and len(line) > LONGEST and between in line:
        line = line.rpartition(between)[0]
    if len(line) > LONGEST:
        line = line[: LONGEST - 1].rstrip() + "…"
    return line or EMPTY


def _allowed(c: str) -> str:
    """The character, a question mark for a letter that is refused, nothing for the rest."""
    if " " <= c <= "~" or c in _PUNCTUATION:
        return c
    try:
        if c.encode("gb2312")[0] >= _FIRST_HANZI:
            return c
    except UnicodeEncodeError:
        pass
    return "?" if unicodedata.category(c)[0] == "L" else ""
