"""How well messages are understood, on public Chinese sets and on our own exam, and how fast.

    python bench/understanding.py --data DIR [--test DIR] [--labelled FILE] [--only ROW,...] [--json]

The product's own learners are taught on the train part of each set and answer its dev part (or,
where there is none, a fixed later part of train); with ``--test`` also the test parts, in a folder
of the same layout. Beside them simple means on the same rows in the same run, and what others have
published. Fixed seeds, nothing kept on disk. With ``--json`` standard output is one JSON object and
no file is touched; else bench/RESULTS.md is rewritten (whole runs) and a table is printed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from results import write
from understanding_rows import ALONE, FAMILIES
from understanding_rows.page import page
from understanding_rows.shape import BadFile, Figure, Missing, Sources

AT_ONCE = 2


def measure(family: str, sources: Sources) -> tuple[list[Figure], str]:
    """The figures of a family, and why it was skipped if it was."""
    module = importlib.import_module(f"understanding_rows.{family}")
    start, worked = time.perf_counter(), time.process_time()
    try:
        found = list(module.figures(sources))
    except Missing as missing:
        return [], str(missing)
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    print(f"{family}: {seconds:.0f} s, {worked:.0f} s of processor", file=sys.stderr)
    return found, ""


def everything(wanted: Sequence[str], sources: Sources) -> Iterator[tuple[str, list[Figure], str]]:
    """Every family wanted with its figures; those that measure time come last and alone."""
    together = [family for family in FAMILIES if family in wanted]
    if together:
        with ProcessPoolExecutor(min(AT_ONCE, len(together))) as workers:
            running = [(name, workers.submit(measure, name, sources)) for name in together]
            for name, future in running:
                yield name, *future.result()
    for family in ALONE:
        if family in wanted:
            yield family, *measure(family, sources)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the public sets")
    parser.add_argument("--test", type=Path, help="folder of their test parts, same layout")
    parser.add_argument(
        "--labelled", type=Path, help="JSONL of messages in our own labels, for row own"
    )
    parser.add_argument("--only", help=f"rows, comma-separated: {', '.join(FAMILIES + ALONE)}")
    parser.add_argument("--json", action="store_true", help="only JSON on standard output")
    chosen = parser.parse_args()
    for name in ("data", "test"):
        folder = getattr(chosen, name)
        if folder and not folder.is_dir():
            parser.error(f"--{name}: no such folder: {folder}")
    if chosen.labelled and not chosen.labelled.is_file():
        parser.error(f"--labelled: no such file: {chosen.labelled}")
    chosen.rows = tuple(chosen.only.split(",")) if chosen.only else FAMILIES + ALONE
    if unknown := [row for row in chosen.rows if row not in FAMILIES + ALONE]:
        parser.error(f"--only: no row {', '.join(unknown)}; rows are {', '.join(FAMILIES + ALONE)}")
    return chosen


def main() -> None:
    """Measure what is asked for; a skipped row never stops the others."""
    chosen = arguments()
    for limit in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(limit, "1")  # before numpy is imported: two families, two cores
    sources = Sources(chosen.data, chosen.test, chosen.labelled)
    start = time.perf_counter()
    figures: list[Figure] = []
    skipped: dict[str, str] = {}
    try:
        for family, found, why in everything(chosen.rows, sources):
            figures += found
            if why:
                skipped[family] = why
                print(f"{family}: skipped, {why}", file=sys.stderr)
    except BadFile as wrong:
        sys.exit(f"understanding: {wrong}")
    seconds = time.perf_counter() - start
    if chosen.json:
        rows = [figure.plain() for figure in figures]
        json.dump(
            {"rows": rows, "skipped": skipped, "seconds": round(seconds, 1)},
            sys.stdout, ensure_ascii=False, indent=1,
        )  # fmt: skip
        print()
        return
    text = page(figures, skipped, seconds)
    print(text)
    if chosen.rows == FAMILIES + ALONE and not skipped:
        tests = " --test DIR" if chosen.test else ""
        command = f"python bench/understanding.py --data DIR{tests}"
        write(
            f"## 理解：公开数据集与自己的考卷\n\n`{command}`，{datetime.now(UTC):%Y-%m-%d}。\n\n{text}"
        )


if __name__ == "__main__":
    main()
