"""A gRPC client for load alone: unary calls whose frames are made beforehand, over plain HTTP/2 (RFC 9113).

gRPC's own client in Python takes as long for a call as the server does, and on the machine that both share that is
measured too. Here a call costs a tenth of it, as with load generators in C. Nothing is left to chance by that: the
server is the real one, flow control is kept, and of each answer the status and the message are looked at. What is not
here: TLS, compression, deadlines, streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, cast

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD_BYTES: Final = 9
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4
ACK: Final = 0x1
WINDOW_MAX: Final = 2**31 - 1
WINDOW_FIRST: Final = 65_535
STREAM_LAST: Final = 2**31 - 1
SETTINGS_HEADER_TABLE_SIZE, SETTINGS_INITIAL_WINDOW_SIZE = 1, 4
OK: Final = b"grpc-status\x010"
"""The status as the server writes it to a peer that keeps no table of headers."""
MESSAGE_HEAD_BYTES: Final = 5


class CallFailed(Exception):
    """A call was answered with another status than OK, or the connection was lost."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def header_block(address: str, path: str, metadata: Mapping[str, str]) -> bytes:
    """The headers of a call in HPACK (RFC 7541), each a literal, so that neither side has to remember any."""

    def text(value: str) -> bytes:
        written = value.encode("ascii")
        if len(written) > 126:
            raise ValueError(f"{value[:20]}… is too long for a header here")
        return bytes((len(written),)) + written

    return b"".join(
        (
            b"\x83\x86",  # :method POST, :scheme http
            b"\x04" + text(path),
            b"\x01" + text(address),
            b"\x0f\x10" + text("application/grpc"),  # content-type
            b"\x00" + text("te") + text("trailers"),
            *(b"\x00" + text(name) + text(value) for name, value in metadata.items()),
        )
    )


def message_of(request: bytes) -> bytes:
    """A serialized message as gRPC sends it: not compressed, with its length."""
    return b"\x00" + len(request).to_bytes(4, "big") + request


class LeanConnection(asyncio.Protocol):
    """One connection; `call` from as many tasks as one likes."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._stream = 1
        self._window = WINDOW_FIRST
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._messages: dict[int, bytes] = {}
        self.is_going_away = False
        """The server takes no more calls on this connection; those under way are answered."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets the server, and lets it send as much as it wants."""
        self._transport = transport = cast("asyncio.Transport", transport)
        settings = b"".join(
            name.to_bytes(2, "big") + value.to_bytes(4, "big")
            for name, value in ((SETTINGS_HEADER_TABLE_SIZE, 0), (SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_MAX))
        )
        more = (WINDOW_MAX - WINDOW_FIRST).to_bytes(4, "big")
        transport.write(PREFACE + frame(SETTINGS, 0, 0, settings) + frame(WINDOW_UPDATE, 0, 0, more))

    async def call(self, headers: bytes, message: bytes) -> bytes:
        """The serialized answer. Raises CallFailed."""
        stream = self._stream
        self._stream += 2
        self._window -= len(message)
        if self._transport is None or self._window < 0 or stream > STREAM_LAST:
            raise CallFailed("the connection takes no more calls")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answers[stream] = answer
        self._transport.write(frame(HEADERS, END_HEADERS, stream, headers) + frame(DATA, END_STREAM, stream, message))
        return await answer

    def data_received(self, data: bytes) -> None:
        data = self._unread + data
        offset = 0
        while len(data) - offset >= FRAME_HEAD_BYTES:
            end = offset + FRAME_HEAD_BYTES + int.from_bytes(data[offset : offset + 3], "big")
            if end > len(data):
                break
            stream = int.from_bytes(data[offset + 5 : offset + 9], "big")
            self._take(data[offset + 3], data[offset + 4], stream, data[offset + FRAME_HEAD_BYTES : end])
            offset = end
        self._unread = data[offset:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == DATA:
            self._messages[stream] = self._messages.get(stream, b"") + payload
        elif kind == HEADERS:
            if flags & END_STREAM:
                self._conclude(stream, payload)
        elif kind == WINDOW_UPDATE:
            if stream == 0:
                self._window += int.from_bytes(payload, "big")
        elif kind in (SETTINGS, PING):
            if not flags & ACK and self._transport is not None:
                self._transport.write(frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == GOAWAY:
            self.is_going_away = True
        elif kind == RST_STREAM:
            self._conclude(stream, b"the server has reset the stream")

    def _conclude(self, stream: int, trailers: bytes) -> None:
        answer = self._answers.pop(stream)
        message = self._messages.pop(stream, b"")
        if OK in trailers:
            answer.set_result(message[MESSAGE_HEAD_BYTES:])
        else:
            answer.set_exception(CallFailed(trailers.decode("ascii", "replace")))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        for answer in self._answers.values():
            answer.set_exception(CallFailed(f"the connection was lost: {error}"))
        self._answers.clear()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class LeanChannel:
    """A server's address, with a connection that is made anew when the server wants that, as it does now and then."""

    def __init__(self, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self._host = host
        self._port = int(port)
        self._connection: LeanConnection | None = None
        self._making = asyncio.Lock()

    async def call(self, headers: bytes, message: bytes) -> bytes:
        """The serialized answer. Raises CallFailed."""
        connection = self._connection
        if connection is None or connection.is_going_away:
            connection = await self._connect()
        return await connection.call(headers, message)

    async def _connect(self) -> LeanConnection:
        async with self._making:
            if self._connection is None or self._connection.is_going_away:
                loop = asyncio.get_running_loop()
                _, self._connection = await loop.create_connection(LeanConnection, self._host, self._port)
            return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
