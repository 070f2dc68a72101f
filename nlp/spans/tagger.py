"""The trained tagger at work: gathers, sums and the best path; numpy alone.

A gram that begins at ``s`` says something about every place near it, so its weights are a block
(places × tags). All blocks of a text are gathered once and summed along diagonals: that gives a
score for each place and tag. The best path is exact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from operator import add
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nlp.spans.known import Known
from nlp.spans.path import BestPath
from nlp.spans.sight import Clue, Mark, Pattern, Sight

Floats = npt.NDArray[np.float32]
OUTSIDE: Final = "O"
BEFORE: Final = "\x02"
AFTER: Final = "\x03"
"""What stands before and after a text in every layer."""
_BEGIN, _INSIDE = "B-", "I-"


class Tagger:
    """Weights for grams and clues, immutable once made; safe to share between threads.

    ``grams[n]`` (as ``pattern number + text``) has the block ``blocks[n]`` of shape (places,
    tags); ``clues[n]`` has ``clue_weights[n]``; ``steps[a, b]`` is what going from tag ``a`` to
    ``b`` is worth. Weights share one scale on which a difference of ``softness`` is a factor e.
    """

    def __init__(
        self,
        patterns: Sequence[Pattern],
        tags: Sequence[str],
        grams: Sequence[str],
        blocks: npt.NDArray[np.float16],
        clues: Sequence[str],
        clue_weights: Floats,
        steps: Floats,
        known: Known,
        softness: float = 1.0,
    ) -> None:
        self.patterns = tuple(patterns)
        self.tags = tuple(tags)
        self.known = known
        self.softness = softness
        self._grams, self._stored = tuple(grams), blocks
        self._clues, self._clue_weights = tuple(clues), clue_weights
        self._steps = steps
        self._first = min(pattern.first for pattern in patterns)
        self._places = blocks.shape[1]
        self._tables, self._blocks = self._merged()
        self._clue_rows = {name: row for row, name in enumerate(clues, 1)}
        self._clue_table = np.vstack([np.zeros((1, len(tags)), np.float32), clue_weights])
        self._outside = self.tags.index(OUTSIDE)
        self._path = BestPath(steps)
        nothing = np.zeros((1, len(tags)), np.float32)
        self._onward = np.vstack([steps, nothing])
        self._backward = np.vstack([steps.T, nothing])

    def tag(self, sight: Sight) -> list[Mark]:
        """The marks of a text, in order, none overlapping another."""
        length = len(sight.layers[0])
        if not length:
            return []
        scores = self._scores(sight, length)
        path = self._path.through(scores)
        if path.count(self._outside) == length:
            return []
        sure = self._confidences(scores, path)
        found = runs([self.tags[tag] for tag in path])
        return [Mark(start, end, kind, min(sure[start : end + 1])) for start, end, kind in found]

    def _merged(self) -> tuple[list[tuple[int, list[tuple[int, dict[str, int]]]]], Floats]:
        """For each layer its gram tables, longest first; a block includes those of its prefixes,
        so that one look-up a place is enough.
        """
        blocks = np.zeros((len(self._grams) + 1, *self._stored.shape[1:]), np.float32)
        blocks[1:] = self._stored
        by_pattern: list[dict[str, int]] = [{} for _ in self.patterns]
        for row, gram in enumerate(self._grams, 1):
            by_pattern[ord(gram[0])][gram[1:]] = row
        tables = []
        for layer in sorted({pattern.layer for pattern in self.patterns}):
            sizes = sorted(
                (pattern.size, by_pattern[number])
                for number, pattern in enumerate(self.patterns)
                if pattern.layer == layer
            )
            shorter: list[tuple[int, dict[str, int]]] = []
            for size, rows in sizes:
                of_prefix = [_row(shorter, gram) for gram in rows]
                blocks[list(rows.values())] += blocks[of_prefix]
                shorter.insert(0, (size, rows))
            tables.append((layer, shorter))
        return tables, blocks

    def _scores(self, sight: Sight, length: int) -> Floats:
        places, tags = self._places, len(self.tags)
        width = length + places - 1
        rows = []
        for layer, tables in self._tables:
            framed = BEFORE * -self._first + sight.layers[layer] + AFTER * (places + len(tables))
            rows.append(_starts(framed, width, tables))
        gathered = np.ascontiguousarray(self._blocks.take(rows, axis=0).sum(axis=0))
        one, place, tag = gathered.strides
        diagonals: Floats = np.ndarray(
            (length, places, tags), np.float32, gathered, 0, (one, one + place, tag)
        )
        scores: Floats = diagonals.sum(axis=1)
        seen = self._clue_rows_of(sight, length)
        if seen is not None:
            scores += self._clue_table.take(seen, axis=0).sum(axis=1)
        return scores

    def _clue_rows_of(self, sight: Sight, length: int) -> list[list[int]] | None:
        rows: list[list[int]] = [[] for _ in range(length)]
        row_of = self._clue_rows
        known = self.known.clues(sight.layers[0]) if self.known.counts else ()
        for clues in (sight.clues, known):
            for position, name in clues:
                if row := row_of.get(name):
                    rows[position].append(row)
        most = max(map(len, rows))
        return [row + [0] * (most - len(row)) for row in rows] if most else None

    def _confidences(self, scores: Floats, path: list[int]) -> list[float]:
        """How sure each place's tag is, its neighbours being as they are. A mark is as sure as its
        least sure place, and the one after it, which says that it ends.
        """
        end = len(self.tags)
        rows = scores + self._onward.take([end, *path[:-1]], axis=0)
        rows += self._backward.take([*path[1:], end], axis=0)
        rows -= rows[np.arange(len(path)), path][:, None]
        rows /= self.softness
        sure: list[float] = (1 / np.exp(rows).sum(axis=1)).tolist()
        return sure

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Everything the tagger is, as arrays to store; none holds objects."""
        header = {
            "patterns": self.patterns,
            "tags": self.tags,
            "grams": self._grams,
            "clues": self._clues,
            "known": self.known.counts,
            "softness": self.softness,
        }
        text = np.frombuffer(json.dumps(header, ensure_ascii=False).encode(), np.uint8)
        return {
            "header": text,
            "blocks": self._stored,
            "clue_weights": self._clue_weights,
            "steps": self._steps,
        }

    @classmethod
    def from_arrays(cls, stored: Mapping[str, npt.NDArray[Any]]) -> Tagger:
        """The tagger that gave these arrays.

        Raises:
            KeyError: something is missing.
            ValueError: the header is no header.
        """
        header = json.loads(stored["header"].tobytes())
        return cls(
            [Pattern(*pattern) for pattern in header["patterns"]],
            header["tags"],
            header["grams"],
            stored["blocks"],
            header["clues"],
            stored["clue_weights"],
            stored["steps"],
            Known(header["known"]),
            header["softness"],
        )


