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
        "wecom_webhook_93000": (
            "群「{}」的机器人没有了（{}）：key 抄错了，或机器人被移出了群。到群里 右上角 … → "
            "消息推送（群机器人）重新添加，把新地址里的 key 填进 channels.wecom_webhook.groups",
            "the webhook of {} is gone ({}): the key is wrong, or it was taken out of the group. "
            "Add it again in the group and fill its key in under channels.wecom_webhook.groups",
        ),
        "wecom_webhook_93004": (
            "群「{}」的机器人被停用了（{}）：请管理员在企业微信里重新启用，或在群里另加一个",
            "the webhook of {} is switched off ({}): have an administrator switch it on again, or "
            "add another in the group",
        ),
        "wecom_webhook_93008": (
            "群「{}」的机器人不在群里了（{}）：到群里重新添加，把新 key 填进配置",
            "the webhook of {} is not in the group any more ({}): add it again and fill in its key",
        ),
        "wecom_webhook_unsure": (
            "群「{}」的机器人试不出来（{}）：用 paidan channel test 试发一条",
            "the webhook of {} could not be tried ({}): send something with paidan channel test",
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
