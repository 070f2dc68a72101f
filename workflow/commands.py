"""What people and clocks ask of a work order. Imperatives; each names its actor.

``expect`` and ``generation`` are what the actor saw (state and assignment); a mismatch is refused
as stale, never applied to something else. Commands without them act on whatever is there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Literal

from workflow.events import Actor
from workflow.policy import ClockName
from workflow.records import ChatRef, Facts, Media, media_of

Relation = Literal["recurrence", "split", "follow_up", "maintenance", "unjoined"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command came from, for the record and for the answer."""

    place: ChatRef | None = None
    sender: str = ""
    sender_name: str = ""
    message: str = ""
    """The dedupe key of the message."""
    sent_at: datetime | None = None
    """When the sender sent it: what first response is measured from."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a report says, as far as it was understood. Empty strings are unknown."""

    text: str
    fault_type: str = "other"
    subtype: str = ""
    priority: str = "P1"
    emotion: int = 2
    symptom: str = ""
    place: str = ""
    region: str = ""
    device: str = ""
    serial: str = ""
    error_code: str = ""
    phone: str = ""
    contact: str = ""
    when: str = ""
    asset_id: str = ""
    customer_id: str = ""
    media: tuple[Media, ...] = ()
    understanding: Facts = field(default_factory=dict)

    def facts(self) -> Facts:
        """For an event's data."""
        return asdict(self)

    @classmethod
    def of(cls, facts: Facts) -> Details:
        """Back from an event's data; unknown keys are ignored."""
        known = {f.name: facts[f.name] for f in fields(cls) if f.name in facts}
        media = known.pop("media", ())
        return cls(**known, media=media_of(media))  # type: ignore[arg-type]  # the facts were ours


@dataclass(frozen=True, slots=True)
class Command:
    """What every command carries."""

    by: Actor
    origin: Origin


@dataclass(frozen=True, slots=True)
class Report(Command):
    """Open a work order. ``missing`` slots are asked for afterwards; ``triage`` says a person
    must look first. ``link`` is (relation, order id) for recurrences, splits and follow-ups.
    ``article`` (the facts of one) is what the reporter may try; ``repairs`` are the facts of like
    ones that were closed, for whoever goes there.
    """

    details: Details
    missing: tuple[str, ...] = ()
    triage: bool = False
    link: (
        tuple[Literal["recurrence", "split", "follow_up", "maintenance", "unjoined"], str] | None
    ) = None
    article: Facts | None = None
    repairs: tuple[Facts, ...] = ()


@dataclass(frozen=True, slots=True)
class OnOrder(Command):
    """A command about one existing work order."""

    order_id: str
    expect: str | None = None
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Join(OnOrder):
    """Another report of the same incident; its reporter is told the same number."""

    details: Details = field(default_factory=lambda: Details(""))
    reason: str = ""
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class RepeatAlarm(OnOrder):
    """The device raised the same alarm again: one more to the count, nobody is disturbed, unless
    it is now more urgent than the work order.
    """

    code: str = ""
    text: str = ""
    priority: str = ""


@dataclass(frozen=True, slots=True)
class UndoJoin(OnOrder):
    """Take one joined report out again; it becomes a work order of its own."""

    reporter: str = ""


@dataclass(frozen=True, slots=True)
class AddInfo(OnOrder):
    """Follow-up words, pictures or voice; ``slots`` are answers to what was asked."""

    text: str = ""
    media: tuple[Media, ...] = ()
    slots: Facts = field(default_factory=dict)
    missing: tuple[str, ...] | None = None
    """What is still missing afterwards; None leaves it as it is."""


@dataclass(frozen=True, slots=True)
class Triage(OnOrder):
    """A dispatcher's decision on a doubtful report: confirm (with corrections) or dismiss."""

    confirm: bool = True
    fault_type: str = ""
    priority: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dispatch(OnOrder):
    """Find somebody (again): what the service does by itself after each opening or refusal."""

    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accept(OnOrder):
    """接单 / 抢单."""


@dataclass(frozen=True, slots=True)
class Decline(OnOrder):
    """拒单 with a reason; back to dispatch at once."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reassign(OnOrder):
    """转派 with a reason; never resets a clock."""

    to: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TakeOver(OnOrder):
    """接管 by a backup responder or supervisor: the job is theirs now."""


@dataclass(frozen=True, slots=True)
class Depart(OnOrder):
    """出发."""


@dataclass(frozen=True, slots=True)
class Arrive(OnOrder):
    """到场; ``geo`` is (latitude, longitude) when the phone gave it."""

    geo: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Diagnose(OnOrder):
    """诊断: what is wrong."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class AwaitParts(OnOrder):
    """待配件: which part."""

    part: str = ""


@dataclass(frozen=True, slots=True)
class ReplacePart(OnOrder):
    """换件: which part, how many."""

    part: str = ""
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Hold(OnOrder):
    """挂起 with a reason code of the policy, which says whether the clocks stand still."""

    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Resume(OnOrder):
    """恢复."""


@dataclass(frozen=True, slots=True)
class Complete(OnOrder):
    """完成: what was done; waits for the customer's signature."""

    text: str = ""
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True)
class Sign(OnOrder):
    """签字确认 by the customer: closes the work order."""


@dataclass(frozen=True, slots=True)
class SelfSolve(OnOrder):
    """解决了: the article helped, says the customer; closes the work order."""


@dataclass(frozen=True, slots=True)
class SelfUnsolved(OnOrder):
    """还是不行: the article did not help; somebody is looked for at once."""


@dataclass(frozen=True, slots=True)
class ReturnWork(OnOrder):
    """驳回 / 又坏了 while waiting for acceptance: back to work."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rate(OnOrder):
    """评分 1–5 with an optional remark."""

    score: int = 0
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Cancel(OnOrder):
    """取消, by the customer (confirmed) or a supervisor (with a reason)."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Nudge(OnOrder):
    """催办 by the customer."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Note(OnOrder):
    """A remark; ``internal`` ones never reach a customer. A public one by staff is an answer."""

    text: str = ""
    internal: bool = True


@dataclass(frozen=True, slots=True)
class ChangePriority(OnOrder):
    """A new priority; the clocks go on from what was counted so far."""

    priority: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Supervise(OnOrder):
    """督办: a customer's words (``mood``, ``complaint``) or a colleague (``asked``) call for the
    supervisor's eye. Once a work order; again changes nothing.
    """

    why: str = "asked"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Correct(OnOrder):
    """A dispatcher or engineer puts facts right: fault_type, place, device, serial, phone, …"""

    facts: Facts = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExtendDeadline(OnOrder):
    """延长时限 of one clock, in minutes of its calendar."""

    clock: ClockName = "resolution"
    minutes: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TakeStep(OnOrder):
    """A due step of the ladder or another clock; ``step`` and ``due`` as they were armed."""

    step: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Broadcast(OnOrder):
    """群发答复: what every affected reporter is told, those who come later too. Without ``text``
    the answer that was prepared.
    """

    text: str = ""


@dataclass(frozen=True, slots=True)
class DismissSurge(OnOrder):
    """不是突发: the parent closes, its children go on by themselves."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Detach(OnOrder):
    """移出: one child goes on by itself."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResolveSurge(OnOrder):
    """母单完成: what was done; each child waits for its own customer's word."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class FollowParent(OnOrder):
    """What happens to a surge's child with its parent, and to the parent with its children: the
    house does it by itself.
    """
