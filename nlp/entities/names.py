"""The customer's contact person: 我姓周, 联系人王建国, 李女士. Technicians are not meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from nlp import sections
from nlp.entities.span import Span, disjoint, free_of
from nlp.lexicon import FOLDER, Words, alternation


class _Late:
    """A pattern compiled when first used; it costs tens of milliseconds with all surnames in it."""

    def __init__(self, source: str) -> None:
        self._source = source

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self._source)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """As the pattern's own."""
        return self._pattern.finditer(text)


_WORDS = sections.words(FOLDER / "names.txt")
_GIVEN = rf"(?![{''.join(_WORDS['not_given'])}])[一-鿿]"
_SURNAME, _TITLE, _SURE_TITLE, _WORK_TITLE = (
    alternation(_WORDS[section]).pattern
    for section in ("surname", "title", "sure_title", "work_title")
)
_TITLED = _Late(
    rf"(?<![一-鿿])({_SURNAME}{_TITLE}|{_SURNAME}[一-鿿]{_SURE_TITLE})|(?<=[是叫找系人的])({_SURNAME}{_TITLE})"
    rf"|({_SURNAME}{_SURE_TITLE})"
)
_TITLE_WORDS = Words([*_WORDS["title"], *_WORDS["sure_title"], *_WORDS["work_title"]])
_SURNAME_WORDS = Words(_WORDS["surname"])
_ANY_TITLE = _Late(f"{_TITLE}|{_WORK_TITLE}")
_INTRODUCTION = re.compile("[叫找]|我是|联系|收件|报修人|业主|租户|本人")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_SURNAME_ONLY = _Late(rf"(?:我|免贵|本人|联系人|业主)?姓({_SURNAME})(?![一-鿿]?[名氏]|的)")
_INTRODUCED = _Late(
    r"(?:我叫|我是|联系人|联系|收件人|报修人|业主|租户|找|叫|本人)[:：是叫为 ]*"
    rf"({_SURNAME}(?:{_GIVEN}){{1,2}})(?![一-鿿])"
)
_BEFORE_PHONE = _Late(
    rf"(?<![一-鿿])({_SURNAME}(?:{_GIVEN}){{1,2}})[ ,，:：]*(?:电话|手机)?[:： ]*(?=1[3-9]\d{{9}})"
)
_FOR_CONTACT = _Late(rf"(?:联系人?|找|我是)[:：是 ]*({_SURNAME}[一-鿿]{{0,2}}?{_WORK_TITLE})")


def find(folded: str, taken: list[Span]) -> list[Span]:
    """Names as written, a surname alone allowed; the title belongs to the name."""
    found: list[Span] = []
    titled, introduced = bool(_TITLE_WORDS.find(folded)), _INTRODUCTION.search(folded)
    if titled:
        found += [Span(*hit.span(hit.lastindex or 0), 0.9) for hit in _TITLED.finditer(folded)]
    if "姓" in folded:
        found += [Span(*hit.span(1), 0.9) for hit in _SURNAME_ONLY.finditer(folded)]
    if introduced:
        found += [Span(*hit.span(1), 0.8) for hit in _INTRODUCED.finditer(folded)]
    if _MOBILE.search(folded):
        found += [Span(*hit.span(1), 0.8) for hit in _BEFORE_PHONE.finditer(folded)]
    if titled and introduced:
        found += [Span(*hit.span(1), 0.7) for hit in _FOR_CONTACT.finditer(folded)]
    return disjoint(free_of(found, taken)) if found else []


def parts(folded: str) -> Iterator[tuple[int, int, str]]:
    """Surnames and titles wherever they stand, as (start, end, which)."""
    for _, start, end in _SURNAME_WORDS.find(folded):
        yield start, end, "surname"
    if _TITLE_WORDS.find(folded):
        for hit in _ANY_TITLE.finditer(folded):
            yield *hit.span(), "title"
