"""What a finder returns, and how overlapping findings are settled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """A finding in folded text: where, how sure (0–1), and its normalised value if it has one."""

    start: int
    end: int
    confidence: float
    normalized: str | None = None


def free_of(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The spans that overlap none of those already taken."""
    occupied = list(taken)
    return [
        span
        for span in spans
        if not any(span.start < other.end and other.start < span.end for other in occupied)
    ]


def disjoint(spans: Iterable[Span]) -> list[Span]:
    """The surest of overlapping spans, longer before shorter, in text order."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (-s.confidence, s.start - s.end, s.start)):
        kept.extend(free_of([span], kept))
    return sorted(kept)
