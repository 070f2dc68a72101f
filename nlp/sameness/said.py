"""One report as it is compared: its words, the things, places and numbers it names, its cues."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from nlp import lexicon
from nlp.text import fold
from workflow.joining.claims import Words, read
from workflow.joining.places import folded

_NOISE = re.compile(r"[\W_]+")
_NUMBER = re.compile(
    r"[A-Z]{0,4}[-.]?\d+(?:[-.:]?[A-Z]?\d+)*[A-Z]?(?![A-Z])|(?<![A-Z])[A-Z](?![A-Z])"
)
_MEASURE = re.compile(
    r"\s*(?:元|块钱?|万|度|PPM|%|℃|个?小时|个?钟|分钟?|秒|天|年|个?月|周|号?晚|点|米|斤|吨|多?个人|人"
    r"|次|遍|回|MB|GB|KV?W?|[VWA]\b|KG|MM|CM|公斤|倍|折|份|单|位|条|张|岁|公分|寸|MPA)"
)
_SURNAME = re.compile(
    r"我?姓([\u4e00-\u9fff])|([\u4e00-\u9fff])(?:先生|女士|小姐|老师|阿姨|大爷|总|经理|店长|主任|太太"
    r"|工(?=[家办那的]))|老([\u4e00-\u9fff])家"
)
_SPELT = re.compile(r"[零〇洞一幺二两三四五六七八九]{3,}")
_SPELT_DIGITS = str.maketrans("零〇洞一幺二两三四五六七八九", "00011223456789")
_PHONE = re.compile(r"(?<!\d)1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?!\d)")
_PAST = "刚|才|昨天|前天|上午|早上|上次|上周|上月|上个月|年初|前几天|前两天|前阵"
_MENDED = "修|换|弄|搞|处理|维修|通|清|调|补|焊|装|加"
_CUE = {
    name: re.compile(pattern)
    for name, pattern in {
        "repaired": (
            rf"(?:{_MENDED})(?:完|好|过|了|掉)+|(?:{_PAST}).{{0,6}}(?:{_MENDED}|来)"
            r"|师傅.{0,6}(?:走|来过|刚|才)|好了(?:没|不到|才|几|两|一)"
            r"|没(?:几|两|三|多|过|用|撑|到).{0,3}(?:天|久|小时|周)|复发|老毛病|返修|反复|白修|没修好"
        ),
        "again": r"又",
        "once_more": r"再次|再一次|第[二三四五2345]次|老是|还是老|同样",
        "still": r"还是|还在|还没|仍|依然|依旧|还不|还坏|还漏|到现在|一直",
        "chase": (
            r"催|什么时候|几点|来了没|来没来|到哪|多久|快点|没人(?:来|管|理|接)|人呢|[怎咋]么?还|有没有人"
            r"|派人|师傅呢|在路上|等了|等着|赶紧|到底|报过|报修过|刚才(?:报|说|发)|说的那|刚报|进度"
            r"|安排|处理了吗|有人(?:来|管|接)|几遍|几次|问一下|回个|还要等|能来"
        ),
        "another": (
            r"另[一外]|别的|旁边|隔壁|还有[一1][台个部]|其他|换成|这[回次]|对面|同款|一样的问题"
            r"|也[是不坏没漏黑断有出]|我[家们]也"
        ),
        "also": r"也",
        "whole": (
            r"整[栋层个座幢条片站排列楼套店]|全[楼栋店厂层站部都体线区校院]|全公司|全小区|所有"
            r"|都[没不断停黑用连坏离]|每[个台户家层]|一片|大面积|[好几][几]?[家户台个]"
        ),
        "single": r"我[家屋房]|我这[台屋间]|我工位|我电脑|就我|只有|单单|[1一][台户间个]|这台|某",
        "before": r"昨天|前天|上周|上个?月|上次|前几天|去年|年初",
        "fixed": r"好了|恢复|正常了|没事了",
        "corrects": r"打错|[说写看]错|更正|口误|看反|弄错|搞错|(?:抱歉|不好意思|对不起).{0,8}是",
        "above": r"楼[上下]|天花|顶上|头顶",
    }.items()
}
CUES = tuple(_CUE)
"""Turns of phrase that bear on whether a report is news: repaired before, again, chasing, another
one, the whole building, a correction of the last message, water from above …
"""


class Said(NamedTuple):
    """A report, read.

    ``text`` is folded, in capitals, counted numerals as digits; ``plain`` the same without
    punctuation. ``slots`` are what :mod:`workflow.joining` reads. ``numbers`` are those that count
    or measure nothing, each with the character after it; ``things`` the device words of the
    lexicon, ``kinds`` their fault types, ``wrongs`` the kinds of its symptoms.
    """

    text: str
    plain: str
    slots: Words
    numbers: frozenset[tuple[str, str]]
    things: frozenset[str]
    kinds: frozenset[str]
    wrongs: frozenset[str]
    people: frozenset[str]
    phones: frozenset[str]
    cues: frozenset[str]


@lru_cache(maxsize=4096)
def hear(text: str) -> Said:
    """Read a report as it was written."""
    words = lexicon.shipped()
    meant = words.meant(fold(text))
    meant = _SPELT.sub(lambda run: run[0].translate(_SPELT_DIGITS), meant)
    shown = folded(meant)
    devices = words.devices(meant)
    phones = frozenset(_NOISE.sub("", found[0]) for found in _PHONE.finditer(shown))
    bare = _PHONE.sub(" ", shown)
    return Said(
        text=shown,
        plain=_NOISE.sub("", shown),
        slots=read(meant),
        numbers=frozenset(_numbers(bare)),
        things=frozenset(meant[d.start : d.end] for d in devices if d.strength != "topic"),
        kinds=frozenset(d.fault_type for d in devices),
        wrongs=frozenset(symptom.kind for symptom in words.symptoms(meant)),
        people=frozenset(next(filter(None, found.groups())) for found in _SURNAME.finditer(meant)),
        phones=phones,
        cues=frozenset(name for name, pattern in _CUE.items() if pattern.search(shown)),
    )


def _numbers(text: str) -> list[tuple[str, str]]:
    return [
        (_NOISE.sub("", found[0]), text[found.end() : found.end() + 1])
        for found in _NUMBER.finditer(text)
        if not _MEASURE.match(text, found.end())
    ]
