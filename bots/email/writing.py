"""What we say as a mail: plain words, the same as simple HTML, and answers one can tap. Pure.

Buttons are links that write the answer (``mailto:``, RFC 6068); the words to write stand beside
them for whoever reads plain text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Final
from urllib.parse import quote

from bots.degrade import command_lines, plain, visible
from bots.email.reading import topic_of
from workflow.records import Button, Card, Outgoing

MOST_REFERENCES: Final = 20
_NUMBER: Final = re.compile(r"WO-\d{8}-\d{1,6}")
_SUBJECT: Final = 120
_COLOURS: Final = {
    "neutral": "#5b6470",
    "info": "#1f6feb",
    "warn": "#b35900",
    "danger": "#b3261e",
    "done": "#1a7f37",
}
_STEPS: Final = {"done": "✓", "now": "●", "next": "○"}
_LINK: Final = (
    "display:inline-block;margin:4px 8px 4px 0;padding:8px 14px;border-radius:6px;"
    "border:1px solid #1f6feb;color:#1f6feb;text-decoration:none"
)


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation so far: its subject, the number it is about, and the ids of its mails."""

    subject: str = ""
    number: str = ""
    references: tuple[str, ...] = ()

    def after(self, message_id: str) -> Thread:
        """With one more mail; of very many the first and the latest."""
        known = tuple(one for one in self.references if one != message_id)
        kept = (*known, message_id)
        if len(kept) > MOST_REFERENCES:
            kept = (kept[0], *kept[1 - MOST_REFERENCES :])
        return replace(self, references=kept)


def number_in(outgoing: Outgoing) -> str:
    """The work order's number that a message is about: the first it names."""
    card = outgoing.card
    for text in (card.title if card else "", outgoing.text):
        found = _NUMBER.search(text)
        if found:
            return found[0]
    return ""


def subject_of(outgoing: Outgoing, thread: Thread) -> str:
    """The thread's own subject with the number; without a thread, what it is about."""
    number = thread.number or number_in(outgoing)
    tag = f" [{number}]" if number else ""
    topic = one_line(topic_of(thread.subject))
    if topic:
        room = _SUBJECT - len(tag)
        return f"Re: {topic[:room]}{tag}"
    if number:
        return f"工单 {number}"
    first = next((line for line in outgoing.text.splitlines() if line.strip()), "派单")
    return one_line(first)[:_SUBJECT]


def letter(
    outgoing: Outgoing,
    thread: Thread,
    sender: tuple[str, str],
    to: str,
    message_id: str,
    now: datetime,
) -> EmailMessage:
    """The mail, ready to be handed over.

    Args:
        outgoing: What is to be said.
        thread: The conversation it belongs to.
        sender: Our name and address.
        to: Whom it is for.
        message_id: Its id, with angle brackets.
        now: Its date.

    Raises:
        ValueError: an address that cannot stand in a header.
    """
    mail = EmailMessage()
    mail["From"] = Address(one_line(sender[0]), addr_spec=sender[1])
    mail["To"] = Address(addr_spec=to)
    subject = subject_of(outgoing, thread)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id
    if thread.references:
        mail["In-Reply-To"] = thread.references[-1]
        mail["References"] = " ".join(thread.references)
    mail["Auto-Submitted"] = "auto-replied" if thread.subject else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(plain_text(outgoing), charset="utf-8", cte="base64")
    page = html(outgoing, sender[1], subject)
    mail.add_alternative(page, subtype="html", charset="utf-8", cte="base64")
    return mail


def plain_text(outgoing: Outgoing) -> str:
    """The words, the card as words, the commands as words."""
    card = plain(outgoing.card) if outgoing.card is not None else ""
    return visible("\n\n".join(part for part in (outgoing.text, card) if part)) + "\n"


def html(outgoing: Outgoing, address: str, subject: str) -> str:
    """The same as HTML without pictures, scripts or anything fetched."""
    parts = [_paragraphs(outgoing.text)]
    card = outgoing.card
    if card is not None:
        parts += [_card(card), *_links(card.buttons, address, subject)]
    inner = "\n".join(part for part in parts if part)
    return (
        '<!doctype html><html><head><meta charset="utf-8"></head>'
        f'<body style="font:15px/1.6 sans-serif;color:#1b1f24">{inner}</body></html>\n'
    )


def _paragraphs(text: str) -> str:
    lines = (escape(line) for line in visible(text).splitlines())
    return f"<p>{'<br>'.join(lines)}</p>" if text.strip() else ""


def _card(card: Card) -> str:
    colour = _COLOURS.get(card.tone, _COLOURS["neutral"])
    steps = " ".join(f"{_STEPS[state]}&nbsp;{escape(label)}" for label, state in card.steps)
    rows = "".join(
        f'<tr><td style="color:#5b6470;padding:2px 12px 2px 0;vertical-align:top">{_text(label)}'
        f"</td><td>{_text(value)}</td></tr>"
        for label, value in card.fields
    )
    inner = [
        f"<p><b>{_text(card.title)}</b> {_text(card.subtitle)}</p>",
        f"<p>{steps}</p>" if steps else "",
        f"<table>{rows}</table>" if rows else "",
        *(f'<p><a href="{escape(to)}">{_text(label)}</a></p>' for label, to in card.links),
        _paragraphs(card.body),
        f'<p style="color:#5b6470">{_text(card.footer)}</p>' if card.footer else "",
    ]
    style = f"border-left:4px solid {colour};padding:4px 12px;margin:12px 0"
    return f'<div style="{style}">{"".join(inner)}</div>'


def _links(buttons: Sequence[Button], address: str, subject: str) -> list[str]:
    """A link for each button that words can do, and the words."""
    links = [
        f'<a style="{_LINK}" href="mailto:{quote(address)}?subject={quote(subject)}'
        f'&amp;body={quote(button.command)}">{_text(button.label)}</a>'
        for button in buttons
        if button.command
    ]
    if not links:
        return []
    said = "<br>".join(_text(line) for line in command_lines(buttons))
    return [f"<p>{''.join(links)}</p>", f'<p style="color:#5b6470">{said}</p>']


def _text(words: str) -> str:
    return escape(visible(words)).replace("\n", "<br>")


def one_line(words: str) -> str:
    """Words that may stand in a header."""
    return " ".join(visible(words).split())
