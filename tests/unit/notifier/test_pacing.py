from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notice_stage import MORNING

from notifier.pacing import FAILURES_TO_OPEN, OPEN_FOR, Breaker, Window, backoff

SECOND = timedelta(seconds=1)


def test_a_window_lets_so_many_through_and_says_when_to_come_back() -> None:
    window = Window(20)
    calm = [window.take(MORNING, urgent=False) for _ in range(19)]
    assert calm[:18] == [None] * 18
    assert calm[18] == MORNING + 60 * SECOND
    assert window.take(MORNING + 59 * SECOND, urgent=False) == MORNING + 60 * SECOND
    assert window.take(MORNING + 60 * SECOND, urgent=False) is None


def test_the_last_places_are_kept_for_what_is_urgent() -> None:
    window = Window(20)
    while window.take(MORNING, urgent=False) is None:
        pass
    assert window.take(MORNING, urgent=True) is None
    assert window.take(MORNING, urgent=True) is None
    assert window.take(MORNING, urgent=True) is not None


@given(
    st.integers(1, 60),
    st.lists(st.tuples(st.floats(0, 20), st.booleans()), min_size=1, max_size=80),
)
def test_no_minute_ever_holds_more_than_its_window(
    per_minute: int, asks: list[tuple[float, bool]]
) -> None:
    window, at, sent = Window(per_minute), MORNING, []
    for wait, urgent in asks:
        at += timedelta(seconds=wait)
        if window.take(at, urgent=urgent) is None:
            sent.append(at)
    for n, start in enumerate(sent):
        within = [t for t in sent[n:] if t - start < timedelta(minutes=1)]
        assert len(within) <= per_minute


def test_what_others_said_counts_until_its_minute_is_over() -> None:
    window = Window(20, elsewhere=[MORNING - n * SECOND for n in range(15)])
    assert window.left(MORNING) == 3
    assert [window.take(MORNING, urgent=False) for _ in range(3)] == [None] * 3
    assert window.take(MORNING, urgent=False) == MORNING + 46 * SECOND
    assert window.left(MORNING + 60 * SECOND) == 18


def test_no_limit_is_no_limit() -> None:
    window = Window(0)
    assert {window.take(MORNING, urgent=False) for _ in range(1000)} == {None}
    assert window.idle(MORNING)


def test_a_breaker_opens_lets_one_try_through_and_closes_on_success() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        assert breaker.blocked(MORNING) is None
        breaker.failed(MORNING)
    assert breaker.blocked(MORNING) == MORNING + OPEN_FOR
    later = MORNING + OPEN_FOR
    assert breaker.blocked(later) is None
    breaker.trying(later)
    assert breaker.blocked(later) == later + OPEN_FOR
    breaker.succeeded()
    assert breaker.blocked(later) is None


@pytest.mark.parametrize(
    ("failures", "wait"), [(1, 5), (2, 15), (3, 45), (4, 135), (5, 405), (6, 600), (60, 600)]
)
def test_waits_grow_up_to_ten_minutes_and_are_spread(failures: int, wait: int) -> None:
    assert backoff(failures, 0.5) == wait * SECOND
    assert backoff(failures, 0.0) == wait * SECOND / 2
    assert backoff(failures, 1.0) == wait * SECOND * 1.5
