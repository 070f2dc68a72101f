"""What was understood, what people say of it, and which model read it: the records of learning.

A reading is kept for every message of a customer; a correction when a colleague says that one of
its answers is another one. Corrections are what a company's own model is trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, cast

from workflow.events import Event, Kind
from workflow.records import Facts
from workflow.taxonomy import FAULT_TYPES, INTENTS, PRIORITIES

Head = Literal["intent", "fault_type", "priority"]
HEADS: Final[tuple[Head, ...]] = ("intent", "fault_type", "priority")
"""The answers that people correct."""

LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    "intent": tuple(INTENTS),
    "fault_type": tuple(FAULT_TYPES),
    "priority": tuple(PRIORITIES),
}
NOT_REPORT: Final = "not_report"
"""An intent a person did not name: anything but a report."""
UNDO: Final = "undo"
"""The reason of a correction that only takes one back; it teaches nothing."""

_OURS = frozenset({"engineer", "supervisor", "admin"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of one message (``message`` is its dedupe key).

    ``confidence`` and ``alternatives`` are by head. ``doubtful`` names the heads a person should
    look at; ``familiarity`` is the share of the text that training has seen. ``reviewed`` once a
    person has decided.
    """

    message: str
    at: datetime
    text: str
    intent: str
    fault_type: str
    priority: str
    emotion: str
    confidence: Mapping[str, float] = field(default_factory=dict)
    alternatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doubtful: tuple[str, ...] = ()
    familiarity: float = 1.0
    model: str = ""
    order_id: str = ""
    reviewed: bool = False

    def label(self, head: str) -> str:
        """The answer of a head."""
        return str(getattr(self, head))


@dataclass(frozen=True, slots=True)
class Correction:
    """One answer a person put right, or confirmed (``was`` equals ``now``).

    ``source`` says where: ``order`` (its facts were changed), ``case`` (a doubtful message was
    decided) or ``review`` (the review queue). One that was taken back has ``undone``.
    """

    message: str
    head: Head
    was: str
    now: str
    text: str
    by: str
    at: datetime
    order_id: str = ""
    model: str = ""
    source: Literal["order", "case", "review"] = "order"
    id: str = ""
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """The readings of one local day, counted: how often each label, how sure, how doubtful.

    ``shares`` and ``sure`` (the sum of confidences) are by head; ``bins`` counts confidences by
    tenths, 0 to 9. ``strange`` are messages of which training has seen little.
    """

    day: str
    messages: int
    labels: Mapping[str, Mapping[str, int]]
    sure: Mapping[str, float]
    bins: Mapping[str, tuple[int, ...]]
    doubtful: int
    strange: int
    corrected: int


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model of this company. ``base`` is the shipped model it stands on: a newer program has
    another, and then this one is not used any more. ``report`` holds its figures and the reasons
    for the verdict; ``blob`` where its weights lie.
    """

    name: str
    base: str
    made_at: datetime
    blob: str
    report: Facts = field(default_factory=dict)


Act = Literal["made", "kept_as_shadow", "promoted", "rolled_back"]
TAKING_EFFECT: Final = ("promoted", "rolled_back")


@dataclass(frozen=True, slots=True)
class ModelMove:
    """A line of the journal of models. After ``promoted`` and ``rolled_back`` the model reads;
    an empty name is the shipped one.
    """

    at: datetime
    act: Act
    model: str
    before: str
    by: str
    why: str = ""


class Readings(Protocol):
    """What was understood and what people said of it, in one unit of work."""

    def keep(self, reading: Reading) -> None:
        """Store it; the reading of the same message is replaced."""
        ...

    def get(self, message: str) -> Reading | None: ...

    def of_order(self, order_id: str) -> Reading | None:
        """The reading of the message that opened a work order."""
        ...

    def correct(self, correction: Correction) -> None:
        """Store what a person said; its message counts as reviewed."""
        ...

    def undo(self, message: str) -> Sequence[Correction]:
        """Take back what was said of a message; what there was. It waits for review again."""
        ...

    def corrections(self, since: datetime | None = None) -> Sequence[Correction]:
        """Oldest first, those taken back left out."""
        ...

    def waiting(self, since: datetime, limit: int) -> Sequence[Reading]:
        """Doubtful ones nobody has looked at, oldest first."""
        ...


class Models(Protocol):
    """The journal of models, in one unit of work."""

    def put(self, version: ModelVersion) -> None: ...
    def drop(self, name: str) -> None: ...
    def get(self, name: str) -> ModelVersion | None: ...
    def versions(self) -> Sequence[ModelVersion]:
        """Newest first."""
        ...

    def note(self, move: ModelMove) -> None: ...
    def moves(self, limit: int = 100) -> Sequence[ModelMove]:
        """Newest first."""
        ...

    def current(self) -> str:
        """The name of the model that reads; empty for the shipped one."""
        ...


def taught(events: Iterable[Event], history: Callable[[], Sequence[Event]]) -> Iterator[Correction]:
    """What the changes of a work order by a colleague say of the message that opened it.

    ``history`` is asked for only when there is something to say. A work order that no message
    opened (an alarm, a follow-up) teaches nothing.
    """
    said = [(e, *change) for e in events if e.actor.role in _OURS for change in _changes(e)]
    first = history()[0].data if said else {}
    details = cast("Facts", first.get("details") or {})
    heard = cast("Facts", details.get("understanding") or {})
    reporters = cast("Sequence[Facts]", first.get("reporters") or ())
    if not heard or not reporters:
        return
    for event, head, was, now in said:
        yield Correction(
            message=str(reporters[0].get("message", "")),
            head=head,
            was=was,
            now=now,
            text=str(details.get("text", "")),
            by=event.actor.id,
            at=event.at,
            order_id=event.order_id,
            model=str(heard.get("model", "")),
        )


def _changes(event: Event) -> Iterator[tuple[Head, str, str]]:
    data = event.data
    if data.get("reason") == UNDO:
        return
    if event.kind == Kind.PRIORITY_CHANGED:
        yield "priority", str(data["from"]), str(data["to"])
    elif event.kind == Kind.CORRECTED:
        before, after = cast("Facts", data["from"]), cast("Facts", data["to"])
        if "fault_type" in after:
            yield "fault_type", str(before["fault_type"]), str(after["fault_type"])
    elif event.kind == Kind.TRIAGED:
        was = cast("Facts", data.get("was") or {})
        for head in ("fault_type", "priority"):
            if head in was and was[head] != data[head]:
                yield head, str(was[head]), str(data[head])


def settled(corrections: Iterable[Correction]) -> tuple[Correction, ...]:
    """The last word on each answer: what it was at first and what people made of it."""
    last: dict[tuple[str, str], Correction] = {}
    first: dict[tuple[str, str], str] = {}
    for said in sorted(corrections, key=lambda c: c.at):
        if not said.undone:
            key = (said.message, said.head)
            first.setdefault(key, said.was)
            last[key] = said
    return tuple(
        said if said.was == first[key] else _since(said, first[key]) for key, said in last.items()
    )


def _since(said: Correction, was: str) -> Correction:
    return Correction(**{**{n: getattr(said, n) for n in Correction.__slots__}, "was": was})
