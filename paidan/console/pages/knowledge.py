"""What the house can explain: found, read, written, and how often it saved a visit.

An edit is a table of one row, so a form, a CSV file and Markdown are checked by the same rules;
each change is a new version.
"""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from paidan.console.answers import go_back
from paidan.console.guard import read_fields, read_form
from paidan.console.render import page, reader_of
from paidan.console.rights import Right
from paidan.console.viewer import SERVICES, VIEWER
from paidan.importing import FILE, store_rows
from paidan.markdown import read_markdown
from paidan.problems import describe
from paidan.tables import COLUMNS, ImportResult, decode_table, import_rows
from workflow.company import Company
from workflow.knowledge import Article, Question, Usage
from workflow.ports import UnitOfWork
from workflow.taxonomy import FAULT_TYPES

NEW: Final = "new"
_MOST = 200
_CODE: Final = re.compile(r"[A-Za-z]{1,4}-?\d{1,6}")


@dataclass(frozen=True)
class Row:
    """An article in the list. ``share`` is solved of those customers answered; None of none."""

    article: Article
    usage: Usage
    share: float | None


@dataclass(frozen=True)
class Written:
    """One version: when, by whom, what."""

    article: Article
    at: datetime
    by: str


async def show(request: web.Request) -> web.Response:
    """The list, the most used first; with words, what answers them first."""
    return await _list(request)


async def _list(
    request: web.Request, *, said: str = "", errors: Sequence[str] = ()
) -> web.Response:
    services, find = request.app[SERVICES], request.query.get("q", "").strip()[:100]
    every, usage = await services.store.read(services.tenant, _everything)
    found = await _found(request, find, every) if find else _by_use(every, usage)
    rows = [_row(article, usage) for article in found[:_MOST]]
    return page(
        request,
        "knowledge.html",
        status=422 if errors else 200,
        rows=rows,
        total=len(every),
        find=find,
        said=said,
        errors=errors,
        sums=_sum(usage),
        columns=[f"{c.name}（{c.label}）" for c in COLUMNS["knowledge"]],
        may_write=request[VIEWER].has(Right.KNOWLEDGE),
    )


def _everything(uow: UnitOfWork) -> tuple[list[Article], Mapping[str, Usage]]:
    return list(uow.articles.every()), uow.articles.usage()


def _by_use(every: Sequence[Article], usage: Mapping[str, Usage]) -> list[Article]:
    def key(article: Article) -> tuple[bool, int, str]:
        return not article.active, -usage.get(article.id, Usage()).offered, article.id

    return sorted(every, key=key)


async def _found(request: web.Request, find: str, every: Sequence[Article]) -> list[Article]:
    """What answers, then what merely has the words in it."""
    services, best = request.app[SERVICES], []
    if services.knows is not None:
        await services.knows.refresh(services.tenant)
        question = Question(find, codes=tuple(_CODE.findall(find)))
        best = [f.article for f in services.knows.articles(services.tenant, question, limit=20)]
    word, ids = find.lower(), {article.id for article in best}
    named = [a for a in every if a.id not in ids and word in _haystack(a)]
    return [*best, *named]


def _haystack(article: Article) -> str:
    return " ".join((article.id, article.title, *article.asks, *article.codes)).lower()


def _row(article: Article, usage: Mapping[str, Usage]) -> Row:
    use = usage.get(article.id, Usage())
    said = use.solved + use.unsolved
    return Row(article, use, use.solved / said if said else None)


def _sum(usage: Mapping[str, Usage]) -> Usage:
    uses = usage.values()
    return Usage(
        offered=sum(use.offered for use in uses),
        solved=sum(use.solved for use in uses),
        unsolved=sum(use.unsolved for use in uses),
        deflected=sum(use.deflected for use in uses),
    )


# --- one article ------------------------------------------------------------------------------


