"""One mark runs from a message over its work order to the receipts of its notices."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from paidan.logs import configure
from paidan.settings import Log
from paidan.watch.meters import Meters
from paidan.watch.spans import OtelSpans, Spans, spans_to
from tests.vendors.ear import Ear
from tests.vendors.platform import TENANT, Town, town
from tests.vendors.telegram import FakeTelegram
from tests.waiting import wait_until
from workflow.errors import InvalidInput
from workflow.tracing import cause_of, caused_by

FAULT = "锦绣苑3栋2单元501空调不制冷，电话13712345678"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(FakeTelegram(), Ear(), tmp_path) as found:
        yield found


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[list[dict[str, Any]]]:
    """Call ``refresh`` by reading ``capsys``; lines so far, as JSON."""
    configure(Log(level="info", format="json"))
    yield []
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


def causes(there: Town, order_id: str) -> set[str]:
    notices = [queued.notice for queued in there.parts.store.outbox_audit(TENANT)]
    return {notice.cause for notice in notices if notice.order_id == order_id}


async def test_every_line_about_a_message_names_it(
    there: Town, logged: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    await there.platform.says("anna", FAULT, "customer:anna")
    order = await there.until_order()

    async def receipts() -> list[dict[str, Any]] | None:
        logged.extend(json.loads(line) for line in capsys.readouterr().err.splitlines())
        return [line for line in logged if line["event"] == "notice sent"]

    await wait_until(receipts)
    kept = next(line for line in logged if line["event"] == "message kept")
    trace = cause_of(TENANT, kept["message"])
    story = [line["event"] for line in logged if line.get("trace") == trace]
    assert story[0] == "message kept"
    assert "message settled" in story
    assert "notice sent" in story
    assert causes(there, order.id) == {trace}
    whole = json.dumps(logged, ensure_ascii=False)
    assert "13712345678" not in whole
    assert "锦绣苑" not in whole


async def test_what_a_step_says_goes_back_to_the_step(there: Town) -> None:
    await there.platform.says("anna", FAULT, "customer:anna")
    order = await there.until_order()
    store = there.parts.store
    timer = await store.read(TENANT, lambda uow: uow.timers.open(f"order:{order.id}"))
    assert timer is not None
    await there.parts.house.wind_to(TENANT, timer.due)
    cause = cause_of(TENANT, f"{timer.subject}#{timer.generation}")
    assert cause in causes(there, order.id)


async def test_one_trace_in_a_collector_too(there: Town) -> None:
    kept = InMemorySpanExporter()
    there.parts.meters.spans = OtelSpans(SimpleSpanProcessor(kept))
    await there.platform.says("anna", FAULT, "customer:anna", times=2)
    await there.until_order()

    async def over() -> bool:
        names = {span.name for span in kept.get_finished_spans()}
        return names >= {"message", "settle", "send"}

    await wait_until(over)
    spans = kept.get_finished_spans()
    (first,) = [s for s in spans if s.name == "message" and s.parent is None]
    assert first.context is not None
    trace = f"{first.context.trace_id:032x}"
    (again,) = [s for s in spans if s.name == "message" and s.parent is not None]
    assert again.attributes
    assert again.attributes["paidan.outcome"] == "again"
    whole = [s for s in spans if s.context and f"{s.context.trace_id:032x}" == trace]
    assert {"message", "settle", "send"} <= {s.name for s in whole}
    for span in whole:
        if span is not first:
            assert span.parent is not None
            assert span.parent.span_id == first.context.span_id
    assert trace in {queued.notice.cause for queued in there.parts.store.outbox_audit(TENANT)}
    receipts = {(s.attributes or {}).get("paidan.receipt") for s in whole if s.name == "send"}

    async def recorded() -> bool:
        audit = there.parts.store.outbox_audit(TENANT)
        return receipts <= {queued.receipt.message_id for queued in audit if queued.receipt}

    await wait_until(recorded)
    told = "".join(span.to_json() for span in spans)
    assert "13712345678" not in told
    assert "锦绣苑" not in told


async def test_a_step_begins_a_trace_of_its_own(there: Town) -> None:
    kept = InMemorySpanExporter()
    await there.platform.says("anna", FAULT, "customer:anna")
    order = await there.until_order()
    there.parts.meters.spans = OtelSpans(SimpleSpanProcessor(kept))
    store = there.parts.store
    timer = await store.read(TENANT, lambda uow: uow.timers.open(f"order:{order.id}"))
    assert timer is not None
    await there.parts.house.wind_to(TENANT, timer.due)
    cause = cause_of(TENANT, f"{timer.subject}#{timer.generation}")
    (step,) = [s for s in kept.get_finished_spans() if s.name == f"step {timer.step}"]
    assert step.context is not None
    assert (f"{step.context.trace_id:032x}", step.parent) == (cause, None)


def test_a_failed_send_is_an_error() -> None:
    kept = InMemorySpanExporter()
    meters = Meters(OtelSpans(SimpleSpanProcessor(kept)))
    with caused_by(cause_of(TENANT, "m1")):
        meters.sent("telegram", 1.0, "refused")
    meters.sent("telegram", 1.0, "ok")
    refused, fine = kept.get_finished_spans()
    assert refused.status.status_code is StatusCode.ERROR
    assert fine.status.status_code is StatusCode.UNSET
    assert fine.context
    assert refused.context
    assert fine.context.trace_id != refused.context.trace_id


async def test_spans_reach_a_collector(aiohttp_server: Any) -> None:
    heard: list[tuple[str, bytes]] = []

    async def collect(request: web.Request) -> web.Response:
        heard.append((request.path, await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/{path:.*}", collect)
    collector = await aiohttp_server(app)
    spans = spans_to(str(collector.make_url("/")))
    spans.record("message", 1.0, outcome="kept")
    assert isinstance(spans, OtelSpans)
    await asyncio.to_thread(spans.close)
    ((path, body),) = heard
    assert path == "/v1/traces"
    assert b"paidan.outcome" in body


def test_without_a_collector_nothing_is_recorded_or_imported() -> None:
    assert type(spans_to("")) is Spans
    code = "import sys, paidan.compose; print([m for m in sys.modules if 'opentelemetry' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(InvalidInput, match=r"paidan\[otel\]"):
        spans_to("http://127.0.0.1:4318")
