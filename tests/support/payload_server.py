"""A server of payloads that does what a test says: a bank that is honest, broken, slow, or an attacker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Served:
    body: bytes = b""
    content_type: str = "application/jose"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class PayloadServer:
    port: int
    answers: dict[str, Served | Callable[[Any], None]] = field(default_factory=dict)
    """By path, without the query; a function gets the handler, and writes what it likes."""
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def payload_server() -> Iterator[PayloadServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.asked.append(self.path)
            answer = server.answers.get(self.path.partition("?")[0], Served(status=404))
            if not isinstance(answer, Served):
                answer(self)
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Prints nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = PayloadServer(http.server_port)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), name="payload server")
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
