"""Chat polarity: labelled by machine to learn from, by hand to be asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nlp.heads.recipe import learn

from . import judged, sets
from .judged import Known, Rivals
from .shape import Figure, Sources

_ASKED = 5000
"""Rows of the machine-labelled part that are asked rather than taught, drawn with seed 0."""


def figures(sources: Sources) -> Iterator[Figure]:
    """Asked a fixed part of the machine-labelled rows, then the hand-labelled test part."""
    rows = sets.sentiment(sources.taught("conv_sentiment/train_auto_30k.csv"))
    drawn = np.random.default_rng(0).permutation(len(rows))
    asked_size = min(_ASKED, len(rows) // 5)
    dev = [rows[i] for i in drawn[:asked_size]]
    train = [rows[i] for i in drawn[asked_size:]]
    known = learn([row.text for row in train], [row.label for row in train])
    beside = Rivals(train)
    parts = {"fixed fifth": dev}
    if test_file := sources.kept_aside("conv_sentiment/test_manual_11k.csv"):
        parts["test"] = sets.sentiment(test_file)
    for on, asked in parts.items():
        yield from judged.single("sentiment.auto", on, asked, known, beside, Known())
        yield from judged.confidence("sentiment.auto", on, asked, known)
