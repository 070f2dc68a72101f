"""自助: a P2 report that an article answers is tried by its customer first.

The work order exists from the first second and its clocks run. It waits for the customer a short
while (``policy.self_service_wait``), then goes on as usual; only the customer's own word closes
it as ``self_solved``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from workflow import commands as c
from workflow.decide import Draft, Situation, refuse_stale
from workflow.errors import IllegalMove, NotAllowed
from workflow.events import SYSTEM, Event, Kind
from workflow.knowledge import Use
from workflow.policy import Policy
from workflow.ports import UnitOfWork
from workflow.states import State, Sub, move
from workflow.work_order import SelfService, WorkOrder

COMMANDS = (c.SelfSolve, c.SelfUnsolved)
OUTCOME = "self_solved"
_Change = dict[str, Any]


def offers(command: c.Report, policy: Policy) -> bool:
    """Whether the reporter is given the article to try: never in anything urgent."""
    return command.article is not None and policy.self_service and command.details.priority == "P2"


def offered(command: c.Report, policy: Policy) -> Draft:
    """The article is given to the reporter."""
    wait = policy.self_service_wait.total_seconds()
    return Draft(Kind.SELF_SERVICE_OFFERED, {**(command.article or {}), "wait": wait}, by=SYSTEM)


def decide(order: WorkOrder, command: c.OnOrder, situation: Situation) -> list[Draft]:
    """The customer's word on it.

    Raises:
        IllegalMove: nothing was offered, it was answered, or somebody is at it already.
        NotAllowed: it is not the customer who says so.
    """
    refuse_stale(order, command, situation.company)
    if command.by.role != "customer":
        raise NotAllowed(needs="customer", number=order.number)
    solved = isinstance(command, c.SelfSolve)
    name = "self_solve" if solved else "self_unsolved"
    tried = order.self_service
    if tried is None or tried.answer:
        already = tried is not None and bool(tried.answer)
        raise IllegalMove(move=name, state=str(order.state), missing="", already=already)
    to = move(name, order.state, order.sub)
    answer = "solved" if solved else "unsolved"
    data = {"answer": answer, "deflected": solved and order.accepted_at is None}
    if not solved:
        back = (State.NEW, Sub.QUEUED) if order.sub == Sub.SELF_SERVICE else None
        return [Draft(Kind.SELF_SERVICE_ANSWERED, data, back)]
    return [
        Draft(Kind.SELF_SERVICE_ANSWERED, data),
        Draft(Kind.CLOSED, {"outcome": OUTCOME, "auto": False}, to),
    ]


def remember(order: WorkOrder, events: Iterable[Event], uow: UnitOfWork) -> None:
    """Count what was offered and what was said to it."""
    for event in events:
        data, subject = cast("_Change", event.data), f"order:{order.id}"
        if event.kind == Kind.SELF_SERVICE_OFFERED:
            uow.articles.offered(Use(subject, data["article"], data["version"], event.at))
        elif event.kind == Kind.SELF_SERVICE_ANSWERED:
            uow.articles.answered(
                subject, data["answer"], event.at, deflected=bool(data["deflected"])
            )


def _offered(_order: WorkOrder, event: Event) -> _Change:
    data = cast("_Change", event.data)
    facts = {name: data[name] for name in ("article", "version", "title", "steps")}
    return {"self_service": SelfService(**facts, at=event.at)}


def _answered(order: WorkOrder, event: Event) -> _Change:
    answer = cast("_Change", event.data)["answer"]
    return {"self_service": order.self_service and replace(order.self_service, answer=answer)}


CHANGES: Mapping[Kind, Callable[[WorkOrder, Event], _Change]] = {
    Kind.SELF_SERVICE_OFFERED: _offered,
    Kind.SELF_SERVICE_ANSWERED: _answered,
}
"""What these events change; folded by :mod:`workflow.fold`."""
