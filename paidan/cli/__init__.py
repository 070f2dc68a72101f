"""The ``paidan`` command. Heavy rooms are imported inside the commands that need them.

Results go to stdout, everything else to stderr. What the user can mend is one plain sentence and
exit code 2, in Chinese, or in English when ``LANG`` says so.
"""

from __future__ import annotations

import sys

import typer

from paidan.cli import channels, corpus, data, model, proof, running, setup, understanding, voice
from paidan.cli.options import USER_ERROR
from paidan.terminal import Refusal, say, sentence
from workflow.errors import PaidanError

app = typer.Typer(
    name="paidan",
    help=say(
        "派单：聊天里一句话就是一张工单。", "Paidan: one sentence in a chat is one work order."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for wing in (setup, running, data, understanding, voice, model, proof):
    app.add_typer(wing.app)
app.add_typer(
    channels.app,
    name="channel",
    help=say("聊天渠道：试发卡片。", "Chat channels: send a test card."),
)
app.add_typer(
    corpus.app,
    name="corpus",
    help=say("模型学的那些话：检查、审标签、二次阅读。", "The rows the model learns from."),
)


def main() -> None:
    """Run the command line; what the user can mend ends in one sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]  # text streams
    try:
        app()
    except (Refusal, PaidanError, OSError) as error:
        print(sentence(error), file=sys.stderr)
        sys.exit(USER_ERROR)
