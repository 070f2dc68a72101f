"""The account of a Telegram bot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field
from typing_extensions import override

from paidan.channels.section import ChannelSection, Words

if TYPE_CHECKING:
    from bots.gateway.adapter import Adapter, Switchboard


class Telegram(ChannelSection):
    """``token`` from @BotFather. With ``secret`` and ``http.public_url`` Telegram calls us
    (webhook); without, we ask it (long polling), which needs no public address. ``address`` is
    that of a Bot API server of one's own.
    """

    token: str = Field(default="", repr=False)
    secret: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,256}$", repr=False)
    address: str = Field(default="https://api.telegram.org", pattern=r"^https?://[^\s/]+$")

    words: ClassVar[Mapping[str, Words]] = {
        "telegram_token": (
            "Telegram 不认这个 token：到 @BotFather 用 /mybots → API Token 重新复制",
            "Telegram does not know this token: copy it again from @BotFather, /mybots → API Token",
        ),
        "telegram_bot": ("Telegram 机器人 {} 可用", "the Telegram bot {} answers"),
        "telegram_privacy": (
            "{} 开着群隐私模式：群里只听得到 @ 它、回复它和命令。要听全部，"
            "在 @BotFather 用 /setprivacy → Disable，再把它移出群重新拉进来",
            "{} is in group privacy mode: in groups it hears only mentions, replies and commands. "
            "To hear all: @BotFather, /setprivacy → Disable, then remove it and add it again",
        ),
        "telegram_port": (
            "Telegram 只回调 443、80、88、8443 端口，{} 不在其中；换端口，"
            "或删掉 channels.telegram.secret 改用轮询",
            "Telegram calls only ports 443, 80, 88 and 8443, which {} is not; change the port, or "
            "remove channels.telegram.secret and let us ask instead",
        ),
        "telegram_hook_unset": (
            "Telegram 还没有记下回调地址 {}；启动 paidan serve 时会自动登记",
            "Telegram does not have the callback address {} yet; paidan serve registers it",
        ),
        "telegram_hook_left": (
            "Telegram 上还留着别处的回调地址；启动 paidan serve 时会自动清掉",
            "Telegram still has another callback address; paidan serve removes it",
        ),
        "telegram_hook_failing": (
            "Telegram 最近一次回调失败：{}；检查证书、域名和防火墙",
            "Telegram's last call to us failed: {}; check certificate, domain and firewall",
        ),
        "telegram_waiting": ("Telegram 有 {} 条消息等着送来", "{} updates wait at Telegram"),
    }

    @property
    @override
    def on(self) -> bool:
        return bool(self.token)

    @property
    @override
    def called(self) -> bool:
        return bool(self.secret)

    @override
    def open(self, board: Switchboard) -> Adapter:
        from bots.telegram.adapter import Telegram as Bot  # noqa: PLC0415 - see ChannelSection

        return Bot(board, self.token, self.secret, board.hook if self.secret else "", self.address)
