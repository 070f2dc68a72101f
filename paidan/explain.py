"""``paidan explain``: every interval a work order's clocks counted or did not, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from workflow import automation, clocks
from workflow.company import Company
from workflow.policy import Policy
from workflow.work_order import WorkOrder

NAMES = {"first_response": "首次响应", "arrival": "到场", "resolution": "解决"}
REASONS = {
    "working": "工作时间",
    "lunch_or_off_hours": "午休或下班",
    "weekend": "周末",
    "pause:awaiting_info": "等待补充信息",
    "pause:awaiting_acceptance": "等待客户验收",
}


def readings(
    order: WorkOrder, company: Company, policy: Policy, now: datetime
) -> list[clocks.ClockReading]:
    """The three clocks as they stand."""
    known = automation.calendars(company)
    return [clocks.read(n, order.marks, policy.clocks, known, now) for n in clocks.CLOCKS]


def reason(code: str, policy: Policy) -> str:
    """An interval's reason in words."""
    if code in REASONS:
        return REASONS[code]
    if code.startswith("holiday:"):
        return f"法定假日 {code.removeprefix('holiday:')}"
    held = code.removeprefix("pause:")
    return next((f"挂起:{r.label}" for r in policy.hold_reasons if r.code == held), code)


def words(amount: timedelta) -> str:
    """A duration as people say it, to the second."""
    sign, total = ("-" if amount < timedelta(0) else ""), abs(int(amount.total_seconds()))
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{hours} 小时" if hours else "", f"{minutes} 分" if minutes else ""]
    parts.append(f"{seconds} 秒" if seconds or not total else "")
    return sign + " ".join(part for part in parts if part)


def text(order: WorkOrder, company: Company, policy: Policy, now: datetime) -> str:
    """The whole account, one clock after the other; counted intervals sum to what was used."""
    zone = ZoneInfo(company.tz)

    def local(at: datetime) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    lines = [f"{order.number}  {order.priority}  规则版本 {policy.version}  时区 {company.tz}"]
    for reading in readings(order, company, policy, now):
        lines += ["", f"【{NAMES[reading.name]}】{_verdict(reading, local)}"]
        for part in reading.intervals:
            mark = "计时" if part.counted else "不计"
            span = words(part.end - part.start)
            why = reason(part.why, policy)
            lines.append(
                f"  {mark}  {local(part.start)} → {local(part.end)}  {span}  {part.priority}  {why}"
            )
        extended = f" + 延长 {words(reading.extensions)}" if reading.extensions else ""
        lines.append(
            f"  合计 {words(reading.counted)}；时限 {words(reading.target)}{extended}；"
            f"剩余 {words(reading.remaining)}"
        )
        if reading.missing_years:
            years = "、".join(map(str, reading.missing_years))
            lines.append(f"  注意：节假日表没有 {years} 年，按周一至周五计算")
    return "\n".join(lines)


def _verdict(reading: clocks.ClockReading, say: Callable[[datetime], str]) -> str:
    if reading.stopped is not None:
        kept = "超时" if reading.breached_at else "按时"
        return f"已于 {say(reading.stopped)} 停止，{kept}"
    if reading.paused:
        due = reading.deadline_if_resumed_now
        return f"暂停中；现在恢复则 {say(due)} 到期" if due else "暂停中"
    if reading.breached_at is not None:
        return f"已于 {say(reading.breached_at)} 超时"
    return f"{say(reading.deadline)} 到期" if reading.deadline else "没有时限"
