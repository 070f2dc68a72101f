"""The words and the attachments of a mail, out of its parts. Pure.

A mail is hostile: its parts nest, lie about their type and charset, and are large. What is not
understood is an attachment, or nothing; only the whole mail can be unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from typing import Final

from inscriptis import Inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree, html

from bots.degrade import visible
from bots.email.headers import decoded, words

MOST_PARTS: Final = 100
MOST_FILES: Final = 20
LARGEST_HTML: Final = 1_000_000
DEEPEST_HTML: Final = 200
TINY: Final = 1_024
"""Bytes of an inline picture that is a tracking dot or an ornament, not what somebody shows us."""
_NAME: Final = 100
_QUOTED: Final = (
    "//blockquote[@type='cite']|//*[contains(@class,'gmail_quote')]|//*[@id='divRplyFwdMsg']"
    "|//*[@id='appendonsend']|//*[contains(@class,'moz-cite-prefix')]"
    "|//*[contains(@class,'yahoo_quoted')]|//*[@id='isReplyContent']|//*[@name='ntes_quote']"
)
"""How mail programs mark the mail they answer."""
_NOT_WORDS: Final = "//script|//style|//head|//title|//template|//noscript"
_STYLE: Final = ParserConfig(css=CSS_PROFILES["strict"], display_links=False)


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as it came; its true type is sniffed later."""

    data: bytes
    name: str = ""


@dataclass(slots=True)
class Body:
    """What a mail says and brings. ``left`` counts attachments beyond the most we take."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    left: int = 0

    @property
    def text(self) -> str:
        """The words; of a mail with both forms the plain one."""
        plain = "\n".join(self.plain)
        if plain.strip():
            return visible(plain)
        return visible("\n".join(text_of(page) for page in self.html))


def body_of(mail: EmailMessage) -> Body:
    """Read all parts, to a bounded number and depth."""
    body = Body()
    for n, part in enumerate(_leaves(mail)):
        if n >= MOST_PARTS:
            break
        _sort(part, body)
    return body


def _leaves(part: Message, depth: int = 0) -> Iterator[Message]:
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        if depth < MOST_PARTS:
            for inner in part.get_payload():
                if isinstance(inner, Message):
                    yield from _leaves(inner, depth + 1)
        return
    yield part


def _sort(part: Message, body: Body) -> None:
    kind, placed = part.get_content_type(), part.get_content_disposition()
    name = _file_name(part)
    if kind in {"text/plain", "text/html"} and placed != "attachment" and not name:
        text = decoded(_bytes(part), part.get_content_charset("") or "")
        (body.plain if kind == "text/plain" else body.html).append(text)
        return
    data = _bytes(part)
    ornament = placed != "attachment" and kind.startswith("image/") and len(data) < TINY
    if not data or ornament:
        return
    if len(body.files) >= MOST_FILES:
        body.left += 1
        return
    body.files.append(File(data, name))


def _bytes(part: Message) -> bytes:
    if part.is_multipart():  # a mail inside the mail
        inner = part.get_payload(0)
        try:
            return inner.as_bytes() if isinstance(inner, Message) else b""
        except (ValueError, LookupError, TypeError, AttributeError):
            return b""
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _file_name(part: Message) -> str:
    """A name without a path, for people; never used to open anything."""
    name = words(part.get_filename("") or "")
    return re.sub(r"[/\\:*?\"<>|\x00-\x1f]", "_", name).strip(". ")[:_NAME]


def text_of(page: str) -> str:
    """The words of an HTML mail without the mail that it answers."""
    parser = html.HTMLParser(encoding="utf-8", huge_tree=False)
    data = page[:LARGEST_HTML].encode("utf-8", errors="replace").replace(b"\0", b"")
    try:
        tree = html.document_fromstring(data, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return ""
    for found in tree.xpath(_NOT_WORDS):
        found.drop_tree()
    if _deep(tree):
        return "\n".join(piece.strip() for piece in tree.itertext() if piece.strip())
    whole = _rendered(tree)
    for quoted in tree.xpath(_QUOTED):
        if quoted.getparent() is not None:
            quoted.drop_tree()
    own = _rendered(tree)
    return own if own.strip() else whole


def _rendered(tree: html.HtmlElement) -> str:
    return str(Inscriptis(tree, _STYLE).get_text())


def _deep(tree: html.HtmlElement) -> bool:
    """Whether it nests so deeply that walking it could fail."""
    depth = 0
    for event, _ in etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > DEEPEST_HTML:
            return True
    return False
