"""A message as Telegram shows it: HTML with everything of users' words escaped, and a keyboard.

Source: https://core.telegram.org/bots/api#html-style
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape, unescape
from typing import Final

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bots.degrade import split, visible
from workflow.records import Card

TONES: Final = {"neutral": "⚪", "info": "🔵", "warn": "🟠", "danger": "🔴", "done": "✅"}
_STEPS: Final = {"done": "●", "now": "◉", "next": "○"}
CAPTION: Final = 1024
_TAG: Final = re.compile(r"<[^<>]*>")
_FEW: Final = 4
_ROOM: Final = 3600
"""Bytes of one message's words, leaving room for tags."""
_WIDE: Final = 8
"""Buttons with labels longer than this stand alone in their row."""


def pages(text: str, mentions: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """Plain words as HTML messages; the people meant are called in the first."""
    first, *rest = split(visible(text), _ROOM)
    calls = " ".join(call(who, names) for who in mentions)
    return [f"{calls} {escape(first)}".strip(), *(escape(page) for page in rest)]


def card(shown: Card, text: str, mentions: Sequence[str], names: Mapping[str, str]) -> str:
    """A card, and the news that comes with it, as one HTML message."""
    calls = " ".join(call(who, names) for who in mentions)
    head = f"{TONES[shown.tone]} <b>{_safe(shown.title)}</b> {_safe(shown.subtitle)}".rstrip()
    steps = " ".join(f"{_STEPS[state]}{_safe(label)}" for label, state in shown.steps)
    fields = [f"<b>{_safe(label)}</b> {_safe(value)}" for label, value in shown.fields]
    parts = (
        f"{calls} {_safe(text)}".strip(),
        head,
        steps,
        *fields,
        *(f'<a href="{escape(to)}">{_safe(label)}</a>' for label, to in shown.links),
        _safe(shown.body),
        f"<i>{_safe(shown.footer)}</i>" if shown.footer else "",
    )
    return "\n".join(part for part in parts if part)


def fits(html: str) -> bool:
    """Whether it is short enough for a picture's caption, as Telegram counts: without tags, in
    UTF-16.
    """
    return len(unescape(_TAG.sub("", html)).encode("utf-16-le")) // 2 <= CAPTION


def caption(shown: Card, html: str) -> str:
    """A card as the caption of its picture: whole where it fits, else without what is longest."""
    for fewer in (
        shown,
        replace(shown, footer=""),
        replace(shown, footer="", body=""),
        replace(shown, footer="", body="", fields=shown.fields[:_FEW]),
    ):
        html = html if fewer is shown else card(fewer, "", (), {})
        if fits(html):
            return html
    return card(Card(shown.key, shown.title, shown.subtitle, shown.tone), "", (), {})


def keyboard(labels: Sequence[str], keys: Sequence[str]) -> InlineKeyboardMarkup:
    """Two short buttons a row, long ones alone."""
    rows: list[list[InlineKeyboardButton]] = []
    for label, key in zip(labels, keys, strict=True):
        button = InlineKeyboardButton(visible(label)[:64] or "·", callback_data=key)
        fits = rows and len(rows[-1]) == 1 and len(label) <= _WIDE
        if fits and len(rows[-1][0].text) <= _WIDE:
            rows[-1].append(button)
        else:
            rows.append([button])
    return InlineKeyboardMarkup(rows)


def call(who: str, names: Mapping[str, str]) -> str:
    """A mention that reaches its person: by id, or by an ``@name`` of theirs."""
    if who.startswith("@"):
        return escape(who)
    name = names.get(who) or "👤"
    return f'<a href="tg://user?id={escape(who)}">@{escape(name)}</a>'


def _safe(text: str) -> str:
    return escape(visible(text))
