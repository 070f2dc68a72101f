"""What a tenant knows, kept in memory for searching: its articles and its past repairs.

Built when a tenant first asks and kept up by reading what was written since, so that several
processes may share a database. Lost, it is built again; nothing here is the truth.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nlp.knowledge import Index
from storage import SqlStore
from storage.articles import EVERY, LATEST, decode_article
from storage.database import Session
from storage.repairs import BEGINNING, Mark, before_newest, closed_after
from workflow.knowledge import Article, Found, Question, Repair

SURE = 0.5
"""An article of which a question says so much is offered unasked. Chosen in ``bench/knowledge.py``
on the corpus: see docs/explanation/knowledge.md.
"""
KEPT = 30_000
"""Past repairs held for searching; the oldest go first."""
AT_ONCE = 4
"""Pages of past repairs a message waits for; a longer history is read behind its back."""
_STALE = timedelta(seconds=20)
"""After so long the database is asked again even if nobody in this process wrote anything."""
_LIKE = 0.15
"""What a past repair must share with the question; it is only shown, never acted on."""
_SAME_ASSET, _SAME_FAULT = 0.5, 0.2
_OVERLAP = 60_000_000
"""Microseconds read again: another process may have committed an earlier closing later."""
_NO_END = 1_000_000
_VAGUE = frozenset({"", "other", "none"})


@dataclass
class _Memory:
    """One tenant's share."""

    articles: dict[str, Article] = field(default_factory=dict)
    asks: Index = field(default_factory=Index)
    """Under ``<article id>#<n>``, each way to put it."""
    seen: tuple[object, ...] = ()
    repairs: dict[str, Repair] = field(default_factory=dict)
    history: Index = field(default_factory=lambda: Index(most=KEPT))
    mark: Mark = BEGINNING
    whole: bool = False
    dirty: bool = True
    looked: datetime | None = None
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)


