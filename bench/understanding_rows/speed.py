"""How long a message takes, and the first one after a start; scikit-learn beside it, same run.

Times of messages are processor times, so that a busy machine does not blur them; the start is by
the wall clock, the fastest of several.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from nlp import Understander, corpus, lexicon, safety
from nlp.heads.features import extract, read
from nlp.heads.model import HEADS

from . import baselines
from .shape import Bar, Figure, Sources

_WARM = 200
_ASKED = 4000
_ASKED_RIVALS = 1000
_TAUGHT_RIVALS = 6000
_STARTS = 5
_OURS = """
import sys, pathlib
from nlp import Understander
Understander.load(pathlib.Path(sys.argv[1])).understand(sys.argv[2])
"""
_THEIRS = """
import sys, pickle, pathlib
pickle.loads(pathlib.Path(sys.argv[1]).read_bytes()).predict([sys.argv[2]])
"""
_MESSAGE = "3栋2单元电梯困人了，快来人"


def figures(sources: Sources) -> Iterator[Figure]:
    """Our corpus's messages, 17 fault types; needs no data folder."""
    del sources
    examples = list(corpus.load())
    np.random.default_rng(0).shuffle(examples)
    texts = [example.text for example in examples]
    taught = examples[:_TAUGHT_RIVALS]
    rivals = {
        "sklearn characters": baselines.characters(),
        "sklearn words": baselines.words(),
    }
    for pipeline in rivals.values():
        pipeline.fit([e.text for e in taught], [e.fault_type for e in taught])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reader = Understander.load(folder)
        theirs = {
            who: spent(lambda t, p=p: p.predict([t]), texts[:_ASKED_RIVALS])
            for who, p in rivals.items()
        }
        yield from _messages(
            "speed.heads", spent(_heads(reader), texts[:_ASKED]), theirs, 60, 250, 1000
        )
        yield from _messages(
            "speed.understand", spent(reader.understand, texts[:_ASKED]), theirs, 250, 1000, 3000
        )
        yield _start(folder, rivals["sklearn characters"])


def _heads(reader: Understander) -> Callable[[str], object]:
    """The four decisions alone: no entities, no rules, no reasons."""
    lists, scope = lexicon.shipped(), safety.shipped()

    def decide(text: str) -> object:
        answer = reader.model.answer(extract(read(text, lists, scope)))
        return [answer.best(head) for head in HEADS]

    return decide


def spent(work: Callable[[str], object], texts: Sequence[str]) -> tuple[float, float]:
    """Microseconds of processor time for one message: median and 99th percentile."""
    for text in texts[:_WARM]:
        work(text)
    times = []
    for text in texts:
        start = time.process_time_ns()
        work(text)
        times.append((time.process_time_ns() - start) / 1000)
    middle, slow = np.percentile(times, [50, 99])
    return float(middle), float(slow)


def _messages(
    name: str,
    ours: tuple[float, float],
    theirs: dict[str, tuple[float, float]],
    middle: float,
    slow: float,
    slowest: float,
) -> Iterator[Figure]:
    """Median and 99th percentile; bars in µs."""
    bars = (Bar(middle, slowest, lower=True), Bar(slow, slowest, lower=True))
    for place, (metric, bar) in enumerate(zip(("p50", "p99"), bars, strict=True)):
        yield Figure(
            f"{name}.{metric}", ours[place], "corpus", _ASKED, "µs",
            baselines={who: both[place] for who, both in theirs.items()},
            bar=bar,
        )  # fmt: skip


def _start(folder: Path, rival: object) -> Figure:
    """Seconds from an empty process to its first answer."""
    kept = folder / "rival.pickle"
    kept.write_bytes(pickle.dumps(rival))
    ours = min(_run(_OURS, folder) for _ in range(_STARTS))
    theirs = min(_run(_THEIRS, kept) for _ in range(_STARTS))
    return Figure(
        "speed.cold_start", ours, f"best of {_STARTS} starts", 1, "s",
        baselines={"sklearn characters": theirs}, bar=Bar(0.5, 1.0, lower=True),
    )  # fmt: skip


def _run(script: str, path: Path) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", script, str(path), _MESSAGE], check=True)
    return time.perf_counter() - start
