"""A message as DingTalk shows it: words, markdown, or the fields of our card template. Pure.

Source: https://open.dingtalk.com/document/orgapp/robot-message-type (msgKey and msgParam) and
.../create-and-deliver-cards (``cardParamMap``: text values only).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bots.degrade import visible
from workflow.records import Card

BUTTONS: Final = 6
FIELDS: Final = (
    "title",
    "subtitle",
    "tone",
    "news",
    "steps",
    "body",
    "hint",
    *(f"b{n}_{part}" for n in range(1, BUTTONS + 1) for part in ("text", "key", "show", "style")),
)
"""The variables of the card template, all texts; docs/how-to/dingtalk.md builds it."""
_MARKS: Final = re.compile(r"([\\*_#>~|!\-])")
_STEPS: Final = {"done": "●", "now": "◉", "next": "○"}


def params(card: Card, news: str, keys: Sequence[str]) -> dict[str, str]:
    """The template's variables for a card; buttons it does not have are hidden."""
    shown = {
        "title": visible(card.title),
        "subtitle": visible(card.subtitle),
        "tone": card.tone,
        "news": escaped(news),
        "steps": " ".join(f"{_STEPS[state]}{escaped(label)}" for label, state in card.steps),
        "body": body(card),
        "hint": "",
    }
    styles = [button.style for button in card.buttons]
    return shown | buttons([button.label for button in card.buttons], keys, styles)


def buttons(
    labels: Sequence[str], keys: Sequence[str], styles: Sequence[str] = ()
) -> dict[str, str]:
    """The variables of the buttons: at most six."""
    found: dict[str, str] = {}
    for n in range(BUTTONS):
        there = n < len(labels)
        found[f"b{n + 1}_text"] = visible(labels[n]) if there else ""
        found[f"b{n + 1}_key"] = keys[n] if there else ""
        found[f"b{n + 1}_show"] = "true" if there else "false"
        found[f"b{n + 1}_style"] = styles[n] if n < len(styles) else "default"
    return found


def body(card: Card) -> str:
    """The facts of a card in markdown."""
    lines = [f"**{escaped(label)}** {escaped(value)}" for label, value in card.fields]
    lines += [escaped(text) for text in (card.body, card.footer) if text]
    return "  \n".join(lines)


def called(text: str, mentions: Sequence[str]) -> dict[str, Any]:
    """A text that really notifies: the people stand in ``at`` and in the words."""
    calls = " ".join(f"@{who}" for who in mentions)
    return {
        "msgtype": "text",
        "text": {"content": f"{calls} {visible(text)}".strip()},
        "at": {"atUserIds": list(mentions)[:50], "isAtAll": False},
    }


def message(text: str) -> tuple[str, Mapping[str, str]]:
    """``msgKey`` and ``msgParam`` of plain words."""
    return "sampleText", {"content": visible(text)}


def escaped(text: str) -> str:
    """Users' words in markdown, as they were written."""
    return _MARKS.sub(r"\\\1", visible(text))
