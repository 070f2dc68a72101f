"""Finding what was written before: articles that answer, repairs that helped.

:class:`Index` takes short texts under keys, one after another, and finds the nearest to a
question: BM25 over characters and their pairs, over words and over sounds, fused. Nonsense finds
nothing. In memory, safe to share between threads.
"""

from nlp.knowledge.index import Hit, Index, alike

__all__ = ["Hit", "Index", "alike"]
