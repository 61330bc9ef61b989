"""Metrics, spans and request ids of HTTP, as ASGI middleware."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final
from uuid import uuid4

from structlog.contextvars import bound_contextvars

from pix.runtime.logs import logger
from pix.runtime.own_threads import METRICS_THREADS
from pix.runtime.trace_context import (
    END_TO_END_ID,
    TRACEPARENT,
    checked_traceparent,
    taking_request_notes,
    within_trace,
)
from pix.telemetry.metrics import CONTENT_TYPE, Metrics
from pix.telemetry.traces import Span, SpanKind, Tracing

METRICS_PATH: Final = "/metrics"
REQUEST_ID_HEADER: Final = b"x-request-id"
HEALTH: Final = "/health/"
NOT_TRACED: Final = (HEALTH, "/static/", "/brand.", METRICS_PATH)
METHODS_KNOWN: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
EVENT_STREAM: Final = "text/event-stream"
SERVER_ERROR: Final = 500

_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logger(__name__)


class ObservedHttp:
    """Measures and traces requests, gives each an id, and serves `/metrics`."""

    def __init__(
        self, app: AsgiApplication, metrics: Metrics, tracing: Tracing | None, *, serves_metrics: bool
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._tracing = tracing
        self._serves_metrics = serves_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._serves_metrics and scope["path"] == METRICS_PATH:
            await self._answer_metrics(send)
        else:
            await self._observe(scope, receive, send)

    async def _answer_metrics(self, send: Send) -> None:
        # Some values are read from the database, which would block the event loop.
        body = await METRICS_THREADS.run(self._metrics.exposition)
        headers = [(b"content-type", CONTENT_TYPE.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = _request_id(headers)
        accepts_events = headers.get(b"accept", b"").startswith(EVENT_STREAM.encode())
        parent = checked_traceparent(headers.get(TRACEPARENT.encode(), b"").decode("latin-1"))
        method = scope["method"] if scope["method"] in METHODS_KNOWN else "other"
        status = SERVER_ERROR
        is_stream = False
        started = time.perf_counter()

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = list(message.get("headers", ()))
                is_stream = dict(answered).get(b"content-type", b"").startswith(EVENT_STREAM.encode())
                message = {**message, "headers": [*answered, (REQUEST_ID_HEADER, request_id.encode())]}
            await send(message)

        span: Span | None = None
        if self._tracing is not None and not accepts_events and not scope["path"].startswith(NOT_TRACED):
            attributes = {"http.request.method": method, "url.path": scope["path"], "codepix.request_id": request_id}
            span = self._tracing.start(method, SpanKind.SERVER, parent, attributes)
        with (
            bound_contextvars(request_id=request_id),
            within_trace(span.traceparent if span else parent),
            taking_request_notes() as notes,
        ):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                seconds = time.perf_counter() - started
                route = _route_of(scope)
                self._metrics.http_requests.add({(method, route, str(status)): 1.0})
                if not is_stream:
                    self._metrics.http_seconds.observe({(route,): [seconds]})
                if isinstance(named := scope.get("path_params", {}).get(END_TO_END_ID), str):
                    notes.setdefault(END_TO_END_ID, named)
                _log(method, route, status, seconds, notes)
                if span is not None:
                    _finish(span, method, route, status, notes)


def _request_id(headers: dict[bytes, bytes]) -> str:
    """The caller's id if it is well-formed, so that its log lines and ours match; else a new one."""
    given = headers.get(REQUEST_ID_HEADER, b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _route_of(scope: Scope) -> str:
    """The path's template, which bounds the number of series; `other` for files and unknown paths."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "other"


def _log(method: str, route: str, status: int, seconds: float, notes: Mapping[str, str]) -> None:
    # A service that is not ready answers 503 without an error.
    is_error = status >= SERVER_ERROR and not route.startswith(HEALTH)
    write = log.warning if is_error else log.debug
    write("answered", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 1), **notes)


def _finish(span: Span, method: str, route: str, status: int, notes: Mapping[str, str]) -> None:
    span.rename(f"{method} {route}")
    span.set("http.route", route)
    span.set("http.response.status_code", status)
    for name, value in notes.items():
        span.set(f"codepix.{name}", value)
    if status >= SERVER_ERROR:
        span.fail(f"answered {status}")
    span.end()
