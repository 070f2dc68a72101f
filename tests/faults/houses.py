"""A company served by real processes: pages, workers, a database, a Redis, and Telegram outside.

What people say comes in through Telegram's webhook, which is told "yes" only when a message is
kept and sends again what it was not told so about; what the house says goes to a Telegram of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from paidan.audit import Report, prove
from paidan.company_file import Loaded, parse_company
from paidan.compose import seed
from paidan.demo import demo_company, demo_yaml
from storage import open_store
from storage.figures import Story
from tests import trained
from tests.vendors import dingtalk, wechat
from tests.vendors.telegram import SECRET, TOKEN, FakeTelegram
from tests.waiting import wait_until

TENANT = "demo"
OTHER_DOORS = {
    "PAIDAN__CHANNELS__WECHAT__APP_ID": wechat.APP_ID,
    "PAIDAN__CHANNELS__WECHAT__SECRET": wechat.SECRET,
    "PAIDAN__CHANNELS__WECHAT__TOKEN": wechat.TOKEN,
    "PAIDAN__CHANNELS__WECHAT__AES_KEY": wechat.AES_KEY,
    "PAIDAN__CHANNELS__DINGTALK__CLIENT_ID": dingtalk.CLIENT,
    "PAIDAN__CHANNELS__DINGTALK__CLIENT_SECRET": dingtalk.SECRET,
    "PAIDAN__CHANNELS__DINGTALK__MODE": "http",
}
"""Besides Telegram's; their platforms need not be there to knock."""
_RETRY = 0.2


def hasty_company(faster: int) -> Loaded:
    """The demo company on clocks that run so many times as fast: steps fall due while we look."""
    hasty = re.sub(r"\b(\d+)m\b", lambda m: f"{int(m[1]) * 60 // faster}s", demo_yaml())
    return parse_company(hasty)


def free_port() -> int:
    """A port that was free a moment ago."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as found:
        port: int = found.getsockname()[1]
        return port


@dataclass(eq=False)
class House:
    """One process."""

    role: str
    port: int
    watched: int
    process: asyncio.subprocess.Process

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.returncode is None

    async def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.alive:
            self.process.terminate()
        return await self.process.wait()

    def suspend(self) -> None:
        """SIGSTOP, as a machine that hangs."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)


