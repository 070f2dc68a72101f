"""The tagger of entities: what it learns from, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nlp import lexicon, safety
from nlp.corpus import Example
from nlp.entities import candidates
from nlp.heads.features import read
from nlp.spans.sight import Mark, Pattern
from nlp.spans.tagger import Tagger
from nlp.spans.training import Lesson, Recipe, teach

RECIPE: Final = Recipe(
    patterns=(
        Pattern(0, 1, -3, 3),
        Pattern(0, 2, -3, 2),
        Pattern(0, 3, -2, 0),
        Pattern(1, 3, -3, 1),
    ),
    rarest=3,
    remembers=False,
    softness=24.0,
    algorithm="ap",
    settings={"max_iterations": 8},
)


def lesson(example: Example) -> Lesson:
    """A labelled message as the tagger sees it; kinds as in :data:`nlp.corpus.MARKS`."""
    reading = read(example.text, lexicon.shipped(), safety.shipped())
    found = candidates.collect(reading)
    marks = [Mark(start, end, kind) for kind, start, end in example.entities]
    return Lesson(candidates.sight(reading, found), marks)


def train(examples: Sequence[Example]) -> Tagger:
    """A tagger from labelled messages."""
    return teach([lesson(example) for example in examples], RECIPE)
