"""Are two reports about one incident? The learnt decision, and the reason it gives.

A slot that contradicts outright (another room, another serial number, another alarm code) settles
it by rule. Everything else is weighed by a :class:`~nlp.sameness.model.PairModel`: slots that agree
or are silent, how the words differ, what the texts are about, time and person.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from nlp import lexicon, safety
from nlp.heads.features import extract
from nlp.heads.features import read as read_message
from nlp.heads.model import Model
from nlp.sameness.meaning import Meaning
from nlp.sameness.model import Compared, PairModel
from nlp.sameness.said import Said, hear
from nlp.sameness.slots import compared
from nlp.sameness.sounds import harmonised
from nlp.sameness.wording import Wording
from workflow import joining
from workflow.joining import Slots, Verdict

_LIKELY = 0.42
"""Where as many pairs are missed as are joined wrongly, out of fold: training saw more that differ.
What is returned is measured from here, so that 0.5 is the middle.
"""
_MIDDLE = 0.5
_SETTLED = 0.03
"""How likely it still is that a contradiction was a slip of the pen."""
_CLOSE = 0.6
_FIXED_PLACES = frozenset({"area", "building", "unit", "room", "line", "gate", "side", "gender"})
_SURE = ("other_serial", "other_error")
"""Rules of ``workflow.joining`` that need nothing beside them to keep two reports apart."""
_SHORT = 3
"""Numbers of up to three digits count things and places; longer ones are serial numbers."""


class Heard(NamedTuple):
    """What the understanding model makes of a report: shares of fault types, and how far it
    sounds like chasing, like a complaint and like an emergency.
    """

    faults: tuple[float, ...]
    chases: float
    complains: float
    grave: float


class Sides(NamedTuple):
    """Two reports side by side: as read, what the rules see in them, and whether the later one had
    to be spelt like the earlier one.
    """

    a: Said
    b: Said
    rules: Slots
    misheard: bool


class Comparer:
    """Lays two reports side by side. Immutable; its caches are its own."""

    def __init__(self, hearing: Model, meaning: Meaning, wording: Wording) -> None:
        self.hearing = hearing
        self.meaning = meaning
        self.wording = wording
        self.heard = lru_cache(maxsize=8192)(self._heard)

    def compare(
        self, earlier: str, later: str, gap_min: float | None, same_user: bool | None
    ) -> Compared:
        """Both texts in all the ways they can be compared."""
        return self.weigh(lay(earlier, later, same_user), (earlier, later), gap_min, same_user)

    def weigh(
        self,
        sides: Sides,
        written: tuple[str, str],
        gap_min: float | None,
        same_user: bool | None,
    ) -> Compared:
        """The same, of two texts that lie side by side already."""
        a, b, rules, misheard = sides
        facts = compared(a, b, rules, gap_min, same_user)
        facts |= self.wording.facts(a.text, b.text)
        facts |= self._meant(*written)
        facts["misheard"] = float(misheard)
        facts["near"] = self.meaning.near(a.text, b.text)
        facts["place_kind"] = facts["place_agree"] * facts["fault_common"]
        return Compared(facts, _marks(a, b))

    def _meant(self, earlier: str, later: str) -> dict[str, float]:
        a, b = self.heard(earlier), self.heard(later)
        return {
            "fault_common": sum(map(min, a.faults, b.faults)),
            "chases_a": a.chases,
            "chases_b": b.chases,
            "complains_b": b.complains,
            "grave_a": a.grave,
            "grave_b": b.grave,
        }

    def _heard(self, text: str) -> Heard:
        reading = read_message(text, lexicon.shipped(), safety.shipped())
        answer = self.hearing.answer(extract(reading))
        faults, intents = answer.confidences("fault_type"), answer.confidences("intent")
        return Heard(
            tuple(faults[label] for label in sorted(faults)),
            intents["progress"],
            intents["complaint"],
            answer.confidences("priority")["P0"],
        )


def lay(earlier: str, later: str, same_user: bool | None) -> Sides:
    """Two texts side by side, without what costs: most pairs are settled by what is seen here."""
    a, b = hear(earlier), hear(later)
    spelt = harmonised(b.text, a.text)
    misheard = spelt != b.text
    if misheard:
        b = hear(spelt)
    rules = joining.slots(a.text, b.text, same_people=bool(same_user))
    return Sides(a, b, rules, misheard)


def _marks(a: Said, b: Said) -> frozenset[str]:
    """Which characters and pairs of characters are gone, new, and in both; any digit is one."""
    left, right = _grams(a.plain), _grams(b.plain)
    gone, new, both = left - right, right - left, left & right
    return frozenset({f"-{g}" for g in gone} | {f"+{g}" for g in new} | {f"={g}" for g in both})


def _grams(plain: str) -> set[str]:
    framed = "^" + "".join("0" if c.isdecimal() else c for c in plain) + "$"
    return {framed[at : at + size] for size in (1, 2) for at in range(len(framed) - size + 1)}


class SameIncident:
    """The decision. Same pair, same verdict; a :data:`workflow.joining.Judge`."""

    def __init__(self, comparer: Comparer, model: PairModel) -> None:
        self.comparer = comparer
        self.model = model

    def __call__(
        self,
        earlier: str,
        later: str,
        gap_min: float | None = None,
        same_user: bool | None = None,
    ) -> Verdict:
        """Whether the later report is about the incident of the earlier one.

        Args:
            earlier: the text reported first.
            later: the text reported afterwards.
            gap_min: minutes between them, if known.
            same_user: whether one person wrote both, if known.
        """
        if elsewhere(hear(earlier), hear(later)):
            return Verdict(False, _SETTLED, "other_place")
        sides = lay(earlier, later, same_user)
        against = contradiction(sides)
        if against:
            return Verdict(False, _SETTLED, against)
        two = self.comparer.weigh(sides, (earlier, later), gap_min, same_user)
        likely = _from_the_middle(self.model.probability(two.facts, two.marks))
        if likely >= _MIDDLE:
            return Verdict(True, likely, _why_same(sides.rules, two.facts))
        return Verdict(False, likely, _why_other(sides, two.facts))


def _from_the_middle(share: float) -> float:
    yes, no = share * (1 - _LIKELY), (1 - share) * _LIKELY
    return yes / (yes + no)


def elsewhere(a: Said, b: Said) -> bool:
    """What :func:`contradiction` would find at once: two numbers of one kind of place. No sound
    makes one number another. Most of what a report is held against lies behind another door.
    """
    if "corrects" in b.cues or "above" in a.cues | b.cues or (a.slots.ids and b.slots.ids):
        return False
    if a.slots.codes and b.slots.codes:
        return False
    mine, theirs = a.slots.place, b.slots.place
    return any(
        mine[part].isdisjoint(theirs[part]) and all(map(str.isdecimal, mine[part] | theirs[part]))
        for part in _FIXED_PLACES & mine.keys() & theirs.keys()
    )


def contradiction(two: Sides) -> str:
    """The slot that keeps them apart by rule, or nothing. A message that takes back the last one
    (「打错了，是 8 栋」) contradicts nothing, and water comes from the flat above.
    """
    if "corrects" in two.b.cues:
        return ""
    sure = next((reason for reason in _SURE if reason in two.rules.against), "")
    if sure:
        return sure
    leak = "above" in two.a.cues | two.b.cues
    apart = {part for part, agree in two.rules.places.items() if not agree}
    if not leak and apart & _FIXED_PLACES:
        return "other_place"
    if "other_scope" in two.rules.against:
        return "other_scope"
    return "recurrence" if "recurrence" in two.rules.against else ""


def _why_same(seen: Slots, facts: Mapping[str, float]) -> str:
    rules = [reason for reason in seen.favour if reason != "same_asset"]
    if rules:
        return rules[0]
    if facts["misheard"]:
        return "sounds_alike"
    if facts["same_user"] == 1 and (facts["chase_b"] or facts["still_b"] or facts["again_b"]):
        return "asks_again"
    if facts["char_jaccard"] >= _CLOSE or facts["common_of_short"] >= _CLOSE:
        return "same_words"
    return "same_slots" if facts["support"] or facts["fault_common"] >= _CLOSE else "same_words"


def _why_other(two: Sides, facts: Mapping[str, float]) -> str:
    """The likeliest reason for a no: what differs, the plainest first."""
    numbered = facts["id_clash"] or (facts["numbers_both"] and facts["numbers_near"] <= _SHORT)
    long = numbered and _long_number(two)
    signs = (
        ("recurrence", facts["repaired_new"] or (facts["again_new"] and not facts["chase_b"])),
        ("other_place", facts["place_differ"]),
        ("other_scope", facts["whole_new"]),
        ("other_error", facts["code_clash"]),
        ("other_serial", long),
        ("other_device", numbered or facts["another_new"]),
        ("other_device", facts["device_parts"] or facts["thing_clash"]),
        ("other_fault", facts["symptom_clash"] or facts["wrong_clash"]),
        ("other_fault", facts["char_jaccard"] >= _CLOSE / 2),
    )
    return next((reason for reason, holds in signs if holds), "nothing_in_common")


def _long_number(two: Sides) -> bool:
    only = {n for n, _ in two.a.numbers} ^ {n for n, _ in two.b.numbers}
    return any(sum(c.isdigit() for c in number) > _SHORT for number in only)
