"""Buttons through platforms that carry only a short string: short enough, or kept as a note.

A button that asks for something more is always a note: pressing it offers the choices, and each
choice is a button of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from bots.gateway.sayings import say
from workflow.ports import Notes
from workflow.records import Action, Button

KEPT_FOR: Final = timedelta(days=30)
"""How long a button that is a note can be pressed; long after its work order is closed."""
_SHORT: Final = "s"
_NOTE: Final = "n"
_FIELDS: Final = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A pressed button that wants one thing more: choices to tap, or words to be written.

    ``command`` is the text command to write it with, where there is nothing to tap.
    """

    action: Action
    ask: str
    label: str
    choices: tuple[tuple[str, str], ...]
    command: str = ""

    def wanted(self, locale: str) -> str:
        """How to write what cannot be tapped."""
        return say("wanted", locale, self.command or self.label)

    def buttons(self) -> tuple[Button, ...]:
        """One button a choice."""
        return tuple(
            Button(label, replace(self.action, args={**self.action.args, self.ask: value}))
            for value, label in self.choices
        )


class Presses:
    """The strings behind the buttons of one channel.

    Args:
        notes: Keep what does not fit.
        limit: Bytes the platform carries; at least 48.
    """

    def __init__(self, notes: Notes, limit: int) -> None:
        self._notes = notes
        self._limit = limit

    async def key(self, button: Button) -> str:
        """The string for a button: at most ``limit`` bytes of ASCII."""
        short = "" if button.ask else _short(button.action)
        if short and len(short.encode()) <= self._limit:
            return short
        kept = json.dumps(_plain(button), sort_keys=True, ensure_ascii=False)
        name = hashlib.sha256(kept.encode()).hexdigest()[:32]
        await self._notes.put(f"press:{name}", kept, KEPT_FOR)
        return f"{_NOTE}:{name}"

    async def keys(self, buttons: Sequence[Button]) -> list[str]:
        """The strings for several buttons, in order."""
        return [await self.key(button) for button in buttons]

    async def read(self, key: str) -> Action | Asked | None:
        """What was pressed; None for a string that is not ours, or too old."""
        kind, _, rest = key.partition(":")
        if kind == _SHORT:
            return _long(rest)
        if kind != _NOTE or not rest.isalnum():
            return None
        kept = await self._notes.get(f"press:{rest}")
        if kept is None:
            return None
        found: dict[str, Any] = json.loads(kept)
        action = Action(**found["action"])
        if not found["ask"]:
            return action
        choices = tuple((str(value), str(label)) for value, label in found["choices"])
        return Asked(action, found["ask"], found["label"], choices, found["command"])


def _short(action: Action) -> str:
    """Everything in one string, unless arguments come with it."""
    if action.args or any(":" in part for part in (action.do, action.order, action.expect or "")):
        return ""
    generation = "" if action.generation is None else str(action.generation)
    said = ":".join((_SHORT, action.do, action.order, action.expect or "", generation))
    return said if said.isascii() else ""


def _long(rest: str) -> Action | None:
    parts = rest.split(":")
    if len(parts) != _FIELDS - 1:
        return None
    do, order, expect, generation = parts
    if not do or not order or not (generation.isdecimal() or not generation):
        return None
    return Action(do, order, expect or None, int(generation) if generation else None)


def _plain(button: Button) -> dict[str, Any]:
    action = button.action
    return {
        "action": {
            "do": action.do,
            "order": action.order,
            "expect": action.expect,
            "generation": action.generation,
            "args": dict(action.args),
        },
        "ask": button.ask or "",
        "label": button.label,
        "choices": [list(choice) for choice in button.choices],
        "command": button.command,
    }
