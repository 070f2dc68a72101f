"""A mail as it came off the wire, as a letter: who, in which thread, which words, which files.

Pure. Sources: RFC 5322 (mails), RFC 2047 and 2231 (words in headers), RFC 3834 (machines).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Final

from bots.channel import Capabilities
from bots.email import sorting, threads
from bots.email.bodies import File, body_of
from bots.email.bounces import Returned, returned
from bots.email.headers import Headers, author
from bots.email.quoting import new_words
from bots.text_commands import mentioned

CHANNEL: Final = "email"
CAPABILITIES: Final = Capabilities(
    buttons=True, cards=True, max_text_bytes=60_000, max_buttons=8, per_minute=10
)
"""Buttons are links that write the answer; what was sent cannot be changed any more."""
LONGEST_HEAD: Final = 256 * 1024
HEARD: Final = 3_600
"""Characters of a mail that are read; the front desk takes 4,000, and the whole is kept."""
_REPEATED: Final = re.compile(
    r"\s*((re|fw|fwd|aw|回复|回覆|答复|转发|轉寄|主题)\s*(\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE
)
_TAG: Final = re.compile(r"\s*\[WO-[0-9-]+\]\s*", re.IGNORECASE)
_SAYS_NOTHING: Final = re.compile(
    r"(报修|维修|报障|故障|工单|投诉|咨询|求助|你好|您好|紧急|急|无主题|\(无主题\)|（无主题）|来自.{1,20}的邮件|"
    r"no subject|\(no subject\)|hello|hi|help|repair|[!！.。\s])*",
    re.IGNORECASE,
)


class Unreadable(Exception):
    """Not a mail that can be answered; ``why`` is for the record and for whoever looks at it."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail. ``machine`` says why it is no person's, ``whole`` is the full text where ``text`` had
    to be cut, ``number`` a work order's number that its subject names.
    """

    key: str
    address: str
    name: str
    thread: str
    message_id: str
    references: tuple[str, ...]
    subject: str
    text: str
    files: tuple[File, ...] = ()
    machine: str = ""
    bounced: bool = False
    returned: Returned | None = None
    ours: bool = False
    verified: bool = False
    number: str = ""
    whole: str = ""
    left: int = 0


def read(data: bytes, own: str, trusted: str = "") -> Letter:
    """Read a mail.

    Args:
        data: As it lies in the mailbox.
        own: Our own address.
        trusted: The name of our receiving server, whose findings on the sender count; empty: none.

    Raises:
        Unreadable: it has no head, no single author, or nests beyond reason.
    """
    try:
        return _read(data, own.lower(), trusted.lower())
    except Unreadable:
        raise
    except Exception as error:  # email.parser raises whatever it stumbles on
        raise Unreadable(f"{type(error).__name__} while reading it") from error


def _read(data: bytes, own: str, trusted: str) -> Letter:
    head = re.search(rb"\r?\n\r?\n", data[: LONGEST_HEAD + 4])
    if head is None and len(data) > LONGEST_HEAD:
        raise Unreadable("its head is too long")
    mail = BytesParser(policy=policy.default).parsebytes(data)
    if not isinstance(mail, EmailMessage):
        raise Unreadable("not a mail")
    headers = Headers(mail)
    who = author(headers.raw("from"))
    kind = mail.get_content_type()
    if who is None and sorting.bounced(headers, kind):
        who = ("", "mailer-daemon@invalid.invalid")
    if who is None:
        raise Unreadable("it names no single sender who could be answered")
    return _letter(mail, headers, who, kind, data, own, trusted)


def _letter(
    mail: EmailMessage,
    headers: Headers,
    who: tuple[str, str],
    kind: str,
    data: bytes,
    own: str,
    trusted: str,
) -> Letter:
    name, address = who
    body = body_of(mail)
    domain = own.rpartition("@")[2]
    own_id = next(iter(headers.ids("message-id")), "")
    named = own_id or hashlib.sha256(data).hexdigest()
    before = tuple(dict.fromkeys((*headers.ids("references"), *headers.ids("in-reply-to"))))
    subject = headers.words("subject")[:300]
    said = new_words(body.text)
    number = mentioned(subject) if "WO" in subject.upper() else ""
    follows = bool(before or number)
    text = said.words if follows else _with_subject(subject, said.with_phone)
    whole = body.text if len(text) > HEARD else ""
    return Letter(
        key=hashlib.sha256(f"{named}\n{address}".encode(errors="replace")).hexdigest()[:40],
        address=address,
        name=name or address.partition("@")[0],
        thread=threads.answered(before, domain) or threads.named_by((*before, named)[0]),
        message_id=own_id,
        references=before,
        subject=subject,
        text=text if not whole else f"{text[:HEARD]}\n……（邮件很长，全文见附件）",
        files=tuple(body.files),
        machine=sorting.automatic(headers, kind, address, subject),
        bounced=sorting.bounced(headers, kind),
        returned=returned(mail, before, domain) if sorting.bounced(headers, kind) else None,
        ours=address == own or bool(threads.ours(own_id, domain)),
        verified=sorting.verified(headers, trusted, address),
        number=number,
        whole=whole,
        left=body.left,
    )


def topic_of(subject: str) -> str:
    """A subject without 「Re:」「回复：」 and the number we put there."""
    bare = _TAG.sub(" ", subject)
    return _REPEATED.sub("", bare, count=1).replace("\n", " ").strip()


def _with_subject(subject: str, text: str) -> str:
    """A first mail says half of it in its subject."""
    topic = topic_of(subject)
    if not topic or _SAYS_NOTHING.fullmatch(topic) or topic in text:
        return text
    return f"{topic}\n{text}".strip()
