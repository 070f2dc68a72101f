"""Making a message fit a poorer channel: shorter, plainer, without buttons, harmless."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from workflow.records import Button, Card, Outgoing

APART = "，"
"""Between the commands of :func:`template_facts`."""
_BREAKS = ("\n", "。", "！", "？", "；", ". ", "，", ", ", " ")
_JOINERS = "\u200d\ufe0e\ufe0f"
_ALLOWED_CONTROLS = "\n\t\u200d"
_MENTION = re.compile(r"(?<![0-9A-Za-z._+-])@")
_NUMBER = re.compile(r"WO-[0-9]{8}-[0-9]{4,}")
_COMMAND = re.compile(r"\S+「[^」]+」：.+")
_MARKUP = str.maketrans("<>[]`", "＜＞［］｀")


def split(text: str, max_bytes: int) -> tuple[str, ...]:
    """Cut a text into pieces of at most ``max_bytes`` UTF-8 bytes; joined they are the text again.

    Cuts fall after a line, sentence, clause or word where one ends in the second half of the
    piece, else between characters; never inside a character or before a mark that joins it.
    ``max_bytes`` of less than 4 could not hold every character and is taken as 4.
    """
    limit = max(4, max_bytes)
    pieces: list[str] = []
    rest = text
    while len(rest.encode()) > limit:
        cut = _fitting(rest, limit)
        cut = _at_a_break(rest, cut)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    if rest or not pieces:
        pieces.append(rest)
    return tuple(pieces)


def _fitting(text: str, limit: int) -> int:
    """How many characters fit; a character with its combining marks stays whole if it can."""
    most = len(text.encode()[:limit].decode(errors="ignore"))
    cut = most
    while cut > 0 and (
        unicodedata.combining(text[cut]) or text[cut] in _JOINERS or text[cut - 1] == "\u200d"
    ):
        cut -= 1
    return cut or most


def _at_a_break(text: str, cut: int) -> int:
    for mark in _BREAKS:
        found = text.rfind(mark, cut // 2, cut)
        if found >= 0:
            return found + len(mark)
    return cut


def visible(text: str) -> str:
    """The text without control characters and without marks that hide or reverse it."""
    return "".join(
        c for c in text if c in _ALLOWED_CONTROLS or unicodedata.category(c) not in {"Cc", "Cf"}
    )


def neutralise(text: str) -> str:
    """A user's words made safe to repeat elsewhere: no mention, link or tag, nothing invisible.

    Characters that a chat could take for such become their full-width twins, so people still read
    what was written. An ``@`` inside an e-mail address stays.
    """
    return _MENTION.sub("＠", visible(text).translate(_MARKUP))


def command_lines(buttons: Sequence[Button], reply: str = "回复") -> tuple[str, ...]:
    """The text commands that do what the buttons would: 「回复「接单 7」：接单」."""
    return tuple(f"{reply}「{b.command}」：{b.label}" for b in buttons if b.command)


def template_facts(outgoing: Outgoing) -> dict[str, str]:
    """What an approved template with few variables can say of a message: the ``number`` of its
    work order, the ``status`` its card tells, ``title`` (the first line of the news), the whole
    ``text`` without commands, and ``reply``, the commands.
    """
    card = outgoing.card
    lines = [line for line in outgoing.text.splitlines() if line.strip()] or [""]
    words = [line for line in lines if not _COMMAND.fullmatch(line)] or [""]
    commands = command_lines(card.buttons) if card else ()
    number = _NUMBER.search(f"{card.title if card else ''}\n{outgoing.text}")
    said = {
        "number": number[0] if number else card.title if card else words[0],
        "title": words[0],
        "status": card.subtitle if card else words[-1],
        "text": " ".join(words),
        "reply": APART.join(commands or [line for line in lines if _COMMAND.fullmatch(line)]),
    }
    return {name: visible(words) for name, words in said.items()}


def plain(card: Card, reply: str = "回复") -> str:
    """A card as text, for channels without cards."""
    head = f"【{card.title}】{card.subtitle}".rstrip()
    fields = (f"{label}：{value}" for label, value in card.fields)
    now = next((label for label, state in card.steps if state == "now"), "")
    links = (f"{label}：{address}" for label, address in card.links)
    commands = command_lines(card.buttons, reply)
    parts = (head, now, *fields, card.body, *links, *commands, card.footer)
    return "\n".join(part for part in parts if part)
