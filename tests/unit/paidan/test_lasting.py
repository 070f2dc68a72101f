"""What is loaded for good is out of the collector's way; what comes later is not."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from paidan.lasting import for_good


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Other tests find the collector as it was."""
    yield
    gc.unfreeze()


class Ring:
    """Something that only the collector can clear away."""

    def __init__(self) -> None:
        self.itself = self


def test_it_is_not_gone_through_again() -> None:
    ring = for_good(Ring)

    later = Ring()

    seen = {id(one) for one in gc.get_objects()}
    assert id(ring) not in seen
    assert id(later) in seen


def test_a_load_that_fails_leaves_the_collector_at_work() -> None:
    def fails() -> Ring:
        raise OSError("no such model")

    with pytest.raises(OSError, match="no such model"):
        for_good(fails)

    assert gc.isenabled()
