"""The rows the model learns from: check them, find doubtful labels, have them read again."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paidan.terminal import Refusal, say

if TYPE_CHECKING:
    from nlp.corpus import Placed

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option(help=say("语料文件夹，默认自带语料", "folder of rows, default: those shipped")),
]
AsJson = Annotated[bool, typer.Option("--json", help=say("以 JSON 输出", "print JSON"))]


@app.command(help=say("检查格式、重样和分布。", "Check format, near-duplicates and spread."))
def check(folder: Folder = None, *, json_: AsJson = False) -> None:
    """Ends with exit code 1 when two rows are nearly the same."""
    from nlp.corpus import variety

    rows = _rows(folder)
    found = variety.measure([row.example.text for row in rows])
    twins = [
        {
            "first": rows[pair.first].place,
            "second": rows[pair.second].place,
            "similarity": round(pair.similarity, 3),
            "texts": [rows[pair.first].example.text, rows[pair.second].example.text],
        }
        for pair in found.twins
    ]
    counts = {
        name: dict(Counter(str(getattr(row.example, name)) for row in rows).most_common())
        for name in ("fault_type", "intent", "priority", "emotion")
    }
    marks = Counter(entity.kind for row in rows for entity in row.example.entities)
    told = {"rows": found.rows, "effective": round(found.effective), **counts}
    told |= {"entities": dict(marks.most_common()), "twins": twins}
    if json_:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        print(say(f"{found.rows} 句，相当于 {found.effective:.0f} 句不同的话",
                  f"{found.rows} rows, worth {found.effective:.0f} different ones"))  # fmt: skip
        for name, group in [*counts.items(), ("entities", dict(marks.most_common()))]:
            print(f"{name}: " + "  ".join(f"{label} {count}" for label, count in group.items()))
        for twin in twins:
            print(f"{twin['first']} ~ {twin['second']} ({twin['similarity']}): {twin['texts']}")
    if twins:
        sys.exit(1)


@app.command(help=say("找出可疑的标签。", "Find labels the model doubts."))
def audit(
    folder: Folder = None,
    head: Annotated[str, typer.Option(help="intent, fault_type, priority, emotion")] = "",
    most: Annotated[int, typer.Option(min=1, help=say("最多列几条", "how many to list"))] = 100,
    share: Annotated[
        float,
        typer.Option(min=0, max=1, help=say("把握低于多少算可疑", "a label below this is doubted")),
    ] = 0.1,
    *,
    json_: AsJson = False,
) -> None:
    """Trains five models, each judging the fifth it has not seen: about half a minute."""
    from nlp import audit as auditing

    if head and head not in auditing.ALLOWED:
        allowed = ", ".join(auditing.ALLOWED)
        raise Refusal(say(f"--head 只能是：{allowed}", f"--head must be one of: {allowed}"))
    found = auditing.doubts(_rows(folder), share, lambda said: print(said, file=sys.stderr))
    chosen = [doubt for doubt in found if head in {"", doubt.head}]
    for doubt in chosen[:most]:
        if json_:
            told = doubt._asdict() | {"row": doubt.row.place, "text": doubt.row.example.text}
            print(json.dumps(told, ensure_ascii=False))
        else:
            print(
                f"{doubt.row.place}  {doubt.head}: {doubt.label} ({doubt.share:.2f}) "
                f"→ {doubt.instead} ({doubt.instead_share:.2f})  {doubt.row.example.text}"
            )
    listed = min(most, len(chosen))
    tail = say(f"{len(chosen)} 条可疑，列出 {listed} 条", f"{len(chosen)} doubted, {listed} listed")
    print(tail, file=sys.stderr)


@app.command(help=say("抽一张不带标签的表，给第二个人读。", "Draw a blind sheet to read again."))
def sheet(
    folder: Folder = None,
    rows: Annotated[int, typer.Option(min=1, help=say("抽几句", "how many rows"))] = 200,
    seed: Annotated[int, typer.Option(help=say("抽签的种子", "of the lot"))] = 0,
) -> None:
    """Prints CSV: fill the label columns, and mark entities in the last one if you like."""
    from nlp import audit as auditing

    print(auditing.sheet(_rows(folder), rows, seed), end="")


@app.command(help=say("第二个人填的表与语料对照。", "Hold a filled sheet against the corpus."))
def agree(
    filled: Annotated[Path, typer.Argument(metavar="FILE")],
    folder: Folder = None,
    *,
    json_: AsJson = False,
) -> None:
    """Prints the agreement of each head, and every row the two readers label differently."""
    from nlp import audit as auditing

    try:
        figures, differ = auditing.reread(_rows(folder), filled)
    except ValueError as error:
        raise Refusal(str(error)) from error
    if json_:
        told = {
            "agreement": [figure._asdict() for figure in figures],
            "differ": [
                one._asdict() | {"row": one.row.place, "text": one.row.example.text}
                for one in differ
            ],
        }
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for figure in figures:
        print(f"{figure.head}: {figure.rows}  {figure.alike:.3f}  kappa {figure.kappa:.3f}")
    for one in differ:
        text = one.row.example.text
        print(f"{one.row.place}  {one.head}: {one.label} → {one.second}  {text}")


def _rows(folder: Path | None) -> tuple[Placed, ...]:
    from nlp import corpus

    chosen = folder or corpus.FOLDER
    try:
        rows = corpus.placed(chosen)
    except ValueError as error:
        raise Refusal(str(error)) from error
    if not rows:
        raise Refusal(
            say(f"{chosen} 里没有语料（*.txt）", f"{chosen}: no rows (*.txt) in this folder")
        )
    return rows
