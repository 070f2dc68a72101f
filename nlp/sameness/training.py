"""Teaching the decision with our own pairs, and with strangers put beside each other.

Our pairs are hard ones: few words in common where it is the same, nearly all where it is not. From
those alone a learner would think that what reads differently must be one incident. So for each
pair one is added of two reports that have nothing to do with each other, most of them about the
same kind of fault; they count for less.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nlp.heads.model import Model
from nlp.pairs import Pair
from nlp.sameness.judge import Comparer, SameIncident
from nlp.sameness.meaning import learn as learn_meaning
from nlp.sameness.wording import Wording

_OF_ONE_KIND = 0.7
_STRANGERS_COUNT = 0.3
_DAY = 1440


class Beside(NamedTuple):
    """Two reports that have nothing to do with each other."""

    gap_min: int
    same_user: bool
    a: str
    b: str


def teach(
    pairs: Sequence[Pair],
    messages: Sequence[str],
    hearing: Model,
    say: Callable[[str], None] = lambda _: None,
) -> SameIncident:
    """The decision learnt from pairs; ``messages`` teach what words go together."""
    comparer = comparer_of(pairs, messages, hearing)
    say(f"learning what one incident is from {len(pairs)} pairs")
    return learnt(comparer, pairs)


def comparer_of(pairs: Sequence[Pair], messages: Sequence[str], hearing: Model) -> Comparer:
    """What compares, without having seen a verdict."""
    texts = [*messages, *(text for pair in pairs for text in (pair.a, pair.b))]
    return Comparer(hearing, learn_meaning(texts), Wording.of(texts))


def learnt(comparer: Comparer, pairs: Sequence[Pair]) -> SameIncident:
    """The decision learnt from these pairs and no others."""
    from nlp.sameness.learner import learn  # noqa: PLC0415 - scikit-learn: seconds

    others = strangers(pairs, comparer)
    shown = [(pair.a, pair.b, pair.gap_min, pair.same_user) for pair in pairs]
    shown += [(pair.a, pair.b, pair.gap_min, pair.same_user) for pair in others]
    rows = [comparer.compare(*pair) for pair in shown]
    model = learn(
        rows,
        [*(pair.same for pair in pairs), *(False for _ in others)],
        [*(1.0 for _ in pairs), *(_STRANGERS_COUNT for _ in others)],
    )
    return SameIncident(comparer, model)


def strangers(pairs: Sequence[Pair], comparer: Comparer, seed: int = 0) -> tuple[Beside, ...]:
    """As many couples of unrelated reports as there are pairs; the same for the same pairs."""
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    kinds: dict[int, list[Pair]] = {}
    for pair in pairs:
        kinds.setdefault(_kind(comparer, pair.a), []).append(pair)
    found = []
    for pair in pairs:
        alike = kinds[_kind(comparer, pair.a)] if draw.random() < _OF_ONE_KIND else pairs
        other = draw.choice(alike)
        if other is pair:
            continue
        one, two = draw.choice((pair.a, pair.b)), draw.choice((other.a, other.b))
        gap = draw.choice((pair.gap_min, draw.randint(1, _DAY)))
        found.append(Beside(gap, draw.random() < 0.25, one, two))  # noqa: PLR2004 - a quarter
    return tuple(found)


def _kind(comparer: Comparer, text: str) -> int:
    faults = comparer.heard(text).faults
    return faults.index(max(faults))