@dataclass
class Street:
    """All processes of one company, and what they were told."""

    folder: Path
    database: str
    redis: str
    telegram: FakeTelegram
    http: aiohttp.ClientSession
    houses: list[House] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    served: str = ""
    """What the processes reach the database by, if not as we do."""
    _updates: int = 0

    # --- processes ------------------------------------------------------------------------------

    async def open(self, role: str = "all", **env: str) -> House:
        """Start a process and wait until it is ready; on other ports if somebody was faster."""
        while True:
            house = await self.begin(role, **env)
            self.houses.append(house)
            if await wait_until(partial(self._settled_in, house), self.logs) == "ready":
                return house
            self.houses.remove(house)

    async def _settled_in(self, house: House) -> str:
        log = self.folder / f"{house.role}-{house.port}.log"
        if not house.alive and "端口被占用" in log.read_text():
            log.unlink()
            return "again"
        return "ready" if await self.ready(house) else ""

    async def begin(self, role: str, **env: str) -> House:
        """Start a process and wait for nothing."""
        port, watched = free_port(), free_port()
        given = {
            **os.environ,
            "PAIDAN_HOME": str(self.folder),
            "PAIDAN__TENANT": TENANT,
            "PAIDAN__DATABASE__URL": self.served or self.database,
            "PAIDAN__REDIS__URL": self.redis,
            "PAIDAN__HTTP__PORT": str(port),
            "PAIDAN__METRICS__PORT": str(watched),
            "PAIDAN__LEARNING__RETRAIN_AT": "",
            **env,
        }
        log = (self.folder / f"{role}-{port}.log").open("wb")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "paidan.cli", "serve", "--role", role),
            *("--config", str(self.folder / "config.yaml")),
            env=given,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
        log.close()
        return House(role, port, watched, process)

    async def ready(self, house: House) -> bool:
        """What ``/readyz`` says."""
        assert house.alive, self.logs()
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            address = f"http://127.0.0.1:{house.watched}/readyz"
            async with self.http.get(address, timeout=aiohttp.ClientTimeout(total=5)) as answer:
                return answer.status == 200
        return False

    def living(self, *roles: str) -> list[House]:
        """The processes that run."""
        return [h for h in self.houses if h.alive and (not roles or h.role in roles)]

    def logs(self) -> str:
        """The last words of all processes."""
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {f.name}\n{f.read_text()[-2000:]}" for f in files)

    # --- people ---------------------------------------------------------------------------------

    def update(self, who: int, text: str) -> dict[str, Any]:
        """A customer's words as Telegram sends them."""
        self._updates += 1
        number = int(self.telegram.chat(f"customer:{who}"))
        person = {"id": number, "is_bot": False, "first_name": f"客户{who}"}
        return {
            "update_id": self._updates,
            "message": {
                "message_id": self._updates,
                "date": int(time.time()),
                "chat": {"id": number, "type": "private", "first_name": f"客户{who}"},
                "from": person,
                "text": text,
            },
        }

    async def say(self, who: int, text: str, most: int = 600) -> str:
        """Say something, again and again until it is taken, as Telegram does; its key."""
        body = self.update(who, text)
        for _ in range(most):
            if await self.post(body):
                break
            await asyncio.sleep(_RETRY)
        else:
            raise AssertionError(f"never taken: {body}\n{self.logs()}")
        key = f"telegram:{body['update_id']}"
        self.acknowledged.add(key)
        return key

    async def post(self, body: dict[str, Any]) -> bool:
        """One call of the webhook to any door that is open; whether it was told yes."""
        doors = self.living("web", "all")
        if not doors:
            return False
        door = doors[self._updates % len(doors)]
        address = f"http://127.0.0.1:{door.port}/hooks/telegram"
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        try:
            timeout = aiohttp.ClientTimeout(total=10)
            async with self.http.post(address, json=body, headers=headers, timeout=timeout) as said:
                self.answers[said.status] += 1
                return said.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def taken(self, more: int) -> None:
        """Wait until so many more messages are acknowledged."""
        wanted = len(self.acknowledged) + more

        async def enough() -> bool:
            return len(self.acknowledged) >= wanted

        await wait_until(enough, self.logs)

    async def sent_away(self, more: int = 1) -> None:
        """Wait until so many more calls are told to come again."""
        wanted = self.answers[503] + more

        async def enough() -> bool:
            return self.answers[503] >= wanted

        await wait_until(enough, self.logs)

    def heard(self) -> Counter[tuple[str, str]]:
        """What Telegram was asked to show, by chat and words."""
        return Counter(
            (form.get("chat_id", ""), form.get("text", ""))
            for method, form in self.telegram.calls
            if method == "sendMessage"
        )

    async def heard_by(self, people: int) -> bool:
        """Whether so many chats have heard of us."""
        return len({chat for chat, _ in self.heard()}) >= people

    # --- the record -----------------------------------------------------------------------------

    async def quiet(self) -> bool:
        """Nothing is left to do that is due."""
        async with open_store(self.database, self.folder / "blobs") as store:
            backlog = await store.queries.backlog(TENANT, store.now(TENANT))
        return not (backlog.waiting_messages or backlog.overdue_timers or backlog.due_notices)

    async def settle(self) -> None:
        """Wait until nothing is left to do."""
        await wait_until(self.quiet, self.logs)

    async def record(self) -> tuple[Story, Report]:
        """Everything that happened, and what the audit says of it."""
        async with open_store(self.database, self.folder / "blobs") as store:
            return await store.queries.story(TENANT), await prove(store, TENANT)


@asynccontextmanager
async def street(
    folder: Path,
    database: str,
    redis: str = "",
    telegram: FakeTelegram | None = None,
    loaded: Loaded | None = None,
) -> AsyncIterator[Street]:
    """A company (the demo's) in a database, and Telegram; processes are opened by the test."""
    telegram = telegram or FakeTelegram()
    await telegram.start()
    _furnish(folder, str(telegram.server.make_url("")).rstrip("/"))
    async with open_store(database, folder / "blobs") as store:
        await seed(store, loaded or demo_company())
    async with aiohttp.ClientSession() as http:
        made = Street(folder, database, redis, telegram, http)
        try:
            yield made
        finally:
            for house in made.living():
                house.resume()
                await house.kill()
            await telegram.stop()


def _furnish(folder: Path, telegram: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model").symlink_to(trained.FOLDER)
    config = {
        "http": {"public_url": "https://paidan.example.com"},
        "channels": {"telegram": {"token": TOKEN, "secret": SECRET, "address": telegram}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def nothing_lost_nothing_doubled(said: Street, story: Story, report: Report) -> None:
    """Every acknowledged message stands in one work order's story, and the audit is whole."""
    assert report.ok, str(report)
    messages = {admitted.inbound.dedupe_key: admitted for admitted in story.messages}
    assert said.acknowledged <= set(messages), said.acknowledged - set(messages)
    for key in said.acknowledged:
        assert messages[key].state == "done", messages[key]
    reported = Counter(reporter.message for order in story.orders for reporter in order.reporters)
    assert not [key for key, times in reported.items() if times > 1]


def sends_are_explained(said: Street, story: Story) -> int:
    """Whatever went out twice is recorded as perhaps doubled; how many did."""
    twice = {words: n for words, n in said.heard().items() if n > 1}
    doubtful: Sequence[str] = [
        q.notice.text for q in story.notices if q.attempts > 1 or (q.receipt and q.receipt.degraded)
    ]
    for chat, words in twice:
        assert any(text[:10] in words for text in doubtful), (chat, words)
    return len(twice)
