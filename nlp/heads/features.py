"""What the linear model sees of a message: character n-grams and facts from the lexicon."""

from __future__ import annotations

from operator import add
from typing import NamedTuple

from nlp.lexicon import Cue, Device, Lexicon, Symptom
from nlp.safety import Danger, Safety
from nlp.sounds import Sounds
from nlp.sounds.mending import Mender, joined, put_right
from nlp.text import LONGEST_GRAM, fold, zero_digits
from workflow.records import Correction

FACT = "@"
"""Facts share the vocabulary with n-grams; this mark, and being longer, keeps them apart."""

_LENGTHS = (4, 8, 16, 32, 64)
_EDGE = "^"
_WEIGHTS = ("cue:whole", "cue:many", "cue:mild", "cue:handled", "cue:ask", "cue:deadline")
"""Cues whose meaning depends on what they are said of: each is also paired with it."""

Span = tuple[int, int]
NOWHERE: Span = (0, 0)


class Reading(NamedTuple):
    """A message prepared for the model and the rules; all spans fit the original text."""

    text: str
    folded: str
    meant: str
    devices: list[Device]
    symptoms: list[Symptom]
    dangers: list[Danger]
    cues: list[Cue]
    corrections: tuple[Correction, ...] = ()


class Features(NamedTuple):
    """N-grams with the place of each one's first occurrence in the framed text, and named facts
    with the span of the word that shows them (:data:`NOWHERE` if none does).
    """

    grams: dict[str, int]
    facts: dict[str, Span]

    def span(self, name: str) -> Span:
        """Where an n-gram, or a fact marked with :data:`FACT`, is seen in the message."""
        if name in self.grams:
            start = self.grams[name] - len(_EDGE)
            return max(start, 0), start + len(name)
        return self.facts[name.removeprefix(FACT)]


def read(
    text: str,
    lexicon: Lexicon,
    safety: Safety,
    mender: Mender | None = None,
    *,
    spoken: bool = False,
    told: tuple[str, ...] = (),
) -> Reading:
    """Fold a message and look its words up; misheard ones are read as what they stand for.

    Without a ``mender`` only those of the list are; ``spoken`` and ``told`` as
    :meth:`nlp.sounds.mending.Mender.mend`.
    """
    folded = fold(text)
    corrections = lexicon.misheard(folded)
    meant = put_right(folded, corrections)
    if mender is not None:
        meant, mended = mender.mend(meant, spoken=spoken, told=told)
        corrections = joined(meant, [*corrections, *mended]) if mended else corrections
    return Reading(
        text,
        folded,
        meant,
        lexicon.devices(meant),
        lexicon.symptoms(meant),
        safety.dangers(meant),
        lexicon.cues(meant),
        tuple(corrections),
    )


def extract(reading: Reading) -> Features:
    """N-grams of the meant text, plus facts such as ``first:elevator``."""
    return Features(cut(reading.meant, LONGEST_GRAM), _facts(reading))


def heard(reading: Reading, features: Features, sounds: Sounds) -> Features:
    """The features with the n-grams of sounds as well, for those who may have misheard."""
    syllables = cut(sounds.of(reading.meant), LONGEST_GRAM)
    told = {gram: start for gram, start in syllables.items() if gram not in features.grams}
    return Features({**features.grams, **told}, features.facts)


def cut(folded: str, longest: int) -> dict[str, int]:
    """N-grams of one to ``longest`` characters, digits zeroed, each with its first place.

    The text is framed so that beginnings and ends count: 在吗 alone is not 在吗 in a sentence.
    """
    framed = _EDGE + zero_digits(folded) + _EDGE
    pieces = list(framed)
    grams = dict(zip(reversed(pieces), range(len(pieces) - 1, -1, -1), strict=True))
    for size in range(1, longest):
        pieces = list(map(add, pieces, framed[size:]))
        grams.update(zip(reversed(pieces), range(len(pieces) - 1, -1, -1), strict=True))
    return grams


def _facts(reading: Reading) -> dict[str, Span]:
    facts: dict[str, Span] = {}
    facts[f"length:{sum(len(reading.text) > limit for limit in _LENGTHS)}"] = NOWHERE
    things = [device for device in reading.devices if device.strength != "topic"]
    for device in (things or reading.devices)[:1]:
        facts[f"first:{device.fault_type}"] = device[:2]
    for device in reading.devices:
        facts.setdefault(f"device:{device.fault_type}", device[:2])
    for symptom in reading.symptoms:
        facts.setdefault(f"symptom:{symptom.kind}", symptom[:2])
    for danger in reading.dangers:
        how = "danger" if danger.meant else "denied" if danger.denied else "feared"
        facts.setdefault(how, danger[:2])
        facts.setdefault(f"{how}:{danger.kind}", danger[:2])
    for cue in reading.cues:
        facts.setdefault(f"cue:{cue.kind}", cue[:2])
    for weight in [cue for cue in _WEIGHTS if cue in facts]:
        for symptom in reading.symptoms:
            facts.setdefault(f"{weight}&{symptom.kind}", symptom[:2])
        for device in (things or reading.devices)[:1]:
            facts.setdefault(f"{weight}&{device.fault_type}", device[:2])
    if not reading.devices:
        facts["first:nothing"] = NOWHERE
    if not reading.symptoms:
        facts["symptom:nothing"] = NOWHERE
    if shouts := reading.folded.count("!"):
        facts[f"shouts:{min(shouts, 3)}"] = NOWHERE
    return facts
