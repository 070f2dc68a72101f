"""How well and how fast messages are understood.

    python bench/understanding_v1.py [labelled.jsonl] [--write]

Without a file: five-fold over our own corpus, the whole reader (rules and all) on messages its
model has not seen; how varied the corpus is; then the shipped model on the frozen exam. With a file of ``{"text", "intent", "fault_type", "priority", "emotion",
"entities"}`` lines: the shipped model on those. Either way the time per message.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from results import recorded
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

from nlp import Understander, corpus, exam, jsonl
from nlp.corpus import variety
from nlp.heads.model import HEADS
from nlp.heads.training import train


def folds(examples: Sequence[corpus.Example]) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Truth and answer of every message, each answered by a reader that has not seen it."""
    answered = []
    split = StratifiedKFold(5, shuffle=True, random_state=1)
    for seen, unseen in split.split(examples, [e.fault_type for e in examples]):
        reader = Understander(train([examples[i] for i in seen], "bench", lambda _: None))
        for i in unseen:
            plain = jsonl.plain(reader.understand(examples[i].text))
            truth = {head: getattr(examples[i], head) for head in HEADS}
            answered.append((truth, {head: str(plain[head]) for head in HEADS}))
    return answered


def report(answered: Iterable[tuple[dict[str, str], dict[str, str]]]) -> None:
    """Accuracy and macro-F1 of each head, and what matters most: reports and emergencies."""
    pairs = list(answered)
    for head in HEADS:
        truth, answer = [t[head] for t, _ in pairs], [a[head] for _, a in pairs]
        right = np.mean([t == a for t, a in zip(truth, answer, strict=True)])
        print(
            f"{head}: accuracy {right:.3f}  macro-F1 {f1_score(truth, answer, average='macro'):.3f}"
        )
    near = np.mean([abs(int(t["emotion"]) - int(a["emotion"])) <= 1 for t, a in pairs])
    print(f"emotion within one step: {near:.3f}")
    for head, label in (("intent", "report"), ("priority", "P0")):
        is_it = [t[head] == label for t, _ in pairs]
        said = [a[head] == label for _, a in pairs]
        both = sum(t and a for t, a in zip(is_it, said, strict=True))
        recall, precision = both / max(sum(is_it), 1), both / max(sum(said), 1)
        print(f"{label}: recall {recall:.3f}  precision {precision:.3f}  of {sum(is_it)}")


def entities(rows: Iterable[dict[str, Any]], reader: Understander) -> None:
    """F1 of exact surface strings for each kind."""
    hits: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for row in rows:
        answer = jsonl.plain(reader.understand(row["text"]))["entities"]
        for kind in jsonl.KINDS:
            common = sum((Counter(answer[kind]) & Counter(row["entities"][kind])).values())
            hits[kind] += 2 * common
            wrong[kind] += len(answer[kind]) + len(row["entities"][kind])
    print({kind: round(hits[kind] / max(wrong[kind], 1), 3) for kind in jsonl.KINDS})


def grouped(example: corpus.Example) -> dict[str, list[str]]:
    """The marked words of a message by kind."""
    found: dict[str, list[str]] = {kind: [] for kind in jsonl.KINDS}
    for kind, start, end in example.entities:
        found[kind].append(example.text[start:end])
    return found


def speed(texts: Sequence[str], reader: Understander) -> None:
    """Processor time for one message, whole reader with entities and evidence."""
    spent = []
    for text in list(texts) * max(1, 4000 // len(texts)):
        start = time.process_time()
        reader.understand(text)
        spent.append((time.process_time() - start) * 1e6)
    p50, p99 = np.percentile(spent, [50, 99])
    print(f"understand: p50 {p50:.0f} µs  p99 {p99:.0f} µs")


def main() -> None:
    """Measure on the file named, or on ourselves."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        reader = Understander.load(Path(folder), print)
        print(f"trained in {time.perf_counter() - start:.1f} s")
    if len(sys.argv) > 1:
        rows = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
        plain = [jsonl.plain(reader.understand(row["text"])) for row in rows]
        report(
            ({h: str(row[h]) for h in HEADS}, {h: str(got[h]) for h in HEADS})
            for row, got in zip(rows, plain, strict=True)
        )
        entities(rows, reader)
        speed([row["text"] for row in rows], reader)
    else:
        examples = corpus.load()
        report(folds(examples))
        found = variety.measure([example.text for example in examples])
        print(f"corpus: {found.rows} rows, worth {found.effective:.0f}, twins {len(found.twins)}")
        asked = exam.load()
        print(f"frozen exam, {len(asked)} messages, the shipped model:")
        plain = [jsonl.plain(reader.understand(example.text)) for example in asked]
        report(
            ({h: getattr(e, h) for h in HEADS}, {h: str(got[h]) for h in HEADS})
            for e, got in zip(asked, plain, strict=True)
        )
        entities([{"text": e.text, "entities": grouped(e)} for e in asked], reader)
        speed([example.text for example in examples], reader)


if __name__ == "__main__":
    keep = "--write" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--write"]
    command = " ".join(["python bench/understanding_v1.py", *sys.argv[1:], "--write"])
    with recorded("理解 v1：折外成绩与速度", command, wanted=keep):
        main()
