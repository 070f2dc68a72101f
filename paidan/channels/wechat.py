"""The account of a WeChat official account (微信公众号)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from paidan.channels.section import ChannelSection, Words

if TYPE_CHECKING:
    from bots.gateway.adapter import Adapter, Switchboard


class Wechat(ChannelSection):
    """From mp.weixin.qq.com, 设置与开发 → 基本配置. ``template`` is a template message's id for
    news after the 48-hour window, ``template_fields`` says which of its keywords get ``number``,
    ``title`` or ``status``. ``menu`` sets the account's menu at the start.
    """

    app_id: str = ""
    secret: str = Field(default="", repr=False)
    token: str = Field(default="", repr=False)
    aes_key: str = Field(default="", pattern=r"^([A-Za-z0-9+/]{43})?$", repr=False)
    template: str = ""
    template_fields: dict[str, Literal["number", "title", "status"]] = Field(default_factory=dict)
    menu: bool = False
    address: str = Field(default="https://api.weixin.qq.com", pattern=r"^https?://[^\s/]+$")

    words: ClassVar[Mapping[str, Words]] = {
        "wechat_token": ("公众号的 AppID 和 AppSecret 可用", "AppID and AppSecret are good"),
        "wechat_app_id": (
            "微信不认这个 AppID（{}）：到公众平台 设置与开发 → 基本配置 复制",
            "WeChat does not know this AppID ({}): copy it from 基本配置",
        ),
        "wechat_secret": (
            "AppSecret 不对（{}）：到公众平台 设置与开发 → 基本配置 重置后再填",
            "the AppSecret is wrong ({}): reset it under 基本配置 and fill it in again",
        ),
        "wechat_address": (
            "本机的出口 IP 不在白名单里（{}）：到 设置与开发 → 基本配置 → IP白名单 加上它",
            "our outgoing address is not allowed ({}): add it under 基本配置 → IP白名单",
        ),
        "wechat_refused": ("微信拒绝了：{}", "WeChat refused: {}"),
        "wechat_no_template": (
            "没有模板消息：客户 48 小时没说话或已推满 5 条后，进度发不到公众号；"
            "在 channels.wechat.template 填模板编号",
            "no template message: after 48 hours, or five pushes, followers hear nothing more; "
            "give its id in channels.wechat.template",
        ),
    }

    @property
    @override
    def on(self) -> bool:
        return bool(self.app_id and self.secret and self.token and self.aes_key)

    @override
    def open(self, board: Switchboard) -> Adapter:
        from bots.wechat.adapter import OfficialAccount  # noqa: PLC0415 - see ChannelSection

        return OfficialAccount(
            board,
            self.app_id,
            self.secret,
            self.token,
            self.aes_key,
            template=self.template,
            template_fields=self.template_fields,
            menu=self.menu,
            address=self.address,
        )
