"""Which reports say the same in other words: what a cluster is made of.

Only candidates for a surge are found so, never for a join: whether two reports are one incident
is for :mod:`workflow.joining`, where slots decide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from workflow.joining.places import folded, without_spots

ALIKE = 0.5
"""How much of two reports must be in common, 0–1."""
_TOKEN = re.compile(r"[A-Z]+\d*(?:-?\d+)?|[\u4e00-\u9fff]+")
_WRAPPING = re.compile(
    r"你好|您好|请问|麻烦|谢谢|师傅|赶紧|快点|怎么办|怎么回事|什么情况|我们|我家|这边|这里|电话|手机"
    r"|派人|来人|处理|看看|看一下|一下|现在|今天|刚才|一直|已经|还是|真的|[的了吗呢啊吧呀我你们请也都就在是]"
)


@lru_cache(maxsize=4096)
def features(text: str) -> frozenset[str]:
    """Pairs of characters and whole words and codes of a report, without places and politeness."""
    plain = _WRAPPING.sub(" ", without_spots(folded(text)))
    found: set[str] = set()
    for token in _TOKEN.findall(plain):
        if token[0] <= "Z" or len(token) == 1:
            found.add(token)
        else:
            found.update(a + b for a, b in pairwise(token))
    return frozenset(found)


def rarity(background: Sequence[str]) -> Mapping[str, float]:
    """How much each feature says: what every report of the past says, says little."""
    counts: dict[str, int] = {}
    for text in background:
        for feature in features(text):
            counts[feature] = counts.get(feature, 0) + 1
    return {f: 1 / (1 + math.log1p(n)) for f, n in counts.items()}


def likeness(one: str, other: str, weights: Mapping[str, float]) -> float:
    """The cosine of two reports' features, 0–1; features unknown to ``weights`` count whole."""
    mine, theirs = features(one), features(other)
    if not mine or not theirs:
        return 0.0

    def mass(found: frozenset[str]) -> float:
        return sum(weights.get(f, 1.0) ** 2 for f in found)

    return mass(mine & theirs) / math.sqrt(mass(mine) * mass(theirs))


def alike(one: str, other: str, weights: Mapping[str, float] | None = None) -> bool:
    """Whether two reports say the same."""
    return likeness(one, other, weights or {}) >= ALIKE
