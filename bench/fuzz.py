"""Hostile input through every door of a chat platform.

    python bench/fuzz.py [--inputs 100000] [--only wechat,telegram] [--seed 1]

For each channel: what the platform's fake sends (words, pictures, voice, events, presses) is
spoilt, and goes to the adapter's own door. Half of the inputs are spoilt before they are sealed
and signed, so that they get past the signature; half afterwards. An input may be answered or
refused; anything else that is raised is a crash, and is printed with its seed. A tenth of what is
let in goes on into a real database. Memory is read after a tenth of the inputs and at the end.
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
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from doors import DOORS, Door, clean
from results import recorded
from spoiling import garbled, spoilt, torn

import bots.wechat.adapter
from bots.gateway.adapter import Adapter, Callback, CallbackError, Switchboard
from bots.gateway.tokens import Tokens
from paidan.demo import demo_company
from storage import SqlStore, open_store
from workflow.kept import Admitted
from workflow.records import Inbound

TENANT = "demo"

TENANT = "demo"


class Notes:
    """A channel's notes in memory; only the newest, as a life would have it."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self._kept.get(key)

    async def put(self, key: str, value: str, life: timedelta | None = None) -> None:
        del life
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


async def knock(name: str, inputs: int, seed: int) -> Tally:
    """Send one channel so many inputs."""
    logging.disable(logging.CRITICAL)
    bots.wechat.adapter.ANSWER_WITHIN = 0.0
    door, chance, tally = DOORS[name](), random.Random(seed), Tally()
    await door.platform.start()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_store("sqlite:///:memory:", Path(folder)) as store,
            ClientSession() as http,
        ):
            company = demo_company().company
            await store.transact(TENANT, lambda uow: uow.put_company(company))
            adapter = door.section().open(board(store, http, chance, tally))
            payloads = door.payloads()
            begun = time.perf_counter()
            for n in range(inputs):
                await one(
                    door, chance.choice(payloads), adapter, chance, tally, f"seed {seed}, input {n}"
                )
                if n == inputs // 10:
                    tally.memory = (resident(), 0.0)
            tally.seconds = time.perf_counter() - begun
            tally.memory = (tally.memory[0], resident())
            await adapter.close()
    await door.platform.stop()
    return tally


def board(store: SqlStore, http: ClientSession, chance: random.Random, tally: Tally) -> Switchboard:
    async def admit(inbound: Inbound) -> Admitted | None:
        tally.ends["let in"] += 1
        if chance.random() < 0.1:
            await store.transact(TENANT, lambda uow: uow.inbox.admit(inbound))
        return None

    return Switchboard(
        tenant=TENANT,
        admit=admit,
        http=http,
        notes=Notes(),
        tokens=Tokens(Notes()),
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
            what = f"{type(crash).__name__}: {str(crash)[:200]}"
            ours = [
                f for f in traceback.extract_tb(crash.__traceback__) if ".venv" not in f.filename
            ]
            where = ours[-1]
            tally.crashes.append(f"{which}: {what} ({Path(where.filename).name}:{where.lineno})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--only", default=",".join(DOORS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--channel", help="one channel, in this process, as JSON")
    given = parser.parse_args()
    if given.channel:
        found = asyncio.run(knock(given.channel, given.inputs, given.seed))
        print(json.dumps({**found.__dict__}))
        return 0
    names = given.only.split(",")
    whole = set(names) == set(DOORS) and given.inputs >= 100_000
    wrong = 0
    command = f"python bench/fuzz.py --inputs {given.inputs} --seed {given.seed}"
    with recorded("渠道入口的模糊测试", command, wanted=whole):
        print(f"{'channel':<11}{'inputs':>8}{'200':>8}{'let in':>8}{'400':>8}{'403':>8}"
              f"{'crashes':>9}{'MB 10 %':>9}{'MB end':>8}{'us each':>9}")  # fmt: skip
        for name in names:
            outcome = told(name, given.inputs, given.seed)
            wrong += len(outcome["crashes"])
            ends, memory = outcome["ends"], outcome["memory"]
            print(f"{name:<11}{given.inputs:>8}"
                  + "".join(f"{ends.get(k, 0):>8}" for k in ("200", "let in", "400", "403"))
                  + f"{ends.get('crash', 0):>9}{memory[0]:>9.0f}{memory[1]:>8.0f}"
                  + f"{outcome['seconds'] / given.inputs * 1e6:>9.0f}")  # fmt: skip
            for crash in outcome["crashes"]:
                print(f"    {crash}")
    return int(wrong > 0)


def told(name: str, inputs: int, seed: int) -> dict[str, Any]:
    """One channel in a process of its own, so that memory is its own."""
    asked = [sys.executable, __file__, "--channel", name, "--inputs", str(inputs)]
    said = subprocess.run([*asked, "--seed", str(seed)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
