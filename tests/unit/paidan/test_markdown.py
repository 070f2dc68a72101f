"""Articles in Markdown are rows of the same table, and mistakes are named by the heading's line."""

from __future__ import annotations

from paidan.markdown import read_markdown
from paidan.problems import describe

TWO = """<!-- 前言不算 -->

# 充电桩报 E07

- 编号: e07
- 问法: 扫码失败；蓝牙超时
- 错误码: E07
- 故障类型: 充电桩

1. 关掉蓝牙
2. 重新扫码

## 还不行

拔枪再插

# 门禁卡刷不开
- 自助: 否

贴住两秒
"""


def test_each_heading_is_an_article() -> None:
    result = read_markdown(TWO)
    assert result.errors == ()
    first, second = [dict(row.values) for row in result.rows]
    assert first["id"] == "e07"
    assert first["asks"] == ("扫码失败", "蓝牙超时")
    assert first["codes"] == ("E07",)
    assert first["fault_types"] == ("ev_charger",)
    assert first["steps"] == "1. 关掉蓝牙\n2. 重新扫码\n\n## 还不行\n\n拔枪再插"
    assert second["title"] == "门禁卡刷不开"
    assert second["self_service"] is False
    assert second["steps"] == "贴住两秒"


def test_the_same_heading_is_the_same_article() -> None:
    (one,) = read_markdown("# 门禁卡刷不开\n\n贴住两秒").rows
    (again,) = read_markdown("# 门禁卡刷不开\n\n换一张卡").rows
    assert one.id == again.id


def test_what_is_wrong_is_named_by_its_line() -> None:
    text = "# 一\n\n步骤\n\n# 二\n- 故障类型: 飞船\n\n步骤\n\n# 三\n"
    errors = [describe(error) for error in read_markdown(text, "k.md").errors]
    assert len(errors) == 2
    assert errors[0].startswith("k.md:5 fault_types")
    assert errors[1].startswith("k.md:10 steps")
    (empty,) = read_markdown("没有标题", "k.md").errors
    assert empty.rule == "no_rows"
