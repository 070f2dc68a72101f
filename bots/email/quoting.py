"""What is new in a reply: without the mail it answers and without the signature. Pure.

Written here because the libraries for it miss what Chinese programs write (「在 … 写道：」,
「原始邮件」), take a list with hyphens for a signature, and need quadratic time on a hostile mail;
this reads each line once. See docs/adr/0006-email.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LINE: Final = 1000
"""Characters of a line that are looked at; what begins a quotation is short."""
_RULER: Final = re.compile(
    r"[-_—=~*·\s]*("
    r"原始邮件(信息)?|原邮件|回复的原?邮件|转发的邮件|邮件原件|原始郵件|轉寄郵件|转发邮件信息|"
    r"original message|original email|forwarded message|reply message|begin forwarded message"
    r")[-_—=~*·:：\s]*",
    re.IGNORECASE,
)
_WROTE: Final = re.compile(r"(写道|寫道|写到|wrote|says?)\s*[:：]\s*$", re.IGNORECASE)
_OPENS: Final = re.compile(
    r"[>\s]*(在|于|on\b|at\b|\d{4}\s*[-/年]|周|星期|[\"“<]|.{1,60}(于|在)\s?\d{4})", re.IGNORECASE
)
_DATED: Final = re.compile(r"\d{1,4}\s*[-/.年月]\s*\d{1,2}|\b(19|20)\d{2}\b|\d{1,2}[:：]\d{2}|@")
_HEADER: Final = re.compile(
    r"[*\s]*(发件人|寄件者|寄件人|发送时间|發送時間|发送日期|寄件日期|日期|时间|收件人|收件者|抄送|"
    r"副本|主题|主旨|from|sent|date|to|cc|subject)[*\s]*[:：]",
    re.IGNORECASE,
)
_FROM: Final = re.compile(r"[*\s]*(发件人|寄件者|寄件人|from)[*\s]*[:：]", re.IGNORECASE)
_PHONE_SAYS: Final = re.compile(
    r"(发自|从|來自|来自|通过)我?的?.{0,24}(iphone|ipad|手机|手機|邮箱|客户端|华为|小米|荣耀|"
    r"oppo|vivo|foxmail|outlook|android|设备).{0,12}(发送)?|sent (from|via) .{1,40}|"
    r"(get|获取|下载) ?outlook for .{1,20}|签名由.{1,20}定制",
    re.IGNORECASE,
)
_SIGNED: Final = re.compile(r"(--|—|——|__+|--+|={3,}|\*{3,})\s*")
_MOBILE: Final = re.compile(r"(?<!\d)(?:\+?86[-\s]?)?(1[3-9]\d)[-\s]?(\d{4})[-\s]?(\d{4})(?!\d)")
_SHORT_SIGNATURE: Final = 12
"""Lines below a line of hyphens that may be a signature; more is what somebody wrote."""


@dataclass(frozen=True, slots=True)
class Said:
    """The new words, and what the signature beneath them holds."""

    words: str
    signature: str = ""

    @property
    def with_phone(self) -> str:
        """The new words; a mobile number that only the signature has is said too, for whoever
        writes a mail seldom repeats what stands beneath it.
        """
        if _MOBILE.search(self.words):
            return self.words
        found = _MOBILE.search(self.signature)
        return f"{self.words}\n电话 {''.join(found.groups())}" if found else self.words


def new_words(text: str) -> Said:
    """The part of a mail that its writer wrote now."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    own = _unquoted(lines)
    end = _signature(own)
    return Said(_joined(own[:end]), _joined(own[end:]))


def _joined(lines: list[str]) -> str:
    text = "\n".join(lines).replace("\u00a0", " ").strip()
    return re.sub(r"\n{3,}", "\n\n", text)


def _unquoted(lines: list[str]) -> list[str]:
    """What stands above the mail that is answered, or between its lines.

    A mail that has nothing above it is a forwarded one: then all of it counts.
    """
    own: list[str] = []
    skipped, said = 0, False
    for n, line in enumerate(lines):
        if n < skipped or line.lstrip().startswith((">", "＞")):
            continue
        attribution = _attribution(lines, n)
        if said and (attribution or _begins_quotation(lines, n)):
            if attribution and _answered_below(lines, n + attribution):
                skipped = n + attribution
                continue
            return own
        if attribution:
            skipped = n + attribution
            continue
        if not said and _begins_quotation(lines, n):
            return own + lines[n:]
        own.append(line)
        said = said or bool(line.strip())
    return own


def _begins_quotation(lines: list[str], n: int) -> bool:
    line = lines[n].strip()
    if not line or len(line) > LINE:
        return False
    if _RULER.fullmatch(line):
        return True
    if _FROM.match(line):
        following = [other for other in lines[n + 1 : n + 6] if other.strip()]
        return sum(bool(_HEADER.match(other[:LINE])) for other in following) >= 2  # noqa: PLR2004 - a mail's head
    return False


def _answered_below(lines: list[str], n: int) -> bool:
    """Whether every line of the quotation is marked, so that what is not marked is an answer."""
    following = next((line for line in lines[n:] if line.strip()), "")
    return following.lstrip().startswith((">", "＞"))


def _attribution(lines: list[str], n: int) -> int:
    """How many lines 「在 2026年11月23日，安居 写道：」 takes: one to three; 0: it is none."""
    if not _OPENS.match(lines[n][:80]) or not _DATED.search(lines[n][:300]):
        return 0
    whole = ""
    for count, line in enumerate(lines[n : n + 3], 1):
        whole += " " + line.strip()[:300]
        if _WROTE.search(whole):
            return count
    return 0


def _signature(lines: list[str]) -> int:
    """Where the signature begins: 「发自我的iPhone」, or a line of hyphens with little below."""
    filled = [n for n, line in enumerate(lines) if line.strip()]
    for place, n in enumerate(filled):
        line = lines[n].strip()[:LINE]
        if _PHONE_SAYS.fullmatch(line):
            return n
        below = len(filled) - place - 1
        if place and below <= _SHORT_SIGNATURE and _SIGNED.fullmatch(line):
            return n
    return len(lines)
