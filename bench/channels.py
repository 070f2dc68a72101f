"""How fast each chat platform's callback is acknowledged, opened and durably kept.

    python bench/channels.py [--messages 2000] [--beside 32] [--only wechat,telegram]

A server in a process of its own takes sealed and signed callbacks at the product's own route:
opened, checked, read, admitted by the front desk into SQLite with a synchronous commit, answered.
Beside it, in the same run: a bare aiohttp handler that only checks and opens the same requests
(telegram: compares its secret) and answers nothing. The requests are sealed beforehand, every one
another message; the callers hold their connections open. Working on the messages is not part of
it: that is bench/main_job.py. An official account's answer is not waited for, as if the work took
longer than its five seconds. 微信客服 calls without a message, and is left out. Figures of a shared
machine: trust the ratios. Results go to bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from hmac import compare_digest
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import structlog
from aiohttp import ClientSession, TCPConnector, web

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from as_served import run, warm_reader
from doors import DOORS, Door
from results import recorded
from wechatpy.crypto import WeChatCrypto
from wechatpy.enterprise.crypto import WeChatCrypto as WecomCrypto

import bots.wechat.adapter
from bots.gateway.adapter import Callback
from paidan.channels import Channels
from paidan.channels.running import plug
from paidan.compose import assemble, seed
from paidan.console.pages import hooks
from paidan.console.services import Services
from paidan.console.viewer import SERVICES
from paidan.demo import demo_company
from paidan.lasting import for_good
from paidan.serving import KNOCKING
from tests.vendors import wechat, wecom
from tests.vendors.dingtalk import SECRET as DINGTALK_SECRET
from tests.vendors.dingtalk import sign
from tests.vendors.telegram import SECRET as TELEGRAM_SECRET

T = TypeVar("T")


@dataclass(frozen=True)
class Reached:
    """What one server did: callbacks a second, milliseconds an answer, how many were not 200."""

    per_second: float
    p50: float
    p99: float
    refused: int


def sealed(door: Door, messages: int) -> list[Callback]:
    """So many messages of one platform, each another, as they arrive."""
    return for_good(lambda: [door.seal(door.payloads()[0]) for _ in range(messages)])


# --- who only opens -------------------------------------------------------------------------------


def open_xml(crypto: Any, callback: Callback) -> object:
    """As wechatpy checks and opens the envelopes of Tencent's chats."""
    asked = callback.query
    return crypto.decrypt_message(
        callback.body, asked["msg_signature"], asked["timestamp"], asked["nonce"]
    )


def open_json(crypto: Any, callback: Callback) -> object:
    """The same for robots, whose envelope is JSON."""
    words = f"<xml><Encrypt>{json.loads(callback.body)['encrypt']}</Encrypt></xml>"
    return open_xml(crypto, replace(callback, body=words.encode()))


def open_signed(callback: Callback) -> object:
    """DingTalk's: signed, not sealed."""
    wanted = sign(DINGTALK_SECRET, callback.headers["timestamp"])
    assert compare_digest(callback.headers["sign"], wanted)
    return json.loads(callback.body)


def open_secret(callback: Callback) -> object:
    """Telegram's: with a secret, not signed."""
    assert compare_digest(callback.headers["x-telegram-bot-api-secret-token"], TELEGRAM_SECRET)
    return json.loads(callback.body)


OPENERS: Mapping[str, Callable[[Callback], object]] = {
    "wechat": partial(open_xml, WeChatCrypto(wechat.TOKEN, wechat.AES_KEY, wechat.APP_ID)),
    "wecom": partial(open_xml, WecomCrypto(wecom.TOKEN, wecom.AES_KEY, wecom.CORP_ID)),
    "wecom_bot": partial(open_json, WecomCrypto(wecom.TOKEN, wecom.AES_KEY, "")),
    "dingtalk": open_signed,
    "telegram": open_secret,
}
"""Check and open a callback with the platform's library, no more."""


# --- servers --------------------------------------------------------------------------------------


