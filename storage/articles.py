"""Articles: every version stays, the highest holds; offers and answers are counted by article."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, insert, literal_column, select, update

from storage.codec import decoder, encode, instant, micros
from storage.database import Insert, Sql
from storage.schema import article_uses, articles
from storage.scope import Scope
from workflow.knowledge import Article, Usage, Use

decode_article = decoder(Article)

_a, _u = articles.c, article_uses.c
_VERSIONS_SHOWN = 50
_TENANT = _a.tenant == bindparam("tenant")
_newest = (
    select(_a.id, func.max(_a.version).label("version"))
    .where(_TENANT)
    .group_by(_a.id)
    .subquery("newest")
)
EVERY = Sql(
    select(_a.doc)
    .select_from(
        articles.join(_newest, and_(_a.id == _newest.c.id, _a.version == _newest.c.version))
    )
    .where(_TENANT)
    .order_by(_a.id)
)
_GET = Sql(
    select(_a.doc)
    .where(_TENANT, _a.id == bindparam("id"))
    .order_by(_a.version.desc())
    .limit(literal_column("1"))
)
_VERSIONS = Sql(
    select(_a.doc, _a.at, _a.by)
    .where(_TENANT, _a.id == bindparam("id"))
    .order_by(_a.version.desc())
    .limit(literal_column(str(_VERSIONS_SHOWN)))
)
LATEST = Sql(select(func.count(), func.max(_a.at)).where(_TENANT))
"""How many versions there are and when the last was written: the same, nothing has changed."""
_PUT = Sql(insert(articles).values({c.name: bindparam(c.name) for c in _a}))


def _first_offer(insert: Insert) -> Any:
    row = insert(article_uses).values({c.name: bindparam(c.name) for c in _u})
    return row.on_conflict_do_nothing(index_elements=["tenant", "subject", "article"])


_OFFER = Sql(_first_offer)
_ANSWER = Sql(
    update(article_uses)
    .where(
        _u.tenant == bindparam("its_tenant"),
        _u.subject == bindparam("its_subject"),
        _u.answer == literal_column("''"),
    )
    .values(
        answer=bindparam("answer"),
        answered_at=bindparam("answered_at"),
        deflected=bindparam("deflected"),
    )
)
_USAGE = Sql(
    select(_u.article, _u.answer, func.count(), func.sum(_u.deflected))
    .where(_u.tenant == bindparam("tenant"))
    .group_by(_u.article, _u.answer)
)


class SqlArticles:
    """Implements ``workflow.ports.Articles``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def get(self, article_id: str) -> Article | None:
        row = self._sql.first(_GET, tenant=self._scope.tenant, id=article_id)
        return None if row is None else decode_article(row[0])

    def every(self) -> Sequence[Article]:
        rows = self._sql.rows(EVERY, tenant=self._scope.tenant)
        return [decode_article(row[0]) for row in rows]

    def put(self, article: Article, by: str) -> Article:
        old = self.get(article.id)
        if old is not None and replace(article, version=old.version) == old:
            return old
        kept = replace(article, version=old.version + 1 if old else 1)
        self._sql.change(
            _PUT,
            tenant=self._scope.tenant,
            id=kept.id,
            version=kept.version,
            at=micros(self._scope.now()),
            by=by,
            doc=encode(kept),
        )
        self._scope.touch("articles")
        return kept

    def versions(self, article_id: str) -> Sequence[tuple[Article, datetime, str]]:
        rows = self._sql.rows(_VERSIONS, tenant=self._scope.tenant, id=article_id)
        return [(decode_article(doc), instant(at), by) for doc, at, by in rows]

    def offered(self, use: Use) -> None:
        row = {"tenant": self._scope.tenant, "subject": use.subject, "article": use.article}
        said = {"answer": "", "answered_at": None, "deflected": 0}
        self._sql.change(_OFFER, **row, **said, version=use.version, at=micros(use.at))

    def answered(self, subject: str, answer: str, at: datetime, *, deflected: bool) -> bool:
        key = {"its_tenant": self._scope.tenant, "its_subject": subject}
        said = {"answer": answer, "answered_at": micros(at), "deflected": int(deflected)}
        return self._sql.change(_ANSWER, **key, **said) > 0

    def usage(self) -> Mapping[str, Usage]:
        found: dict[str, Usage] = {}
        for article, answer, many, deflected in self._sql.rows(_USAGE, tenant=self._scope.tenant):
            use = found.get(article, Usage())
            found[article] = Usage(
                offered=use.offered + many,
                solved=use.solved + (many if answer == "solved" else 0),
                unsolved=use.unsolved + (many if answer == "unsolved" else 0),
                deflected=use.deflected + int(deflected or 0),
            )
        return found
