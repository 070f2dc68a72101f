"""Is this report about an incident we know already? Slots decide, similar words alone never do.

Two reports that read alike may be two rooms; two that share no word may be one lift. So first
anything that contradicts keeps them apart (another serial, place, device, fault, …), then
something must speak for them: the same asset or serial, the same place with the same thing, or the
same people with the same fault. Without either they stay apart: a wrong join hides a fault, a
missed one costs a phone call.

Where a :data:`Judge` is given (``nlp.sameness``, which has learnt from pairs of reports), it weighs
what the words say, and the rules here keep what words cannot know: assets, sites, customers, time.
Without one the rules decide alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise

from workflow.commands import Details
from workflow.joining.claims import Claim, claim_of
from workflow.joining.families import without_families
from workflow.joining.pair import Pair, agree, contained
from workflow.joining.places import EVERYWHERE, without_spots
from workflow.policy import Policy
from workflow.work_order import WorkOrder

RECURRENCE_WINDOW = timedelta(days=30)

_SHARED_FAULTS = frozenset({"elevator", "gas_fire", "network", "structure", "environment"})
"""Faults of a whole building: naming the building is naming the place."""
_WIDE = frozenset({"name", "area", "building"})
_NARROW = frozenset({"unit", "room", "line", "gate", "gender", "spot", "number"})
_VAGUE = frozenset({"spot", "gender", "side"})
_PRECISE = frozenset({"name", "area", "building", "room", "line"})
_ANOTHER = re.compile(
    r"另(?:外)?[一1]?[台个部只扇盏间边]|别的|(?:旁边|隔壁)(?:那|的)?[台间]|还有[一1][台个]|第[二2][台个]"
)
_WHOLE = re.compile(r"整[栋层个座幢条片站]|全[楼栋店厂层站]|全公司|全小区|全部|所有")
_REPAIRED = re.compile(
    r"(?:修|换|弄|处理|维修)(?:完|好|过|了){1,2}.{0,8}又"
    r"|(?:刚|才|昨天|前天|上午|上次|上周).{0,2}[修换通弄].{0,8}又|师傅.{0,4}走.{0,12}又|复发"
)
_PLACE_NAME = re.compile(r"([\u4e00-\u9fff]{2})(?:机房|站|房|间|库|室|厂|场)")
_SMALL = frozenset(
    "的了是在我你他她它们这那有没不还又都就也吧吗呢啊请快来去到说一个和给把被让好坏修下上"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether two texts are about one incident, how likely that is (0–1), and why."""

    same: bool
    score: float
    reason: str


Judge = Callable[[str, str, float | None, bool | None], Verdict]
"""Judges an earlier and a later text, given the minutes between them and whether one person wrote
both (None where unknown).
"""


@dataclass(frozen=True, slots=True)
class JoinDecision:
    """Same incident or not, how sure (0–1) and by which rule.

    ``reason`` of a yes: ``same_asset``, ``same_serial``, ``same_place_device``,
    ``same_place_fault``, ``same_customer_fault``, ``same_slots``, ``same_words``, ``asks_again``,
    ``sounds_alike``. Of a no: ``other_asset``, ``other_serial``, ``other_place``,
    ``other_device``, ``other_kind``, ``other_error``, ``other_scope``, ``other_fault``,
    ``recurrence``, ``too_old``, ``nothing_in_common``.
    """

    order_id: str
    same: bool
    score: float
    reason: str


@dataclass(frozen=True)
class Slots:
    """What the slots of two texts say: the rules against and in favour of one incident, and the
    parts of a place that both name, with whether they agree. Each is found when it is asked for.
    """

    pair: Pair

    @cached_property
    def against(self) -> tuple[str, ...]:
        return tuple(reason for reason, holds in _AGAINST if holds(self.pair))

    @cached_property
    def favour(self) -> tuple[str, ...]:
        return tuple(reason for reason, _, holds in _FOR if holds(self.pair))

    @property
    def places(self) -> Mapping[str, bool]:
        return self.pair.places


