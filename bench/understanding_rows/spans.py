"""Marking stretches: parts of addresses, and parts and failures in fault reports."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from nlp.spans.known import Known
from nlp.spans.sight import Mark, Sight, echoes, kinds
from nlp.spans.tagger import runs
from nlp.spans.training import WIDE, Lesson, Recipe, teach

from . import scores, sets
from .sets import Tagged
from .shape import Bar, Figure, Sources

RECIPE: Final = Recipe(WIDE, algorithm="ap", settings={"max_iterations": 20})
_LONG = "①②③④⑤⑥⑦⑧⑨"
"""A token of several digits (or letters) as one character that tells how many."""
_WORD = "ⓐⓑⓒⓓⓔⓕⓖⓗⓘ"
_SHARE_TO_LEARN_FROM = 0.8


class Marked(NamedTuple):
    """The marks that should be made in a text, those made, and those a bare dictionary makes."""

    real: set[tuple[int, int, str]]
    said: set[tuple[int, int, str]]
    known: set[tuple[int, int, str]]


def figures(sources: Sources) -> Iterator[Figure]:
    """Addresses: the official parts. Reports: train and dev hold copies of each other, so all
    distinct rows of both are split anew (four fifths to learn from, seed 0).
    """
    train = sets.bio(sources.taught("address_parsing/train.txt"))
    parts = [("dev", sets.bio(sources.taught("address_parsing/dev.txt")))]
    if path := sources.kept_aside("address_parsing/test.txt"):
        parts.append(("test", sets.bio(path)))
    yield from _family("address", train, parts, Bar(89, 87.5), {"neural CRF": 89.93})

    rows = sets.spans(sources.taught("industry_ner/train.json"))
    rows += sets.spans(sources.taught("industry_ner/dev.json"))
    distinct = list({row.tokens: row for row in rows}.values())
    random.Random(0).shuffle(distinct)
    cut = int(len(distinct) * _SHARE_TO_LEARN_FROM)
    train, parts = distinct[:cut], [("split of train+dev", distinct[cut:])]
    if path := sources.kept_aside("industry_ner/test.json"):
        seen = {row.tokens for row in distinct}
        unseen = [row for row in dict.fromkeys(sets.spans(path)) if row.tokens not in seen]
        if unseen:
            parts.append(("test, unseen rows", unseen))
    yield from _family("industry_ner", train, parts, None, {})


def sight(tokens: Sequence[str]) -> Sight:
    """Tokens as layers: runs of digits or letters are told by their length."""
    layer = "".join(map(_shape, tokens))
    plain = "".join(token[0] for token in tokens)
    return Sight((layer, kinds(plain)), list(echoes(layer)))


def marks(tagged: Tagged) -> list[Mark]:
    """The stretches its tags tell of."""
    return [Mark(*run) for run in runs(tagged.tags)]


def _shape(token: str) -> str:
    if len(token) == 1:
        return token
    rounds = _LONG if token.isdigit() else _WORD
    return rounds[min(len(token), len(rounds)) - 1]


def _family(
    name: str,
    train: Sequence[Tagged],
    parts: Sequence[tuple[str, Sequence[Tagged]]],
    bar: Bar | None,
    published: dict[str, float | str],
) -> Iterator[Figure]:
    lessons = [Lesson(sight(row.tokens), marks(row)) for row in train]
    tagger = teach(lessons, RECIPE)
    dictionary = Known.learn((lesson.sight.layers[0], lesson.marks) for lesson in lessons)
    for on, rows in parts:
        judged = []
        for row in rows:
            seen = sight(row.tokens)
            said = {mark[:3] for mark in tagger.tag(seen)}
            known = set(_by_heart(seen.layers[0], dictionary))
            judged.append(Marked({mark[:3] for mark in marks(row)}, said, known))
        ours, bare = (_counts(judged, which) for which in ("said", "known"))
        yield Figure(
            f"{name}.train.f1", _f1(ours), on, len(rows),
            ci=scores.interval(_f1, ours), bar=bar, published=published,
            baselines={"dictionary": _f1(bare)}, note="exact spans",
        )  # fmt: skip


def _by_heart(layer: str, dictionary: Known) -> Iterator[tuple[int, int, str]]:
    """The longest words seen in training, each as what it was most often."""
    at = 0
    while at < len(layer):
        sizes = range(min(len(layer) - at, 14), 0, -1)
        size = next((n for n in sizes if layer[at : at + n] in dictionary.counts), 0)
        if size:
            counts = dictionary.counts[layer[at : at + size]]
            yield at, at + size, max(counts, key=counts.__getitem__)
        at += size or 1


def _counts(judged: Sequence[Marked], which: str) -> np.ndarray:
    """For each text: marks both made, made, and real."""
    rows = []
    for one in judged:
        said = getattr(one, which)
        rows.append((len(said & one.real), len(said), len(one.real)))
    return np.array(rows)


def _f1(table: np.ndarray) -> float:
    return scores.f1(*table.sum(axis=0))
