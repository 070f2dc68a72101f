"""What fails is tried again ever more rarely, and at once again after it was done."""

from __future__ import annotations

from paidan.resting import LONGEST, Resting


def test_each_failure_rests_twice_as_long_up_to_five_minutes() -> None:
    resting = Resting(now=lambda: 0.0)
    assert [resting.failed("step").rests for _ in range(12)] == [
        *(1, 2, 4, 8, 16, 32, 64, 128, 256, LONGEST, LONGEST, LONGEST)
    ]


def test_it_rests_until_its_time_and_nobody_else_does() -> None:
    at = 10.0
    resting = Resting(now=lambda: at)
    resting.failed("step")
    resting.failed("step")
    at = 11.9
    assert resting.rests("step")
    assert not resting.rests("another")
    at = 12.0
    assert not resting.rests("step")
    assert resting.failed("step").times == 3


def test_what_was_done_begins_anew() -> None:
    resting = Resting(now=lambda: 0.0)
    resting.failed("step")
    resting.forget("step")
    assert not resting
    assert not resting.rests("step")
    assert resting.failed("step").times == 1


def test_what_nobody_waits_for_any_more_is_forgotten() -> None:
    resting = Resting(now=lambda: 0.0)
    resting.failed("closed meanwhile")
    resting.failed("step")
    resting.forget_but({"step", "another"})
    assert len(resting) == 1
    assert resting.rests("step")
    assert not resting.rests("closed meanwhile")