def same_incident(
    details: Details, at: datetime, order: WorkOrder, policy: Policy, judge: Judge | None = None
) -> JoinDecision:
    """Whether a report of ``at`` is about the incident of an open work order.

    The window counts from when the incident was last reported.
    """
    return _decide(claim_of(details), at, order, policy, judge)


def slots(earlier: str, later: str, *, same_people: bool = False) -> Slots:
    """What the rules see in two texts alone."""
    who = "same" if same_people else ""
    return Slots(Pair(_bare(later, who), _bare(earlier, who)))


@lru_cache(maxsize=8192)
def _bare(text: str, customer: str) -> Claim:
    """What a text alone claims."""
    return claim_of(Details(text, customer_id=customer))


def best(
    details: Details,
    at: datetime,
    candidates: Sequence[WorkOrder],
    policy: Policy,
    judge: Judge | None = None,
) -> JoinDecision | None:
    """The surest yes among open work orders, the latest of equals; None when there is none."""
    claim = claim_of(details)
    decisions = [
        (decision.score, order.opened_at or at, order.id, decision)
        for order in candidates
        if order.open
        for decision in (_decide(claim, at, order, policy, judge),)
        if decision.same
    ]
    return max(decisions, key=lambda found: found[:3])[3] if decisions else None


def recurrence(
    details: Details, at: datetime, closed: Sequence[WorkOrder], policy: Policy
) -> WorkOrder | None:
    """The latest work order, done within the last 30 days, whose thing broke again.

    Another symptom of the same thing counts: the repair may have caused it.
    """
    del policy
    claim = claim_of(details)
    again = [
        order
        for order in closed
        if order.outcome in {"completed", "self_solved"}
        and order.closed_at is not None
        and timedelta(0) <= at - order.closed_at <= RECURRENCE_WINDOW
        and _same_thing(Pair(claim, claim_of(order)), order)
    ]
    return max(again, key=lambda order: (order.closed_at or at, order.id), default=None)


def _decide(
    claim: Claim, at: datetime, order: WorkOrder, policy: Policy, judge: Judge | None
) -> JoinDecision:
    heard = [reporter.at for reporter in order.reporters if reporter.at is not None]
    last = max([*heard, order.opened_at or at])
    if abs(at - last) > policy.intake.join_window:
        return JoinDecision(order.id, False, 0.0, "too_old")
    pair = Pair(claim, claim_of(order))
    if judge is not None and not pair.equal("asset"):
        judged = _judged(pair, (at - last) / timedelta(minutes=1), order, judge)
        if judged is not None:
            return judged
    against = _first(pair, _AGAINST)
    if against:
        return JoinDecision(order.id, False, 0.0, against)
    return _in_favour(pair, order)


def _judged(pair: Pair, minutes: float, order: WorkOrder, judge: Judge) -> JoinDecision | None:
    """What the judge says of the words, within what the records allow; None leaves it to rules."""
    against = _first(pair, _RECORDS)
    if against:
        return JoinDecision(order.id, False, 0.0, against)
    apart = pair.unequal("customer")
    if apart and not (_same_serial(pair) or _same_place(pair)):
        return JoinDecision(order.id, False, 0.0, "nothing_in_common")
    people = True if _same_people(pair) else False if apart else None
    # one's own address, known from before, agrees with itself and proves nothing
    said = pair.new.words if people else pair.new.told
    verdict = judge(pair.old.told, said, abs(minutes), people)
    if verdict.reason == "recurrence" and pair.old.done:
        return None
    score = verdict.score if verdict.same else 0.0
    return JoinDecision(order.id, verdict.same, score, verdict.reason)


# --- what keeps two reports apart -------------------------------------------------------------


def _other_serial(pair: Pair) -> bool:
    if pair.unequal("serial"):
        return not contained(pair.new.serial, pair.old.serial)
    shapes = {_shape(i) for i in pair.new.said.ids} & {_shape(i) for i in pair.old.said.ids}
    return bool(shapes) and not pair.shares("ids")


