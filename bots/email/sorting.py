"""What a mail is: a person's, or a machine's that must never be answered; and whose it proves to
be. Pure.

Sources: RFC 3834 (automatic answers), RFC 2369 and 2919 (lists), RFC 3464 (reports of delivery),
[MS-OXCMAIL] 2.2.3.2.14 (X-Auto-Response-Suppress), RFC 8601 (Authentication-Results).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bots.email.headers import Headers

_MACHINES: Final = re.compile(
    r"(mailer-?daemon|postmaster|no-?_?reply|do-?not-?reply|bounces?([+-].*)?|"
    r"auto-?reply|notifications?)@.*",
    re.IGNORECASE,
)
_LISTS: Final = ("list-id", "list-unsubscribe", "list-post", "mailing-list", "feedback-id")
_ANSWERS: Final = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply")
_PRECEDENCE: Final = frozenset({"bulk", "junk", "list", "auto_reply", "auto-reply"})
_AWAY: Final = re.compile(
    r"\s*(自动回复|自動回覆|自动答复|系统退信|退信|automatic reply|auto(matic)?[ -]?re(ply|sponse)|"
    r"out of (the )?office|undeliver(ed|able)|delivery status notification|"
    r"returned mail|mail delivery (failed|failure|subsystem))(?![a-z])",
    re.IGNORECASE,
)
_COMMENT: Final = re.compile(r"\([^()]*\)")


def automatic(headers: Headers, content_type: str, author: str, subject: str) -> str:
    """Why a mail is a machine's; empty for a person's."""
    said = headers.raw("auto-submitted").split(";")[0].strip().lower()
    marks = (*_LISTS, *_ANSWERS, "x-auto-response-suppress", "x-loop")
    reasons = (
        ("Auto-Submitted", said not in {"", "no"}),
        ("Precedence", headers.raw("precedence").strip().lower() in _PRECEDENCE),
        ("an empty Return-Path", headers.raw("return-path").strip() == "<>"),
        ("a report of delivery", content_type in {"multipart/report", "message/delivery-status"}),
        *((name, name in headers) for name in marks),
        ("a sender that nobody reads", bool(_MACHINES.fullmatch(author))),
        ("an automatic subject", bool(_AWAY.match(subject))),
    )
    return next((why for why, holds in reasons if holds), "")


def bounced(headers: Headers, content_type: str) -> bool:
    """Whether it says that a mail of ours did not arrive."""
    empty = headers.raw("return-path").strip() == "<>"
    return content_type == "multipart/report" or (empty and "auto-submitted" in headers)


def verified(headers: Headers, server: str, author: str) -> bool:
    """Whether our own receiving server, by its name, found the author's domain to be right.

    Anyone writes any From. A header of this name from elsewhere proves nothing, so only the
    topmost one of ours counts: a server puts its own on top and removes what pretends to be its.
    """
    if not server:
        return False
    for value in headers.every("authentication-results"):
        named, _, results = _COMMENT.sub(" ", value).partition(";")
        if named.split()[:1] == [server]:
            return _passes(results.split(";"), author.rpartition("@")[2])
    return False


def _passes(results: Sequence[str], domain: str) -> bool:
    """``dmarc=pass`` says that From is right; a DKIM signature says it for its own domain."""
    for result in results:
        words = result.lower().split()
        if not words:
            continue
        claims = dict(word.partition("=")[::2] for word in words[1:] if "=" in word)
        if words[0] == "dmarc=pass" and claims.get("header.from", domain) == domain:
            return True
        signed = claims.get("header.d") or claims.get("header.i", "").rpartition("@")[2]
        if words[0] == "dkim=pass" and signed == domain:
            return True
    return False
