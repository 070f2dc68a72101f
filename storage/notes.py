"""Small facts that channels keep between calls: in SQL, or in Redis where several share them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from sqlalchemy import bindparam, delete, select, update

from storage.codec import clean, index_key, micros
from storage.database import Insert, Session, Sql
from storage.schema import NEVER, channel_notes

T = TypeVar("T")
_n = channel_notes.c
_MINE = (
    _n.tenant == bindparam("its_tenant"),
    _n.area == bindparam("its_area"),
    _n.key == bindparam("its_key"),
)


def _values() -> dict[str, Any]:
    names = {"tenant": "its_tenant", "area": "its_area", "key": "its_key"}
    return {c.name: bindparam(names.get(c.name, c.name)) for c in channel_notes.columns}


def _put(insert: Insert) -> Any:
    row = insert(channel_notes).values(_values())
    return row.on_conflict_do_update(
        index_elements=["tenant", "area", "key"],
        set_={"value": row.excluded.value, "until": row.excluded.until},
    )


def _first(insert: Insert) -> Any:
    row = insert(channel_notes).values(_values())
    return row.on_conflict_do_update(
        index_elements=["tenant", "area", "key"],
        set_={"value": row.excluded.value, "until": row.excluded.until},
        where=channel_notes.c.until <= bindparam("now"),
    )


_GET = Sql(select(_n.value).where(*_MINE, _n.until > bindparam("now")))
_PUT = Sql(_put)
_FIRST = Sql(_first)
_SWAP = Sql(
    update(channel_notes)
    .where(*_MINE, _n.value == bindparam("old"), _n.until > bindparam("now"))
    .values(value=bindparam("value"), until=bindparam("until"))
)
_DROP = Sql(delete(channel_notes).where(*_MINE))
_DROP_IF = Sql(delete(channel_notes).where(*_MINE, _n.value == bindparam("old")))
_SWEEP = Sql(delete(channel_notes).where(_n.until <= bindparam("now")))


class Doors(Protocol):
    """What notes need of the store."""

    async def write(self, tenant: str, work: Callable[[Session], T]) -> T: ...

    async def glance(self, query: Callable[[Session], T]) -> T: ...


class SqlNotes:
    """Implements ``workflow.ports.Notes`` for one tenant and area (a channel, say)."""

    def __init__(
        self,
        doors: Doors,
        tenant: str,
        area: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._doors = doors
        self._tenant = tenant
        self._area = area
        self._now = now

    def _key(self, key: str) -> dict[str, str]:
        return {"its_tenant": self._tenant, "its_area": self._area, "its_key": index_key(key)}

    def _until(self, life: timedelta | None) -> int:
        return NEVER if life is None else micros(self._now() + life)

    async def get(self, key: str) -> str | None:
        now = micros(self._now())
        row = await self._doors.glance(lambda s: s.first(_GET, **self._key(key), now=now))
        return None if row is None else str(row[0])

    async def put(self, key: str, value: str, life: timedelta | None = None) -> None:
        new = {**self._key(key), "value": clean(value), "until": self._until(life)}
        await self._change(_PUT, new)

    async def swap(
        self, key: str, old: str | None, new: str, life: timedelta | None = None
    ) -> bool:
        row = {**self._key(key), "value": clean(new), "until": self._until(life)}
        row["now"] = micros(self._now())
        if old is None:
            return await self._change(_FIRST, row) > 0
        return await self._change(_SWAP, {**row, "old": clean(old)}) > 0

    async def drop(self, key: str, old: str | None = None) -> None:
        if old is None:
            await self._change(_DROP, self._key(key))
        else:
            await self._change(_DROP_IF, {**self._key(key), "old": clean(old)})

    async def sweep(self) -> int:
        """Remove, of all tenants, what has outlived its life; how many notes that was."""
        return await self._change(_SWEEP, {"now": micros(self._now())})

    async def _change(self, sql: Sql, params: dict[str, Any]) -> int:
        return await self._doors.write(self._tenant, lambda s: s.change(sql, **params))


class RedisClient(Protocol):
    """What is used of ``redis.asyncio.Redis``."""

    def get(self, name: str) -> Awaitable[Any]: ...

    def set(
        self, name: str, value: str, *, px: int | None = None, nx: bool = False
    ) -> Awaitable[Any]: ...

    def delete(self, *names: str) -> Awaitable[Any]: ...

    def eval(self, script: str, numkeys: int, *args: str) -> Awaitable[Any]: ...


_REDIS_SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""
_REDIS_DROP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class RedisNotes:
    """Implements ``workflow.ports.Notes`` for what may be lost at any time: tokens and leases."""

    def __init__(self, redis: RedisClient, tenant: str, area: str) -> None:
        self._redis = redis
        self._prefix = f"paidan:{tenant}:notes:{area}:"

    def _name(self, key: str) -> str:
        return self._prefix + clean(key)

    async def get(self, key: str) -> str | None:
        found = await self._redis.get(self._name(key))
        return found.decode() if isinstance(found, bytes) else found

    async def put(self, key: str, value: str, life: timedelta | None = None) -> None:
        await self._redis.set(self._name(key), clean(value), px=_milliseconds(life))

    async def swap(
        self, key: str, old: str | None, new: str, life: timedelta | None = None
    ) -> bool:
        name, px = self._name(key), _milliseconds(life)
        if old is None:
            return bool(await self._redis.set(name, clean(new), px=px, nx=True))
        return bool(
            await self._redis.eval(_REDIS_SWAP, 1, name, clean(old), clean(new), str(px or ""))
        )

    async def drop(self, key: str, old: str | None = None) -> None:
        if old is None:
            await self._redis.delete(self._name(key))
        else:
            await self._redis.eval(_REDIS_DROP, 1, self._name(key), clean(old))


def _milliseconds(life: timedelta | None) -> int | None:
    return None if life is None else max(1, life // timedelta(milliseconds=1))
