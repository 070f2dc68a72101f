from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notice_stage import MORNING

from notifier.pacing import FAILURES_TO_OPEN, OPEN_FOR, Breaker, Bucket, backoff

SECOND = timedelta(seconds=1)


def test_a_bucket_lets_a_window_through_and_says_when_to_come_back() -> None:
    bucket = Bucket(20)
    calm = [bucket.take(MORNING, urgent=False) for _ in range(19)]
    assert calm[:18] == [None] * 18
    assert calm[18] == MORNING + 3 * SECOND
    assert bucket.take(MORNING + 3 * SECOND, urgent=False) is None


def test_the_last_tokens_are_kept_for_what_is_urgent() -> None:
    bucket = Bucket(20)
    while bucket.take(MORNING, urgent=False) is None:
        pass
    assert bucket.take(MORNING, urgent=True) is None
    assert bucket.take(MORNING, urgent=True) is None
    assert bucket.take(MORNING, urgent=True) is not None


@given(
    st.integers(1, 60),
    st.lists(st.tuples(st.floats(0, 20), st.booleans()), min_size=1, max_size=80),
)
def test_no_minute_ever_holds_more_than_its_window(
    per_minute: int, asks: list[tuple[float, bool]]
) -> None:
    bucket, at, sent = Bucket(per_minute), MORNING, []
    for wait, urgent in asks:
        at += timedelta(seconds=wait)
        if bucket.take(at, urgent=urgent) is None:
            sent.append(at)
    for n, start in enumerate(sent):
        within = [t for t in sent[n:] if t - start < timedelta(minutes=1)]
        assert len(within) <= 2 * per_minute, "a full bucket and a minute's refill"


def test_no_limit_is_no_limit() -> None:
    bucket = Bucket(0)
    assert {bucket.take(MORNING, urgent=False) for _ in range(1000)} == {None}
    assert bucket.full(MORNING)


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
