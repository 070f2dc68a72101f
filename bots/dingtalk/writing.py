"""A message as DingTalk shows it: words, markdown, or the fields of our card template. Pure.

Source: https://open.dingtalk.com/document/orgapp/robot-message-type (msgKey and msgParam) and
.../create-and-deliver-cards (``cardParamMap``: text values only).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bots.degrade import visible
from workflow.records import Card

BUTTONS: Final = 6
LINKS: Final = 5
"""Buttons of a card without a template: sampleActionCard5 has most."""
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
    lines += [f"[{escaped(label)}]({address})" for label, address in card.links]
    lines += [escaped(text) for text in (card.body, card.footer) if text]
    return "  \n".join(lines)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message in both forms: by web address, where people can be called, and by the robot's API
    (``msgKey`` and ``msgParam``), where they cannot.
    """

    web: Mapping[str, Any]
    key: str
    param: Mapping[str, str]


def words(text: str, mentions: Sequence[str]) -> Spoken:
    """Plain words."""
    key, param = message(text)
    return Spoken(called(text, mentions), key, param)


def linked(
    card: Card, news: str, links: Sequence[str], mentions: Sequence[str], *, group: bool
) -> Spoken:
    """A card whose buttons are links, at most five; in a group with the commands that do the same,
    for whoever has not said there who they are.
    """
    title = visible(f"{card.title} {card.subtitle}".strip())
    now = next((label for label, state in card.steps if state == "now"), "")
    said = [escaped(news), f"**{escaped(title)}**", escaped(now), body(card)]
    commands = [button.command for button in card.buttons[: len(links)] if button.command]
    if group and commands:
        said.append(escaped("「" + "」「".join(commands) + "」"))
    text = "  \n".join(part for part in said if part)
    labels = [visible(button.label) for button in card.buttons]
    pairs = list(zip(labels, links, strict=False))[:LINKS]
    calls = " ".join(f"@{who}" for who in mentions)
    at = {"atUserIds": list(mentions)[:50], "isAtAll": False}
    web = {**_web_card(title, f"{calls}  \n{text}" if calls else text, pairs), "at": at}
    return Spoken(web, *_robot_card(title, text, pairs))


def _web_card(title: str, text: str, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    shown: dict[str, Any] = {"title": title, "text": text}
    if not pairs:
        return {"msgtype": "markdown", "markdown": shown}
    if len(pairs) == 1:
        one = {"singleTitle": pairs[0][0], "singleURL": pairs[0][1]}
        return {"msgtype": "actionCard", "actionCard": {**shown, **one}}
    several = [{"title": label, "actionURL": link} for label, link in pairs]
    card = {**shown, "btnOrientation": "0", "btns": several}
    return {"msgtype": "actionCard", "actionCard": card}


def _robot_card(
    title: str, text: str, pairs: Sequence[tuple[str, str]]
) -> tuple[str, dict[str, str]]:
    shown = {"title": title, "text": text}
    if not pairs:
        return "sampleMarkdown", shown
    if len(pairs) == 1:
        label, link = pairs[0]
        return "sampleActionCard", {**shown, "singleTitle": label, "singleURL": link}
    for n, (label, link) in enumerate(pairs, 1):
        shown |= {f"actionTitle{n}": label, f"actionURL{n}": link}
    return f"sampleActionCard{len(pairs)}", shown


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
