"""What needs a person's decision, shown to the supervisors with one-tap answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bots.degrade import neutralise
from bots.knowledge import SOLVED
from notifier.masking import mask_text
from notifier.wording import Words, known
from workflow.company import Company
from workflow.kept import Case
from workflow.records import Action, Button, Card, Facts, Notice, Urgency
from workflow.taxonomy import EMOTIONS, FAULT_TYPES, INTENTS, PRIORITIES

_NAMES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "intent": INTENTS,
    "fault_type": FAULT_TYPES,
    "priority": PRIORITIES,
    "emotion": EMOTIONS,
}
_NOT_REPORT = "case_not_report"
_CLIP = 500
_ASKS: Mapping[str, str] = {"case_dismiss": "reason", "case_apologise": "text"}


def plan_case(case: Case, company: Company, now: datetime, number: str = "") -> Sequence[Notice]:
    """A case as a card wherever supervisors hear of such things; planned again, it repaints there.

    Cases come at once, by day and night: until somebody decides, nothing moves. ``number`` is the
    work order's, when the case has one.
    """
    words = Words(known(company.locale), company.tz, now)
    what = _said(case.text)[:60]
    guess = _guess(case, "intent", words, company)
    text = words.say(f"case.{case.kind}.text", number=number, what=what, guess=guess)
    card = _card(case, company, words, number)
    stage = case.state if case.state == "decided" else f"{case.state}:{case.reminded_at or ''}"
    return tuple(
        Notice(
            key=f"case:{case.id}:{stage}:{place.channel}/{place.chat}",
            kind="case" if case.state == "open" else "repaint",
            to=place,
            urgency=Urgency.ESCALATION if case.state == "open" else Urgency.CARD,
            text=text,
            why=f"case:{case.kind}",
            order_id=case.order_id or None,
            role="supervisor",
            card=card,
            topic=f"case:{case.id}",
        )
        for place in company.supervisor_chats
    )


def _card(case: Case, company: Company, words: Words, number: str) -> Card:
    decided = case.state == "decided"
    by = company.staff.get(case.decided_by)
    decision = words.label("reply.decision", case.decision) if case.decision else ""
    footer = words.say(
        "case.decided", by=by.name if by else "", decision=decision, at=case.decided_at
    )
    if case.decision == SOLVED:
        footer = words.say("case.solved", at=case.decided_at)
    return Card(
        key=f"case:{case.id}",
        title=words.say(f"case.{case.kind}.title"),
        subtitle=number,
        tone="done" if decided else "danger" if case.kind == "complaint" else "warn",
        fields=tuple(_fields(case, words, number, company)),
        body=words.say(
            f"case.{case.kind}.body", name=_said(case.sender_name), text=_said(case.text)
        ),
        buttons=() if decided else tuple(_buttons(case, words)),
        footer=footer if decided else "",
    )


def _fields(case: Case, words: Words, number: str, company: Company) -> Iterator[tuple[str, str]]:
    heads = case.understanding
    unsure = [words.label("case.head", name) for name in _strings(heads.get("abstained"))]
    told = {
        "order": number,
        "guess": words.say(
            "list.items", items=[g for n in _NAMES if (g := _guess(case, n, words, company))]
        ),
        "evidence": words.say("list.items", items=list(_evidence(heads))),
        "unsure": words.say("list.items", items=unsure),
    }
    for name, value in told.items():
        if value:
            yield words.say(f"case.field.{name}"), value


def _guess(case: Case, head: str, words: Words, company: Company) -> str:
    """What one head says and how sure it is: 「报修（把握 43%）」."""
    key = str(case.understanding.get(head) or "")
    names = _NAMES[head].get(key)
    if names is None or key == "none":
        return ""
    confidence = case.understanding.get("confidence")
    sure = confidence.get(head) if isinstance(confidence, Mapping) else None
    percent = round(float(sure) * 100) if isinstance(sure, int | float) else ""
    own = company.taxonomy.name(key, words.locale) if head == "fault_type" else ""
    return words.say("case.guess", label=own or names[words.locale == "en"], percent=percent)


def _evidence(heads: Facts) -> Iterator[str]:
    """The words that decided, each once."""
    found = heads.get("evidence")
    listed = found.values() if isinstance(found, Mapping) else ()
    yield from dict.fromkeys(_said(word) for items in listed for word in _strings(items))


def _buttons(case: Case, words: Words) -> Iterator[Button]:
    yes = "case_confirm" if case.order_id or case.kind == "triage" else "case_open_order"
    offers = {
        "triage": (yes, _NOT_REPORT, "case_dismiss"),
        "complaint": ("case_apologise", "case_open_order", "case_dismiss"),
        "parked": ("case_open_order", _NOT_REPORT, "case_dismiss"),
    }[case.kind]
    for n, do in enumerate(offers):
        yield Button(
            words.say(f"button.{do}"),
            Action(do, case.id),
            style="default" if n else "primary",
            ask=_ASKS.get(do),
        )


def _strings(found: object) -> list[str]:
    return [str(item) for item in found] if isinstance(found, list | tuple) else []


def _said(text: str) -> str:
    flat = " ".join(text.split())
    return neutralise(mask_text(flat if len(flat) <= _CLIP else f"{flat[: _CLIP - 1]}…"))
