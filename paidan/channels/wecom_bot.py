"""The account of a 智能机器人 of 企业微信."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field
from typing_extensions import override

from paidan.channels.section import ChannelSection, Words
from paidan.channels.wecom import AES_KEY

if TYPE_CHECKING:
    from bots.gateway.adapter import Adapter, Switchboard


class WecomBot(ChannelSection):
    """``bot_id`` and ``secret`` open a connection of our own (长连接), which needs no public
    address; ``token`` and ``aes_key`` instead take callbacks, where the bot can only answer.
    ``media_hosts`` are further hosts that attachments may lie on.
    """

    bot_id: str = ""
    secret: str = Field(default="", repr=False)
    token: str = Field(default="", pattern=r"^[A-Za-z0-9]{0,32}$", repr=False)
    aes_key: str = Field(default="", pattern=AES_KEY, repr=False)
    address: str = Field(default="wss://openws.work.weixin.qq.com", pattern=r"^wss?://[^\s/]+$")
    media_hosts: tuple[str, ...] = ()

    words: ClassVar[Mapping[str, Words]] = {
        "wecom_bot_line": ("智能机器人连得上", "the bot is let in"),
        "wecom_bot_held": (
            "智能机器人的长连接正由运行中的 Paidan 用着",
            "a running Paidan holds the bot's connection",
        ),
        "wecom_bot_secret": (
            "智能机器人连不上（{}）：到 管理后台 → 安全与管理 → 管理工具 → 智能机器人，"
            "选 API 模式、长连接，核对 BotID 和 Secret",
            "the bot is not let in ({}): under 智能机器人 choose API mode and 长连接, and compare "
            "BotID and Secret",
        ),
        "wecom_bot_kicked": (
            "另一个程序用同一个 BotID 占了长连接：停掉它，或给它另建一个机器人；"
            "十五分钟后 Paidan 再试",
            "another program took the connection of this BotID: stop it, or give it a bot of its "
            "own; Paidan tries again after fifteen minutes",
        ),
        "wecom_bot_http": (
            "智能机器人用的是回调：只能回答听到的话，不能主动发、没有按钮卡片；"
            "要这些，请改用长连接（填 channels.wecom_bot.secret）",
            "the bot takes callbacks: it can only answer, and has no cards; for those use a "
            "connection (channels.wecom_bot.secret)",
        ),
    }

    @property
    @override
    def on(self) -> bool:
        return bool((self.bot_id and self.secret) or (self.token and self.aes_key))

    @property
    @override
    def called(self) -> bool:
        return not self.secret

    @override
    def open(self, board: Switchboard) -> Adapter:
        from bots.wecom.bot import Bot  # noqa: PLC0415 - see ChannelSection

        return Bot(
            board,
            self.bot_id,
            self.secret,
            self.token,
            self.aes_key,
            address=self.address,
            media_hosts=self.media_hosts,
        )
