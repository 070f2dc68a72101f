"""Setting up: init, migrate, doctor, config."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from paidan.cli.options import ConfigFile, settings_of
from paidan.terminal import locale, say

app = typer.Typer()
config_app = typer.Typer(
    help=say("检查配置，给出 JSON Schema。", "Check configuration; print its JSON Schema."),
    no_args_is_help=True,
)
app.add_typer(config_app, name="config")


@app.command(help=say("写出 config.yaml 和 company.yaml。", "Write config.yaml and company.yaml."))
def init(
    folder: Annotated[Path, typer.Argument()] = Path(),
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help=say("用演示公司", "use the demo company"))
    ] = False,
) -> None:
    """Begin a new installation; files that exist are left alone."""
    from paidan.starter import begin

    written, kept = begin(folder, demo=demo)
    for path in written:
        print(say(f"写好 {path}", f"wrote {path}"))
    for path in kept:
        print(say(f"{path} 已存在，没有动", f"{path} exists, left alone"))
    where = "" if folder == Path() else f"cd {folder} && "
    steps = f"{where}paidan config check && paidan import company.yaml && paidan serve"
    print(
        say(
            f"接下来：改 company.yaml，再跑\n  {steps}", f"Next: edit company.yaml, then\n  {steps}"
        )
    )


@app.command(help=say("建库或升级数据库结构。", "Create the database or bring it up to date."))
def migrate(config: ConfigFile = None) -> None:
    """Apply what is missing of the schema."""
    from storage import migrate as apply

    settings = settings_of(config)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    applied = apply(settings.database_url)
    done = ", ".join(applied)
    print(say(f"已升级：{done}", f"applied: {done}") if done else say("已是最新", "up to date"))


@app.command(help=say("体检：缺什么、怎么补。", "Check the installation and how to mend it."))
def doctor(
    channel: Annotated[
        str | None,
        typer.Argument(help=say("聊天渠道，如 telegram", "a chat channel such as telegram")),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Look at everything, or at one chat channel; exit 1 when something keeps it from running."""
    from paidan.doctor import examine
    from paidan.doctor import say as word
    from paidan.errands import examine_channel

    settings = settings_of(config)
    found = (
        examine_channel(settings, channel) if channel else examine(settings, date.today(), locale())  # noqa: DTZ011 - the year is enough
    )
    failed = False
    for finding in found:
        print(word(finding, locale()))
        failed |= finding.level == "fail"
    raise typer.Exit(int(failed))


@config_app.command(
    help=say("检查 config.yaml 和公司文件。", "Check config.yaml and company files.")
)
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help=say("公司文件，默认 company.yaml", "default: company.yaml")),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Name everything wrong, by line; warnings do not fail."""
    from paidan.channels.lacking import lacking
    from paidan.company_file import load_company
    from paidan.problems import describe

    settings = settings_of(config)
    settings.secret()
    print(f"✓ {settings.config_file or say('默认配置', 'default settings')}")
    beside = (settings.config_file or Path("config.yaml")).with_name("company.yaml")
    for path in files or ([beside] if beside.exists() else []):
        loaded = load_company(path)
        for warning in loaded.warnings:
            print(f"! {describe(warning, locale())}")
        company = loaded.company
        for words in lacking(company.policy, settings.channels):
            print(f"! {path}：{say(*words)}")
        said = say(
            f"{company.name}，{len(company.staff)} 人，规则版本 {company.policy.version}",
            f"{company.name}, {len(company.staff)} people, rules {company.policy.version}",
        )
        print(f"✓ {path}：{said}")


@config_app.command(
    help=say("打印公司文件的 JSON Schema。", "Print the company file's JSON Schema.")
)
def schema() -> None:
    """For editors: ``# yaml-language-server: $schema=…``."""
    from paidan.company_file import company_schema

    print(json.dumps(company_schema(), ensure_ascii=False, indent=2))
