"""The stepper: what is due next, exactly once, on the right calendar, and whom it reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow import clocks
from workflow.calendar import Span, WorkCalendar, round_the_clock
from workflow.clocks import Mark
from workflow.company import Company, Queue, Staff, Team
from workflow.errors import InvalidPolicy
from workflow.escalation import Step, next_step, targets, upcoming
from workflow.escalation.default_rules import DEFAULT_LADDER, default_policy
from workflow.policy import Policy, Rung
from workflow.states import State, Sub
from workflow.work_order import WorkOrder

ZONE = ZoneInfo("Asia/Shanghai")
TEN = datetime(2026, 9, 22, 10, 0, tzinfo=ZONE).astimezone(UTC)
HOURS = (Span(time(8, 30), time(12)), Span(time(13), time(18)))
WORK = WorkCalendar("Asia/Shanghai", (HOURS,) * 5 + ((),) * 2, covered_years=frozenset({2026}))
CALENDARS = {"work": WORK, "always": round_the_clock("Asia/Shanghai")}
POLICY = default_policy()


def minutes(amount: float) -> timedelta:
    return timedelta(minutes=amount)


def reported(priority: str = "P1", at: datetime = TEN, **changes: Any) -> WorkOrder:
    """A work order just reported and offered to somebody."""
    order = WorkOrder(
        id="01",
        tenant="t",
        number="WO-20260922-0001",
        priority=priority,
        state=State.DISPATCHED,
        sub=Sub.OFFERED,
        assignee="eng",
        team_id="cool",
        generation=1,
        opened_at=at,
        offered_at=at,
        moved_at=at,
        updated_at=at,
        marks=(Mark(at, "open", priority),),
    )
    return replace(order, **changes)


def marked(order: WorkOrder, *marks: Mark, **changes: Any) -> WorkOrder:
    return replace(order, marks=(*order.marks, *marks), **changes)


def steps(order: WorkOrder, now: datetime = TEN, policy: Policy = POLICY) -> tuple[Step, ...]:
    return upcoming(order, policy, CALENDARS, now)


def plan(order: WorkOrder, now: datetime = TEN) -> dict[str, float]:
    """Step ids and the minutes from the opening at which they are due."""
    opened = order.opened_at or TEN
    return {s.id: (s.due - opened).total_seconds() / 60 for s in steps(order, now)}


def take(order: WorkOrder, *ids: str) -> WorkOrder:
    return replace(order, steps=(*order.steps, *ids))


def accepted(order: WorkOrder, at: datetime) -> WorkOrder:
    return marked(
        order,
        Mark(at, "stop_first_response"),
        state=State.IN_PROGRESS,
        sub=Sub.ACCEPTED,
        first_responded_at=at,
        accepted_at=at,
        moved_at=at,
        updated_at=at,
    )


# --- the default ladder -----------------------------------------------------------------------


def test_a_red_order_has_its_next_person_within_a_minute_and_its_levels_after() -> None:
    order = reported("P0")
    assert plan(order) == {
        "accept_timeout:1": 1,
        "reach_phone": 3,
        "breach:first_response": 5,
        "golden_warning": 12,
        "golden_takeover": 15,
        "nag_handler": 30,
        "arrival_warning": 48,
        "breach:arrival": 60,
        "next_level": 60,
        f"stalled:{int(TEN.timestamp())}": 120,
        "resolution_warning": 192,
        "breach:resolution": 240,
    }
    acts = {s.rung: s.act for s in steps(order)}
    assert acts["accept_timeout"] == "offer_expired"
    assert acts["golden_warning"] == "warn_supervisor"
    assert acts["golden_takeover"] == "backup_takeover"
    assert acts["next_level"] == "next_level"
    assert acts["stalled"] == "mark_stalled"
    assert acts["breach:arrival"] == "breach"
    assert {s.rung for s in steps(order) if not s.loud} == {
        "nag_handler",
        "arrival_warning",
        "resolution_warning",
    }


def test_a_question_has_hours_and_its_ladder_goes_by_shares_of_them() -> None:
    assert plan(reported("P2")) == {
        "accept_timeout:1": 30,
        "response_warning": 4.2 * 60,  # 3 h 12 min, with lunch between
        "response_takeover": 5 * 60,
        "breach:first_response": 5 * 60,
        f"stalled_day:{int(TEN.timestamp())}": 23.5 * 60,
        "arrival_warning": 28.9 * 60,
        "breach:arrival": 32 * 60,
        "resolution_warning": 51.2 * 60,
        "breach:resolution": 56 * 60,
    }


def test_each_step_says_which_rule_made_it() -> None:
    why = {s.rung: s.why for s in steps(reported("P1"))}
    assert why["accept_timeout"] == "accept_within 5m"
    assert why["golden_warning"] == "arrival + 12m until accepted"
    assert why["arrival_warning"] == "arrival at 80 % until arrived"
    assert why["breach:first_response"] == "first_response = 15m"


def test_the_ladder_sleeps_when_the_company_does_but_never_for_a_red_order() -> None:
    friday_evening = datetime(2026, 9, 25, 17, 50, tzinfo=ZONE).astimezone(UTC)
    monday = datetime(2026, 9, 28, 8, 32, tzinfo=ZONE).astimezone(UTC)
    quiet = {s.id: s.due for s in steps(reported("P1", friday_evening), friday_evening)}
    assert quiet["golden_warning"] == monday
    red = {s.id: s.due for s in steps(reported("P0", friday_evening), friday_evening)}
    assert red["golden_warning"] == friday_evening + minutes(12)


# --- what makes a rung unnecessary ------------------------------------------------------------


def test_an_answer_in_words_ends_first_response_but_not_the_golden_window() -> None:
    answered = marked(
        reported("P0"), Mark(TEN + minutes(2), "stop_first_response"), first_responded_at=TEN
    )
    left = plan(answered, TEN + minutes(2))
    assert not {"reach_phone", "nag_handler", "breach:first_response"} & left.keys()
    assert {"accept_timeout:1", "golden_warning", "golden_takeover", "next_level"} <= left.keys()


def test_accepting_ends_the_golden_window() -> None:
    left = plan(accepted(reported("P0"), TEN + minutes(2)), TEN + minutes(2))
    assert set(left) == {
        "arrival_warning",
        "breach:arrival",
        f"stalled:{int(TEN.timestamp()) + 120}",
        "resolution_warning",
        "breach:resolution",
    }


def test_reassigning_later_does_not_wake_the_golden_window_again() -> None:
    at = TEN + minutes(50)
    moved = accepted(reported("P0"), TEN + minutes(2))
    again = replace(moved, state=State.DISPATCHED, sub=Sub.OFFERED, generation=2, offered_at=at)
    left = plan(again, at)
    assert left["accept_timeout:2"] == 51
    assert not {"golden_warning", "golden_takeover", "next_level"} & left.keys()


def test_arriving_and_completing_end_their_clocks() -> None:
    at = TEN + minutes(20)
    there = marked(
        accepted(reported("P0"), at), Mark(at, "stop_arrival"), arrived_at=at, sub=Sub.ARRIVED
    )
    assert not {"arrival_warning", "breach:arrival"} & plan(there, at).keys()
    done = marked(
        there,
        Mark(at, "stop_resolution"),
        state=State.AWAITING_ACCEPTANCE,
        sub=Sub.AWAITING_SIGNATURE,
        completed_at=at,
    )
    assert plan(done, at) == {"auto_close": 20 + 48 * 60}


def test_a_closed_order_has_nothing_to_come() -> None:
    closed = reported("P0", state=State.CLOSED, sub=Sub.NONE)
    assert steps(closed) == ()
    assert next_step(closed, POLICY, CALENDARS, TEN) is None


# --- clocks that stand still, start again, change ---------------------------------------------


def test_a_pause_hides_the_steps_of_a_clock_and_shifts_them_when_it_ends() -> None:
    order = accepted(reported("P0"), TEN + minutes(2))
    running = plan(order, TEN + minutes(5))
    held = marked(
        order,
        Mark(TEN + minutes(10), "pause", "waiting_parts"),
        state=State.ON_HOLD,
        sub=Sub.NONE,
    )
    assert plan(held, TEN + minutes(25)) == {}
    resumed = marked(
        held,
        Mark(TEN + minutes(40), "resume", "waiting_parts"),
        state=State.IN_PROGRESS,
        sub=Sub.ACCEPTED,
    )
    assert plan(resumed, TEN + minutes(40)) == {key: at + 30 for key, at in running.items()}


def test_a_changed_allowance_is_a_new_deadline_with_a_step_of_its_own() -> None:
    order = take(reported("P1"), "breach:first_response", "breach:arrival")
    extended = marked(order, Mark(TEN + minutes(300), "extend", 60, clock="arrival"))
    later = plan(extended, TEN + minutes(300))
    assert later["breach:arrival:2"] == 300 + 60
    assert "breach:first_response:2" not in later
    assert "arrival_warning:2" in later
    raised = marked(order, Mark(TEN + minutes(30), "priority", "P0"), priority="P0")
    assert plan(raised, TEN + minutes(30))["breach:arrival:2"] == 60


def test_a_revised_policy_is_followed() -> None:
    slow = replace(
        POLICY.clocks,
        arrival={**POLICY.clocks.arrival, "P1": clocks.Target(timedelta(hours=3), "always")},
    )
    policy = replace(POLICY, clocks=replace(POLICY.clocks, revisions={"v2": slow}))
    order = marked(reported("P1"), Mark(TEN + minutes(1), "policy", "v2"))
    due = {s.id: s.due for s in steps(order, TEN + minutes(1), policy)}
    assert due["breach:arrival:2"] == TEN + timedelta(hours=3)
    assert due["golden_takeover"] == TEN + minutes(15)


def test_two_hours_without_movement_are_told_once_until_it_moves() -> None:
    order = accepted(reported("P0"), TEN + minutes(5))
    first = f"stalled:{int(TEN.timestamp()) + 300}"
    assert plan(order, TEN + minutes(5))[first] == 125
    stuck = take(replace(order, stalled=True), first)
    assert not [key for key in plan(stuck, TEN + minutes(180)) if key.startswith("stalled")]
    moved = replace(stuck, stalled=False, moved_at=TEN + minutes(200), sub=Sub.DEPARTED)
    assert plan(moved, TEN + minutes(200))[f"stalled:{int(TEN.timestamp()) + 12000}"] == 320


def test_time_on_hold_is_no_standstill() -> None:
    order = marked(
        accepted(reported("P0"), TEN),
        Mark(TEN + minutes(60), "pause", "waiting_parts"),
        Mark(TEN + minutes(600), "resume", "waiting_parts"),
    )
    assert plan(order, TEN + minutes(600))[f"stalled:{int(TEN.timestamp())}"] == 660


# --- offers, missing facts, triage, queue, signature ------------------------------------------


def test_each_assignment_has_its_own_patience() -> None:
    order = take(reported("P0"), "accept_timeout:1")
    assert "accept_timeout:1" not in plan(order)
    second = replace(order, generation=2, offered_at=TEN + minutes(1))
    assert plan(second, TEN + minutes(1))["accept_timeout:2"] == 2
    claim = replace(second, sub=Sub.OPEN_CLAIM, assignee="", generation=3)
    assert "accept_timeout:3" in plan(claim, TEN + minutes(1))


def test_an_offer_waits_without_end_when_the_policy_names_no_limit() -> None:
    patient = replace(POLICY, dispatch=replace(POLICY.dispatch, accept_within={}))
    assert not [s for s in steps(reported("P0"), policy=patient) if s.rung == "accept_timeout"]


def test_an_incomplete_report_is_asked_for_once_more_and_then_goes_as_it_is() -> None:
    waiting = marked(
        reported("P1", state=State.NEW, sub=Sub.AWAITING_INFO),
        Mark(TEN, "pause", "awaiting_info"),
        updated_at=TEN + minutes(10),
    )
    assert plan(waiting, TEN + minutes(10)) == {"remind_info": 40, "dispatch_anyway": 240}
    assert plan(take(waiting, "remind_info"), TEN + minutes(45)) == {"dispatch_anyway": 240}


def test_a_red_order_never_waits_for_facts() -> None:
    waiting = marked(
        reported("P0", state=State.NEW, sub=Sub.AWAITING_INFO), Mark(TEN, "pause", "awaiting_info")
    )
    assert plan(waiting) == {"dispatch_anyway": 0}


def chain_of(order: WorkOrder, rung: str, count: int) -> list[float]:
    """The minutes of the next ``count`` repetitions of a rung, each taken in time."""
    found, now = [], TEN
    for _ in range(count):
        step = next(s for s in steps(order, now) if s.rung == rung)
        found.append((step.due - TEN).total_seconds() / 60)
        order, now = take(order, step.id), max(step.due, now)
    return found


def test_triage_is_brought_up_every_ten_minutes_then_every_hour() -> None:
    doubtful = reported("P1", state=State.NEW, sub=Sub.TRIAGE)
    assert chain_of(doubtful, "triage_reminder", 6) == [10, 20, 30, 90, 150, 210]


def test_nobody_available_is_tried_again_every_five_minutes_then_less() -> None:
    queued = reported("P1", state=State.NEW, sub=Sub.QUEUED, offered_at=None)
    tried = chain_of(queued, "retry_dispatch", 15)
    assert tried == [*range(5, 65, 5), 90, 120, 150]


def test_what_was_missed_several_times_is_due_once() -> None:
    queued = reported("P1", state=State.NEW, sub=Sub.QUEUED, offered_at=None)
    late = TEN + minutes(33)
    (retry,) = [s for s in steps(queued, late) if s.rung == "retry_dispatch"]
    assert (retry.id, retry.n, retry.due) == ("retry_dispatch:1#6", 6, TEN + minutes(30))
    (after,) = [s for s in steps(take(queued, retry.id), late) if s.rung == "retry_dispatch"]
    assert (after.id, after.due) == ("retry_dispatch:1#7", TEN + minutes(35))


# --- rungs of one's own -----------------------------------------------------------------------


def with_rungs(*rungs: Rung) -> Policy:
    return replace(POLICY, ladder=rungs)


def test_a_repeated_rung_counts_up_to_its_end() -> None:
    policy = with_rungs(
        Rung("again", "remind_handler", after=minutes(10), repeat=minutes(10), clock="arrival")
    )
    order, now, found = reported("P0"), TEN, []
    while ahead := [s for s in steps(order, now, policy) if s.rung == "again"]:
        (step,) = ahead
        found.append(step.id)
        order, now = take(order, step.id), step.due
    assert found == ["again", *(f"again#{n}" for n in range(2, 21))]


def test_a_repeated_rung_keeps_to_its_calendar() -> None:
    policy = with_rungs(
        Rung("again", "remind_handler", after=minutes(90), repeat=minutes(60), clock="arrival")
    )
    order = take(reported("P1"), "again")
    (second,) = [s for s in steps(order, TEN + minutes(95), policy) if s.rung == "again"]
    assert second.due == datetime(2026, 9, 22, 13, 30, tzinfo=ZONE)


def test_a_rung_without_a_time_is_refused() -> None:
    policy = with_rungs(Rung("when", "remind_handler"))
    with pytest.raises(InvalidPolicy, match=r"ladder\.when"):
        steps(reported("P0"), policy=policy)


def test_a_rung_is_only_for_its_priorities() -> None:
    policy = with_rungs(Rung("mild", "remind_handler", after=minutes(1), priorities=("P2",)))
    assert "mild" in {s.rung for s in steps(reported("P2"), policy=policy)}
    assert "mild" not in {s.rung for s in steps(reported("P1"), policy=policy)}


# --- algebra ----------------------------------------------------------------------------------

PLACES = st.sampled_from(
    [
        (State.NEW, Sub.QUEUED),
        (State.NEW, Sub.AWAITING_INFO),
        (State.NEW, Sub.TRIAGE),
        (State.DISPATCHED, Sub.OFFERED),
        (State.DISPATCHED, Sub.OPEN_CLAIM),
        (State.IN_PROGRESS, Sub.ACCEPTED),
        (State.IN_PROGRESS, Sub.DEPARTED),
        (State.ON_HOLD, Sub.NONE),
        (State.AWAITING_ACCEPTANCE, Sub.AWAITING_SIGNATURE),
    ]
)
OPENED = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
REPEATED = Rung(
    "extra", "remind_handler", clock="arrival", after=minutes(20), repeat=minutes(45), until="moved"
)
RULES = replace(POLICY, ladder=(*DEFAULT_LADDER, REPEATED))


@st.composite
def orders(draw: st.DrawFn) -> tuple[WorkOrder, datetime]:
    """A work order somewhere in its life, and an instant after all that happened to it."""
    opened, priority = draw(OPENED), draw(st.sampled_from(["P0", "P1", "P2"]))
    state, sub = draw(PLACES)
    order = reported(priority, opened, state=state, sub=sub)
    now = opened
    for gap in draw(st.lists(st.integers(1, 500), max_size=4)):
        now += minutes(gap)
        order = draw(happenings(order, now))
    return order, now + minutes(draw(st.integers(0, 3000)))


@st.composite
def happenings(draw: st.DrawFn, order: WorkOrder, at: datetime) -> WorkOrder:
    what = draw(st.sampled_from(["pause", "resume", "extend", "priority", "move", "answer"]))
    match what:
        case "pause" | "resume":
            return marked(order, Mark(at, "pause" if what == "pause" else "resume", "parts"))
        case "extend":
            return marked(order, Mark(at, "extend", draw(st.integers(1, 300))))
        case "priority":
            priority = draw(st.sampled_from(["P0", "P1", "P2"]))
            return marked(order, Mark(at, "priority", priority), priority=priority)
        case "move":
            return replace(order, moved_at=at)
        case _:
            return marked(order, Mark(at, "stop_first_response"), first_responded_at=at)


@settings(deadline=None)
@given(orders())
def test_steps_are_unique_ascending_and_new(drawn: tuple[WorkOrder, datetime]) -> None:
    order, now = drawn
    listed = steps(order, now, RULES)
    assert len({s.id for s in listed}) == len(listed)
    assert [s.due for s in listed] == sorted(s.due for s in listed)
    assert next_step(order, RULES, CALENDARS, now) == next(iter(listed), None)


@settings(deadline=None)
@given(orders(), st.integers(0, 2000))
def test_a_taken_step_never_comes_back(drawn: tuple[WorkOrder, datetime], later: int) -> None:
    order, now = drawn
    for step in steps(order, now, RULES):
        taken = take(order, step.id)
        assert step.id not in {s.id for s in steps(taken, now, RULES)}
        assert step.id not in {s.id for s in steps(taken, now + minutes(later), RULES)}


@settings(deadline=None)
@given(orders(), st.integers(1, 6000))
def test_what_is_overdue_stays_until_it_is_taken(
    drawn: tuple[WorkOrder, datetime], later: int
) -> None:
    order, now = drawn
    then = now + minutes(later)
    after = {s.rung: s for s in steps(order, then, RULES)}
    for step in steps(order, now, RULES):
        stands = after[step.rung]
        assert (stands.id, stands.due) == (step.id, step.due) or stands.n > step.n
        assert step.due <= stands.due


@settings(max_examples=15, deadline=None)
@given(orders())
def test_taking_each_step_in_turn_comes_to_an_end(drawn: tuple[WorkOrder, datetime]) -> None:
    order, now = drawn
    last = None
    for _ in range(500):
        step = next_step(order, RULES, CALENDARS, now)
        if step is None:
            return
        assert last is None or step.due >= min(last, now)
        order, now, last = take(order, step.id), max(now, step.due), step.due
    pytest.fail("still going after 500 steps")


@settings(deadline=None)
@given(orders())
def test_ladder_and_clocks_agree_to_the_instant(drawn: tuple[WorkOrder, datetime]) -> None:
    order, now = drawn
    for step in steps(order, now):
        rung = next((r for r in DEFAULT_LADDER if r.id == step.rung), None)
        if rung is None or rung.after is None or rung.until == "moved":
            continue
        same = clocks.due(rung.clock, order.marks, POLICY.clocks, CALENDARS, rung.after, now)
        assert step.due == same


# --- whom it reaches --------------------------------------------------------------------------


def firm(*staff: Staff, supervisor: str = "lead", backup: str = "spare") -> Company:
    return Company(
        tenant="t",
        name="安居",
        tz="Asia/Shanghai",
        calendar=WORK,
        staff={s.id: s for s in staff},
        teams={"cool": Team("cool", "暖通组", supervisor, backup)},
        shifts={},
        queues=(Queue("cool", "暖通", "cool"),),
        policy=POLICY,
    )


ENG = Staff("eng", "王工", team="cool")
SPARE = Staff("spare", "李工", team="cool")
LEAD = Staff("lead", "赵主管", "supervisor", team="cool", supervisor="head")
HEAD = Staff("head", "钱经理", "supervisor")
EVERYBODY = (ENG, SPARE, LEAD, HEAD)


def reach(act: str, staff: Iterable[Staff] = EVERYBODY, **changes: Any) -> tuple[str, ...]:
    step = Step("x", "x", act, TEN, 1, "", loud=False)
    return targets(step, reported(**changes), firm(*staff))


@pytest.mark.parametrize(
    ("act", "reached"),
    [
        ("remind_handler", ("eng",)),
        ("offer_expired", ("eng",)),
        ("warn_supervisor", ("lead",)),
        ("backup_takeover", ("spare",)),
        ("next_level", ("head",)),
        ("mark_stalled", ("lead", "eng")),
        ("breach", ("eng", "lead")),
        ("retry_dispatch", ("spare", "lead")),
        ("triage_reminder", ("lead",)),
        ("remind_info", ("lead",)),
    ],
)
def test_each_act_speaks_to_its_level(act: str, reached: tuple[str, ...]) -> None:
    assert reach(act) == reached


def test_an_engineer_s_own_supervisor_goes_before_the_team_s() -> None:
    own = Staff("own", "孙主管", "supervisor", supervisor="head")
    staff = (replace(ENG, supervisor="own"), LEAD, HEAD, own)
    assert reach("warn_supervisor", staff) == ("own",)
    assert reach("next_level", staff) == ("head",)


def test_whoever_may_claim_is_the_handler_of_an_open_claim() -> None:
    assert reach("remind_handler", assignee="", candidates=("eng", "spare")) == ("eng", "spare")


def test_a_supervisor_who_took_over_is_not_warned_of_themselves() -> None:
    assert reach("warn_supervisor", assignee="lead") == ("head",)
    assert reach("breach", assignee="lead") == ("lead", "head")


def test_an_empty_level_falls_back_upwards() -> None:
    gone = replace(LEAD, active=False)
    assert reach("remind_handler", assignee="") == ("lead",)
    assert reach("warn_supervisor", (ENG, SPARE, gone, HEAD)) == ("head",)
    assert reach("backup_takeover", (ENG, LEAD, HEAD)) == ("lead",)
    assert reach("next_level", (ENG, SPARE, replace(LEAD, supervisor=None))) == ("lead",)
    assert reach("warn_supervisor", (ENG, SPARE)) == ("spare",)
    assert reach("warn_supervisor", (ENG,)) == ("eng",)
    assert reach("warn_supervisor", (replace(ENG, active=False),)) == ()


def test_a_report_nobody_has_yet_reaches_the_team_it_would_go_to() -> None:
    assert reach("triage_reminder", assignee="", team_id="") == ("lead",)


def test_a_circle_of_supervisors_ends() -> None:
    circle = (ENG, SPARE, replace(LEAD, supervisor="head"), replace(HEAD, supervisor="lead"))
    assert reach("next_level", circle) == ("head",)


STAFF = st.builds(
    Staff,
    id=st.sampled_from(["eng", "spare", "lead", "head"]),
    name=st.just("某"),
    role=st.sampled_from(["engineer", "supervisor", "admin"]),
    team=st.just("cool"),
    supervisor=st.none() | st.sampled_from(["eng", "spare", "lead", "head", "gone"]),
    active=st.booleans(),
)


@settings(deadline=None)
@given(
    st.lists(STAFF, unique_by=lambda s: s.id),
    st.sampled_from(["remind_handler", "warn_supervisor", "backup_takeover", "next_level", "any"]),
    st.sampled_from(["", "eng", "lead", "gone"]),
)
def test_somebody_active_always_hears_it_and_nobody_twice(
    staff: list[Staff], act: str, assignee: str
) -> None:
    heard = reach(act, staff, assignee=assignee)
    assert len(set(heard)) == len(heard)
    active = {s.id for s in staff if s.active}
    assert set(heard) <= active
    assert bool(heard) == bool(active)
