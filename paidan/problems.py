"""What is wrong with a file somebody wrote: where, what stood there, what is allowed.

A :class:`Problem` is facts; :func:`describe` words it in Chinese or English. The same shape serves
``config.yaml``, ``company.yaml`` and imported tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from workflow.errors import InvalidPolicy

SHOWN = 60
"""Longest piece of somebody's text quoted back, in characters."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend.

    ``line`` is 1-based (0: the whole file), ``key`` the path or column name, ``found`` what stood
    there (empty: nothing), ``rule`` a key of :data:`RULES` or
    :data:`SENTENCES`, ``values`` what the rule is about.
    """

    file: str
    line: int
    key: str
    found: str
    rule: str
    values: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """``file:line``, the way editors and terminals jump to."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def allowed(self) -> str:
        """What is allowed instead, in English."""
        return allowed(self)


RULES: Final[dict[str, tuple[str, str]]] = {
    # what should have stood there
    "one_of": ("其中之一：{}", "one of: {}"),
    "known": ("已定义的编号：{}", "an id that exists: {}"),
    "known_key": ("已知的键：{}", "a known key: {}"),
    "required": ("必填内容", "a value (required)"),
    "text": ("一段文字", "text"),
    "lasting": ("时长 {}", "a duration {}"),
    "folder": ("一个文件夹的路径", "the path of a folder"),
    "integer": ("整数 {}", "a whole number {}"),
    "number": ("数字 {}", "a number {}"),
    "yes_no": ("true 或 false", "true or false"),
    "duration": ("时长，如 90s、15m、4h、3d", "a duration such as 90s, 15m, 4h, 3d"),
    "span": ("时段，如 08:30-12:00", "a span such as 08:30-12:00"),
    "wall_time": ("时刻，如 22:00", "a time of day such as 22:00"),
    "day": ("日期，如 2026-10-01", "a date such as 2026-10-01"),
    "week": (
        "mon、tue、wed、thu、fri、sat、sun 或范围 mon-fri，各配时段列表",
        "mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri, each with a list of spans",
    ),
    "target": (
        "时限，如 5m always（全天计时）、8h work（工作时间）、3wd（三个工作日）、next_working_day",
        "a target such as 5m always, 8h work, 3wd (working days), next_working_day",
    ),
    "chat": ("会话，如 sandbox/group:hvac", "a chat such as sandbox/group:hvac"),
    "list": ("列表", "a list"),
    "mapping": ("键和值", "keys with values"),
    "unique": ("不重复的值（第一次出现在第 {} 行）", "a value used once (first on line {})"),
    "once": ("每个键只写一次", "each key once"),
    "zone": ("IANA 时区，如 Asia/Shanghai", "an IANA zone such as Asia/Shanghai"),
    "pattern": ("正则表达式：{}", "a regular expression: {}"),
    "open_time": ("至少一个时段", "at least one span"),
    "members": ("至少一名在册工程师", "at least one active engineer"),
    "no_circle": ("主管不能绕回自己：{}", "supervisors must not lead back: {}"),
    "after_or_percent": ("after 与 percent 二选一", "either after or percent"),
    "known_customer": ("已有的客户编号", "the id of a customer that exists"),
    "handle": ("渠道=账号，如 wecom=WangLei", "channel=user, such as wecom=WangLei"),
    "in_team": ("该班组的工程师：{}", "an engineer of that team: {}"),
    "invalid": ("{}", "{}"),
    "phone": ("11 位手机号或座机号", "an 11-digit mobile or a landline number"),
    "column": ("已知的列名：{}", "a known column: {}"),
    "cells": ("每行 {} 格", "{} cells a row"),
    "tenant": (
        "小写字母、数字、- 或 _，最长 63 个字符",
        "lower-case letters, digits, - or _, at most 63",
    ),
    "database_url": (
        "sqlite:///文件路径 或 postgresql://用户@主机/库名",
        "sqlite:///path or postgresql://user@host/name",
    ),
    "days": ("0（一直留着）或 30–36500 天", "0 (for ever) or 30–36500 days"),
    "long_token": (
        "至少 16 个字符、没有空格的口令",
        "at least 16 characters without blanks",
    ),
    "redis_url": ("redis://主机:端口/库号", "redis://host:port/number"),
    "url": ("http:// 或 https:// 开头的网址", "an address starting with http:// or https://"),
    "word_length": ("{} 个字、前后没有空格的词", "a word of {} characters without blanks around"),
    "device_or_place": (
        "device、fault_type（设备）或 place（地点），两样选一样",
        "either device or fault_type (a device), or place",
    ),
    "secret": ("至少 32 个随机字符", "at least 32 random characters"),
    "not_sample": ("自己的随机密钥，不能用示例", "a random secret of your own, not a sample"),
}

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    # what is wrong with a file as a whole
    "file": ("文件读不了：{}", "the file cannot be read: {}"),
    "size": ("文件太大，最多 {} 个字符", "the file is too long: at most {} characters"),
    "yaml": ("不是正确的 YAML：{}", "this is not well-formed YAML: {}"),
    "no_rows": ("表里没有数据", "the table has no rows"),
    # what is merely unwise
    "nobody_on_duty": (
        "{} 这些时段没有工程师在班：{}；此时来的 P0 会直接找兜底人",
        "{} has no engineer on shift at: {}; a P0 then goes straight to the backup responder",
    ),
    "shadowed": (
        "队列 {} 永远轮不到：前面的 {} 已经全部接走",
        "queue {} never gets anything: {} before it takes it all",
    ),
    "no_catch_all": (
        "没有兜底队列：不合任何队列的工单会进最后一个队列 {}",
        "no queue takes everything: what fits none goes to the last one, {}",
    ),
    "nobody_skilled": (
        "队列 {} 收 {}，但班组里没人会",
        "queue {} takes {}, but nobody of its team has the skill",
    ),
    "unreachable": (
        "{} 没有任何会话，通知到不了",
        "{} has no chat at all and cannot be told anything",
    ),
    "not_in_charge": (
        "{} 是升级对象，但角色是 {}；按钮权限仍按角色",
        "{} is escalated to but is a {}; what they may press follows the role",
    ),
    "known_word": (
        "「{}」大家都当作{}，这里改作{}",
        "{} usually means {}; here it means {}",
    ),
    "weak_phone": (
        "{} 的电话不像电话号码",
        "the phone of {} does not look like a phone number",
    ),
}


