"""Buttons in words: 「接单 7」「转派 7 王工 去不了」, for chats without buttons and quick thumbs.

A message is a command when it starts with a command word and what follows fits; 「完成了吗」 does
not. The number may be short (7), long (WO-20261121-0007) or left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from workflow.errors import InvalidInput
from workflow.records import Facts

STAFF_WORDS: Mapping[str, tuple[str, ...]] = {
    "accept": ("接单", "抢单", "accept", "claim"),
    "decline": ("拒单", "拒接", "decline"),
    "reassign": ("转派", "转单", "reassign"),
    "depart": ("出发", "已出发", "depart"),
    "arrive": ("到场", "已到场", "签到", "arrive"),
    "diagnose": ("诊断", "diagnose"),
    "await_parts": ("待配件", "等配件", "缺件", "parts"),
    "replace_part": ("换件", "更换", "replace"),
    "hold": ("挂起", "hold"),
    "resume": ("恢复", "resume"),
    "complete": ("完成", "完工", "complete"),
    "note": ("备注", "note"),
    "answer": ("回复", "答复", "answer"),
    "take_over": ("接管", "takeover"),
    "extend": ("延长", "extend"),
    "change_priority": ("改优先级", "priority"),
    "correct": ("改类型", "改故障类型", "fault"),
    "supervise": ("督办", "supervise"),
    "is_report": ("是报修", "is a report"),
    "not_report": ("不是报修", "not a report"),
    "cancel": ("取消", "cancel"),
    "broadcast": ("群发答复", "群发", "broadcast"),
    "dismiss_surge": ("不是突发", "no surge"),
    "detach": ("移出", "detach"),
    "resolve_surge": ("母单完成", "resolve"),
    "status": ("进度", "查单", "status"),
    "mine": ("我的单", "我的工单", "my jobs"),
    "on_duty": ("上班", "on duty"),
    "off_duty": ("下班", "off duty"),
    "advise": ("建议", "智能补全", "advise"),
    "knowledge": ("知识", "知识库", "kb"),
    "contacts": ("通讯录", "找谁", "contacts"),
    "presets": ("常用语", "presets"),
    "sign_in": ("登录", "登陆", "控制台", "sign in", "login"),
    "help": ("帮助", "help", "?"),
}
CUSTOMER_WORDS: Mapping[str, tuple[str, ...]] = {
    "confirm_cancel": ("确认取消", "confirm cancel"),
    "cancel": ("取消", "取消报修", "cancel"),
    "keep": ("保留", "不取消", "keep"),
    "nudge": ("催一下", "催办", "催单", "nudge"),
    "sign": ("修好了", "确认修好了", "签字", "验收", "sign"),
    "return_work": ("还没修好", "驳回", "返工", "return"),
    "rate": ("评分", "评价", "rate"),
    "undo_join": ("不是同一处", "不是同一处故障", "撤销合并", "not the same"),
    "book_maintenance": ("预约保养", "预约下次保养", "book maintenance"),
    "self_solve": ("解决了", "已解决", "solved"),
    "self_unsolved": ("还是不行", "没解决", "没有解决", "not solved"),
    "split": ("分开处理", "拆分", "split"),
    "keep_together": ("一起处理", "不用拆", "keep together"),
    "status": ("进度", "查进度", "查单", "我的工单", "我的单", "我的报修", "status", "my orders"),
    "help": ("帮助", "help"),
}
"""What may be typed, by action; the first Chinese word is the one cards show."""

ALONE = frozenset({"mine", "on_duty", "off_duty", "sign_in", "presets", "help"})
"""Words that are a command only when nothing follows."""

OF_NO_ORDER = frozenset({"contacts", "knowledge"})
"""Words followed by words of one's own, but by no work order's number."""

OF_A_CASE = frozenset({"is_report", "not_report"})
"""Words about a message that waits for a person."""

WORDY = frozenset({
    *("decline", "reassign", "diagnose", "await_parts", "replace_part", "hold", "complete"),
    *("note", "answer", "extend", "change_priority", "cancel", "return_work", "rate", "contacts"),
    "knowledge",
    *("broadcast", "dismiss_surge", "detach", "resolve_surge", "correct", "supervise"),
    *("is_report", "not_report"),
})  # fmt: skip
"""Commands that words of one's own may follow."""

_END = r"(?=$|[\s,，。.:：、!！;；])"
_REF = re.compile(
    rf"[#＃]?\s*(?:(?:WO-?)?(\d{{8}})-(\d{{1,6}})|(\d{{1,6}}))(?:号单|号|单)?{_END}", re.IGNORECASE
)
_GAP = re.compile(r"[\s,，。.:：、!！;；]+")
_MINUTES = re.compile(r"(\d{1,5}|半|一|两)\s*(?:个)?\s*(分钟|分|小时|钟头|min|m|h)", re.IGNORECASE)
_WRITTEN = {"半": 0.5, "一": 1.0, "两": 2.0}
_PRIORITY = re.compile(r"P[0-2]", re.IGNORECASE)
_QUANTITY = re.compile(r"[xX×*]\s*(\d{1,3})\s*$|(?<!\d)(\d{1,3})\s*[个只件套块条]\s*$")
_SCORE = re.compile(r"([1-5])\s*[分星]?(?=$|[\s,，。.:：、!！;；])")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A command in words. ``ref`` is the number as it was given, empty when left out."""

    do: str
    ref: str = ""
    rest: str = ""


def parse(
    text: str, words: Mapping[str, tuple[str, ...]], *, addressed: bool = True
) -> Spoken | None:
    """The command that a message is, or None.

    In a group's chatter (not ``addressed``) a command that takes no words must have none, so that
    「出发 大家路上小心」 stays chatter.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    for word, do in _by_length(words):
        if plain[: len(word)].lower() != word:
            continue
        after = plain[len(word) :]
        if addressed and after in {"了", "。", "!", "吧"}:
            after = ""
        if after and not (_GAP.match(after) or (do not in ALONE and _REF.match(after))):
            continue
        return _spoken(do, _GAP.sub("", after, count=1) if _GAP.match(after) else after, addressed)
    return None


