"""No client of ours goes through a proxy, whatever the environment says."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pix.runtime.addresses import http_url
from pix.web.client import http_get, new_http_client

NO_PROXY_THERE = "http://127.0.0.1:1"
PROXIES = {
    name: NO_PROXY_THERE
    for each in ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
    for name in (each, each.upper())
}
DEADLINE_SECONDS = 20.0


@pytest.fixture
def address() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield http_url("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join(DEADLINE_SECONDS)


def test_http_is_spoken_directly(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)
    assert http_get(address, timeout=DEADLINE_SECONDS).status_code == 200
    with new_http_client(timeout=DEADLINE_SECONDS) as client:
        assert client.get(address).status_code == 200


def test_a_file_of_authorities_that_is_not_there_breaks_no_client(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    assert http_get(address, timeout=DEADLINE_SECONDS).status_code == 200


GRPC_BOTH_WAYS = """
from concurrent.futures import ThreadPoolExecutor
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from pix.rpc.client import open_channel

server = grpc.server(ThreadPoolExecutor(1))
servicer = health.HealthServicer()
servicer.set("", health_pb2.HealthCheckResponse.SERVING)
health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with open_channel(f"127.0.0.1:{port}") as channel:
    print(health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10).status)
server.stop(None)
"""


def test_grpc_is_spoken_directly() -> None:
    # In a process of its own: gRPC reads the environment once.
    finished = subprocess.run(
        [sys.executable, "-c", GRPC_BOTH_WAYS],
        env={**os.environ, **PROXIES},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert (finished.stdout.strip(), finished.returncode) == ("1", 0), finished.stderr
