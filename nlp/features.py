"""What the linear model sees of a message: character n-grams and facts from the lexicon."""

from __future__ import annotations

from typing import NamedTuple

from nlp.lexicon import Device, Lexicon, Symptom
from nlp.safety import Danger, Safety
from nlp.text import fold, zero_digits

LONGEST_GRAM = 3
"""N-grams of one to this many characters."""

_LENGTHS = (4, 8, 16, 32, 64)
_EDGE = "^"

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


class Features(NamedTuple):
    """N-grams and named facts, each with the span of the text that shows it.

    A gram's span is that of its first occurrence; an empty span means no single word shows it.
    """

    grams: dict[str, Span]
    facts: dict[str, Span]


def read(text: str, lexicon: Lexicon, safety: Safety) -> Reading:
    """Fold a message and look its words up."""
    folded = fold(text)
    meant = lexicon.meant(folded)
    return Reading(
        text,
        folded,
        meant,
        lexicon.devices(meant),
        lexicon.symptoms(meant),
        safety.dangers(meant),
    )


def extract(reading: Reading) -> Features:
    """N-grams of the meant text with digits zeroed, plus facts such as ``first:elevator``.

    The text is framed so that beginnings and ends count: 在吗 alone is not 在吗 in a sentence.
    """
    framed = _EDGE + zero_digits(reading.meant) + _EDGE
    last = len(reading.meant)
    grams: dict[str, Span] = {}
    for size in range(1, LONGEST_GRAM + 1):
        for start in range(len(framed) - size, -1, -1):
            grams[framed[start : start + size]] = (max(start - 1, 0), min(start - 1 + size, last))
    return Features(grams, _facts(reading))


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
    if not reading.devices:
        facts["first:nothing"] = NOWHERE
    if not reading.symptoms:
        facts["symptom:nothing"] = NOWHERE
    if shouts := reading.folded.count("!"):
        facts[f"shouts:{min(shouts, 3)}"] = NOWHERE
    return facts