def _by_length(words: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """The longest words first: 「确认取消」 before 「取消」."""
    pairs = [(word, do) for do, all_words in words.items() for word in all_words]
    return sorted(pairs, key=lambda pair: -len(pair[0]))


def _spoken(do: str, after: str, addressed: bool) -> Spoken | None:
    if do in ALONE:
        return None if after else Spoken(do)
    if do in OF_NO_ORDER:
        return Spoken(do, rest=after.strip())
    ref, rest = _reference(do, after)
    if rest and not addressed and do not in WORDY:
        return None
    return Spoken(do, ref, rest)


def _reference(do: str, after: str) -> tuple[str, str]:
    found = _REF.match(after)
    if found is None:
        return "", after.strip()
    rest = _GAP.sub("", after[found.end() :], count=1).strip()
    alone = do == "rate" and not _SCORE.match(rest) and found[3] is not None
    if alone and _SCORE.match(after):
        return "", after.strip()
    return _number(found), rest


def _number(found: re.Match[str]) -> str:
    day, serial, short = found.groups()
    return f"WO-{day}-{serial:0>4}" if day else short.lstrip("0") or "0"


def reference(text: str) -> str:
    """The number in a message that is nothing but a number, else empty."""
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _REF.fullmatch(plain)
    return _number(found) if found else ""


def mentioned(text: str) -> str:
    """A work order's number somewhere in a sentence: a full one, or 「7号单」「工单7」."""
    plain = unicodedata.normalize("NFKC", text)
    full = re.search(r"WO-?(\d{8})-(\d{1,6})", plain, re.IGNORECASE)
    if full:
        return f"WO-{full[1]}-{full[2]:0>4}"
    short = re.search(r"(?<!\d)(\d{1,5})\s*号单|(?:工单|单号)\s*[#:]?\s*(\d{1,5})(?!\d)", plain)
    return (short[1] or short[2]).lstrip("0") if short else ""


def args(spoken: Spoken) -> Facts:
    """What the words after the number say, as a button's ``args`` would carry it.

    Raises:
        InvalidInput: ``field`` names what is missing; nothing was done.
    """
    reader = _READERS.get(spoken.do)
    return reader(spoken.rest) if reader else {}


def _reason(rest: str) -> Facts:
    return {"reason": rest}


def _words(rest: str) -> Facts:
    return {"text": rest}


def _reassign(rest: str) -> Facts:
    staff, _, reason = rest.lstrip("@").partition(" ")
    return {"staff": staff, "reason": reason.strip()}


def _part(rest: str) -> Facts:
    many = _QUANTITY.search(rest)
    if many is None:
        return {"part": rest}
    return {"part": rest[: many.start()].strip(), "quantity": int(many[1] or many[2])}


def _extend(rest: str) -> Facts:
    found = _MINUTES.search(rest)
    if found is None:
        raise InvalidInput(field="minutes", found=rest, allowed="30分钟")
    amount = _WRITTEN.get(found[1]) or float(found[1])
    hours = found[2].lower() in {"小时", "钟头", "h"}
    reason = (rest[: found.start()] + " " + rest[found.end() :]).strip(" ,，。:：、")
    return {"minutes": round(amount * (60 if hours else 1)), "reason": reason}


def _priority(rest: str) -> Facts:
    found = _PRIORITY.search(rest)
    if found is None:
        raise InvalidInput(field="priority", found=rest, allowed="P0 / P1 / P2")
    reason = (rest[: found.start()] + " " + rest[found.end() :]).strip(" ,，。:：、")
    return {"priority": found[0].upper(), "reason": reason}


def _fault(rest: str) -> Facts:
    fault, _, reason = rest.partition(" ")
    return {"fault_type": fault.rstrip(",，。"), "reason": reason.strip()}


def _rating(rest: str) -> Facts:
    found = _SCORE.match(rest)
    if found is None:
        raise InvalidInput(field="rating", found=rest, allowed="1–5")
    return {"rating": int(found[1]), "comment": rest[found.end() :].strip(" ,，。:：、")}


_READERS = {
    **dict.fromkeys(
        ("decline", "hold", "cancel", "return_work", "dismiss_surge", "detach"), _reason
    ),
    **dict.fromkeys(("diagnose", "complete", "note", "answer"), _words),
    **dict.fromkeys(("broadcast", "resolve_surge", "supervise"), _words),
    "correct": _fault,
    **dict.fromkeys(("await_parts", "replace_part"), _part),
    "reassign": _reassign,
    "extend": _extend,
    "change_priority": _priority,
    "rate": _rating,
}
