"""What the front desk knows when a message comes in, and what it may decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bots.invites import Invited, Person
from workflow.commands import Command, Origin
from workflow.company import Asset, Company, Customer, Identity, Presence, Staff
from workflow.events import Actor
from workflow.joining import Judge
from workflow.kept import Case
from workflow.knowledge import Article, Knows
from workflow.learning import Correction, Reading
from workflow.policy import Policy
from workflow.records import (
    ChatRef,
    Dialogue,
    Facts,
    Guess,
    Inbound,
    Reply,
    Understanding,
)
from workflow.work_order import WorkOrder

OPENED = "@opened"
"""Stands for the work order that this decision's first command opens, until it has an id."""

NEW_CASE = "@case"
"""Stands for the first new case of a decision, until it has an id."""

DECISION_WINDOW = timedelta(minutes=30)
"""How long a yes-or-no question of ours stays open."""

NOTHING = Understanding(
    text="",
    intent=Guess("chitchat", 0.0),
    fault_type=Guess("none", 0.0),
    priority=Guess("P2", 0.0),
    emotion=Guess("2", 0.0),
    abstained=frozenset({"intent", "fault_type", "priority", "emotion"}),
)
"""What is understood of no words at all."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One message with all that is known around it.

    ``understanding`` is :data:`NOTHING` for a button press. ``mine`` are the sender's work orders
    (newest first, closed ones of the last days among them), ``candidates`` those a report might
    belong to, ``shown`` those with a living card in this chat, ``own_jobs`` those of the staff
    member.
    ``named`` is the one that the button or the number in the text points at. ``owner`` is whom
    the report is for, when that is not the sender: the asset's customer, or the one whose phone
    number was given. A number proves nothing, so it gives the sender no rights. ``found`` are
    those reported with the number that somebody asking for progress told us. ``presence`` and
    ``answers_in`` (how long each colleague usually takes to answer) are read for the contacts,
    ``waiting_cases`` when a command is about one; ``reading`` is what a press corrects.
    ``judge`` weighs whether two reports are one incident; without one plain rules do.
    """

    inbound: Inbound
    company: Company
    policy: Policy
    now: datetime
    understanding: Understanding = NOTHING
    dialogue: Dialogue | None = None
    identity: Identity | None = None
    staff: Staff | None = None
    customer: Customer | None = None
    owner: Customer | None = None
    asset: Asset | None = None
    candidates: tuple[WorkOrder, ...] = ()
    mine: tuple[WorkOrder, ...] = ()
    shown: tuple[WorkOrder, ...] = ()
    own_jobs: tuple[WorkOrder, ...] = ()
    named: WorkOrder | None = None
    found: tuple[WorkOrder, ...] = ()
    case: Case | None = None
    waiting_cases: tuple[Case, ...] = ()
    reading: Reading | None = None
    presence: Mapping[str, Presence] = field(default_factory=dict)
    answers_in: Mapping[str, timedelta] = field(default_factory=dict)
    knows: Knows | None = None
    """Articles and past repairs, to be asked."""
    judge: Judge | None = None
    invited: Invited | None = None
    """Whom the sender says to be, with an invite; or who they are by their own number."""
    linked: bool = False
    """Whether the platform just told us that the sender is a customer whom we know elsewhere."""
    own_code: str = ""
    """An invite for the sender themselves, for their other accounts, when they ask for one."""

    @property
    def said(self) -> str:
        """What was written, or said in a voice message."""
        return words(self.inbound)

    @property
    def text(self) -> str:
        """What was said, with the words it goes on from: what was understood."""
        return self.understanding.text or self.said

    @property
    def by(self) -> Actor:
        """The sender as the actor of a command."""
        name = self.inbound.sender_name
        if self.staff is not None:
            return Actor(self.staff.id, self.staff.role, self.staff.name)
        if self.customer is not None:
            return Actor(self.customer.id, "customer", self.customer.name or name)
        return Actor(self.inbound.sender, "customer", name)

    @property
    def oneself(self) -> set[str]:
        """Every id under which the sender may have reported."""
        was = self.customer.was if self.customer is not None else ()
        return {self.by.id, self.inbound.sender, *was}

    @property
    def origin(self) -> Origin:
        """Where the message came from."""
        inbound = self.inbound
        return Origin(
            place=inbound.place,
            sender=inbound.sender,
            sender_name=self.by.name or inbound.sender_name,
            message=inbound.dedupe_key,
            sent_at=inbound.sent_at,
        )

    @property
    def open_mine(self) -> tuple[WorkOrder, ...]:
        """The sender's work orders that are not closed, newest first."""
        return tuple(order for order in self.mine if order.open)

    def asked(self, *what: str) -> Dialogue | None:
        """The dialogue, when the last thing we asked was one of these and is still open."""
        dialogue = self.dialogue
        if dialogue is None or dialogue.asking not in what or dialogue.updated_at is None:
            return None
        return dialogue if self.now - dialogue.updated_at <= DECISION_WINDOW else None

    def reply(self, code: str, order: WorkOrder | None = None, /, **data: object) -> Reply:
        """An answer to where the message came from, in the sender's language."""
        facts = {**(standing(order, self.company) if order else {}), **data}
        person = self.staff.id if self.staff else self.customer.id if self.customer else None
        return Reply(
            to=self.inbound.place,
            code=code,
            data=facts,
            order_id=order.id if order else None,
            person=person,
            role=self.by.role,
            mentions=(self.inbound.sender,) if self.inbound.chat_kind == "group" else (),
            locale=(self.customer.locale if self.customer else "") or self.company.locale,
        )

    def asking(self, what: str | None, order_id: str | None = None, **context: object) -> Dialogue:
        """The dialogue from here on."""
        inbound = self.inbound
        return Dialogue(
            tenant=inbound.tenant,
            channel=inbound.channel,
            chat=inbound.chat,
            sender=inbound.sender,
            asking=what,
            order_id=order_id,
            context=context,
            updated_at=self.now,
        )


