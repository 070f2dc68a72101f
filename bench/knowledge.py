"""How well and how fast the knowledge index finds what was asked before.

    python bench/knowledge.py --data DIR [--write]

``DIR/lcqmc/part_*.tsv``: question pairs (``question⇥question⇥0|1``). Every second question of a
pair is a text of the index; the first questions of the pairs marked 1 are asked, and what is
marked the same has to come back first (R@1) or among five (R@5). A question's own words standing
in the index do not count. Each view alone, all fused, reciprocal ranks instead, and the libraries
bm25s and rank-bm25 if they are installed, in the same run. Then past repairs, 20,000 of them.
Times are processor time of the asking thread.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from results import recorded

from nlp import corpus
from nlp.knowledge import Index
from nlp.knowledge.index import best
from nlp.knowledge.views import VIEWS, characters

ASKED = 10
Find = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Task:
    """Texts by number, and what is asked with the numbers that answer it."""

    texts: list[str]
    asked: dict[str, set[int]]


def read(folder: Path) -> Task:
    """The pairs of every part in the folder; exits naming file and line of what is no pair."""
    pairs: list[tuple[str, str, bool]] = []
    for path in sorted(folder.glob("part_*.tsv")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            cells = line.split("\t")
            if len(cells) != 3 or cells[2].strip() not in {"0", "1"}:
                sys.exit(f"{path}:{number}: not question, question and 0 or 1: {line[:60]!r}")
            pairs.append((cells[0], cells[1], cells[2].strip() == "1"))
    texts = list(dict.fromkeys(second for _, second, _ in pairs))
    place = {text: at for at, text in enumerate(texts)}
    asked: dict[str, set[int]] = {}
    for first, second, same in pairs:
        if same and first != second:
            asked.setdefault(first, set()).add(place[second])
    return Task(texts, asked)


def measure(name: str, find: Find, task: Task) -> None:
    """R@1, R@5 with the half-width of their 95 % intervals, and the time of one question."""
    first, five, spent = [], [], []
    for question, right in task.asked.items():
        start = time.thread_time()
        numbers = find(question)
        spent.append((time.thread_time() - start) * 1e6)
        others = [at for at in numbers if task.texts[at] != question]
        first.append(bool(others) and others[0] in right)
        five.append(not right.isdisjoint(others[:5]))
    p50, p99 = np.percentile(spent, [50, 99])
    print(
        f"{name:<26} R@1 {100 * np.mean(first):.1f} ±{_half(first):.1f}"
        f"  R@5 {100 * np.mean(five):.1f} ±{_half(five):.1f}  p50 {p50:.0f} µs  p99 {p99:.0f} µs"
    )


def _half(right: Sequence[bool]) -> float:
    chance = np.random.default_rng(0)
    means = [np.mean(chance.choice(right, len(right))) for _ in range(500)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(100 * (high - low) / 2)


def filled(texts: Iterable[str], names: Sequence[str]) -> Index:
    """An index of these texts with only these views."""
    index = Index(views={name: VIEWS[name] for name in names})
    for at, text in enumerate(texts):
        index.put(str(at), text)
    return index


def through(index: Index) -> Find:
    """The numbers an index finds, whatever they share."""
    return lambda question: [int(hit.key) for hit in index.search(question, ASKED, floor=0.0)]


def by_rank(index: Index) -> Find:
    """Reciprocal ranks (60) of the same views, fifty deep."""

    def find(question: str) -> list[int]:
        total: dict[int, float] = {}
        for rank in index._ranks.values():  # noqa: SLF001  # the bench looks inside
            for place, at in enumerate(best(rank.scores(question), 50)):
                total[at] = total.get(at, 0.0) + 1 / (61 + place)
        return sorted(total, key=lambda at: (-total[at], at))[:ASKED]

    return find


def libraries(task: Task) -> None:
    """bm25s and rank-bm25 on the same characters and pairs, if they are there."""
    cut = [characters(text) for text in task.texts]
    try:
        import bm25s  # noqa: PLC0415
    except ImportError:
        print("bm25s: not installed")
    else:
        kept = bm25s.BM25(k1=0.9, b=0.4)
        start = time.thread_time()
        kept.index(cut, show_progress=False)
        print(f"bm25s: {len(cut)} texts indexed in {time.thread_time() - start:.2f} s, all at once")

        def find(question: str) -> list[int]:
            got = kept.retrieve([characters(question)], k=ASKED, show_progress=False)
            return [int(at) for at in got.documents[0]]

        measure("bm25s, characters", find, task)
    try:
        from rank_bm25 import BM25Okapi  # noqa: PLC0415
    except ImportError:
        print("rank-bm25: not installed")
        return
    plain = BM25Okapi(cut, k1=0.9, b=0.4)
    some = dict(list(task.asked.items())[:300])
    measure(
        "rank-bm25 (300 questions)",
        lambda question: best(np.asarray(plain.get_scores(characters(question))), ASKED),
        Task(task.texts, some),
    )


def nonsense(index: Index) -> None:
    """How often rows that say nothing find something: letters, shuffled characters, small talk."""
    chance = random.Random(3)
    rows = [example.text for example in corpus.load()]
    letters = "".join(map(chr, range(0x4E00, 0x9FA0)))
    kinds = {
        "乱打的字母": ["".join(chance.choices("abcdefghijkl", k=12)) for _ in range(500)],
        "随机汉字": ["".join(chance.choices(letters, k=10)) for _ in range(500)],
        "打乱的报修": ["".join(chance.sample(t, len(t))) for t in chance.sample(rows, 500)],
    }
    for name, texts in kinds.items():
        found = np.mean([bool(index.search(text, 1)) for text in texts])
        print(f"门槛之上还找得到东西：{name} {100 * found:.1f}%")


def _resident() -> int:
    """Bytes of memory this process holds; 0 where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def speed_of_this_machine() -> None:
    """How busy it is: times in this section grow with it."""
    start = time.perf_counter()
    for _ in range(3_000_000):
        pass
    print(f"这台机器此刻：空转三百万次 {time.perf_counter() - start:.2f} s（空闲的核约 0.05 s）")


