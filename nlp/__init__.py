"""Understanding Chinese field-service messages: intent, fault type, priority, mood and facts.

``Understander.load(folder)`` gives a reader; its ``understand(text)`` is pure. See
``docs/reference/understanding.md``.
"""

from nlp.understander import Understander

__all__ = ["Understander"]
