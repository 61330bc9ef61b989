"""Metrics and spans of gRPC calls: a wrapper of the server's handlers, and a client interceptor."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import grpc

from pix.rpc.context import metadata_of
from pix.runtime.trace_context import (
    TRACEPARENT,
    begin_call,
    begin_trace,
    checked_traceparent,
    current_traceparent,
    end_call,
    end_trace,
)
from pix.scheme.credentials import METADATA_ISPB
from pix.telemetry.metrics import Metrics
from pix.telemetry.traces import Span, SpanKind, Tracing

OWN_PACKAGE: Final = "/codepix.v1."
"""Calls of health and reflection are not observed."""
ISPB_LENGTH: Final = 8
OK: Final = grpc.StatusCode.OK.name


class ObservedServer:
    """Measures answered calls, and traces those within a trace."""

    def __init__(self, metrics: Metrics, tracing: Tracing | None) -> None:
        self._metrics = metrics
        self._tracing = tracing

    def watch(self, method: str, handler: Any) -> Any:
        if not handler.unary_unary or not method.startswith(OWN_PACKAGE):
            return handler
        act = handler.unary_unary

        def answer(request: Any, context: Any) -> Any:
            with _WatchedCall(self._metrics, self._tracing, method, context):
                return act(request, context)

        async def answer_in_turns(request: Any, context: Any) -> Any:
            with _WatchedCall(self._metrics, self._tracing, method, context):
                return await act(request, context)

        return grpc.unary_unary_rpc_method_handler(
            answer_in_turns if inspect.iscoroutinefunction(act) else answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


class _WatchedCall:
    """One call while it is answered. A class: a generator as context manager would cost a tenth of a look-up."""

    __slots__ = (
        "_call_token", "_context", "_method", "_metrics", "_span", "_started_seconds", "_trace_token", "_tracing",
    )  # fmt: skip

    def __init__(self, metrics: Metrics, tracing: Tracing | None, method: str, context: Any) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._method = method
        self._context = context

    def __enter__(self) -> None:
        self._started_seconds = time.perf_counter()
        metadata = metadata_of(self._context)
        parent = checked_traceparent(_text(metadata.get(TRACEPARENT)))
        caller = _text(metadata.get(METADATA_ISPB))[:ISPB_LENGTH]
        self._span = self._start(parent, caller)
        self._call_token = begin_call(self._method, caller)
        self._trace_token = begin_trace(self._span.traceparent if self._span else parent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end_trace(self._trace_token)
        end_call(self._call_token)
        # An abort sets the code and raises; an exception without a code is a fault of ours.
        code = OK if error is None else _code_of(self._context).name
        self._metrics.grpc_calls.record(self._method, code, time.perf_counter() - self._started_seconds)
        if self._span is not None:
            _finish(self._span, code)

    def _start(self, parent: str, caller: str) -> Span | None:
        if self._tracing is None or not parent:
            return None
        attributes = {"rpc.system": "grpc", "rpc.method": self._method, "codepix.caller": caller}
        return self._tracing.start(self._method.removeprefix("/"), SpanKind.SERVER, parent, attributes)


class ObservedClient(grpc.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    """Measures outgoing calls, and traces those within a trace."""

    def __init__(self, metrics: Metrics, tracing: Tracing | None) -> None:
        self._metrics = metrics
        self._tracing = tracing

    def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Any], client_call_details: Any, request: Any
    ) -> Any:
        method: str = client_call_details.method
        started = time.perf_counter()
        span: Span | None = None
        if self._tracing is not None and current_traceparent():
            attributes = {"rpc.system": "grpc", "rpc.method": method}
            span = self._tracing.start(method.removeprefix("/"), SpanKind.CLIENT, current_traceparent(), attributes)
            client_call_details = _CallDetails(client_call_details, span.traceparent)
        call = continuation(client_call_details, request)
        # This waits for the answer, as the caller would.
        code = call.code().name
        self._metrics.hub_calls.add({(method, code): 1.0})
        self._metrics.hub_call_seconds.observe({(method,): [time.perf_counter() - started]})
        if span is not None:
            _finish(span, code)
        return call


class _CallDetails(grpc.ClientCallDetails):
    def __init__(self, details: Any, traceparent: str) -> None:
        self.method = details.method
        self.timeout = details.timeout
        self.credentials = details.credentials
        self.wait_for_ready = getattr(details, "wait_for_ready", None)
        self.compression = getattr(details, "compression", None)
        kept = [(name, value) for name, value in details.metadata or () if name != TRACEPARENT]
        self.metadata = (*kept, (TRACEPARENT, traceparent))


def _code_of(context: Any) -> grpc.StatusCode:
    """The status of an aborted call; without one, the server's status for a failed handler."""
    code = context.code()
    return code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN


def _finish(span: Span, code: str) -> None:
    span.set("rpc.grpc.status_code", code)
    if code in {"UNKNOWN", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}:
        span.fail(code)
    span.end()


def _text(value: str | bytes | None) -> str:
    return value if isinstance(value, str) else ""
