"""A surge from its first report to its last child, inside units of work.

A report is noticed in the unit that opens it, in a few short look-ups; whether it is a surge is
weighed in a unit of its own, fired like any due step, so that counting never holds up intake and
happens exactly once. What concerns all children (the answer, the resolution, setting them free)
goes to a few of them at a time, again as due steps: a hundred children neither block the writer
nor are half forgotten by a crash.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal, TypeVar

from workflow import commands as c
from workflow.decide import PRIORITIES, Draft
from workflow.errors import UnknownTicket
from workflow.events import SYSTEM, Actor, Kind
from workflow.kept import KnownSurge, Seen
from workflow.policy import SurgePolicy
from workflow.ports import UnitOfWork
from workflow.records import ALARM, Facts
from workflow.states import State, Sub
from workflow.surge import decisions
from workflow.surge.alike import alike
from workflow.surge.keys import keys_of, product_of, value_of
from workflow.surge.profile import expected
from workflow.surge.watch import Detection, Watched, detect, people, telling
from workflow.taxonomy import FAULT_TYPES
from workflow.work_order import Child, WorkOrder

T = TypeVar("T")
Open = Callable[[c.Report, UnitOfWork, datetime, Sequence[Draft], str], WorkOrder]
"""Open a work order of this id with these further drafts."""
Change = Callable[[WorkOrder, Sequence[Draft], c.Command, UnitOfWork, datetime], WorkOrder]
"""Record these drafts on a work order."""

SUBJECT, WEIGH, SPREAD = "surge", "weigh", "spread"
AT_ONCE = 20
"""How many children one unit reaches."""
_BACKGROUND = 200
"""How many earlier reports tell how people usually put it."""
_NUMBERS = re.compile(r"\d{7,}")
"""Somebody's phone: it is not the parent's."""
_OF_THEIR_OWN = frozenset({"follow_up", "maintenance", "split", "unjoined"})
"""Relations of work orders that are no new report."""


class Course:
    """Carries surges through; ``open`` and ``change`` are the service's doors."""

    def __init__(self, open: Open, change: Change) -> None:  # noqa: A002  # the trade's word
        self._open = open
        self._change = change

    # --- a report comes in ----------------------------------------------------------------------

    def parent_for(
        self, command: c.Report, order: WorkOrder, model: str, uow: UnitOfWork, at: datetime
    ) -> WorkOrder | None:
        """The parent of the surge that a report just being opened belongs to."""
        policy = uow.company.policy.surge
        if not policy.enabled or _apart(command):
            return None
        for key in keys_of(command.details, model):
            for known in uow.surges.known(key, at):
                if not _takes(known, command.details.text, at, policy):
                    continue
                parent = uow.orders.get(known.order_id)
                if parent.id != order.id and parent.surge is not None and _gathers(parent):
                    return parent
        return None

    def add(
        self, parent: WorkOrder, child: WorkOrder, command: c.Report, model: str, uow: UnitOfWork,
        now: datetime,
    ) -> None:  # fmt: skip
        """A report that was opened as a child: the parent counts it and its card shows it."""
        told = parent.surge is not None and parent.surge.approved_at is not None
        self._change(parent, [_added(child, model, told=told)], _with_parent(parent), uow, now)
        uow.surges.remember(_seen(command, child, model), counted=False)
        uow.surges.goes_on(parent.id, child.opened_at or now)

    def notice(
        self, command: c.Report, order: WorkOrder, model: str, uow: UnitOfWork, now: datetime
    ) -> None:
        """Count a report that belongs to no surge yet; have it weighed if it is not alone."""
        policy = uow.company.policy.surge
        if not policy.enabled or _apart(command):
            return
        seen = _seen(command, order, model)
        others = min(policy.minimum, policy.cluster_reporters) - 1
        watched_for = seen.at - (uow.surges.watched_since() or seen.at)
        together = any(
            uow.surges.people(key, seen.at - policy.window, seen.at, others) >= others
            for key in seen.keys
            if telling(key, watched_for, policy)
        )
        uow.surges.remember(seen, counted=True)
        if together:
            uow.timers.arm(f"{SUBJECT}:{order.id}", WEIGH, now)

    # --- weighing -------------------------------------------------------------------------------

    def weigh(self, order_id: str, uow: UnitOfWork, now: datetime) -> WorkOrder | None:
        """Look whether a report is part of a surge, and open its parent if so; the parent."""
        seen = uow.surges.seen(order_id)
        if seen is None or uow.orders.get(order_id).parent:
            return None
        found = self._detect(seen, uow)
        uow.surges.forget(seen.keys, seen.at - uow.company.policy.surge.history)
        if found is None:
            return None
        children = [o for o in map(uow.orders.get, found.orders) if _free(o)]
        reports = [r for r in self._window(found.key, seen, uow) if _among(r, children)]
        if people(reports) < min(found.people, uow.company.policy.surge.minimum):
            return None
        parent_id = uow.new_id()
        if not uow.surges.begin(found.key, parent_id, found.words, seen.at):
            return None
        return self._begin(found, parent_id, children, uow, now)

    def _detect(self, seen: Seen, uow: UnitOfWork) -> Detection | None:
        policy, tz = uow.company.policy.surge, uow.company.tz
        since = uow.surges.watched_since() or seen.at
        start = seen.at - policy.window
        watched = [
            Watched(
                key,
                tuple(self._window(key, seen, uow)),
                expected(
                    uow.surges.hours(key, seen.at - policy.history), since, seen.at, policy, tz
                ),
                tuple(uow.surges.before(key, start, _BACKGROUND)),
            )
            for key in seen.keys
            if telling(key, seen.at - since, policy)
            and not any(
                _covers(known, seen.text, seen.at, policy)
                for known in uow.surges.known(key, seen.at)
            )
        ]
        return detect(seen, watched, seen.at - since, policy)

    @staticmethod
    def _window(key: str, seen: Seen, uow: UnitOfWork) -> Sequence[Seen]:
        since = seen.at - uow.company.policy.surge.window
        return uow.surges.reports(key, since, seen.at)

    def _begin(
        self,
        found: Detection,
        parent_id: str,
        children: Sequence[WorkOrder],
        uow: UnitOfWork,
        now: datetime,
    ) -> WorkOrder:
        details = _details(found, children)
        models = {child.id: _model(child, uow) for child in children}
        drafts = [
            Draft(Kind.SURGE_DETECTED, _detected(found, details, uow)),
            *(_added(child, models[child.id], told=False) for child in children),
        ]
        report = c.Report(SYSTEM, c.Origin(message=f"surge:{parent_id}"), details)
        parent = self._open(report, uow, now, drafts, parent_id)
        for child in children:
            draft = decisions.gathered(child, parent, len(children))
            self._change(child, [draft], _with_parent(child), uow, now)
            uow.surges.set_aside(child.id)
        return parent

    # --- what concerns all children -------------------------------------------------------------

    def after(
        self, before: WorkOrder, order: WorkOrder, command: c.Command, uow: UnitOfWork,
        now: datetime,
    ) -> None:  # fmt: skip
        """What follows from any change of a parent or a child."""
        if order.surge is not None:
            if not _gathers(order) and _gathers(before):
                quiet = now + uow.company.policy.surge.quiet_period
                uow.surges.end(order.id, quiet)
            if _lagging(order) is not None or _may_close(order):
                uow.timers.arm(f"{SUBJECT}:{order.id}", SPREAD, now)
        elif order.parent and before.open and not order.open:
            facts = {"order": order.id, "number": order.number, "outcome": order.outcome}
            self._tell_parent(order.parent, Draft(Kind.CHILD_CLOSED, facts), command, uow, now)

    def leave(self, before: WorkOrder, command: c.Detach, uow: UnitOfWork, now: datetime) -> None:
        """One child was taken out by a person: the parent knows, and it counts as usual again."""
        facts = {"order": before.id, "number": before.number, "reason": command.reason}
        draft = Draft(Kind.CHILD_DETACHED, {**facts, "by": command.by.id})
        self._tell_parent(before.parent, draft, command, uow, now)
        uow.surges.take_back(before.id)

    def _tell_parent(
        self, parent_id: str, draft: Draft, command: c.Command, uow: UnitOfWork, now: datetime
    ) -> None:
        try:
            parent = uow.orders.get(parent_id)
        except UnknownTicket:
            return
        self._change(parent, [draft], command, uow, now)

    def spread(self, parent_id: str, uow: UnitOfWork, now: datetime) -> WorkOrder:
        """Reach the next few children that lag behind their parent; close it after the last."""
        parent = uow.orders.get(parent_id)
        lag = _lagging(parent)
        if lag is not None:
            what, children = lag
            for child in children:
                self._reach(what, uow.orders.get(child.id), parent, uow, now)
            reached = {"what": what, "orders": [child.id for child in children]}
            drafts = [Draft(Kind.CHILDREN_REACHED, reached)]
        elif _may_close(parent):
            to = (State.CLOSED, Sub.NONE)
            drafts = [Draft(Kind.CLOSED, {"outcome": "completed", "auto": True}, to)]
        else:
            return parent
        parent = uow.orders.get(parent_id)  # a child that closed has told it meanwhile
        return self._change(parent, drafts, _with_parent(parent), uow, now)

    def _reach(
        self, what: str, child: WorkOrder, parent: WorkOrder, uow: UnitOfWork, now: datetime
    ) -> None:
        if not child.open or child.parent != parent.id:
            return
        by = SYSTEM
        if what == "told":
            drafts = decisions.answered(child, parent)
            by = _approver(parent)
        elif what == "offered":
            drafts = decisions.resolved(child, parent)
        else:
            drafts = [decisions.detached(child, _why_over(parent), dismissed=True)]
            uow.surges.take_back(child.id)
        if drafts:
            self._change(child, drafts, _with_parent(child, by), uow, now)


