"""From weights on overlapping n-grams to the few words a person recognises as the reason."""

from __future__ import annotations

from collections.abc import Sequence

from nlp.heads.features import Reading, Span

_MOST = 3
_LONGEST = 8
_MARKS = " \t\r\n,，.。!！?？、;；:：~…"
_PARTICLES = frozenset("了的是在我你他她它们着过吗呢吧啊呀嘛么就也都又还和跟与个这那一")


def words(reading: Reading, reasons: Sequence[tuple[float, Span]]) -> tuple[str, ...]:
    """Up to three words of the message, strongest first; overlapping n-grams become one word,
    and a piece of a known word (梯, 困) becomes the whole word (电梯, 困人).
    """
    if not reasons:
        return ()
    known = [
        *(device[:2] for device in reading.devices),
        *(symptom[:2] for symptom in reading.symptoms),
        *(danger[:2] for danger in reading.dangers),
    ]
    merged: list[tuple[float, Span]] = []
    for weight, span in reasons:
        merged = _absorb(merged, weight, _whole(span, known))
    merged.sort(key=lambda reason: (-reason[0], reason[1]))
    found = (reading.text[start:end].strip(_MARKS) for _, (start, end) in merged)
    return tuple(dict.fromkeys(word for word in found if _says_something(word)))[:_MOST]


def _says_something(word: str) -> bool:
    """Numbers (a phone, say) and bare particles explain nothing to a person."""
    return word not in _PARTICLES and any(char.isalpha() for char in word)


def _whole(span: Span, known: Sequence[Span]) -> Span:
    """The longest known word that holds the span or is held by it, joined with the span."""
    for start, end in known:
        if (start <= span[0] and span[1] <= end) or (span[0] <= start and end <= span[1]):
            return min(start, span[0]), max(end, span[1])
    return span


def _absorb(
    merged: list[tuple[float, Span]], weight: float, span: Span
) -> list[tuple[float, Span]]:
    """Join the span with those it overlaps, unless the word would become a sentence."""
    apart: list[tuple[float, Span]] = []
    for other_weight, other in merged:
        joined = min(span[0], other[0]), max(span[1], other[1])
        overlaps = span[0] < other[1] and other[0] < span[1]
        if overlaps and joined[1] - joined[0] <= _LONGEST:
            weight, span = weight + other_weight, joined
        else:
            apart.append((other_weight, other))
    return [*apart, (weight, span)]
