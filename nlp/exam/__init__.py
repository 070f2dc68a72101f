"""The frozen exam: messages written apart from the corpus, by which models are compared.

The files look like the corpus's. Nothing may be trained on them or tuned by them, and whoever
writes corpus rows does not read them: else the figures say how well we copy, not how well we
understand.
"""

from __future__ import annotations

from pathlib import Path

from nlp import corpus
from nlp.corpus import Example

FOLDER = Path(__file__).parent


def load() -> tuple[Example, ...]:
    """Every message of the exam, in file order."""
    return corpus.load(FOLDER)
