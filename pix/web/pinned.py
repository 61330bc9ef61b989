"""Requests to places that others have named: resolved first, then sent to exactly those addresses.

A name may resolve to another address a moment later, a server may send a client elsewhere, drip its answer, or never
end it. So the address is looked at once and kept, redirects are not followed, no proxy is used, and time and size of
the whole answer are bounded.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final

import httpcore

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOK_UPS_AT_ONCE_MAX: Final = 8
"""Of names in DNS: the system's own resolver may take half a minute."""
_ALWAYS_SENT: Final = {"Accept-Encoding": "identity", "Connection": "close"}

_looking_up = threading.BoundedSemaphore(LOOK_UPS_AT_ONCE_MAX)


class NotReachable(Exception):
    """No whole answer came in time. The text says why, for a log."""


class AnswerTooLarge(NotReachable):
    """The answer has more bytes than it may have."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    """In lower case, without parameters."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock by which everything has to be done."""

    at_seconds: float

    @classmethod
    def within(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds. Raises NotReachable when there are none."""
        seconds = self.at_seconds - time.monotonic()
        if seconds <= 0:
            raise NotReachable("the time is over")
        return seconds


def resolve(host: str, deadline: Deadline) -> list[IPAddress]:
    """The addresses of a host (a name or an address without brackets), at least one. Raises NotReachable."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    if not _looking_up.acquire(timeout=deadline.left()):
        raise NotReachable("too many names are being looked up")
    found: SimpleQueue[list[str] | OSError | UnicodeError] = SimpleQueue()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.put([str(entry[4][0]) for entry in entries])
        except (OSError, UnicodeError) as error:
            found.put(error)
        finally:
            _looking_up.release()

    threading.Thread(target=look_up, name="look up a host", daemon=True).start()
    try:
        addresses = found.get(timeout=deadline.left())
    except Empty:
        raise NotReachable("the name was not looked up in time") from None
    if not isinstance(addresses, list):
        raise NotReachable(f"the name cannot be looked up: {addresses}")
    # An IPv6 address may name its interface.
    return [ipaddress.ip_address(address.partition("%")[0]) for address in dict.fromkeys(addresses)]


def plain(address: IPAddress) -> IPAddress:
    """The address that an IPv6 address stands for when an IPv4 address is mapped into it."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_local(address: IPAddress) -> bool:
    """Whether the address is of this machine or of a private network; link-local addresses are neither."""
    address = plain(address)
    return (address.is_loopback or address.is_private) and is_usable(address)


def is_usable(address: IPAddress) -> bool:
    """Whether it may be asked at all: no link-local (where clouds answer with credentials), multicast or unset one."""
    address = plain(address)
    return not (address.is_link_local or address.is_multicast or address.is_unspecified or _is_broadcast(address))


def request(
    method: str,
    url: str,
    addresses: Sequence[IPAddress],
    deadline: Deadline,
    *,
    body_bytes_max: int,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    authorities: ssl.SSLContext | None = None,
) -> Answer:
    """One answer of one of these addresses, read whole; `url` gives the name that it has to prove and to serve.

    Raises NotReachable, AnswerTooLarge.
    """
    sent: list[tuple[bytes | str, bytes | str]] = list({**_ALWAYS_SENT, **(headers or {})}.items())
    # A connection of its own: nothing is left open, and no answer belongs to an earlier request.
    with httpcore.ConnectionPool(
        ssl_context=authorities or default_authorities(), network_backend=_Backend(addresses, deadline)
    ) as pool:
        try:
            with pool.stream(method, url, headers=sent, content=content) as found:
                body = _read(found.iter_stream(), body_bytes_max)
                content_type = next((value for name, value in found.headers if name.lower() == b"content-type"), b"")
                return Answer(found.status, content_type.decode("latin-1").partition(";")[0].strip().lower(), body)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise NotReachable(f"{type(error).__name__}: {error}") from None
        except (httpcore.UnsupportedProtocol, ssl.SSLError, OSError) as error:
            raise NotReachable(f"{type(error).__name__}: {error}") from None


def default_authorities() -> ssl.SSLContext:
    """Those of `SSL_CERT_FILE` or `SSL_CERT_DIR` if one is set, else the system's."""
    return ssl.create_default_context(
        cafile=os.environ.get("SSL_CERT_FILE") or None, capath=os.environ.get("SSL_CERT_DIR") or None
    )


def _is_broadcast(address: IPAddress) -> bool:
    return address == ipaddress.IPv4Address("255.255.255.255")


def _read(chunks: Iterable[bytes], bytes_max: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > bytes_max:
            raise AnswerTooLarge(f"the answer has more than {bytes_max} bytes")
    return bytes(body)


class _Backend(httpcore.NetworkBackend):
    """Connects to given addresses alone, whatever the name is, and lets nothing take longer than the deadline."""

    def __init__(self, addresses: Sequence[IPAddress], deadline: Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the pinned addresses are used
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline is
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = NotReachable("the host has no address")
        for address in self._addresses:
            try:
                stream = self._network.connect_tcp(
                    str(address), port, self._deadline.left(), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self._deadline)
        raise failure


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline is used
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._deadline.left()), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
