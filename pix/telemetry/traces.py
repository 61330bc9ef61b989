"""Traces: spans in OpenTelemetry's form, if somebody has said where they go; otherwise nothing at all.

The parent of a span is always a traceparent in text, as it comes in headers and stands in rows.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from pix.runtime.trace_context import current_traceparent, within_trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

CONSOLE: Final = "console"
FILE_PREFIX: Final = "file:"
EXPORT_DELAY_MS: Final = 500
"""How long finished spans gather before they are written to a file or to the console."""

CLOSE_SECONDS_MAX: Final = 1.0

ATTRIBUTE_END_TO_END_ID: Final = "codepix.end_to_end_id"

Attributes = Mapping[str, str | int | bool]


class SpanKind(Enum):
    """Which side of a conversation a span is."""

    SERVER = "server"
    CLIENT = "client"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Span(Protocol):
    """Something that takes time. What else becomes known of it is added while it lasts."""

    @property
    def traceparent(self) -> str:
        """For those whose parent it is."""

    def set(self, name: str, value: str | int | bool) -> None:
        """Adds an attribute."""

    def rename(self, name: str) -> None:
        """Gives it the name that is only known by now."""

    def fail(self, sentence: str) -> None:
        """It has failed, and why."""

    def end(self) -> None:
        """It is over."""


class _OtelSpan:
    """See `Span`."""

    def __init__(self, span: Any) -> None:
        self._span = span
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"

    def set(self, name: str, value: str | int | bool) -> None:
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, sentence: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_status(Status(StatusCode.ERROR, sentence))

    def end(self) -> None:
        self._span.end()


class Tracing:
    """Makes spans, and sends them to where they are kept. Thread-safe."""

    def __init__(self, service: str, version: str, exporter: SpanExporter, delay_ms: int | None = None) -> None:
        """Spans are exported in batches by a thread of its own, every `delay_ms`.

        What is sampled, and how many spans wait at most, is told by OpenTelemetry's own variables (OTEL_TRACES_SAMPLER,
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
        """A span that has begun; whoever calls ends it. `parent` is a traceparent; empty begins a trace."""
        from opentelemetry import trace

        return _OtelSpan(
            self._tracer.start_span(
                name, context=_context_of(parent), kind=trace.SpanKind[kind.name], attributes=dict(attributes)
            )
        )

    @contextmanager
    def span(
        self, name: str, kind: SpanKind, parent: str | None = None, **attributes: str | int | bool
    ) -> Iterator[Span]:
        """The block as a span, of the trace at hand unless another parent is given; it fails with an exception."""
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
        """Sends what is waiting; a collector that is away is not waited for."""
        closing = threading.Thread(target=self._provider.shutdown, name="close tracing", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS_MAX)


def _context_of(traceparent: str) -> Any:
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    if not traceparent:
        return Context()
    parent = SpanContext(
        trace_id=int(traceparent[3:35], 16),
        span_id=int(traceparent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(traceparent[53:55], 16)),
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())


class _LineExporter:
    """Writes a JSON line per span, whole lines at a time, so that several processes may share a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        from opentelemetry.sdk.trace.export import SpanExportResult

        os.write(self._descriptor, "".join(f"{span.to_json(indent=None)}\n" for span in spans).encode())
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        os.close(self._descriptor)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the port's
        return True


def _exporter(descriptor: int) -> SpanExporter:
    # Its base class would have to be imported though nobody traces.
    return cast("SpanExporter", _LineExporter(descriptor))


def open_tracing(service: str, version: str, otlp_endpoint: str, traces: str) -> Tracing | None:
    """What the settings ask for: `traces` is `console` or `file:path`, `otlp_endpoint` a collector; None for neither.

    Raises OSError when the file cannot be written.
    """
    if traces == CONSOLE:
        return Tracing(service, version, _exporter(os.dup(sys.stderr.fileno())), EXPORT_DELAY_MS)
    if traces:
        path = Path(traces.removeprefix(FILE_PREFIX))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return Tracing(service, version, _exporter(descriptor), EXPORT_DELAY_MS)
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return Tracing(service, version, OTLPSpanExporter(endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces"))
    return None
