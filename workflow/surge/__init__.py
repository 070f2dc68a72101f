"""突发: many reports of one kind where few are usual become one parent work order.

:mod:`keys` says what a report counts under, :mod:`profile` what is usual at this hour,
:mod:`tail` how unlikely the present count is, :mod:`alike` which reports say the same,
:mod:`watch` decides; all pure. :mod:`decisions` and :mod:`record` are a surge's commands and what
they change, :mod:`course` carries a surge through inside units of work.
"""

from __future__ import annotations

from workflow.surge.course import SPREAD, SUBJECT, WEIGH, Course
from workflow.surge.decisions import COMMANDS, decide, gathered
from workflow.surge.keys import keys_of
from workflow.surge.profile import expected
from workflow.surge.tail import poisson_tail
from workflow.surge.watch import Detection, Watched, detect

__all__ = [
    "COMMANDS",
    "SPREAD",
    "SUBJECT",
    "WEIGH",
    "Course",
    "Detection",
    "Watched",
    "decide",
    "detect",
    "expected",
    "gathered",
    "keys_of",
    "poisson_tail",
]
