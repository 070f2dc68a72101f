"""What was understood of a message, as the page tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from paidan.console.render import Reader
from workflow.kept import Admitted
from workflow.records import Facts

_HEADS = ("intent", "fault_type", "priority", "emotion")


@dataclass(frozen=True)
class Head:
    """One answer: its name, its value in words, how sure (0–1), which words decided it."""

    name: str
    value: str
    confidence: float
    evidence: tuple[str, ...]
    abstained: bool


@dataclass(frozen=True)
class Meaning:
    """All answers about one message, what was found in it, and what became of it."""

    heads: tuple[Head, ...]
    entities: tuple[tuple[str, str], ...]
    corrections: tuple[tuple[str, str], ...]
    outcome: str

    @property
    def short(self) -> str:
        """The values on one line."""
        return " · ".join(head.value for head in self.heads)

    @property
    def evidence(self) -> tuple[str, ...]:
        """Every word that decided something or was found."""
        decided = [word for head in self.heads for word in head.evidence]
        return tuple(dict.fromkeys(decided + [word for _, word in self.entities]))


def guessed(facts: Facts, reader: Reader) -> str:
    """What a doubtful message looks like, on one line; empty when nothing was read in it."""
    return " · ".join(head.value for head in _heads(facts, reader))


def meaning_of(message: Admitted, reader: Reader) -> Meaning | None:
    """The meaning of a handled message; None when nothing was read in it."""
    heads = tuple(_heads(message.understanding, reader))
    became = message.outcome.partition(":")[0]
    told = reader.t_or(f"became.{became}", reader.t_or(f"act.{became}", message.outcome))
    read = message.understanding
    return Meaning(heads, _entities(read), _corrections(read), told) if heads else None


def _heads(facts: Facts, reader: Reader) -> Iterator[Head]:
    sure, why = _table(facts, "confidence"), _table(facts, "evidence")
    doubtful = facts.get("abstained")
    for name in _HEADS:
        label, share, evidence = facts.get(name), sure.get(name), why.get(name)
        if isinstance(label, str) and (name, label) != ("fault_type", "none"):
            yield Head(
                name=reader.t(f"head.{name}"),
                value=reader.label(name, label),
                confidence=float(share) if isinstance(share, int | float) else 0.0,
                evidence=tuple(map(str, evidence)) if isinstance(evidence, list) else (),
                abstained=isinstance(doubtful, list) and name in doubtful,
            )


def _table(facts: Facts, name: str) -> Mapping[str, object]:
    found = facts.get(name)
    return found if isinstance(found, Mapping) else {}


def _corrections(facts: Facts) -> tuple[tuple[str, str], ...]:
    """Words heard and what they were taken for, each pair once."""
    found = facts.get("corrections")
    pairs = found if isinstance(found, list) else []
    return tuple(dict.fromkeys((str(heard), str(meant)) for heard, meant in pairs))


def _entities(facts: Facts) -> tuple[tuple[str, str], ...]:
    found = facts.get("entities")
    if not isinstance(found, list):
        return ()
    return tuple(
        (str(item.get("kind", "")), str(item.get("text", "")))
        for item in found
        if isinstance(item, Mapping)
    )
