"""Connections of HTTP that end: time and size limits on what a client sends, and a limit on how many there are.

uvicorn knows one limit of time, for connections that wait between two requests. A client that sends half a request, or
a body without an end, or reads nothing of its answer, would hold a connection for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import resource
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pix.runtime.logs import logger

HEADERS_SECONDS_MAX: Final = 10.0
"""From the first moment of a connection, or the first byte of a later request, to the end of the headers."""
BODY_SECONDS_MAX: Final = 60.0
"""From the end of the headers to the end of the body: a picture of 5 MB at 0.7 Mbit/s."""
SEND_SECONDS_MAX: Final = 30.0
"""A client that takes nothing of what waits to be sent to it is let go after this."""
HEADERS_BYTES_MAX: Final = 64 * 1024
DISCARDED_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of a body that comes after its answer: a browser shows no answer before it has sent all. None of it is kept."""
CONNECTIONS_MAX: Final = 1_000
CONNECTIONS_MIN: Final = 16
"""Also where the process may have very few descriptors."""
HEALTH_CONNECTIONS: Final = 16
"""Beyond the others, for who asks how the process is."""
DESCRIPTORS_MAX: Final = 16_384
DESCRIPTORS_KEPT: Final = 192
"""For databases, brokers, files and gRPC."""
HEALTH_PATH: Final = "/health/"
RETRY_AFTER_SECONDS: Final = 5
CLIENT_THUMBPRINT: Final = "codepix.client_thumbprint"
"""The key of a request's scope for the SHA-256 of the client's certificate (`x5t#S256`, RFC 8705), in hex."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    headers_seconds: float = HEADERS_SECONDS_MAX
    body_seconds: float = BODY_SECONDS_MAX
    send_seconds: float = SEND_SECONDS_MAX
    connections: int = CONNECTIONS_MAX
    discarded_bytes: int = DISCARDED_BYTES_MAX


def default_limits() -> HttpLimits:
    """The limits for this process: it may have as many descriptors as the system lets it, and keeps some back."""
    descriptors = raise_descriptor_limit()
    return HttpLimits(connections=min(CONNECTIONS_MAX, max(CONNECTIONS_MIN, (descriptors - DESCRIPTORS_KEPT) // 2)))


def raise_descriptor_limit() -> int:
    """Raises the soft limit on open descriptors towards the hard one; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_MAX, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return DESCRIPTORS_MAX if soft == resource.RLIM_INFINITY else soft


def protocol_with(limits: HttpLimits) -> type[HttpToolsProtocol]:
    """The protocol of uvicorn's servers, with limits."""
    return type("BoundedProtocol", (_BoundedProtocol,), {"limits": limits})


def _thumbprint_of(transport: Any) -> str:
    """Of the certificate that the client has shown; empty without one."""
    session = transport.get_extra_info("ssl_object")
    certificate = None if session is None else session.getpeercert(binary_form=True)
    return hashlib.sha256(certificate).hexdigest() if certificate else ""


class _Incoming(Enum):
    """What of a request is on its way."""

    NOTHING = "nothing"
    HEADERS = "headers"
    BODY = "body"


class _BoundedProtocol(HttpToolsProtocol):
    """A request that comes in one piece, as most do, starts no timer of this class."""

    limits: HttpLimits
    # There is none before the first request, whatever uvicorn's annotation says.
    cycle: RequestResponseCycle | None  # type: ignore[assignment]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._waits_since = self.loop.time()
        self._incoming = _Incoming.HEADERS
        self._header_bytes = 0
        self._discarded_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timed = _Incoming.NOTHING
        self._send_timer: asyncio.TimerHandle | None = None
        self._is_for_health_alone = False
        self._client_thumbprint = _thumbprint_of(transport)
        self._give_time(_Incoming.HEADERS)
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._give_time(_Incoming.NOTHING)
        self._stop_send_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        incoming = self._incoming
        if incoming is _Incoming.HEADERS:
            self._header_bytes += len(data)
            if self._header_bytes > HEADERS_BYTES_MAX:
                self._refuse(b"431 Request Header Fields Too Large", "The headers are too long.")
                return
        elif incoming is _Incoming.NOTHING and (self.cycle is None or self.cycle.response_complete):
            # Line breaks ahead of a request: they have ended the limit of uvicorn's for connections that wait.
            incoming = _Incoming.HEADERS
        if self._timed is not incoming:
            self._give_time(incoming)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._client_thumbprint:
            self.scope[CLIENT_THUMBPRINT] = self._client_thumbprint  # type: ignore[typeddict-unknown-key]
        self._incoming = _Incoming.HEADERS
        self._header_bytes = 0
        self._discarded_bytes = 0

    def on_headers_complete(self) -> None:
        self._incoming = _Incoming.BODY
        if self._is_for_health_alone and not self.url.startswith(HEALTH_PATH.encode()):
            self._refuse(b"503 Service Unavailable", "There are too many connections. Try again in a moment.")
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_complete:
            self._discarded_bytes += len(body)
            if self._discarded_bytes > self.limits.discarded_bytes:
                self.transport.abort()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._incoming = _Incoming.NOTHING
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._waits_since = self.loop.time()
        if self.transport.get_write_buffer_size():
            self._start_send_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_send_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_send_timer()

    @property
    def waits_for_its_client(self) -> bool:
        """Whether the client has something to do: to ask, or to complete what it asks."""
        return self._incoming is not _Incoming.NOTHING or self.cycle is None or self.cycle.response_complete

    def _give_time(self, incoming: _Incoming) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timed = incoming
        if incoming is _Incoming.HEADERS:
            self._timer = self.loop.call_later(self.limits.headers_seconds, self._headers_are_late)
        elif incoming is _Incoming.BODY:
            self._timer = self.loop.call_later(self.limits.body_seconds, self._body_is_late)

    def _start_send_timer(self) -> None:
        if self._send_timer is None:
            self._send_timer = self.loop.call_later(self.limits.send_seconds, self._reader_is_late)

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    def _headers_are_late(self) -> None:
        if self._header_bytes:
            self._refuse(b"408 Request Timeout", "The headers took too long.")
        else:
            self.transport.abort()

    def _body_is_late(self) -> None:
        if self.cycle is not None and self.cycle.response_started:
            self.transport.abort()
        else:
            self._refuse(b"408 Request Timeout", "The body took too long.")

    def _reader_is_late(self) -> None:
        self._send_timer = None
        if self.transport.get_write_buffer_size():
            log.info("a client takes nothing of its answer, and is let go")
            self.transport.abort()

    def _refuse(self, status: bytes, sentence: str) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # The application writes nothing more to this connection.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        lines = [
            b"HTTP/1.1 " + status,
            b"content-type: text/plain; charset=utf-8",
            b"content-length: " + str(len(sentence)).encode(),
            b"retry-after: " + str(RETRY_AFTER_SECONDS).encode(),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join([*lines, b"", sentence.encode("ascii")]))
        self.transport.close()

    def _make_room(self) -> None:
        """There is one connection too many: the one goes whose client has kept it waiting for the longest time.

        When every client waits for the server, the new one is answered about health alone, and beyond that not at all.
        """
        others = [each for each in self.connections if each is not self and isinstance(each, _BoundedProtocol)]
        waiting = [each for each in others if each.waits_for_its_client and not each.transport.is_closing()]
        if waiting:
            min(waiting, key=lambda each: each._waits_since).transport.abort()
        elif len(self.connections) <= self.limits.connections + HEALTH_CONNECTIONS:
            self._is_for_health_alone = True
        else:
            self.transport.abort()
