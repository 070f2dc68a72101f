"""The catalogue is complete: every key a page asks for, in both languages, and none to spare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import paidan.console
from paidan.console.actions import _DESK, _HANDLER
from paidan.console.words import WORDS, say
from workflow.clocks import CLOCKS
from workflow.events import Kind
from workflow.states import State, Sub

ROOM = Path(paidan.console.__file__).parent
PAGES = [*ROOM.rglob("*.html"), *(p for p in ROOM.rglob("*.py") if "wording" not in p.parts)]
LITERAL = re.compile(
    r"""\b(?:t|t_or|say|pick)\(\s*(?:locale,\s*|viewer\.locale,\s*)?["']([a-z][\w.]*)["']"""
)
PREFIX = re.compile(r"""["']([a-z_]+\.)(?:["']\s*~|\{)""")
QUOTED = re.compile(r"""["']([a-z][\w]*(?:\.\w+)+|[a-z]\w+)["']""")


def asked() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for key in LITERAL.findall(page.read_text()):
            if not key.endswith("."):
                yield page.name, key


def test_every_key_a_page_asks_for_is_there() -> None:
    missing = {(page, key) for page, key in asked() if key not in WORDS}
    assert missing == set()


def test_no_sentence_is_left_over() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    prefixes = set(PREFIX.findall(text))
    quoted = set(QUOTED.findall(text))
    spare = {
        key
        for key in WORDS
        if key not in quoted and not any(key.startswith(prefix) for prefix in prefixes)
    }
    assert spare == set()


@pytest.mark.parametrize(("zh", "en"), WORDS.values(), ids=WORDS)
def test_both_languages_say_something_with_the_same_facts(zh: str, en: str) -> None:
    def facts(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert bool(zh) == bool(en)
    assert facts(zh) == facts(en)


def test_whatever_can_happen_has_a_name() -> None:
    for key in (
        *(f"event.{kind}" for kind in Kind),
        *(f"state.{state}" for state in State),
        *(f"sub.{sub}" for sub in Sub if sub),
        *(f"clock.{clock}" for clock in CLOCKS),
        *(f"act.{name}" for name in (*_HANDLER, *_DESK)),
        *(
            f"ask.{ask}"
            for ask in ("reason", "staff", "minutes", "rating", "text", "priority", "fault_type")
        ),
    ):
        assert say("zh_CN", key)
        assert say("en", key)
