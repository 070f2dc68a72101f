"""From facts to HTML: templates, and how times, spans and labels read for one viewer."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from paidan.console.assets import SHELF
from paidan.console.rights import Right
from paidan.console.viewer import SERVICES, VIEWER, Viewer
from paidan.console.words import say, say_if_known
from workflow.errors import PaidanError
from workflow.taxonomy import EMOTIONS, INTENTS, PRIORITIES
from workflow.vocabulary import Taxonomy

_TABLES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "intent": INTENTS,
    "priority": PRIORITIES,
    "emotion": EMOTIONS,
}
_MASKED_FROM, _PHONE = 3, 11


class Reader:
    """How facts read for one viewer: their language, the company's time zone and present."""

    def __init__(
        self, locale: str, tz: str, now: datetime, taxonomy: Taxonomy | None = None
    ) -> None:
        self.locale = locale
        self.now = now
        self._taxonomy = taxonomy or Taxonomy()
        self._zone = ZoneInfo(tz)

    def t(self, key: str, **facts: object) -> str:
        """A sentence of the catalogue."""
        return say(self.locale, key, **facts)

    def t_or(self, key: str, otherwise: str) -> str:
        """A sentence of the catalogue; what it does not know reads as given."""
        return say_if_known(self.locale, key) or otherwise

    def label(self, table: str, key: str) -> str:
        """The name of a fault type, intent, priority or mood; an unknown key reads as itself."""
        if table == "fault_type":
            return self._taxonomy.name(key, self.locale)
        pair = _TABLES[table].get(key)
        return (pair[0] if self.locale == "zh_CN" else pair[1]) if pair else key

    def fault(self, fault_type: str, subtype: str = "") -> str:
        """A fault type with its finer kind, by the names they have here."""
        return self._taxonomy.name(fault_type, self.locale, subtype)

    def clock(self, at: datetime | None) -> str:
        """``14:05`` today, ``11-21 14:05`` on other days."""
        if at is None:
            return "—"
        local = at.astimezone(self._zone)
        same_day = local.date() == self.now.astimezone(self._zone).date()
        return local.strftime("%H:%M" if same_day else "%m-%d %H:%M")

    def moment(self, at: datetime | None) -> str:
        """The whole local time, to the second."""
        return at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S") if at else "—"

    def iso(self, at: datetime) -> str:
        """For ``<time datetime>`` and scripts."""
        return at.astimezone(UTC).isoformat(timespec="milliseconds")

    def span(self, length: timedelta | float | None) -> str:
        """``45 秒``, ``12 分``, ``3 小时 5 分``, ``2 天 4 小时``; the two largest units."""
        if length is None:
            return "—"
        total = length.total_seconds() if isinstance(length, timedelta) else length
        seconds = abs(round(total))
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
        if not minutes:
            text = self.t("span.s", n=seconds)
        elif not hours:
            text = self.t("span.m", n=minutes)
        elif not days:
            text = self._two("span.h", hours, "span.m", minutes % 60)
        else:
            text = self._two("span.d", days, "span.h", hours % 24)
        return f"−{text}" if total < 0 and seconds else text

    def _two(self, key: str, n: int, small: str, m: int) -> str:
        return self.t(key, n=n) + (" " + self.t(small, n=m) if m else "")

    @staticmethod
    def percent(share: float | None) -> str:
        """``93%``; a dash when there is nothing to divide by."""
        return "—" if share is None else f"{share:.0%}"


def mask_phone(phone: str) -> str:
    """``138****5678``: enough to be recognised by its owner, not enough to be rung."""
    if len(phone) < _PHONE:
        return "*" * len(phone)
    return f"{phone[:_MASKED_FROM]}****{phone[-4:]}"


def mask_name(name: str) -> str:
    """``王*`` for 王芳: the family name alone."""
    return name[:1] + "*" * max(len(name) - 1, 0)


def highlighted(text: str, words: tuple[str, ...]) -> Markup:
    """The text with the first occurrence of each word marked; overlaps keep the longer word."""
    taken = [False] * len(text)
    spans: list[tuple[int, int]] = []
    for word in sorted(set(words), key=len, reverse=True):
        start = text.find(word) if word else -1
        if start >= 0 and not any(taken[start : start + len(word)]):
            spans.append((start, start + len(word)))
            taken[start : start + len(word)] = [True] * len(word)
    result, at = Markup(), 0
    for start, end in sorted(spans):
        result += text[at:start] + Markup("<mark>%s</mark>") % text[start:end]
        at = end
    return result + text[at:]


def page(
    request: web.Request,
    template: str,
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **facts: object,
) -> web.Response:
    """A template for the viewer of this request."""
    return web.Response(
        text=html(request, template, **facts),
        status=status,
        content_type="text/html",
        headers=headers,
    )


def html(request: web.Request, template: str, **facts: object) -> str:
    """The text of a template for the viewer of this request."""
    services = request.app[SERVICES]
    viewer: Viewer = request[VIEWER]
    reader = reader_of(request)
    shelf = request.app[SHELF]
    return (
        _templates()
        .get_template(template)
        .render(
            f=reader,
            t=reader.t,
            viewer=viewer,
            services=services,
            static=shelf.url,
            path=request.path,
            query=request.query_string,
            Right=Right,
            **facts,
        )
    )


def reader_of(request: web.Request) -> Reader:
    """The reader of this request's viewer, at the tenant's present."""
    services, viewer = request.app[SERVICES], request[VIEWER]
    company = viewer.company
    now = services.store.now(services.tenant)
    return Reader(viewer.locale, company.tz, now, company.taxonomy)


def error_page(
    request: web.Request,
    status: HTTPStatus,
    refusal: PaidanError | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """What went wrong and what to do now, in plain words.

    A request of a script (htmx or fetch) gets the sentence alone.
    """
    viewer = request.get(VIEWER)
    locale = viewer.locale if viewer else "zh_CN"
    sentence = explain(locale, status, refusal)
    if viewer is None or "HX-Request" in request.headers:
        return web.Response(text=sentence, status=status, headers=headers)
    return page(
        request, "error.html", status=status, headers=headers, code=int(status), sentence=sentence
    )


def explain(locale: str, status: HTTPStatus, refusal: PaidanError | None = None) -> str:
    """One sentence for a refusal, or for a status where there is none."""
    if refusal is not None:
        facts = {name: str(value) for name, value in refusal.data.items()}
        sentence = say_if_known(locale, f"refused.{refusal.code}", **facts)
        if sentence:
            return sentence
    return say_if_known(locale, f"status.{int(status)}") or say(locale, "status.other")


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("paidan.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        once=lambda: secrets.token_urlsafe(9), highlighted=highlighted, mask_phone=mask_phone
    )
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment
