"""HTTP clients that send half of something, or nothing, or read nothing, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from lab.network.parts.ports import LOOPBACK, free_port
from lab.network.parts.process import wait_until
from pix.web.client import new_http_client
from pix.web.connections import HEADERS_BYTES_MAX, HEALTH_CONNECTIONS, HttpLimits
from pix.web.server import serve_http

DEADLINE_SECONDS = 20.0
ENDED = threading.Event()
"""An answer without an end has ended."""
BRIEF = HttpLimits(headers_seconds=0.3, body_seconds=0.5, send_seconds=0.5, connections=40)
PATIENT = HttpLimits(headers_seconds=3_600, body_seconds=3_600, send_seconds=3_600, connections=20)


def ask(port: int, method: str, path: str, content: bytes | None = None) -> httpx.Response:
    """The answer to a request on a connection that is made for it."""
    with new_http_client(timeout=DEADLINE_SECONDS) as client:
        return client.request(method, f"http://127.0.0.1:{port}{path}", content=content)


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    @app.post("/refuse")
    async def refuse() -> Response:
        return Response("no", 401)

    @app.get("/endless")
    async def endless() -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    # Lets others have their turn, also once nothing is sent any more.
                    await asyncio.sleep(0)
                    yield bytes(65_536)
            finally:
                ENDED.set()

        return StreamingResponse(pieces())

    return app


@contextmanager
def served(limits: HttpLimits) -> Iterator[int]:
    """The port."""
    port, stop = free_port(), threading.Event()
    thread = threading.Thread(target=serve_http, args=(application(), LOOPBACK, port, stop, limits))
    thread.start()

    def listens() -> bool:
        try:
            socket.create_connection((LOOPBACK, port)).close()
        except OSError:
            return False
        return True

    try:
        wait_until(listens, DEADLINE_SECONDS, "the server to listen")
        yield port
    finally:
        stop.set()
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()


def connect(port: int, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection((LOOPBACK, port), timeout=DEADLINE_SECONDS)
    client.sendall(sent)
    return client


def all_of(client: socket.socket) -> bytes:
    """What comes until the server closes."""
    came = b""
    try:
        while piece := client.recv(65_536):
            came += piece
    except ConnectionResetError:
        pass
    return came


POST = b"POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"GET /health/live HTTP/1.1\r\nHost: h", b"HTTP/1.1 408 "),
        (POST, b"HTTP/1.1 408 "),
        (POST + b"half", b"HTTP/1.1 408 "),
        (POST.replace(b"Content-Length: 10", b"Transfer-Encoding: chunked") + b"4\r\nhalf\r\n", b"HTTP/1.1 408 "),
        # The second request of a connection.
        (b"GET /health/live HTTP/1.1\r\nHost: h\r\n\r\nGET /heal", b"HTTP/1.1 200 "),
        (b"GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n" + POST, b"HTTP/1.1 200 "),
        # Answered before the body has come.
        (POST.replace(b"/echo", b"/refuse"), b"HTTP/1.1 401 "),
    ],
)
def test_a_request_that_is_never_completed_ends_at_the_limit(sent: bytes, answered: bytes) -> None:
    with served(BRIEF) as port, connect(port, sent) as client:
        began = time.monotonic()
        assert all_of(client).startswith(answered)
        assert time.monotonic() - began < DEADLINE_SECONDS / 2


def test_bytes_that_trickle_in_do_not_extend_the_limit() -> None:
    with served(BRIEF) as port, connect(port, b"GET /health/live HTTP/1.1\r\nA: ") as client:
        client.settimeout(BRIEF.headers_seconds / 5)
        deadline = time.monotonic() + DEADLINE_SECONDS
        answer = b""
        while not answer:
            assert time.monotonic() < deadline
            try:
                client.sendall(b"a")
                answer = client.recv(100)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_headers_without_an_end_are_refused() -> None:
    with served(PATIENT) as port, connect(port, b"GET / HTTP/1.1\r\nA: ") as client:
        sent = 0
        with suppress(ConnectionResetError, BrokenPipeError):
            while sent < 100 * HEADERS_BYTES_MAX:
                sent += client.send(b"a" * 1_024)
        assert sent < 100 * HEADERS_BYTES_MAX


def test_a_body_without_an_end_that_was_refused_ends() -> None:
    limits = replace(PATIENT, discarded_bytes=1024 * 1024)
    begin = POST.replace(b"/echo", b"/refuse").replace(b"Content-Length: 10", b"Transfer-Encoding: chunked")
    with served(limits) as port, connect(port, begin) as client:
        assert client.recv(12) == b"HTTP/1.1 401"
        piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        deadline = time.monotonic() + DEADLINE_SECONDS
        with suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() < deadline:
                client.sendall(piece)
        assert time.monotonic() < deadline


def test_a_client_that_reads_nothing_of_its_answer_is_let_go() -> None:
    ENDED.clear()
    with served(BRIEF) as port, connect(port, b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n") as client:
        assert client.recv(12) == b"HTTP/1.1 200"
        assert ENDED.wait(DEADLINE_SECONDS)


def test_requests_that_come_in_pieces_and_one_after_the_other_are_answered() -> None:
    with served(BRIEF) as port, connect(port) as client:
        for _ in range(3):
            for piece in (POST[:20], POST[20:], b"01234", b"56789"):
                client.sendall(piece)
            came = b""
            while not came.endswith(b"0123456789"):
                came += client.recv(65_536)
            assert came.startswith(b"HTTP/1.1 200 ")


def test_many_silent_clients_leave_health_and_everything_else_answering() -> None:
    with served(PATIENT) as port, ExitStack() as stack:
        for _ in range(3 * PATIENT.connections):
            stack.enter_context(connect(port))
        for _ in range(PATIENT.connections):
            stack.enter_context(connect(port, POST + b"half"))
        for _ in range(3):
            assert ask(port, "GET", "/health/live").json() == {"status": "ok"}
            answer = ask(port, "POST", "/echo", b"hello")
            assert answer.text == "hello"


def test_while_every_connection_is_at_work_health_is_answered_and_others_are_told_to_come_again() -> None:
    with served(PATIENT) as port, ExitStack() as stack:
        streams = [
            stack.enter_context(connect(port, b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n"))
            for _ in range(PATIENT.connections)
        ]
        for stream in streams:
            assert stream.recv(12) == b"HTTP/1.1 200"
        for _ in range(HEALTH_CONNECTIONS + 1):
            assert ask(port, "GET", "/health/live").status_code == 200
        refused = ask(port, "POST", "/echo", b"hello")
        assert (refused.status_code, refused.headers["connection"]) == (503, "close")
        assert refused.headers["retry-after"]
        assert "too many connections" in refused.text
