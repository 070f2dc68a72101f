"""What supervisors are told of a notice that could not be delivered."""

from __future__ import annotations

from collections.abc import Iterator

from notifier.mailbox import URGENT
from notifier.masking import mask_text
from notifier.wording import Words
from workflow.company import Company
from workflow.kept import Queued
from workflow.records import Action, Button, Card, Notice, Urgency

KIND = "dead_letter"
_CLIP = 120


def dead_letters(queued: Queued, why: str, company: Company, words: Words) -> Iterator[Notice]:
    """A notice wherever supervisors hear of such things, with a button that sends again.

    Silent cards are left to the list of dead letters, and a dead letter makes no further ones.
    """
    notice = queued.notice
    if notice.kind == KIND or notice.urgency == Urgency.CARD:
        return
    who = company.staff.get(notice.person or "")
    flat = " ".join(notice.text.split())
    text = words.say(
        "delivery.dead",
        who=who.name if who else words.label("delivery.role", notice.role),
        why=why,
        text=mask_text(flat[:_CLIP]),
    )
    again = Button(
        words.say("button.retry_notice"),
        Action("retry_notice", notice.order_id or str(queued.id), args={"notice": queued.id}),
        style="primary",
    )
    title = words.say("delivery.dead_title")
    for place in company.supervisor_chats:
        if place == notice.to:
            continue
        yield Notice(
            key=f"dead:{queued.id}:{queued.attempts}:{place.channel}/{place.chat}",
            kind=KIND,
            to=place,
            urgency=Urgency.ESCALATION if notice.urgency in URGENT else Urgency.REMINDER,
            text=text,
            why=f"dead:{notice.why}",
            order_id=notice.order_id,
            role="supervisor",
            card=Card(f"dead:{queued.id}", title, tone="warn", body=text, buttons=(again,)),
        )
