"""Who goes, and why: hard filters, scored terms, and what it would have taken to be first.

:mod:`ranking` ranks; :mod:`scoring` holds the terms and their recomputable account; :mod:`duty`
says who is on duty.
"""

from workflow.dispatch.duty import on_duty
from workflow.dispatch.ranking import (
    Excluded,
    Ranking,
    facts,
    from_facts,
    kilometres,
    next_on_duty,
    rank,
    rescore,
)
from workflow.dispatch.scoring import Candidate, Counterfactual, Term

__all__ = [
    "Candidate",
    "Counterfactual",
    "Excluded",
    "Ranking",
    "Term",
    "facts",
    "from_facts",
    "kilometres",
    "next_on_duty",
    "on_duty",
    "rank",
    "rescore",
]