@dataclass(frozen=True, slots=True)
class Binding:
    """An account and the person it belongs to from now on."""

    identity: Identity
    person: Person


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a message: commands, answers, and what to remember.

    ``dialogue`` None leaves the dialogue as it is. Case ids and :data:`OPENED` are filled in by
    whoever carries the decision out. ``retry`` is a dead notice to send again. ``order_id`` is
    the work order the message belongs to. ``offered`` is the article that answers the first case,
    ``unhelped`` a case whose asker says that its article did not. ``lessons`` are
    what a colleague said of a reading, ``unlearn`` is the message of which that is taken back.
    """

    outcome: str
    commands: tuple[Command, ...] = ()
    replies: tuple[Reply, ...] = ()
    dialogue: Dialogue | None = None
    cases: tuple[Case, ...] = ()
    presence: Presence | None = None
    retry: int | None = None
    order_id: str = ""
    offered: Article | None = None
    unhelped: str = ""
    lessons: tuple[Correction, ...] = ()
    unlearn: str = ""
    binding: Binding | None = None
    """The sender's account, as somebody's from now on."""


def words(inbound: Inbound) -> str:
    """The text of a message; transcripts of its voice clips count as text."""
    said = [media.transcript for media in inbound.media if media.transcript]
    return "\n".join(part for part in (inbound.text.strip(), *said) if part)


def spoken(inbound: Inbound) -> bool:
    """Whether words of the message were said, and written down by a machine that may mishear."""
    return any(media.kind == "voice" and media.transcript for media in inbound.media)


def begun(dialogue: Dialogue | None, now: datetime) -> str:
    """Words that named a thing but no fault, when we asked what is wrong: 「空调」… 「不制冷」."""
    if dialogue is None or dialogue.asking != "report" or dialogue.updated_at is None:
        return ""
    fresh = now - dialogue.updated_at <= DECISION_WINDOW
    return str(dialogue.context.get("words") or "") if fresh else ""


def standing(order: WorkOrder, company: Company) -> Facts:
    """What every answer about a work order says of it."""
    handler = company.staff.get(order.assignee)
    return {
        "number": order.number,
        "state": str(order.state),
        "sub": str(order.sub),
        "outcome": order.outcome,
        "assignee": handler.name if handler else "",
    }


def summary(order: WorkOrder, company: Company) -> Facts:
    """A work order in an answer: enough to word it without looking it up."""
    return {
        "id": order.id,
        **standing(order, company),
        "priority": order.priority,
        "fault_type": order.fault_type,
        "own_fault": _own_fault(order, company),
        "place": order.place,
        "device": order.device,
        "deadline": order.deadline_at.isoformat() if order.deadline_at else None,
        "deadline_clock": order.deadline_clock,
        "missing": list(order.missing),
    }


def _own_fault(order: WorkOrder, company: Company) -> str:
    """The company's own name for the fault, where it has one."""
    taxonomy = company.taxonomy
    if not order.subtype and order.fault_type not in taxonomy.names:
        return ""
    return taxonomy.name(order.fault_type, company.locale, order.subtype)


