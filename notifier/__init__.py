"""Who is told what, when and how; and getting it delivered.

:func:`plan` turns a change of a work order into notices, :func:`plan_case` a case that needs a
person, :func:`word` an answer, :func:`refusal` an error. :class:`Delivery` sends what is due.
"""

from __future__ import annotations

from notifier.cases import plan_case
from notifier.delivery import Delivery
from notifier.plan import plan
from notifier.replies import refusal, word

__all__ = ["Delivery", "plan", "plan_case", "refusal", "word"]
