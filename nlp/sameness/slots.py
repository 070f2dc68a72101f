"""What two reports say of the same thing, slot by slot, as numbers a learner can weigh."""

from __future__ import annotations

import math

from rapidfuzz.distance import Levenshtein

from nlp.sameness.said import CUES, Said
from nlp.sameness.sounds import alike, edits
from workflow.joining import Slots
from workflow.joining.incident import AGAINST, FAVOUR
from workflow.joining.places import PARTS

_OPPOSED = frozenset(
    frozenset(pair)
    for pair in (
        *("左右", "东西", "南北", "上下", "前后", "男女", "大小", "新旧", "内外", "正反", "进出"),
        *("东南", "东北", "西南", "西北", "新老", "主次", "主客", "里外", "冷热", "甲乙", "高低"),
    )
)
_FAR = 9
_SHORT = 3
_USUAL_GAP = 60.0


def compared(
    a: Said, b: Said, rules: Slots, gap_min: float | None, same_user: bool | None
) -> dict[str, float]:
    """Named comparisons of an earlier report ``a`` and a later one ``b``.

    ``rules`` is what the plain rules see in the same two texts.
    """
    found: dict[str, float] = {
        "gap": math.log1p(_USUAL_GAP if gap_min is None else gap_min),
        "gap_known": gap_min is not None,
        "same_user": 0.5 if same_user is None else same_user,
    }
    for name, mine, theirs in (
        ("device", a.slots.devices, b.slots.devices),
        ("symptom", a.slots.symptoms, b.slots.symptoms),
        ("code", a.slots.codes, b.slots.codes),
        ("id", a.slots.ids, b.slots.ids),
        ("thing", a.things, b.things),
        ("kind", a.kinds, b.kinds),
        ("wrong", a.wrongs, b.wrongs),
        ("person", a.people, b.people),
        ("phone", a.phones, b.phones),
    ):
        found |= _sets(name, mine, theirs)
    found |= _places(a, b)
    for cue in CUES:
        found[f"{cue}_a"], found[f"{cue}_b"] = cue in a.cues, cue in b.cues
        found[f"{cue}_new"] = cue in b.cues and cue not in a.cues
    found |= {f"rule_{reason}": reason in rules.against for reason in AGAINST}
    found |= {f"rule_{reason}": reason in rules.favour for reason in FAVOUR}
    found |= _numbers(a, b)
    found |= _edits(a.plain, b.plain)
    place = found["place_agree"] > 0
    thing = found["device_shared"] > 0 or found["thing_shared"] > 0
    wrong = found["symptom_shared"] > 0 or found["wrong_shared"] > 0
    found["support"] = place + thing + wrong
    found["place_thing"], found["place_wrong"] = place and thing, place and wrong
    found["thing_wrong"] = thing and wrong
    clashes = ("device_parts", "symptom_clash", "thing_clash", "wrong_clash")
    found["against"] = (
        (found["place_differ"] > 0)
        + (found["numbers_both"] > 0)
        + sum(found[name] for name in clashes)
    )
    return {name: float(value) for name, value in found.items()}


def _places(a: Said, b: Said) -> dict[str, float]:
    """Part by part 1 where they agree, -1 where they differ, 0 where one is silent."""
    found = {}
    for part in PARTS:
        mine, theirs = a.slots.place.get(part), b.slots.place.get(part)
        found[f"place_{part}"] = (1.0 if mine & theirs else -1.0) if mine and theirs else 0.0
    states = list(found.values())
    return {
        **found,
        "place_agree": states.count(1.0),
        "place_differ": states.count(-1.0),
        "place_one": sum((part in a.slots.place) != (part in b.slots.place) for part in PARTS),
        "place_a": bool(a.slots.place),
        "place_b": bool(b.slots.place),
    }


def _sets(name: str, mine: frozenset[str], theirs: frozenset[str]) -> dict[str, float]:
    shared = len(mine & theirs)
    return {
        f"{name}_shared": shared,
        f"{name}_clash": bool(mine and theirs and not shared),
        f"{name}_parts": bool(mine - theirs) and bool(theirs - mine),
        f"{name}_one": bool(mine) != bool(theirs),
        f"{name}_new": len(theirs - mine),
    }


def _numbers(a: Said, b: Said) -> dict[str, float]:
    mine, theirs = {n for n, _ in a.numbers}, {n for n, _ in b.numbers}
    only_a = {(number, unit) for number, unit in a.numbers if number not in theirs}
    only_b = {(number, unit) for number, unit in b.numbers if number not in mine}
    units = {u for _, u in only_a if u.strip()} & {u for _, u in only_b if u.strip()}
    couples = [(x, y) for x, _ in only_a for y, _ in only_b]
    near = [Levenshtein.distance(x, y) for x, y in couples if len(x) == len(y)]
    inside = sum(x.endswith(y) or y.endswith(x) or x.startswith(y) for x, y in couples)
    return {
        "numbers_shared": len(mine & theirs),
        "numbers_a": len(only_a),
        "numbers_b": len(only_b),
        "numbers_both": min(len(only_a), len(only_b)),
        "numbers_unit": len(units),
        "numbers_near": min(near, default=_FAR),
        "numbers_shape": len(near),
        "numbers_inside": inside,
    }


def _edits(a: str, b: str) -> dict[str, float]:
    """What must be changed, added and dropped to come from the earlier text to the later."""
    steps = [(mine, theirs) for _, mine, theirs in edits(a, b)]
    swaps = [(mine, theirs) for mine, theirs in steps if mine and theirs]
    added = sum(len(theirs) for mine, theirs in steps if not mine)
    dropped = sum(len(mine) for mine, theirs in steps if not theirs)
    sounding = [len(x) == len(y) and all(map(alike, x, y)) for x, y in swaps]
    couples = [list(zip(x, y, strict=False)) for x, y in swaps]
    longest = max((max(len(x), len(y)) for x, y in swaps), default=0)
    whole = max(len(a), len(b), 1)
    return {
        "swaps": len(swaps),
        "swaps_sounding": sum(sounding),
        "swaps_opposed": sum(any(frozenset(c) in _OPPOSED for c in group) for group in couples),
        "swaps_digits": sum(any("".join(c).isdigit() for c in group) for group in couples),
        "swaps_short": sum(
            max(len(x), len(y)) <= _SHORT and not same
            for (x, y), same in zip(swaps, sounding, strict=True)
        ),
        "swaps_longest": longest,
        "swaps_only": bool(swaps) and added + dropped <= _SHORT - 1 and len(swaps) < _SHORT,
        "added": added / whole,
        "dropped": dropped / whole,
        "changed": (added + dropped + longest) / whole,
    }
