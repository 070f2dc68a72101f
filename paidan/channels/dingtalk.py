"""The account of a DingTalk application's robot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from paidan.channels.section import ChannelSection, Section, Words

if TYPE_CHECKING:
    from bots.gateway.adapter import Adapter, Switchboard


class GroupRobot(Section):
    """A group's own robot (自定义机器人), which can call people: its token and secret."""

    token: str = Field(repr=False)
    secret: str = Field(default="", repr=False)


class DingTalk(ChannelSection):
    """From open-dev.dingtalk.com, 应用开发 → the application → 凭证与基础信息. ``mode``: ``stream``
    needs no public address, ``http`` does. ``template`` is the id of the card template,
    ``robots`` are groups' own robots by conversation id.
    """

    client_id: str = ""
    client_secret: str = Field(default="", repr=False)
    robot_code: str = ""
    mode: Literal["stream", "http"] = "stream"
    template: str = ""
    robots: dict[str, GroupRobot] = Field(default_factory=dict)
    address: str = Field(default="https://api.dingtalk.com", pattern=r"^https?://[^\s/]+$")
    old_address: str = Field(default="https://oapi.dingtalk.com", pattern=r"^https?://[^\s/]+$")

    words: ClassVar[Mapping[str, Words]] = {
        "dingtalk_token": (
            "钉钉的 Client ID 和 Client Secret 可用",
            "client id and secret are good",
        ),
        "dingtalk_stream": ("Stream 连得上", "the stream can be opened"),
        "dingtalk_refused": (
            "钉钉拒绝了：{}；到开发者后台核对 凭证与基础信息，并确认应用已发布、权限已开通",
            "DingTalk refused: {}; check 凭证与基础信息, that the application is published and its "
            "permissions are granted",
        ),
        "dingtalk_permitted": (
            "能发消息、取附件、更新卡片的权限都有",
            "the permissions to speak, to fetch attachments and to show cards are there",
        ),
        "dingtalk_permission": (
            "应用缺权限点 {}：打开 {} 申请（或 开发者后台 → 该应用 → 权限管理 里搜它），"
            "开通后到 版本管理与发布 重新发布",
            "the application lacks {}: apply at {} (or look it up under 权限管理), then publish it "
            "again under 版本管理与发布",
        ),
        "dingtalk_address": (
            "出口 IP {} 不在白名单里：到 开发者后台 → 该应用 → 安全设置 → 服务器出口IP 加上它",
            "our outgoing address {} is not allowed: add it under 安全设置 → 服务器出口IP of the "
            "application",
        ),
        "dingtalk_robot": (
            "机器人用不了（{}）：到 开发者后台 → 该应用 → 机器人 打开机器人能力，"
            "把 RobotCode 填进 channels.dingtalk.robot_code，再发布应用",
            "the robot cannot be used ({}): turn it on under 机器人, give its RobotCode in "
            "channels.dingtalk.robot_code and publish the application",
        ),
        "dingtalk_no_template": (
            "没有卡片模板，也没有 http.public_url：消息只有文字和回复指令。"
            "到 卡片平台 新建模板，变量：{}",
            "no card template and no http.public_url: messages are words and text commands. The "
            "template's variables: {}",
        ),
        "dingtalk_linked": (
            "没有卡片模板：按钮是网页链接，卡片不会原地更新。到 卡片平台 新建模板，变量：{}",
            "no card template: buttons are links, and cards stay as they were sent. The template's "
            "variables: {}",
        ),
        "dingtalk_robot_gone": (
            "群 {} 的自定义机器人发不出（{}）：310000 是安全设置不对（只选「加签」，密钥填对；"
            "关键词、IP 段会拦住通知），400102 是被停用，300001、400101、400106 是被删了，"
            "400013 是群解散了。改好前由应用机器人代发，@ 不到人",
            "the own robot of group {} is refused ({}): 310000 means its security settings (choose "
            "only the signature), 400102 that it is switched off, 300001, 400101 or 400106 that it "
            "is gone, 400013 that the group is. Until then the application's robot speaks instead, "
            "calling nobody",
        ),
        "dingtalk_no_robots": (
            "没有群自定义机器人：会话过期（90 分钟没人 @ 机器人）后群里 @ 不到人；"
            "在 channels.dingtalk.robots 里按群填 token",
            "no groups' own robots: 90 minutes after the last message nobody in a group can be "
            "called by words; give their tokens in channels.dingtalk.robots",
        ),
    }

    @property
    @override
    def on(self) -> bool:
        return bool(self.client_id and self.client_secret)

    @property
    @override
    def called(self) -> bool:
        return self.mode == "http"

    @override
    def open(self, board: Switchboard) -> Adapter:
        from bots.dingtalk.adapter import DingTalk as App  # noqa: PLC0415 - see ChannelSection
        from bots.dingtalk.robots import Robot  # noqa: PLC0415

        return App(
            board,
            self.client_id,
            self.client_secret,
            robot=self.robot_code,
            template=self.template,
            stream=self.mode == "stream",
            robots={name: Robot(r.token, r.secret) for name, r in self.robots.items()},
            address=self.address,
            old_address=self.old_address,
        )
