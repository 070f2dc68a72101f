"""The one file format of the corpus and the lexicon: headings in brackets, then lines.

A line ``[heading]`` opens a section, ``# …`` is a comment, a blank line says nothing, and every
other line belongs to the section above it. In a corpus a message may itself start with a bracket
(``[图片]``), so the reader is told what a heading looks like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ANY_HEADING = re.compile(r"\[(.+)\]")


class Line(NamedTuple):
    """One line under its heading; ``number`` is its line in the file, from 1."""

    heading: re.Match[str]
    text: str
    number: int


def read(path: Path, heading: re.Pattern[str] = ANY_HEADING) -> Iterator[Line]:
    """The lines of a file with the heading each stands under.

    Raises:
        ValueError: a line stands before the first heading.
    """
    current: re.Match[str] | None = None
    for number, raw in enumerate(path.read_text("utf-8").splitlines(), 1):
        text = raw.strip()
        if not text or text.startswith("# "):
            continue
        if opened := heading.fullmatch(text):
            current = opened
        elif current is None:
            raise ValueError(f"{path}:{number}: a heading like [report P1 3] must come first")
        else:
            yield Line(current, text, number)


def words(path: Path) -> dict[str, tuple[str, ...]]:
    """The blank-separated words of each section, by heading."""
    found: dict[str, list[str]] = {}
    for line in read(path):
        found.setdefault(line.heading[1], []).extend(line.text.split())
    return {heading: tuple(group) for heading, group in found.items()}
