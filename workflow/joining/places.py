"""Where a report speaks of: buildings, units, floors, rooms, spots, numbered things, names.

Chinese reports write one place in many ways (3栋2单元501室, 三号楼二单元 501, 3-2-501). A
:data:`Place` holds the parts in one form, so that two reports can be compared part by part. What
is not said is not there: nothing is guessed beyond the floor that a room number implies.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
    "幺": 1,
    "洞": 0,
}
_UNITS = {"十": 10, "百": 100}
_COUNTED = "栋座幢号单层楼室房户线期区门台个盏排梯桩库车"
_NUMERAL = re.compile(
    rf"(负)?([零〇一二三四五六七八九十百两幺]+)(?=\s*(?:[{_COUNTED}]|#))|负([一二三四])"
)

_BUILDING = re.compile(
    r"(?<![A-Z0-9])([A-Z]?\d{1,3}|[A-Z]|[东西南北])\s*(?:号楼|号栋|栋|幢|#楼|座(?![位椅机垫]))"
)
_UNIT = re.compile(r"(?<!\d)(\d{1,2})\s*单元")
_FLOOR = re.compile(
    r"(?<![A-Z0-9.])(负|地下|B|-)?\s*(\d{1,2})\s*(?:楼(?!道|梯|栋)|层|F(?![A-Z0-9]))"
)
_BASEMENT = re.compile(r"(?<![A-Z0-9])(?:B([1-4])(?![A-Z0-9栋座幢])|负(\d))")
_CELLAR = re.compile(r"地下室|地库|地下(?!\d)")
_DASHED = re.compile(r"(?<![\dA-Z-])(\d{1,2})-(?:(\d{1,2})-)?(\d{3,4})(?![\d-])")
_ROOM = re.compile(
    r"(?<![A-Z0-9.\-/])([1-9]\d{2,3})\s*"
    r"(?:室|房|号房|户|包间|包厢|包房|住户|客人|客房|病房|教室|(?![A-Z0-9.\-/%元块度个次点年月号台米斤瓦伏安人]))"
)
_NOT_A_ROOM = re.compile(
    r"(?:[A-Z]|错误|代码|故障码|报|码|提示|工号|尾号|编号|卡号|型号|分机)\s*[::]?$"
)
_FLOOR_ROOM = re.compile(
    r"(?<![A-Z0-9.])(\d{1,2})\s*[楼层]\s*(\d{2})(?=\s*(?:号?[室户房]|寝室|病房|包间|[^\d\s号栋]|$))"
)
_LINE = re.compile(r"(\d{1,2}|[A-Z])\s*号?(?:产线|线体|生产线|流水线|线(?![路缆上下圈槽管头]))")
_PHASE = re.compile(r"(\d)\s*期")
_AREA = re.compile(r"(?<![A-Z])([A-Z]|(?<!\d)\d{1,2})\s*区")
_QUARTER = re.compile(r"([东西南北])\s*区")
_GATE = re.compile(r"([东西南北前后侧])\s*(大?门)(?!禁|锁|铃|窗)|([东西南北])\s*侧?出?入口")
_SIDE = re.compile(r"(左|右)(?:手?边|侧|面|手)|(东|西|南|北)(?:边|侧|面|头)")
_GENDER = re.compile(r"([男女])\s*(?:厕|卫|士?洗手间|士?卫生间|更衣室|浴室)")
_NTH = re.compile(r"第\s*(\d{1,3})\s*[个台盏间排根扇]|(?:从)?([左右])数第(\d)")
_ORDINAL = re.compile(
    r"(?<![A-Z0-9月.\-])([A-Z]?\d{1,4}|[A-Z])\s*(?:号|#)(?!楼|栋|房|线|产线|上门|来|前|晚|早|下午|上午|之前|开始)"
)
_NUMBERED = re.compile(r"(?<![A-Z0-9.\-])([A-Z]?\d{1,2})\s*(?:梯|桩|库(?!存)|车间|电梯|机位)")
_NAMED = re.compile(
    r"([\u4e00-\u9fff]{1,6}?)(分店|门店|店|园区|小区|花园|商场|广场|校区|医院|公寓|大厦|工厂|停车场|中学|小学|支行|苑|公馆|天街|新村|家园)"
)
_NO_NAME = re.compile(
    r".*(?:我们|咱们|你们|他们|这边|那边|这里|那里|这个|那个|整个|的|在|是|有|去|到|从|和|了|说|报|请|快|您好|你好)"
)
_SPOTS = """
大门 大厅 大堂 门厅 前台 会议室 办公室 食堂 餐厅 后厨 厨房 机房 泵房 配电房 锅炉房 监控室 值班室
保安室 车库 停车场 车棚 仓库 车间 走廊 过道 楼道 楼梯 天台 屋顶 楼顶 电梯厅 客厅 主卧 次卧 卧室
书房 阳台 卫生间 洗手间 厕所 浴室 茶水间 收银台 收银处 展厅 包间 教室 实验室 宿舍 更衣室 花园 广场
泳池 健身房 手术室 病房 护士站 门诊 药房 冷库 档案室 大棚 围墙 绿化带 人行道 消防通道
"""
_SPOT = re.compile(rf"([大小]?)({'|'.join(sorted(_SPOTS.split(), key=len, reverse=True))})")
_SAME_SPOT = {
    "洗手间": "卫生间",
    "厕所": "卫生间",
    "门厅": "大厅",
    "大堂": "大厅",
    "过道": "走廊",
    "楼道": "走廊",
    "收银处": "收银台",
    "楼顶": "屋顶",
    "天台": "屋顶",
    "后厨": "厨房",
}


_COMMON = """
厅 走廊 卫生间 楼梯 会议室 办公室 客厅 主卧 次卧 卧室 书房 阳台 浴室 厨房 教室 包间 宿舍 病房
"""
EVERYWHERE = frozenset(_COMMON.split())
"""Spots, without 大 or 小, that every house has: alone they say nothing of where."""

Place = Mapping[str, frozenset[str]]
"""The named parts of a place, coarse to fine, each with one value or several. ``number`` are
numbered things: 2 for 2号梯, A317 for A0317号桩.
"""

PARTS: Final = (
    "name",
    "area",
    "building",
    "unit",
    "floor",
    "room",
    "line",
    "gate",
    "side",
    "gender",
    "spot",
    "number",
)
"""The parts a place may have, coarse to fine."""


def place_key(text: str) -> tuple[str, ...]:
    """The parts of a place as comparable words, coarse to fine.

    ``3栋2单元501室``, ``三号楼二单元501`` and ``3-2-501`` all give
    ``("building:3", "unit:2", "floor:5", "room:501")``.
    """
    return tuple(f"{part}:{value}" for part, vs in parse(text).items() for value in sorted(vs))


def folded(text: str) -> str:
    """Half-width, upper case, counted numerals as digits: how places are read."""
    return _NUMERAL.sub(_arabic, unicodedata.normalize("NFKC", text).upper())


def without_spots(text: str) -> str:
    """A folded text without 大堂, 机房, 走廊 and the like."""
    return _SPOT.sub(" ", text)


@lru_cache(maxsize=4096)
def parse(text: str) -> Place:
    """All places a text speaks of."""
    scan = _Scan(folded(text))
    scan.take("room", _DASHED, _dashed(scan))
    scan.take("building", _BUILDING)
    scan.take("unit", _UNIT)
    scan.take("room", _FLOOR_ROOM, lambda m: m[1] + m[2])
    scan.take("line", _LINE)
    scan.take("area", _AREA)
    scan.take("area", _QUARTER)
    scan.take("area", _PHASE, lambda m: f"{m[1]}期")
    scan.take("gate", _GATE, lambda m: m[1] or m[3])
    scan.take("side", _SIDE, lambda m: m[1] or m[2])
    scan.take("gender", _GENDER)
    scan.take("number", _NTH, lambda m: m[1] or m[2] + m[3])
    scan.take("number", _NUMBERED, lambda m: _plain(m[1]))
    scan.take("number", _ORDINAL, lambda m: _plain(m[1]))
    scan.take("floor", _FLOOR, lambda m: f"-{m[2]}" if m[1] else m[2])
    scan.take("floor", _BASEMENT, lambda m: f"-{m[1] or m[2]}")
    scan.take("floor", _CELLAR, lambda _: "" if scan.found["floor"] else "-1")
    scan.take("room", _ROOM, scan.room)
    scan.take("name", _NAMED, _name)
    scan.take("spot", _SPOT, lambda m: m[1] + _SAME_SPOT.get(m[2], m[2]))
    return scan.place()


class _Scan:
    """A text from which one pattern after another takes its matches away."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[str, set[str]] = {part: set() for part in PARTS}

    def take(
        self,
        part: str,
        pattern: re.Pattern[str],
        value: Callable[[re.Match[str]], str] = lambda m: m[1],
    ) -> None:
        """Note the value of each match and blank it out; an empty value leaves it in."""

        def note(match: re.Match[str]) -> str:
            said = value(match)
            if not said:
                return match[0]
            self.found[part].add(said)
            return " " * len(match[0])

        self.text = pattern.sub(note, self.text)

    def room(self, match: re.Match[str]) -> str:
        """A bare number is a room unless the words before it say otherwise."""
        return "" if _NOT_A_ROOM.search(match.string[: match.start()]) else match[1]

    def place(self) -> Place:
        """The parts found; a room implies its floor where none was named."""
        if not self.found["floor"]:
            self.found["floor"] = {str(int(room[:-2])) for room in self.found["room"]}
        return {part: frozenset(values) for part, values in self.found.items() if values}


