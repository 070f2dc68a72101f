"""When: onsets, durations, appointments and deadlines, and what instant they mean.

``find`` marks the words; given the moment of speaking (an aware datetime) each expression is also
normalised to an ISO 8601 instant, or to ``start/end`` where a stretch is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from nlp.entities.numerals import DIGITS, NUMERAL, UNITS, whole
from nlp.entities.span import Span, disjoint, free_of

_DAYS: Final[Mapping[str, int]] = {
    word: days
    for days, words in (
        (-3, "大前天"),
        (-2, "前天 前晚"),
        (-1, "昨天 昨日 昨晚 昨夜 昨儿 昨早"),
        (0, "今天 今日 今早 今晨 今晚 今夜 今儿 当天 当晚"),
        (1, "明天 明日 明早 明晚 明儿"),
        (2, "后天"),
        (3, "大后天"),
    )
    for word in words.split()
}
_HOURS: Final[Mapping[str, tuple[int, int]]] = {
    word: hours
    for hours, words in (
        ((0, 6), "凌晨 半夜"),
        ((5, 8), "清晨"),
        ((6, 9), "一大早 一早 早晨 早上 早"),
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
_WEEKDAYS: Final = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6, "末": 5}
_WEEKDAYS_DIGIT: Final = {str(n + 1): n for n in range(7)}

_DAY = "|".join(sorted(_DAYS, key=len, reverse=True))
_PART = "|".join(sorted((p for p in _HOURS if len(p) > 1), key=len, reverse=True))
_COUNT = rf"(?:{NUMERAL}|半|几|十几|好几)"
_DATE = (
    rf"(?P<day>{_DAY})"
    r"|(?P<week>上上|上个?|下个?|本|这个?)?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天末1-7])"
    rf"|(?:(?P<month>{NUMERAL})月份?)?(?P<date>{NUMERAL})[号日]"
    r"(?![楼线店机桩梯库门房院栋泵台车间塔炉枪柜厅柱])"
    r"|(?P<iso>\d{4}-\d{1,2}-\d{1,2})"
)
_CLOCK = (
    rf"(?P<hour>{NUMERAL})(?::(?P<colon>\d{{2}})"
    rf"|点(?:钟|整)?(?:(?P<half>半)|(?P<quarter>[一三])刻|(?P<minute>{NUMERAL})分?)?)多?"
)
_EDGE = r"(?P<edge>以前|之前|前|以后|之后|后|左右)"
_STARTS = "".join(sorted({word[0] for word in (*_DAYS, *_HOURS)} | {*DIGITS, *UNITS}))
_MOMENT = re.compile(
    rf"(?=[\d每上下本这周星礼{_STARTS}])(?:(?P<each>每天|每晚|每周)的?)?(?:(?:{_DATE})的?\s*)?(?:(?P<part>{_PART})的?\s*)?(?:{_CLOCK})?"
    rf"(?:\s*{_EDGE}(?![面台厅厨门院排边备]))?"
)
_UNITS: Final[Mapping[str, timedelta]] = {
    "分钟": timedelta(minutes=1),
    "小时": timedelta(hours=1),
    "钟头": timedelta(hours=1),
    "天": timedelta(days=1),
    "周": timedelta(weeks=1),
    "星期": timedelta(weeks=1),
    "礼拜": timedelta(weeks=1),
    "月": timedelta(days=30),
    "年": timedelta(days=365),
}
_LENGTH = re.compile(
    rf"(?P<count>{_COUNT})(?:来|多)?(?P<classifier>个)?(?P<half>半)?多?"
    rf"(?P<unit>{'|'.join(_UNITS)})(?P<and_half>半)?多?"
    r"(?P<side>以前|之前|前|以后|之后|后|以内|之内|内)?"
    r"(?![一二三四五六日末][^一-鿿]|气|空|津|花|台|卡)"
)
_RELATIVE = re.compile(
    r"(?:上个?|下个?|本|这个?)(?:周|星期|礼拜|月)(?![一二三四五六日天末1-7])"
    r"|月底|月初|年底|月末|周末|上旬|下旬"
)
_NOT_A_LENGTH = frozenset({"一天", "半天", "几天", "一年", "一月", "一周", "天天"})
_BARE_ONE = re.compile(r"[一1]点(?!钟|半|多|整|左右|前|后|以|之|[零一二三四五六七八九十\d])")
_NOON: Final = 12
_SMALL_HOURS: Final = 5
_AFTERNOON: Final = frozenset({"午后", "下午", "傍晚"})
_EVENING: Final = frozenset({"晚上", "晚间", "晚"})
_NIGHT: Final = frozenset({"半夜", "夜里", "夜间", "深夜", "夜"})


def find(folded: str, taken: list[Span], at: datetime | None = None) -> list[Span]:
    """Time expressions in folded text; normalised when ``at`` says when it was written."""
    found = [
        Span(*_trimmed(hit), 0.9, _within_calendar(_iso, hit, at))
        for hit in _MOMENT.finditer(folded)
        if _is_moment(hit, folded)
    ]
    found += [
        Span(*hit.span(), 0.75, _within_calendar(_stretch, hit, at))
        for hit in _LENGTH.finditer(folded)
        if hit[0] not in _NOT_A_LENGTH and (hit["classifier"] or hit["unit"] != "月")
    ]
    found += [Span(*hit.span(), 0.7) for hit in _RELATIVE.finditer(folded)]
    return disjoint(free_of(found, taken))


def _trimmed(hit: re.Match[str]) -> tuple[int, int]:
    text = hit[0].rstrip(" 的")
    return hit.start(), hit.start() + len(text)


def _is_moment(hit: re.Match[str], folded: str) -> bool:
    named = hit["day"] or hit["weekday"] or hit["date"] or hit["iso"]
    if hit["hour"]:
        hour = whole(hit["hour"])
        if hour is None or hour > 24:  # noqa: PLR2004  (hours of a day)
            return False
        if not named and not hit["part"]:
            before = folded[max(0, hit.start("hour") - 1) : hit.start("hour")]
            return not (before in "有差快早晚慢" and before) and not _BARE_ONE.match(hit[0])
        return True
    if hit["date"] and not hit["month"]:
        day = whole(hit["date"])
        return hit["edge"] is not None and day is not None and 1 <= day <= 31  # noqa: PLR2004
    return bool(named or hit["part"])


def _within_calendar(
    meaning: Callable[[re.Match[str], datetime], str | None],
    hit: re.Match[str],
    at: datetime | None,
) -> str | None:
    try:
        return None if at is None else meaning(hit, at)
    except OverflowError:
        return None


def _iso(hit: re.Match[str], at: datetime) -> str | None:
    if hit["each"]:
        return None
    day = _day(hit, at)
    if day is None:
        return None
    part = hit["part"] or _part_of(hit["day"])
    if hit["hour"]:
        moment = _clock(hit, day, part, at)
        return None if moment is None else moment.isoformat(timespec="minutes")
    first, last = _HOURS.get(part, (0, 24))
    midnight = datetime.combine(day, time(), at.tzinfo)
    start, end = midnight + timedelta(hours=first), midnight + timedelta(hours=last)
    return f"{start.isoformat(timespec='minutes')}/{end.isoformat(timespec='minutes')}"


def _part_of(day: str | None) -> str:
    return day[-1] if day and day[-1] in "早晚夜" else ""


def _day(hit: re.Match[str], at: datetime) -> date | None:
    today = at.date()
    try:
        if hit["day"]:
            return today + timedelta(days=_DAYS[hit["day"]])
        if hit["weekday"]:
            return _weekday(hit, today)
        if hit["iso"]:
            return date.fromisoformat("-".join(f"{int(n):02}" for n in hit["iso"].split("-")))
        if hit["date"]:
            month = whole(hit["month"]) if hit["month"] else today.month
            day = whole(hit["date"])
            return None if month is None or day is None else date(today.year, month, day)
    except ValueError:
        return None
    return today


def _weekday(hit: re.Match[str], today: date) -> date:
    number = {**_WEEKDAYS, **_WEEKDAYS_DIGIT}[hit["weekday"]]
    week = (hit["week"] or "").removesuffix("个")
    monday = today - timedelta(days=today.weekday())
    weeks = {"上上": -2, "上": -1, "下": 1}.get(week, 0)
    day = monday + timedelta(weeks=weeks, days=number)
    return day + timedelta(weeks=1) if not week and day < today else day


def _clock(hit: re.Match[str], day: date, part: str, at: datetime) -> datetime | None:
    hour = whole(hit["hour"])
    minute = 30 if hit["half"] else 0
    if hit["quarter"]:
        minute = 15 if hit["quarter"] == "一" else 45
    elif hit["minute"] or hit["colon"]:
        minute = whole(hit["minute"] or hit["colon"]) or 0
    if hour is None or minute > 59:  # noqa: PLR2004  (minutes of an hour)
        return None
    moment = datetime.combine(day, time(), at.tzinfo) + timedelta(
        hours=_on_the_24_hour_clock(hour, part), minutes=minute
    )
    due = hit["edge"] in {"前", "之前", "以前"} and not part and hour < _NOON
    return moment + timedelta(hours=_NOON) if due and moment < at and day == at.date() else moment


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


def _stretch(hit: re.Match[str], at: datetime) -> str | None:
    count = 0.5 if hit["count"] == "半" else whole(hit["count"])
    if count is None or count > 1000:  # noqa: PLR2004  (nobody waits that long)
        return None
    more = 0.5 if hit["half"] or hit["and_half"] else 0.0
    length = _UNITS[hit["unit"]] * (count + more)
    side = hit["side"] or ""
    now = at.isoformat(timespec="minutes")
    if side.endswith("前"):
        return (at - length).isoformat(timespec="minutes")
    if side.endswith("后"):
        return (at + length).isoformat(timespec="minutes")
    if side.endswith("内"):
        return f"{now}/{(at + length).isoformat(timespec='minutes')}"
    return f"{(at - length).isoformat(timespec='minutes')}/{now}"
