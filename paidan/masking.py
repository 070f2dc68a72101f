"""What may not stand whole in a log: phone numbers, accounts, and whatever opens a door.

Enough of a number stays to recognise it by; of a secret nothing stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_WORD: Final = 32
"""Characters of a text short enough to be remembered."""
_D: Final = "[0-9０-９]"
_GAP: Final = r"(?:[\s\-‐-―−－_.．·•()（）/]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}){0,3}"
"""What people and forms put between the digits of a number, also as it stands in a ``repr``."""
_NOT_BEFORE: Final = rf"(?<!{_D})"
_NOT_AFTER: Final = rf"(?!{_D})"
_ESCAPED: Final = r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}"
_SPOKEN: Final = "零〇一二两三四五六七八九幺"
_OPENS: Final = (
    r"(?:[a-z0-9]+[_-])*(?:[a-z]*token|[a-z]*secret|password|passwd|pwd|signature|credentials?"
    r"|authorization|(?:encoding)?_?aes_?key|api_?key|secret_?key|access_?key(?:_?id)?)"
)
"""Names of things whose value opens a door, as in a header, in JSON or as a keyword."""
_IN_QUERY: Final = r"key|code|sign|ticket|session|sid|auth"
"""Names that mean such a thing in an address alone."""

Mend = str | Callable[[re.Match[str]], str]


def _digits(found: re.Match[str]) -> str:
    return "".join(re.findall(_D, found[0]))


def _mobile(found: re.Match[str]) -> str:
    number = _digits(found)[-11:]
    return f"{number[:3]}****{number[-4:]}"


def _short(found: re.Match[str]) -> str:
    number = _digits(found)
    return f"{number[:3]}****{number[-2:]}"


@dataclass(frozen=True, slots=True)
class _Rules:
    """``hint`` is found quickly in any text that one of these could have a word in."""

    hint: re.Pattern[str]
    rules: tuple[tuple[re.Pattern[str], Mend], ...]


_ADDRESSES: Final = _Rules(
    re.compile("[/?&]"),
    (
        (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/'\"]+@"), r"\1***@"),
        (re.compile(r"(?i)/bot\d+(?::|%3a)[\w-]+"), "/bot***"),
        (re.compile(r"(/(?:login|do|press|invite)|(?<![\w.])/a)/[^\s/?#'\",)]+"), r"\1/***"),
        (re.compile(rf"(?i)([?&](?:{_IN_QUERY})=)[^&\s\"'#]+"), r"\1***"),
    ),
)
_SECRETS: Final = _Rules(
    re.compile(r"[=:]|earer |asic |eyJ|EARER |ASIC "),
    (
        (re.compile(r"\b\d{6,12}:[A-Za-z0-9_-]{30,}"), "***"),
        (re.compile(r"(?i)\b(bearer)\s+[\w.~+/=%-]{4,}"), r"\1 ***"),
        (re.compile(r"(?i)\b(basic)\s+[a-z0-9+/=]{12,}"), r"\1 ***"),
        (
            re.compile(
                rf"(?i)(?<![a-z0-9])({_OPENS})((?:\\?[\"'])?\s*[=:]\s*)"
                r"(?:\\?\"(?:[^\"\\]|\\.)*\\?\"|'[^']*'|(?:bearer |basic )?[^\s&,;'\"})\]]+)"
            ),
            r"\1\2***",
        ),
        (
            re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s*[:=]\s*)(?:\"[^\"]*\"|'[^']*'|[^\r\n]+)"),
            r"\1***",
        ),
        (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), "***"),
    ),
)
_NUMBERS: Final = _Rules(
    re.compile(rf"{_D}(?:(?:[^0-9０-９]|{_ESCAPED}){{0,3}}{_D}){{6}}"),
    (
        (
            re.compile(
                rf"{_NOT_BEFORE}{_D}{{6}}(?:19|20){_D}{{9}}[0-9０-９Xx](?![0-9０-９A-Za-z])"
            ),
            _short,
        ),
        (
            re.compile(
                rf"(?:[+＋]?(?:00)?(?:86|８６){_GAP})?{_NOT_BEFORE}[(（]?[1１][3-9３-９]{_D}"
                rf"(?:{_GAP}{_D}){{8}}{_NOT_AFTER}"
            ),
            _mobile,
        ),
        (
            re.compile(
                rf"[+＋]?{_NOT_BEFORE}(?:00)?(?:86|８６)[1１][3-9３-９]{_D}{{9}}{_NOT_AFTER}"
            ),
            _mobile,
        ),
        (re.compile(rf"[+＋](?:[1-9]){_D}{{0,2}}(?:{_GAP}{_D}){{7,11}}{_NOT_AFTER}"), _short),
        (
            re.compile(
                rf"{_NOT_BEFORE}[(（]?[0０]{_D}{{2,3}}[)）]?[\s\-‐-―－]{{0,2}}[2-9２-９]{_D}{{2,3}}"
                rf"[\s\-‐-―－]?{_D}{{4}}{_NOT_AFTER}"
            ),
            _short,
        ),
        (
            re.compile(
                rf"(?i)((?:电话|座机|手机|固话|号码|联系方式|tel|phone|mobile|fax)"
                rf"[^0-9０-９\n]{{0,8}})({_D}(?:{_GAP}{_D}){{5,14}}){_NOT_AFTER}"
            ),
            lambda found: f"{found[1]}{found[2][:2]}****{found[2][-2:]}",
        ),
    ),
)
_SAID: Final = _Rules(
    re.compile("[一幺]"),
    (
        (
            re.compile(rf"(?<![{_SPOKEN}])[一幺](?:[\s,，-]?[{_SPOKEN}]){{10}}(?![{_SPOKEN}])"),
            "***",
        ),
    ),
)
_MAIL: Final = _Rules(
    re.compile("@"), ((re.compile(r"\b([\w.+-])[\w.+-]*@([\w-]+(?:\.[\w-]+)+)"), r"\1***@\2"),)
)
_ACCOUNTS: Final = _Rules(
    re.compile(r"[A-Za-z0-9_-]{28}"),
    (
        (
            re.compile(
                r"(?<![A-Za-z0-9_-])(o[A-Za-z0-9_-]{5})(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{22}"
                r"(?![A-Za-z0-9_-])"
            ),
            r"\1…",
        ),
        (
            re.compile(
                r"(?<![A-Za-z0-9_-])(w[mo][A-Za-z0-9_-]{6})(?=[a-z_-]*[A-Z0-9])"
                r"[A-Za-z0-9_-]{22,24}(?![A-Za-z0-9_-])"
            ),
            r"\1…",
        ),
    ),
)
"""WeChat's openids and WeCom's external contacts stay recognisable."""
_ALL: Final = (_ADDRESSES, _SECRETS, _NUMBERS, _SAID, _MAIL, _ACCOUNTS)
_SECRET_NAME: Final = re.compile(rf"(?i){_OPENS}|(?:set-)?cookie")


def mask(text: str) -> str:
    """The same text with nothing whole in it that should not be."""
    return _short_mask(text) if len(text) <= _WORD else _mask(text)


@lru_cache(4096)
def _short_mask(text: str) -> str:
    """Names, channels and kinds come again in every line."""
    return _mask(text)


def _mask(text: str) -> str:
    for kind in _ALL:
        if kind.hint.search(text):
            for pattern, mended in kind.rules:
                text = pattern.sub(mended, text)
    return text


def masked(value: object) -> object:
    """The same for whatever is logged: mappings and lists inside out, anything unknown by its
    text.
    """
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        told = mask(str(value))
        return value if told == str(value) else told
    if isinstance(value, Mapping):
        return {mask(str(name)): _named(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(inner) for inner in value]
    return mask(value if isinstance(value, str) else str(value))


def _named(name: str, value: object) -> object:
    return "***" if value and _SECRET_NAME.fullmatch(name) else masked(value)
