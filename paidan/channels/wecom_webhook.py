"""The webhooks of groups in 企业微信."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, StringConstraints
from typing_extensions import override

from paidan.channels.section import ChannelSection, Words
from paidan.channels.wecom import ADDRESS

if TYPE_CHECKING:
    from bots.gateway.adapter import Adapter, Switchboard

Key = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{20,64}$")]


class WecomWebhook(ChannelSection):
    """``groups`` gives each group a name of ours, and the ``key=…`` of its webhook's address."""

    groups: dict[str, Key] = Field(default_factory=dict, repr=False)
    address: str = Field(default="https://qyapi.weixin.qq.com", pattern=ADDRESS)

    words: ClassVar[Mapping[str, Words]] = {
        "wecom_webhook_groups": (
            "群机器人：{}；用 paidan channel test wecom_webhook --to=群名 --group 试一条",
            "group webhooks: {}; try one with paidan channel test wecom_webhook --to=NAME --group",
        ),
    }

    @property
    @override
    def on(self) -> bool:
        return bool(self.groups)

    @property
    @override
    def called(self) -> bool:
        return False

    @override
    def open(self, board: Switchboard) -> Adapter:
        from bots.wecom.webhook import Webhook  # noqa: PLC0415 - see ChannelSection

        return Webhook(board, self.groups, self.address)
