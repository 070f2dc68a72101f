"""Making a tagger: CRFsuite learns the weights; it is imported here and nowhere else."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pycrfsuite

from nlp.spans.known import Known
from nlp.spans.sight import Mark, Pattern, Sight
from nlp.spans.tagger import AFTER, BEFORE, OUTSIDE, Tagger, tags_of, with_known


class Lesson(NamedTuple):
    """A text as the tagger will see it, and the marks it should make."""

    sight: Sight
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a tagger is made: which grams it looks at and how it learns.

    ``rarest``: a gram or clue must stand in this many places. ``remembers``: words seen marked
    become clues. ``softness`` tells how sure marks are (see :class:`~nlp.spans.tagger.Tagger`).
    """

    patterns: tuple[Pattern, ...]
    rarest: int = 2
    remembers: bool = True
    algorithm: str = "l2sgd"
    settings: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    softness: float = 1.0


WIDE = (
    Pattern(0, 1, -3, 3),
    Pattern(0, 2, -3, 2),
    Pattern(0, 3, -3, 1),
    Pattern(1, 3, -3, 1),
    Pattern(1, 5, -4, 0),
)
"""Three characters to either side, in ones, twos and threes; and the kinds of characters."""


def teach(lessons: Sequence[Lesson], recipe: Recipe) -> Tagger:
    """Learn from marked texts.

    Raises:
        ValueError: nothing is marked, or marks overlap or lie outside their text.
    """
    words = lessons if recipe.remembers else ()
    known = Known.learn((lesson.sight.layers[0], lesson.marks) for lesson in words)
    clues = [with_known(lesson.sight, known, lesson.marks) for lesson in lessons]
    book = _Book(lessons, clues, recipe)
    trainer = pycrfsuite.Trainer(algorithm=recipe.algorithm, verbose=False)
    trainer.set_params({"feature.possible_transitions": True, **recipe.settings})
    tags = {OUTSIDE}
    for lesson, told in zip(lessons, clues, strict=True):
        truth = tags_of(len(lesson.sight.layers[0]), lesson.marks)
        if truth:
            trainer.append(pycrfsuite.ItemSequence(book.attributes(lesson.sight, told)), truth)
            tags.update(truth)
    if len(tags) == 1:
        raise ValueError("a tagger needs texts with marks to learn from")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "tagger.crfsuite")
        trainer.train(path)
        learnt = pycrfsuite.Tagger()
        learnt.open(path)
        info = learnt.info()
        learnt.close()
    return book.tagger(sorted(tags), info.state_features, info.transitions, known)


class _Book:
    """The grams and clues worth learning, each with the names CRFsuite knows them by."""

    def __init__(
        self, lessons: Sequence[Lesson], clues: Sequence[Sequence[tuple[int, str]]], recipe: Recipe
    ) -> None:
        self._recipe = recipe
        self._first = min(pattern.first for pattern in recipe.patterns)
        self._places = max(pattern.last for pattern in recipe.patterns) - self._first + 1
        counts: Counter[str] = Counter()
        for lesson in lessons:
            counts.update(
                gram
                for number in range(len(recipe.patterns))
                for gram in self._grams(lesson.sight, number)
            )
        told = Counter(name for group in clues for _, name in group)
        self.grams = sorted(gram for gram, count in counts.items() if count >= recipe.rarest)
        self.clues = sorted(name for name, count in told.items() if count >= recipe.rarest)
        self._clue_names = {name: f"c{row}" for row, name in enumerate(self.clues)}
        self._gram_names: dict[str, dict[int, str]] = {}
        for row, gram in enumerate(self.grams):
            pattern = recipe.patterns[ord(gram[0])]
            self._gram_names[gram] = {
                offset: f"{row}.{offset - self._first}"
                for offset in range(pattern.first, pattern.last + 1)
            }

    def _grams(self, sight: Sight, number: int) -> list[str]:
        """The grams of a pattern, the n-th beginning ``first + n`` from the start of the text."""
        layer, size, first, last = self._recipe.patterns[number]
        text = sight.layers[layer]
        framed = BEFORE * -first + text + AFTER * (last + size)
        mark = chr(number)
        return [mark + framed[at : at + size] for at in range(len(text) + last - first)]

    def attributes(self, sight: Sight, clues: Sequence[tuple[int, str]]) -> list[list[str]]:
        """For each place of a text the names of what is seen there."""
        seen: list[list[str]] = [[] for _ in sight.layers[0]]
        length = len(seen)
        for number, pattern in enumerate(self._recipe.patterns):
            for start, gram in enumerate(self._grams(sight, number), pattern.first):
                names = self._gram_names.get(gram)
                if names is None:
                    continue
                for offset, name in names.items():
                    if 0 <= start - offset < length:
                        seen[start - offset].append(name)
        for position, clue in clues:
            if clue in self._clue_names:
                seen[position].append(self._clue_names[clue])
        return seen

    def tagger(
        self,
        tags: Sequence[str],
        weights: Mapping[tuple[str, str], float],
        transitions: Mapping[tuple[str, str], float],
        known: Known,
    ) -> Tagger:
        """The learnt weights as tables; grams and clues that weigh nothing are left out."""
        column = {tag: number for number, tag in enumerate(tags)}
        blocks = np.zeros((len(self.grams), self._places, len(tags)), np.float16)
        clue_weights = np.zeros((len(self.clues), len(tags)), np.float32)
        for (name, tag), weight in weights.items():
            if name[0] == "c":
                clue_weights[int(name[1:]), column[tag]] = weight
            else:
                row, _, place = name.partition(".")
                blocks[int(row), int(place), column[tag]] = weight
        steps = np.zeros((len(tags), len(tags)), np.float32)
        for (before, after), weight in transitions.items():
            steps[column[before], column[after]] = weight
        used = np.abs(blocks).max(axis=(1, 2)) > 0
        return Tagger(
            self._recipe.patterns,
            tags,
            [gram for gram, keep in zip(self.grams, used, strict=True) if keep],
            blocks[used],
            self.clues,
            clue_weights,
            steps,
            known,
            self._recipe.softness,
        )
