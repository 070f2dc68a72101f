"""Proof and one-time links: audit, explain, login-link, invite, action-link, alarm-token."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

from typing import Annotated

import typer

from paidan.cli.options import ConfigFile, settings_of
from paidan.terminal import say

app = typer.Typer()


@app.command(help=say("核对：没有丢、没有漏、没有改。", "Prove that nothing was lost or altered."))
def audit(
    config: ConfigFile = None,
    *,
    tell: Annotated[
        bool,
        typer.Option(
            "--tell",
            help=say("有对不上的就告诉主管", "tell the supervisors of what does not hold"),
        ),
    ] = False,
) -> None:
    """Exit 1 when something is wrong."""
    from paidan.audit import audit as run

    report = run(settings_of(config), tell=tell)
    print(report)
    raise typer.Exit(0 if report.ok else 1)


@app.command(
    help=say("解释一张工单的时钟：每一段计不计、为什么。", "Explain a work order's clocks.")
)
def explain(order: str, config: ConfigFile = None) -> None:
    """By number, or its tail (``7``)."""
    from paidan.errands import explain as account

    print(account(settings_of(config), order))


@app.command("login-link", help=say("给员工一个一次性登录链接。", "Print a one-time sign-in link."))
def login_link(staff: str, config: ConfigFile = None) -> None:
    """For the first sign-in, or when somebody is locked out."""
    from paidan.errands import login_link as link

    print(link(settings_of(config), staff))


@app.command(
    help=say("给员工或客户一个绑定聊天账号的邀请码。", "Print an invite to bind a chat account.")
)
def invite(person: str, config: ConfigFile = None) -> None:
    """They send 「绑定 <invite>」 once, in the chat to be bound."""
    from paidan.errands import invite as code

    print(code(settings_of(config), person))


@app.command(
    "action-link", help=say("给聊天够不着的人一个一次性办理链接。", "Print a one-time action link.")
)
def action_link(do: str, order: str, staff: str, config: ConfigFile = None) -> None:
    """``accept 7 zhaoqiang``: whoever opens it within a day sees what it does, and does it."""
    from paidan.errands import action_link as link

    print(link(settings_of(config), do, order, staff))


@app.command("alarm-token", help=say("打印设备告警接口的令牌。", "Print the device-alarm token."))
def alarm_token(config: ConfigFile = None) -> None:
    """Good until the secret changes."""
    from paidan.errands import alarm_token as token

    print(token(settings_of(config)))
