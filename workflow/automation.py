"""What the house does by itself: finding somebody for a work order, and taking its due steps.

Answers with drafts of events, like :mod:`workflow.decide`; the same pure functions serve
production, replay and simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from workflow import dispatch
from workflow.calendar import WorkCalendar, round_the_clock
from workflow.company import Company
from workflow.decide import Draft, Situation, assignment, ready
from workflow.escalation import Step, targets
from workflow.events import SYSTEM, Actor, Kind
from workflow.records import Facts
from workflow.states import State, Sub, move
from workflow.work_order import WorkOrder

LATE = timedelta(seconds=10)
"""A step taken this much after its time is marked late."""


def calendars(company: Company) -> dict[str, WorkCalendar]:
    """The calendars that policies name."""
    return {"work": company.calendar, "always": round_the_clock(company.tz)}


def needs_somebody(order: WorkOrder) -> bool:
    """Waiting for dispatch, with nothing in the way."""
    return order.state == State.NEW and order.sub == Sub.QUEUED


def find_somebody(
    order: WorkOrder, situation: Situation, *, exclude: Collection[str] = ()
) -> list[Draft]:
    """Offer to the best, open for claims, or, with nobody left, hand to the backup responder and
    tell the supervisor at once. Everybody let it pass: the round starts again with the backup.
    """
    passed = {*order.offered, *exclude}
    ranking = dispatch.rank(
        order,
        situation.company,
        situation.policy,
        situation.presence(),
        situation.loads(),
        situation.customer,
        situation.asset,
        situation.now,
        exclude=passed,
    )
    explanation = dispatch.facts(ranking)
    queue = {"queue_id": ranking.queue_id, "team_id": ranking.team_id}
    if not ranking.candidates:
        return _nobody(order, situation, explanation, queue)
    if ranking.mode == "claim":
        data = {
            "candidates": [candidate.staff_id for candidate in ranking.candidates],
            "generation": order.generation + 1,
            "explanation": explanation,
            **queue,
        }
        to = move("open_claim", order.state, order.sub)
        return [Draft(Kind.OPENED_FOR_CLAIM, data, to, by=SYSTEM)]
    best = ranking.candidates[0].staff_id
    data = dict(assignment(order, best, ranking.mode, situation, explanation=explanation, **queue))
    return [Draft(Kind.DISPATCHED, data, move("offer", order.state, order.sub), by=SYSTEM)]


def _nobody(
    order: WorkOrder, situation: Situation, explanation: Facts, queue: dict[str, str]
) -> list[Draft]:
    company = situation.company
    team = company.teams.get(queue["team_id"])
    backup = company.staff.get(team.backup) if team else None
    supervisor = team.supervisor if team else ""
    told = [who for who in (team.backup if team else "", supervisor) if who in company.staff]
    data = {"targets": list(dict.fromkeys(told)), "explanation": explanation, **queue}
    drafts = [Draft(Kind.NOBODY_AVAILABLE, data, by=SYSTEM)]
    if backup is None or not backup.active or backup.id in order.offered:
        return drafts
    offer = dict(
        assignment(order, backup.id, "backup", situation, explanation=explanation, **queue)
    )
    to = move("offer", order.state, order.sub)
    return [*drafts, Draft(Kind.DISPATCHED, offer, to, by=SYSTEM)]


# --- due steps --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taken:
    """A due step to take: when, on what, in which situation."""

    step: Step
    order: WorkOrder
    situation: Situation

    @property
    def rule(self) -> Actor:
        """The rule that acts."""
        return Actor(self.step.rung, "system", self.step.rung)

    def on_record(self, **more: object) -> Draft:
        """The step itself, with whom it speaks to and how late it came."""
        late = self.situation.now - self.step.due
        data: Facts = {
            "step": self.step.id,
            "rung": self.step.rung,
            "act": self.step.act,
            "n": self.step.n,
            "why": self.step.why,
            "loud": self.step.loud,
            "due": self.step.due.isoformat(),
            "late_s": round(late.total_seconds(), 3) if late > LATE else 0,
            "targets": list(targets(self.step, self.order, self.situation.company)),
            **more,
        }
        return Draft(Kind.STEP_TAKEN, data, by=self.rule)


def take_step(step: Step, order: WorkOrder, situation: Situation) -> list[Draft]:
    """The events of one due step. What follows from them (finding the next person) is left to
    the service, as after any other change.
    """
    return _ACTS.get(step.act, _say_so)(Taken(step, order, situation))


def _say_so(taken: Taken) -> list[Draft]:
    return [taken.on_record()]


def _offer_expired(taken: Taken) -> list[Draft]:
    order = taken.order
    data = {
        "by": order.assignee,
        "generation": order.generation,
        "candidates": list(order.candidates),
    }
    back = move("requeue", order.state, order.sub)
    return [taken.on_record(), Draft(Kind.OFFER_EXPIRED, data, back, by=taken.rule)]


def _backup_takeover(taken: Taken) -> list[Draft]:
    order, company = taken.order, taken.situation.company
    team = company.teams.get(order.team_id)
    backup = company.staff.get(team.backup) if team else None
    drafts = [taken.on_record()]
    if backup is None or not backup.active or backup.id == order.assignee:
        return drafts
    data = dict(assignment(order, backup.id, "backup", taken.situation))
    to = move("offer", order.state, order.sub)
    return [*drafts, Draft(Kind.DISPATCHED, data, to, by=taken.rule)]


def _remind_info(taken: Taken) -> list[Draft]:
    asked = {"missing": list(taken.order.missing), "again": True}
    return [taken.on_record(), Draft(Kind.INFO_REQUESTED, asked, by=taken.rule)]


def _dispatch_anyway(taken: Taken) -> list[Draft]:
    return [
        taken.on_record(),
        Draft(Kind.INFO_COMPLETED, {"anyway": True}, ready(taken.order), by=taken.rule),
    ]


def _self_service_over(taken: Taken) -> list[Draft]:
    to = move("self_service_over", taken.order.state, taken.order.sub)
    return [taken.on_record(), Draft(Kind.SELF_SERVICE_OVER, {}, to, by=taken.rule)]


def _auto_close(taken: Taken) -> list[Draft]:
    to = move("auto_close", taken.order.state, taken.order.sub)
    closed = Draft(Kind.CLOSED, {"outcome": "completed", "auto": True}, to, by=taken.rule)
    return [taken.on_record(), closed]


_ACTS: dict[str, Callable[[Taken], list[Draft]]] = {
    "offer_expired": _offer_expired,
    "next_person": _offer_expired,
    "backup_takeover": _backup_takeover,
    "remind_info": _remind_info,
    "dispatch_anyway": _dispatch_anyway,
    "self_service_over": _self_service_over,
    "auto_close": _auto_close,
}
