"""A port for whoever watches the service, apart from the one for its users: metrics and health, and nothing else."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from pix.service.addresses import CannotListen, join_host_port
from pix.service.health import Health
from pix.service.process import Role
from pix.service.telemetry.http import METRICS_PATH
from pix.service.telemetry.metrics import CONTENT_TYPE, Metrics

POLL_SECONDS: Final = 0.2
REQUEST_SECONDS_MAX: Final = 10.0
"""A caller that says nothing is let go after this."""


def monitor_role(metrics: Metrics, health: Health, host: str, port: int) -> Role:
    """Serves `/metrics`, `/health/live` and `/health/ready` until told to stop."""

    class Handler(BaseHTTPRequestHandler):
        """Answers one connection."""

        timeout = REQUEST_SECONDS_MAX

        def do_GET(self) -> None:
            """The three pages that there are."""
            if self.path == METRICS_PATH:
                self._answer(200, CONTENT_TYPE, metrics.exposition())
            elif self.path == "/health/live":
                self._answer_json(200, {"status": "ok"})
            elif self.path == "/health/ready":
                parts = dict(health.report())
                works = all(state == "ok" for state in parts.values())
                self._answer_json(200 if works else 503, {"status": "ok" if works else "trouble", "parts": parts})
            else:
                self._answer_json(404, {"status": "there is no such page"})

        def _answer_json(self, status: int, document: object) -> None:
            self._answer(status, "application/json", json.dumps(document).encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing: these are asked for every few seconds."""

    class Server(ThreadingHTTPServer):
        """One thread per caller, and none of them keeps the process alive."""

        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

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
