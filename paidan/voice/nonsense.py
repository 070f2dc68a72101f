"""The last net under a recogniser: what it says when there was nothing to hear.

Silence and noise are kept out before (:mod:`paidan.voice.speech`); a Whisper that hears music or a
murmur nevertheless falls into the subtitles it was trained on, and repeats itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_TAGS: Final = re.compile(r"<\|[^|<>]{0,40}\|>")
_MARKS: Final = re.compile(r"[\W_]+")
_CREDITS: Final = re.compile(
    r"(?:中文)?字幕(?:由|by|制作|志愿|提供|組|组).{0,30}"
    r"|由.{0,12}(?:社区|社群)提供的?字幕"
    r"|(?:中文)?字幕志愿者.{0,12}"
    r"|(?:非常|十分)?(?:谢谢|感谢|多谢)(?:大家|各位|您|你们)?(?:的)?(?:观看|收看|收听|观赏)"
    r"|(?:我们)?下(?:期|集|次)(?:视频|节目)?(?:再见|再会)"
    r"|请?不吝点赞.{0,30}|(?:请)?(?:点赞|订阅|转发|打赏|支持|关注)+.{0,4}(?:频道|栏目|明镜.{0,12})"
    r"|明镜(?:与|需要).{0,16}|优优独播剧场.{0,20}|(?:本)?字幕"
    r"|thank(?:s|you)(?:so|very)?(?:much)?(?:for)?(?:watching|listening)?|(?:please)?subscribe.{0,20}"
    r"|subtitles?by.{0,40}|.{0,12}amaraorg.{0,12}|bye(?:bye)?|you",
    re.IGNORECASE,
)
_TRADITIONAL: Final = str.maketrans(
    "謝觀賞請閱讚贊轉鏡與點欄優獨劇場製願組視頻節見會聽",
    "谢观赏请阅赞赞转镜与点栏优独剧场制愿组视频节见会听",
)
_HUMS: Final = frozenset("嗯呃额啊哦噢唔哎欸诶唉呀吧嘛呢the")
_LOOPS: Final = (re.compile(r"(.{4,16}?)\1{4,}"), re.compile(r"(.{1,3}?)\1{11,}"))
"""A sentence five times over; a word twelve times. 「救命救命救命」 is none."""
_MOSTLY: Final = 0.7
_FEWEST: Final = 2
_LISTED: Final = 3


def sober(words: str, lead: str = "", names: Sequence[str] = ()) -> str:
    """The words, or nothing where they are no words of the speaker's.

    Args:
        words: As recognised.
        lead: The sentence the recogniser was prompted with; its echo is nobody's words.
        names: The names after it; several of them in that order are an echo too.
    """
    said = " ".join(_TAGS.sub("", words).split())
    bare = _bare(said)
    if len(bare) < _FEWEST or set(bare) <= _HUMS:
        return ""
    if _echo(bare, lead, names) or _looping(bare) or _credits(said):
        return ""
    return said


def _bare(text: str) -> str:
    return _MARKS.sub("", text).translate(_TRADITIONAL).lower()


def _echo(bare: str, lead: str, names: Sequence[str]) -> bool:
    if bare in _bare(lead):
        return True
    listed = [_bare(name) for name in names]
    return bare in "".join(listed) and sum(name in bare for name in listed) >= _LISTED


def _credits(said: str) -> bool:
    """Whether nothing but credits is said, with marks and blanks between them or within them."""
    return any(
        all(_CREDITS.fullmatch(bare) for part in re.split(marks, said) if (bare := _bare(part)))
        for marks in (r"$", r"[。！？!?.,，；;]+", r"[。！？!?.,，；;\s]+")
    )


def _looping(bare: str) -> bool:
    """One piece over and over: 「请派人来修请派人来修…」."""
    return any(
        sum(len(found[0]) for found in loop.finditer(bare)) > _MOSTLY * len(bare) for loop in _LOOPS
    )
