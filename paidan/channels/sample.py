"""The card that ``paidan channel test`` sends: like a real one, and plainly not one."""

from __future__ import annotations

from datetime import datetime, timedelta

from workflow.records import Action, Button, Card, ChatRef, Outgoing

NUMBER = "WO-00000000-0000"


def sample(tenant: str, to: ChatRef, now: datetime) -> Outgoing:
    """A message with a card; pressing its buttons does nothing, for there is no such work order."""
    card = Card(
        key="sample",
        title=f"{NUMBER} 测试卡片",
        subtitle="P1",
        tone="info",
        fields=(("故障", "这是一张测试卡片，不是真的报修"), ("地点", "3栋2单元1203")),
        steps=(("待接单", "now"), ("处理中", "next"), ("已完成", "next")),
        deadline=now + timedelta(minutes=15),
        deadline_label="首响",
        buttons=(
            Button("接单", Action("accept", "sample"), "primary", command="接单 0"),
            Button("拒单", Action("decline", "sample"), ask="reason", command="拒单 0 原因"),
        ),
        footer="派单 · 渠道测试",
    )
    key = f"sample:{now.timestamp():.0f}"
    return Outgoing(tenant, to, f"{NUMBER} 测试：派单可以在这里说话了。", key, card)
