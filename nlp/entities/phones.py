"""Phone numbers: mobile, landline with extension, service lines, spoken digits, short numbers."""

from __future__ import annotations

import re

from nlp.entities.numerals import DIGITS, digits
from nlp.entities.span import Span, disjoint

_SPOKEN = "".join(DIGITS)
_GAP = r"[- .]?"
_MOBILE = re.compile(rf"(?<!\d)(?:\+?86{_GAP})?(1[3-9]\d(?:{_GAP}\d){{8}})(?!\d)")
_MASKED = re.compile(r"(?<!\d)1[3-9]\d[*x]{4}\d{4}(?!\d)")
_LANDLINE = re.compile(
    rf"(?<![\da-z])(?:\(0[1-9]\d{{1,2}}\){_GAP}|0[1-9]\d{{1,2}}{_GAP})[2-9]\d{{2,3}}{_GAP}\d{{4}}(?!\d)"
    r"(?:(?:-|转|分机|ext\.?|#| 转 ?)\d{1,6})?"
)
_SERVICE = re.compile(r"(?<!\d)[48]00(?:[- ]?\d{3,4}[- ]?\d{3,4}|\d[- ]\d{3}[- ]\d{3})(?!\d)")
_SPOKEN_MOBILE = re.compile(
    rf"(?<![{_SPOKEN}\d])[幺一1][三四五六七八九3-9](?:[ ,，、]?[{_SPOKEN}\d]){{9}}(?![{_SPOKEN}\d])"
)
_SPOKEN_LANDLINE = re.compile(
    rf"(?<![{_SPOKEN}\d])[零〇][一幺二两三四五六七八九](?:[ ,，、]?[{_SPOKEN}]){{8,10}}"
    rf"(?![{_SPOKEN}\d])"
)
_CONTACT = (
    r"(?:电话|手机|联系|号码|短号|内线|分机|座机|固话|回电|打我|拨打|tel|call|phone|微信同号)"
)
_DEAD = "打不|没声|不通|拨不|坏|接不|响|无声|注册"
"""The number is that of a telephone out of order, not one to ring."""
_NEAR_CONTACT = re.compile(
    rf"{_CONTACT}[^\d{_SPOKEN}\n]{{0,6}}?(?<!\d)(\d{{7,8}}(?:(?:-|转)\d{{1,6}})?|\d{{3,6}})(?!\d)"
    rf"(?!\s*(?:次|遍|分|个|号楼|栋|楼|层|室|块|元|天|点|{_DEAD}))"
)
_SHORT = re.compile(
    rf"(?:短号|内线|分机)[:：是 ]{{0,2}}(\d{{3,6}})(?!\d)(?!\s*(?:{_DEAD}))"
    rf"|(?<![\da-z])(\d{{3,6}})(?:短号|内线|分机)(?!.{{0,3}}(?:{_DEAD}))"
)
_TO_RING = re.compile(
    r"(?:打|拨|转|呼)(?:我|到|给)?\s*(?<!\d)(\d{7,8}|\d{4,6})(?!\d)(?!\s*(?:次|遍|分|个|块|元|天|转|度|瓦|多))"
)
"""「打 8034 找我」「转8802」: a guess that the tagger has to confirm."""
_BARE = re.compile(r"(?<!\d)\d{7,8}(?:(?:-|转)\d{1,6})?(?!\d)")
_SIGN = re.compile(r"\d{3}|[幺一1零〇][一幺二两三四五六七八九\d]")
"""Without this there is no number to call: most messages have none."""
_NOT_A_CONTACT = frozenset({"110", "119", "120", "122", "12345", "12315", "10086", "10000", "10010",
                            "315", "95598", "96333"})  # fmt: skip
_EXTENSION = re.compile(r"(?:转|分机|ext\.?|#)\s*")


def find(folded: str, *, asked: bool = False) -> list[Span]:
    """Phone numbers in folded text, normalised to digits, extension after a dash.

    ``asked`` means we have just asked for a phone: then seven or eight bare digits are one.
    """
    if not _SIGN.search(folded):
        return []
    found = [Span(*hit.span(), 0.99, _only_digits(hit[1])) for hit in _MOBILE.finditer(folded)]
    found += [Span(*hit.span(), 0.9) for hit in _MASKED.finditer(folded)]
    found += [Span(*hit.span(), 0.97, normal(hit[0])) for hit in _LANDLINE.finditer(folded)]
    found += [Span(*hit.span(), 0.95, _only_digits(hit[0])) for hit in _SERVICE.finditer(folded)]
    found += [
        Span(*hit.span(), 0.93, _only_digits(digits(hit[0])))
        for pattern in (_SPOKEN_MOBILE, _SPOKEN_LANDLINE)
        for hit in pattern.finditer(folded)
    ]
    found += [
        Span(*hit.span(1), 0.75, normal(hit[1]))
        for hit in _NEAR_CONTACT.finditer(folded)
        if hit[1] not in _NOT_A_CONTACT
    ]
    found += [
        Span(*hit.span(hit.lastindex or 0), 0.93, hit[hit.lastindex or 0])
        for hit in _SHORT.finditer(folded)
    ]
    found += [Span(*hit.span(1), 0.6, hit[1]) for hit in _TO_RING.finditer(folded)]
    if asked:
        found += [Span(*hit.span(), 0.8, normal(hit[0])) for hit in _BARE.finditer(folded)]
    return disjoint(found)


def _only_digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def normal(text: str) -> str:
    """Digits only (spoken ones too), the extension after a dash."""
    text = digits(text)
    number, *extension = _EXTENSION.split(text, maxsplit=1)
    if not extension and number.count("-") > 1:
        number, _, tail = number.rpartition("-")
        extension = [tail]
    plain = _only_digits(number)
    return f"{plain}-{_only_digits(extension[0])}" if extension else plain
