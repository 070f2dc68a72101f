"""What the console says, Chinese then English, by key. Sentences of chats and cards are not here:
those come from whoever words notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paidan.console.wording import errors, pages, trade

WORDS: Final[Mapping[str, tuple[str, str]]] = {**pages.WORDS, **trade.WORDS, **errors.WORDS}


def pick(locale: str, key: str) -> str:
    """The text of a key in a language; Chinese unless English is asked for.

    Raises:
        KeyError: the catalogue has no such key.
    """
    return WORDS[key][0 if locale == "zh_CN" else 1]


def say(locale: str, key: str, **facts: object) -> str:
    """A sentence with its facts filled in; a fact the caller lacks reads as a dash.

    Raises:
        KeyError: the catalogue has no such key.
    """
    return pick(locale, key).format_map(_Facts(facts))


def say_if_known(locale: str, key: str, **facts: object) -> str:
    """The same, but empty for a key that the catalogue does not have."""
    return say(locale, key, **facts) if key in WORDS else ""


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "—"
