"""Headers of a mail as words, whatever its program did to them. Pure.

The raw values are decoded here and not by ``email.policy.default``, which gives up raw GBK, and
before 3.11.10 reads an address out of the comment beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.header import decode_header
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Final

from bots.degrade import visible

LONGEST: Final = 4_000
"""Characters of one header that are looked at."""
ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
)
"""What we can answer: no quoted local parts, no addresses beyond ASCII."""
_ID: Final = re.compile(r"<[^<>\s]{3,250}>")
_WIDER: Final[Mapping[str, str]] = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "big5hkscs",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "utf8mb4": "utf-8",
    "unknown-8bit": "utf-8",
}
"""Charsets that mails name, and what they really are in."""


def decoded(data: bytes, charset: str = "") -> str:
    """Bytes as words: as their charset says if it fits, else UTF-8, else GB 18030."""
    named = charset.strip().strip("\"'").lower()
    for name in (_WIDER.get(named, named), "utf-8", "gb18030"):
        try:
            return data.decode(name) if name else data.decode("utf-8")
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode(_WIDER.get(named, "utf-8"), errors="replace")


class Headers:
    """The headers of one mail, raw, by lower-case name."""

    def __init__(self, mail: EmailMessage) -> None:
        self._raw: dict[str, list[str]] = {}
        for name, value in mail.raw_items():
            text = str(value)[: 8 * LONGEST]
            self._raw.setdefault(name.lower(), []).append(text)

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def raw(self, name: str) -> str:
        """The first header of this name, unfolded; empty where there is none."""
        return next(iter(self.every(name)), "")

    def every(self, name: str) -> tuple[str, ...]:
        """All headers of this name, the topmost first: the last server that had the mail."""
        return tuple(" ".join(value.split()) for value in self._raw.get(name, ()))

    def words(self, name: str) -> str:
        """A header for people, on one line."""
        return words(self.raw(name))

    def ids(self, name: str) -> tuple[str, ...]:
        """The message ids a header names, in order."""
        return tuple(_ID.findall(self.raw(name)))


def words(raw: str) -> str:
    """A raw header value for people: encoded words and raw bytes decoded, nothing invisible."""
    plain = _from_bytes(raw[:LONGEST])
    try:
        pieces = decode_header(plain) if "=?" in plain else [(plain, None)]
    except (ValueError, LookupError):
        pieces = [(plain, None)]
    text = ""
    for piece, charset in pieces:
        text += piece if isinstance(piece, str) else decoded(piece, charset or "")
    return " ".join(visible(text.replace("\ufffd", "?")).split())


def _from_bytes(raw: str) -> str:
    """Eight-bit headers come as surrogates; they are bytes of some charset."""
    data = raw.encode("utf-8", errors="surrogateescape")
    return decoded(data)


def author(raw: str) -> tuple[str, str] | None:
    """Name and address of the one who wrote, the address in lower case; None where nobody is
    named to whom an answer could go, or several are.
    """
    found = [pair for pair in getaddresses([_from_bytes(raw[:LONGEST])]) if pair[1]]
    if len(found) != 1:
        return None
    name, address = found[0]
    address = address.strip().lower()
    if not ADDRESS.fullmatch(address):
        return None
    return words(name)[:60], address
