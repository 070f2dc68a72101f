"""Taking data in and out: import, export, backup, restore."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import sys
from datetime import UTC, datetime
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


@app.command(
    help=say(
        "备份数据库、附件和签名密钥到一个文件，服务不用停。",
        "Back up database, attachments and signing key to one file while it runs.",
    )
)
def backup(file: Annotated[Path, typer.Argument()], config: ConfigFile = None) -> None:
    """To a new file, or to one with the time in its name when ``file`` is a folder."""
    from paidan.backup import back_up

    path, made = back_up(settings_of(config), file, datetime.now(UTC))
    size = path.stat().st_size / 1e6
    print(
        say(
            f"写好 {path}：{size:.1f} MB，附件 {made.blobs} 个",
            f"wrote {path}: {size:.1f} MB, {made.blobs} attachments",
        )
    )
    if made.lost:
        print(
            say(
                f"{len(made.lost)} 个附件的文件早已不在：{made.lost[0]}…",
                f"{len(made.lost)} attachments were gone already: {made.lost[0]}…",
            ),
            file=sys.stderr,
        )


@app.command(
    help=say("从备份恢复，并通读一遍核对。", "Restore a backup, and audit what came back.")
)
def restore(
    file: Annotated[Path, typer.Argument()],
    *,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help=say("换掉已有的数据（留在一边）", "replace what is there (kept aside)")
        ),
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Nothing is touched before the backup is proved whole."""
    from paidan.backup import restore as put_back

    done = put_back(settings_of(config), file, datetime.now(UTC), force=force)
    made = done.manifest
    print(
        say(
            f"已恢复 {made.at} 的备份，附件 {made.blobs} 个",
            f"restored the backup of {made.at}, {made.blobs} attachments",
        )
    )
    if done.aside:
        print(say(f"原来的数据在 {done.aside}", f"what was there is now {done.aside}"))
    for report in done.reports:
        print(report)
    if not done.ok:
        raise typer.Exit(1)


@app.command(help=say("按保存期限清理一遍，不等夜里。", "Let go now of what was kept long enough."))
def tidy(config: ConfigFile = None) -> None:
    """What the night would do."""
    from paidan.errands import tidied

    gone = tidied(settings_of(config))
    names = {
        "orders": say("工单", "work orders"),
        "messages": say("聊天记录", "messages"),
        "notices": say("通知内容", "notices' words"),
        "chatter": say("闲聊", "chatter"),
        "media": say("附件", "attachments"),
    }
    said = [f"{names[name]} {number}" for name, number in gone.items() if number]
    if said:
        print(say("清理了：", "gone: ") + say("，", ", ").join(said))
    else:
        print(say("没有到期的", "nothing was due"))