# --- reading ------------------------------------------------------------------------------------


def _apart(command: c.Report) -> bool:
    return command.link is not None and command.link[0] in _OF_THEIR_OWN


def _seen(command: c.Report, order: WorkOrder, model: str) -> Seen:
    at = order.opened_at
    assert at is not None  # noqa: S101  # it was just opened
    return Seen(order.id, at, _who(command), order.text[:500], keys_of(order, model))


def _who(command: c.Report) -> str:
    """One name for one person. A colleague writes down many callers, told apart by phone."""
    origin, details = command.origin, command.details
    if command.by.role == "customer" or (origin.place and origin.place.channel == ALARM):
        channel = origin.place.channel if origin.place else ""
        return f"{channel}/{origin.sender}"
    return details.phone or origin.message


def _gathers(parent: WorkOrder) -> bool:
    """Whether a surge still goes on: neither over nor resolved."""
    return parent.open and parent.state != State.AWAITING_ACCEPTANCE


def _takes(known: KnownSurge, text: str, at: datetime, policy: SurgePolicy) -> bool:
    """Whether a report belongs to a surge that goes on."""
    lasts = known.quiet_until is None and at - known.last_at <= policy.lasts
    return lasts and (not known.words or alike(known.words, text))


def _covers(known: KnownSurge, text: str, at: datetime, policy: SurgePolicy) -> bool:
    """Whether another surge of the same would be noise: one goes on, or was over just now."""
    quiet = known.quiet_until is not None and (not known.words or alike(known.words, text))
    return quiet or _takes(known, text, at, policy)


