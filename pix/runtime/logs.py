"""Structured logs: one line an event, JSON for machines or text for people, with what is bound to the context."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from pix.runtime.trace_context import current_call, current_traceparent, trace_id_of


def logger(name: str) -> Any:
    return structlog.get_logger(name)


def configure_logs(service: str, level: str, as_json: bool) -> None:
    """Sets up logging of this process: our events and those of the libraries take the same form, on stderr."""

    def say_what_for(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        # Not bound to the context, for the threads of roles have a context of their own.
        event.setdefault("service", service)
        if trace_id := trace_id_of(current_traceparent()):
            event.setdefault("trace_id", trace_id)
        if call := current_call():
            event.setdefault("call", call[0])
            event.setdefault("caller", call[1])
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        say_what_for,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("uvicorn.access", "httpx", "httpcore", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
