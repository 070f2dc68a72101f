"""What was understood, what people said of it, and the company's own models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, delete, insert, literal_column, or_, select, update

from storage.codec import QUARTER, clean, decoder, encode, instant, micros
from storage.database import Row, Session, Sql
from storage.people import doc_where, put_doc
from storage.schema import corrections, model_moves, models, readings
from storage.scope import Scope
from workflow.learning import (
    HEADS,
    TAKING_EFFECT,
    Correction,
    Day,
    ModelMove,
    ModelVersion,
    Reading,
)

STRANGE = 0.46
"""A message of which training has seen a smaller share speaks of another world."""
BINS = 10
UNSURE = 0.8
"""Below this confidence a label that people often correct is worth a look."""

decode_reading = decoder(Reading)
decode_correction = decoder(Correction)
decode_version = decoder(ModelVersion)
decode_move = decoder(ModelMove)

_r, _c, _m = readings.c, corrections.c, model_moves.c
_PUT_READING = put_doc(readings)
_READING = doc_where(readings, "message")
_OF_ORDER = Sql(
    select(_r.doc)
    .where(_r.tenant == bindparam("tenant"), _r.order_id == bindparam("order_id"))
    .order_by(_r.at, _r.message)
    .limit(literal_column("1"))
)
_WAITING = Sql(
    select(_r.doc)
    .where(
        _r.tenant == bindparam("tenant"),
        _r.at >= bindparam("since"),
        _r.doubtful == literal_column("1"),
        _r.reviewed == literal_column("0"),
    )
    .order_by(_r.at, _r.message)
    .limit(bindparam("limit"))
)
_REVIEWED = Sql(
    update(readings)
    .where(_r.tenant == bindparam("tenant"), _r.message == bindparam("its_message"))
    .values(reviewed=bindparam("becomes"), doc=bindparam("its_doc"))
)
_COUNTED = Sql(
    select(
        *(_r.at, _r.intent, _r.fault_type, _r.priority, _r.sure_intent, _r.sure_fault_type),
        *(_r.sure_priority, _r.familiarity, _r.doubtful),
    ).where(_r.tenant == bindparam("tenant"), _r.at >= bindparam("since"))
)
_PUT_CORRECTION = put_doc(corrections)
_SAID_OF = Sql(
    select(_c.doc)
    .where(_c.tenant == bindparam("tenant"), _c.message == bindparam("message"))
    .order_by(_c.at, _c.id)
)
_CORRECTIONS = Sql(
    select(_c.doc)
    .where(
        _c.tenant == bindparam("tenant"),
        _c.at >= bindparam("since"),
        _c.undone == literal_column("0"),
    )
    .order_by(_c.at, _c.id)
)
_PUT_MODEL = put_doc(models)
_MODEL = doc_where(models, "name")
_MODELS = Sql(
    select(models.c.doc)
    .where(models.c.tenant == bindparam("tenant"))
    .order_by(models.c.made_at.desc(), models.c.name)
)
_DROP_MODEL = Sql(
    delete(models).where(models.c.tenant == bindparam("tenant"), models.c.name == bindparam("name"))
)
_NOTE = Sql(
    insert(model_moves).values({n: bindparam(n) for n in ("tenant", "act", "model", "doc")})
)
_MOVES = Sql(
    select(_m.doc)
    .where(_m.tenant == bindparam("tenant"))
    .order_by(_m.id.desc())
    .limit(bindparam("limit"))
)
_CURRENT = Sql(
    select(_m.model)
    .where(
        _m.tenant == bindparam("tenant"),
        _m.act.in_([literal_column(f"'{act}'") for act in TAKING_EFFECT]),
    )
    .order_by(_m.id.desc())
    .limit(literal_column("1"))
)


def days(session: Session, tenant: str, since: datetime, tz: str) -> list[Day]:
    """The readings since then, counted by local day, oldest first."""
    zone = ZoneInfo(tz)
    by_quarter: dict[int, list[Row]] = {}
    for row in session.rows(_COUNTED, tenant=tenant, since=micros(since)):
        by_quarter.setdefault(row[0] // QUARTER, []).append(row)
    by_day: dict[str, list[Row]] = {}
    for quarter, rows in by_quarter.items():
        day = instant(quarter * QUARTER).astimezone(zone).date().isoformat()
        by_day.setdefault(day, []).extend(rows)
    corrected: dict[str, set[str]] = {}
    for doc in session.rows(_CORRECTIONS, tenant=tenant, since=micros(since)):
        said = decode_correction(doc[0])
        if said.was != said.now:
            day = said.at.astimezone(zone).date().isoformat()
            corrected.setdefault(day, set()).add(said.message)
    return [_day(day, rows, len(corrected.get(day, ()))) for day, rows in sorted(by_day.items())]


def _day(day: str, rows: Sequence[Row], corrected: int) -> Day:
    labels: dict[str, Mapping[str, int]] = {
        head: Counter(row[n] for row in rows) for n, head in enumerate(HEADS, 1)
    }
    first = 1 + len(HEADS)
    sure: dict[str, float] = {
        head: sum(row[n] for row in rows) for n, head in enumerate(HEADS, first)
    }
    return Day(
        day=day,
        messages=len(rows),
        labels=labels,
        sure=sure,
        bins={head: _bins(row[n] for row in rows) for n, head in enumerate(HEADS, first)},
        doubtful=sum(row[-1] for row in rows),
        strange=sum(row[-2] < STRANGE for row in rows),
        corrected=corrected,
    )


def _bins(confidences: Iterable[float]) -> tuple[int, ...]:
    found = Counter(min(int(share * BINS), BINS - 1) for share in confidences)
    return tuple(found.get(n, 0) for n in range(BINS))


def suspects(
    session: Session,
    tenant: str,
    labels: Sequence[tuple[str, str]],
    since: datetime,
    limit: int,
) -> tuple[Reading, ...]:
    """See :meth:`storage.queries.Queries.suspects`."""
    if not labels:
        return ()
    alike = or_(*(and_(_r[head] == label, _r[f"sure_{head}"] < UNSURE) for head, label in labels))
    sql = (
        select(_r.doc)
        .where(_r.tenant == tenant, _r.at >= micros(since), _r.reviewed == 0, alike)
        .order_by(_r.at, _r.message)
        .limit(limit)
    )
    return tuple(decode_reading(row[0]) for row in session.rows(Sql(sql)))


class SqlReadings:
    """Implements ``workflow.learning.Readings``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def keep(self, reading: Reading) -> None:
        reading = replace(reading, text=clean(reading.text), message=clean(reading.message))
        self._sql.append(_PUT_READING, {"tenant": self._scope.tenant, **_row(reading)})

    def get(self, message: str) -> Reading | None:
        row = self._sql.first(_READING, tenant=self._scope.tenant, message=message)
        return None if row is None else decode_reading(row[0])

    def of_order(self, order_id: str) -> Reading | None:
        row = self._sql.first(_OF_ORDER, tenant=self._scope.tenant, order_id=order_id)
        return None if row is None else decode_reading(row[0])

    def correct(self, correction: Correction) -> None:
        self._put(correction)
        self._mark(correction.message, reviewed=True)

    def undo(self, message: str) -> Sequence[Correction]:
        found = self._sql.rows(_SAID_OF, tenant=self._scope.tenant, message=message)
        said = [c for row in found if not (c := decode_correction(row[0])).undone]
        for correction in said:
            self._put(replace(correction, undone=True))
        self._mark(message, reviewed=False)
        return said

    def corrections(self, since: datetime | None = None) -> Sequence[Correction]:
        start = micros(since) if since else 0
        rows = self._sql.rows(_CORRECTIONS, tenant=self._scope.tenant, since=start)
        return [decode_correction(row[0]) for row in rows]

    def waiting(self, since: datetime, limit: int) -> Sequence[Reading]:
        rows = self._sql.rows(_WAITING, tenant=self._scope.tenant, since=micros(since), limit=limit)
        return [decode_reading(row[0]) for row in rows]

    def _put(self, correction: Correction) -> None:
        correction = replace(correction, text=clean(correction.text))
        self._sql.change(
            _PUT_CORRECTION,
            tenant=self._scope.tenant,
            id=correction.id,
            message=correction.message,
            head=correction.head,
            at=micros(correction.at),
            undone=int(correction.undone),
            doc=encode(correction),
        )

    def _mark(self, message: str, *, reviewed: bool) -> None:
        reading = self.get(message)
        if reading is not None:
            doc = encode(replace(reading, reviewed=reviewed))
            facts = {"its_message": message, "becomes": int(reviewed), "its_doc": doc}
            self._sql.change(_REVIEWED, tenant=self._scope.tenant, **facts)
        self._scope.touch("readings")


