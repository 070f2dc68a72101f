"""Timers: one open row a subject; the index on ``due`` is the wheel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, insert, literal_column, select, update

from storage.codec import instant, maybe_instant, micros
from storage.database import Row, Session, Sql, none_of
from storage.schema import timers
from storage.scope import Scope
from workflow.kept import Timer

_t = timers.c
_MINE = (_t.tenant == bindparam("tenant"), _t.subject == bindparam("subject"))
_IS_OPEN = _t.state == literal_column("'open'")
_COLUMNS = (
    _t.id,
    _t.tenant,
    _t.subject,
    _t.step,
    _t.due,
    _t.generation,
    _t.state,
    _t.reason,
    _t.fired_at,
)

FIND_OPEN = Sql(select(*_COLUMNS).where(*_MINE, _IS_OPEN))
_LAST = Sql(
    select(*_COLUMNS).where(*_MINE).order_by(_t.generation.desc()).limit(literal_column("1"))
)
_ARM = Sql(
    insert(timers).values(
        tenant=bindparam("tenant"),
        subject=bindparam("subject"),
        step=bindparam("step"),
        due=bindparam("due"),
        generation=bindparam("generation"),
        state=literal_column("'open'"),
    )
)
_CANCEL = Sql(
    update(timers)
    .where(*_MINE, _IS_OPEN)
    .values(state=literal_column("'cancelled'"), reason=bindparam("why"))
)
_FIRE = Sql(
    update(timers)
    .where(
        *_MINE,
        _IS_OPEN,
        _t.step == bindparam("its_step"),
        _t.generation == bindparam("its_generation"),
        _t.due <= bindparam("at"),
    )
    .values(state=literal_column("'fired'"), fired_at=bindparam("at"))
)
_HINDER = Sql(
    update(timers)
    .where(*_MINE, _IS_OPEN, _t.generation == bindparam("its_generation"))
    .values(reason=bindparam("why"))
)
DUE = Sql(
    select(*_COLUMNS)
    .where(_t.tenant == bindparam("tenant"), _IS_OPEN, _t.due <= bindparam("now"))
    .order_by(_t.due, _t.id)
    .limit(bindparam("limit"))
)
_free = (  # apart, so that PostgreSQL picks them once and not again for each row
    select(_t.id)
    .where(
        _t.tenant == bindparam("tenant"),
        _IS_OPEN,
        _t.due <= bindparam("now"),
        none_of(_t.holder, "others"),
    )
    .order_by(_t.due, _t.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    .cte("free")
)
_TAKE_DUE = Sql(
    update(timers)
    .where(_t.id.in_(select(_free.c.id)), _IS_OPEN)
    .values(holder=bindparam("me"))
    .returning(*_COLUMNS)
)
NEXT_DUE = Sql(select(func.min(_t.due)).where(_t.tenant == bindparam("tenant"), _IS_OPEN))
OF_SUBJECT = Sql(select(*_COLUMNS).where(*_MINE).order_by(_t.generation))
AFTER = Sql(
    select(*_COLUMNS)
    .where(_t.tenant == bindparam("tenant"), _t.id > bindparam("after"))
    .order_by(_t.id)
    .limit(bindparam("limit"))
)


def timer_of(row: Row) -> Timer:
    """A timer from its row."""
    number, tenant, subject, step, due, generation, state, reason, fired_at = row
    return Timer(
        id=number,
        tenant=tenant,
        subject=subject,
        step=step,
        due=instant(due),
        generation=generation,
        state=state,
        reason=reason,
        fired_at=maybe_instant(fired_at),
    )


def take_due(
    session: Session, tenant: str, now: datetime, limit: int, me: str, others: Sequence[str]
) -> list[Timer]:
    """What is due and no other process has in hand, taken in hand (PostgreSQL)."""
    params = {"tenant": tenant, "now": micros(now), "limit": limit}
    taken = [timer_of(row) for row in session.rows(_TAKE_DUE, **params, me=me, others=list(others))]
    return sorted(taken, key=lambda timer: (timer.due, timer.id))


class SqlTimers:
    """Implements ``workflow.ports.Timers``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def open(self, subject: str) -> Timer | None:
        row = self._sql.first(FIND_OPEN, tenant=self._scope.tenant, subject=subject)
        return None if row is None else timer_of(row)

    def arm(self, subject: str, step: str, due: datetime) -> None:
        key = {"tenant": self._scope.tenant, "subject": subject}
        row = self._sql.first(_LAST, **key)
        last = None if row is None else timer_of(row)
        if last is not None and last.state == "open":
            if last.step == step and last.due == due:
                return
            self._sql.change(_CANCEL, **key, why="rearmed")
        generation = last.generation if last is not None else 0
        self._sql.append(
            _ARM, {**key, "step": step, "due": micros(due), "generation": generation + 1}
        )
        self._scope.touch("timers")

    def cancel(self, subject: str, reason: str) -> None:
        if self._sql.change(_CANCEL, tenant=self._scope.tenant, subject=subject, why=reason):
            self._scope.touch("timers")

    def fire(self, subject: str, step: str, generation: int, at: datetime) -> bool:
        fired = self._sql.change(
            _FIRE,
            tenant=self._scope.tenant,
            subject=subject,
            its_step=step,
            its_generation=generation,
            at=micros(at),
        )
        if fired:
            self._scope.touch("timers")
        return fired == 1

    def hinder(self, subject: str, generation: int, why: str) -> None:
        key = {"tenant": self._scope.tenant, "subject": subject}
        self._sql.change(_HINDER, **key, its_generation=generation, why=why)
