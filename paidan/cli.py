"""The ``paidan`` command. Heavy rooms are imported inside the commands that need them.

Results go to stdout, everything else to stderr. What the user can mend is one plain sentence and
exit code 2, in Chinese, or in English when ``LANG`` says so.
"""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

import json
import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paidan.terminal import Refusal, locale, say, sentence
from workflow.errors import PaidanError

if TYPE_CHECKING:
    from paidan.settings import Settings

USER_ERROR = 2


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
config_app = typer.Typer(
    help=say("检查配置，给出 JSON Schema。", "Check configuration; print its JSON Schema."),
    no_args_is_help=True,
)
app.add_typer(config_app, name="config")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help=say("配置文件，默认 ./config.yaml", "default: ./config.yaml")
    ),
]


# --- setting up -------------------------------------------------------------------------------


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

    settings = _settings(config)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    applied = apply(settings.database_url)
    done = ", ".join(applied)
    print(say(f"已升级：{done}", f"applied: {done}") if done else say("已是最新", "up to date"))


@app.command(help=say("体检：缺什么、怎么补。", "Check the installation and how to mend it."))
def doctor(config: ConfigFile = None) -> None:
    """Look at everything; exit 1 when something would keep Paidan from running."""
    from paidan.doctor import examine
    from paidan.doctor import say as word

    failed = False
    for finding in examine(_settings(config), date.today(), locale()):  # noqa: DTZ011 - the year is enough
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
    from paidan.company_file import load_company
    from paidan.problems import describe

    settings = _settings(config)
    settings.secret()
    print(f"✓ {settings.config_file or say('默认配置', 'default settings')}")
    beside = (settings.config_file or Path("config.yaml")).with_name("company.yaml")
    for path in files or ([beside] if beside.exists() else []):
        loaded = load_company(path)
        for warning in loaded.warnings:
            print(f"! {describe(warning, locale())}")
        company = loaded.company
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


# --- running ----------------------------------------------------------------------------------


@app.command(help=say("启动服务。", "Run the service."))
def serve(config: ConfigFile = None) -> None:
    """Serve until told to stop."""
    from paidan.compose import serve as run

    run(_settings(config))


@app.command(help=say("带演示公司启动，打开沙盒。", "Run with the demo company and the sandbox."))
def demo(config: ConfigFile = None) -> None:
    """Seed the demo company and serve it."""
    from paidan.compose import serve as run

    settings = _settings(config)
    if settings.mode == "production":
        raise Refusal(
            say(
                "mode 是 production，沙盒不能开；换一份配置，或用 paidan serve",
                "mode is production, which has no sandbox; use another config, or paidan serve",
            )
        )
    run(settings, demo=True)


# --- data -------------------------------------------------------------------------------------


@app.command(
    "import", help=say("导入公司文件或 CSV 表格。", "Import a company file or CSV tables.")
)
def import_(
    files: Annotated[list[Path], typer.Argument()],
    kind: Annotated[
        str | None,
        typer.Option(help=say("staff、customers 或 assets", "staff, customers or assets")),
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

    settings = _settings(config)
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

    text = export_company(_settings(config))
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


# --- understanding and proof ------------------------------------------------------------------


@app.command(help=say("看一句话被听成什么。", "Show what a sentence is taken to mean."))
def understand(
    text: Annotated[str | None, typer.Argument()] = None,
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
) -> None:
    """Needs neither configuration nor database."""
    from paidan.errands import understand_lines, understander

    _log_to_stderr()
    reader = understander(_model_folder(), lambda said: print(said, file=sys.stderr))
    if jsonl:
        sys.stdin.reconfigure(encoding="utf-8", errors="replace", newline="\n")  # type: ignore[union-attr]  # a text stream
        for answer in understand_lines(reader, sys.stdin):
            print(answer, flush=True)
        return
    asked = sys.stdin.read() if text is None else text
    question = json.dumps({"id": None, "text": asked.strip()})
    answer = json.loads(next(iter(understand_lines(reader, [question]))))
    del answer["id"]
    print(json.dumps(answer, ensure_ascii=False, indent=2))


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
    from paidan.errands import understander
    from paidan.replay import replay as run

    loaded = load_company(company) if company else demo_company()
    end = _instant(until)
    try:
        lines = file.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise Refusal(say(f"{file}：不是 UTF-8", f"{file}: not UTF-8")) from error
    _log_to_stderr()
    reader = understander(_model_folder(), lambda said: print(said, file=sys.stderr))
    told = run(lines, loaded, reader, db=db, until=end)
    print(json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True))


@app.command(help=say("核对：没有丢、没有漏、没有改。", "Prove that nothing was lost or altered."))
def audit(config: ConfigFile = None) -> None:
    """Exit 1 when something is wrong."""
    from paidan.audit import audit as run

    report = run(_settings(config))
    print(report)
    raise typer.Exit(0 if report.ok else 1)


@app.command(
    help=say("解释一张工单的时钟：每一段计不计、为什么。", "Explain a work order's clocks.")
)
def explain(order: str, config: ConfigFile = None) -> None:
    """By number, or its tail (``7``)."""
    from paidan.errands import explain as account

    print(account(_settings(config), order))


@app.command("login-link", help=say("给员工一个一次性登录链接。", "Print a one-time sign-in link."))
def login_link(staff: str, config: ConfigFile = None) -> None:
    """For the first sign-in, or when somebody is locked out."""
    from paidan.errands import login_link as link

    print(link(_settings(config), staff))


@app.command(
    "action-link", help=say("给聊天够不着的人一个一次性办理链接。", "Print a one-time action link.")
)
def action_link(do: str, order: str, staff: str, config: ConfigFile = None) -> None:
    """``accept 7 zhaoqiang``: whoever opens it within a day sees what it does, and does it."""
    from paidan.errands import action_link as link

    print(link(_settings(config), do, order, staff))


@app.command("alarm-token", help=say("打印设备告警接口的令牌。", "Print the device-alarm token."))
def alarm_token(config: ConfigFile = None) -> None:
    """Good until the secret changes."""
    from paidan.errands import alarm_token as token

    print(token(_settings(config)))


# --- errors -----------------------------------------------------------------------------------


def main() -> None:
    """Run the command line; what the user can mend ends in one sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]  # text streams
    try:
        app()
    except (Refusal, PaidanError, OSError) as error:
        print(sentence(error), file=sys.stderr)
        sys.exit(USER_ERROR)


def _settings(config: Path | None) -> Settings:
    from paidan.logs import configure
    from paidan.settings import load_settings

    settings = load_settings(config)
    configure(settings.log)
    return settings


def _log_to_stderr() -> None:
    """For commands without configuration: stdout is for their results alone."""
    from paidan.logs import configure
    from paidan.settings import Log

    configure(Log(level="warning"))


def _model_folder() -> Path:
    """Where the trained model lies: with the data if there is any, else in the user's cache."""
    home = Path(os.environ.get("PAIDAN_HOME", "var"))
    if home.is_dir():
        return home / "model"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "paidan" / "model"


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


if __name__ == "__main__":
    main()
