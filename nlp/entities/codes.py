"""Serial numbers and error codes: both are letters and digits, told apart by the words before."""

from __future__ import annotations

import re

from nlp.entities.span import Span, disjoint, free_of

_SYMBOLS = r"[a-z0-9](?:[a-z0-9]|[-_/.#](?=[a-z0-9])){1,29}"
_IS = r"(?:编号|编码|号码|码|号)?(?:是|为)?[:：#\s]*"
_SERIAL_CONTEXT = re.compile(
    r"(?:序列号|序列|设备号|设备编码|设备|资产号|资产|编号|编码|桩号|桩|终端号|终端|机号|机器号|机身号|账号|帐号|工号"
    r"|表号|户号|柜号|枪号|梯号|电梯号|注册代码|点位|商户号|站点号|门店号|出厂号|机台号|机台|位号|尾号|后四位|标签"
    rf"|(?<![a-z])s/?n|(?<![a-z])imei|(?<![a-z])id|(?<![a-z])no\.?){_IS}(?<![a-z0-9])({_SYMBOLS})(?![a-z0-9台个次条遍家])"
)
_SERIAL_SHAPE = re.compile(
    r"(?<![a-z0-9])((?=[a-z0-9_/-]{5,30}(?![a-z0-9]))[a-z]{1,6}[a-z0-9]*(?:[-_][a-z0-9]+)*\d[a-z0-9]*"
    r"(?:[-_/][a-z0-9]+)*|\d{2,6}(?:[-_]\d{2,6}){1,2})(?![a-z0-9])"
)
_NOT_A_SERIAL_BEFORE = re.compile(
    r"(?:型号|规格|单号|工单|报|报错|提示|显示|代码|故障码|错误码|错误|密码|版本|楼|栋|座|wifi|win|电话|手机)[:：是为\s]*$"
)
_OUR_NUMBER = re.compile(r"wo-?\d{6,8}-\d+")
_TICKET = re.compile(r"[345]g|wo-\d{6,8}-\d+|\d{4}-\d{1,2}-\d{1,2}")
_ENOUGH_DIGITS = 3
_DIGIT = re.compile(r"\d")
_SHOWN_SIGN = re.compile(r"[a-z#\d]")

_CODE = (
    r"(?:0x[0-9a-f]{2,8}"
    r"|(?:err?|error|fault|al|alm|srvo|sc|code|[a-z]{1,3})[-. ]?\d{1,4}(?:[-.]\d{1,3})?[a-z]?"
    r"|\d{2,4}(?:[.-]\d{1,3})?|[a-z]\s?[零一二三四五六七八九]{1,3}|oc|ol|ov|uv|hh|lu|los)"
)
_NOT_A_UNIT = (
    r"(?![a-z0-9]|\s*(?:度|℃|个|次|遍|天|年|月|块|元|分|秒|小时|点|号|台|楼|层|栋|座|室|倍|米|公里|多|几|%|人|家|w|v|a"
    r"|kw|hz|bar|mpa|ppm|兆|斤|吨|公斤|毫))"
)
_CODE_CONTEXT = re.compile(
    r"(?:故障代码|错误代码|报警代码|故障码|错误码|报警码|代码|报错|报警|报故障|报|显示|提示|屏显|错误|故障|跳出|跳|闪|出现|返回|弹)"
    r"(?:了|是|为|着|个|一个|说|代码|码|错误|故障|异常|[:：“\"'「\s])*(?<![a-z0-9])"
    rf"({_CODE}){_NOT_A_UNIT}"
)
_SHOWN = re.compile(
    r"(?:代码|应答码|报错|报警|报|显示|提示|屏上|写着?|跳出|闪|返回|弹)"
    r"(?:了|是|为|着|说|[:：“\"'「\s])*(?<![a-z0-9])"
    r"([a-z#][a-z#!]{1,20}(?:[ _-][a-z0-9][a-z0-9.]{0,12}){0,3}|-\d{3,6})(?![a-z0-9])"
)
"""Words and numbers on a screen; whether they name the fault is for the tagger to say."""
_CODE_SHAPE = re.compile(
    r"(?<![a-z0-9-])"
    r"(0x[0-9a-f]{2,8}|(?:err?|error|f|p|u|h|al|alm|srvo)[-. ]?\d{1,4}|e[-. ]?\d{1,3})"
    r"(?![a-z0-9-]|\s*(?:座|楼|栋|区|口|层|车位|店|号|室|排|馆|厅|门|柱|桩|枪|级|度))"
)


def tickets(folded: str) -> list[Span]:
    """Numbers of our own work orders: they name no device."""
    return [Span(*hit.span(), 1.0) for hit in _OUR_NUMBER.finditer(folded)]


def of_company(folded: str, pattern: re.Pattern[str]) -> list[Span]:
    """Numbers of the company's own shape; the whole match counts."""
    return disjoint(Span(*hit.span(), 0.97, normal(hit[0])) for hit in pattern.finditer(folded))


def serials(folded: str, taken: list[Span]) -> list[Span]:
    """Device, asset, pile or account numbers, normalised to upper case without blanks."""
    if not _DIGIT.search(folded):
        return []
    found = [
        Span(*hit.span(1), 0.9, hit[1].upper())
        for hit in _SERIAL_CONTEXT.finditer(folded)
        if any(char.isdigit() for char in hit[1]) and not _TICKET.fullmatch(hit[1])
    ]
    for hit in _SERIAL_SHAPE.finditer(folded):
        enough = sum(char.isdigit() for char in hit[1]) >= _ENOUGH_DIGITS
        before = folded[max(0, hit.start() - 6) : hit.start()]
        if enough and not _NOT_A_SERIAL_BEFORE.search(before) and not _TICKET.match(hit[1]):
            found.append(Span(*hit.span(1), 0.6, hit[1].upper()))
    return disjoint(free_of(found, taken))


def error_codes(folded: str, taken: list[Span]) -> list[Span]:
    """Alarm and error codes as shown or spoken, normalised to upper case without separators."""
    if not _SHOWN_SIGN.search(folded):
        return []
    found = [Span(*hit.span(1), 0.9, normal(hit[1])) for hit in _CODE_CONTEXT.finditer(folded)]
    found += [Span(*hit.span(1), 0.7, normal(hit[1])) for hit in _CODE_SHAPE.finditer(folded)]
    found += [Span(*hit.span(1), 0.5, normal(hit[1])) for hit in _SHOWN.finditer(folded)]
    return disjoint(free_of(found, taken))


def normal(text: str) -> str:
    """A code as it is compared: upper case without separators."""
    return re.sub(r"[\s.]", "", text).upper()
