"""What a company's rules promise that no account of ours can do."""

from __future__ import annotations

from collections.abc import Iterator

from paidan.channels import Channels
from paidan.channels.section import Words
from workflow.policy import Policy


def lacking(policy: Policy, channels: Channels) -> Iterator[Words]:
    """One warning, in two languages, for the rules that want short messages without an account."""
    wanted = [f"policy.ladder {rung.id}" for rung in policy.ladder if rung.sms]
    wanted += ["policy.notices"] if policy.notices.sms else []
    if wanted and not channels.sms.on:
        where = "、".join(wanted)
        yield (
            f"公司文件里 {where} 写了 sms: true，可是没有短信账号，一条也发不出去；"
            "在 config.yaml 的 channels.sms 填上账号（见 docs/how-to/sms.md），或者去掉 sms: true",
            f"sms: true stands at {where}, but there is no account for short messages, so none "
            "will be sent; fill in channels.sms in config.yaml (see docs/how-to/sms.md), or take "
            "sms: true out",
        )
