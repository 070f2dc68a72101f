"""What times mean at the edges: months, years, zones, clocks that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.entities import times

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = st.sampled_from(
    [ZoneInfo(z) for z in ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Asia/Kathmandu")]
)
MOMENTS = st.builds(
    lambda minutes, zone: (
        datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ).astimezone(zone),
    st.integers(0, 8 * 366 * 24 * 60),
    ZONES,
)
PHRASES = (
    "昨天下午三点",
    "今天",
    "明早九点",
    "后天上午",
    "大前天",
    "周一",
    "下周一上午",
    "上周三",
    "周末",
    "周六日",
    "这个月",
    "下个月",
    "上个月",
    "月底前",
    "月初",
    "年底",
    "半小时前",
    "两小时后",
    "三天",
    "三天后",
    "一周内",
    "两三天",
    "一个半小时",
    "今晚八点到十点",
    "晚上十点到早上六点",
    "周一到周五",
    "11月20号",
    "2月29号",
    "31号前",
    "下个月5号",
    "2026-03-01",
    "14:30",
    "三点",
    "五点前",
    "凌晨两点",
    "半夜十二点",
    "昨晚两点",
    "下旬",
    "上旬",
    "过半小时",
    "9点到11点",
)


def meant(words: str, at: datetime) -> tuple[datetime, datetime] | None:
    said = times.normal(words, at)
    if said is None:
        return None
    start, _, end = said.partition("/")
    return datetime.fromisoformat(start), datetime.fromisoformat(end or start)


@given(MOMENTS, st.sampled_from(PHRASES))
def test_whatever_is_meant_is_a_real_time_of_the_zone_and_ends_after_it_begins(
    at: datetime, words: str
) -> None:
    stretch = meant(words, at)
    if stretch is None:
        assert words in {"2月29号", "31号前"}
        return
    assert stretch[0] <= stretch[1]
    for edge in stretch:
        there = edge.astimezone(at.tzinfo)
        assert there.utcoffset() == edge.utcoffset()


@given(MOMENTS)
def test_days_are_days_of_the_zone(at: datetime) -> None:
    tomorrow = meant("明天", at)
    assert tomorrow is not None
    assert tomorrow[0].date() == at.date() + timedelta(days=1)
    assert tomorrow[1].date() == at.date() + timedelta(days=2)


@given(MOMENTS, st.integers(1, 72))
def test_hours_pass_as_they_do(at: datetime, hours: int) -> None:
    ago = meant(f"{hours}小时前", at)
    assert ago is not None
    passed = at.astimezone(UTC) - ago[0].astimezone(UTC)
    assert abs(passed - timedelta(hours=hours)) < timedelta(minutes=1)


@given(MOMENTS)
def test_the_end_of_the_month_is_in_this_month(at: datetime) -> None:
    due = meant("月底前", at)
    assert due is not None
    assert due[1].date().day == 1
    assert due[1].date() - timedelta(days=1) >= at.date()
    assert (due[1] - timedelta(hours=12)).month == at.month


@pytest.mark.parametrize(
    ("at", "words", "day"),
    [
        (datetime(2026, 12, 30, 9, tzinfo=SHANGHAI), "1月3号", date(2027, 1, 3)),
        (datetime(2027, 1, 2, 9, tzinfo=SHANGHAI), "12月30号", date(2026, 12, 30)),
        (datetime(2026, 11, 30, 9, tzinfo=SHANGHAI), "2号前", date(2026, 12, 2)),
        (datetime(2026, 12, 2, 9, tzinfo=SHANGHAI), "29号上午", date(2026, 11, 29)),
        (datetime(2026, 12, 31, 9, tzinfo=SHANGHAI), "下个月5号", date(2027, 1, 5)),
        (datetime(2026, 1, 31, 9, tzinfo=SHANGHAI), "明天", date(2026, 2, 1)),
        (datetime(2028, 2, 28, 9, tzinfo=SHANGHAI), "明天", date(2028, 2, 29)),
        (datetime(2026, 12, 31, 23, 50, tzinfo=SHANGHAI), "明早九点", date(2027, 1, 1)),
    ],
)
def test_dates_lie_near(at: datetime, words: str, day: date) -> None:
    stretch = meant(words, at)
    assert stretch is not None
    assert stretch[1 if words.endswith("前") else 0].date() == day


def test_today_is_the_writers_today() -> None:
    """Half past seven in the morning of the 19th in Shanghai is still the 18th in London."""
    at = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)
    assert times.normal("今天下午三点", at.astimezone(SHANGHAI)) == "2026-11-19T15:00+08:00"


def test_an_hour_that_the_clocks_skip_is_the_one_after() -> None:
    at = datetime(2026, 3, 7, 12, tzinfo=ZoneInfo("America/New_York"))
    assert times.normal("明天凌晨两点半", at) == "2026-03-08T03:30-04:00"


def test_days_count_on_the_wall_across_a_change_of_clocks() -> None:
    at = datetime(2026, 3, 9, 9, tzinfo=ZoneInfo("America/New_York"))
    assert times.normal("三天", at) == "2026-03-06T09:00-05:00/2026-03-09T09:00-04:00"