def _row(reading: Reading) -> Mapping[str, Any]:
    return {
        "message": reading.message,
        "at": micros(reading.at),
        "order_id": reading.order_id,
        **{head: reading.label(head) for head in HEADS},
        **{f"sure_{head}": float(reading.confidence.get(head, 0.0)) for head in HEADS},
        "familiarity": reading.familiarity,
        "doubtful": int(bool(reading.doubtful)),
        "reviewed": int(reading.reviewed),
        "doc": encode(reading),
    }


class SqlModels:
    """Implements ``workflow.learning.Models``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def put(self, version: ModelVersion) -> None:
        at, doc = micros(version.made_at), encode(version)
        tenant = self._scope.tenant
        self._sql.change(_PUT_MODEL, tenant=tenant, name=version.name, made_at=at, doc=doc)
        self._scope.touch("models")

    def drop(self, name: str) -> None:
        self._sql.change(_DROP_MODEL, tenant=self._scope.tenant, name=name)

    def get(self, name: str) -> ModelVersion | None:
        row = self._sql.first(_MODEL, tenant=self._scope.tenant, name=name)
        return None if row is None else decode_version(row[0])

    def versions(self) -> Sequence[ModelVersion]:
        return [decode_version(r[0]) for r in self._sql.rows(_MODELS, tenant=self._scope.tenant)]

    def note(self, move: ModelMove) -> None:
        self._sql.change(
            _NOTE, tenant=self._scope.tenant, act=move.act, model=move.model, doc=encode(move)
        )
        self._scope.touch("models")

    def moves(self, limit: int = 100) -> Sequence[ModelMove]:
        rows = self._sql.rows(_MOVES, tenant=self._scope.tenant, limit=limit)
        return [decode_move(row[0]) for row in rows]

    def current(self) -> str:
        row = self._sql.first(_CURRENT, tenant=self._scope.tenant)
        return "" if row is None else row[0]
