"""Words as 企业微信 shows them: nothing in them links, mentions or marks up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bots.degrade import split, visible

TEXT_BYTES: Final = 2048
_TAGS: Final = str.maketrans("<>", "＜＞")
_MARKUP: Final = str.maketrans("<>[]`*", "＜＞［］｀＊")


def plain_pages(text: str, most: int = TEXT_BYTES) -> tuple[str, ...]:
    """A text as messages; links in ``<a>`` are the only markup that text messages know."""
    return split(visible(text).translate(_TAGS), most)


def markdown_pages(text: str, mentions: Sequence[str], most: int) -> tuple[str, ...]:
    """A text as markdown messages that look like it; the first one calls people by their id."""
    calls = "".join(f"<@{who}>" for who in mentions if callable_by(who))
    room = most - len(calls.encode()) - 1
    first, *rest = split(visible(text).translate(_MARKUP), room)
    return (f"{calls} {first}".strip(), *rest)


def callable_by(who: str) -> bool:
    """Whether an id can stand inside a mention; only odd ones cannot."""
    return bool(who) and not any(mark in who for mark in "<>@ \n")


def clip(text: str, most: int) -> str:
    """At most so many characters, the last one telling that there were more."""
    seen = " ".join(visible(text).split())
    return seen if len(seen) <= most else f"{seen[: most - 1]}…"
