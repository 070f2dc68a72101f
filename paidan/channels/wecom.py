"""The account of a self-built application of 企业微信."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field
from typing_extensions import override

from paidan.channels.section import ChannelSection, Words

if TYPE_CHECKING:
    from bots.gateway.adapter import Adapter, Switchboard

AES_KEY = r"^([A-Za-z0-9+/]{43})?$"
ADDRESS = r"^https?://[^\s/]+$"
CORP_WORDS: Mapping[str, Words] = {
    "wecom_corp_id": (
        "企业微信不认这个企业 ID（{}）：到管理后台 我的企业 → 企业信息 最下面复制",
        "WeCom does not know this corp id ({}): copy it from 我的企业 → 企业信息",
    ),
    "wecom_secret": (
        "Secret 不对（{}）：到管理后台 应用管理 → 该应用 → Secret 重新查看后再填",
        "the Secret is wrong ({}): look it up again under 应用管理 → the application → Secret",
    ),
    "wecom_address": (
        "出口 IP {} 不在可信名单里（{}）：到管理后台 应用管理 → 该应用 → 企业可信IP → 配置，加上它",
        "our outgoing address {} is not trusted ({}): add it under 应用管理 → the application → "
        "企业可信IP → 配置",
    ),
    "wecom_agent": (
        "AgentId 不对，或不是这个 Secret 的应用（{}）：到 应用管理 → 该应用 核对 AgentId",
        "the AgentId is wrong or not this Secret's ({}): compare it under 应用管理",
    ),
    "wecom_permission": (
        "应用没有这个权限，或看不到那个人（{}）：到 应用管理 → 该应用 → 可见范围 加上他们",
        "the application may not do that or does not see that person ({}): widen its 可见范围",
    ),
    "wecom_asked_wrongly": (
        "企业微信不接受这样的请求（{}）：请把这一行报告给 Paidan",
        "WeCom does not take such a request ({}): please report this line to Paidan",
    ),
    "wecom_refused": (
        "企业微信拒绝了（{}）：错误码的意思见 developer.work.weixin.qq.com/document/path/90313",
        "WeCom refused ({}); codes: developer.work.weixin.qq.com/document/path/90313",
    ),
}
"""What every secret of a corporation can be told."""


class Wecom(ChannelSection):
    """From work.weixin.qq.com: 我的企业 → 企业ID, and 应用管理 → 自建 for the rest. ``menu`` sets
    the application's menu at the start.
    """

    corp_id: str = ""
    agent_id: int = Field(default=0, ge=0)
    secret: str = Field(default="", repr=False)
    token: str = Field(default="", pattern=r"^[A-Za-z0-9]{0,32}$", repr=False)
    aes_key: str = Field(default="", pattern=AES_KEY, repr=False)
    menu: bool = False
    address: str = Field(default="https://qyapi.weixin.qq.com", pattern=ADDRESS)

    words: ClassVar[Mapping[str, Words]] = {
        "wecom_group_unknown": (
            "这个群不是本应用建的，或编号不对（{}）：用 paidan channel group wecom 另建一个",
            "this group is not the application's own, or its id is wrong ({}): open one with "
            "paidan channel group wecom",
        ),
        "wecom_group_scope": (
            "应用不能建群（{}）：到 应用管理 → 该应用 → 可见范围，选上整个企业（根部门）；"
            "第三方和代开发应用不能建群",
            "the application may not open groups ({}): make it visible to the root department "
            "under 应用管理 → 可见范围; only a self-built one may",
        ),
        **CORP_WORDS,
        "wecom_app": ("企业微信应用「{}」可用", "the WeCom application {} answers"),
        "wecom_closed": (
            "应用「{}」被停用了：到 应用管理 → 该应用 启用",
            "the application {} is disabled: enable it under 应用管理",
        ),
        "wecom_nobody": (
            "应用「{}」的可见范围是空的，谁也收不到：到 应用管理 → 该应用 → 可见范围 加人",
            "nobody sees the application {}: add people under its 可见范围",
        ),
    }

    @property
    @override
    def on(self) -> bool:
        return bool(self.corp_id and self.agent_id and self.secret and self.token and self.aes_key)

    @override
    def open(self, board: Switchboard) -> Adapter:
        from bots.wecom.app import App  # noqa: PLC0415 - see ChannelSection

        return App(
            board,
            self.corp_id,
            self.agent_id,
            self.secret,
            self.token,
            self.aes_key,
            menu=self.menu,
            address=self.address,
        )
