"""Traces: OpenTelemetry's spans when a setting says where they go; otherwise its SDK is not even imported.

The parent of a span is always a traceparent in text, as it comes in headers and stands in rows.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from io import FileIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pix.runtime.trace_context import TRACEPARENT, current_traceparent, within_trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan

CONSOLE: Final = "console"
FILE_PREFIX: Final = "file:"
EXPORT_DELAY_MS: Final = 500
"""The delay before finished spans are written to a file or to the console."""

CLOSE_SECONDS_MAX: Final = 1.0

ATTRIBUTE_END_TO_END_ID: Final = "codepix.end_to_end_id"

Attributes = Mapping[str, str | int | bool]


class SpanKind(Enum):
    """OpenTelemetry's kinds, by the names that this project uses."""

    SERVER = "server"
    CLIENT = "client"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Span:
    """A span that has begun. Who starts it ends it."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
        """For the spans whose parent it is."""

    def set(self, name: str, value: str | int | bool) -> None:
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        """For a name that was not known when the span began."""
        self._span.update_name(name)

    def fail(self, sentence: str) -> None:
        """Sets the status to an error, with the reason."""
        from opentelemetry.trace import Status, StatusCode

        self._span.set_status(Status(StatusCode.ERROR, sentence))

    def end(self) -> None:
        self._span.end()


class Tracing:
    """Starts spans, and exports them. Thread-safe."""

    def __init__(self, service: str, version: str, exporter: SpanExporter, delay_ms: int | None = None) -> None:
        """A thread exports spans in batches every `delay_ms`.

        OpenTelemetry's own variables say which spans are sampled, and how many wait at most (OTEL_TRACES_SAMPLER,
        OTEL_BSP_…).
        """
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create(
            {"service.name": service, "service.version": version, "service.instance.id": f"{service}-{os.getpid()}"}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=delay_ms))
        self._tracer = self._provider.get_tracer("codepix", version)

    def start(self, name: str, kind: SpanKind, parent: str, attributes: Attributes) -> Span:
        """A span that has begun; the caller ends it. `parent` is a traceparent; empty begins a trace."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind as OtelSpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        # Of an empty context: OpenTelemetry's current span is never ours.
        parent_context = TraceContextTextMapPropagator().extract({TRACEPARENT: parent}, Context())
        return Span(
            self._tracer.start_span(
                name, context=parent_context, kind=OtelSpanKind[kind.name], attributes=dict(attributes)
            )
        )

    @contextmanager
    def span(
        self, name: str, kind: SpanKind, parent: str | None = None, **attributes: str | int | bool
    ) -> Iterator[Span]:
        """The block as a span, of the current trace unless another parent is given; it fails with an exception."""
        span = self.start(name, kind, current_traceparent() if parent is None else parent, attributes)
        try:
            with within_trace(span.traceparent):
                yield span
        except Exception as error:
            span.fail(f"{type(error).__name__}: {error}")
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Exports the spans that wait, for at most `CLOSE_SECONDS_MAX`: the collector may be down."""
        closing = threading.Thread(target=self._provider.shutdown, name="close tracing", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS_MAX)


def _line_exporter(descriptor: int) -> SpanExporter:
    """Writes a JSON line per span in one piece, so that several processes may share a file.

    The descriptor stays open as long as the process lives.
    """
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    lines = TextIOWrapper(FileIO(descriptor, "w", closefd=False), encoding="utf-8", write_through=True)
    return ConsoleSpanExporter(out=lines, formatter=lambda span: f"{span.to_json(indent=None)}\n")


def open_tracing(service: str, version: str, otlp_endpoint: str, traces: str) -> Tracing | None:
    """What the settings ask for: `traces` is `console` or `file:path`, `otlp_endpoint` a collector; None for neither.

    Raises OSError when the file cannot be written.
    """
    if traces == CONSOLE:
        return Tracing(service, version, _line_exporter(os.dup(sys.stderr.fileno())), EXPORT_DELAY_MS)
    if traces:
        path = Path(traces.removeprefix(FILE_PREFIX))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return Tracing(service, version, _line_exporter(descriptor), EXPORT_DELAY_MS)
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return Tracing(service, version, OTLPSpanExporter(endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces"))
    return None