def _shape(number: str) -> str:
    """IT20210457 → IT99999999: two numbers of one kind have one shape."""
    return "".join("9" if c.isdecimal() else c for c in number)


def _other_place(pair: Pair) -> bool:
    apart = (part for part, agree in pair.places.items() if not agree and part != "number")
    return pair.unequal("region") or any(apart)


def _other_device(pair: Pair) -> bool:
    one_more = _ANOTHER.search(pair.new.said.text) and not _ANOTHER.search(pair.old.said.text)
    other_kind = _other_parts(pair.new.said.devices, pair.old.said.devices) and not pair.one_fire
    return bool(one_more) or other_kind or pair.places.get("number") is False


def _other_parts(mine: frozenset[str], known: frozenset[str]) -> bool:
    """Each names something that the other does not: another device, or part of a device."""
    return bool(mine - known) and bool(known - mine)


def _other_fault(pair: Pair) -> bool:
    """Another kind of fault. The kind is itself read from the words: shared words outrank it."""
    if not (pair.new.typed and pair.old.typed) or pair.new.fault == pair.old.fault:
        return False
    return not (pair.shares("devices") or pair.shares("symptoms"))


def _other_scope(pair: Pair) -> bool:
    """A whole building against one room or one numbered thing in it."""
    whole = [bool(_WHOLE.search(claim.said.text)) for claim in (pair.new, pair.old)]
    if whole[0] == whole[1]:
        return False
    single = (pair.old if whole[0] else pair.new).said.place
    return "room" in single or "number" in single


def _other_symptom(pair: Pair) -> bool:
    """Something else is wrong; on the very same thing that is the same visit."""
    return pair.clash("symptoms") and not (pair.equal("asset") or pair.equal("serial"))


def _recurrence(pair: Pair) -> bool:
    """Broken again after a repair: not an incident that still waits for one."""
    again = _REPAIRED.search(pair.new.said.text) and not _REPAIRED.search(pair.old.said.text)
    return bool(again) and not pair.old.done


_Rules = tuple[tuple[str, Callable[[Pair], bool]], ...]

_ANOTHER_THING: _Rules = (
    ("other_asset", lambda pair: pair.unequal("asset")),
    ("other_serial", _other_serial),
    ("other_place", _other_place),
    ("other_device", _other_device),
    ("other_kind", _other_fault),
)
_RECORDS: _Rules = (
    ("other_asset", lambda pair: pair.unequal("asset")),
    ("other_serial", _other_serial),
    ("other_place", lambda pair: pair.unequal("region")),
)
_AGAINST: _Rules = (
    *_ANOTHER_THING,
    ("other_error", lambda pair: pair.clash("codes")),
    ("other_scope", _other_scope),
    ("other_fault", _other_symptom),
    ("recurrence", _recurrence),
)
AGAINST = tuple(reason for reason, _ in _AGAINST)
"""The rules that keep two reports apart, by name."""


def _first(pair: Pair, rules: _Rules) -> str:
    return next((reason for reason, holds in rules if holds(pair)), "")


# --- what speaks for one incident -------------------------------------------------------------


def _same_serial(pair: Pair) -> bool:
    """A number in the text may be a model that many own; the serial slot is sure."""
    slots = {pair.new.serial, pair.old.serial}
    both = pair.new.said.ids & pair.old.said.ids
    return pair.equal("serial") or bool(both & slots) or (bool(both) and not pair.strangers)


def _same_matter(pair: Pair) -> bool:
    """The same device or symptom, or the same known kind of fault."""
    return pair.shares("devices") or pair.shares("symptoms") or (pair.new.typed and pair.old.typed)


