"""What a message means: the model's answers, what the rules add, and the facts in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nlp import entities, lexicon, parts, safety, sounds
from nlp.entities import loading
from nlp.heads import evidence
from nlp.heads.features import Features, Reading, extract, heard, read
from nlp.heads.loading import kept_spoken, load_or_train, load_or_train_spoken
from nlp.heads.model import EMERGENCY, HEADS, NOW, Answer, Both, Model, Opinion
from nlp.own_words import Hit, OwnWords
from nlp.sounds.mending import Mender
from nlp.spans.tagger import Tagger
from workflow.records import Entity, FaultPart, Guess, Understanding
from workflow.vocabulary import Term

if TYPE_CHECKING:
    from nlp.sameness import SameIncident

_SLOT_KINDS = {"phone": "phone", "serial": "serial", "place": "location", "time": "time"}
_ALTERNATIVES = 3
_SURE = 0.99
_COULD_REPORT = 0.2
"""A danger that is meant turns a message into a report when the model gives it at least this."""
_NAMED_FIRST = 0.8
"""How sure we are of the type of what the writer puts first."""
_NAMED_HERE = 0.92
"""How sure we are of a device that the company itself has put into its vocabulary."""
_COMPANIES = 16
"""Companies whose words are kept compiled at once."""
_SETTLED_PRIORITY = {
    **dict.fromkeys(("cancel", "question", "praise", "chitchat"), "P2"),
    "complaint": "P1",
}
_WORTH_ASKING = ("intent", "fault_type")
"""Unsure of these, the table for spoken messages is asked too."""
_LETTER = 80
_FAMILIAR = 0.46
"""Of a message longer than a letter's first lines, training must have seen this share of pairs of
characters; else it speaks of another world and a person must look. Long reports lie above 0.6,
seven in ten letters to the authorities below.
"""
_LONGEST_READ = 4000
"""Characters the model reads of one message; entities are sought in all of it up to here."""
_BLANK = re.compile(r"[\W_]*")


class Understander:
    """Reads messages. Same text, same answer; immutable, so threads may share it."""

    def __init__(
        self,
        model: Model,
        tagger: Tagger | None = None,
        serial_pattern: str | None = None,
        spoken_model: Model | Callable[[], Model | None] | None = None,
    ) -> None:
        """``tagger`` decides about entities; without one the grammars do. ``spoken_model`` answers
        what was spoken, and is asked too where ``model`` is unsure; a function gives it when it is
        first needed.
        """
        self.model = model
        self.tagger = tagger
        self._spoken = spoken_model
        self._mender = Mender(lexicon.shipped(), sounds.shipped(), model.messages_with)
        self._lexicon = lexicon.shipped()
        self._safety = safety.shipped()
        self._serial = re.compile(serial_pattern.lower()) if serial_pattern else None
        self._own: dict[int, OwnWords] = {}
        self._kept: tuple[Path, Callable[[str], None]] | None = None

    @classmethod
    def load(
        cls,
        folder: Path,
        progress: Callable[[str], None] | None = None,
        serial_pattern: str | None = None,
    ) -> Understander:
        """With the models kept in ``folder``; trained there first (about a minute, on two cores)
        if they are not.
        """
        say = progress or _silent
        from nlp.heads import apart  # noqa: PLC0415  (a program of its own, which imports us)

        with apart.spoken_beside(folder, say):
            model, tagger = load_or_train(folder, say), loading.load_or_train(folder, say)
        if not kept_spoken(folder).exists():
            load_or_train_spoken(folder, say)
        reader = cls(model, tagger, serial_pattern, lambda: load_or_train_spoken(folder, say))
        reader._kept = (folder, say)
        return reader

    STRANGE = _FAMILIAR
    """A message of which training has seen a smaller share speaks of another world."""

    def with_model(self, model: Model) -> Understander:
        """The same reader over another table; what was spoken it hears as before."""
        pattern = self._serial.pattern if self._serial else None
        other = Understander(model, self.tagger, pattern, self._spoken_once)
        other._kept = self._kept
        return other

    def other_intent(self, text: str) -> str:
        """The likeliest intent of a message that is no report."""
        reading = read(text[:_LONGEST_READ], self._lexicon, self._safety)
        shares = self.model.answer(extract(reading)).confidences("intent")
        return next(label for label in shares if label != "report")

    @cached_property
    def spoken_model(self) -> Model | None:
        """The table for what was spoken; read when first needed, a fifth of a second."""
        return self._spoken() if callable(self._spoken) else self._spoken

    def _spoken_once(self) -> Model | None:
        return self.spoken_model

    def warm(self) -> None:
        """Read what would else be read while the first unsure or spoken message waits."""
        self.understand("我姓王，联系李女士 13800000000，或者找张师傅", spoken=True)

    @cached_property
    def same_incident(self) -> SameIncident | None:
        """Whether two reports are one incident, as ``workflow.joining`` asks it; loaded when first
        asked for, and taught first (seconds) if it is not in the folder. None without a folder.
        """
        if self._kept is None:
            return None
        from nlp.sameness import load_or_teach  # noqa: PLC0415  (half of all imports are for it)

        return load_or_teach(self._kept[0], self.model, self._kept[1])

    def understand(
        self,
        text: str,
        *,
        asking: str | None = None,
        at: datetime | None = None,
        asset_fault: str | None = None,
        spoken: bool = False,
        told: tuple[str, ...] = (),
        own: Sequence[Term] = (),
    ) -> Understanding:
        """What one message means.

        Args:
            text: the message as written; only its first 4,000 characters are read.
            asking: the slot we just asked for (``phone``, ``serial``, ``place``, …): a bare
                answer to it is small talk with an entity, not a new report.
            at: when it was written (aware); times are then normalised.
            asset_fault: fault type of the asset whose code was scanned; it decides unless the
                words name a thing of another type.
            spoken: the words come from a voice message and may be misheard.
            told: names of the company's places and devices; misheard ones are read as these.
            own: the company's own words for devices and places.
        """
        reading = read(
            text[:_LONGEST_READ],
            self._lexicon, self._safety, self._mender, spoken=spoken, told=told,
        )  # fmt: skip
        ours = self._own_words(own)
        hits = ours.find(reading) if ours else []
        if ours and hits:
            reading = ours.reread(reading, hits)
        features = extract(reading)
        answer = self._answer(reading, features, spoken=spoken)
        familiarity = self.model.familiarity(features)
        strange = len(reading.text) > _LETTER and familiarity < _FAMILIAR
        found = entities.find(reading, entities.Asked(asking, at, self._serial), self.tagger)
        if ours and hits:
            found = ours.entities(found, reading, hits)
        intent = self._intent(reading, answer, found, asking)
        if strange and intent.label == "chitchat":
            intent = self._guess(reading, answer, "intent", unless="chitchat")
        faults = self._parts(reading) if intent.label == "report" else ()
        fault_type = self._fault_type(reading, answer, intent, asset_fault, faults)
        named = self._named_here(reading, ours, hits) if not (asset_fault or faults) else None
        if named and fault_type.label not in {named.label, "gas_fire"}:
            others = tuple(pair for pair in fault_type.alternatives if pair[0] != named.label)
            top = ((named.label, named.confidence), *others)[:_ALTERNATIVES]
            fault_type = replace(named, alternatives=top)
        priority = self._priority(reading, answer, intent, strange=strange)
        emotion = self._guess(reading, answer, "emotion")
        guesses = dict(zip(HEADS, (intent, fault_type, priority, emotion), strict=True))
        return Understanding(
            text=text,
            intent=intent,
            fault_type=fault_type,
            priority=priority,
            emotion=emotion,
            entities=found,
            abstained=frozenset(
                head for head, guess in guesses.items()
                if guess.confidence < answer.model.heads[head].threshold
                or (strange and head != "emotion")
            ),
            parts=faults,
            model=answer.model.name,
            corrections=reading.corrections,
            familiarity=familiarity,
        )  # fmt: skip

    def _own_words(self, terms: Sequence[Term]) -> OwnWords | None:
        """The words compiled; a company keeps the very same sequence until its file changes."""
        if not terms:
            return None
        known = self._own.get(id(terms))
        if known is None or known.source is not terms:
            if len(self._own) >= _COMPANIES:
                self._own = {}
            known = self._own[id(terms)] = OwnWords.of(terms, self._lexicon)
        return known

    @staticmethod
    def _named_here(reading: Reading, ours: OwnWords | None, hits: Sequence[Hit]) -> Guess | None:
        """The fault type, when the first thing that is named is a device of the house."""
        things = [device for device in reading.devices if device.strength == "strong"]
        for hit in hits if ours and things else ():
            fault = ours.fault_type(hit) if ours else ""
            if fault and hit.start == things[0].start:
                return Guess(fault, _NAMED_HERE, (reading.text[hit.start : hit.end],))
        return None

    def _answer(self, reading: Reading, features: Features, *, spoken: bool) -> Opinion:
        """The table's answer; where it is unsure, halfway between it and the other table's."""
        answer = None if spoken else self.model.answer(features)
        if answer and not self._unsure(answer):
            return answer
        ear = self.spoken_model
        if ear is None:
            return answer or self.model.answer(features)
        sounded = ear.answer(heard(reading, features, sounds.shipped()))
        return Both(answer, sounded) if answer else sounded

    def _unsure(self, answer: Answer) -> bool:
        return any(
            answer.highest(head) < self.model.heads[head].threshold for head in _WORTH_ASKING
        )

    def _guess(self, reading: Reading, answer: Opinion, head: str, unless: str = "") -> Guess:
        label, confidence = answer.best(head)
        if label == unless:
            label, confidence = list(answer.confidences(head).items())[1]
        return Guess(label, confidence, evidence.words(reading, answer.reasons(head, label)))

    def _intent(
        self, reading: Reading, answer: Opinion, found: tuple[Entity, ...], asking: str | None
    ) -> Guess:
        if _BLANK.fullmatch(reading.text):
            return Guess("chitchat", _SURE)
        if slot := _bare_answer(reading, found, asking):
            return Guess("chitchat", _SURE, (slot,))
        shares = answer.confidences("intent")
        guess = self._guess(reading, answer, "intent")
        danger = tuple(reading.text[d.start : d.end] for d in reading.dangers if d.meant)
        if (
            danger
            and guess.label not in {"report", "progress"}
            and shares.get("report", 0) >= _COULD_REPORT
        ):
            return Guess("report", max(shares["report"], 0.5), danger[:3])
        return guess

    def _fault_type(
        self,
        reading: Reading,
        answer: Opinion,
        intent: Guess,
        asset_fault: str | None,
        faults: tuple[FaultPart, ...],
    ) -> Guess:
        shares = answer.confidences("fault_type")
        if asset_fault and not any(
            d.fault_type != asset_fault for d in reading.devices if d.strength == "strong"
        ):
            confidence = max(0.9, shares.get(asset_fault, 0.0))
            return Guess(asset_fault, confidence, (), ((asset_fault, confidence),))
        if intent.label == "report":
            shares.pop("none", None)
            total = sum(shares.values()) or 1.0
            shares = {label: share / total for label, share in shares.items()}
        first = parts.put_first(reading)
        if first or faults:
            shares = _foremost(shares, first.fault_type if first else faults[0].fault_type)
        top = tuple(shares.items())[:_ALTERNATIVES]
        label, confidence = top[0]
        words = evidence.words(reading, answer.reasons("fault_type", label))
        return Guess(label, confidence, words, top)

    def _priority(
        self, reading: Reading, answer: Opinion, intent: Guess, *, strange: bool
    ) -> Guess:
        if settled := _SETTLED_PRIORITY.get(intent.label):
            return Guess(settled, intent.confidence, intent.evidence)
        meant = [d for d in reading.dangers if d.meant]
        if meant and intent.label in {"report", "progress"}:
            words = tuple(dict.fromkeys(reading.text[d.start : d.end] for d in meant))
            confidence = max(0.9, answer.confidences("priority").get("P0", 0.0))
            return Guess("P0", confidence, words[:3])
        shares = answer.confidences("priority")
        threats = [d for d in reading.dangers if d.kind != "injury"]
        only_denied = bool(threats) and all(d.denied for d in threats)
        alarm = answer.confidences(EMERGENCY)[NOW] >= answer.model.heads[EMERGENCY].threshold
        if alarm and not only_denied and not strange:
            label = "P0"
        else:
            label = next(label for label in shares if label != "P0")
        words = evidence.words(reading, answer.reasons("priority", label))
        return Guess(label, shares[label], words)

    def _parts(self, reading: Reading) -> tuple[FaultPart, ...]:
        return parts.split(reading, self._type_of)

    def _type_of(self, text: str) -> str:
        reading = read(text, self._lexicon, self._safety)
        shares = self.model.answer(extract(reading)).confidences("fault_type")
        return next(label for label in shares if label != "none")


def _silent(message: str) -> None:
    pass


def _foremost(shares: dict[str, float], label: str) -> dict[str, float]:
    """The shares with this label in front; the others keep their proportions."""
    if label == next(iter(shares)):
        return shares
    share = max(_NAMED_FIRST, shares.pop(label, 0.0))
    total = sum(shares.values()) or 1.0
    return {label: share} | {other: (1 - share) * s / total for other, s in shares.items()}


def _bare_answer(reading: Reading, found: tuple[Entity, ...], asking: str | None) -> str | None:
    """The words of an entity that is all the message says, so that it tells of nothing new."""
    kinds = {_SLOT_KINDS[asking]} if asking in _SLOT_KINDS else {"phone", "serial"}
    for entity in found:
        if entity.kind in kinds:
            rest = reading.folded[: entity.start] + reading.folded[entity.end :]
            if _BLANK.fullmatch(rest):
                return entity.text
    return None
