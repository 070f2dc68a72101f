"""How well and how fast the open work orders that say the same are found:
``python bench/candidates.py [--rows N] [--write]``.

Our own pairs of one incident are the question: the earlier report lies among N others (corpus
messages with other numbers in them), the later one asks. Beside it, in the same run, rapidfuzz
compares the later report with every row.
"""

from __future__ import annotations

import argparse
import random
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz import fuzz, process
from results import recorded

from nlp import corpus, pairs
from storage import lookalikes, migrate
from storage.database import Session
from workflow.joining import slots
from workflow.states import State
from workflow.work_order import WorkOrder

TENANT = "t"
ASKED = 400
RIVAL_ASKED = 60
WARM = 300
FOUND = lookalikes.FOUND
_DIGIT = re.compile(r"\d")


def others(count: int, draw: random.Random) -> list[str]:
    """Messages of the trade, each with numbers of its own."""
    texts = [example.text for example in corpus.load() if example.intent == "report"]
    return [_DIGIT.sub(lambda _: str(draw.randint(0, 9)), draw.choice(texts)) for _ in range(count)]


def index(session: Session, texts: Sequence[str]) -> float:
    """Enter all texts; seconds it took."""
    start = time.perf_counter()
    session.command("BEGIN")
    for number, text in enumerate(texts):
        order = WorkOrder(f"{number:09d}", TENANT, str(number), text=text, state=State.NEW)
        lookalikes.put(session, order, number)
        if number % 5000 == 0:
            session.flush()
    session.flush()
    session.command("COMMIT")
    return time.perf_counter() - start


def asked(
    find: Callable[[str], Sequence[str]], questions: Sequence[tuple[str, str]]
) -> tuple[list[bool], list[float]]:
    """Whether each question finds its partner, and the milliseconds of processor time it took:
    a busy machine does not blur those.
    """
    hits, times = [], []
    for words, wanted in questions:
        start = time.process_time_ns()
        found = find(words)
        times.append((time.process_time_ns() - start) / 1e6)
        hits.append(wanted in found)
    return hits, times


def line(name: str, hits: Sequence[bool], times: Sequence[float]) -> str:
    middle, late = np.percentile(times, [50, 99])
    return f"{name:34} 召回 {np.mean(hits):6.1%}   p50 {middle:7.2f} ms   p99 {late:7.2f} ms"


def main(rows: int) -> None:
    draw = random.Random(0)
    same = [pair for pair in pairs.load() if pair.same]
    draw.shuffle(same)
    same = same[:ASKED]
    texts = [*others(rows - len(same), draw), *(pair.a for pair in same)]
    draw.shuffle(texts)
    where = {text: f"{number:09d}" for number, text in enumerate(texts)}
    questions = [(pair.b, where[pair.a]) for pair in same]
    placed = [any(slots(pair.a, pair.b).places.values()) for pair in same]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        migrate(f"sqlite:///{path}")
        connection = sqlite3.connect(path, isolation_level=None)
        session = Session(connection, "sqlite")
        empty = path.stat().st_size
        seconds = index(session, texts)
        connection.execute("ANALYZE")
        connection.executemany(
            "INSERT INTO order_docs (tenant, order_id, doc) VALUES (?, ?, ?)",
            [(TENANT, f"{number:09d}", text) for number, text in enumerate(texts)],
        )
        size = (path.stat().st_size - empty) / 1e6
        print(
            f"{rows:,} 张未结工单，{len(questions)} 次询问；建索引 {seconds:.0f} 秒，{size:.0f} MB"
        )

        def ours(words: str) -> list[str]:
            return [order_id for _, order_id in lookalikes.find(session, TENANT, words)]

        asked(ours, [(text, "") for text in texts[:WARM]])
        hits, times = asked(ours, questions)
        print(line(f"索引，前 {FOUND}", hits, times))
        some = [hit for hit, shared in zip(hits, placed, strict=True) if shared]
        print(line(f"其中两句都说了同一处（{len(some)}）", some, times))
        _rival(texts, questions)
        connection.close()


def _rival(texts: list[str], questions: Sequence[tuple[str, str]]) -> None:
    names = [f"{number:09d}" for number in range(len(texts))]

    def brute(words: str) -> list[str]:
        best: list[Any] = process.extract(words, texts, scorer=fuzz.ratio, limit=FOUND)
        return [names[place] for _, _, place in best]

    few = questions[:RIVAL_ASKED]
    print(line(f"rapidfuzz 逐条比，前 {FOUND}", *asked(brute, few)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--write", action="store_true", help="keep the figures in RESULTS.md")
    given = parser.parse_args()
    with recorded(
        f"并单：在 {given.rows:,} 张未结工单里找说同一件事的",
        f"python bench/candidates.py --rows {given.rows} --write",
        wanted=given.write,
    ):
        main(given.rows)
