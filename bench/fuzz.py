"""Hostile input through every door of a chat platform.

    python bench/fuzz.py [--inputs 100000] [--only wechat,telegram] [--seed 1]

For each channel: what the platform's fake sends (words, pictures, voice, events, presses) is
spoilt, and goes to the adapter's own door. Half of the inputs are spoilt before they are sealed
and signed, so that they get past the signature; half afterwards. An input may be answered or
refused; anything else that is raised is a crash, and is printed with its seed. A tenth of what is
let in or noted goes on into a real database. Memory is read after a tenth of the inputs and at the end.

What the adapter reads by itself (a WebSocket, pages of news, a mailbox) goes over that connection:
an input is one frame, page or mail. There a failure in the log or the end of the adapter's loop is
a crash, and so is it when a good message after fifty inputs is not heard any more; 400 counts
those that the adapter counts as malformed, and nothing is answered.
Results go to bench/RESULTS.md. ``random`` drives it, seeded: the same inputs each time.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import random
import subprocess
import sys
import tempfile
import time
import traceback
from asyncio import FIRST_COMPLETED
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from typing_extensions import override

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from doors import DOORS, Door, clean
from results import recorded
from spoiling import garbled, spoilt, torn
from wires import WIRES, Wire

import bots.wechat.adapter
from bots.gateway.adapter import Adapter, Callback, CallbackError, Switchboard, fitting
from bots.gateway.tokens import Tokens
from paidan.demo import demo_company
from storage import SqlStore, open_store
from workflow import ports as port
from workflow.kept import Admitted
from workflow.records import Inbound

TENANT = "demo"
BATCH = 50
"""Inputs on a connection of ours before something is sent that must be heard."""
PATIENCE = 60.0
"""Seconds to hear it."""


ALL = [*DOORS, *WIRES]


class Notes:
    """A channel's notes in memory; only the newest, as a life would have it. A tenth of what is
    asked of them is asked of a real database, too.
    """

    def __init__(self, real: port.Notes) -> None:
        self._kept: dict[str, str] = {}
        self._real = real
        self._chance = random.Random(0)

    def _really(self) -> bool:
        return self._chance.random() < 0.1

    async def get(self, key: str) -> str | None:
        if self._really():
            await self._real.get(key)
        return self._kept.get(key)

    async def put(self, key: str, value: str, life: timedelta | None = None) -> None:
        del life
        if self._really():
            await self._real.put(key, value, timedelta(milliseconds=1))
        if len(self._kept) > 1000:
            self._kept.pop(next(iter(self._kept)))
        self._kept[key] = value

    async def swap(
        self, key: str, old: str | None, new: str, life: timedelta | None = None
    ) -> bool:
        if self._kept.get(key) != old:
            return False
        await self.put(key, new, life)
        return True

    async def drop(self, key: str, old: str | None = None) -> None:
        if self._really():
            await self._real.drop(key, old)
        if old is None or self._kept.get(key) == old:
            self._kept.pop(key, None)


@dataclass
class Tally:
    """What became of one channel's inputs; memory in MB."""

    ends: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    memory: tuple[float, float] = (0.0, 0.0)
    seconds: float = 0.0


def resident() -> float:
    """Of this process, in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


async def fuzzed(name: str, inputs: int, seed: int, url: str) -> Tally:
    """Send one channel so many inputs; what is kept is kept in this database."""
    chance, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_store(url, Path(folder)) as store,
            ClientSession() as http,
        ):
            company = demo_company().company
            await store.transact(TENANT, lambda uow: uow.put_company(company))
            given = board(store, http, tally)
            if name in DOORS:
                await knock(DOORS[name](), given, inputs, seed, chance, tally)
            else:
                await pour(WIRES[name](), given, inputs, seed, chance, tally)
    return tally


async def knock(
    door: Door, given: Switchboard, inputs: int, seed: int, chance: random.Random, tally: Tally
) -> None:
    """At a door where the platform calls."""
    logging.disable(logging.CRITICAL)
    bots.wechat.adapter.ANSWER_WITHIN = 0.0
    await door.platform.start()
    adapter = door.section().open(given)
    payloads = door.payloads()
    begun = time.perf_counter()
    for n in range(inputs):
        await one(door, chance.choice(payloads), adapter, chance, tally, f"seed {seed}, input {n}")
        if n == inputs // 10:
            tally.memory = (resident(), 0.0)
    tally.seconds = time.perf_counter() - begun
    tally.memory = (tally.memory[0], resident())
    await adapter.close()
    await door.platform.stop()


async def pour(
    wire: Wire, given: Switchboard, inputs: int, seed: int, chance: random.Random, tally: Tally
) -> None:
    """Down a connection of ours, some at a time, each time with a good one behind."""
    heard, failures = asyncio.Queue[str](), Failures(tally)

    async def admit(inbound: Inbound) -> Admitted | None:
        if inbound.text.startswith("mark "):
            heard.put_nowait(inbound.text)
            return None
        return await given.admit(inbound)

    def counted(_channel: str, event: str) -> None:
        tally.ends["400" if event in {"malformed", "unreadable"} else event] += 1

    if wire.platform is not None:
        await wire.platform.start()
    adapter = wire.open(replace(given, admit=admit, count=counted))
    running = asyncio.create_task(adapter.run())
    begun = time.perf_counter()
    for n in range(0, inputs, BATCH):
        failures.which = f"seed {seed}, inputs {n} to {n + BATCH}"
        genuine = [chance.choice(wire.payloads()) for _ in range(min(BATCH, inputs - n))]
        worse = [wire.spoil(payload, chance) for payload in genuine]
        mark = f"mark {n} ends"
        batch = asyncio.gather(wire.put([*worse, wire.plain(mark)]), until_heard(heard, mark))
        await asyncio.wait({batch, running}, timeout=PATIENCE, return_when=FIRST_COMPLETED)
        if not batch.done():
            batch.cancel()
            await asyncio.gather(batch, return_exceptions=True)
            failures.told(why(running))
            break
        if n <= inputs // 10 < n + BATCH:
            tally.memory = (resident(), 0.0)
    tally.seconds = time.perf_counter() - begun
    tally.memory = (tally.memory[0], resident())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await adapter.close()
    if wire.platform is not None:
        await wire.platform.stop()


async def until_heard(heard: asyncio.Queue[str], mark: str) -> None:
    while await heard.get() != mark:
        pass


def why(running: asyncio.Task[None]) -> str:
    """Why nothing is heard of an adapter."""
    raised = running.exception() if running.done() else None
    return f"it gave up: {crash_of(raised)}" if raised else "nothing is heard any more"


class Failures(logging.Handler):
    """What our adapters log with an exception."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(logging.ERROR)
        self.which = ""
        self._tally = tally
        ours = logging.getLogger("bots")
        ours.addHandler(self)
        ours.propagate = False

    @override
    def emit(self, record: logging.LogRecord) -> None:
        raised = record.exc_info[1] if record.exc_info else None
        self.told(record.getMessage() if raised is None else crash_of(raised))

    def told(self, what: str) -> None:
        self._tally.ends["crash"] += 1
        if len(self._tally.crashes) < 10:
            self._tally.crashes.append(f"{self.which}: {what}")


