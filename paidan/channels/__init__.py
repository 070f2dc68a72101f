"""Chat channels as the settings name them: one file each with its keys, its adapter, its words."""

from __future__ import annotations

from collections.abc import Iterator

from paidan.channels.dingtalk import DingTalk
from paidan.channels.email import Email
from paidan.channels.section import ChannelSection, Section, Words
from paidan.channels.sms import Sms
from paidan.channels.telegram import Telegram
from paidan.channels.wechat import Wechat
from paidan.channels.wecom import Wecom
from paidan.channels.wecom_bot import WecomBot
from paidan.channels.wecom_kf import WecomKf
from paidan.channels.wecom_webhook import WecomWebhook


class Channels(Section):
    """The accounts of all channels, by the name that chats carry in ``company.yaml``."""

    dingtalk: DingTalk = DingTalk()
    email: Email = Email()
    sms: Sms = Sms()
    telegram: Telegram = Telegram()
    wechat: Wechat = Wechat()
    wecom: Wecom = Wecom()
    wecom_bot: WecomBot = WecomBot()
    wecom_webhook: WecomWebhook = WecomWebhook()
    wecom_kf: WecomKf = WecomKf()

    def opened(self) -> Iterator[tuple[str, ChannelSection]]:
        """The channels with credentials, by name."""
        for name in type(self).model_fields:
            section = getattr(self, name)
            if section.on:
                yield name, section

    @classmethod
    def words(cls) -> dict[str, Words]:
        """What findings of every channel say, by code."""
        sections = (field.annotation for field in cls.model_fields.values())
        return {
            code: said
            for section in sections
            if isinstance(section, type) and issubclass(section, ChannelSection)
            for code, said in section.words.items()
        }
