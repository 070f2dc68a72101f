"""What is kept of an understanding: beside the message, on the work order, and to learn from."""

from __future__ import annotations

from bots.situation import Decision, Situation
from workflow.learning import HEADS, Reading
from workflow.records import ALARM, Facts, Understanding


def facts(understanding: Understanding) -> Facts:
    """What was understood, JSON-able, to be kept beside the message and on the work order."""
    heads = {
        "intent": understanding.intent,
        "fault_type": understanding.fault_type,
        "priority": understanding.priority,
        "emotion": understanding.emotion,
    }
    return {
        **{name: head.label for name, head in heads.items()},
        "confidence": {name: round(head.confidence, 4) for name, head in heads.items()},
        "evidence": {name: list(head.evidence) for name, head in heads.items()},
        "alternatives": {
            name: [[label, round(share, 4)] for label, share in head.alternatives]
            for name, head in heads.items()
        },
        "entities": [
            {
                "kind": entity.kind,
                "text": entity.text,
                "start": entity.start,
                "end": entity.end,
                "confidence": round(entity.confidence, 4),
                "normalized": entity.normalized,
            }
            for entity in understanding.entities
        ],
        "corrections": [
            [understanding.text[start:end], meant]
            for start, end, meant in understanding.corrections
        ],
        "abstained": sorted(understanding.abstained),
        "parts": [[part.text, part.fault_type] for part in understanding.parts],
        "model": understanding.model,
        "familiarity": round(understanding.familiarity, 3),
    }


def reading_of(s: Situation, decision: Decision) -> Reading | None:
    """What is kept of the understanding of a customer's message; None when there is nothing to
    learn from it: a press, a command of ours, chatter nobody meant for us.
    """
    heard, inbound = s.understanding, s.inbound
    ours = s.staff is not None and not decision.outcome.startswith("opened")
    if not heard.model or ours or inbound.action is not None or inbound.channel == ALARM:
        return None
    if decision.outcome in _WITHOUT_UNDERSTANDING or decision.outcome == "ignored: chatter":
        return None
    heads = {head: getattr(heard, head) for head in HEADS}
    report = heard.intent.label == "report"
    matters = frozenset(HEADS if report else ("intent",)) & heard.abstained
    return Reading(
        message=inbound.dedupe_key,
        at=inbound.sent_at,
        text=heard.text,
        **{head: guess.label for head, guess in heads.items()},
        emotion=heard.emotion.label,
        confidence={head: round(guess.confidence, 4) for head, guess in heads.items()},
        alternatives={
            head: tuple(label for label, _ in guess.alternatives)
            for head, guess in heads.items()
            if guess.alternatives
        },
        doubtful=tuple(head for head in HEADS if head in matters),
        familiarity=heard.familiarity,
        model=heard.model,
        order_id=decision.order_id,
    )


_WITHOUT_UNDERSTANDING = frozenset({
    *("answered_question", "sign", "return_work", "rate", "undo_join", "book_maintenance"),
    *("split", "split_kept", "keep", "kept", "kept: others", "answered: help"),
})  # fmt: skip
"""Outcomes of words that a command or a question of ours made plain."""