class InvalidFile(InvalidPolicy):
    """A file cannot be used. ``problems`` holds every one found; the facts tell the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        self.problems = tuple(problems)
        super().__init__(where=first.where, key=first.key, found=first.found, allowed=first.allowed)


def allowed(problem: Problem, locale: str = "en") -> str:
    """What may stand there, in the reader's language."""
    joined = ("、" if _chinese(locale) else ", ").join(problem.values)
    if problem.rule in SENTENCES:
        return _phrase(SENTENCES[problem.rule], locale).format(*problem.values)
    return _phrase(RULES[problem.rule], locale).format(joined).strip()


def describe(problem: Problem, locale: str = "zh_CN") -> str:
    """One sentence: where, what was found, how to mend it."""
    should = allowed(problem, locale)
    found = problem.found if len(problem.found) <= SHOWN else problem.found[:SHOWN] + "…"
    at = f"{problem.where} {problem.key}".strip()
    if problem.rule in SENTENCES:
        return f"{problem.where}{'：' if _chinese(locale) else ': '}{should}"
    if _chinese(locale):
        what = f"写的是「{found}」" if found else "没有写"
        return f"{at}：{what}，应为{should}"
    what = f"found {found!r}" if found else "found nothing"
    return f"{at}: {what}; expected {should}"


def describe_all(problems: Iterable[Problem], locale: str = "zh_CN") -> str:
    """One problem a line."""
    return "\n".join(describe(problem, locale) for problem in problems)


def _phrase(pair: tuple[str, str], locale: str) -> str:
    return pair[0] if _chinese(locale) else pair[1]


def _chinese(locale: str) -> bool:
    return locale.lower().startswith("zh")
