"""Same incident or not: the decision, learnt from our own pairs of reports.

``load_or_teach(folder, hearing)`` gives a :class:`SameIncident`; calling it with two texts gives a
``workflow.joining.Verdict``. See ``docs/explanation/joining.md``.
"""

from nlp.sameness.judge import SameIncident
from nlp.sameness.loading import load_or_teach

__all__ = ["SameIncident", "load_or_teach"]
