"""Under which keys a report is found by others that may speak of the same incident.

Whoever rewords a report still says where and what: so the keys are its places, alone and by twos,
its numbers, its devices where they stand, and its pairs of characters. Two reports that share
many of them are worth comparing; whether they are one incident is for :mod:`incident` to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations, islice, pairwise

from workflow.joining.claims import read
from workflow.joining.families import without_families
from workflow.joining.places import EVERYWHERE, without_spots

MOST = 24
"""Keys a report has at most, the most telling first."""
_PLACED = ("name", "area", "building", "unit", "floor", "room", "line", "gate", "number", "spot")
_ALONE = frozenset({"name", "area", "building", "room", "line", "gate", "number"})
_LONGEST = 60
_SMALL = frozenset("的了是在我你他她它们这那有没不还又都就也吧吗呢啊请快来去到说一个和给把被让好坏")


@lru_cache(maxsize=4096)
def lookalike_keys(text: str) -> tuple[str, ...]:
    """The keys of a report's words, the most telling first."""
    keys = (key[:_LONGEST] for key in dict.fromkeys(_keys(text)))
    return tuple(islice(keys, MOST))


def _keys(text: str) -> Iterator[str]:
    said = read(text)
    parts = [(part, value) for part in _PLACED for value in sorted(said.place.get(part, ()))]
    devices = sorted(said.devices)
    yield from (f"id:{number}" for number in sorted(said.ids))
    for one, other in combinations(parts, 2):
        if one[0] != other[0] and {one[0], other[0]} != {"floor", "room"}:
            yield f"{one[0]}:{one[1]}&{other[0]}:{other[1]}"
    for part, value in parts:
        yield from (f"{part}:{value}&{device}" for device in devices)
    for part, value in parts:
        if part in _ALONE or (part == "spot" and value.lstrip("大小") not in EVERYWHERE):
            yield f"{part}:{value}"
    yield from (f"code:{code}" for code in sorted(said.codes))
    yield from (f"{device}&{symptom}" for device in devices for symptom in sorted(said.symptoms))
    yield from _pairs(said.text, outside=True)
    yield from _pairs(said.text, outside=False)


def _pairs(folded: str, *, outside: bool) -> Iterator[str]:
    """Pairs of Chinese characters; first those outside of devices, symptoms and spots, which are
    names, mostly.
    """
    pieces = without_families(without_spots(folded)) if outside else [folded]
    for one, other in (pair for piece in pieces for pair in pairwise(piece)):
        if not {one, other} & _SMALL and "一" <= one <= "龥" and "一" <= other <= "龥":
            yield one + other
