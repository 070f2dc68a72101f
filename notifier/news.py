"""What is worth a message, to whom: from the events of one change to news.

News is said once and kept; a card only shows what holds. Each table below names, for one
audience, which events are news, most important first: of several in one change, the first wins.
Whoever caused a change is not told of it by news; the chat answers them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from notifier.masking import mask_text
from workflow.events import Event, Kind
from workflow.ports import Change
from workflow.records import Facts, Urgency
from workflow.states import State
from workflow.surge.keys import value_of
from workflow.work_order import Reporter, WorkOrder

Scope = Literal["all", "origin", "new"]
_POOR_RATING = 2
_CLIP = 120


@dataclass(frozen=True, slots=True)
class News:
    """One thing to say: which template with which facts, how urgent, and because of what.

    ``people`` are the staff it is for. ``loud`` news ignores quiet hours and budgets.
    """

    code: str
    urgency: Urgency
    event: Event
    facts: Facts = field(default_factory=dict)
    people: tuple[str, ...] = ()
    scope: Scope = "all"
    kind: str = "news"
    loud: bool = False

    @property
    def why(self) -> str:
        """The rule that made it, for the record."""
        step = self.event.data.get("step")
        return f"{self.event.kind}:{step}" if step else str(self.event.kind)


def quoted(text: object) -> str:
    """Somebody's words as news may repeat them: short, on one line, phones masked."""
    flat = " ".join(str(text or "").split())
    return mask_text(flat if len(flat) <= _CLIP else f"{flat[: _CLIP - 1]}…")


def quoted_whole(text: object) -> str:
    """A prepared answer: the house's own words, told whole, its phone numbers too."""
    return " ".join(str(text or "").split())


# --- customers --------------------------------------------------------------------------------


def for_customer(change: Change) -> News | None:
    """The one thing reporters are told about this change, if anything."""
    for kind, tell in _CUSTOMER.items():
        for event in change.events:
            if event.kind == kind:
                news = tell(event, change)
                if news is not None:
                    return news
    return None


def addressed(news: News, change: Change) -> tuple[Reporter, ...]:
    """The reporters a piece of customer news is for."""
    everyone = change.order.reporters
    if news.scope == "new":
        known = change.before.reporters if change.before else ()
        return tuple(reporter for reporter in everyone if reporter not in known)
    if news.scope == "origin":
        here = tuple(r for r in everyone if r.place == change.origin)
        return here[-1:] or everyone[:1]
    return everyone


def _known_issue(event: Event, change: Change) -> News:
    """Many have it: the reporter is told so, keeps the number, and hears the answer there is."""
    data = event.data
    facts = {"count": data.get("count"), "script": quoted_whole(data.get("script"))}
    code = "customer.known_issue" if change.before is None else "customer.known_issue_now"
    return News(code, Urgency.REPLY, event, facts)


def _released(event: Event, change: Change) -> News | None:
    """It goes on by itself; what was settled already goes on as it is."""
    if change.order.state not in _UNTAKEN:
        return None
    return News("customer.released", Urgency.INFO, event)


def _script(event: Event, _change: Change) -> News:
    facts = {"text": quoted_whole(event.data.get("text"))}
    return News("customer.script", Urgency.REPLY, event, facts)


def _joined(event: Event, change: Change) -> News:
    """Told what the others were told, the surge's answer too."""
    facts = {
        "script": quoted_whole(change.order.script if change.order.parent else ""),
        "because": event.data.get("reason", ""),
    }
    return News("customer.joined", Urgency.REPLY, event, facts, scope="new")


def _received(event: Event, change: Change) -> News:
    relation = change.order.links[0][0] if change.order.links else ""
    if relation == "follow_up":
        return News("customer.follow_up", Urgency.INFO, event)
    code = "customer.received_after" if relation else "customer.received"
    return News(code, Urgency.REPLY, event)


