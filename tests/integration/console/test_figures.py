"""The figures of a running house, read by HTTP and by Prometheus's own parser."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from bots.channel import Anomalous, Barred, Capabilities, Refused, Retry, Unsupported
from paidan.compose import Parts
from paidan.console.services import Services
from paidan.watch.meters import Meters
from paidan.watch.pages import own_door
from paidan.watch.seams import MeteredChannel
from tests.integration.console.conftest import FIGURES, TENANT, Browser, serving
from workflow.kept import Case
from workflow.records import ChatRef, Inbound, Outgoing, Receipt

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]
BEARER = {"Authorization": f"Bearer {FIGURES}"}
FAULT = "3 栋 2 单元电梯困人了，快来人！电话 13812345678"


def parsed(text: str) -> Figures:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figure(figures: Figures, name: str, **labels: str) -> float:
    return figures.get((f"paidan_{name}", tuple(sorted(labels.items()))), 0.0)


async def read(browser: Browser) -> Figures:
    response = await browser.get("/metrics", headers=BEARER)
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return parsed(await response.text())


async def test_the_main_job_is_counted_from_message_to_notice(
    browser: Browser, parts: Parts
) -> None:
    await browser.see("/chat")
    await browser.post("/chat/say", {"text": FAULT})
    await browser.until("/chat", "WO-")
    await parts.house.wind(TENANT, timedelta(seconds=70))
    figures = await read(browser)
    messages = {"channel": "web", "kind": "text"}
    assert figure(figures, "messages_total", **messages, outcome="kept") == 1
    assert figure(figures, "messages_settled_total", **messages, outcome="opened") == 1
    assert figure(figures, "notices_total", channel="web", outcome="sent") >= 1
    assert figure(figures, "sends_total", channel="web", outcome="ok") >= 1
    assert figure(figures, "send_seconds_count", channel="web") >= 1
    assert figure(figures, "steps_total", step="accept_timeout", outcome="taken") == 1
    assert figure(figures, "step_late_seconds_count") >= 1
    assert figure(figures, "commit_seconds_count") >= 3
    assert figure(figures, "units_total", outcome="committed") >= 3
    assert figure(figures, "ready", part="database") == 1


async def test_a_redelivery_is_told_from_a_message(browser: Browser, parts: Parts) -> None:
    message = Inbound(TENANT, "web", "v1", "direct", "v1", "once", parts.clock.now(TENANT), "你好")
    for _ in range(3):
        await parts.front_desk.admit(message)
    figures = await read(browser)
    kept = {"channel": "web", "kind": "text", "outcome": "kept"}
    assert figure(figures, "messages_total", **kept) == 1
    assert figure(figures, "messages_total", **{**kept, "outcome": "again"}) == 2


async def test_the_figures_say_what_waits(browser: Browser, parts: Parts) -> None:
    case = Case("k1", "parked", parts.clock.now(TENANT), ChatRef("web", "v1"), "v1", "?")
    await parts.store.transact(TENANT, lambda uow: uow.cases.put(case))
    figures = await read(browser)
    assert figure(figures, "waiting", what="parked_messages") == 1
    assert figure(figures, "waiting", what="cases") >= 1
    for what in ("messages", "steps", "notices"):
        assert ("paidan_lag_seconds", (("what", what),)) in figures


async def test_nothing_anybody_wrote_is_in_the_figures(browser: Browser, parts: Parts) -> None:
    await browser.see("/chat")
    await browser.post("/chat/say", {"text": FAULT})
    await browser.until("/chat", "WO-")
    hostile = ["13812345678", "wang wu", "a" * 99, "WO-20261124-0001", "", 'x"} 1\nevil{y="', "王"]
    for word in hostile:
        parts.meters.channel_event(word, word)
        parts.meters.notice(word, "sent")
    for n in range(500):
        parts.meters.channel_event("web", "e" + "abcdefghij"[n % 10] * (n // 10 % 30 + 1))
    text = await (await browser.get("/metrics", headers=BEARER)).text()
    labels = {v for _, given in parsed(text) for _, v in given}
    assert not {word for word in labels if any(h and h in word for h in hostile)}
    assert "13812345678" not in text
    assert "王" not in text
    events = {dict(g)["event"] for n, g in parsed(text) if n == "paidan_channel_events_total"}
    assert len(events) <= 66
    assert "other" in events


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {FIGURES}", "Bearer é"])
async def test_without_the_token_nobody_reads_them(browser: Browser, header: str) -> None:
    headers = {"Authorization": header.encode("latin-1").decode("latin-1")} if header else {}
    response = await browser.get("/metrics", headers=headers)
    assert response.status == 401
    assert "paidan_" not in await response.text()


async def test_without_a_token_there_are_none_but_on_a_door_of_their_own(
    services: Services,
) -> None:
    assert services.watchman is not None
    unlocked = replace(services.watchman, token="")
    async with serving(replace(services, watchman=unlocked)) as browser:
        assert (await browser.get("/metrics")).status == 404
        assert (await browser.get("/healthz")).status == 200
    async with TestClient(TestServer(own_door(unlocked))) as side:
        assert "paidan_commit_seconds" in await (await side.get("/metrics")).text()
        assert (await side.get("/healthz")).status == 200
        assert (await side.get("/login")).status == 404
    async with TestClient(TestServer(own_door(services.watchman))) as side:
        assert (await side.get("/metrics")).status == 401


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Retry("c", "busy"), "retry"),
        (Barred("c", "ip"), "barred"),
        (Refused("c", "gone"), "refused"),
        (Unsupported("c", "card"), "unsupported"),
        (Anomalous("c", "?"), "unclear"),
        (TimeoutError(), "unclear"),
        (KeyError(), "failed"),
        (asyncio.CancelledError(), "unclear"),
    ],
)
async def test_how_a_send_ended_is_counted(error: BaseException, outcome: str) -> None:
    class Way:
        name = "web"
        capabilities = Capabilities()

        async def send(self, _outgoing: Outgoing) -> Receipt:
            raise error

    meters = Meters()
    with pytest.raises(type(error)):
        await MeteredChannel(Way(), meters).send(Outgoing("t", ChatRef("web", "v"), "x", "k"))
    figures = parsed(meters.text().decode())
    assert figure(figures, "sends_total", channel="web", outcome=outcome) == 1