def _free(order: WorkOrder) -> bool:
    """Whether a work order can become a child: open, of no surge, and not taken out of one."""
    once = any(relation == "detached" for relation, _ in order.links)
    return order.open and not order.parent and order.surge is None and not once


def _among(report: Seen, children: Iterable[WorkOrder]) -> bool:
    return any(report.order_id == child.id for child in children)


def _model(order: WorkOrder, uow: UnitOfWork) -> str:
    asset = uow.people.asset(order.asset_id) if order.asset_id else None
    return asset.model if asset else ""


def _lagging(
    parent: WorkOrder,
) -> tuple[Literal["told", "offered", "freed"], Sequence[Child]] | None:
    """What some open children have not been reached with yet, and the next few of them."""
    surge = parent.surge
    if surge is None:
        return None
    if not parent.open:
        return _next("freed", (x for x in parent.children if not (x.outcome or x.freed)))
    if parent.state == State.AWAITING_ACCEPTANCE:
        return _next("offered", (x for x in parent.children if not (x.outcome or x.offered)))
    if surge.approved_at is not None:
        return _next("told", (x for x in parent.children if not (x.outcome or x.told)))
    return None


def _next(what: T, children: Iterable[Child]) -> tuple[T, Sequence[Child]] | None:
    few = tuple(islice(children, AT_ONCE))
    return (what, few) if few else None


