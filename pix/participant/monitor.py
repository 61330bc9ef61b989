"""A port for metrics and health alone, apart from the pages and REST of users."""

from __future__ import annotations

import json
import socket
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from pix.participant.process import Role
from pix.runtime.addresses import CannotListen, join_host_port
from pix.runtime.health import LIVE, Health
from pix.runtime.logs import logger
from pix.telemetry.http import METRICS_PATH
from pix.telemetry.metrics import CONTENT_TYPE, Metrics

POLL_SECONDS: Final = 0.2
REQUEST_SECONDS_MAX: Final = 10.0
"""The server closes the connection of a caller that sends nothing for so long."""
CONNECTIONS_MAX: Final = 16
"""Each has a thread."""
SCRAPES_MAX: Final = 4
"""At the same time: they may wait for the database, and leave connections for health checks."""
BACKLOG: Final = 128
"""Connections that wait to be accepted. The base class allows five; the kernel makes others retry after a second."""
LETTING_GO_SECONDS_MAX: Final = 1.0

log = logger(__name__)


def monitor_role(metrics: Metrics, health: Health, host: str, port: int) -> Role:
    """Serves `/metrics`, `/health/live` and `/health/ready` until `stop` is set."""
    scrapes = threading.BoundedSemaphore(SCRAPES_MAX)

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS_MAX

        def do_GET(self) -> None:
            callers.has_asked(self.connection)
            if self.path == METRICS_PATH:
                self._answer_metrics()
            elif self.path == "/health/live":
                self._answer_json(200, LIVE)
            elif self.path == "/health/ready":
                self._answer_json(*health.readiness())
            else:
                self._answer_json(404, {"status": "there is no such page"})

        def _answer_metrics(self) -> None:
            if not scrapes.acquire(blocking=False):
                self._answer_json(503, {"status": "there are too many scrapes"})
                return
            try:
                content = metrics.exposition()
            finally:
                scrapes.release()
            self._answer(200, CONTENT_TYPE, content)

        def _answer_json(self, status: int, document: object) -> None:
            self._answer(status, "application/json", json.dumps(document).encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Logs nothing: these requests come every few seconds."""

    callers = _Callers()

    class Server(ThreadingHTTPServer):
        """One thread per caller, and none of them keeps the process alive."""

        daemon_threads = True
        request_queue_size = BACKLOG
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def process_request(self, request: Any, client_address: Any) -> None:
            if not callers.let_in(request):
                self.shutdown_request(request)
                return
            try:
                super().process_request(request, client_address)
            except RuntimeError:
                # There is no thread to be had.
                callers.has_gone(request)
                raise

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            try:
                super().process_request_thread(request, client_address)
            finally:
                callers.has_gone(request)

        def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's names
            """Logs no error of a connection that either side has closed."""
            error = sys.exception()
            if not isinstance(error, OSError):
                log.error("the monitor's port cannot answer", exc_info=error)

    def serve(stop: threading.Event) -> None:
        try:
            server = Server((host, port), Handler)
        except OSError as error:
            place = join_host_port(host, port)
            raise CannotListen(f"METRICS_PORT: cannot listen on {place}: {error.strerror}") from error
        with server:
            serving = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="monitor", daemon=True)
            serving.start()
            stop.wait()
            server.shutdown()

    return serve


class _Callers:
    """The connections. When there are too many, the longest silent one is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._silent: dict[socket.socket, None] = {}
        """In the order of arrival."""

    def let_in(self, caller: socket.socket) -> bool:
        """Whether there is room, perhaps after another one was closed."""
        if not self._room.acquire(blocking=False):
            with self._lock:
                oldest = next(iter(self._silent), None)
                if oldest is None:
                    return False
                del self._silent[oldest]
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
            if not self._room.acquire(timeout=LETTING_GO_SECONDS_MAX):
                return False
        with self._lock:
            self._silent[caller] = None
        return True

    def has_asked(self, caller: socket.socket) -> None:
        with self._lock:
            self._silent.pop(caller, None)

    def has_gone(self, caller: socket.socket) -> None:
        self.has_asked(caller)
        self._room.release()