def crash_of(raised: BaseException) -> str:
    """What was raised and where of ours."""
    ours = [f for f in traceback.extract_tb(raised.__traceback__) if ".venv" not in f.filename]
    what = f"{type(raised).__name__}: {str(raised)[:200]}"
    return f"{what} ({Path(ours[-1].filename).name}:{ours[-1].lineno})"


def board(store: SqlStore, http: ClientSession, tally: Tally) -> Switchboard:
    chance, notes = random.Random(0), Notes(store.notes(TENANT, "fuzz"))

    async def admit(inbound: Inbound) -> Admitted | None:
        tally.ends["let in"] += 1
        if chance.random() < 0.1:
            await store.transact(TENANT, lambda uow: uow.inbox.admit(inbound))
        return None

    return Switchboard(
        tenant=TENANT,
        admit=fitting(admit),
        http=http,
        notes=notes,
        tokens=Tokens(notes),
        now=lambda: datetime.now(UTC),
    )


async def one(
    door: Door, payload: Any, adapter: Adapter, chance: random.Random, tally: Tally, which: str
) -> None:
    signed = chance.random() < 0.5
    callback = door.seal(spoilt(payload, chance) if signed else payload)
    if not signed:
        callback = Callback(
            callback.method,
            {
                k: clean(garbled(v, chance)) if chance.random() < 0.1 else v
                for k, v in callback.query.items()
            },
            callback.headers,
            torn(callback.body, chance),
        )
    try:
        answer = await adapter.receive(callback)
        tally.ends[str(answer.status)] += 1
    except CallbackError as refusal:
        tally.ends[str(refusal.status)] += 1
    except Exception as crash:  # noqa: BLE001 - this is what is looked for
        tally.ends["crash"] += 1
        if len(tally.crashes) < 10:
            tally.crashes.append(f"{which}: {crash_of(crash)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--only", default=",".join(ALL))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="sqlite:///:memory:", help="an empty one")
    parser.add_argument("--channel", help="one channel, in this process, as JSON")
    given = parser.parse_args()
    if given.channel:
        found = asyncio.run(fuzzed(given.channel, given.inputs, given.seed, given.database))
        print(json.dumps({**found.__dict__}))
        return 0
    names = given.only.split(",")
    whole = set(names) == set(ALL) and given.inputs >= 100_000
    wrong = 0
    command = f"python bench/fuzz.py --inputs {given.inputs} --seed {given.seed}"
    with recorded("渠道入口的模糊测试", command, wanted=whole):
        print(f"{'channel':<17}{'inputs':>8}{'200':>8}{'let in':>8}{'400':>8}{'403':>8}"
              f"{'crashes':>9}{'MB 10 %':>9}{'MB end':>8}{'us each':>9}")  # fmt: skip
        for name in names:
            outcome = told(name, given.inputs, given.seed, given.database)
            wrong += len(outcome["crashes"])
            ends, memory = outcome["ends"], outcome["memory"]
            print(f"{name:<17}{given.inputs:>8}"
                  + "".join(f"{ends.get(k, 0):>8}" for k in ("200", "let in", "400", "403"))
                  + f"{ends.get('crash', 0):>9}{memory[0]:>9.0f}{memory[1]:>8.0f}"
                  + f"{outcome['seconds'] / given.inputs * 1e6:>9.0f}")  # fmt: skip
            for crash in outcome["crashes"]:
                print(f"    {crash}")
    return int(wrong > 0)


def told(name: str, inputs: int, seed: int, url: str) -> dict[str, Any]:
    """One channel in a process of its own, so that memory is its own."""
    asked = [sys.executable, __file__, "--channel", name, "--inputs", str(inputs)]
    more = ["--seed", str(seed), "--database", url]
    said = subprocess.run([*asked, *more], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
