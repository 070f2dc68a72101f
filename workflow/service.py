"""One door for every change of a work order: :meth:`Service.handle` runs inside a unit of work.

Command → decision → events (hash-chained) → what follows by itself → next due step armed →
notices planned. All of it is written by the one unit; nothing here touches anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from workflow import automation, self_service, surge
from workflow import commands as c
from workflow.company import Asset, Customer, Staff
from workflow.decide import (
    PRIORITIES,
    Draft,
    Situation,
    decide,
    queue_facts,
    reporter_facts,
    risky,
)
from workflow.errors import InvalidInput
from workflow.escalation import next_step, upcoming
from workflow.events import GENESIS, SYSTEM, Event, Kind
from workflow.kept import Timer
from workflow.learning import taught
from workflow.ports import Change, Planner, UnitOfWork
from workflow.recording import record, with_deadline
from workflow.records import ALARM, ChatRef, Facts
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

RATINGS_KEPT = 10
CLOSING_KINDS = ("closed", "card", "survey")
"""Kinds of notice that a closing work order keeps: its last words."""


@dataclass(frozen=True, slots=True)
class Handled:
    """The work order after the command, and everything that happened on the way."""

    order: WorkOrder
    events: tuple[Event, ...]


class Service:
    """The business behind one door. ``plan`` turns a change into notices (pure, injected)."""

    def __init__(self, plan: Planner) -> None:
        self._plan = plan
        self._surges = surge.Course(self._open, self._record_on)

    def handle(self, command: c.Command, uow: UnitOfWork, now: datetime) -> Handled:
        """Carry out one command in this unit of work.

        Raises:
            PaidanError: the command is refused; the unit must not commit anything of it.
        """
        if isinstance(command, c.Report):
            return self._report(command, uow, now)
        if not isinstance(command, c.OnOrder):
            raise InvalidInput(field="command", found=type(command).__name__, allowed="a command")
        order = uow.orders.get(command.order_id)
        situation = self._situation(order, uow, now)
        if isinstance(command, c.TakeStep):
            drafts = self._due_step(order, command, situation)
        elif isinstance(command, c.Dispatch):
            drafts = []
        elif isinstance(command, surge.COMMANDS):
            drafts = surge.decide(order, command, situation)
        elif isinstance(command, self_service.COMMANDS):
            drafts = self_service.decide(order, command, situation)
        else:
            drafts = decide(order, command, situation)
        handled = self._commit(order, drafts, command, uow, situation)
        if isinstance(command, c.Detach):
            self._surges.leave(order, command, uow, now)
        if isinstance(command, c.UndoJoin):
            return self._reopen_undone(handled, command, uow, now)
        return handled

    def fire(self, timer: Timer, uow: UnitOfWork, now: datetime) -> Handled | None:
        """Take a due step, exactly once: None when somebody else did, or it no longer applies."""
        if not uow.timers.fire(timer.subject, timer.step, timer.generation, now):
            return None
        kind, _, order_id = timer.subject.partition(":")
        origin = c.Origin()
        if kind == "follow_up":
            return self._follow_up(order_id, uow, now)
        if kind == surge.SUBJECT:
            act = self._surges.weigh if timer.step == surge.WEIGH else self._surges.spread
            found = act(order_id, uow, now)
            return Handled(found, ()) if found else None
        command = c.TakeStep(
            by=SYSTEM, origin=origin, order_id=order_id, step=timer.step, due=timer.due
        )
        return self.handle(command, uow, now)

    # --- opening ------------------------------------------------------------------------------

    def _report(
        self,
        command: c.Report,
        uow: UnitOfWork,
        now: datetime,
        more: Sequence[Draft] = (),
        order_id: str = "",
    ) -> Handled:
        """Open a work order; ``more`` are the drafts that make it a surge's parent."""
        details = command.details
        if details.priority not in PRIORITIES:
            allowed = " / ".join(PRIORITIES)
            raise InvalidInput(field="priority", found=details.priority, allowed=allowed)
        local = now.astimezone(ZoneInfo(uow.company.tz))
        order = WorkOrder(
            id=order_id or uow.new_id(),
            tenant=uow.tenant,
            number=uow.orders.next_number(f"WO-{local:%Y%m%d}"),
            head=GENESIS,
            customer_id=details.customer_id,
            asset_id=details.asset_id,
            policy_version=uow.company.policy.version,
        )
        situation = self._situation(order, uow, now)
        if more:
            drafts = [*self._opening(command, order, situation), *more]
            return self._commit(order, drafts, command, uow, situation, new=True)
        model = situation.asset.model if situation.asset else ""
        parent = self._surges.parent_for(command, order, model, uow, now)
        if parent is not None:  # a surge has an answer of its own
            command = replace(command, article=None)
        drafts = self._opening(command, order, situation)
        if parent is None:
            handled = self._commit(order, drafts, command, uow, situation, new=True)
            self._surges.notice(command, handled.order, model, uow, now)
            return handled
        opened, _ = record(order, drafts, command, situation, new=True)
        drafts.append(surge.gathered(opened, parent, len(parent.children) + 1))
        handled = self._commit(order, drafts, command, uow, situation, new=True)
        self._surges.add(parent, handled.order, command, model, uow, now)
        return handled

    def _open(
        self,
        command: c.Report,
        uow: UnitOfWork,
        now: datetime,
        more: Sequence[Draft],
        order_id: str,
    ) -> WorkOrder:
        return self._report(command, uow, now, more, order_id).order

    def _record_on(
        self,
        order: WorkOrder,
        drafts: Sequence[Draft],
        command: c.Command,
        uow: UnitOfWork,
        now: datetime,
    ) -> WorkOrder:
        situation = self._situation(order, uow, now)
        return self._commit(order, drafts, command, uow, situation).order

    @staticmethod
    def _opening(command: c.Report, order: WorkOrder, situation: Situation) -> list[Draft]:
        details, now = command.details, situation.now
        waits = bool(command.missing) and details.priority != "P0" and not command.triage
        tries = self_service.offers(command, situation.policy)
        then = Sub.SELF_SERVICE if tries else Sub.QUEUED
        sub = Sub.TRIAGE if command.triage else Sub.AWAITING_INFO if waits else then
        sent = command.origin.sent_at or now
        data: Facts = {
            "details": details.facts(),
            "priority": details.priority,
            "missing": list(command.missing),
            "reported_at": min(sent, now).isoformat(),
            "policy_version": order.policy_version,
            "reporters": [reporter_facts(command, details, now)] if _answered(command) else [],
            "links": [list(command.link)] if command.link else [],
            "repairs": [dict(repair) for repair in command.repairs],
            **queue_facts(situation, details.fault_type, details.region),
        }
        drafts = [Draft(Kind.REPORTED, data, (State.NEW, sub))]
        if command.triage:
            drafts.append(Draft(Kind.SENT_TO_TRIAGE, {"abstained": True}, by=SYSTEM))
        elif command.missing:
            asked = {"missing": list(command.missing), "again": False}
            drafts.append(Draft(Kind.INFO_REQUESTED, asked, by=SYSTEM))
        if tries:
            drafts.append(self_service.offered(command, situation.policy))
        return [*drafts, *risky(order, details, situation.policy)]

    def _reopen_undone(
        self, handled: Handled, command: c.UndoJoin, uow: UnitOfWork, now: datetime
    ) -> Handled:
        """The report that was joined by mistake becomes a work order of its own."""
        joined = next(
            event
            for event in uow.orders.history(handled.order.id)
            if event.kind == Kind.JOINED
            and dict(event.data["reporter"]).get("message") == command.reporter  # type: ignore[call-overload]  # our own facts
        )
        data = joined.data
        who = dict(data["reporter"])  # type: ignore[call-overload]  # our own facts
        place = ChatRef(**who["place"])
        report = c.Report(
            by=command.by,
            origin=c.Origin(place, who["sender"], who["name"], who["message"], joined.at),
            details=c.Details.of(dict(data["details"])),  # type: ignore[call-overload]  # our own facts
            link=("unjoined", handled.order.id),
        )
        return self._report(report, uow, now)

    def _follow_up(self, order_id: str, uow: UnitOfWork, now: datetime) -> Handled | None:
        """Open the follow-up work order of a closed one, exactly once."""
        if not uow.ledger(f"follow_up:{order_id}"):
            return None
        closed = uow.orders.get(order_id)
        details = c.Details(
            text=f"回访 {closed.number}:{closed.text}"[:500],
            fault_type=closed.fault_type,
            priority="P2",
            place=closed.place,
            region=closed.region,
            device=closed.device,
            serial=closed.serial,
            phone=closed.phone,
            contact=closed.contact,
            asset_id=closed.asset_id,
            customer_id=closed.customer_id,
        )
        first = closed.reporters[0] if closed.reporters else None
        origin = c.Origin(
            place=first.place if first else None,
            sender=first.sender if first else "",
            sender_name=first.name if first else "",
            message=f"follow_up:{order_id}",
        )
        report = c.Report(SYSTEM, origin, details, link=("follow_up", order_id))
        opened = self._report(report, uow, now)
        link = {"relation": "follow_up_by", "order": opened.order.id, "number": opened.order.number}
        situation = self._situation(closed, uow, now)
        note = [Draft(Kind.FOLLOW_UP_OPENED, link, by=SYSTEM)]
        self._commit(closed, note, report, uow, situation, quiet=True)
        return opened

    # --- the common end of every command ----------------------------------------------------

    def _commit(
        self,
        before: WorkOrder,
        drafts: Sequence[Draft],
        command: c.Command,
        uow: UnitOfWork,
        situation: Situation,
        *,
        new: bool = False,
        quiet: bool = False,
    ) -> Handled:
        order, events = record(before, drafts, command, situation, new=new)
        exclude = command.exclude if isinstance(command, c.Dispatch) else ()
        if automation.needs_somebody(order) and _seeks(command, order, before, drafts):
            following = automation.find_somebody(order, situation, exclude=exclude)
            order, more = record(order, following, command, situation)
            events = (*events, *more)
        if not events:
            self._arm(order, uow, situation)
            return Handled(order, ())
        order = replace(order, version=before.version + 1)
        order = with_deadline(order, situation)
        uow.orders.save(order, events, before.version)
        self_service.remember(order, events, uow)
        self._arm(order, uow, situation)
        closing = order.state == State.CLOSED and before.state != State.CLOSED
        if closing:
            uow.outbox.cancel(order.id, "closed", keep=CLOSING_KINDS)
            self._after_closing(order, uow, situation)
        if order.rating and not before.rating:
            _remember_rating(order, uow)
        for said in taught(events, lambda: uow.orders.history(order.id)):
            uow.readings.correct(replace(said, id=uow.new_id()))
        self._surges.after(before, order, command, uow, situation.now)
        if not quiet:
            change = _change(None if new else before, order, events, situation, command)
            self._tell(change, uow)
        return Handled(order, events)

    def _tell(self, change: Change, uow: UnitOfWork) -> None:
        hour_ago = change.now - timedelta(hours=1)
        asked = replace(change, interruptions=lambda person: uow.outbox.sent_to(person, hour_ago))
        for notice in self._plan(asked):
            uow.outbox.add(notice)

    @staticmethod
    def _arm(order: WorkOrder, uow: UnitOfWork, situation: Situation) -> None:
        subject = f"order:{order.id}"
        if order.state == State.CLOSED:
            uow.timers.cancel(subject, order.outcome or "closed")
            return
        known = automation.calendars(situation.company)
        step = next_step(order, situation.policy, known, situation.now)
        if step is None:
            uow.timers.cancel(subject, "nothing_due")
        else:
            uow.timers.arm(subject, step.id, step.due)

    @staticmethod
    def _after_closing(order: WorkOrder, uow: UnitOfWork, situation: Situation) -> None:
        closing = situation.policy.closing
        wanted = closing.follow_up and order.priority in closing.follow_up_priorities
        is_one = any(relation == "follow_up" for relation, _ in order.links)
        is_one = is_one or order.surge is not None or bool(order.parent)
        if wanted and order.outcome == "completed" and not is_one:
            due = situation.now + closing.follow_up_after
            uow.timers.arm(f"follow_up:{order.id}", "follow_up", due)

    @staticmethod
    def _due_step(order: WorkOrder, command: c.TakeStep, situation: Situation) -> list[Draft]:
        known = automation.calendars(situation.company)
        due = upcoming(order, situation.policy, known, situation.now)
        step = next((s for s in due if s.id == command.step and s.due <= situation.now), None)
        return automation.take_step(step, order, situation) if step else []

    @staticmethod
    def _situation(order: WorkOrder, uow: UnitOfWork, now: datetime) -> Situation:
        people = uow.people
        customer: Customer | None = None
        asset: Asset | None = None
        if order.customer_id:
            customer = people.customer(order.customer_id)
        if order.asset_id:
            asset = people.asset(order.asset_id)
        return Situation(
            company=uow.company,
            policy=uow.policy(order.policy_version),
            now=now,
            presence=people.presence,
            loads=lambda: uow.orders.loads(order.customer_id, order.asset_id),
            customer=customer,
            asset=asset,
        )


