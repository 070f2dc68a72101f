"""The tags that together score best: the best path, exact, in a few steps a place.

At each place only those tags are gone on from that could still be on the best path: what one tag
is ahead of another now, no continuation may make good. Few are left then, and of what they lead to
only the steps that are worth more from them than from the best tag are looked at.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_Backs = list[tuple[int, dict[int, int]]]


class BestPath:
    """Finds best paths for one table of steps: ``steps[a, b]`` is what going from ``a`` to ``b``
    is worth. Immutable.
    """

    def __init__(self, steps: Floats) -> None:
        tags = range(len(steps))
        self._steps: list[list[float]] = steps.tolist()
        self._better = [[self._ahead(tag, best) for tag in tags] for best in tags]
        self._reach = [[max((gain for gain, _ in gains), default=0.0) for gains in row]
                       for row in self._better]  # fmt: skip

    def _ahead(self, tag: int, best: int) -> list[tuple[float, int]]:
        """To which tags the way from ``tag`` is worth more than from ``best``, the most first."""
        pairs = zip(self._steps[tag], self._steps[best], strict=True)
        gains = [(mine - other, to) for to, (mine, other) in enumerate(pairs)]
        return sorted(((gain, to) for gain, to in gains if gain > 0), reverse=True)

    def through(self, scores: Floats) -> list[int]:
        """The best path; ``scores[place, tag]``, one place at least."""
        rows: list[list[float]] = scores.tolist()
        top, best, others = self._leaders(rows[0])
        backs: _Backs = []
        for row in rows[1:]:
            state = [top + step + score for step, score in zip(self._steps[best], row, strict=True)]
            backs.append((best, self._overtaken(state, row, top, best, others)))
            top, best, others = self._leaders(state)
        path = [best]
        for back, instead in reversed(backs):
            path.append(instead.get(path[-1], back))
        return path[::-1]

    def _leaders(self, state: list[float]) -> tuple[float, int, list[tuple[int, float]]]:
        """The best total, its tag, and the others that may yet overtake it."""
        top = max(state)
        best = state.index(top)
        reach = self._reach[best]
        others = [
            (tag, total)
            for tag, (total, far) in enumerate(zip(state, reach, strict=True))
            if far > top - total
        ]
        return top, best, others

    def _overtaken(
        self,
        state: list[float],
        row: list[float],
        top: float,
        best: int,
        others: list[tuple[int, float]],
    ) -> dict[int, int]:
        """Put into ``state`` what is better reached from another tag than the best one; from
        which.
        """
        instead: dict[int, int] = {}
        for tag, total in others:
            behind, steps = top - total, self._steps[tag]
            for gain, to in self._better[best][tag]:
                if gain <= behind:
                    break
                reached = total + steps[to] + row[to]
                if reached > state[to]:
                    state[to] = reached
                    instead[to] = tag
        return instead