def _same_place(pair: Pair) -> bool:
    """A place precise enough for this fault.

    A building or a floor is enough for what everybody there shares, or when device and symptom
    agree too; a shop or a cellar is, for there is one of it. Customers of two sites need a building
    or a name: everybody has a third floor.
    """
    shared = {part for part, agree in pair.places.items() if agree}
    if pair.strangers and not shared & {"name", "building"}:
        return False
    if pair.unplaced and not _tells_where(pair, shared):
        return False
    place = pair.new.said.place
    wide = shared & _WIDE
    cellar = _is_cellar(pair, shared)
    shop = "name" in shared and any(name.endswith("店") for name in place["name"])
    if shared & _NARROW or (wide and "floor" in shared) or cellar or shop:
        return True
    everybody_s = {pair.new.fault, pair.old.fault} <= _SHARED_FAULTS
    alike = pair.shares("devices") and pair.shares("symptoms")
    return bool(wide or "floor" in shared) and (everybody_s or alike)


def _tells_where(pair: Pair, shared: set[str]) -> bool:
    """Whether people who share no site can mean one place: 走廊 is everywhere.

    In an emergency a floor or a unit without its building says too little as well: two teams on
    one site cost less than one person waiting on another.
    """
    told = shared & _PRECISE if pair.new.priority == "P0" else shared - _VAGUE
    if told or _is_cellar(pair, shared):
        return True
    mine, known = (side.said.place.get("spot", frozenset()) for side in (pair.new, pair.old))
    both = {spot.lstrip("大小") for spot in mine if agree("spot", frozenset({spot}), known)}
    kitchens = pair.new.fault == pair.old.fault == "kitchen"
    return bool(both - EVERYWHERE) or (kitchens and "厨房" in both)


def _is_cellar(pair: Pair, shared: set[str]) -> bool:
    floors = pair.new.said.place.get("floor", ())
    return "floor" in shared and any(floor.startswith("-") for floor in floors)


def _same_people(pair: Pair) -> bool:
    return pair.equal("customer") or pair.equal("phone")


def _same_words(pair: Pair) -> bool:
    """One symptom and a rare word in common (冷冻机房, 冷冻站); a building's name is none.

    Between senders of whom we know nothing the word must name a place: two letters about a city's
    rivers share many words and no incident.
    """
    named = pair.places.keys() & _WIDE
    alike = pair.shares("symptoms") and not pair.strangers and not named
    telling = _place_names if pair.unplaced else _rare
    return alike and bool(telling(pair.new.said.text) & telling(pair.old.said.text))


def _place_names(text: str) -> set[str]:
    """冷冻 of 冷冻机房 and 冷冻站: what people call one place by."""
    return set(_PLACE_NAME.findall(text))


def _rare(text: str) -> set[str]:
    """Pairs of Chinese characters that are neither small words nor any device, symptom or spot."""
    return {
        a + b
        for piece in without_families(without_spots(text))
        for a, b in pairwise(piece)
        if not {a, b} & _SMALL and _is_chinese(a) and _is_chinese(b)
    }


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


_FOR: tuple[tuple[str, float, Callable[[Pair], bool]], ...] = (
    ("same_asset", 1.0, lambda pair: pair.equal("asset")),
    ("same_serial", 0.97, _same_serial),
    ("same_place_device", 0.92, lambda pair: _same_place(pair) and pair.shares("devices")),
    ("same_place_fault", 0.85, lambda pair: _same_place(pair) and _same_matter(pair)),
    ("same_customer_fault", 0.75, lambda pair: _same_people(pair) and _same_matter(pair)),
    ("same_words", 0.6, _same_words),
)


FAVOUR = tuple(reason for reason, _, _ in _FOR)
"""The rules that bring two reports together, the surest first."""


def _in_favour(pair: Pair, order: WorkOrder) -> JoinDecision:
    for reason, score, holds in _FOR:
        if holds(pair):
            return JoinDecision(order.id, True, score, reason)
    return JoinDecision(order.id, False, 0.0, "nothing_in_common")


def _same_thing(pair: Pair, order: WorkOrder) -> bool:
    """Nothing says it is another thing and something that it is this one."""
    return not _first(pair, _ANOTHER_THING) and _in_favour(pair, order).same