def _closed(event: Event, change: Change) -> News:
    if change.order.outcome == "completed":
        code = "customer.auto_closed" if event.data.get("auto") else "customer.signed"
        urgency = Urgency.REMINDER if event.data.get("auto") else Urgency.REPLY
        return News(code, urgency, event, kind="survey")
    told = {"cancelled": "customer.cancelled", "self_solved": "customer.self_solved"}
    code = told.get(change.order.outcome, "customer.dismissed")
    return News(code, Urgency.REPLY, event, {"why": _ending_reason(change)}, kind="closed")


def _steps_to_try(event: Event, _change: Change) -> News:
    """An article to try, its steps line by line, and how long nobody is sent meanwhile."""
    data = event.data
    wait = data.get("wait")
    seconds = wait if isinstance(wait, int | float) else 0
    facts = {
        "title": quoted_whole(data.get("title")),
        "steps": str(data.get("steps") or "").strip(),
        "wait": timedelta(seconds=seconds) if seconds else "",
    }
    return News("customer.self_service", Urgency.REPLY, event, facts)


def _tried(event: Event, _change: Change) -> News | None:
    """What solved it closes it, and that is told; what did not is answered."""
    if event.data.get("answer") != "unsolved":
        return None
    return News("customer.self_unsolved", Urgency.REPLY, event)


def _ending_reason(change: Change) -> str:
    """Why it ended, unless the customers themselves ended it."""
    reasons = (
        event.data.get("reason")
        for event in change.events
        if event.kind in {Kind.CANCELLED, Kind.TRIAGED} and event.actor.role != "customer"
    )
    return quoted(next(reasons, ""))


def _reassigned(event: Event, change: Change) -> News | None:
    known = change.before is not None and change.before.state not in _UNTAKEN
    return News("customer.reassigned", Urgency.REPLY, event) if known else None


def _question(event: Event, change: Change) -> News | None:
    if not change.order.missing:
        return None
    if event.data.get("again"):
        return News("customer.question", Urgency.REMINDER, event, scope="origin")
    added = any(e.kind == Kind.INFO_ADDED for e in change.events)
    code = "customer.added" if added else "customer.question"
    return News(code, Urgency.REPLY, event, scope="origin")


def _info_completed(event: Event, _change: Change) -> News:
    if event.data.get("anyway"):
        return News("customer.going_anyway", Urgency.INFO, event, scope="origin")
    return News("customer.complete_now", Urgency.REPLY, event, scope="origin")


def _info_added(event: Event, _change: Change) -> News | None:
    ours = event.actor.role != "customer"
    return None if ours else News("customer.added", Urgency.REPLY, event, scope="origin")


def _public_note(event: Event, _change: Change) -> News | None:
    if event.data.get("internal", True) or event.actor.role == "customer":
        return None
    facts = {"text": quoted(event.data.get("text")), "who": event.actor.name}
    return News("customer.note", Urgency.REPLY, event, facts)


def _said(code: str, scope: Scope = "all", **named: str) -> Callable[[Event, Change], News | None]:
    """Plain news; ``named`` takes facts from the event's data."""

    def tell(event: Event, _change: Change) -> News:
        facts = {fact: quoted(event.data.get(key)) for fact, key in named.items()}
        return News(code, Urgency.REPLY, event, facts, scope=scope)

    return tell


_UNTAKEN = frozenset({State.NEW, State.DISPATCHED})
_CUSTOMER: Mapping[Kind, Callable[[Event, Change], News | None]] = {
    Kind.GATHERED: _known_issue,
    Kind.SELF_SERVICE_OFFERED: _steps_to_try,
    Kind.SELF_SERVICE_ANSWERED: _tried,
    Kind.REPORTED: _received,
    Kind.SCRIPT_SENT: _script,
    Kind.DETACHED: _released,
    Kind.JOINED: _joined,
    Kind.CLOSED: _closed,
    Kind.RATED: _said("customer.rated", "origin", score="score"),
    Kind.COMPLETED: _said("customer.completed", text="text"),
    Kind.RETURNED: _said("customer.returned"),
    Kind.TAKEN_OVER: _said("customer.accepted"),
    Kind.ACCEPTED: _said("customer.accepted"),
    Kind.REASSIGNED: _reassigned,
    Kind.DISPATCHED: _reassigned,
    Kind.DEPARTED: _said("customer.departed"),
    Kind.ARRIVED: _said("customer.arrived"),
    Kind.PARTS_AWAITED: _said("customer.parts", part="part"),
    Kind.HELD: _said("customer.held", why="label"),
    Kind.RESUMED: _said("customer.resumed"),
    Kind.INFO_REQUESTED: _question,
    Kind.INFO_COMPLETED: _info_completed,
    Kind.INFO_ADDED: _info_added,
    Kind.NOTED: _public_note,
}


