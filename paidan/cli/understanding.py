"""What words mean, and what comes of them: understand, same-incident, replay."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from paidan.cli.options import reader
from paidan.terminal import Refusal, say

app = typer.Typer()


@app.command(help=say("看一句话被听成什么。", "Show what a sentence is taken to mean."))
def understand(
    text: Annotated[str | None, typer.Argument()] = None,
    *,
    company: Annotated[
        Path | None,
        typer.Option(help=say("用这家公司自己的叫法", "with this company's own words")),
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl",
            help=say(
                "从标准输入逐行读 JSON，逐行输出", "read JSON lines from stdin, answer line by line"
            ),
        ),
    ] = False,
    spoken: Annotated[
        bool,
        typer.Option(
            "--spoken",
            help=say("这句话是语音转写", "the sentence is the transcript of a voice message"),
        ),
    ] = False,
) -> None:
    """Needs neither configuration nor database."""
    from paidan.company_file import load_company
    from paidan.errands import understand_lines

    own = load_company(company).company.vocabulary if company else ()
    understander = reader()
    if jsonl:
        _answer_lines(lambda source: understand_lines(understander, source, own))
        return
    asked = sys.stdin.read() if text is None else text
    question = json.dumps({"id": None, "text": asked.strip(), "spoken": spoken})
    answer = json.loads(next(iter(understand_lines(understander, [question], own))))
    del answer["id"]
    print(json.dumps(answer, ensure_ascii=False, indent=2))


@app.command(
    "same-incident",
    help=say(
        "判断两条报修说的是不是同一件事。", "Judge whether two reports are about one incident."
    ),
)
def same_incident(
    earlier: Annotated[str | None, typer.Argument()] = None,
    later: Annotated[str | None, typer.Argument()] = None,
    *,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl",
            help=say(
                "从标准输入逐行读 JSON，逐行输出", "read JSON lines from stdin, answer line by line"
            ),
        ),
    ] = False,
    gap_min: Annotated[
        float | None, typer.Option(help=say("相隔几分钟", "minutes between the two"))
    ] = None,
    same_user: Annotated[
        bool | None, typer.Option(help=say("是不是同一个人报的", "whether one person wrote both"))
    ] = None,
) -> None:
    """Needs neither configuration nor database."""
    from paidan.errands import pair_lines

    if not jsonl and (earlier is None or later is None):
        raise Refusal(
            say(
                "要两句话（先报的在前），或者 --jsonl",
                "give two reports, the earlier first, or --jsonl",
            )
        )
    understander = reader()
    if jsonl:
        _answer_lines(lambda source: pair_lines(understander, source))
        return
    facts = {"a": earlier, "b": later, "gap_min": gap_min, "same_user": same_user}
    answer = json.loads(next(iter(pair_lines(understander, [json.dumps({"id": None, **facts})]))))
    del answer["id"]
    print(json.dumps(answer, ensure_ascii=False, indent=2))


def _answer_lines(answers: Callable[[Iterable[str]], Iterable[str]]) -> None:
    sys.stdin.reconfigure(encoding="utf-8", errors="replace", newline="\n")  # type: ignore[union-attr]  # a text stream
    for answer in answers(sys.stdin):
        print(answer, flush=True)


@app.command(help=say("把一份聊天记录重放一遍。", "Replay a transcript of chats."))
def replay(
    file: Path,
    company: Annotated[
        Path | None, typer.Option(help=say("公司文件，默认演示公司", "default: the demo company"))
    ] = None,
    db: Annotated[
        str | None, typer.Option(help=say("把结果留在这个库里", "keep the result in this database"))
    ] = None,
    until: Annotated[
        str | None, typer.Option(help=say("最后让时间走到何时", "let time pass until then"))
    ] = None,
    *,
    json_: Annotated[
        bool,
        typer.Option("--json", help=say("以 JSON 输出（默认如此）", "print JSON (the default)")),
    ] = True,
) -> None:
    """Prints what came of each message as one JSON object; needs no configuration."""
    del json_  # the only format there is, named so that scripts may ask for it
    from paidan.company_file import load_company
    from paidan.demo import demo_company
    from paidan.replay import replay as run

    loaded = load_company(company) if company else demo_company()
    end = _instant(until)
    try:
        lines = file.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise Refusal(say(f"{file}：不是 UTF-8", f"{file}: not UTF-8")) from error
    told = run(lines, loaded, reader(), db=db, until=end)
    print(json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True))


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        example = "2026-11-21T18:00:00+08:00"
        raise Refusal(
            say(
                f"--until 写的是「{text}」，应为带时区的时刻，如 {example}",
                f"--until: found {text!r}; expected a time with zone such as {example}",
            )
        )
    return found
