"""How unlikely a count is when so many are usual."""

from __future__ import annotations

import math


def poisson_tail(n: int, mean: float) -> float:
    """P(X ≥ n) for a Poisson variable with this mean: the sum of its upper terms, so that tiny
    probabilities come out as they are and not as a difference of ones.
    """
    if n <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if n <= mean:  # the lower terms are the fewer and the larger ones
        return 1.0 - math.fsum(_term(k, mean) for k in range(n))
    total = term = _term(n, mean)
    k = n
    while term > total * 1e-16:
        k += 1
        term *= mean / k
        total += term
    return min(1.0, total)


def _term(k: int, mean: float) -> float:
    return math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