def _may_close(parent: WorkOrder) -> bool:
    """Resolved, and every child is closed."""
    waits = parent.state == State.AWAITING_ACCEPTANCE
    return waits and all(child.outcome for child in parent.children)


# --- writing ------------------------------------------------------------------------------------


def _with_parent(order: WorkOrder, by: Actor = SYSTEM) -> c.FollowParent:
    return c.FollowParent(by, c.Origin(), order.id)


def _approver(parent: WorkOrder) -> Actor:
    surge = parent.surge
    return Actor(surge.approved_by, "supervisor", surge.approved_name) if surge else SYSTEM


def _why_over(parent: WorkOrder) -> str:
    return "dismissed" if parent.surge is not None and parent.surge.dismissed else parent.outcome


def _added(child: WorkOrder, model: str, *, told: bool) -> Draft:
    opened = child.opened_at
    facts: Facts = {
        "order": child.id,
        "number": child.number,
        "at": opened.isoformat() if opened else "",
        "place": child.place,
        "product": product_of(child, model),
        "channel": child.reporters[0].place.channel if child.reporters else ALARM,
        "told": told,
    }
    return Draft(Kind.CHILD_ADDED, facts, by=SYSTEM)


def _detected(found: Detection, details: c.Details, uow: UnitOfWork) -> Facts:
    policy = uow.company.policy.surge
    scripts = policy.scripts
    code = value_of(found.key) if found.key.startswith("code:") else details.error_code
    script = scripts.get(code) or scripts.get(details.fault_type) or scripts.get("*", "")
    return {
        "key": found.key,
        "rule": found.rule,
        "count": found.people,
        "usual": round(found.usual, 4),
        "window": policy.window.total_seconds(),
        "probability": found.probability,
        "script": script,
    }


def _details(found: Detection, children: Sequence[WorkOrder]) -> c.Details:
    """The parent's facts: what all children share, as urgent as the most urgent."""
    fault = Counter(child.fault_type for child in children).most_common(1)[0][0]
    said = _NUMBERS.sub("…", children[0].text)
    called = value_of(found.key) or FAULT_TYPES.get(fault, (fault, fault))[0]
    return c.Details(
        text=f"突发 {called}：{said}"[:500],
        fault_type=fault,
        priority=min((child.priority for child in children), key=PRIORITIES.index),
        emotion=max(child.emotion for child in children),
        symptom=said,
        place=_common(child.place for child in children),
        region=_common(child.region for child in children),
        device=_common(child.device for child in children),
        error_code=_common(child.error_code for child in children),
    )


def _common(values: Iterable[str]) -> str:
    found = set(values)
    return found.pop() if len(found) == 1 else ""