def _dashed(scan: _Scan) -> Callable[[re.Match[str]], str]:
    """3-2-501 and 3-501: building, unit, room."""

    def split(match: re.Match[str]) -> str:
        scan.found["building"].add(match[1])
        if match[2]:
            scan.found["unit"].add(match[2])
        return match[3]

    return split


def _name(match: re.Match[str]) -> str:
    """A name of two characters or more, without the words that lead up to it; shops say so."""
    name = _NO_NAME.sub("", match[1])
    shop = "店" if match[2].endswith("店") else ""
    return name + shop if len(name) > 1 else ""


def _plain(number: str) -> str:
    """Without leading zeros, which people leave out; letters stay."""
    letters = number.rstrip("0123456789")
    digits = number[len(letters) :]
    return letters + (digits.lstrip("0") or digits[:1])


def _arabic(match: re.Match[str]) -> str:
    sign, run, below = match[1], match[2], match[3]
    if below:
        return f"负{_DIGITS[below]}"
    return ("负" if sign else "") + _number(run)


def _number(run: str) -> str:
    """十二 → 12, 一二零八 → 1208, 两百零一 → 201."""
    if not any(c in _UNITS for c in run):
        return "".join(str(_DIGITS[c]) for c in run)
    total, digit = 0, 0
    for c in run:
        if c in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[c], 0
        else:
            digit = _DIGITS[c]
    return str(total + digit)
