"""From corrections to examples: what each teaches, and how much all of them may weigh."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from nlp.corpus import Example
from nlp.text import fold, zero_digits
from nlp.understander import Understander
from workflow.learning import NOT_REPORT, Correction, settled

WEIGHT: Final = 4.0
"""What one correction weighs against a row of the corpus: it is of this company."""
PER_TEXT: Final = 8.0
"""What all corrections of one wording weigh at most: a hundred like it are no hundred facts."""
SHARE: Final = 0.1
"""What all corrections weigh at most, as a share of the corpus."""
LATEST: Final = 3000
"""The newest corrected messages are learnt from; what is older has been learnt or is past."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A corrected message: the labels people gave it, by head, and when the last was given."""

    message: str
    text: str
    labels: Mapping[str, str]
    at: datetime

    @property
    def wording(self) -> str:
        """The words as they are compared: the same but for numbers is the same."""
        return re.sub("0+", "0", zero_digits(fold("".join(self.text.split()))))

    def example(self) -> Example:
        """The row it is in training; heads nobody spoke of stay empty and teach nothing."""
        return Example(
            text=self.text,
            intent=self.labels.get("intent", ""),
            fault_type=self.labels.get("fault_type", ""),
            priority=self.labels.get("priority", ""),
            emotion="",
        )


def taught(corrections: Iterable[Correction], reader: Understander) -> tuple[Taught, ...]:
    """The messages people put right or confirmed, the oldest first.

    Somebody who only said that it is no report leaves open what it is: then the reader's own best
    guess among the rest is taught.
    """
    by_message: dict[str, list[Correction]] = {}
    for said in settled(corrections):
        if said.text.strip():
            by_message.setdefault(said.message, []).append(said)
    found = [
        Taught(
            message=message,
            text=all_said[0].text,
            labels={
                said.head: reader.other_intent(said.text) if said.now == NOT_REPORT else said.now
                for said in all_said
            },
            at=max(said.at for said in all_said),
        )
        for message, all_said in by_message.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.message))[-LATEST:])


def counts(rows: Sequence[Taught], corpus: int) -> list[float]:
    """How much each weighs, so that neither one wording nor all of them drown the corpus."""
    times = Counter(row.wording for row in rows)
    weights = [min(WEIGHT, PER_TEXT / times[row.wording]) for row in rows]
    scale = min(1.0, SHARE * corpus / (sum(weights) or 1.0))
    return [weight * scale for weight in weights]
