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
    ``title`` or ``status``. ``menu`` sets the account's menu at the start. ``union`` asks for each
    follower's unionid, by which they are known on 微信客服 too.
    """

    app_id: str = ""
    secret: str = Field(default="", repr=False)
    token: str = Field(default="", repr=False)
    aes_key: str = Field(default="", pattern=r"^([A-Za-z0-9+/]{43})?$", repr=False)
    template: str = ""
    template_fields: dict[str, Literal["number", "title", "status"]] = Field(default_factory=dict)
    menu: bool = False
    union: bool = False
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
            "出口 IP {} 不在白名单里：到公众平台 设置与开发 → 基本配置 → IP白名单 → 查看 → 修改，"
            "加上它",
            "our outgoing address {} is not allowed: add it under 设置与开发 → 基本配置 → IP白名单",
        ),
        "wechat_no_pushing": (
            "公众号不能主动发客服消息（{}）：订阅号和没认证的号没有这个接口；"
            "到 设置与开发 → 接口权限 查看，到 设置与开发 → 账号详情 做微信认证",
            "the account may not push messages ({}): only verified accounts may; see 设置与开发 → "
            "接口权限, and get it verified under 账号详情",
        ),
        "wechat_no_templates": (
            "公众号不能用模板消息（{}）：到 广告与服务 → 模板消息 开通",
            "the account may not use template messages ({}): apply under 广告与服务 → 模板消息",
        ),
        "wechat_template_unknown": (
            "公众号里没有模板 {}：到 广告与服务 → 模板消息 → 我的模板 复制模板 ID",
            "the account has no template {}: copy its id from 模板消息 → 我的模板",
        ),
        "wechat_template_fields": (
            "模板里没有关键词 {}；它有：{}。改 channels.wechat.template_fields",
            "the template has no keyword {}; it has {}. Change channels.wechat.template_fields",
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
            union=self.union,
            address=self.address,
        )
