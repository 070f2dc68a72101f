"""The models of a company: list, show, retrain, promote, rollback, drift, corrections."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from paidan.cli.options import ConfigFile, settings_of
from paidan.terminal import locale, say

if TYPE_CHECKING:
    from pathlib import Path

    from paidan.learning.desk import LearningDesk
    from paidan.learning.registry import Standing

T = TypeVar("T")
BY = "cli"

app = typer.Typer()
model_app = typer.Typer(
    help=say(
        "理解模型：版本、重训、上线、回退、漂移、改判。",
        "Models that understand: versions, retraining, rollback, drift, corrections.",
    ),
    no_args_is_help=True,
)
app.add_typer(model_app, name="model")


def _at_desk(config: Path | None, work: Callable[[LearningDesk], Awaitable[T]]) -> T:
    from paidan.learning.desk import at_desk

    return at_desk(settings_of(config), lambda said: print(said, file=sys.stderr), work)


@model_app.command(
    "list", help=say("列出模型版本和哪一个在用。", "List versions and which one reads.")
)
def list_(config: ConfigFile = None) -> None:
    """Newest first; the shipped one last."""
    from paidan.learning.told import listed

    standing, shipped = _at_desk(config, _standing)
    print(listed(standing, shipped, locale()))


async def _standing(desk: LearningDesk) -> tuple[Standing, str]:
    return await desk.standing(), desk.registry.shipped.model.name


@model_app.command(
    help=say("看一个版本的成绩、结论和流水。", "Show a version's figures, verdict and journal.")
)
def show(
    name: Annotated[str, typer.Argument()] = "",
    config: ConfigFile = None,
) -> None:
    """By the beginning of its name; without one, the version that reads."""
    from paidan.learning.told import described

    standing, shipped = _at_desk(config, _standing)
    print(described(standing, shipped, name, locale()))


@model_app.command(
    help=say(
        "用语料加改判重训，考过才上线。", "Train on corpus and corrections; promote only if better."
    )
)
def retrain(
    *,
    gently: Annotated[
        bool, typer.Option("--gently", help=say("让着别的程序", "let other programs go first"))
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Some minutes of processor time; the running service is not disturbed."""
    from paidan.learning.told import came_of

    if gently:
        os.nice(10)
    keep = settings_of(config).learning.keep
    outcome = _at_desk(
        config,
        lambda desk: desk.retrain(lambda said: print(said, file=sys.stderr), keep, BY),
    )
    print(came_of(outcome, locale()))


@model_app.command(help=say("让一个版本上线。", "Let a version read."))
def promote(
    name: Annotated[
        str, typer.Argument(help=say("版本名开头几位；shipped 是出厂的", "or: shipped"))
    ],
    reason: Annotated[str, typer.Option(help=say("为什么", "why"))] = "",
    config: ConfigFile = None,
) -> None:
    """Takes effect in the running service within seconds."""
    from paidan.learning.told import moved

    print(moved(_at_desk(config, lambda desk: desk.promote(name, BY, reason)), locale()))


@model_app.command(help=say("退回上一个版本。", "Go back to the version before."))
def rollback(
    reason: Annotated[str, typer.Option(help=say("为什么", "why"))] = "",
    config: ConfigFile = None,
) -> None:
    """Takes effect in the running service within seconds."""
    from paidan.learning.told import moved

    print(moved(_at_desk(config, lambda desk: desk.roll_back(BY, reason)), locale()))


@model_app.command(
    help=say("漂移报告：最近 7、28 天与训练时比。", "Drift: the last 7 and 28 days and training.")
)
def drift(config: ConfigFile = None) -> None:
    """Exit 1 when a figure is beyond its bound."""
    from paidan.learning.told import drifted

    found = _at_desk(config, lambda desk: desk.look_back()).drift
    print(drifted(found, locale()))
    raise typer.Exit(int(bool(found.alerts)))


@model_app.command(help=say("导出改判（CSV，电话遮住）。", "Print corrections as CSV, masked."))
def corrections(config: ConfigFile = None) -> None:
    """Oldest first; what was taken back is left out."""
    from notifier.masking import mask_text
    from paidan.learning.told import CORRECTION_COLUMNS, correction_row

    writer = csv.writer(sys.stdout)
    writer.writerow(CORRECTION_COLUMNS)
    for said in _at_desk(config, lambda desk: desk.corrections()):
        writer.writerow(correction_row(said, mask_text))
