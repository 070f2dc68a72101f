"""Logs: for people on a terminal, JSON lines elsewhere; always on stderr, with nobody's number or
secret whole in them. What libraries log goes the same way.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from typing_extensions import override

from paidan.masking import masked
from paidan.settings import Log
from workflow.tracing import CAUSE

_OURS: Final = ("bots", "nlp", "notifier", "paidan", "storage", "workflow")
_PLAIN: Final = ("trace", "logger", "level", "timestamp")
"""Keys whose values are made here and never hold what somebody wrote."""
_STRANGERS: Final = "aiohttp.http_exceptions"
"""Errors about what is no HTTP; whoever connects can make as many of them as they like."""
_CONTROLS: Final = {n: f"\\x{n:02x}" for n in (*range(9), *range(10, 32), 127)}


class _Stderr(logging.Handler):
    """Writes to what is standard error at the time."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001 - a line that cannot be written ends nothing
            self.handleError(record)


def configure(log: Log) -> None:
    """Send everything logged from here on to stderr as ``log`` says; libraries only warn."""
    level = logging.getLevelNamesMapping()[log.level.upper()]
    text = log.format == "text" or (log.format == "auto" and sys.stderr.isatty())
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        traced,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=False),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    handler = _Stderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                tidy,
                *([_one_line, _for_people()] if text else [_json()]),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("aiohttp.server").addFilter(our_own)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def our_own(record: logging.LogRecord) -> bool:
    """Whether an error of the HTTP server is one of ours; a stranger's would fill the disk."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or kind.__module__ != _STRANGERS


def _json() -> Processor:
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)


def _for_people() -> Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def traced(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say what the line goes back to, if anything."""
    cause = event.pop("trace", "") or CAUSE.get()
    return {**event, "trace": cause} if cause else event


def tidy(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Nothing stands whole in it that should not."""
    plain = {name: event.pop(name) for name in _PLAIN if name in event}
    kept = masked(event)
    assert isinstance(kept, dict)  # noqa: S101 - a mapping stays one
    return {**kept, **plain}


def _one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What somebody wrote cannot pass for another line."""
    if isinstance(event.get("event"), str):
        event["event"] = event["event"].translate(_CONTROLS)
    return event
