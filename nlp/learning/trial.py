"""Two readers side by side on the same questions: which is better, and is it chance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import comb
from typing import Final

from nlp.corpus import Example
from nlp.learning.material import Taught
from nlp.understander import Understander
from workflow.learning import HEADS
from workflow.records import Facts, Understanding

CHANCE: Final = 0.05
"""Below this probability a difference is not taken for chance."""
TOLERANCE: Final = 0.005
"""How much the exam's share of right answers of one head may fall, significant or not."""
NO_TREND: Final = 3
"""So few answers lost are no trend, however short the exam."""

Answers = Mapping[tuple[str, str], str]
"""Label by question (a message) and head."""


@dataclass(frozen=True, slots=True)
class Score:
    """A reader on the exam: how many of ``messages`` it has right by head, emergencies heard and
    missed, how sure it is, how often it asks for a person, and how often the words were strange.
    """

    messages: int
    right: Mapping[str, int]
    p0: int
    p0_heard: int
    p0_said: int
    sure: Mapping[str, float]
    doubtful: int
    strange: int

    def share(self, head: str) -> float:
        """The share of right answers of a head."""
        return self.right[head] / self.messages if self.messages else 0.0

    @property
    def recall(self) -> float:
        """The share of emergencies that were heard as such."""
        return self.p0_heard / self.p0 if self.p0 else 1.0

    def facts(self) -> Facts:
        """For the record."""
        return {
            "messages": self.messages,
            **{head: round(self.share(head), 4) for head in HEADS},
            "p0_recall": round(self.recall, 4),
            "p0_precision": round(self.p0_heard / self.p0_said, 4) if self.p0_said else 1.0,
            "sure": {head: round(value, 4) for head, value in self.sure.items()},
            "doubtful": round(self.doubtful / (self.messages or 1), 4),
            "strange": round(self.strange / (self.messages or 1), 4),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the candidate is better. ``reasons`` are codes with facts, the deciding one first:
    ``better``, ``p0_missed``, ``worse`` (on a head of the exam), ``not_proven``.
    """

    better: bool
    reasons: tuple[tuple[str, Facts], ...]
    wins: int = 0
    losses: int = 0
    chance: float = 1.0
    held_out: int = 0
    held_out_right: tuple[int, int] = (0, 0)
    exam: Facts = field(default_factory=dict)
    exam_before: Facts = field(default_factory=dict)

    def facts(self) -> Facts:
        """For the record."""
        return {
            "better": self.better,
            "reasons": [[code, dict(facts)] for code, facts in self.reasons],
            "wins": self.wins,
            "losses": self.losses,
            "chance": round(self.chance, 5),
            "held_out": self.held_out,
            "held_out_right": list(self.held_out_right),
            "exam": dict(self.exam),
            "exam_before": dict(self.exam_before),
        }


def examine(reader: Understander, asked: Sequence[Example]) -> tuple[Score, dict[str, set[int]]]:
    """The reader's score, and which questions (by place) it has right, by head."""
    heard = [reader.understand(example.text) for example in asked]
    right: dict[str, set[int]] = {
        head: {
            n
            for n, (example, answer) in enumerate(zip(asked, heard, strict=True))
            if label(answer, head) == getattr(example, head)
        }
        for head in HEADS
    }
    said = [answer.priority.label == "P0" for answer in heard]
    grave = [example.priority == "P0" for example in asked]
    score = Score(
        messages=len(asked),
        right={head: len(found) for head, found in right.items()},
        p0=sum(grave),
        p0_heard=sum(a and b for a, b in zip(said, grave, strict=True)),
        p0_said=sum(said),
        sure={h: _mean([getattr(answer, h).confidence for answer in heard]) for h in HEADS},
        doubtful=sum(bool(doubts(answer)) for answer in heard),
        strange=sum(answer.familiarity < reader.STRANGE for answer in heard),
    )
    return score, right


def label(answer: Understanding, head: str) -> str:
    """The answer of a head."""
    return str(getattr(answer, head).label)


def doubts(answer: Understanding) -> frozenset[str]:
    """The heads a person should look at, as far as they matter for what is done."""
    report = answer.intent.label == "report"
    return frozenset(HEADS if report else ("intent",)) & answer.abstained


def compare(
    candidate: Score,
    current: Score,
    differences: Mapping[str, tuple[int, int]],
    held_out: tuple[int, int],
    right: tuple[int, int],
    asked: int,
    missed: tuple[int, int],
) -> Verdict:
    """The verdict on a candidate.

    Args:
        candidate: Its score on the exam.
        current: That of the model at work.
        differences: By head, questions of the exam only the candidate, and only the current one
            has right.
        held_out: The same of the answers people corrected.
        right: How many of those the candidate and the current one have right.
        asked: How many there are.
        missed: Emergencies among them that the candidate, and the current one, did not hear.
    """
    wins = held_out[0] + sum(won for won, _ in differences.values())
    losses = held_out[1] + sum(lost for _, lost in differences.values())
    odds = chance(wins, losses)
    against: list[tuple[str, Facts]] = []
    if candidate.p0_heard < current.p0_heard or missed[0] > missed[1]:
        facts = {"now": round(candidate.recall, 4), "before": round(current.recall, 4)}
        against.append(("p0_missed", {**facts, "corrected": missed[0], "by_current": missed[1]}))
    for head, (won, lost) in differences.items():
        fell = lost - won
        bound = max(NO_TREND, TOLERANCE * current.messages)
        if fell > bound or (fell > 0 and chance(lost, won) < CHANCE):
            against.append(("worse", {"head": head, "won": won, "lost": lost}))
    if odds >= CHANCE:
        against.append(("not_proven", {"wins": wins, "losses": losses, "chance": round(odds, 4)}))
    better = ("better", {"wins": wins, "losses": losses, "chance": round(odds, 4)})
    return Verdict(
        better=not against,
        reasons=tuple(against) or (better,),
        wins=wins,
        losses=losses,
        chance=odds,
        held_out=asked,
        held_out_right=right,
        exam=candidate.facts(),
        exam_before=current.facts(),
    )


def chance(wins: int, losses: int) -> float:
    """The sign test: how likely so many wins or more would be if neither were better."""
    tried = wins + losses
    return sum(comb(tried, n) for n in range(wins, tried + 1)) / 2**tried if tried else 1.0


def answers(reader: Understander, rows: Sequence[Taught]) -> Answers:
    """What a reader says of corrected messages, head by head as far as people spoke of it."""
    said = {row.message: reader.understand(row.text) for row in rows}
    return {
        (row.message, head): label(said[row.message], head) for row in rows for head in row.labels
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