def _answered(command: c.Command) -> bool:
    """Whether there is anybody where the command came from to be told how it goes."""
    place = command.origin.place
    return place is not None and place.channel != ALARM


def _seeks(
    command: c.Command, order: WorkOrder, before: WorkOrder, drafts: Sequence[Draft]
) -> bool:
    """Whether this is a reason to look for somebody (again); a mere repeat of an alarm is none,
    or a device would have the whole round of a busy team searched with every beep.
    """
    if isinstance(command, c.RepeatAlarm) and order.priority == before.priority:
        return False
    return bool(drafts) or isinstance(command, c.Dispatch)


def _change(
    before: WorkOrder | None,
    order: WorkOrder,
    events: tuple[Event, ...],
    situation: Situation,
    command: c.Command,
) -> Change:
    return Change(
        before=before,
        order=order,
        events=events,
        company=situation.company,
        policy=situation.policy,
        now=situation.now,
        customer=situation.customer,
        asset=situation.asset,
        origin=command.origin.place,
    )


def _remember_rating(order: WorkOrder, uow: UnitOfWork) -> None:
    """A new rating goes to the front of the engineer's record."""
    staff: Staff | None = uow.company.staff.get(order.assignee)
    if staff is None:
        return
    ratings = (float(order.rating), *staff.ratings)[:RATINGS_KEPT]
    uow.put_company(uow.company.with_staff(replace(staff, ratings=ratings)))
