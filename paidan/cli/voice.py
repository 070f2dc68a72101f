"""Voice from the command line: try a clip."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from paidan.cli.options import ConfigFile, settings_of
from paidan.terminal import Refusal, locale, say

app = typer.Typer()


@app.command(
    help=say("把一段语音写成文字，看模型好不好用。", "Put a voice clip into words, to try a model.")
)
def transcribe(
    file: Annotated[Path, typer.Argument(help=say("语音文件", "a voice clip"))],
    *,
    company: Annotated[
        Path | None,
        typer.Option(help=say("让它留意这家公司自己的叫法", "mind this company's own words")),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Prints the words; exit 1 where there are none, saying why."""
    from paidan.company_file import load_company
    from paidan.errands import transcribe_file
    from paidan.voice.equipment import WORDS, Lacking
    from paidan.voice.trial import none_heard

    own = load_company(company).company.vocabulary if company else ()
    settings = settings_of(config)
    try:
        heard = transcribe_file(settings, file, tuple(term.word for term in own))
    except Lacking as lacking:
        raise Refusal(say(*WORDS[lacking.code]).format(*lacking.facts)) from lacking
    if not heard.words:
        print(none_heard(heard, settings.voice, locale()), file=sys.stderr)
        raise typer.Exit(1)
    print(heard.words)
