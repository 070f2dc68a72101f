"""When: onsets, durations, appointments and deadlines, and what instant they mean.

``find`` marks the words; given the moment of speaking (an aware datetime) each expression is also
normalised to an ISO 8601 instant, or to ``start/end`` where a stretch is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise

from nlp.entities import when
from nlp.entities.numerals import DIGITS, NUMERAL, UNITS, whole
from nlp.entities.span import Span, disjoint, free_of

ROUGH = 0.7
"""How sure a week, a month or its end is a time that matters."""

_DAY = "|".join(sorted(when.DAYS, key=len, reverse=True))
_PART = "|".join(sorted((p for p in when.HOURS if len(p) > 1), key=len, reverse=True))
_COUNT = rf"(?:{NUMERAL}|半|几|十几|好几)"
_WEEK_WORD = "周|星期|礼拜"
_DATE = (
    rf"(?P<day>{_DAY})"
    rf"|(?P<week>上上|下下|上个?|下个?|本|这个?)?(?:{_WEEK_WORD})(?P<weekday>[一二三四五六日天末1-7])"
    rf"|(?:(?P<next_month>上个?|下个?)月|(?P<month>{NUMERAL})月份?)?(?P<date>{NUMERAL})[号日]"
    r"(?![楼线店机桩梯库门房院栋泵台车间塔炉枪柜厅柱])"
    r"|(?P<iso>\d{4}[-/]\d{1,2}[-/]\d{1,2})"
)
_CLOCK = (
    rf"(?P<hour>{NUMERAL})(?::(?P<colon>\d{{2}})"
    rf"|点(?:钟|整)?(?:(?P<half>半)|(?P<quarter>[一三])刻|(?P<minute>{NUMERAL})分?)?)多?"
)
_EDGE = r"(?P<edge>以前|之前|前|以后|之后|后|左右)"
_STARTS = "".join(
    sorted({word[0] for word in (*when.DAYS, *when.HOURS)} | {*DIGITS, *UNITS, *"每上下本这周星礼"})
)
_MOMENT = re.compile(
    rf"(?=[\d{_STARTS}])(?:(?P<each>每天|每晚|每周)的?)?(?:(?:{_DATE})的?\s*)?(?:(?P<part>{_PART})的?\s*)?(?:{_CLOCK})?"
    rf"(?:\s*{_EDGE}(?![面台厅厨门院排边备]))?"
)
_LENGTH = re.compile(
    rf"(?P<ahead>再?过)?(?P<count>{_COUNT})(?:来|多)?(?P<classifier>个)?(?P<half>半)?多?"
    rf"(?P<unit>{'|'.join(when.UNITS)})(?P<and_half>半)?多?"
    r"(?P<side>以前|之前|前|以后|之后|后|以内|之内|内)?"
    r"(?![一二三四五六日末][^一-鿿]|气|空|津|花|台|卡)"
)
_ROUGH = re.compile(
    rf"(?P<which>上上|下下|上个?|下个?|本|这个?)?(?:"
    rf"(?P<weekend>(?:{_WEEK_WORD})(?:末|[六6][、和跟到]?(?:{_WEEK_WORD})?[日天7])(?:两天)?)"
    rf"|(?P<week>{_WEEK_WORD})(?![一二三四五六日天末1-7边围])|(?P<month>月)(?P<tenth>底|初|末|上旬|中旬|下旬|中)?"
    r"|年(?P<year>底|初))"
    r"(?P<edge>以前|之前|前(?![面台厅厨门院排边]))?"
    r"|(?P<bare>[上中下]旬)"
)
_MOMENT_SIGN = re.compile(
    f"[{''.join(sorted({w[-1] for w in (*when.DAYS, *when.HOURS)}))}周星礼号日点:/-]"
)
_LENGTH_SIGN = re.compile("|".join(when.UNITS))
_ROUGH_SIGN = re.compile(f"{_WEEK_WORD}|[月年旬]")
"""What each kind of expression has in it; a text without is not searched for any."""
_NOT_A_LENGTH = frozenset({"一天", "半天", "几天", "一年", "一月", "一周", "天天"})
_BARE_ONE = re.compile(r"[一1]点(?!钟|半|多|整|左右|前|后|以|之|[零一二三四五六七八九十\d])")
_UNTIL = re.compile(r"\s*(?:到|至|~|-|—|–)+\s*")


def find(folded: str, taken: list[Span], at: datetime | None = None) -> list[Span]:
    """Time expressions in folded text; normalised when ``at`` says when it was written."""
    found = list(_moments(folded, at)) if _MOMENT_SIGN.search(folded) else []
    if _LENGTH_SIGN.search(folded):
        found += [
            Span(*hit.span(), 0.75, _said(when.length, hit, at))
            for hit in _LENGTH.finditer(folded)
            if hit[0] not in _NOT_A_LENGTH and _is_length(hit)
        ]
    if _ROUGH_SIGN.search(folded):
        found += [
            Span(*hit.span(), 0.92 if hit["weekend"] else ROUGH, _said(when.rough, hit, at))
            for hit in _ROUGH.finditer(folded)
            if hit["which"] or not (hit["week"] or hit[0] in {"月", "月中"})
        ]
    return disjoint(free_of(found, taken)) if found else []


def normal(words: str, at: datetime | None) -> str | None:
    """What a time expression means, if it is one that can be read."""
    return next((span.normalized for span in find(words, [], at) if span.normalized), None)


def _moments(folded: str, at: datetime | None) -> Iterator[Span]:
    """Days and clock times, two of them joined where one reaches to the other (八点到十点)."""
    hits = [hit for hit in _MOMENT.finditer(folded) if _is_moment(hit, folded)]
    joined = False
    for hit, following in pairwise((*hits, None)):
        assert hit is not None  # noqa: S101  (only what follows the last is None)
        if joined:
            joined = False
            continue
        end = _end(hit)
        if following is not None and _UNTIL.fullmatch(folded, end, following.start()):
            joined = True
            yield Span(hit.start(), _end(following), 0.93, _reach(hit, following, at))
        else:
            yield Span(hit.start(), end, 0.9, _said(when.moment, hit, at))


def _reach(first: re.Match[str], last: re.Match[str], at: datetime | None) -> str | None:
    if at is None:
        return None
    try:
        start, end = when.moment(first, at), when.moment(last, at, first)
        stretch = when.between(start, end) if start and end else None
    except OverflowError:
        return None
    return when.iso(stretch) if stretch else None


def _end(hit: re.Match[str]) -> int:
    return hit.start() + len(hit[0].rstrip(" 的"))


def _is_length(hit: re.Match[str]) -> bool:
    """三个月 is a length, 三月 is not; 半个钟 is, 三点钟 is a clock time."""
    return bool(hit["classifier"]) or hit["unit"] not in {"月", "钟"}


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
    if hit["date"] and not hit["month"] and not hit["next_month"]:
        day = whole(hit["date"])
        told = hit["edge"] or hit["part"]
        return bool(told) and day is not None and 1 <= day <= 31  # noqa: PLR2004
    return bool(named or hit["part"])


def _said(
    meaning: Callable[[re.Match[str], datetime], when.Meaning | None],
    hit: re.Match[str],
    at: datetime | None,
) -> str | None:
    """The meaning as text; nothing when it lies beyond the calendar."""
    try:
        said = None if at is None else meaning(hit, at)
    except (OverflowError, ValueError):
        return None
    return None if said is None else when.iso(said)
