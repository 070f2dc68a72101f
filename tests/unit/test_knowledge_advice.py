"""What past repairs advise: parts, money, time and wording, and nothing that nobody wrote."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workflow.knowledge import Repair, Spread, advise, amounts, wordings

AT = datetime(2026, 11, 1, tzinfo=UTC)


def repair(number: int, resolution: str = "", minutes: float | None = None, **parts: int) -> Repair:
    return Repair(
        f"o{number}", f"WO-{number}", "空调不冷", AT, resolution, tuple(parts.items()),
        minutes=minutes,
    )  # fmt: skip


def test_nothing_known_advises_nothing() -> None:
    advice = advise([])
    assert (advice.parts, advice.wordings, advice.minutes, advice.cost) == ((), (), None, None)


def test_parts_are_counted_over_repairs_and_pieces_in_the_middle() -> None:
    advice = advise([repair(1, 电容=1), repair(2, 电容=3, 氟=2), repair(3, 电容=1)])
    assert advice.parts == (("电容", 1, 3), ("氟", 2, 1))


def test_time_is_that_on_site_and_moments_do_not_count() -> None:
    advice = advise([repair(1, minutes=30), repair(2, minutes=90), repair(3, minutes=0.2)])
    assert advice.minutes == Spread(30, 60, 90)


def test_cost_is_what_was_written_down() -> None:
    advice = advise(
        [repair(1, "换电容，收费 120 元"), repair(2, "加氟"), repair(3, "配件200元人工80元")]
    )
    assert advice.cost == Spread(120, 200, 280)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("收费 120 元", [120]),
        ("共 35.5元", [35.5]),
        ("80块", [80]),
        ("更换元件 3 个", []),
        ("2 单元 3 元件", []),
        ("12 度，20 次", []),
    ],
)
def test_amounts(text: str, found: list[float]) -> None:
    assert amounts(text) == found


def test_wordings_are_different_and_few() -> None:
    said = ["换电容", "换电容", "", "  加氟 ", "清洗", "调试"]
    assert wordings(said) == ("换电容", "加氟", "清洗")
