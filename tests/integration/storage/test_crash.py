"""Killed without warning, a writer has lost nothing it acknowledged and kept nothing by halves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage import SqlStore, open_store
from workflow.events import verify

PROGRAM = Path(__file__).with_name("writes.py")
ROUNDS = 3


def killed_after(url: str, blobs: Path, lines: int) -> list[tuple[str, str]]:
    """What a writer acknowledged before it was killed."""
    program = subprocess.Popen(
        [sys.executable, str(PROGRAM), url, str(blobs)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    said = [program.stdout.readline() for _ in range(lines)]
    program.send_signal(signal.SIGKILL)
    said += program.stdout.readlines()
    program.stdout.close()
    assert program.wait() == -signal.SIGKILL
    return [(line.split()[0], line.split()[1]) for line in said if line.endswith("\n")]


async def whole(store: SqlStore) -> dict[str, str]:
    """Every message that made a work order, after checking that nothing is there by halves."""
    story = await store.queries.story("t")
    assert len(story.orders) == len(story.messages) == len(story.notices) == len(story.events)
    assert len({o.number for o in story.orders}) == len(story.orders)
    assert len(list(store.timers_audit("t"))) == len(story.orders)
    for order, history in store.audit("t"):
        assert verify(history) is None
        assert [e.order_id for e in history] == [order.id]
    return {o.reporters[0].message: o.number for o in story.orders}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_nothing_acknowledged_is_lost(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'paidan.db'}"
    else:
        url = request.getfixturevalue("new_postgres")()
    acknowledged: dict[str, str] = {}
    for n in range(ROUNDS):
        heard = killed_after(url, tmp_path, 40 * (n + 1))
        fresh = {key: number for key, number in heard if number != "None"}
        assert not fresh.keys() & acknowledged.keys()
        acknowledged |= fresh
        async with open_store(url, tmp_path) as store:
            kept = await whole(store)
        assert acknowledged.items() <= kept.items()
