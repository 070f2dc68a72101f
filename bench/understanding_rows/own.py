"""Our own messages: the frozen exam, the corpus out of fold, both misheard, and how the figures
grow with the corpus. Needs no data folder.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nlp import Understander, corpus, exam
from nlp.corpus import Example
from nlp.entities import training as tagging
from nlp.heads import lessons, spoken
from nlp.heads.model import HEADS
from nlp.heads.training import train

from . import homophones, readings, scores
from .readings import Plain
from .shape import Figure, Sources

_PARTS = (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)
"""Of the corpus, shuffled with a fixed seed: the learning curve."""
_MISHEARD = 3000
"""Corpus rows (shuffled) that are also asked misheard."""
Answering = Callable[[Sequence[str]], list[Plain]]
_HEARD = ("intent", "fault_type", "priority")


def figures(sources: Sources) -> Iterator[Figure]:
    """The exam by a reader of the whole corpus; other labelled messages, if named, likewise."""
    examples = list(corpus.load())
    random.Random(0).shuffle(examples)
    asked = [readings.truth(example) for example in exam.load()]
    usual = _usual(examples)
    for part in _PARTS:
        reader = taught(examples[: int(part * len(examples))])
        yield from _curve(part, asked, reader)
    ear = spoken.train(examples, "bench", lambda _: None)
    reader = Understander(reader.model, tagging.train(examples), spoken_model=ear)
    said = readings.answers(reader, [row["text"] for row in asked])
    yield from readings.figures("exam", "exam", asked, said, usual)
    yield from _misheard("exam", asked, lambda texts: readings.answers(reader, texts))
    if sources.labelled:
        rows = readings.labelled(sources.labelled)
        said = readings.answers(reader, [row["text"] for row in rows])
        yield from readings.figures("labelled", sources.labelled.name, rows, said, usual)
    yield from _out_of_fold(examples, usual)


def taught(examples: Sequence[Example]) -> Understander:
    """A reader with a model of these examples, as the product trains it; without a tagger, which
    the decisions do not ask.
    """
    return Understander(train(examples, "bench", lambda _: None))


def _curve(part: float, asked: Sequence[Plain], reader: Understander) -> Iterator[Figure]:
    """Accuracy on the exam, and of the model alone on held-out rows, taught on a part."""
    said = readings.answers(reader, [row["text"] for row in asked])
    about = reader.model.about
    note = f"学了 {about['examples']} 条"
    for head in HEADS:
        name = f"curve.{part:.1%}.{head}.accuracy"
        hits = readings.right(head, asked, said)
        edges = scores.interval(scores.share, hits)
        yield Figure(name, scores.share(hits), "exam", len(asked), ci=edges, note=note)
        held_out = about["figures"][head]["accuracy"] * 100
        yield Figure(name, held_out, "model alone, 5 folds", about["examples"], note=note)


def _misheard(name: str, asked: Sequence[Plain], answer: Answering) -> Iterator[Figure]:
    """Accuracy with some characters swapped for others that sound the same."""
    for percent in homophones.PERCENTS:
        texts = homophones.misheard([row["text"] for row in asked], percent / 100)
        said = answer(texts)
        for head in _HEARD:
            hits = readings.right(head, asked, said)
            edges = scores.interval(scores.share, hits)
            title = f"{name}.misheard_{percent}.{head}.accuracy"
            yield Figure(title, scores.share(hits), name, len(asked), ci=edges)


def _out_of_fold(examples: Sequence[Example], usual: Plain) -> Iterator[Figure]:
    """Every corpus row, clean and misheard, by a reader that was not taught it."""
    types = sorted({example.fault_type for example in examples})
    truth = np.array([types.index(example.fault_type) for example in examples])
    readers: list[tuple[lessons.Ints, Understander]] = []
    for seen, unseen in lessons.folds(truth):
        shown = [examples[row] for row in seen]
        tagger = tagging.train(shown)
        readers.append((unseen, Understander(taught(shown).model, tagger)))

    def answer(texts: Sequence[str]) -> list[Plain]:
        """Of the first rows, as many as there are texts."""
        said: dict[int, Plain] = {}
        for unseen, reader in readers:
            rows = [row for row in unseen.tolist() if row < len(texts)]
            found = readings.answers(reader, [texts[row] for row in rows])
            said.update(zip(rows, found, strict=True))
        return [said[row] for row in range(len(texts))]

    asked = [readings.truth(example) for example in examples]
    said = answer([row["text"] for row in asked])
    yield from readings.figures("corpus", "corpus, 5 folds", asked, said, usual)
    yield from _misheard("corpus", asked[:_MISHEARD], answer)


def _usual(examples: Sequence[Example]) -> Plain:
    """The commonest label of each head."""
    return {h: Counter(getattr(e, h) for e in examples).most_common(1)[0][0] for h in HEADS}
