"""Messages that were spoken and misheard: a fifth of the corpus, read by tables taught on the rest.

Characters are swapped for homophones by the product's own noise (other seed than its teaching) and,
beside it, by one that knows nothing of the trade (:mod:`.homophones`). Then the corrections: how
many messages nobody misheard are changed all the same, and how much of what was misheard is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nlp import Understander, corpus, jsonl
from nlp.corpus import Example
from nlp.heads import lessons, spoken, training
from nlp.sounds import fitting, mending
from nlp.sounds.noise import Mishearing
from nlp.text import fold

from . import homophones, scores
from .shape import Figure, Sources

SHARES = (0.0, 0.1, 0.2, 0.3)
_BLIND = 0.2
"""The share at which the other noise is heard too."""
_SEED = 11


def figures(sources: Sources) -> Iterator[Figure]:
    """Needs no data folder."""
    del sources
    examples = corpus.load()
    _, truth = scores.coded([""], [e.fault_type for e in examples])
    seen, unseen = next(lessons.folds(truth))
    taught, asked = [examples[at] for at in seen], [examples[at] for at in unseen]
    model = training.train(taught, "bench", _silent)
    reader = Understander(model, spoken_model=spoken.train(taught, "bench", _silent))
    plain = Understander(model)
    own = Mishearing(example.text for example in examples)
    for share in SHARES:
        texts = [own.heard(example.text, share, _SEED) for example in asked]
        yield from _judged("own", share, asked, texts, reader, plain)
        if share == _BLIND:
            texts = homophones.misheard([example.text for example in asked], share)
            yield from _judged("blind", share, asked, texts, reader, plain)
    yield from _corrections([fold(example.text) for example in examples])


def _judged(
    noise: str,
    share: float,
    asked: Sequence[Example],
    texts: Sequence[str],
    reader: Understander,
    plain: Understander,
) -> Iterator[Figure]:
    """As spoken, as typed, and typed without the second table."""
    ways = {
        "spoken": [jsonl.plain(reader.understand(text, spoken=True)) for text in texts],
        "typed": [jsonl.plain(reader.understand(text)) for text in texts],
        "one table": [jsonl.plain(plain.understand(text)) for text in texts],
    }
    told = {way: dict(_scored(asked, answers)) for way, answers in ways.items()}
    for name, (value, edges) in told["spoken"].items():
        others = {way: told[way][name][0] for way in ("typed", "one table")}
        yield Figure(
            f"voice.{noise}_{share:.0%}.{name}",
            value, "corpus, 1 fold", len(asked), ci=edges, baselines=others,
        )  # fmt: skip


def _scored(
    asked: Sequence[Example], answers: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, tuple[float, tuple[float, float]]]]:
    for head in ("intent", "fault_type"):
        real, said = scores.coded(
            [getattr(e, head) for e in asked], [str(a[head]) for a in answers]
        )
        score = scores.macro_f1
        yield f"{head}.macro_f1", (score(real, said), scores.interval(score, real, said))
    danger = np.array([e.priority == "P0" for e in asked])
    alarm = np.array([a["priority"] == "P0" for a in answers])
    for name, whole in (("recall", danger), ("precision", alarm)):
        hit = (danger & alarm)[whole]
        yield f"P0.{name}", (scores.share(hit), scores.interval(scores.share, hit))


def _corrections(texts: Sequence[str]) -> Iterator[Figure]:
    """Out of fold; a message of the corpus that was misheard in truth counts as changed too."""
    found = list(fitting.cases(texts))
    shares = fitting.out_of_fold(found)
    for way, floor in (("typed", mending.TYPED), ("spoken", mending.SPOKEN)):
        for name, value in fitting.judged(found, shares, floor, len(texts)).items():
            clean = name.startswith("changed")
            yield Figure(
                f"mending.{way}.{name}",
                value if clean else 100 * value, "corpus, 5 folds", len(texts),
                unit="‰" if clean else "%",
            )  # fmt: skip


def _silent(message: str) -> None:
    del message
