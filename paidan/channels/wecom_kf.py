"""An account of 微信客服, through an application of 企业微信."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field
from typing_extensions import override

from paidan.channels.section import ChannelSection, Words
from paidan.channels.wecom import ADDRESS, AES_KEY, CORP_WORDS

if TYPE_CHECKING:
    from bots.gateway.adapter import Adapter, Switchboard


class WecomKf(ChannelSection):
    """``secret``, ``token`` and ``aes_key`` are those of the application that 微信客服 lets in;
    ``open_kfid`` is the account that customers talk to. ``union`` asks for each customer's unionid,
    by which they are known on the official account too.
    """

    corp_id: str = ""
    secret: str = Field(default="", repr=False)
    token: str = Field(default="", pattern=r"^[A-Za-z0-9]{0,32}$", repr=False)
    aes_key: str = Field(default="", pattern=AES_KEY, repr=False)
    open_kfid: str = ""
    union: bool = False
    address: str = Field(default="https://qyapi.weixin.qq.com", pattern=ADDRESS)

    words: ClassVar[Mapping[str, Words]] = {
        **CORP_WORDS,
        "wecom_kf_account": ("微信客服账号「{}」可用", "the 微信客服 account {} answers"),
        "wecom_kf_unknown": (
            "这个应用看不到客服账号 {}：到 应用管理 → 微信客服，核对账号的 open_kfid，"
            "并在 API → 可调用接口的应用 里选上这个应用",
            "the application does not see the account {}: compare its open_kfid under 微信客服, "
            "and choose the application under API → 可调用接口的应用",
        ),
        "wecom_kf_privilege": (
            "这个应用没有客服账号「{}」的管理权限：到 应用管理 → 微信客服 → API → "
            "通过API管理微信客服账号 把它交给这个应用",
            "the application may not manage the account {}: hand it over under 微信客服 → API → "
            "通过API管理微信客服账号",
        ),
    }

    @property
    @override
    def on(self) -> bool:
        return bool(self.corp_id and self.secret and self.token and self.aes_key and self.open_kfid)

    @override
    def open(self, board: Switchboard) -> Adapter:
        from bots.wecom.kf import CustomerService  # noqa: PLC0415 - see ChannelSection

        return CustomerService(
            board,
            self.corp_id,
            self.secret,
            self.token,
            self.aes_key,
            self.open_kfid,
            self.address,
            union=self.union,
        )
