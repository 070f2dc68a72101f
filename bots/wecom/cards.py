"""Template cards (``button_interaction``): for members one to one, and for the 智能机器人's chats.

Pure, but for looking up what a button's string stands for. A title has about 26 characters, six
short fields stand beside each other, and what is longer goes into the words beneath.
Sources: https://developer.work.weixin.qq.com/document/path/90236 (application), 101032 (bot).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bots.gateway.presses import Asked, Presses
from bots.gateway.sayings import say
from bots.wecom.words import clip
from workflow.records import Action, Button, Card

MAX_BUTTONS: Final = 6
MAX_CHOICES: Final = 10
KEY_BYTES: Final = 128
INERT: Final = "inert"
"""The key of a button that only says how things are."""
PICK: Final = "pick:"
"""Begins the key of the button that sends a choice; the asking button's own key follows."""
BACK: Final = "back"
QUESTION: Final = "choice"
STAYS: Final = "the older card stays as it was"
_TITLE: Final = 36
_DESC: Final = 44
_LABEL: Final = 10
_QUESTION: Final = 13
_FIELD_NAME: Final = 5
_FIELD: Final = 26
_FIELDS: Final = 6
_OPENS: Final = 1
"""The type of a field that opens an address."""
_WORDS: Final = 160
_STYLES: Final = {"primary": 1, "default": 2, "danger": 3}
_GREY: Final = 4
_COLOURS: Final = {"neutral": 0, "info": 0, "warn": 2, "danger": 2, "done": 3}
_LEVELS: Final = {"neutral": "⚪", "info": "🔵", "warn": "🟠", "danger": "🔴", "done": "✅"}


def new_task(key: str) -> str:
    """An id for a card: never the same twice, for the platform refuses repeats."""
    return f"{hashlib.sha256(key.encode()).hexdigest()[:24]}-{secrets.token_hex(8)}"


def template(
    card: Card, text: str, keys: Sequence[str], task: str, locale: str = "zh_CN"
) -> dict[str, Any]:
    """A card, with the news that comes with it, as a ``template_card``."""
    beside, beneath = _fields(card)
    now = next((label for label, state in card.steps if state == "now"), "")
    words = _beneath(card, text, beneath)
    found: dict[str, Any] = {
        "card_type": "button_interaction",
        "source": {
            "desc": f"{_LEVELS[card.tone]} {say('sign', locale)}",
            "desc_color": _COLOURS[card.tone],
        },
        "main_title": {
            "title": clip(card.title, _TITLE) or say("sign", locale),
            "desc": clip(card.subtitle or now, _DESC),
        },
        "task_id": task,
        "button_list": _buttons(card.buttons, keys) or [_inert(now or say("updated", locale))],
    }
    if words:
        found["sub_title_text"] = words
    if beside:
        found["horizontal_content_list"] = beside
    return found


def asking(
    shown: Mapping[str, Any], asked: Asked, key: str, locale: str = "zh_CN"
) -> dict[str, Any]:
    """The shown card, its buttons replaced by the choices that a pressed button offers."""
    options = [
        {"id": str(n), "text": clip(label, _LABEL)}
        for n, (_, label) in enumerate(asked.choices[:MAX_CHOICES])
    ]
    found = {name: value for name, value in shown.items() if name != "button_list"}
    found["button_selection"] = {
        "question_key": QUESTION,
        "title": clip(asked.label, _QUESTION),
        "option_list": options,
        "selected_id": "0",
    }
    found["button_list"] = [
        {"text": say("confirm", locale), "style": 1, "key": f"{PICK}{key}"},
        {"text": say("back", locale), "style": 2, "key": BACK},
    ]
    if len(asked.choices) > MAX_CHOICES and asked.command:
        more = say("others", locale, asked.command)
        found["sub_title_text"] = clip_lines(more, _WORDS)
    return found


async def meant(presses: Presses, key: str, option: str) -> Action | Asked | None:
    """What pressing a button means, with the option picked beside it; None where it is no longer
    anything.
    """
    found = await presses.read(key.removeprefix(PICK))
    if not key.startswith(PICK) or not isinstance(found, Asked):
        return found
    buttons = found.buttons()
    known = option.isascii() and option.isdecimal() and int(option) < len(buttons)
    return buttons[int(option)].action if known else None


def faces(template_card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What can be pressed on a card: labels and keys; nothing where nothing can."""
    buttons = template_card.get("button_list", [])
    return [(b["text"], b["key"]) for b in buttons if b["key"] != INERT]


def clip_lines(text: str, most: int) -> str:
    """At most so many characters, line by line tidied."""
    lines = [clip(line, most) for line in text.splitlines() if line.strip()]
    whole = "\n".join(lines)
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"


def _fields(card: Card) -> tuple[list[dict[str, Any]], list[str]]:
    """The links and the short ones to stand beside each other, and the rest as lines."""
    beside: list[dict[str, Any]] = []
    beneath: list[str] = []
    for label, address in card.links[:_FIELDS]:
        name, _, value = label.partition(" ")
        shown = {"keyname": clip(name, _FIELD_NAME), "value": clip(value or name, _FIELD)}
        beside.append({**shown, "type": _OPENS, "url": address})
    for label, value in card.fields:
        short = len(label) <= _FIELD_NAME and len(value) <= _FIELD and "\n" not in value
        if short and len(beside) < _FIELDS:
            beside.append({"keyname": clip(label, _FIELD_NAME), "value": clip(value, _FIELD)})
        else:
            beneath.append(f"{label}：{value}")
    return beside, beneath


def _beneath(card: Card, text: str, fields: Sequence[str]) -> str:
    """The words under the title: what can be done and the long fields whole, then as much of the
    rest as there is room for.
    """
    must = clip_lines("\n".join([*fields, card.footer]), _WORDS)
    body = clip_lines(card.body, max(0, _WORDS - len(must) - 1)) if len(must) < _WORDS - 1 else ""
    words = "\n".join(part for part in (body, must) if part)
    news = clip_lines(text, _WORDS)
    return f"{news}\n{words}".strip() if len(news) + len(words) < _WORDS else words


def _buttons(buttons: Sequence[Button], keys: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"text": clip(button.label, _LABEL) or "·", "style": _STYLES[button.style], "key": key}
        for button, key in zip(buttons, keys, strict=True)
    ][:MAX_BUTTONS]


def _inert(now: str) -> dict[str, Any]:
    return {"text": clip(now, _LABEL), "style": _GREY, "key": INERT}
