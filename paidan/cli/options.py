"""What the commands share: where the settings come from, where the model lies."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paidan.terminal import say

if TYPE_CHECKING:
    from nlp import Understander
    from paidan.settings import Settings

USER_ERROR = 2

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help=say("配置文件，默认 ./config.yaml", "default: ./config.yaml")
    ),
]


def settings_of(config: Path | None) -> Settings:
    """The settings, with logging as they say."""
    from paidan.logs import configure
    from paidan.settings import load_settings

    settings = load_settings(config)
    configure(settings.log)
    return settings


def log_to_stderr() -> None:
    """For commands without configuration: stdout is for their results alone."""
    from paidan.logs import configure
    from paidan.settings import Log

    configure(Log(level="warning"))


def reader() -> Understander:
    """The understander for commands without configuration; progress goes to stderr."""
    from paidan.errands import understander

    log_to_stderr()
    return understander(model_folder(), lambda said: print(said, file=sys.stderr))


def model_folder() -> Path:
    """Where the trained model lies: with the data if there is any, else in the user's cache."""
    home = Path(os.environ.get("PAIDAN_HOME", "var"))
    if home.is_dir():
        return home / "model"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "paidan" / "model"
