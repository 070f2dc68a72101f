"""What can be said of the look in numbers: contrast (WCAG AA), and no colour outside the tokens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import paidan.console

STATIC = Path(paidan.console.__file__).parent / "static"
TOKEN = re.compile(r"--([\w-]+): (#[0-9a-f]{6})")
READ_ON = [
    *(("ink", on) for on in ("paper", "surface", "sunken", "bubble-in", "bubble-out")),
    *(("ink-2", on) for on in ("paper", "surface", "sunken")),
    *(("ink-3", on) for on in ("paper", "surface", "sunken", "bubble-out")),
    *((f"{hue}-text", on) for hue in ("brand", "red", "amber", "green", "violet") for on in
      (f"{hue}-soft", "surface")),
    ("brand-ink", "brand"),
    ("mark-ink", "mark"),
]  # fmt: skip
AA = 4.5


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("sheet", ["console.css", "dark.css"])
@pytest.mark.parametrize(("ink", "on"), READ_ON)
def test_everything_can_be_read(sheet: str, ink: str, on: str) -> None:
    tokens = dict(TOKEN.findall((STATIC / sheet).read_text()))
    dark, light = sorted((luminance(tokens[ink]), luminance(tokens[on])))
    assert (light + 0.05) / (dark + 0.05) >= AA


def test_dark_and_light_have_the_same_colours() -> None:
    light = dict(TOKEN.findall((STATIC / "console.css").read_text()))
    assert light.keys() == dict(TOKEN.findall((STATIC / "dark.css").read_text())).keys()
