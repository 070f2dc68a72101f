"""``kill -9`` at any moment: nothing is lost, nothing comes twice, and the story stays the same."""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from nlp import Understander
from paidan.audit import prove
from storage import SqlStore, open_store
from storage.figures import Story
from tests.faults.town_hall import DAY, TENANT, Diary, KeptClock, Until, live
from workflow.events import Kind

SEED = 20261124
KILLS = 12
MOST_SIGNS = 44
"""Commits and sends that a life may see at most before it is ended."""
UNNEEDED = "no card to repaint"
"""How a farewell is settled that nobody needs."""


@dataclass
class Death:
    """What was on the disk when a process was killed."""

    confirmed: set[str]
    sends: int


@dataclass
class Town:
    """The disk of one town, and the processes that lived on it."""

    folder: Path
    forks: ForkServerContext
    deaths: list[Death] = field(default_factory=list)

    def live(self, signs: int | None) -> bool:
        """One process; killed after so many signs of life. True when it came to the end."""
        ours, theirs = self.forks.Pipe(duplex=False)
        process = self.forks.Process(target=live, args=(self.folder, theirs), daemon=True)
        process.start()
        theirs.close()
        seen, last = 0, b""
        with ours:
            while signs is None or seen < signs:
                try:
                    last = ours.recv_bytes()
                except EOFError:
                    break
                seen += 1
            if last != b"!":
                process.kill()
        process.join()
        ended = last == b"!"
        assert ended or process.exitcode == -9, f"it died of itself: {process.exitcode}"
        process.close()
        if not ended:
            confirmed = self.column("SELECT key FROM outbox WHERE state = 'sent'")
            self.deaths.append(Death(confirmed, len(self.sends())))
            kept = self.column("SELECT dedupe_key FROM inbox")
            assert self.acknowledged() <= kept, "acknowledged and lost"
        return ended

    def column(self, sql: str) -> set[str]:
        """What a query finds on the disk; nothing before there are tables."""
        with closing(sqlite3.connect(self.folder / "town.db")) as connection:
            known = connection.execute("SELECT name FROM sqlite_master WHERE name = 'outbox'")
            return {key for (key,) in connection.execute(sql)} if known.fetchall() else set()

    def sends(self) -> list[str]:
        """The keys of all messages that left the house, in order."""
        return [line["key"] for line in Diary(self.folder / "sends.jsonl").lines()]

    def acknowledged(self) -> set[str]:
        """The messages whose senders were told that we have them."""
        journal = Diary(self.folder / "journal.jsonl")
        spoken = {line["act"]: line["payload"] for line in journal.lines() if "payload" in line}
        done = {line["act"] for line in journal.lines() if "payload" not in line}
        return {
            f"sandbox:{payload['chat']}:{payload['id']}"
            for act, payload in spoken.items()
            if act in done
        }

    def store(self) -> SqlStore:
        clock = KeptClock(Diary(self.folder / "clock.jsonl"))
        return open_store(f"sqlite:///{self.folder / 'town.db'}", self.folder, clock=clock)


@pytest.fixture(scope="module")
def forks(understander: Understander) -> ForkServerContext:
    """Processes from a warm start: imports and the model are there already."""
    del understander  # trained by now
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.town_hall", "tests.faults.reader"])
    return context


def told(story: Story) -> dict[str, list[tuple[str, str]]]:
    """The histories by number: what happened, when."""
    histories: dict[str, list[tuple[str, str]]] = {}
    for event in story.events:
        histories.setdefault(event.number, []).append((str(event.kind), event.at.isoformat()))
    return histories


def planned(story: Story) -> Counter[str]:
    """The notices' keys, with numbers in place of ids."""
    numbers = {order.id: order.number for order in story.orders}
    keys: Counter[str] = Counter()
    for queued in story.notices:
        key = queued.notice.key
        for order_id, number in numbers.items():
            key = key.replace(order_id, number)
        keys[key] += 1
    return keys


@pytest.mark.timeout(400)
async def test_killed_again_and_again_the_day_ends_as_if_nothing_had_happened(
    tmp_path: Path, forks: ForkServerContext
) -> None:
    calm, rough = (Town(tmp_path / name, forks) for name in ("calm", "rough"))
    for town in (calm, rough):
        town.folder.mkdir()
    assert calm.live(None)
    chance = random.Random(SEED)
    while not rough.live(chance.randint(1, MOST_SIGNS)):
        assert len(rough.deaths) < 200, "it never gets to the end"
    assert len(rough.deaths) >= KILLS

    async with calm.store() as store:
        expected = await store.queries.story(TENANT)
    async with rough.store() as store:
        story = await store.queries.story(TENANT)
        report = await prove(store, TENANT)
    assert report.ok, str(report)
    nothing_acknowledged_is_lost(rough, story)
    nothing_happened_twice(rough, story)
    assert told(story) == told(expected)
    assert planned(story) == planned(expected)


def nothing_acknowledged_is_lost(town: Town, story: Story) -> None:
    messages = {admitted.inbound.dedupe_key: admitted for admitted in story.messages}
    said = [act for act in DAY if not isinstance(act, Until)]
    assert len(town.acknowledged()) == len(messages) == len(said)
    orders = {order.id for order in story.orders}
    for key in town.acknowledged():
        assert messages[key].state == "done"
        assert messages[key].outcome
        assert messages[key].order_id in orders, messages[key].outcome
    sent = {q.notice.key for q in story.notices if q.receipt and q.receipt.degraded != UNNEEDED}
    assert sent <= set(town.sends())
    assert {q.state for q in story.notices} <= {"sent", "superseded", "pending"}


def nothing_happened_twice(town: Town, story: Story) -> None:
    reported = Counter(reporter.message for order in story.orders for reporter in order.reporters)
    assert max(reported.values()) == 1
    steps = Counter(
        (event.number, event.data["step"])
        for event in story.events
        if event.kind == Kind.STEP_TAKEN
    )
    assert len(steps) > 10
    assert max(steps.values()) == 1
    followed = [event.number for event in story.events if event.kind == Kind.FOLLOW_UP_OPENED]
    assert len(followed) == len(set(followed)) == 2
    sends = town.sends()
    doubtful: set[str] = set()
    for death in town.deaths:
        assert not death.confirmed & set(sends[death.sends :])
        doubtful |= set(sends[: death.sends]) - death.confirmed
    again = {key for key, times in Counter(sends).items() if times > 1}
    assert again <= doubtful