# --- the house --------------------------------------------------------------------------------


def for_staff(change: Change) -> Iterator[News]:
    """What colleagues are told: who has it, who had it, and who must step in."""
    for event in change.events:
        for tell in _STAFF.get(event.kind, ()):
            yield from tell(event, change)


def _urgency(order: WorkOrder, calm: Urgency) -> Urgency:
    return Urgency.RED if order.priority == "P0" else calm


def _others(ids: Sequence[str], event: Event) -> tuple[str, ...]:
    return tuple(who for who in ids if who and who != event.actor.id)


def _listed(found: object) -> tuple[str, ...]:
    return tuple(str(item) for item in found) if isinstance(found, list | tuple) else ()


def _offered(event: Event, change: Change) -> Iterator[News]:
    """The one it was given to; only the last offer of a change counts."""
    to = str(event.data.get("to", ""))
    last = [e for e in change.events if e.kind in {Kind.DISPATCHED, Kind.REASSIGNED}][-1]
    if event is not last or change.order.assignee != to:
        return
    reason = quoted(event.data.get("reason"))
    code = "handler.offer"
    if event.kind == Kind.REASSIGNED:
        code = "handler.offer_reassigned"
    elif reason == "backup":
        code = "handler.offer_backup"
    facts = {"reason": reason, "by": event.actor.name}
    urgency = _urgency(change.order, Urgency.REPLY)
    yield News(code, urgency, event, facts, _others([to], event))


def _claimable(event: Event, change: Change) -> Iterator[News]:
    people = _listed(event.data.get("candidates"))
    yield News("handler.claim", _urgency(change.order, Urgency.REPLY), event, {}, people)


def _moved_away(event: Event, change: Change) -> Iterator[News]:
    """The one it was taken from; an offer that ran out says so on its card, silently."""
    before = change.before.assignee if change.before else ""
    theirs = change.before is not None and change.before.state not in _UNTAKEN
    taken = theirs or event.kind in {Kind.REASSIGNED, Kind.TAKEN_OVER}
    if before and taken and before != change.order.assignee:
        reason = quoted(event.data.get("reason"))
        facts = {"reason": reason if event.kind == Kind.REASSIGNED else ""}
        yield News("handler.moved_away", Urgency.REMINDER, event, facts, _others([before], event))


def _to_handler(
    code: str, calm: Urgency, **named: str
) -> Callable[[Event, Change], Iterator[News]]:
    """News for whoever has the job; ``named`` takes facts from the event's data."""

    def tell(event: Event, change: Change) -> Iterator[News]:
        facts: dict[str, object] = {
            fact: quoted(event.data.get(key)) for fact, key in named.items()
        }
        facts["by"] = event.actor.name
        yield News(code, calm, event, facts, _others([change.order.assignee], event))

    return tell


def _more_info(event: Event, change: Change) -> Iterator[News]:
    if event.actor.role == "customer":
        facts = {
            "text": quoted(event.data.get("text")),
            "pictures": len(_media(event.data.get("media"))),
        }
        yield News("handler.info", Urgency.INFO, event, facts, (change.order.assignee,))


def _media(found: object) -> Sequence[object]:
    return found if isinstance(found, list | tuple) else ()


