"""Chat channels from the command line."""

# ruff: noqa: PLC0415 - a command line must not pay for rooms it does not enter

from __future__ import annotations

from typing import Annotated

import typer

from paidan.cli.options import ConfigFile, settings_of
from paidan.terminal import Refusal, locale, say

app = typer.Typer(no_args_is_help=True)


@app.command(
    "test", help=say("往一个会话发一张测试卡片。", "Send a card to a chat to see that it works.")
)
def send(
    channel: Annotated[str, typer.Argument(help=say("渠道，如 telegram", "such as telegram"))],
    to: Annotated[str, typer.Option(help=say("会话编号或账号", "the id of a chat or a user"))],
    *,
    group: Annotated[
        bool, typer.Option("--group", help=say("这是一个群", "it is a group"))
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Prints what the platform called the message."""
    from bots.channel import ChannelError
    from bots.gateway.adapter import Finding
    from paidan.doctor import say as word
    from paidan.errands import try_channel
    from workflow.records import ChatRef

    place = ChatRef(channel, to, "group" if group else "direct")
    try:
        sent = try_channel(settings_of(config), channel, place)
    except ChannelError as error:
        raise Refusal(
            say(
                f"{channel} 没有收下：{error.why}；跑 paidan doctor {channel} 看怎么补",
                f"{channel} did not take it: {error.why}; see paidan doctor {channel}",
            )
        ) from error
    if isinstance(sent, Finding):
        raise Refusal(word(sent, locale()))
    print(say(f"✓ 已发出，消息编号 {sent.message_id}", f"✓ sent, message {sent.message_id}"))


@app.command(
    "group",
    help=say(
        "在聊天平台建一个同事群（企业微信自建应用）。",
        "Open a colleagues' group (a WeCom application's own).",
    ),
)
def gather(
    channel: Annotated[str, typer.Argument(help=say("渠道：wecom", "the channel: wecom"))],
    name: Annotated[str, typer.Option(help=say("群名", "its name"))],
    *,
    team: Annotated[str, typer.Option(help=say("整个班组的编号", "a whole team, by id"))] = "",
    member: Annotated[
        list[str] | None, typer.Option(help=say("员工编号，可写几次", "a colleague; repeatable"))
    ] = None,
    owner: Annotated[str, typer.Option(help=say("群主的员工编号", "who owns it"))] = "",
    number: Annotated[
        str,
        typer.Option("--id", help=say("群的编号，不写由平台给", "its id there; optional")),
    ] = "",
    config: ConfigFile = None,
) -> None:
    """Prints the line of company.yaml that names the group."""
    from bots.channel import ChannelError
    from bots.gateway.adapter import Finding
    from paidan.doctor import say as word
    from paidan.gathering import Wanted, gather

    wanted = Wanted(name, team, tuple(member or ()), owner, number)
    try:
        made = gather(settings_of(config), channel, wanted)
    except ChannelError as error:
        raise Refusal(
            say(f"{channel} 没有建：{error.why}", f"{channel} did not open it: {error.why}")
        ) from error
    if isinstance(made, Finding):
        raise Refusal(word(made, locale()))
    print(
        say(
            f"✓ 建好了「{name}」，写进 company.yaml 的班组：groups: [{channel}/{made}]",
            f"✓ opened {name}; put it into company.yaml: groups: [{channel}/{made}]",
        )
    )
