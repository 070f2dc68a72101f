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
    get ``number``, ``title``, ``status``, ``text`` or ``reply``; ``hook_secret`` is ours, part of
    the address that pushes go to. Another service is another :class:`~bots.sms.provider.Provider`.
    """

    access_key_id: str = ""
    access_key_secret: str = Field(default="", repr=False)
    sign_name: str = ""
    template: str = ""
    template_fields: dict[str, Literal["number", "title", "status", "text", "reply"]] = Field(
        default_factory=dict
    )
    hook_secret: str = Field(default="", pattern=r"^([A-Za-z0-9_-]{16,128})?$", repr=False)
    address: str = Field(default="https://dysmsapi.aliyuncs.com", pattern=r"^https?://[^\s/]+$")

    words: ClassVar[Mapping[str, Words]] = {
        "sms_key_good": ("AccessKey 可用", "the AccessKey is good"),
        "sms_template_good": ("模板 {} 已审核，变量对得上", "template {} is approved and filled"),
        "sms_sign_good": ("签名 {} 已审核、已报备", "signature {} is approved and filed"),
        "sms_key": (
            "AccessKey 不能用（{}）：到 RAM 控制台 → 用户 → 认证管理 看它有没有被禁用、"
            "网络访问限制里有没有本机的出口 IP；不行就重新创建后填写",
            "the AccessKey is refused ({}): see in the RAM console (用户 → 认证管理) whether it is "
            "disabled or may not be used from this address, or create another and fill it in",
        ),
        "sms_rights": (
            "这个 RAM 用户不能发短信（{}）：到 RAM 控制台给它授权 AliyunDysmsFullAccess",
            "this RAM user may not send ({}): grant it AliyunDysmsFullAccess",
        ),
        "sms_clock": (
            "服务器的时钟和阿里云差 15 分钟以上（{}）：请校时",
            "this server's clock is more than 15 minutes off ({}): set it",
        ),
        "sms_money": (
            "短信账户余额不足或已停机（{}）：到阿里云 费用与成本 充值；余额不足时套餐包也用不了",
            "the account is out of money or stopped ({}): top it up",
        ),
        "sms_unopened": (
            "这个阿里云账号没有开通短信服务（{}）：到 dysms.console.aliyun.com 开通",
            "this account has no short message service ({}): open it at dysms.console.aliyun.com",
        ),
        "sms_account": (
            "阿里云账号异常（{}）：在短信服务控制台提交工单",
            "the account is in trouble ({}): ask Alibaba Cloud's support",
        ),
        "sms_quota": (
            "发送总量到了自己设的上限（{}）：到短信服务控制台 通用设置 → 国内消息设置 → 安全设置 "
            "调高日、月发送总量",
            "the limit you set yourselves is reached ({}): raise it under 通用设置 → "
            "国内消息设置 → 安全设置",
        ),
        "sms_address": (
            "出口 IP {} 不在中国内地，不能发国内短信（{}）：从内地的服务器或代理发",
            "our outgoing address {} is not on the mainland, which may not send there ({})",
        ),
        "sms_sign": (
            "短信签名不能用（{}）：到短信服务控制台 国内消息 → 签名管理 看是否审核通过、"
            "和模板是否在同一个账号、类型是否对得上",
            "the signature is not usable ({}): look under 国内消息 → 签名管理",
        ),
        "sms_sign_unfiled": (
            "签名 {} 还没有报备成功，运营商会拦截：到 国内消息 → 签名管理 查看实名制报备，"
            "一般要 5 到 10 个工作日",
            "signature {} is not filed with the carriers yet, who stop it: see 国内消息 → 签名管理",
        ),
        "sms_template": (
            "短信模板不能用（{}）：到短信服务控制台 国内消息 → 模板管理 看是否审核通过、"
            "变量是否都写进了 channels.sms.template_fields",
            "the template is not usable ({}): see under 国内消息 → 模板管理 whether it is approved "
            "and channels.sms.template_fields has all its variables",
        ),
        "sms_template_fields": (
            "模板和 channels.sms.template_fields 对不上，模板里没有变量 {}；模板是：{}",
            "the template and channels.sms.template_fields differ, it has no variable {}: {}",
        ),
        "sms_template_kind": (
            "模板变量 {} 的属性不是“其他”，遇到别的字会被拒：到 国内消息 → 模板管理 改成“其他”",
            "the template's variables {} do not take free words: make their kind 其他",
        ),
        "sms_try_again": (
            "以上是最近一次发送的结果，改好后试发一条就知道：paidan channel test sms --to 手机号",
            "that is how the last sending ended; once mended, try one: paidan channel test sms "
            "--to NUMBER",
        ),
        "sms_push_good": (
            "推送走得通，{} 毫秒后收下；控制台的接收地址填 {}?secret=（hook_secret）",
            "pushes are taken after {} ms; the console wants {}?secret= and hook_secret",
        ),
        "sms_push_slow": (
            "推送 {} 毫秒才收下，阿里云只等 700 毫秒，会重推；看本机和数据库的负载",
            "pushes are taken after {} ms, Alibaba Cloud waits 700; look at this machine's load",
        ),
        "sms_push_refused": (
            "推送被自己的门拒了（HTTP {}）：正在运行的 Paidan 的 hook_secret 和这里写的不一样；"
            "重启 paidan serve，再改控制台里的接收地址",
            "our own door refuses pushes (HTTP {}): the running Paidan has another hook_secret; "
            "restart paidan serve, then change the address in the console",
        ),
        "sms_number": ("不是能发的手机号（{}）", "this is no number we can text ({})"),
        "sms_unwilling": (
            "这个号码退订或投诉过（{}），解除不了，换别的渠道通知",
            "this number has unsubscribed or complained ({}); reach the person another way",
        ),
        "sms_often": (
            "这个号码发得太勤（{}）：过一阵再发；上限在短信服务控制台 通用设置 → 国内消息设置 → "
            "发送频率设置",
            "this number was texted too often ({}): wait; the limits are under 通用设置 → "
            "国内消息设置 → 发送频率设置",
        ),
        "sms_words": (
            "这条短信的内容被拒（{}）：到 国内消息 → 模板管理 看变量属性是不是“其他”",
            "the words of this message are refused ({}): make the variables' kind 其他",
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
        from bots.gateway.api import Api  # noqa: PLC0415 - see ChannelSection
        from bots.sms.adapter import ShortMessages  # noqa: PLC0415 - the same
        from bots.sms.aliyun import Aliyun  # noqa: PLC0415 - the same

        account = Aliyun(
            Api("sms", board.http, self.address),
            board.now,
            self.access_key_id,
            self.access_key_secret,
            sign_name=self.sign_name,
            template=self.template,
            template_fields=self.template_fields,
            hook_secret=self.hook_secret,
            door=Api("sms", board.http, board.hook) if board.hook else None,
        )
        return ShortMessages(board, account)