async def _serve(app: web.Application, told: list[Callback], said: Connection) -> None:
    """Serve until told to stop; tell the port, and what to send there."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=KNOCKING)
    await site.start()
    said.send((runner.addresses[0][1], told))
    await asyncio.to_thread(said.recv)
    await runner.cleanup()


async def _bare(name: str, messages: int, said: Connection) -> None:
    door = DOORS[name]()
    await door.platform.start()

    async def answer(request: web.Request) -> web.Response:
        headers = {key.lower(): value for key, value in request.headers.items()}
        OPENERS[name](Callback("POST", dict(request.query), headers, await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hooks/{channel}", answer)
    await _serve(app, sealed(door, messages), said)
    await door.platform.stop()


async def _ours(name: str, messages: int, said: Connection) -> None:
    bots.wechat.adapter.ANSWER_WITHIN = 0.0
    door, loaded = DOORS[name](), demo_company()
    tenant = loaded.company.tenant
    await door.platform.start()
    channels = Channels(**{name: door.section()})
    reader = warm_reader()
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        async with assemble(
            f"sqlite:///{folder / 'bench.db'}",
            folder / "blobs",
            reader,
            plugged=partial(plug, channels, tenant),
        ) as parts:
            await seed(parts.store, loaded)
            services = SimpleNamespace(hooks=parts.adapters, count=lambda *_: None)
            app = web.Application()
            app[SERVICES] = cast("Services", services)
            app[hooks.BEHIND] = set()
            app.router.add_post("/hooks/{channel}", hooks.receive)
            await _serve(app, sealed(door, messages), said)
            with closing(sqlite3.connect(folder / "bench.db")) as db:
                said.send(db.execute("SELECT count(*) FROM inbox").fetchone()[0])
    await door.platform.stop()


def _process(name: str, messages: int, said: Connection, *, bare: bool) -> None:
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    run((_bare if bare else _ours)(name, messages, said))


# --- the run --------------------------------------------------------------------------------------


async def call(port: int, name: str, told: list[Callback], beside: int) -> Reached:
    """Send all of them over so many connections."""
    waiting, took, refused = iter(told), list[float](), 0

    async def caller(http: ClientSession) -> None:
        nonlocal refused
        for callback in waiting:
            begun = time.perf_counter()
            async with http.post(
                f"http://127.0.0.1:{port}/hooks/{name}",
                params=dict(callback.query),
                headers=dict(callback.headers),
                data=callback.body,
            ) as answer:
                await answer.read()
            took.append(time.perf_counter() - begun)
            refused += answer.status != web.HTTPOk.status_code

    async with ClientSession(connector=TCPConnector(limit=beside)) as http:
        begun = time.perf_counter()
        await asyncio.gather(*(caller(http) for _ in range(beside)))
        whole = time.perf_counter() - begun
    took.sort()
    last = took[int(len(took) * 0.99) - 1]
    return Reached(len(took) / whole, statistics.median(took) * 1e3, last * 1e3, refused)


def served(
    name: str, whole: int, load: Callable[[int, list[Callback]], T], *, bare: bool
) -> tuple[T, int]:
    """One server in a process of its own under a load of so many callbacks: what the load found,
    and how many messages the server holds at the end.
    """
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    server = spawn.Process(target=_process, args=(name, whole, theirs), kwargs={"bare": bare})
    server.start()
    try:
        found = load(*for_good(ours.recv))
        ours.send("stop")
        return found, 0 if bare else int(ours.recv())
    finally:
        server.join(10)
        server.kill()


def measure(name: str, messages: int, beside: int, *, bare: bool) -> tuple[Reached, int]:
    """One server under load, and how many messages it holds at the end."""

    def load(port: int, told: list[Callback]) -> Reached:
        asyncio.run(call(port, name, told[:beside], beside))
        return asyncio.run(call(port, name, told[beside:], beside))

    return served(name, messages + beside, load, bare=bare)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--beside", type=int, default=32)
    parser.add_argument("--only", default=",".join(OPENERS))
    given = parser.parse_args()
    names = given.only.split(",")
    command = f"python bench/channels.py --messages {given.messages} --beside {given.beside}"
    wrong = 0
    with recorded("渠道回调的应答", command, wanted=set(names) == set(OPENERS)):
        print(f"{'channel':<11}{'kept/s':>8}{'p50 ms':>8}{'p99 ms':>8}{'refused':>9}{'kept':>7}"
              f"{'bare/s':>9}{'p50 ms':>8}{'p99 ms':>8}{'ratio':>8}")  # fmt: skip
        for name in names:
            bare, _ = measure(name, given.messages, given.beside, bare=True)
            ours, held = measure(name, given.messages, given.beside, bare=False)
            wrong += ours.refused + bare.refused + (held != given.messages + given.beside)
            print(f"{name:<11}{ours.per_second:>8.0f}{ours.p50:>8.1f}{ours.p99:>8.1f}"
                  f"{ours.refused:>9}{held:>7}{bare.per_second:>9.0f}{bare.p50:>8.1f}"
                  f"{bare.p99:>8.1f}{ours.per_second / bare.per_second:>8.2f}")  # fmt: skip
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
