"""The state table itself: closed under its own moves, nothing skipped, nothing unreachable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.errors import IllegalMove
from workflow.states import MOVES, OPEN, SUBS, State, Sub, move

PLACES = [(state, sub) for state, subs in SUBS.items() for sub in subs]


def legal(state: State, sub: Sub) -> list[str]:
    return [name for name in MOVES if _leads(name, state, sub) is not None]


def _leads(name: str, state: State, sub: Sub) -> tuple[State, Sub] | None:
    try:
        return move(name, state, sub)
    except IllegalMove:
        return None


def test_six_states_and_no_more() -> None:
    assert len(State) == 6
    assert set(SUBS) == set(State)


@pytest.mark.parametrize("name", MOVES)
def test_every_move_leads_to_a_known_place_and_is_possible_somewhere(name: str) -> None:
    targets = {_leads(name, state, sub) for state, sub in PLACES} - {None}
    assert targets
    assert targets <= set(PLACES)


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_any_walk_stays_in_the_table_and_closed_is_the_end(choices: list[int]) -> None:
    state, sub = State.NEW, Sub.QUEUED
    for choice in choices:
        names = legal(state, sub)
        assert names, f"{state}/{sub} is a dead end"
        before = state
        state, sub = move(names[choice % len(names)], state, sub)
        assert (state, sub) in PLACES
        if before == State.CLOSED:
            assert state == State.CLOSED


def test_every_place_can_be_reached_and_can_be_closed() -> None:
    reached, frontier = set(), [(State.NEW, Sub.QUEUED)]
    while frontier:
        here = frontier.pop()
        if here in reached:
            continue
        reached.add(here)
        frontier += [move(name, *here) for name in legal(*here)]
    assert reached == set(PLACES)
    for state in OPEN:
        assert any(_closes(state, sub) for sub in SUBS[state]), state


def _closes(state: State, sub: Sub) -> bool:
    return any(_leads(n, state, sub) == (State.CLOSED, Sub.NONE) for n in MOVES)


@pytest.mark.parametrize("step", ["diagnose", "replace_part", "await_parts", "complete"])
@pytest.mark.parametrize("sub", [Sub.ACCEPTED, Sub.DEPARTED])
def test_work_cannot_begin_before_arrival_and_the_error_says_so(step: str, sub: Sub) -> None:
    with pytest.raises(IllegalMove) as refused:
        move(step, State.IN_PROGRESS, sub)
    assert refused.value.data["missing"] == "arrive"


def test_completing_what_nobody_accepted_names_the_step_before() -> None:
    with pytest.raises(IllegalMove) as refused:
        move("complete", State.DISPATCHED, Sub.OFFERED)
    assert refused.value.data["missing"] == "accept"
