"""Receivers of webhooks for tests."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bank_sim.application.webhooks.ports import Answer
from bank_sim.application.webhooks.use_cases import Delivering
from bank_sim.domain.webhooks.faults import WebhookFault
from bank_sim.domain.webhooks.model import DeliveryFailure
from pix.runtime.addresses import join_host_port
from pix.scheme.retransmission import RetransmissionPolicy

WAIT_SECONDS_MAX = 20.0
RETRY_POLICY = RetransmissionPolicy(first_ms=1_000, cap_ms=60_000)


@dataclass
class ReceiverInMemory:
    """Takes what a bank delivers, or fails as told."""

    failure: DeliveryFailure | None = None
    is_refused: bool = False
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Addresses with bodies that were taken."""
    seconds_max: float = 5.0

    def refuses(self, url: str) -> bool:
        del url
        return self.is_refused

    def post(self, url: str, body: str, fault: WebhookFault | None = None) -> Answer:
        if fault is WebhookFault.REFUSED:
            return Answer(None, failure=DeliveryFailure.CONNECTION)
        if fault is WebhookFault.WRONG_CERTIFICATE:
            return Answer(None, failure=DeliveryFailure.CERTIFICATE)
        if self.failure is not None:
            return Answer(500 if self.failure is DeliveryFailure.STATUS else None, "no", self.failure)
        self.posts.append((url, json.loads(body)))
        return Answer(200, "ok")

    def take(self) -> list[list[str]]:
        """The end-to-end ids of each body since the last time."""
        taken, self.posts = self.posts, []
        return [[pix["endToEndId"] for pix in body["pix"]] for _, body in taken]

    def delivering(self, pix_per_post_max: int = 20) -> Delivering:
        return Delivering(self, RETRY_POLICY, pix_per_post_max)


class ReceiverServer:
    """A receiver over HTTP on a free port of the loopback address, while its block lasts."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.content = b"ok"
        self.seconds = 0.0
        """Between two bytes of the content."""
        self.wait_for: threading.Event | None = None
        """Until it is set no answer is given."""
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        """Path, headers and body of each."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                if receiver.wait_for is not None:
                    receiver.wait_for.wait(WAIT_SECONDS_MAX)
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):
                    self._write(receiver.content, receiver.seconds)

            def _write(self, content: bytes, seconds: float) -> None:
                if not seconds:
                    self.wfile.write(content)
                for place in range(len(content) if seconds else 0):
                    if receiver._stop.wait(seconds):
                        return
                    self.wfile.write(content[place : place + 1])

            def log_message(self, *_: object) -> None: ...

        self._stop = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05], name="receiver")

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{join_host_port(host, self.port)}/avisos"

    def __enter__(self) -> ReceiverServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
