"""A client in a process of its own, and a receiver of webhooks."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lab.network.parts.environment import inherited
from pix.runtime.addresses import join_host_port

BODY_BYTES_MAX: Final = 1024 * 1024
ENDING_SECONDS_MAX: Final = 10.0


class ClientError(Exception):
    """The client has raised; `answer` is what its driver says of it."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(json.dumps(answer))
        self.answer = answer


class Client:
    """Calls of a library, made by its driver one after another."""

    def __init__(self, command: Sequence[str], folder: Path, **told: Any) -> None:
        # In a folder without a .env, which pypix-api would read.
        self._process = subprocess.Popen(
            [*command, json.dumps(told)],
            cwd=folder,
            env=inherited(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(ENDING_SECONDS_MAX)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def call(self, method: str, **arguments: Any) -> Any:
        """What the library returns. Raises ClientError for what it raises."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the client has ended while it made the call {method}"
        answer = json.loads(line)
        if "error" in answer:
            raise ClientError(answer)
        return answer["result"]


class Receiver:
    """A merchant's server: takes what is posted to it, and answers 200."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.posted: list[tuple[str, dict[str, Any]]] = []
        """Path and body."""

    def pix(self, end_to_end_id: str) -> list[dict[str, Any]]:
        """Every notice of this Pix, in the order of arrival."""
        found = [each for _, body in list(self.posted) for each in body["pix"]]
        return [each for each in found if each["endToEndId"] == end_to_end_id]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver of webhooks on the loopback address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers["Content-Length"]), BODY_BYTES_MAX)
            receiver.posted.append((self.path, json.loads(self.rfile.read(length))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """No log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://{join_host_port('127.0.0.1', server.server_port)}")
    thread = threading.Thread(target=server.serve_forever, name="receiver", daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