class Knowing:
    """Implements ``workflow.knowledge.Knows`` on a store."""

    def __init__(
        self, store: SqlStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._now = now
        self._memories: dict[str, _Memory] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        store.on_commit(self._heard)

    def _heard(self, tenant: str, topics: frozenset[str]) -> None:
        memory = self._memories.get(tenant)
        if memory is not None and topics & {"articles", "orders"}:
            memory.dirty = True

    async def refresh(self, tenant: str) -> None:
        """See ``workflow.knowledge.Knows``."""
        memory = self._memories.setdefault(tenant, _Memory())
        now = self._now()
        if not memory.dirty and memory.looked and now - memory.looked < _STALE:
            return
        async with memory.gate:
            memory.dirty, memory.looked = False, now
            await self._store.look(lambda session: _read_articles(session, tenant, memory))
            if tenant in self._reading:
                return
            await self._read_repairs(tenant, memory, AT_ONCE)
        if not memory.whole:
            task = asyncio.create_task(self._read_repairs(tenant, memory), name=f"history:{tenant}")
            self._reading[tenant] = task
            task.add_done_callback(lambda _: self._reading.pop(tenant, None))

    async def _read_repairs(self, tenant: str, memory: _Memory, pages: int = 0) -> None:
        """Take in what closed since; ``pages`` 0 reads to the end."""
        memory.whole = False
        if memory.mark == BEGINNING:
            memory.mark = await self._store.look(
                lambda session: before_newest(session, tenant, KEPT)
            )
        else:
            memory.mark = Mark(memory.mark.ended - _OVERLAP, "")
        for _ in range(pages or _NO_END):
            mark = memory.mark
            found, then = await self._store.look(
                lambda session, mark=mark: closed_after(session, tenant, mark)  # type: ignore[misc]  # bound at once
            )
            if then is None:
                memory.whole = True
                return
            memory.mark = then
            await asyncio.to_thread(_take_in, memory, found)

    def forget(self, tenant: str) -> None:
        """Everything of this tenant was erased."""
        task = self._reading.pop(tenant, None)
        if task is not None:
            task.cancel()
        self._memories.pop(tenant, None)

    async def close(self) -> None:
        """Stop reading."""
        for task in list(self._reading.values()):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # --- asking -------------------------------------------------------------------------------

    def articles(self, tenant: str, question: Question, limit: int = 3) -> Sequence[Found]:
        """See ``workflow.knowledge.Knows``. An error code that an article is about decides; one
        that it is not about speaks against it.
        """
        memory = self._memories.get(tenant)
        if memory is None or not memory.articles:
            return []
        named = {_code(code) for code in question.codes}
        best: dict[str, Found] = {}
        for article in memory.articles.values():
            if named & {_code(code) for code in article.codes} and _fits(article, question):
                best[article.id] = Found(article, 1.0, sure=True)
        for hit in memory.asks.search(question.text, limit=4 * limit):
            article_id = hit.key.rpartition("#")[0]
            known = memory.articles.get(article_id)
            if known is None or article_id in best or _denied(known, named):
                continue
            sure = hit.alike >= SURE and _fits(known, question)
            best[article_id] = Found(known, hit.alike, sure=sure)
        return sorted(best.values(), key=lambda f: (-f.sure, -f.alike, f.article.id))[:limit]

    def repairs(self, tenant: str, question: Question, limit: int = 3) -> Sequence[Repair]:
        """See ``workflow.knowledge.Knows``. The same asset counts more than any words, and another
        kind of fault is no help.
        """
        memory = self._memories.get(tenant)
        if memory is None:
            return []
        ranked = [
            (hit.alike + _besides(repair, question), repair.at, repair)
            for hit in memory.history.search(question.text, limit=20, floor=_LIKE)
            if (repair := memory.repairs.get(hit.key)) is not None
            and repair.id != question.besides
            and (repair.fault_type == question.fault_type or question.fault_type in _VAGUE)
        ]
        ranked.sort(key=lambda found: found[:2], reverse=True)
        return [repair for _, _, repair in ranked[:limit]]


def _besides(repair: Repair, question: Question) -> float:
    """What speaks for a repair besides its words."""
    same = bool(question.asset_id) and repair.asset_id == question.asset_id
    coded = bool(repair.error_code) and _code(repair.error_code) in map(_code, question.codes)
    return _SAME_ASSET * same + _SAME_FAULT * coded


def _fits(article: Article, question: Question) -> bool:
    """Whether an article is about this kind of fault, as far as the kind is known."""
    kinds = article.fault_types
    return not kinds or question.fault_type in kinds or question.fault_type in _VAGUE


def _denied(article: Article, named: set[str]) -> bool:
    """Whether the question names a code and the article is about others."""
    about = {_code(code) for code in article.codes}
    return bool(named and about) and not named & about


def _code(code: str) -> str:
    return re.sub(r"[\s_-]", "", code).upper()


def _read_articles(session: Session, tenant: str, memory: _Memory) -> None:
    """Take the articles in again when any was written."""
    row = session.first(LATEST, tenant=tenant)
    seen = tuple(row or ())
    if seen == memory.seen:
        return
    known = [decode_article(doc) for (doc,) in session.rows(EVERY, tenant=tenant)]
    asks = Index()
    for article in known:
        if article.active:
            for number, ask in enumerate(_ways(article)):
                asks.put(f"{article.id}#{number}", ask)
    memory.articles = {article.id: article for article in known if article.active}
    memory.asks, memory.seen = asks, seen


def _ways(article: Article) -> Iterator[str]:
    yield article.title
    yield from article.asks


def _take_in(memory: _Memory, found: Sequence[Repair]) -> None:
    for repair in found:
        if memory.repairs.get(repair.id) == repair:
            continue
        memory.repairs[repair.id] = repair
        said = f"{repair.device} {repair.text} {repair.error_code}".strip()
        memory.history.put(repair.id, said)
    while len(memory.repairs) > KEPT:
        memory.repairs.pop(next(iter(memory.repairs)))
