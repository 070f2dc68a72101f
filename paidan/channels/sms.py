"""The account of a short message service (短信)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from paidan.channels.section import ChannelSection, Words

if TYPE_CHECKING:
    from bots.gateway.adapter import Adapter, Switchboard


class Sms(ChannelSection):
    """From dysms.console.aliyun.com. ``template_fields`` says which of the template's variables
    get ``number``, ``title``, ``status`` or ``text``; ``hook_secret`` is ours, part of the address
    that pushes go to.
    """

    access_key_id: str = ""
    access_key_secret: str = Field(default="", repr=False)
    sign_name: str = ""
    template: str = ""
    template_fields: dict[str, Literal["number", "title", "status", "text"]] = Field(
        default_factory=dict
    )
    hook_secret: str = Field(default="", pattern=r"^([A-Za-z0-9_-]{16,128})?$", repr=False)
    address: str = Field(default="https://dysmsapi.aliyuncs.com", pattern=r"^https?://[^\s/]+$")

    words: ClassVar[Mapping[str, Words]] = {
        "sms_key_good": ("AccessKey 可用，模板已审核", "the key is good, the template approved"),
        "sms_key": (
            "AccessKey 不对（{}）：到 RAM 控制台 → 用户 → 认证管理 重新创建后填写",
            "the AccessKey is wrong ({}): create another in the RAM console and fill it in",
        ),
        "sms_rights": (
            "这个 RAM 用户不能发短信（{}）：到 RAM 控制台给它授权 AliyunDysmsFullAccess",
            "this RAM user may not send ({}): grant it AliyunDysmsFullAccess",
        ),
        "sms_clock": (
            "服务器的时钟不准（{}）：请校时",
            "this server's clock is wrong ({}): set it",
        ),
        "sms_money": (
            "短信账户余额不足或已停机（{}）：到阿里云充值",
            "the account is out of money or stopped ({}): top it up",
        ),
        "sms_sign": (
            "短信签名不能用（{}）：到短信服务 → 国内消息 → 签名管理 查看",
            "the signature is not usable ({}): look under 签名管理",
        ),
        "sms_template": (
            "短信模板不能用（{}）：到短信服务 → 国内消息 → 模板管理 查看是否审核通过、变量是否齐全",
            "the template is not usable ({}): see under 模板管理 whether it is approved",
        ),
        "sms_template_fields": (
            "模板里没有变量 {}；模板是：{}。改 channels.sms.template_fields",
            "the template has no variable {}; it says: {}. Change channels.sms.template_fields",
        ),
        "sms_refused": ("短信服务拒绝了：{}", "the short message service refused: {}"),
    }

    @property
    @override
    def on(self) -> bool:
        account = self.access_key_id and self.access_key_secret
        return bool(account and self.sign_name and self.template and self.hook_secret)

    @override
    def open(self, board: Switchboard) -> Adapter:
        from bots.sms.adapter import ShortMessages  # noqa: PLC0415 - see ChannelSection

        return ShortMessages(
            board,
            self.access_key_id,
            self.access_key_secret,
            sign_name=self.sign_name,
            template=self.template,
            template_fields=self.template_fields,
            hook_secret=self.hook_secret,
            address=self.address,
        )