async def read(request: web.Request) -> web.Response:
    """One article, with its form for whoever may write."""
    if request.match_info["id"] == NEW:
        if not request[VIEWER].has(Right.KNOWLEDGE):
            raise web.HTTPNotFound
        return await _article(request, Article("", "", ""))
    return await _article(request, await _named(request))


async def _named(request: web.Request) -> Article:
    services, found = request.app[SERVICES], request.match_info["id"]
    article = await services.store.read(services.tenant, lambda uow: uow.articles.get(found))
    if article is None:
        raise web.HTTPNotFound
    return article


async def _article(
    request: web.Request,
    article: Article,
    cells: Mapping[str, str] | None = None,
    errors: Sequence[str] = (),
) -> web.Response:
    services, viewer, reader = request.app[SERVICES], request[VIEWER], reader_of(request)

    def around(uow: UnitOfWork) -> tuple[list[Written], Usage]:
        written = [
            Written(version, at, _author(by, uow.company))
            for version, at, by in uow.articles.versions(article.id)
        ]
        return written, uow.articles.usage().get(article.id, Usage())

    versions, usage = await services.store.read(services.tenant, around)
    return page(
        request,
        "article.html",
        status=422 if errors else 200,
        article=article,
        cells=cells or _cells(article),
        errors=errors,
        versions=versions,
        row=_row(article, {article.id: usage}),
        faults=[(k, reader.label("fault_type", k)) for k in FAULT_TYPES if k != "none"],
        may_write=viewer.has(Right.KNOWLEDGE),
    )


def _author(by: str, company: Company) -> str:
    staff = company.staff.get(by)
    return staff.name if staff else "" if by == FILE else by


async def save(request: web.Request) -> web.StreamResponse:
    """Keep one article as its next version; what is wrong is said beside what was typed."""
    form = await read_form(request)
    fresh = request.match_info["id"] == NEW
    article = Article("", "", "") if fresh else await _named(request)
    cells = {name: form.get(name, "").strip() for name in ("title", "steps", "asks", "codes")}
    cells["fault_types"] = ";".join(form.getall("fault_types", []))
    for name in ("self_service", "active"):
        cells[name] = "yes" if name in form else "no"
    id_ = article.id or f"a{secrets.token_hex(4)}"
    errors = await _store(request, import_rows("knowledge", _table({"id": id_, **cells})))
    if errors:
        return await _article(request, article, cells, errors)
    return go_back(f"/knowledge/{id_}")


async def take_in(request: web.Request) -> web.Response:
    """Import articles: CSV or Markdown, a file or pasted; all or nothing."""
    fields = await read_fields(request)
    chosen, pasted = fields.get("file"), fields.get("text", "")
    text, name = (pasted, "") if isinstance(pasted, str) else ("", "")
    if isinstance(chosen, web.FileField) and chosen.filename:
        text, name = decode_table(chosen.file.read(), chosen.filename), chosen.filename
    markdown = name.lower().endswith((".md", ".markdown")) or text.lstrip("\ufeff \n").startswith(
        "#"
    )
    result = read_markdown(text, name) if markdown else import_rows("knowledge", text, name)
    errors = await _store(request, result)
    said = reader_of(request).t("people.saved")
    return await _list(request, said=said, errors=errors)


async def _store(request: web.Request, result: ImportResult) -> list[str]:
    services, viewer = request.app[SERVICES], request[VIEWER]
    outcome = await store_rows(services.store, services.tenant, result, by=viewer.me.id)
    return [describe(problem, viewer.locale) for problem in outcome.errors]


def _cells(article: Article) -> dict[str, str]:
    return {
        "title": article.title,
        "steps": article.steps,
        "asks": "\n".join(article.asks),
        "codes": "; ".join(article.codes),
        "fault_types": ";".join(article.fault_types),
        "self_service": "yes" if article.self_service else "no",
        "active": "yes" if article.active else "no",
    }


def _table(cells: Mapping[str, str]) -> str:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(cells)
    table.writerow(cells.values())
    return text.getvalue()
