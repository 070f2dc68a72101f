"""Records to columns and back: JSON by msgspec, instants as microseconds since 1970, UTC."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from storage.schema import NEVER
from workflow.company import Company
from workflow.errors import InvalidInput
from workflow.joining.places import parse, place_key

T = TypeVar("T")

LONGEST_KEY: Final = 512
QUARTER: Final = 900_000_000
"""Microseconds in a quarter of an hour: no zone is shifted by less."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """An aware instant as a number that sorts.

    Raises:
        InvalidInput: the instant has no time zone.
    """
    if at.tzinfo is None:
        raise InvalidInput(field="datetime", found=at.isoformat(), allowed="with a time zone")
    return (at - _EPOCH) // _MICROSECOND


def maybe_micros(at: datetime | None) -> int | None:
    """The same for what may not have happened."""
    return None if at is None else micros(at)


def instant(number: int) -> datetime:
    """The instant (UTC) of :func:`micros`."""
    return _EPOCH + timedelta(microseconds=number)


def maybe_instant(number: int | None) -> datetime | None:
    """The same for what may not have happened; :data:`~storage.schema.NEVER` counts as that."""
    return None if number is None or number == NEVER else instant(number)


def _plain(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value.key
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


def _rich(kind: type, value: object) -> object:
    if kind is object:
        return value
    if kind is ZoneInfo and isinstance(value, str):
        return ZoneInfo(value)
    raise NotImplementedError(f"no {kind.__name__} from JSON")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def encode(record: object) -> str:
    """Any record, or facts, as JSON text."""
    return _encoder.encode(record).decode()


def decoder(kind: type[T]) -> Callable[[str], T]:
    """A function from JSON text to the record; build it once, use it often."""
    return msgspec.json.Decoder(kind, dec_hook=_rich).decode


facts: Callable[[str], dict[str, Any]] = decoder(dict[str, Any])


def encode_company(company: Company) -> str:
    """A company without what its calendar worked out for itself."""
    plain = msgspec.to_builtins(company, enc_hook=_plain)
    plain["calendar"].pop("_days", None)
    return encode(plain)


decode_company: Callable[[str], Company] = decoder(Company)


def key_of(words: str) -> str:
    """Serials and the like as they are compared: width, case and blanks do not matter."""
    return "".join(unicodedata.normalize("NFKC", words).casefold().split())


def haystack(*facts: str) -> str:
    """What a search looks through: the facts in comparable form, the shortest things first, since
    an index of PostgreSQL holds no more than so much.
    """
    return "|".join(key_of(fact) for fact in facts if fact)[:_INDEXED]


_INDEXED = 600
_LANDMARKS = ("building", "room", "unit", "line", "gate", "floor", "area", "name", "number")


def place_of(words: str) -> str:
    """A place in one form, however it was written: 3栋2单元 is 三号楼二单元."""
    return "|".join(place_key(words)) or key_of(words)


def neighbourhood(words: str) -> str:
    """The building, or what else tells most: under this key a place is looked for. It finds too
    much rather than too little; whether two places are one is for ``workflow.joining`` to say.
    """
    place = parse(words)
    part = next((name for name in _LANDMARKS if name in place), "")
    return f"{part}:{'|'.join(sorted(place[part]))}" if part else place_of(words)


def clean(words: str) -> str:
    """Text that every database can hold: no NUL, no half of a surrogate pair."""
    if "\x00" in words or any("\ud800" <= c <= "\udfff" for c in words):
        return words.replace("\x00", "").encode("utf-8", "replace").decode()
    return words


def index_key(words: str) -> str:
    """The same for what is looked up by it: an index of PostgreSQL takes less than 2,704 bytes, so
    what is longer than any name of ours keeps its beginning and a digest of the whole.
    """
    name = clean(words)
    if len(name.encode()) <= LONGEST_KEY:
        return name
    return f"{name[:64]}#{hashlib.sha256(name.encode()).hexdigest()}"
