"""What is due next on a work order, and whom it reaches.

:mod:`stepper` is the one pure stepper of production, audit and simulation; :mod:`chain` finds the
people of a step; :mod:`default_rules` is the ladder of a company that has not written its own.
"""

from workflow.escalation.default_rules import DEFAULT_CLOCKS, DEFAULT_LADDER, default_policy
from workflow.escalation.stepper import Step, next_step, targets, upcoming

__all__ = [
    "DEFAULT_CLOCKS",
    "DEFAULT_LADDER",
    "Step",
    "default_policy",
    "next_step",
    "targets",
    "upcoming",
]
