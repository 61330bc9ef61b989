"""What a container is asked every few seconds: the program says what the service says of itself."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lab import compose
from lab.network.parts.ports import free_port
from tests.support.ipv6 import needs_ipv6

PROGRAM = Path(compose.__file__).parent / "is-ready"
PARTS = '{"parts": {"database": "ok"}}'


@contextmanager
def service(status: int, host: str = "127.0.0.1") -> Iterator[int]:
    """A server that answers a health probe with this status. Yields its port."""

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()
            self.wfile.write(PARTS.encode())

        def log_message(self, *_arguments: object) -> None:
            """Nothing."""

    class Server(HTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    server = Server((host, 0), Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(port: int, **environment: str) -> tuple[int, str]:
    """The program's exit code, and what it prints."""
    asked = subprocess.run(
        [str(PROGRAM)], env={"HTTP_PORT": str(port), **environment}, check=False, capture_output=True
    )
    return asked.returncode, asked.stdout.decode()


@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1), (500, 1)])
def test_a_container_is_healthy_when_its_service_is_ready(status: int, exit_code: int) -> None:
    with service(status) as port:
        assert ask(port) == (exit_code, PARTS)


@needs_ipv6
@pytest.mark.parametrize("host", ["::", "::1", "[::1]"])
def test_a_service_on_ipv6_is_asked_there(host: str) -> None:
    with service(200, "::1") as port:
        assert ask(port, HTTP_HOST=host) == (0, PARTS)


def test_a_container_that_does_not_answer_is_not_healthy() -> None:
    assert ask(free_port())[0] == 1