def runs(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Stretches of one kind: (start, end, kind). A stretch may begin without its ``B-``."""
    found: list[tuple[int, int, str]] = []
    start, kind = 0, ""
    for place, tag in enumerate((*tags, OUTSIDE)):
        if kind and (tag == OUTSIDE or tag.startswith(_BEGIN) or tag[2:] != kind):
            found.append((start, place, kind))
            kind = ""
        if tag != OUTSIDE and not kind:
            start, kind = place, tag[2:]
    return found


def tags_of(length: int, marks: Sequence[Mark]) -> list[str]:
    """The reverse of :func:`runs`.

    Raises:
        ValueError: marks overlap or lie outside the text.
    """
    tags = [OUTSIDE] * length
    for mark in marks:
        inside = [f"{_BEGIN}{mark.kind}"] + [f"{_INSIDE}{mark.kind}"] * (mark.end - mark.start - 1)
        if not 0 <= mark.start < mark.end <= length or set(tags[mark.start : mark.end]) != {
            OUTSIDE
        }:
            raise ValueError(f"a mark overlaps another or lies outside the text: {mark}")
        tags[mark.start : mark.end] = inside
    return tags


def with_known(sight: Sight, known: Known, own: Sequence[Mark]) -> list[Clue]:
    """All clues of a training text."""
    return [*sight.clues, *known.clues(sight.layers[0], own)]


def _starts(framed: str, width: int, tables: Sequence[tuple[int, dict[str, int]]]) -> list[int]:
    """The row of the longest gram that begins at each of the first places, 0 for none."""
    rows: list[int | None] = [None] * width
    pieces, size = list(framed), 1
    for longer, table in reversed(tables):
        while size < longer:
            pieces, size = list(map(add, pieces, framed[size:])), size + 1
        found = map(table.get, pieces)
        rows = [row or shorter for row, shorter in zip(found, rows, strict=False)]
    return [row or 0 for row in rows]


def _row(tables: Sequence[tuple[int, dict[str, int]]], gram: str) -> int:
    for size, table in tables:
        if row := table.get(gram[:size]):
            return row
    return 0