def _one_more(event: Event, change: Change) -> Iterator[News]:
    facts = {"n": len(change.order.reporters)}
    yield News("handler.joined", Urgency.INFO, event, facts, (change.order.assignee,))


def _work_returned(event: Event, change: Change) -> Iterator[News]:
    facts = {"reason": quoted(event.data.get("reason"))}
    urgency = _urgency(change.order, Urgency.REPLY)
    yield News("handler.returned", urgency, event, facts, _others([change.order.assignee], event))


def _nudged(event: Event, change: Change) -> Iterator[News]:
    order = change.order
    facts = {"text": quoted(event.data.get("text"))}
    urgency = _urgency(order, Urgency.REMINDER)
    if order.assignee:
        yield News("handler.nudged", urgency, event, facts, (order.assignee,))
    else:
        yield News("supervisor.nudged", urgency, event, facts, _supervisors(change))


def _supervisors(change: Change) -> tuple[str, ...]:
    """The team's supervisor; of any team when it has none."""
    team = change.company.teams.get(change.order.team_id)
    known = [team.supervisor] if team else []
    known += [t.supervisor for _, t in sorted(change.company.teams.items())]
    return next(((who,) for who in known if who in change.company.staff), ())


def _new_priority(event: Event, change: Change) -> Iterator[News]:
    facts = {
        "from": event.data.get("from", ""),
        "to": event.data.get("to", ""),
        "reason": _spoken_reason(event),
    }
    urgency = _urgency(change.order, Urgency.REMINDER)
    yield News("handler.priority", urgency, event, facts, _others([change.order.assignee], event))


def _spoken_reason(event: Event) -> str:
    reason = event.data.get("reason")
    return "" if reason in {"joined_report", "repeated_alarm"} else quoted(reason)


def _over(event: Event, change: Change) -> Iterator[News]:
    who = _others([change.order.assignee], event)
    if change.order.outcome == "completed":
        yield News("handler.signed", Urgency.INFO, event, {}, who, kind="closed")
    elif change.order.outcome == "self_solved":
        yield News("handler.self_solved", Urgency.REPLY, event, {}, who, kind="closed")
    else:
        facts = {"why": _ending_reason(change)}
        yield News("handler.cancelled", Urgency.REPLY, event, facts, who, kind="closed")


def _colleague_note(event: Event, change: Change) -> Iterator[News]:
    facts = {"text": quoted(event.data.get("text")), "by": event.actor.name}
    yield News("handler.note", Urgency.INFO, event, facts, _others([change.order.assignee], event))


def _poor_rating(event: Event, change: Change) -> Iterator[News]:
    score = event.data.get("score")
    if isinstance(score, int) and score <= _POOR_RATING:
        facts = {"score": score, "text": quoted(event.data.get("comment"))}
        yield News(
            "supervisor.low_rating", Urgency.REMINDER, event, facts, _supervisors(change), "all"
        )


def _nobody(event: Event, change: Change) -> Iterator[News]:
    """Nobody can go: backup and supervisor hear at once. Once told, the ladder goes on and the
    supervisors' card shows each further round.
    """
    if change.before is not None and change.before.escalation > 0:
        return
    urgency = _urgency(change.order, Urgency.ESCALATION)
    people = _listed(event.data.get("targets")) or _supervisors(change)
    facts = {"excluded": _excluded(event.data.get("explanation"))}
    yield News("supervisor.nobody", urgency, event, facts, people)


def _excluded(explanation: object) -> Mapping[str, int]:
    """How many people each filter left out."""
    counts: dict[str, int] = {}
    listed = explanation.get("excluded") if isinstance(explanation, Mapping) else ()
    for person in listed if isinstance(listed, list | tuple) else ():
        reason = str(person.get("reason", "")) if isinstance(person, Mapping) else ""
        counts[reason] = counts.get(reason, 0) + 1
    return counts