def repairs() -> None:
    """Past repairs: 20,000 reports as an office sees them; a new one asks for its like."""
    chance = random.Random(1)
    rows = [e.text for e in corpus.load() if e.intent == "report"]
    texts = [
        f"{chance.choice(rows)}{chance.randint(1, 30)}栋{chance.randint(1, 3000)}室"
        for _ in range(20_000)
    ]
    before, start = _resident(), time.thread_time()
    index = filled(texts, tuple(VIEWS))
    built, kept = time.thread_time() - start, _resident() - before
    spent = []
    for text in chance.sample(rows, 2_000):
        start = time.thread_time()
        index.search(text, 3)
        spent.append((time.thread_time() - start) * 1e6)
    p50, p99 = np.percentile(spent, [50, 99])
    print(
        f"两万条历史：内存 {kept / 1e6:.0f} MB，建索引 {built:.1f} s（每条 {built / 20_000 * 1e6:.0f} µs），"
        f"一次查找 p50 {p50:.0f} µs  p99 {p99:.0f} µs"
    )


def main() -> None:
    """Measure, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    folder = given.data / "lcqmc"
    if not folder.is_dir():
        sys.exit(f"{folder}: no such folder")
    with recorded(
        "知识库：找不找得到、要多久",
        "python bench/knowledge.py --data DIR --write",
        wanted=given.write,
    ):
        task = read(folder)
        print(f"LCQMC: {len(task.texts)} texts, {len(task.asked)} questions")
        for name in VIEWS:
            measure(f"BM25, {name}", through(filled(task.texts, [name])), task)
        whole = filled(task.texts, tuple(VIEWS))
        measure("fused (the product's)", through(whole), task)
        measure("reciprocal ranks instead", by_rank(whole), task)
        libraries(task)
        nonsense(whole)
        repairs()
        speed_of_this_machine()


if __name__ == "__main__":
    main()
