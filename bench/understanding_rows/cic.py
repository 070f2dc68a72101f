"""DataCLUE CIC: what a buyer wants, 118 labels, four of ten training labels wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nlp.heads.recipe import Classifier, Way, learn

from . import judged, sets
from .judged import Known, Rivals
from .sets import Text
from .shape import Bar, Figure, Sources

_PUBLISHED = {
    "macro_f1": {
        "RoBERTa-3L": 72.78,
        "noise deletion": 73.32,
        "augmentation": 74.62,
        "definitions": 78.22,
        "combined": 78.49,
    },
    "accuracy": {"human": 87.40},
}
_TRAIN = Known({"macro_f1": Bar(77.5, 75), "accuracy": Bar(86.5, 84)}, _PUBLISHED)
_BOTH = Known({"macro_f1": Bar(79.0, 77.5), "accuracy": Bar(87.4, 86)}, _PUBLISHED)


def figures(sources: Sources) -> Iterator[Figure]:
    """Taught on train, asked dev (as noisy) and test; then taught on both, asked test."""
    train = sets.cic(sources.taught("dataclue_cic/train.json"))
    dev = sets.cic(sources.taught("dataclue_cic/dev.json"))
    test_file = sources.kept_aside("dataclue_cic/test_public.json")
    test = sets.cic(test_file) if test_file else []
    first = taught(train)
    beside = Rivals(train)
    yield from _asked("cic.train", "dev", dev, first, beside, Known())
    if test:
        yield from _asked("cic.train", "test", test, first, beside, _TRAIN)
        both = [*train, *dev]
        yield from _asked(
            "cic.train+dev", "test", test, taught(both, first.way), Rivals(both), _BOTH
        )


def taught(rows: Sequence[Text], way: Way | None = None) -> Classifier:
    """A classifier of these rows; the labels are Chinese phrases and so name themselves."""
    labels = [row.label for row in rows]
    return learn([row.text for row in rows], labels, names={x: x for x in labels}, way=way)


def _asked(
    name: str,
    on: str,
    asked: Sequence[Text],
    classifier: Classifier,
    beside: Rivals,
    known: Known,
) -> Iterator[Figure]:
    yield from judged.single(name, on, asked, classifier, beside, known)
    yield from judged.confidence(name, on, asked, classifier)
    yield from judged.misheard(name, on, asked, classifier, beside)
