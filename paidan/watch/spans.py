"""One trace from a message over its settling to the receipts of its notices, for OpenTelemetry.

Off unless the settings name a collector; what it needs is optional (``paidan[otel]``). The trace
has the number that the logs call ``trace``, so nothing has to be carried along: whoever knows what
it goes back to knows the trace and its first span.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from workflow.errors import InvalidInput
from workflow.tracing import CAUSE

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

EXPORT_WITHIN: Final = 2.0
"""Seconds a collector has; a house that stops does not wait longer for one that is away."""

_FIRST: ContextVar[bool] = ContextVar("first", default=False)


class Spans:
    """What is recorded of single acts; this one records nothing."""

    def record(
        self, name: str, begun: float, *, first: bool = False, failed: str = "", **facts: object
    ) -> None:
        """An act that is over, within the trace of what it goes back to.

        Args:
            name: What was done.
            begun: When, by :func:`time.time`.
            first: It is what the others of its trace go back to.
            failed: Why it did not succeed, as a plain code.
            facts: Words and numbers of ours; never what somebody wrote.
        """

    def close(self) -> None:
        """Send what waits."""


class OtelSpans(Spans):
    """Hands them to OpenTelemetry's processor."""

    def __init__(self, processor: SpanProcessor) -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - optional
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

        class Ids(RandomIdGenerator):
            """The numbers that the logs have."""

            @override
            def generate_trace_id(self) -> int:
                return int(CAUSE.get(), 16) if CAUSE.get() else super().generate_trace_id()

            @override
            def generate_span_id(self) -> int:
                return _head(CAUSE.get()) if _FIRST.get() else super().generate_span_id()

        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "paidan"}), id_generator=Ids()
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("paidan")

    @override
    def record(
        self, name: str, begun: float, *, first: bool = False, failed: str = "", **facts: object
    ) -> None:
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - optional

        first = first and bool(CAUSE.get())
        token = _FIRST.set(first)
        try:
            span = self._tracer.start_span(
                name,
                context=_under("" if first else CAUSE.get()),
                start_time=int(begun * 1e9),
                attributes={f"paidan.{key}": _plain(fact) for key, fact in facts.items()},
            )
        finally:
            _FIRST.reset(token)
        if failed:
            span.set_status(Status(StatusCode.ERROR, failed))
        span.end(time.time_ns())

    @override
    def close(self) -> None:
        self._provider.shutdown()


def _under(cause: str) -> Any:
    """The first span of that trace as a parent, wherever it was recorded; none for an empty one."""
    from opentelemetry.context import Context  # noqa: PLC0415 - optional
    from opentelemetry.trace import (  # noqa: PLC0415
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    if not cause:
        return Context()
    head = SpanContext(
        int(cause, 16), _head(cause), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(head), Context())


def _head(cause: str) -> int:
    return int(cause[-16:], 16) or 1


def _plain(fact: object) -> str | bool | int | float:
    return fact if isinstance(fact, str | bool | int | float) else str(fact)


def spans_to(endpoint: str) -> Spans:
    """Spans for a collector that speaks OTLP over HTTP; none for an empty address.

    Raises:
        InvalidInput: what is needed is not installed.
    """
    if not endpoint:
        return Spans()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        wanted = "pip install 'paidan[otel]'"
        raise InvalidInput(field="tracing.endpoint", found=endpoint, allowed=wanted) from None
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_WITHIN)
    return OtelSpans(BatchSpanProcessor(exporter))
