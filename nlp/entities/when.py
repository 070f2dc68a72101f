"""What a time expression means: an instant, or a stretch from one instant to another.

The clock is the writer's (``at``, aware). Days, weeks and months are reckoned on the wall;
minutes and hours as they pass, so that a change of the clocks in between does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from nlp.entities.numerals import DIGITS, whole

Stretch = tuple[datetime, datetime]
Meaning = datetime | Stretch

DAYS: Final[Mapping[str, int]] = {
    word: days
    for days, words in (
        (-3, "大前天"),
        (-2, "前天 前晚 前日"),
        (-1, "昨天 昨日 昨晚 昨夜 昨儿 昨早"),
        (0, "今天 今日 今早 今晨 今晚 今夜 今儿 当天 当晚"),
        (1, "明天 明日 明早 明晚 明儿 明晨 次日"),
        (2, "后天"),
        (3, "大后天"),
    )
    for word in words.split()
}
HOURS: Final[Mapping[str, tuple[int, int]]] = {
    word: hours
    for hours, words in (
        ((0, 6), "凌晨 半夜"),
        ((5, 8), "清晨"),
        ((6, 9), "一大早 一早 早晨 早上 早 晨"),
        ((8, 12), "上午"),
        ((11, 14), "中午"),
        ((12, 15), "午后"),
        ((13, 18), "下午"),
        ((17, 19), "傍晚"),
        ((18, 24), "晚上 晚间 晚"),
        ((20, 24), "夜里 夜间 夜"),
        ((22, 24), "深夜"),
    )
    for word in words.split()
}
UNITS: Final[Mapping[str, timedelta]] = {
    "分钟": timedelta(minutes=1),
    "小时": timedelta(hours=1),
    "钟头": timedelta(hours=1),
    "钟": timedelta(hours=1),
    "天": timedelta(days=1),
    "周": timedelta(weeks=1),
    "星期": timedelta(weeks=1),
    "礼拜": timedelta(weeks=1),
    "月": timedelta(days=30),
    "年": timedelta(days=365),
}
WEEKDAYS: Final = {
    **{"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6, "末": 5},
    **{str(n + 1): n for n in range(7)},
}
_WEEKS: Final = {"上上": -2, "上": -1, "下": 1, "下下": 2}
_NOON: Final = 12
_SMALL_HOURS: Final = 5
_WORKING_DAY_BEGINS: Final = 7
_AFTERNOON: Final = frozenset({"午后", "下午", "傍晚"})
_EVENING: Final = frozenset({"晚上", "晚间", "晚"})
_NIGHT: Final = frozenset({"半夜", "夜里", "夜间", "深夜", "夜"})
_DAY: Final = timedelta(days=1)
_TENTHS: Final[Mapping[str, tuple[int, int]]] = {
    "初": (1, 6), "上旬": (1, 11), "中": (11, 21), "中旬": (11, 21),
    "下旬": (21, 32), "底": (26, 32), "末": (26, 32),
}  # fmt: skip
"""Parts of a month: its first day and the day after its last."""
_LAST_MONTH: Final = 12
_FAR: Final = 20
"""A day of the month farther off than this many days belongs to the month beside."""


def iso(meaning: Meaning) -> str:
    """ISO 8601 to the minute: an instant, or ``start/end``."""
    if isinstance(meaning, datetime):
        return meaning.isoformat(timespec="minutes")
    return "/".join(edge.isoformat(timespec="minutes") for edge in meaning)


def moment(hit: re.Match[str], at: datetime, after: re.Match[str] | None = None) -> Meaning | None:
    """What day, part of day and clock time mean together.

    ``after`` is the expression this one is the end of (八点到十点): what is not said again is
    taken from there, and the time lies after it.
    """
    if hit["each"]:
        return None
    named = _named(hit)
    day = _day(hit, at) if named or after is None else _day(after, at)
    if after is not None and hit["weekday"] and not hit["week"]:
        begun = _day(after, at)
        day = begun + timedelta(days=(day - begun).days % 7) if begun and day else None
    if day is None:
        return None
    part = hit["part"] or _part_of(hit["day"])
    if hit["hour"] is None:
        return _stretch_of_day(hit, day, part, at)
    if after is not None and not named and not part:
        part = after["part"] or _part_of(after["day"])
    return _clock(hit, day, part, at, sure=after is not None)


def between(first: Meaning, last: Meaning) -> Stretch | None:
    """From the beginning of the first to the end of the last; a clock time that would lie before
    the first is one later in the day, or the next morning.
    """
    start = first if isinstance(first, datetime) else first[0]
    end = last if isinstance(last, datetime) else last[1]
    for _ in range(2):
        if end <= start and isinstance(last, datetime):
            end = _sound(end + timedelta(hours=_NOON))
    return (start, end) if start < end else None


def length(hit: re.Match[str], at: datetime) -> Meaning | None:
    """Three hours: since three hours ago; with 前, 后, 内 the instant or the stretch meant."""
    count = 0.5 if hit["count"] == "半" else _about(hit["count"])
    if count is None or count > 1000:  # noqa: PLR2004  (nobody waits that long)
        return None
    unit = UNITS[hit["unit"]]
    span = unit * (count + (0.5 if hit["half"] or hit["and_half"] else 0.0))
    side = hit["side"] or ("后" if hit["ahead"] else "")
    if side.endswith("前"):
        return _shifted(at, -span, unit)
    if side.endswith("后"):
        return _shifted(at, span, unit)
    if side.endswith("内"):
        return at, _shifted(at, span, unit)
    return _shifted(at, -span, unit), at


def rough(hit: re.Match[str], at: datetime) -> Meaning | None:
    """Weeks, weekends, months and their parts, and the end of the year."""
    today = at.date()
    if hit["weekend"] or hit["week"]:
        first = today - timedelta(days=today.weekday())
        first += timedelta(weeks=_WEEKS.get((hit["which"] or "").removesuffix("个"), 0))
        last = first + timedelta(weeks=1)
        first += timedelta(days=5 if hit["weekend"] else 0)
    elif hit["year"]:
        first = date(today.year, _LAST_MONTH if hit["year"] == "底" else 1, 1)
        last = _month_on(first, 1)
    else:
        months = _WEEKS.get((hit["which"] or "").removesuffix("个"), 0)
        month = _month_on(today.replace(day=1), months)
        begins, ends = _TENTHS.get(hit["tenth"] or "", (1, 32))
        following = _month_on(month, 1)
        first = month.replace(day=begins)
        last = min(month + timedelta(days=ends - 1), following)
    start, end = _midnight(first, at), _midnight(last, at)
    if hit["edge"]:
        due = end if hit["tenth"] or hit["year"] or hit["weekend"] else start
        return (at, due) if at < due else (start, end)
    return start, end


def _named(hit: re.Match[str]) -> bool:
    return bool(hit["day"] or hit["weekday"] or hit["date"] or hit["iso"])


def _part_of(day: str | None) -> str:
    return day[-1] if day and day[-1] in "早晚夜晨" else ""


def _stretch_of_day(hit: re.Match[str], day: date, part: str, at: datetime) -> Meaning:
    """A whole day or part of it; with 前 until it begins, if it has not."""
    begins, ends = HOURS.get(part, (0, 24))
    midnight = datetime.combine(day, time(), at.tzinfo)
    start = _sound(midnight + timedelta(hours=begins))
    end = _sound(midnight + timedelta(hours=ends))
    if (hit["weekday"] or "") == "末" and not part:
        end = _midnight(day + 2 * _DAY, at)
    if hit["edge"] in {"前", "之前", "以前"} and at < start:
        return at, start
    return start, end


def _day(hit: re.Match[str], at: datetime) -> date | None:
    today = at.date()
    try:
        if hit["day"]:
            return today + timedelta(days=DAYS[hit["day"]])
        if hit["weekday"]:
            return _weekday(hit, today)
        if hit["iso"]:
            return date.fromisoformat(
                "-".join(f"{int(n):02}" for n in re.split("[-/]", hit["iso"]))
            )
        if hit["date"]:
            return _date(hit, today)
    except ValueError:
        return None
    return today


def _date(hit: re.Match[str], today: date) -> date | None:
    """11月20号, 下个月5号, 20号: the one nearest to today."""
    day = whole(hit["date"])
    if day is None:
        return None
    if hit["month"]:
        month = whole(hit["month"])
        if month is None:
            return None
        near = [date(today.year + years, month, day) for years in (0, 1, -1)]
        return min(near, key=lambda other: abs(other - today))
    first = today.replace(day=1)
    if hit["next_month"]:
        return _month_on(first, _WEEKS[hit["next_month"].removesuffix("个")]).replace(day=day)
    if abs(day - today.day) > _FAR:
        return _month_on(first, 1 if day < today.day else -1).replace(day=day)
    return first.replace(day=day)


def _weekday(hit: re.Match[str], today: date) -> date:
    week = (hit["week"] or "").removesuffix("个")
    monday = today - timedelta(days=today.weekday())
    day = monday + timedelta(weeks=_WEEKS.get(week, 0), days=WEEKDAYS[hit["weekday"]])
    return day + timedelta(weeks=1) if not week and day < today else day


def _clock(
    hit: re.Match[str], day: date, part: str, at: datetime, *, sure: bool
) -> datetime | None:
    """``sure``: the hour is not to be moved to the likelier half of the day."""
    hour = whole(hit["hour"])
    minute = 30 if hit["half"] else 0
    if hit["quarter"]:
        minute = 15 if hit["quarter"] == "一" else 45
    elif hit["minute"] or hit["colon"]:
        minute = whole(hit["minute"] or hit["colon"]) or 0
    if hour is None or minute > 59:  # noqa: PLR2004  (minutes of an hour)
        return None
    midnight = datetime.combine(day, time(), at.tzinfo)
    exact = sure or part or hit["hour"].startswith("0") or not 0 < hour < _NOON
    at_hour = _on_the_24_hour_clock(hour, part)
    said = midnight + timedelta(hours=at_hour, minutes=minute)
    if not exact and _later(said, hour, day, at, hit["edge"]):
        said += timedelta(hours=_NOON)
    return _sound(said)


def _later(said: datetime, hour: int, day: date, at: datetime, edge: str | None) -> bool:
    """Whether a bare 三点 is in the afternoon: deadlines lie ahead, nobody means the small hours
    of another day, and today it is the nearer one, the small hours counting double.
    """
    small = hour < _WORKING_DAY_BEGINS
    if day != at.date():
        return small
    afternoon = said + timedelta(hours=_NOON)
    if edge in {"前", "之前", "以前"}:
        return said < at < afternoon
    return abs(afternoon - at) < abs(said - at) * (2 if small else 1)


def _on_the_24_hour_clock(hour: int, part: str) -> int:
    """昨晚八点 is 20, 昨晚两点 is 26 (the small hours after), 半夜十二点 is 24, 凌晨十二点 is 0."""
    if part in _EVENING:
        return hour + 2 * _NOON if hour < _SMALL_HOURS else hour + _NOON if hour <= _NOON else hour
    if part in _NIGHT:
        return 2 * _NOON if hour == _NOON else hour + _NOON if _SMALL_HOURS < hour < _NOON else hour
    if part == "凌晨":
        return hour % _NOON
    later = (part in _AFTERNOON and hour < _NOON) or (part == "中午" and hour < _SMALL_HOURS)
    return hour + _NOON if later else hour


def _about(count: str) -> int | None:
    """A count; of 两三 (two or three) the greater."""
    values = [DIGITS.get(char) for char in count]
    if len(values) == 2 and None not in values and values[1] == (values[0] or 0) + 1:  # noqa: PLR2004
        return values[1]
    return whole(count)


def _shifted(at: datetime, by: timedelta, unit: timedelta) -> datetime:
    if unit < _DAY:
        return (at.astimezone(UTC) + by).astimezone(at.tzinfo)
    return _sound(at + by)


def _month_on(first: date, months: int) -> date:
    """The first of the month so many months on."""
    number = first.year * _LAST_MONTH + first.month - 1 + months
    return date(number // _LAST_MONTH, number % _LAST_MONTH + 1, 1)


def _midnight(day: date, at: datetime) -> datetime:
    return _sound(datetime.combine(day, time(), at.tzinfo))


def _sound(here: datetime) -> datetime:
    """A wall-clock time that exists: one skipped when the clocks went forward is the hour after."""
    return here.astimezone(UTC).astimezone(here.tzinfo)
