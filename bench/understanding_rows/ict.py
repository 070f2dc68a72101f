"""State Grid fault reports: kind of fault, component, cause; few rows, long reports."""

from __future__ import annotations

from collections.abc import Iterator

from nlp.heads.recipe import learn

from . import judged, sets
from .judged import Known, Rivals
from .shape import Bar, Figure, Sources

_COLUMNS = {
    "kind": ("异常类型", Bar(90, 81.67), {"BERT": 76.27, "TextCNN": 81.67, "multitask": 79.38}),
    "component": ("故障组件", Bar(60, 51.5), {"BERT": 38.98, "TextCNN": 51.5, "multitask": 46.88}),
    "cause": ("形成原因", Bar(77, 71.67), {"BERT": 62.71, "TextCNN": 71.67, "multitask": 89.38}),
}


def figures(sources: Sources) -> Iterator[Figure]:
    """Taught on train, asked dev; with a test part asked that too (the bar is about it)."""
    train_file = sources.taught("ict_fault/train.csv")
    dev_file = sources.taught("ict_fault/dev.csv")
    test_file = sources.kept_aside("ict_fault/test.csv")
    for name, (column, bar, published) in _COLUMNS.items():
        train = sets.ict(train_file, column)
        known = learn([row.text for row in train], [row.label for row in train])
        beside = Rivals(train)
        parts = {"dev": dev_file} | ({"test": test_file} if test_file else {})
        for on, path in parts.items():
            asked = sets.ict(path, column)
            held = Known({"accuracy": bar} if on == "test" else {}, {"accuracy": published})
            yield from judged.single(f"ict.{name}", on, asked, known, beside, held)
