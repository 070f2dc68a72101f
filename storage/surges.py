"""Surges: reports counted by key and hour, and the key's present or last surge.

A report's keys are a handful of short rows; every question is one short range of an index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, literal_column, select, update

from storage.codec import instant, maybe_instant, micros
from storage.database import Insert, Row, Sql
from storage.schema import NEVER, order_docs, surge_hours, surge_reports, surges
from storage.scope import Scope
from workflow.kept import KnownSurge, Seen
from workflow.surge.profile import hour_of

_r, _h, _s = surge_reports.c, surge_hours.c, surges.c
_MOST = 500
_EVERY = ""
"""The key under which every report counts: since when there are any."""

_MINE = (_r.tenant == bindparam("tenant"), _r.key == bindparam("key"))
_COUNTED = _r.counted == literal_column("1")
_SEEN = (_r.order_id, _r.at, _r.who, _r.said)
_ADD = Sql(insert(surge_reports).values({c.name: bindparam(c.name) for c in _r}))
_WITHIN = (*_MINE, _COUNTED, _r.at > bindparam("since"), _r.at <= bindparam("until"))
_BETWEEN = Sql(
    select(*_SEEN)
    .where(*_WITHIN)
    .order_by(_r.at.desc(), _r.order_id.desc())
    .limit(literal_column(str(_MOST)))
)
_PEOPLE = Sql(
    select(func.count()).select_from(
        select(_r.who).where(*_WITHIN).distinct().limit(bindparam("most")).subquery()
    )
)
_FORGET = (
    Sql(
        delete(surge_reports).where(
            _r.tenant == bindparam("tenant"),
            _r.key == bindparam("key"),
            _r.at < bindparam("before"),
        )
    ),
    Sql(
        delete(surge_hours).where(
            _h.tenant == bindparam("tenant"),
            _h.key == bindparam("key"),
            _h.hour < bindparam("before"),
        )
    ),
)
_BEFORE = Sql(
    select(*_SEEN)
    .where(*_MINE, _COUNTED, _r.at <= bindparam("until"))
    .order_by(_r.at.desc(), _r.order_id.desc())
    .limit(bindparam("limit"))
)
_OF_ORDER = (_r.tenant == bindparam("its_tenant"), _r.order_id == bindparam("its_id"))
_KEYS = Sql(select(_r.key, *_SEEN).where(*_OF_ORDER).order_by(_r.key))
_TURN = Sql(
    update(surge_reports)
    .where(*_OF_ORDER, _r.counted != bindparam("now_counted"))
    .values(counted=bindparam("now_counted"))
)
_HOURS = Sql(
    select(_h.hour, _h.reports).where(
        _h.tenant == bindparam("tenant"),
        _h.key == bindparam("key"),
        _h.hour >= bindparam("since"),
        _h.reports > literal_column("0"),
    )
)
_SINCE = Sql(
    select(func.min(_h.hour)).where(_h.tenant == bindparam("tenant"), _h.key == bindparam("key"))
)
_KNOWN = Sql(
    select(_s.order_id, _s.words, _s.last_at, _s.ended).where(
        _s.tenant == bindparam("tenant"),
        _s.key == bindparam("key"),
        _s.ended > bindparam("at"),
    )
)
_TIMES = Sql(
    select(_s.times).where(
        _s.tenant == bindparam("tenant"),
        _s.key == bindparam("key"),
        _s.cluster == bindparam("cluster"),
    )
)
_GOES_ON = Sql(
    update(surges)
    .where(
        _s.tenant == bindparam("its_tenant"),
        _s.order_id == bindparam("its_id"),
        _s.last_at < bindparam("at"),
    )
    .values(last_at=bindparam("at"))
)
_END = Sql(
    update(surges)
    .where(
        _s.tenant == bindparam("its_tenant"),
        _s.order_id == bindparam("its_id"),
        _s.ended == literal_column(str(NEVER)),
    )
    .values(ended=bindparam("at"))
)


SURGING = Sql(
    select(order_docs.c.doc, _s.last_at, _s.order_id)
    .select_from(
        surges.join(
            order_docs,
            and_(order_docs.c.tenant == _s.tenant, order_docs.c.order_id == _s.order_id),
        )
    )
    .where(_s.tenant == bindparam("tenant"), _s.ended == literal_column(str(NEVER)))
    .order_by(_s.last_at.desc(), _s.order_id.desc())
)


def _counting(insert: Insert) -> Any:
    row = insert(surge_hours).values({c.name: bindparam(c.name) for c in _h})
    return row.on_conflict_do_update(
        index_elements=["tenant", "key", "hour"],
        set_={"reports": _h.reports + row.excluded.reports},
    )


def _claim(insert: Insert) -> Any:
    """A row that is there gives way only if it is still the one that was looked at."""
    row = insert(surges).values({c.name: bindparam(c.name) for c in _s})
    taken = {name: row.excluded[name] for name in ("order_id", "words", "last_at", "ended")}
    return row.on_conflict_do_update(
        index_elements=["tenant", "key", "cluster"],
        set_={**taken, "times": _s.times + row.excluded.times},
        where=_s.times == bindparam("known_times"),
    )


_COUNT = Sql(_counting)
_BEGIN = Sql(_claim)


class SqlSurges:
    """Implements ``workflow.ports.Surges``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def remember(self, seen: Seen, *, counted: bool) -> None:
        at = micros(seen.at)
        for key in seen.keys:
            row = {"tenant": self._scope.tenant, "key": key, "order_id": seen.order_id}
            said = {"at": at, "counted": int(counted), "who": seen.who, "said": seen.text}
            self._sql.append(_ADD, {**row, **said})
        self._count((_EVERY,), seen.at, 1)
        if counted:
            self._count(seen.keys, seen.at, 1)

    def _count(self, keys: Sequence[str], at: datetime, by: int) -> None:
        hour = micros(hour_of(at))
        for key in keys:
            row = {"tenant": self._scope.tenant, "key": key, "hour": hour, "reports": by}
            self._sql.append(_COUNT, row)

    def seen(self, order_id: str) -> Seen | None:
        rows = self._sql.rows(_KEYS, its_tenant=self._scope.tenant, its_id=order_id)
        if not rows:
            return None
        first, keys = _seen(rows[0][1:]), tuple(row[0] for row in rows)
        return Seen(first.order_id, first.at, first.who, first.text, keys)

    def reports(self, key: str, since: datetime, until: datetime) -> Sequence[Seen]:
        span = {"since": micros(since), "until": micros(until)}
        rows = self._sql.rows(_BETWEEN, **self._under(key), **span)
        return [_seen(row) for row in reversed(rows)]

    def people(self, key: str, since: datetime, until: datetime, most: int) -> int:
        span = {"since": micros(since), "until": micros(until)}
        row = self._sql.first(_PEOPLE, **self._under(key), **span, most=most)
        return 0 if row is None else int(row[0])

    def before(self, key: str, until: datetime, limit: int) -> Sequence[Seen]:
        rows = self._sql.rows(_BEFORE, **self._under(key), until=micros(until), limit=limit)
        return [_seen(row) for row in rows]

    def hours(self, key: str, since: datetime) -> Mapping[datetime, int]:
        rows = self._sql.rows(_HOURS, **self._under(key), since=micros(hour_of(since)))
        return {instant(hour): reports for hour, reports in rows}

    def watched_since(self) -> datetime | None:
        row = self._sql.first(_SINCE, **self._under(_EVERY))
        return None if row is None or row[0] is None else instant(row[0])

    def _under(self, key: str) -> dict[str, str]:
        return {"tenant": self._scope.tenant, "key": key}

    def set_aside(self, order_id: str) -> None:
        self._turn(order_id, counted=False)

    def take_back(self, order_id: str) -> None:
        self._turn(order_id, counted=True)

    def _turn(self, order_id: str, *, counted: bool) -> None:
        seen = self.seen(order_id)
        mine = {"its_tenant": self._scope.tenant, "its_id": order_id}
        if seen is not None and self._sql.change(_TURN, **mine, now_counted=int(counted)):
            self._count(seen.keys, seen.at, 1 if counted else -1)

    def known(self, key: str, at: datetime) -> Sequence[KnownSurge]:
        rows = self._sql.rows(_KNOWN, **self._under(key), at=micros(at))
        return [
            KnownSurge(key, order_id, words, instant(last_at), maybe_instant(ended))
            for order_id, words, last_at, ended in rows
        ]

    def forget(self, keys: Iterable[str], before: datetime) -> None:
        for key in keys:
            for sql in _FORGET:
                self._sql.change(sql, **self._under(key), before=micros(before))

    def begin(self, key: str, order_id: str, words: str, at: datetime) -> bool:
        mine = {**self._under(key), "cluster": _digest(words)}
        last = self._sql.first(_TIMES, **mine)
        known = -1 if last is None else last[0]
        fresh = {"order_id": order_id, "words": words, "last_at": micros(at), "ended": NEVER}
        return self._sql.change(_BEGIN, **mine, **fresh, times=1, known_times=known) == 1

    def goes_on(self, order_id: str, at: datetime) -> None:
        self._sql.change(_GOES_ON, its_tenant=self._scope.tenant, its_id=order_id, at=micros(at))

    def end(self, order_id: str, quiet_until: datetime) -> None:
        mine = {"its_tenant": self._scope.tenant, "its_id": order_id}
        self._sql.change(_END, **mine, at=micros(quiet_until))


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:16] if words else ""


def _seen(row: Row) -> Seen:
    order_id, at, who, said = row
    return Seen(order_id, instant(at), who, said)
