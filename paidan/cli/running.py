"""Running: serve, demo."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

from typing import Annotated, Literal

import typer

from paidan.cli.options import ConfigFile, settings_of
from paidan.terminal import Refusal, say

app = typer.Typer()


_Role = Annotated[
    Literal["all", "web", "worker"],
    typer.Option(
        "--role",
        help=say(
            "all：页面和后台都有；web：只有页面和平台回调；worker：只有后台（后两种要 PostgreSQL）",
            "all: everything; web: pages and callbacks; worker: loops (these two need PostgreSQL)",
        ),
    ),
]


@app.command(help=say("启动服务。", "Run the service."))
def serve(config: ConfigFile = None, role: _Role = "all") -> None:
    """Serve until told to stop."""
    from paidan.serving import serve as run

    run(settings_of(config), role=role)


@app.command(help=say("带演示公司启动，打开沙盒。", "Run with the demo company and the sandbox."))
def demo(config: ConfigFile = None) -> None:
    """Seed the demo company and serve it."""
    from paidan.serving import serve as run

    settings = settings_of(config)
    if settings.mode == "production":
        raise Refusal(
            say(
                "mode 是 production，沙盒不能开；换一份配置，或用 paidan serve",
                "mode is production, which has no sandbox; use another config, or paidan serve",
            )
        )
    run(settings, demo=True)