def _supervised(event: Event, change: Change) -> Iterator[News]:
    """A customer is about to be lost: the supervisor hears of it once."""
    facts = {"cause": event.data.get("why"), "text": quoted(event.data.get("text"))}
    urgency = _urgency(change.order, Urgency.ESCALATION)
    people = _others(_supervisors(change), event)
    yield News("supervisor.supervised", urgency, event, facts, people)


def _surge(event: Event, change: Change) -> Iterator[News]:
    """Supervisors hear of a surge once; from then on its card shows how it grows."""
    data = event.data
    window = data.get("window")
    facts = {
        "count": data.get("count"),
        "value": quoted(value_of(str(data.get("key", "")))),
        "usual": usual_text(data.get("usual")),
        "span": timedelta(seconds=window) if isinstance(window, int | float) else "",
    }
    urgency = _urgency(change.order, Urgency.ESCALATION)
    yield News("supervisor.surge", urgency, event, facts, _supervisors(change))


def usual_text(usual: object) -> str:
    """An expected count with one digit; next to nothing is said so."""
    number = float(usual) if isinstance(usual, int | float) else 0.0
    return f"{number:.1f}" if number >= 0.1 else "<0.1"  # noqa: PLR2004  # one digit


_SILENT_STEPS = frozenset(
    {"offer_expired", "next_person", "remind_info", "dispatch_anyway", "auto_close"}
    | {"retry_dispatch", "self_service_over"}
)
_NAMED_STEPS = frozenset(
    {"warn_supervisor", "backup_takeover", "next_level", "mark_stalled", "triage_reminder"}
    | {"breach"}
)


def _step(event: Event, change: Change) -> Iterator[News]:
    """A rung of the ladder speaks to its targets; what else it caused is told by that."""
    data, order = event.data, change.order
    act = str(data.get("act", ""))
    if act in _SILENT_STEPS:
        return
    loud = bool(data.get("loud"))
    late = data.get("late_s")
    facts = {"late_s": late if isinstance(late, int | float) else 0}
    people = _listed(data.get("targets"))
    if act == "remind_handler" and order.assignee in people:
        calm = Urgency.ESCALATION if loud else Urgency.REMINDER
        yield News(
            "handler.remind", _urgency(order, calm), event, facts, (order.assignee,), loud=loud
        )
        return
    code = f"supervisor.{act}" if act in _NAMED_STEPS else "supervisor.step"
    calm = Urgency.REMINDER if act == "triage_reminder" else Urgency.ESCALATION
    targets = (*people, *_supervisors(change)) if act == "backup_takeover" else people
    targets = targets or _supervisors(change)
    yield News(code, _urgency(order, calm), event, facts, targets, loud=loud)


_Tell = Callable[[Event, Change], Iterator[News]]
_STAFF: Mapping[Kind, tuple[_Tell, ...]] = {
    Kind.DISPATCHED: (_offered, _moved_away),
    Kind.REASSIGNED: (_offered, _moved_away),
    Kind.TAKEN_OVER: (_moved_away,),
    Kind.OPENED_FOR_CLAIM: (_claimable,),
    Kind.NOBODY_AVAILABLE: (_nobody,),
    Kind.SURGE_DETECTED: (_surge,),
    Kind.SUPERVISED: (_supervised,),
    Kind.STEP_TAKEN: (_step,),
    Kind.INFO_ADDED: (_more_info,),
    Kind.JOINED: (_one_more,),
    Kind.RETURNED: (_work_returned,),
    Kind.NUDGED: (_nudged,),
    Kind.NOTED: (_colleague_note,),
    Kind.PRIORITY_CHANGED: (_new_priority,),
    Kind.CORRECTED: (_to_handler("handler.corrected", Urgency.INFO),),
    Kind.DEADLINE_EXTENDED: (
        _to_handler(
            "handler.extended", Urgency.INFO, clock="clock", minutes="minutes", reason="reason"
        ),
    ),
    Kind.CLOSED: (_over,),
    Kind.RATED: (
        _to_handler("handler.rated", Urgency.INFO, score="score", text="comment"),
        _poor_rating,
    ),
}
