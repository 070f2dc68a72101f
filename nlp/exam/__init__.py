"""The frozen exam: messages and pairs written apart from what we learn from, to compare models.

The files of messages look like the corpus's, ``pairs.txt`` like a file of :mod:`nlp.pairs`.
Nothing may be trained on them or tuned by them, and whoever writes corpus rows or pairs does not
read them: else the figures say how well we copy, not how well we understand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nlp import corpus
from nlp.corpus import Example
from nlp.pairs import Pair, read

FOLDER = Path(__file__).parent
_PAIRS: Final = FOLDER / "pairs.txt"


def load() -> tuple[Example, ...]:
    """Every message of the exam, in file order."""
    return corpus.load(FOLDER, besides=(_PAIRS.name,))


def pairs() -> tuple[Pair, ...]:
    """Every pair of reports of the exam, in file order."""
    return read(_PAIRS)