def distinct(orders: Iterable[WorkOrder]) -> tuple[WorkOrder, ...]:
    """Each work order once, in the order of its first appearance."""
    return tuple({order.id: order for order in orders}.values())


def filled(decision: Decision, handled: Sequence[WorkOrder], company: Company) -> Decision:
    """The decision with :data:`OPENED` replaced by the first work order of ``handled``, and its
    answers saying where the handled work orders stand now.
    """
    if not handled:
        return decision
    now = {order.id: order for order in handled}

    def known(order_id: str | None) -> str:
        return handled[0].id if order_id == OPENED else order_id or ""

    def told(reply: Reply) -> Reply:
        order = now.get(known(reply.order_id))
        if order is None:
            return reply
        return replace(reply, order_id=order.id, data={**reply.data, **standing(order, company)})

    dialogue = decision.dialogue
    if dialogue is not None:
        dialogue = replace(dialogue, order_id=known(dialogue.order_id) or None)
    return replace(
        decision,
        replies=tuple(told(reply) for reply in decision.replies),
        dialogue=dialogue,
        cases=tuple(replace(case, order_id=known(case.order_id)) for case in decision.cases),
        order_id=known(decision.order_id),
    )


def numbered(decision: Decision, new_id: Callable[[], str]) -> Decision:
    """The decision with ids for its new cases, in its answers and its dialogue too."""
    if all(case.id for case in decision.cases):
        return decision
    known = tuple(case if case.id else replace(case, id=new_id()) for case in decision.cases)
    first = known[0].id

    def told(facts: Facts) -> Facts:
        return {key: first if value == NEW_CASE else value for key, value in facts.items()}

    dialogue = decision.dialogue
    return replace(
        decision,
        cases=known,
        replies=tuple(replace(reply, data=told(reply.data)) for reply in decision.replies),
        dialogue=dialogue and replace(dialogue, context=told(dialogue.context)),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """Which of several work orders was meant; ``do`` and ``args`` wait for the answer."""

    do: str
    choices: tuple[WorkOrder, ...]
    args: Facts = field(default_factory=dict)

    def ask(self, s: Situation) -> Decision:
        """Ask back, and remember what was to be done."""
        ids = [order.id for order in self.choices]
        listed = [summary(order, s.company) for order in self.choices]
        return Decision(
            outcome="asked: which_order",
            replies=(s.reply("which_order", what=self.do, choices=listed),),
            dialogue=s.asking("which", do=self.do, args=dict(self.args), choices=ids),
        )


def tail(order: WorkOrder) -> int:
    """The short number people read aloud: 7 of ``WO-20261121-0007``."""
    return int(order.number.rpartition("-")[2] or 0)


def is_staff_group(place: ChatRef, company: Company) -> bool:
    """Whether this chat is a team's group or the supervisors'."""
    groups = [g for team in company.teams.values() for g in team.groups]
    return any(
        (g.channel, g.chat) == (place.channel, place.chat)
        for g in (*groups, *company.supervisor_groups)
    )
