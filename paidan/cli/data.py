"""Taking data in and out: import, export."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from paidan.cli.options import USER_ERROR, ConfigFile, settings_of
from paidan.terminal import Refusal, locale, say

app = typer.Typer()


@app.command(
    "import",
    help=say(
        "导入公司文件、CSV 表格或知识库 Markdown。",
        "Import a company file, CSV tables or articles in Markdown.",
    ),
)
def import_(
    files: Annotated[list[Path], typer.Argument()],
    kind: Annotated[
        str | None,
        typer.Option(
            help=say(
                "staff、customers、assets 或 knowledge", "staff, customers, assets or knowledge"
            )
        ),
    ] = None,
    *,
    partial: Annotated[
        bool, typer.Option("--partial", help=say("有错的行跳过", "skip rows with errors"))
    ] = False,
    config: ConfigFile = None,
) -> None:
    """All or nothing for each file unless ``--partial``; again changes nothing."""
    from paidan.errands import import_file
    from paidan.problems import describe_all

    settings = settings_of(config)
    refused = False
    for path in files:
        done = import_file(settings, path, kind, partial=partial)
        if done.errors:
            print(describe_all(done.errors, locale()), file=sys.stderr)
        refused |= bool(done.errors) and not partial
        print(
            say(
                f"{path}：新增 {done.added}，修改 {done.changed}，不变 {done.unchanged}，"
                f"有错 {len(done.errors)}",
                f"{path}: {done.added} added, {done.changed} changed, {done.unchanged} unchanged, "
                f"{len(done.errors)} wrong",
            )
        )
    if refused:
        raise typer.Exit(USER_ERROR)


@app.command(help=say("把公司导出为 company.yaml。", "Write the stored company as company.yaml."))
def export(
    file: Annotated[Path | None, typer.Argument()] = None, config: ConfigFile = None
) -> None:
    """To ``file`` (never overwritten) or stdout."""
    from paidan.errands import export_company

    text = export_company(settings_of(config))
    if file is None:
        print(text, end="")
        return
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise Refusal(
            say(f"{file} 已存在，换个名字", f"{file} exists; choose a new name")
        ) from None
    print(say(f"写好 {file}", f"wrote {file}"))
