"""Learning from what people put right: a candidate model, and whether it is better.

:func:`retrain` trains the shipped corpus with a company's corrections and compares the candidate
with the model at work on the frozen exam and on corrections neither has seen. It changes nothing
by itself; who keeps models decides by the :class:`Verdict`.
"""

from nlp.learning.material import Taught, taught
from nlp.learning.retraining import Trained, retrain
from nlp.learning.trial import Score, Verdict, examine

__all__ = ["Score", "Taught", "Trained", "Verdict", "examine", "retrain", "taught"]
