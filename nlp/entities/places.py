"""Where it is: indoor places by a grammar of pieces, joined into the smallest naming phrase.

A phrase is a run of pieces with nothing (or 的, a blank, a dash) between them: a named place
(万达广场), building parts (3号楼 2单元 1203), rooms (客厅, 机房), sides (东侧).
"""

from __future__ import annotations

import re

from nlp import sections
from nlp.entities.numerals import DIGITS, NUMERAL, UNITS, whole
from nlp.entities.span import Span, disjoint, free_of
from nlp.lexicon import FOLDER, Words, alternation

_WORDS = sections.words(FOLDER / "places.txt")


def _one_of(section: str) -> str:
    return alternation(_WORDS[section]).pattern


_HAN = "".join(DIGITS) + "".join(UNITS)
_NUMBER = rf"(?:[a-z]?\d{{1,5}}[a-z]?|[a-z]{{1,2}}|[{_HAN}]{{1,4}})"
_BLANK = r"(?:(?<=[\da-z号]) )?"
"""Some write 3 栋 2 单元 with a blank after every number."""
_FLOOR = (
    rf"(?:地下|负|b){NUMERAL}(?:层|楼)?|-\d(?:层|楼)|{NUMERAL}{_BLANK}(?:f(?![a-z])|楼|层)半?"
    r"|(?:顶|底)(?:楼|层)"
)
_NUMBERED = (
    rf"第?{_NUMBER}(?:#|号)?{_BLANK}(?:楼栋|楼|栋|幢|座|单元|号楼|号院|号房|号厅|号店|号库|号门|室|号线|号车间"
    r"|车间|产线|线(?!路|缆)|分厂|仓|期|区|排|车位|工位|卡座|包厢|包间|号桌|窗口|站台|号机房|弄|巷"
    r"|塔楼|塔|(?<=\d)户)"
)
_HYPHEN = (
    r"(?<![\d-])\d{1,3}(?:#|栋|号楼|幢|座)?[-—]\d{1,4}(?:[-—]\d{1,5}){0,2}(?![\d-])"
    r"|(?<!\d)\d{1,3}#楼?|(?<![a-z0-9])[a-z]\d?-\d{3,4}(?!\d)"
)
_ROOM_NUMBER = r"(?:(?<=[楼栋元层座幢])|(?<=[楼栋元层座幢] ))\d{2,5}(?:室|房|户)?(?!\d)"
_SIDE = (
    r"(?:东南|西南|东北|西北|东|西|南|北|左|右|中)(?:侧|区|边|面|头|角|部|塔|楼|厅|院区?|通道)"
    r"|(?:靠窗|靠墙|靠门|最里面?|最后)(?:(?:那|一|这)(?:排|边|头|台)|)"
)
_COUNTED = rf"(?:{NUMERAL}|几|所有|全部)(?:个|家)(?:门店|店|车间|网点|站点|楼层)"
_PIECE = (
    rf"(?:{_COUNTED}|{_FLOOR}|{_HYPHEN}|{_NUMBERED}|{_ROOM_NUMBER}"
    rf"|(?:男|女|大|小|老|新|{NUMERAL}号?)?(?:{_one_of('room')})|{_SIDE})"
)
_NOT_IN_NAME = (
    r"的了是在我你您他她们到去从把被这那有没不也都就请来给和跟用家里想要让说看下上址"
    r"，,。！!？?:：;；、\s（(）)\"“”"
)
_NAMED = rf"[^{_NOT_IN_NAME}\d]{{2,7}}(?:{_one_of('named')}|(?={NUMERAL}期)|路\d+号)(?:\d+号)?"
_PHRASE = re.compile(
    rf"(?<![a-z0-9])(?:{_NAMED})?{_PIECE}(?:[的\s,，/-]?{_PIECE})*"
    rf"(?:{NUMERAL}号?(?![\d一-鿿a-z]))?"
)
_STORE = re.compile(rf"(?<![一-鿿])[^{_NOT_IN_NAME}\da-z]{{2,8}}(?:{_one_of('named')})(?![一-鿿])")
_NAMED_WORDS = Words(_WORDS["named"])
_A_PIECE = re.compile(_PIECE)
_NOT_A_PLACE = re.compile("|".join(_WORDS["not_a_place"]))
_ANSWER = re.compile(
    r"\s*(?:我?们?(?:就?在|的?地址是?|位置是?)[:： ]*)?([^\s，,。!！?？]{2,20}?)[的。.!！呢\s]*"
)
_NUMBER_INSIDE = re.compile(rf"[{_HAN}]+")
_JOINTS = re.compile(r"[的\s,，/]")


def find(folded: str, taken: list[Span], *, asked: bool = False) -> list[Span]:
    """Places in folded text, normalised: Arabic numbers, upper case, no joints.

    ``asked`` means we have just asked where: then a short answer is a place as a whole.
    """
    found = []
    if _A_PIECE.search(folded):
        found = [
            Span(*hit.span(), 0.8, normal(hit[0]))
            for hit in _PHRASE.finditer(folded)
            if not _NOT_A_PLACE.fullmatch(hit[0])
        ]
    if _NAMED_WORDS.find(folded):
        found += [Span(*hit.span(), 0.6, normal(hit[0])) for hit in _STORE.finditer(folded)]
    if asked and (said := answer(folded)):
        found.append(said)
    return disjoint(free_of(found, taken))


def answer(folded: str) -> Span | None:
    """A short answer to 「在哪儿」: all of it, without 「我在」 and 「的」."""
    said = _ANSWER.fullmatch(folded)
    return Span(*said.span(1), 0.9, normal(said[1])) if said else None


def normal(place: str) -> str:
    """The place as it is compared: 三号楼 二单元 and 3号楼2单元 are the same."""
    arabic = _NUMBER_INSIDE.sub(_arabic, place)
    return _JOINTS.sub("", arabic).upper().replace("幢", "栋").replace("#", "号")


def _arabic(found: re.Match[str]) -> str:
    number = whole(found[0])
    return str(number) if number else found[0]
