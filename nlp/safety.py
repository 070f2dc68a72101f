"""Danger words with their scope: what must never wait, unless the writer says it is not so.

A danger counts when it is neither negated (没有漏电), nor part of a harmless word (燃气费), nor
taken back by the message (虚惊一场), nor merely imagined (万一着火), nor over (插头拔了, 昨晚). One
that counts raises the priority to P0; one that is denied stops the same word from frightening the
model; of one that is over the model decides, for some are over only in part. So it does of words
that mean a danger too seldom (灯泡炸了): they are facts to it, no verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from nlp import sections
from nlp.lexicon import FOLDER
from nlp.text import clauses

_ENDED_BY_A_CUT = frozenset({"smoke", "spark", "shock", "wet", "flood", "fall", "pressure"})
"""Kinds that pulling a plug, closing a valve or a cover ends; people trapped or a fire are not."""


class Danger(NamedTuple):
    """A danger word at ``start:end``, its kind (``fire``, ``trapped``, …) and how it is meant."""

    start: int
    end: int
    kind: str
    meant: bool
    denied: bool


class Safety:
    """The danger words and their scope, ready to search."""

    def __init__(self, folder: Path = FOLDER) -> None:
        scope = sections.words(folder / "scope.txt")
        kinds = sections.words(folder / "safety.txt")
        self._dangers = re.compile(
            "|".join(f"(?P<{kind}>{_any(patterns)})" for kind, patterns in kinds.items())
        )
        self._harmless = re.compile(_any(scope["harmless"]))
        self._denial = re.compile(
            rf"(?<!有)(?:{_any(scope['negation'])})(?:{_any(scope['between'])})*$"
        )
        self._dismissal = re.compile(_any(scope["dismissal"]))
        self._hypothetical = re.compile(_any(scope["hypothetical"]))
        self._made_safe = re.compile(_any(scope["made_safe"]))
        self._past = re.compile(_any(scope["past"]))
        self._doubtful = re.compile(_any(scope["doubtful"]))

    def dangers(self, meant: str) -> list[Danger]:
        """The danger words of a folded text, in order."""
        masked = self._harmless.sub(lambda found: "○" * len(found[0]), meant)
        if not self._dangers.search(masked):
            return []
        dismissed = self._dismissal.search(masked) is not None
        made_safe = self._made_safe.search(masked) is not None
        past = self._past.search(masked) is not None
        found: list[Danger] = []
        for start, end in clauses(masked):
            imagined = self._hypothetical.search(masked, start, end) is not None
            for hit in self._dangers.finditer(masked, start, end):
                denied = dismissed or self._denial.search(masked[start : hit.start()]) is not None
                over = past or (made_safe and hit.lastgroup in _ENDED_BY_A_CUT)
                doubtful = self._doubtful.fullmatch(hit[0]) is not None
                meant_so = not (denied or imagined or over or doubtful)
                found.append(Danger(*hit.span(), hit.lastgroup or "", meant_so, denied))
        return found


def _any(patterns: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


@cache
def shipped() -> Safety:
    """The danger words that ship with the product; read once."""
    return Safety()
