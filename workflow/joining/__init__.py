"""One incident, one work order: whether two reports speak of the same thing.

:mod:`incident` decides over a :mod:`pair`; :mod:`claims` is what a report claims, read with
:mod:`places` (indoor places in any writing) and :mod:`families` (words for devices and symptoms).
"""

from workflow.joining.incident import (
    RECURRENCE_WINDOW,
    JoinDecision,
    Judge,
    Slots,
    Verdict,
    best,
    recurrence,
    same_incident,
    slots,
)
from workflow.joining.places import place_key

__all__ = [
    "RECURRENCE_WINDOW",
    "JoinDecision",
    "Judge",
    "Slots",
    "Verdict",
    "best",
    "place_key",
    "recurrence",
    "same_incident",
    "slots",
]
